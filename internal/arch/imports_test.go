package arch_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// imports applies the two tables to a file.
func imports(f *file, packages, modules []line, report func(n ast.Node, policy, what string)) {
	own, ok := find(packages, f.dir)
	if !ok {
		report(f.syntax.Name, "every package has a line in the table of policy_test.go",
			fmt.Sprintf("package %s is not in the table: add a line that says what it may import", f.dir))
		return
	}
	for _, spec := range f.syntax.Imports {
		p := importPath(spec)
		if ours, ok := strings.CutPrefix(p, module+"/"); ok {
			if !mayImport(f, own, ours) {
				report(spec, own.text, f.dir+" imports "+ours)
			}
			continue
		}
		if policy, ok := mayRequire(f, modules, p); !ok {
			report(spec, policy, f.dir+" imports "+p)
		}
	}
}

// mayImport reports whether the file of a package with the given line may
// import a package of this module.
func mayImport(f *file, l line, ours string) bool {
	switch {
	case slices.Contains(l.may, "public"):
		internal := slices.Contains(strings.Split(ours, "/"), "internal")
		return !internal || f.nested != "" && under(ours, f.nested)
	case f.test():
		return true
	}
	return slices.Contains(l.may, ours)
}

// mayRequire reports whether a file may import a package from elsewhere, and if
// not, which line says so.
func mayRequire(f *file, modules []line, p string) (policy string, ok bool) {
	first, _, _ := strings.Cut(p, "/")
	if standard := !strings.Contains(first, "."); standard || f.nested != "" {
		return "", true
	}
	i := slices.IndexFunc(modules, func(l line) bool { return under(p, l.name) })
	if i < 0 {
		return "the core depends on three modules; what needs more is a module of its own under integrations", false
	}
	l := modules[i]
	ok = slices.Contains(l.may, "all") || slices.Contains(l.may, f.dir) || f.test() && slices.Contains(l.may, "tests")
	return l.text, ok
}
