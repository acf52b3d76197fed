package arch_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
)

// productOf is about the product code of one package.
func productOf(dir string) func(*file) bool {
	return func(f *file) bool { return f.product() && f.dir == dir }
}

// usesOf finds uses of what is named, as in "time.Now" or "sync.*".
func usesOf(names ...string) func(*tree, *file, ast.Node) string {
	return func(_ *tree, f *file, n ast.Node) string {
		use := f.use(n)
		pkg := strings.TrimSuffix(use, path.Ext(use))
		if use != "" && (slices.Contains(names, use) || slices.Contains(names, pkg+".*")) {
			return "use of " + use
		}
		return ""
	}
}

func importsTestPackage(_ *tree, _ *file, n ast.Node) string {
	if spec, ok := n.(*ast.ImportSpec); ok && forTests(importPath(spec)) {
		return "import of " + importPath(spec)
	}
	return ""
}

func startsGoroutine(_ *tree, _ *file, n ast.Node) string {
	if _, ok := n.(*ast.GoStmt); ok {
		return "go statement"
	}
	return ""
}

// usesChannel also finds a range over a channel, where the type is known. A
// channel as such is no wait: whoever implements a context needs one.
func usesChannel(t *tree, _ *file, n ast.Node) string {
	switch n := n.(type) {
	case *ast.SendStmt:
		return "channel send"
	case *ast.SelectStmt:
		return "select"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "channel receive"
		}
	case *ast.RangeStmt:
		if is[*types.Chan](t.info.TypeOf(n.X)) {
			return "range over a channel"
		}
	}
	return ""
}

func hasChannel(_ *tree, _ *file, n ast.Node) string {
	if _, ok := n.(*ast.ChanType); ok {
		return "channel type"
	}
	return ""
}

// rangesOverMap finds the range over each map whose type is of this module; it
// cannot know the types of others. It also finds the iterators of package maps,
// unless they go straight into a function that sorts.
func rangesOverMap(t *tree, f *file, n ast.Node) string {
	switch n := n.(type) {
	case *ast.RangeStmt:
		if is[*types.Map](t.info.TypeOf(n.X)) {
			return "range over a map"
		}
		if use := mapIterator(f, n.X); use != "" {
			return "range over " + use
		}
	case *ast.CallExpr:
		if strings.HasPrefix(f.use(n.Fun), "slices.Sorted") {
			return ""
		}
		for _, arg := range n.Args {
			if use := mapIterator(f, arg); use != "" {
				return "unsorted " + use
			}
		}
	case *ast.AssignStmt:
		for _, x := range n.Rhs {
			if use := mapIterator(f, x); use != "" {
				return "unsorted " + use
			}
		}
	}
	return ""
}

// mapIterator returns which iterator of package maps an expression calls.
func mapIterator(f *file, x ast.Expr) string {
	if call, ok := x.(*ast.CallExpr); ok {
		switch use := f.use(call.Fun); use {
		case "maps.All", "maps.Keys", "maps.Values":
			return use
		}
	}
	return ""
}

// is reports whether T is what a type is underneath, or what a type parameter
// can be.
func is[T types.Type](t types.Type) bool {
	switch u := t.(type) {
	case nil:
		return false
	case *types.TypeParam:
		return is[T](u.Underlying())
	case *types.Union:
		return slices.ContainsFunc(slices.Collect(u.Terms()), func(term *types.Term) bool { return is[T](term.Type()) })
	}
	switch u := t.Underlying().(type) {
	case T:
		return true
	case *types.Interface:
		return slices.ContainsFunc(slices.Collect(u.EmbeddedTypes()), is[T])
	}
	return false
}

// declaresState finds package-level variables that are made to change.
func declaresState(_ *tree, f *file, n ast.Node) string {
	spec, ok := n.(*ast.ValueSpec)
	if !ok {
		return ""
	}
	g := f.global(spec)
	if g == nil || embeds(g.Doc) || embeds(spec.Doc) {
		return ""
	}
	var names []string
	for i, name := range spec.Names {
		if name.Name != "_" && (len(spec.Values) != len(spec.Names) || !constant(f, name.Name, spec.Values[i])) {
			names = append(names, "var "+name.Name)
		}
	}
	return strings.Join(names, ", ")
}

// global returns the package-level var declaration that the spec is of, or nil.
func (f *file) global(spec ast.Spec) *ast.GenDecl {
	for _, d := range f.syntax.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && slices.Contains(g.Specs, spec) {
			return g
		}
	}
	return nil
}

func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}

// constant reports whether a value is one that its variable is meant to keep.
func constant(f *file, name string, value ast.Expr) bool {
	sentinel := strings.HasPrefix(strings.ToLower(name), "err")
	switch v := value.(type) {
	case *ast.FuncLit:
		return true
	case *ast.SelectorExpr: // another package's sentinel
		return sentinel && f.use(v) != "" && strings.HasPrefix(v.Sel.Name, "Err")
	case *ast.CallExpr:
		switch f.use(v.Fun) {
		case "errors.New", "sync.OnceFunc", "sync.OnceValue", "sync.OnceValues":
			return true
		case "fmt.Errorf": // a sentinel that is also another one
			return sentinel
		}
	case *ast.CompositeLit:
		switch v.Type.(type) {
		case *ast.MapType, *ast.ArrayType:
			return len(v.Elts) > 0 // who needs an empty table means to fill it
		}
		use := f.use(v.Type)
		return !strings.HasPrefix(use, "sync.") && !strings.HasPrefix(use, "sync/atomic.")
	}
	return false
}

// assignsGlobal finds what changes a package-level variable, or a part of one.
// It does not see a change through a pointer or a slice of it.
func assignsGlobal(t *tree, _ *file, n ast.Node) string {
	var changed []ast.Expr
	switch n := n.(type) {
	case *ast.AssignStmt:
		changed = n.Lhs
	case *ast.IncDecStmt:
		changed = []ast.Expr{n.X}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (f.Name == "delete" || f.Name == "clear") {
			changed = n.Args[:1]
		}
	}
	for _, x := range changed {
		if name := t.globalOf(x); name != "" {
			return "change of the package-level " + name
		}
	}
	return ""
}

// globalOf returns the name of the package-level variable that the expression
// is a part of, or "".
func (t *tree) globalOf(x ast.Expr) string {
	id, rest := (*ast.Ident)(nil), ast.Expr(nil)
	switch x := x.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id, rest = x.Sel, x.X
	case *ast.IndexExpr:
		rest = x.X
	case *ast.ParenExpr:
		rest = x.X
	}
	if v, ok := t.info.Uses[id].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
		return v.Name()
	}
	if rest == nil {
		return ""
	}
	return t.globalOf(rest)
}

func declaresInit(_ *tree, _ *file, n ast.Node) string {
	if f, ok := n.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
		return "func init"
	}
	return ""
}
