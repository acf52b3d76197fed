package pressure_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/pressure"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// gauge writes what a gauge of a group would say.
func gauge(t *testing.T, text string) pressure.Gauge {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "io.pressure"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return pressure.Cgroup(dir, pressure.IO)
}

func TestGauge_Read(t *testing.T) {
	r, err := gauge(t, "some avg10=0.50 avg60=1.88 avg300=3.43 total=122498728\nfull avg10=0.25 avg60=1.57 avg300=2.87 total=7\n").Read()
	want := pressure.Reading{
		Resource: pressure.IO,
		Some:     pressure.Stall{Avg10: 0.5, Avg60: 1.88, Avg300: 3.43, Total: 122498728 * time.Microsecond},
		Full:     pressure.Stall{Avg10: 0.25, Avg60: 1.57, Avg300: 2.87, Total: 7 * time.Microsecond},
	}
	if err != nil || r != want {
		t.Errorf("got %+v, %v, want %+v", r, err, want)
	}
	if got := r.String(); got != "io: some 0.50%, full 0.25%" {
		t.Errorf("String: got %q", got)
	}
	for _, text := range []string{"some avg10=x\n", "\n"} {
		if r, err := gauge(t, text).Read(); err == nil {
			t.Errorf("of %q: got %+v, want an error", text, r)
		}
	}
	if _, err := pressure.Cgroup(t.TempDir(), pressure.CPU).Read(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of nothing: got %v, want ErrNotExist", err)
	}
}

// needs skips a test where the kernel tells nothing.
func needs(t *testing.T, g pressure.Gauge) {
	t.Helper()
	_, err := app.New().Register(tasks.Registration{Name: "x", Trigger: g.Some(time.Second, 2*time.Second)})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("no pressure to be told of here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// descriptors counts what the process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}

// The kernel's own gauge: more that would run than there are processors makes
// some of it wait, and the task due; it ends without a descriptor left.
func TestGauge_Some_Kernel(t *testing.T) {
	g := pressure.System(pressure.CPU)
	needs(t, g)
	if r, w, err := os.Pipe(); err == nil { // so that the runtime has what it waits with
		_, _ = r.Close(), w.Close()
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3 * runtime.NumCPU()))
	before := descriptors(t)
	a := app.New(app.WithLogger(slog.New(slog.DiscardHandler)))
	fired := make(chan pressure.Reading, 1)
	a.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, r pressure.Reading) error {
		select {
		case fired <- r:
		default:
		}
		return nil
	}))
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: g.Some(time.Millisecond, 2*time.Second)}); err != nil {
		t.Fatal(err)
	}
	a.Observe(func(e event.Event) {
		if e.Kind == event.SourceFailed {
			t.Errorf("the source failed: %v", e.Err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var enough atomic.Bool
	for range 2 * runtime.NumCPU() {
		go func() {
			for !enough.Load() {
			}
		}()
	}
	var r pressure.Reading
	select {
	case r = <-fired:
	case <-time.After(20 * time.Second):
		t.Error("the kernel does not tell")
	}
	enough.Store(true)
	if r.Resource != pressure.CPU || r.Some.Total == 0 {
		t.Errorf("details: got %+v", r)
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("descriptors: got %d, want %d as before", after, before)
	}
}

// What the kernel would not take is refused, and what it does not tell.
func TestGauge_Refused(t *testing.T) {
	g := gauge(t, "")
	for _, tr := range []activation.Trigger{
		g.Some(time.Millisecond, 499*time.Millisecond), g.Some(time.Millisecond, 11*time.Second),
		g.Some(0, time.Second), g.Full(2*time.Second, time.Second),
	} {
		if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: tr}); !errors.Is(err, pressure.ErrThreshold) {
			t.Errorf("%v: got %v, want ErrThreshold", tr, err)
		}
	}
	none := pressure.Cgroup(filepath.Join(t.TempDir(), "none"), pressure.CPU)
	for _, tr := range []activation.Trigger{
		none.Some(time.Second, 2*time.Second), pressure.MemoryLimits(t.TempDir()), pressure.NewMeter(1, 2, none).Changed(),
	} {
		if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: tr}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v: got %v, want ErrUnsupported", tr, err)
		}
	}
	for _, m := range []*pressure.Meter{pressure.NewMeter(0, 2), pressure.NewMeter(3, 2), pressure.NewMeter(3, 101)} {
		if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: m.Changed()}); !errors.Is(err, pressure.ErrShare) {
			t.Errorf("got %v, want ErrShare", err)
		}
	}
	if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: pressure.NewMeter(1, 2).Changed()}); !errors.Is(err, pressure.ErrNoGauge) {
		t.Errorf("of nothing: got %v, want ErrNoGauge", err)
	}
}

type byHand struct{}

func (byHand) String() string            { return "by hand" }
func (byHand) Arm(activation.Port) error { return nil }

// The conditions of each cost, and what fires.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		costs := make(chan pressure.Cost)
		m := pressure.Of(func(ctx context.Context, _ activation.Port, tell func(pressure.Cost)) error {
			for {
				select {
				case c := <-costs:
					tell(c)
				case <-ctx.Done():
					return nil
				}
			}
		})
		a := app.New()
		var told []string
		a.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, c pressure.Cost) error {
			told = append(told, c.String())
			return nil
		}))
		x, err1 := a.Register(tasks.Registration{Name: "x", Trigger: m.Changed()})
		a.HandleFunc("y", func(context.Context, *tasks.Instance) error { return nil })
		y, err2 := a.Register(tasks.Registration{Name: "y", Trigger: byHand{}, Conditions: []activation.Condition{m.NotHigh(), m.IsLow()}})
		if err := errors.Join(err1, err2, a.Start(t.Context())); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			cost  pressure.Cost
			unmet int
		}{{pressure.Low, 0}, {pressure.Medium, 1}, {pressure.High, 2}, {pressure.High, 2}, {pressure.Low, 0}} {
			costs <- tt.cost
			synctest.Wait()
			if got := y.Explain().Unmet; len(got) != tt.unmet {
				t.Errorf("%v: got unmet %v, want %d", tt.cost, got, tt.unmet)
			}
		}
		if want := []string{"medium", "high", "low"}; !slices.Equal(told, want) || x.Explain().Counts.Fired != 3 {
			t.Errorf("fired: got %q, want %q", told, want)
		}
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Counters of a control group, in a file that is written as the kernel would.
func TestMemoryLimits(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no control groups on this system")
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "memory.events"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var n atomic.Int64
	n.Store(100_000) // so that none is seen as 0, whatever half of it is there
	write := func() {
		text := []byte("low 0\nhigh 000000\nmax 2\noom 0\noom_kill 1\noom_group_kill 0\n")
		for i, v := 16, n.Add(1); v > 0; i, v = i-1, v/10 {
			text[i] = byte('0' + v%10)
		}
		if _, err := f.WriteAt(text, 0); err != nil {
			panic(err)
		}
	}
	write()
	activationtest.Trigger(t, activationtest.Source{
		New:     func(testing.TB) activation.Trigger { return pressure.MemoryLimits(dir) },
		Provoke: func(testing.TB) { write() },
		Check: func(t testing.TB, details any) {
			if c, ok := details.(pressure.MemoryCount); !ok || c.High == 0 || c.Max != 2 || c.OOMKill != 1 {
				t.Errorf("details: got %+v", details)
			}
		},
	})
}
