package zone_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/zone"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// machine has a time zone database of two zones, made of what the system has.
func machine(t testing.TB) (root string) {
	t.Helper()
	root = t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "zoneinfo"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, rules := range map[string]string{"Here": "<+01>-1", "There": "<+02>-2", "Third": "<+03>-3", "Same": "<+01>-1"} {
		if err := os.WriteFile(filepath.Join(root, "zoneinfo", name), tzif(rules), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o700); err != nil {
		t.Fatal(err)
	}
	set(t, root, "Here")
	return root
}

// tzif is a file of the time zone database that has one rule for all times.
func tzif(rule string) []byte {
	header := append([]byte("TZif2"), make([]byte, 15+4*4)...)
	types := []byte{0, 0, 0, 1, 0, 0, 0, 4} // one local time type, four bytes of names
	header = append(header, types...)
	block := append(header, 0, 0, 0, 0, 0, 0, 'U', 'T', 'C', 0) // UTC, as a base for the rule
	return append(append(block, block...), "\n"+rule+"\n"...)
}

// set changes the zone as timedatectl does: a new link takes the old one's
// place.
func set(t testing.TB, root, name string) {
	t.Helper()
	link := filepath.Join(root, "etc", "localtime")
	if err := os.Symlink(filepath.Join(root, "zoneinfo", name), link+".new"); err != nil {
		t.Error(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Error(err)
	}
}

func TestConformance(t *testing.T) {
	var root string
	var mu sync.Mutex
	there := false
	activationtest.Trigger(t, activationtest.Source{
		New: func(t testing.TB) activation.Trigger {
			root = machine(t)
			return zone.ChangedAt(filepath.Join(root, "etc", "localtime"))
		},
		Provoke: func(t testing.TB) {
			mu.Lock()
			defer mu.Unlock()
			there = !there
			set(t, root, map[bool]string{true: "There", false: "Here"}[there])
		},
		Check: func(t testing.TB, details any) {
			if z, ok := details.(zone.Zone); !ok || z.Location == nil {
				t.Errorf("details: got %v", details)
			}
		},
	})
}

// The details name the new zone; the same rules by another name are no change,
// and a missing file is UTC.
func TestChangedAt(t *testing.T) {
	root := machine(t)
	a := app.New()
	got := make(chan zone.Zone)
	a.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, z zone.Zone) error { got <- z; return nil }))
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: zone.ChangedAt(filepath.Join(root, "etc", "localtime"))}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := make(chan zone.Zone)
	go func() { first <- <-got }()
	for z, at := (zone.Zone{}), 0; z.Name == ""; at++ { // until it watches
		set(t, root, []string{"There", "Here"}[at%2])
		select {
		case z = <-first:
		default:
		}
	}
	set(t, root, "Third") // whatever it was: what comes before that is of no account
	for z := range got {
		if z.Name == "Third" {
			break
		}
	}
	set(t, root, "Here")
	if z := <-got; z.Name != "Here" {
		t.Errorf("got %v, want Here", z)
	}
	set(t, root, "Same")
	if err := os.Remove(filepath.Join(root, "etc", "localtime")); err != nil {
		t.Fatal(err)
	}
	if z := <-got; z.Name != "UTC" || z.String() != "UTC" {
		t.Errorf("got %v, want UTC: neither another name nor anything else", z)
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is in no directory cannot be.
func TestChangedAt_NoDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etc", "localtime")
	if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: zone.ChangedAt(path)}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
}

// The machine's own zone can be watched.
func TestChanged(t *testing.T) {
	a := app.New()
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: zone.Changed()}); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
