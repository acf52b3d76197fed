package source_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the top of the tree, from this package.
const root = "../.."

// exported lists what a package exports, methods as Type.Method.
func exported(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, dir := range []string{pkg, "activation/" + pkg, "activation/source/" + pkg, "integrations/" + pkg} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				add(names, d)
			}
		}
	}
	return names
}

func add(names map[string]bool, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		names[receiver(d)+d.Name.Name] = true
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if s, is := s.(*ast.TypeSpec); is {
				names[s.Name.Name] = true
			}
		}
	}
}

// receiver is the type that a method is of, with a dot, or nothing.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	if star, is := of.(*ast.StarExpr); is {
		of = star.X
	}
	if generic, is := of.(*ast.IndexExpr); is {
		of = generic.X
	}
	if name, is := of.(*ast.Ident); is {
		return name.Name + "."
	}
	return ""
}

// The table of Windows' triggers and conditions is complete, and the names of Go
// in it are there.
func TestTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/sources.md"))
	if err != nil {
		t.Fatal(err)
	}
	identifier := regexp.MustCompile("`([a-z]+)\\.([A-Z][A-Za-z.]*)`")
	packages := make(map[string]map[string]bool)
	found := 0
	for _, m := range identifier.FindAllStringSubmatch(string(text), -1) {
		pkg, name := m[1], m[2]
		if pkg == "errors" {
			continue
		}
		if packages[pkg] == nil {
			packages[pkg] = exported(t, pkg)
		}
		if found++; !packages[pkg][name] {
			t.Errorf("%s.%s: there is no such thing", pkg, name)
		}
	}
	if found < 50 {
		t.Errorf("names of Go: got %d", found)
	}
	rows := make(map[string]int)
	section := ""
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "## "):
			section = strings.TrimSpace(line[3:])
		case strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| Windows") && !strings.HasPrefix(line, "| here"):
			rows[section]++
			if strings.Count(line, "|") != 4 && section != "What the model does not have" || strings.Contains(line, "|  |") {
				t.Errorf("not a row of three: %s", line)
			}
		}
	}
	for section, want := range map[string]int{
		"Triggers that the program or the time pulls": 8,
		"SystemTriggerType":                           16,
		"The other trigger classes":                   46,
		"SystemConditionType":                         9,
	} {
		if rows[section] != want {
			t.Errorf("%s: got %d rows, want %d", section, rows[section], want)
		}
	}
}
