package arch_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// A tree is the source of the core module and of the modules nested in it.
type tree struct {
	fset  *token.FileSet
	files []*file
	info  types.Info
	types map[string]*types.Package // by directory; nil while being checked
}

// A file is one Go file. Build constraints are not looked at: every file counts.
type file struct {
	name    string // from the root, with slashes
	dir     string
	nested  string // directory of the nested module it is in, "" for the core
	syntax  *ast.File
	imports map[string]string // path by the name it has in this file
}

// load reads all Go files of the tree, skipping what the go command skips.
func load(root fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet(), types: make(map[string]*types.Package)}
	var nested []string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case name == ".":
			return nil
		case d.IsDir() && (base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")):
			return fs.SkipDir
		case d.IsDir():
			if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil {
				nested = append(nested, name)
			}
			return nil
		case path.Ext(name) != ".go":
			return nil
		}
		f := &file{name: name, dir: path.Dir(name)}
		for _, n := range nested { // the deepest comes last
			if under(f.dir, n) {
				f.nested = n
			}
		}
		t.files = append(t.files, f)
		return t.parse(root, f)
	})
	t.check()
	return t, err
}

func (t *tree) parse(root fs.FS, f *file) error {
	src, err := fs.ReadFile(root, f.name)
	if err != nil {
		return err
	}
	f.syntax, err = parser.ParseFile(t.fset, f.name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	f.imports = make(map[string]string)
	for _, spec := range f.syntax.Imports {
		p := importPath(spec)
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		f.imports[name] = p
	}
	return nil
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return p
}

// test reports whether the file is a test.
func (f *file) test() bool { return strings.HasSuffix(f.name, "_test.go") }

// product reports whether the file is linked into users' programs.
func (f *file) product() bool {
	return !f.test() && !forTests(f.dir) && !f.program()
}

// program reports whether the file is a user of the core: a program, ours or an
// example, or of bench or integrations.
func (f *file) program() bool {
	return f.syntax.Name.Name == "main" || f.nested != "" ||
		under(f.dir, "examples") || under(f.dir, "bench") || under(f.dir, "integrations")
}

// forTests reports whether a package, given by its import path or its directory,
// is made for tests.
func forTests(pkg string) bool {
	if under(pkg, "sim") || under(pkg, module+"/sim") {
		return true
	}
	for element := range strings.SplitSeq(pkg, "/") {
		if element == "testing" || strings.HasSuffix(element, "test") {
			return true
		}
	}
	return false
}

// use returns what an expression uses of an imported package, as in
// "time.Now" or "golang.org/x/sync/errgroup.Group", or "". A local variable
// with the name of an import is taken for it; do not name variables so.
func (f *file) use(n ast.Node) string {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := s.X.(*ast.Ident)
	if !ok || f.imports[x.Name] == "" {
		return ""
	}
	return f.imports[x.Name] + "." + s.Sel.Name
}

// check finds the types of the product code, for the rules that need them. Only
// packages of this module are read: what comes from elsewhere, the standard
// library included, has no type here, and no error in the code is reported.
func (t *tree) check() {
	t.info = types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
	for _, f := range t.files {
		if f.product() {
			_, _ = t.Import(path.Join(module, f.dir)) // a package that fails has fewer types
		}
	}
}

// Import makes a tree the importer of its own packages.
func (t *tree) Import(pkg string) (*types.Package, error) {
	dir, ok := strings.CutPrefix(pkg, module+"/")
	if !ok {
		return nil, errors.New("not of this module")
	}
	if p, ok := t.types[dir]; ok {
		return p, nil
	}
	t.types[dir] = nil
	var files []*ast.File
	for _, f := range t.files {
		if f.dir == dir && f.product() && (len(files) == 0 || f.syntax.Name.Name == files[0].Name.Name) {
			files = append(files, f.syntax)
		}
	}
	conf := types.Config{Importer: t, Error: func(error) {}}
	p, _ := conf.Check(pkg, t.fset, files, &t.info) // errors are the compiler's to report
	t.types[dir] = p
	return p, nil
}
