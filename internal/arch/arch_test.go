package arch_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// tables parses the two tables of the policy.
func tables(t *testing.T) (ours, others []line) {
	t.Helper()
	ours, err := parse(packages)
	if err != nil {
		t.Fatal(err)
	}
	if others, err = parse(modules); err != nil {
		t.Fatal(err)
	}
	return ours, others
}

func violations(t *testing.T, root fs.FS) []violation {
	t.Helper()
	source, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	return source.violations(tables(t))
}

func TestTreeKeepsThePolicy(t *testing.T) {
	root := os.DirFS("../..")
	if mod, err := fs.ReadFile(root, "go.mod"); err != nil || !strings.HasPrefix(string(mod), "module "+module+"\n") {
		t.Fatalf("../.. is not the root of %s: %v", module, err)
	}
	for _, v := range violations(t, root) {
		t.Error(v)
	}
}

func TestTableHasNoCycle(t *testing.T) {
	ours, _ := tables(t)
	for i, l := range ours {
		for _, name := range l.may {
			if name != "nothing" && name != "public" && !slices.ContainsFunc(ours[:i], func(above line) bool { return above.name == name }) {
				t.Errorf("%q: no line above it is for %s", l.text, name)
			}
		}
	}
}

// planted is a tree of code that breaks every line of the policy, and what is
// to be reported of it, by its place.
func planted(t *testing.T) (root fstest.MapFS, want map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("testdata/planted.txt")
	if err != nil {
		t.Fatal(err)
	}
	root, want = make(fstest.MapFS), make(map[string][]string)
	_, rest, more := strings.Cut(string(text), "\n-- ")
	for more {
		var name, body string
		name, rest, _ = strings.Cut(rest, " --\n")
		body, rest, more = strings.Cut(rest, "\n-- ")
		root[name] = &fstest.MapFile{Data: []byte(body)}
		for i, l := range strings.Split(body, "\n") {
			for _, w := range strings.Split(l, "// want ")[1:] {
				want[place(name, i+1)] = append(want[place(name, i+1)], strings.TrimSpace(w))
			}
		}
	}
	return root, want
}

func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }

func TestEveryPlantedViolationIsFound(t *testing.T) {
	root, want := planted(t)
	bitten := make(map[string]bool)
	for _, v := range violations(t, root) {
		bitten[v.policy] = true
		at := place(v.pos.Filename, v.pos.Line)
		i := slices.IndexFunc(want[at], func(w string) bool { return strings.Contains(v.what, w) })
		if i < 0 {
			t.Errorf("not planted: %v", v)
			continue
		}
		want[at] = slices.Delete(want[at], i, i+1)
	}
	for at, missing := range want {
		for _, w := range missing {
			t.Errorf("%s: not found: %s", at, w)
		}
	}
	for _, r := range rules {
		if !bitten[r.policy] {
			t.Errorf("nothing planted breaks: %s", r.policy)
		}
	}
}

// A message names the file and line, what is there, and the line it breaks.
func TestMessageNamesPlaceAndPolicy(t *testing.T) {
	root := fstest.MapFS{"clock/clock.go": {Data: []byte("package clock\n\nimport \"" + module + "/app\"\n")}}
	vs := violations(t, root)
	form := regexp.MustCompile(`^clock/clock\.go:3: clock imports app\n\tpolicy: clock: nothing$`)
	if len(vs) != 1 || !form.MatchString(vs[0].String()) {
		t.Errorf("got %v, want one that matches %s", vs, form)
	}
}
