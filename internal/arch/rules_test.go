package arch_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// A violation is a line of the tree that breaks a line of the policy.
type violation struct {
	pos    token.Position
	what   string
	policy string
}

func (v violation) String() string {
	return fmt.Sprintf("%s:%d: %s\n\tpolicy: %s", v.pos.Filename, v.pos.Line, v.what, v.policy)
}

// A rule is asked about every node of the files that it is for.
type rule struct {
	policy string
	about  func(*file) bool
	broken func(*tree, *file, ast.Node) (what string)
}

var rules = []rule{
	{noTestPackages, (*file).product, importsTestPackage},
	{oneClock, func(f *file) bool { return f.dir != "clock" && !f.test() && !f.program() }, usesOf(
		"time.Now", "time.Sleep", "time.After", "time.AfterFunc", "time.NewTimer", "time.NewTicker", "time.Tick",
		"time.Since", "time.Until", "context.WithTimeout", "context.WithTimeoutCause", "context.WithDeadline",
		"context.WithDeadlineCause",
	)},
	{oneStarter, func(f *file) bool {
		return f.product() && !slices.Contains([]string{"clock", "internal/seam/pool", "internal/seam/coro", "internal/engine"}, f.dir)
	}, startsGoroutine},
	{noNativeWait, productOf("app"), usesChannel},
	{noNativeWait, productOf("app"), usesOf(
		"golang.org/x/sync/errgroup.*", "context.AfterFunc", "sync.WaitGroup", "sync.Cond", "sync.NewCond",
	)},
	{pureEngine, productOf("internal/engine"), startsGoroutine},
	{pureEngine, productOf("internal/engine"), hasChannel},
	{pureEngine, productOf("internal/engine"), usesChannel},
	{pureEngine, productOf("internal/engine"), usesOf("sync.*", "sync/atomic.*")},
	{noMapOrder, productOf("internal/engine"), rangesOverMap},
	{noGlobals, (*file).product, declaresState},
	{noGlobals, (*file).product, assignsGlobal},
	{noInit, (*file).product, declaresInit},
	{noProcess, (*file).product, usesOf(
		"os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln",
	)},
	{noProcess, func(f *file) bool { return f.product() && f.dir != "activation/source/signals" }, usesOf("os/signal.*")},
}

// violations applies the whole policy to a tree, in the order of its files.
func (t *tree) violations(packages, modules []line) (vs []violation) {
	report := func(n ast.Node, policy, what string) {
		vs = append(vs, violation{t.fset.Position(n.Pos()), what, policy})
	}
	for _, f := range t.files {
		imports(f, packages, modules, report)
		for _, r := range rules {
			if !r.about(f) {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if n == nil {
					return false
				}
				if what := r.broken(t, f, n); what != "" {
					report(n, r.policy, what)
				}
				return true
			})
		}
	}
	slices.SortStableFunc(vs, func(a, b violation) int {
		return cmp.Or(strings.Compare(a.pos.Filename, b.pos.Filename), a.pos.Line-b.pos.Line)
	})
	return vs
}
