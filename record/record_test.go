package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/record"
	"github.com/bgloop/bgloop/tasks"
)

var errOrder = errors.New("no such order")

// life records a short life of a real App, on the system's clock.
func life(t testing.TB, w io.Writer, opts ...record.Option) (told []event.Event) {
	t.Helper()
	rec, err := record.New(w, opts...)
	if err != nil {
		t.Fatal(err)
	}
	net, orders := condition.NewFlag("net", false), trigger.NewApplication[string]()
	a := app.New(app.WithWitness(rec), app.WithLogger(slog.New(slog.DiscardHandler)))
	a.Observe(func(e event.Event) { told = append(told, e) })
	a.Handle("order", tasks.Typed(func(_ context.Context, in *tasks.Instance, id string) error {
		in.Progress(50)
		return tasks.Permanent(fmt.Errorf("%w: %s", errOrder, id))
	}))
	for _, r := range []tasks.Registration{
		{Name: "order", Trigger: orders, Conditions: []activation.Condition{net}, Retry: tasks.Retry{Attempts: 3}},
		{Name: "yearly", Trigger: trigger.Cron("@yearly")},
	} {
		if _, err := a.Register(r); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		t.Fatal(err)
	}
	r, err := orders.Request(ctx, "o-1")
	if err != nil {
		t.Fatal(err)
	}
	net.Set(true)
	if err := r.Wait(ctx); !errors.Is(err, errOrder) {
		t.Errorf("order: got %v", err)
	}
	if _, err := a.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	if err := rec.Close(); !errors.Is(err, record.ErrClosed) {
		t.Errorf("second Close: got %v", err)
	}
	return told
}

func read(t *testing.T, b []byte) (all []record.Record, torn bool) {
	t.Helper()
	r, err := record.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, r.Torn()
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
}

func TestRecording(t *testing.T) {
	var file bytes.Buffer
	told := life(t, &file, record.WithCodec(func(d any) ([]byte, error) { return fmt.Append(nil, d), nil }))
	all, torn := read(t, file.Bytes())
	if torn {
		t.Error("torn")
	}

	var events []string
	for _, r := range all {
		if r.Op == record.Told {
			events = append(events, r.Event.At.Format(time.RFC3339Nano)+" "+r.Event.String())
		}
	}
	var want []string
	for _, e := range told { // the observer was there first
		want = append(want, e.At.UTC().Format(time.RFC3339Nano)+" "+e.String())
	}
	if !slices.Equal(events, want) { // the observer came after the two registrations
		t.Errorf("events:\ngot\n%q\nwant\n%q", events, want)
	}

	find := func(op record.Op) record.Record {
		i := slices.IndexFunc(all, func(r record.Record) bool { return r.Op == op })
		if i < 0 {
			t.Fatalf("no %v", op)
		}
		return all[i]
	}
	if r := find(record.Register); r.Task != "order" || len(r.Registration.Conditions) != 1 ||
		r.Registration.Conditions[0] != (record.Condition{Text: "flag(net)", Heard: true}) {
		t.Errorf("register: got %+v", r.Registration)
	}
	if r := find(record.Fire); r.Task != "order" || !r.On || string(r.Details) != "o-1" {
		t.Errorf("fire: got %+v", r)
	}
	if r := find(record.Report); r.Task != "order" || r.Index != 0 {
		t.Errorf("report: got %+v", r)
	}
	if r := find(record.Progress); r.N != 50 || r.Instance != 1 {
		t.Errorf("progress: got %+v", r)
	}
	var permanent *tasks.PermanentError
	if r := find(record.Over); !errors.As(r.Err, &permanent) || r.Err.Error() != "no such order: o-1" {
		t.Errorf("over: got %v", r.Err)
	}
	find(record.Begin)
	find(record.Drain)
}

// Whatever a killed process leaves is read up to the last whole frame.
func TestRecording_TornTailIsCut(t *testing.T) {
	var file frames
	life(t, &file, record.WithDelay(time.Nanosecond))
	whole, _ := read(t, bytes.Join(file, nil))
	b, ends := []byte(nil), map[int]bool{}
	for _, f := range file {
		b = append(b, f...)
		ends[len(b)] = true
	}
	for n := len(file[0]); n < len(b); n++ {
		got, torn := read(t, b[:n])
		if torn == ends[n] || len(got) > len(whole) {
			t.Fatalf("cut at %d of %d: torn %v, %d of %d records", n, len(b), torn, len(got), len(whole))
		}
		for i := range got {
			if got[i].Op != whole[i].Op || !got[i].At.Equal(whole[i].At) {
				t.Fatalf("cut at %d: record %d: got %v, want %v", n, i, got[i], whole[i])
			}
		}
	}
	flipped := slices.Clone(b)
	flipped[len(flipped)-1] ^= 1
	if got, torn := read(t, flipped); !torn || len(got) >= len(whole) {
		t.Errorf("a wrong sum: torn %v, %d of %d records", torn, len(got), len(whole))
	}
}

// frames notes each write.
type frames [][]byte

func (f *frames) Write(b []byte) (int, error) {
	*f = append(*f, bytes.Clone(b))
	return len(b), nil
}

func TestRecording_StopsAtTheLimit(t *testing.T) {
	var file bytes.Buffer
	life(t, &file, record.WithLimit(1))
	all, _ := read(t, file.Bytes())
	if len(all) != 1 || all[0].Op != record.Full {
		t.Errorf("got %v, want nothing but %v", all, record.Full)
	}
}

// A store may have more than a recorder keeps in memory: it is written before the
// App begins, and nothing is left out but what is too large.
func TestRecorder_Loaded(t *testing.T) {
	var b bytes.Buffer
	rec, err := record.New(&b, record.WithDelay(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	now, value := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC), bytes.Repeat([]byte("x"), 1000)
	const many = 5000
	for i := range many {
		rec.Loaded(now, fmt.Sprint("act/", i), value)
	}
	rec.Loaded(now, "task/large", bytes.Repeat(value, 100))
	if n := rec.Lost(); n != 1 {
		t.Errorf("lost: got %d, want what is too large", n)
	}
	rec.Loaded(now, "app", value)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := record.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range many {
		got, err := r.Next()
		if want := fmt.Sprint("act/", i); err != nil || got.Op != record.Kept || got.Topic != want || !bytes.Equal(got.Details, value) || !got.At.Equal(now) {
			t.Fatalf("record %d: got %v of %q with %d bytes, %v; want that of %q", i, got.Op, got.Topic, len(got.Details), err, want)
		}
	}
	if got, err := r.Next(); err != nil || got.Op != record.Lost || got.N != 1 {
		t.Errorf("got %v %d, %v, want one lost", got.Op, got.N, err)
	}
	if got, err := r.Next(); err != nil || got.Topic != "app" {
		t.Errorf("got %v of %q, %v, want that of \"app\"", got.Op, got.Topic, err)
	}
}

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.rec")
	rec, err := record.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	for r, err := range record.All(path) {
		t.Errorf("got %v, %v, want nothing", r, err)
	}
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, err := range record.All(path) {
		if !errors.Is(err, record.ErrFormat) {
			t.Errorf("got %v, want %v", err, record.ErrFormat)
		}
	}
}

// A service that is killed is started again, and must not take away what tells
// how it came to its end.
func TestCreateKeepsTheFormerRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.rec")
	for i := range 3 {
		rec, err := record.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		rec.Told(&event.Event{Kind: event.Fired, Task: "a", Activation: uint64(i)})
		if err := rec.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]uint64{path: 2, path + ".old": 1} {
		n := 0
		for r, err := range record.All(name) {
			if n++; err != nil || r.Event.Activation != want {
				t.Errorf("%s: got %v, %v, want activation %d", name, r, err, want)
			}
		}
		if n != 1 {
			t.Errorf("%s: got %d records, want 1", name, n)
		}
	}
}

// An App never waits for the writer: what there is no room for is counted.
func TestRecorder_SlowWriter(t *testing.T) {
	gate := &gated{begun: make(chan struct{}), open: make(chan struct{})}
	rec, err := record.New(gate, record.WithDelay(time.Nanosecond))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100_000 {
		rec.Told(&event.Event{Kind: event.Fired, Task: "a", Activation: uint64(i)})
		if i == 0 {
			<-gate.begun // a write is under way, and stays so
		}
	}
	lost := rec.Lost()
	if lost == 0 {
		t.Error("lost nothing")
	}
	close(gate.open)
	if err := rec.Flush(); err != nil {
		t.Error(err)
	}
	rec.Told(&event.Event{Kind: event.Fired, Task: "a"})
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	all, _ := read(t, gate.Bytes())
	if n := len(all); n < 2 || all[n-2].Op != record.Lost || all[n-2].N != lost || uint64(n)-2+lost != 100_000 {
		t.Errorf("%d records, lost %d", n, lost)
	}
}

// A gated writer lets the head through and then waits.
type gated struct {
	bytes.Buffer
	writes      int
	begun, open chan struct{}
}

func (g *gated) Write(b []byte) (int, error) {
	if g.writes++; g.writes == 2 {
		close(g.begun)
		<-g.open
	}
	return g.Buffer.Write(b)
}

func FuzzReader(f *testing.F) {
	var file bytes.Buffer
	life(f, &file)
	f.Add(file.Bytes()[16:])
	f.Add([]byte{23, 0, 1, 255, 255})
	f.Fuzz(func(t *testing.T, payload []byte) {
		b := record.Frame(payload)
		r, err := record.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; ; n++ {
			rec, err := r.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, record.ErrCorrupt) {
					t.Errorf("got %v", err)
				}
				return
			}
			if _ = rec.Op.String(); n > len(payload) {
				t.Fatal("more records than bytes")
			}
		}
	})
}

func BenchmarkRecorder(b *testing.B) {
	for _, with := range []bool{false, true} {
		b.Run(fmt.Sprintf("recorded=%v", with), func(b *testing.B) {
			size := &counter{}
			opts := []app.Option{app.WithLogger(slog.New(slog.DiscardHandler))}
			if with {
				rec, err := record.New(size, record.WithLimit(1<<40))
				if err != nil {
					b.Fatal(err)
				}
				defer func() {
					b.ReportMetric(float64(rec.Lost())/float64(b.N), "lost/op")
					_ = rec.Close()
				}()
				opts = append(opts, app.WithWitness(rec))
			}
			a, orders := app.New(opts...), trigger.NewApplication[int]()
			a.HandleFunc("order", func(context.Context, *tasks.Instance) error { return nil })
			if _, err := a.Register(tasks.Registration{Name: "order", Trigger: orders}); err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			if err := a.Start(ctx); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				r, err := orders.Request(ctx, 1)
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Wait(ctx); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if _, err := a.Stop(ctx); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(size.n)/float64(b.N), "file-B/op")
		})
	}
}

type counter struct{ n int }

func (c *counter) Write(b []byte) (int, error) { c.n += len(b); return len(b), nil }

func BenchmarkTold(b *testing.B) {
	rec, err := record.New(io.Discard, record.WithLimit(1<<60))
	if err != nil {
		b.Fatal(err)
	}
	e := event.Event{Kind: event.Ended, At: time.Unix(1, 0), Task: "order", Activation: 1, Instance: 1, Attempt: 1}
	b.ReportAllocs()
	for b.Loop() {
		e.At = e.At.Add(1000)
		e.Activation++
		rec.Told(&e)
	}
	b.ReportMetric(float64(rec.Lost())/float64(b.N), "lost/op")
	if err := rec.Close(); err != nil {
		b.Fatal(err)
	}
}
