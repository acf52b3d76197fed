package sim_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// rough are all the faults there are.
func rough() sim.Faults {
	f := sim.Usual()
	f.Lost, f.Aim, f.Kill, f.StoreKill = 0.01, 0.1, 0.002, 0.002
	return f
}

// The same scenarios are lived with goroutines, and the oracles hold.
func TestSimBubble(t *testing.T) {
	for _, tt := range []struct {
		name     string
		scenario func(*sim.S)
	}{{"busy", busy}, {"durable", durable}, {"native", native}} {
		t.Run(tt.name, func(t *testing.T) { sim.Test(t, tt.scenario, sim.InBubble(), sim.Seeds(10/slower), sim.Twice(5)) })
		t.Run(tt.name+", rough", func(t *testing.T) {
			sim.Test(t, tt.scenario, sim.InBubble(), sim.Seeds(max(1, 5/slower)), sim.WithFaults(rough()))
		})
	}
}

func TestSimBatch(t *testing.T) {
	t.Run("busy", func(t *testing.T) { sim.Test(t, busy, sim.InBatch(), sim.Seeds(5)) })
	t.Run("durable, rough", func(t *testing.T) {
		sim.Test(t, durable, sim.InBatch(), sim.Seeds(5), sim.WithFaults(rough()))
	})
	t.Run("native", func(t *testing.T) { sim.Test(t, native, sim.InBatch(), sim.Seeds(5)) })
}

// native is a service whose handlers have goroutines, channels and timers of
// their own.
func native(s *sim.S) {
	var mu sync.Mutex
	done := 0
	s.App(func(env sim.Env) *app.App {
		a := service(env, func(ctx context.Context, in *tasks.Instance) error {
			parts := make(chan time.Duration, 3)
			for i := range 3 {
				d := s.Between("part", time.Second, time.Minute) + time.Duration(i)*2*time.Minute
				go func() {
					select {
					case <-time.After(d):
					case <-ctx.Done():
					}
					parts <- time.Duration(i) * time.Second
				}()
			}
			for range 3 {
				if err := in.Sleep(<-parts); err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			return nil
		})
		return a
	})
	s.RunFor(24 * time.Hour)
	s.Eventually("work goes on", 24*time.Hour, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return done > 5
	})
}

func TestALifeInABubbleIsRepeated(t *testing.T) {
	for name, scenario := range map[string]func(*sim.S){"busy": busy, "native": native} {
		runs := max(10/slower, 2)
		if name == "native" && !testing.Short() {
			runs = 100 / slower
		}
		f, hash, story := sim.Told(t, scenario, 7, sim.InBubble())
		if f != nil || strings.Count(story, "\n") < 100 {
			t.Fatalf("%s: %v\n%s", name, f, story)
		}
		for range runs - 1 {
			if f, again, other := sim.Told(t, scenario, 7, sim.InBubble()); again != hash || other != story || f != nil {
				t.Fatalf("%s: another life: %#x, and %#x before; %v\n%s\n\n%s", name, again, hash, f, other, story)
			}
		}
		if _, other, _ := sim.Told(t, scenario, 8, sim.InBubble()); other == hash {
			t.Errorf("%s: two seeds live the same life", name)
		}
	}
}

// A process stands still, sleeps and has its clock set in a bubble, too; the
// oracles know of it, and the life is repeated.
func TestFaultsOfAProcessComeInABubble(t *testing.T) {
	weather := sim.WithFaults(sim.Faults{Stall: 0.1, Suspend: 0.05, JumpForward: 0.05, JumpBack: 0.05, Uniform: true})
	for name, scenario := range map[string]func(*sim.S){"busy": busy, "native": native} {
		all := ""
		for seed := range uint64(5) {
			f, hash, story := sim.Told(t, scenario, seed, sim.InBubble(), weather)
			if _, again, _ := sim.Told(t, scenario, seed, sim.InBubble(), weather); f != nil || again != hash {
				t.Errorf("%s, seed %d: %v; hash %#x, and then %#x", name, seed, f, hash, again)
			}
			all += story
		}
		for _, want := range []string{"process stands still for", "process sleeps for", "process has its clock set by -", "process has its clock set by "} {
			if !strings.Contains(all, want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
	}
}

// What breaks in a bubble is shrunk, and lived again by the line that is told.
func TestAFailureInABubbleIsShrunk(t *testing.T) {
	failed, text := verdict(t, func(tb testing.TB) { sim.Test(tb, clashing, calm, sim.InBubblesOf(t), sim.InBubble()) })
	if !failed {
		t.Fatal("the hunt found nothing")
	}
	says(t, text, `"one at a time" broke at step`, "two at once", "decisions shrunk to", "called",
		"reproduce: go test -run '^TestService$/^sync$' -sim.replay=v1.", " -sim.mode=bubble")

	plan := planOf(t, text)
	if failed, text = verdict(t, func(tb testing.TB) { sim.Replay(tb, clashing, plan, calm, sim.InBubblesOf(t), sim.InBubble()) }); !failed {
		t.Errorf("the replay does not fail: %s", text)
	}
	says(t, text, plan, `"one at a time" broke`, "called")
}

// A failure that takes native waits is shrunk, too.
func TestANativeFailureIsShrunk(t *testing.T) {
	scenario := func(s *sim.S) {
		var early atomic.Int64
		s.App(func(env sim.Env) *app.App {
			return service(env, func(context.Context, *tasks.Instance) error {
				answers := make(chan string)
				for who, least := range map[string]time.Duration{"bank": time.Second, "books": time.Minute} {
					d := s.Between(who, least, 10*time.Minute)
					go func() { time.Sleep(d); answers <- who }()
				}
				if <-answers == "books" {
					early.Add(1)
				}
				<-answers
				return nil
			})
		})
		s.Invariant("first the bank", func() error {
			if early.Load() > 1 {
				return errors.New("the books were first")
			}
			return nil
		})
		s.RunFor(24 * time.Hour)
	}
	failed, text := verdict(t, func(tb testing.TB) { sim.Test(tb, scenario, calm, sim.InBubblesOf(t), sim.InBubble()) })
	if !failed {
		t.Fatal("the hunt found nothing")
	}
	says(t, text, `"first the bank" broke at step`, "decisions shrunk to 2 in", "bank: ", "bank: ")
}

// In a batch a failure is told.
func TestAFailureInABatchIsTold(t *testing.T) {
	failed, text := verdict(t, func(tb testing.TB) {
		sim.Test(tb, func(s *sim.S) { s.Event("called"); s.RunFor(time.Hour); s.Fatalf("no answer") }, sim.InBubblesOf(t), sim.InBatch())
	})
	if !failed {
		t.Fatal("the hunt found nothing")
	}
	says(t, text, `"scenario" broke at step`, "no answer", "called",
		"reproduce: go test -run '^TestService$/^sync$' -sim.seed=0x0 -sim.mode=batch")
}

func TestWhatElseGoesWrongInABubble(t *testing.T) {
	for _, tt := range []struct {
		name     string
		scenario func(*sim.S)
		want     string
	}{
		{"panic", func(*sim.S) { panic("ouch") }, `"panic" broke at step 1 (2026-01-01 00:00:00)`},
		{"fatal", func(s *sim.S) { s.RunFor(time.Hour); s.Fatalf("no %s", "luck") }, `"scenario" broke at step 3 (2026-01-01 01:00:00): no luck`},
		{"deadlock", waitForNothing, `"deadlock" broke`},
		{"native deadlock", func(s *sim.S) { s.RunFor(time.Hour); <-make(chan int) }, `"deadlock" broke at step 3 (2026-01-01 01:00:00)`},
		{"leak", func(*sim.S) { go func() { <-make(chan int) }() }, "wait for ever when it was over"},
		{"unsure", func(s *sim.S) {
			s.Invariant("sure", func() error { return errors.New("unsure") })
			s.App(func(env sim.Env) *app.App {
				return service(env, func(ctx context.Context, _ *tasks.Instance) error { <-ctx.Done(); return nil })
			})
		}, `"sure" broke at step 1`},
	} {
		for _, how := range []sim.Option{sim.InBubble(), sim.InBatch()} {
			t.Run(tt.name, func(t *testing.T) {
				failed, text := verdict(t, func(tb testing.TB) { sim.Test(tb, tt.scenario, sim.Seeds(1), calm, how, sim.InBubblesOf(t)) })
				if !failed {
					t.Error("it did not fail the test")
				}
				says(t, text, tt.want)
			})
		}
	}
}

func TestWhatABubbleCannotGive(t *testing.T) {
	for why, f := range map[string]func(testing.TB){
		"needs coroutines":  func(t testing.TB) { sim.Exhaust(t, busy, sim.InBubble()) },
		"batch is repeated": func(t testing.TB) { sim.Replay(t, busy, "v1.", sim.InBatch()) },
	} {
		failed, text := verdict(t, f)
		if !failed {
			t.Error("it did not fail the test")
		}
		says(t, text, why)
	}
	failed, text := verdict(t, func(t testing.TB) { sim.Test(t, busy, sim.InBubble()) })
	if !failed {
		t.Error("a testing.TB that is no *testing.T did not fail the test")
	}
	says(t, text, "takes a *testing.T")
}

// TestRacing is what TestRaceIsReported runs in a process of its own.
func TestRacing(t *testing.T) {
	if os.Getenv("BGLOOP_SIM_RACING") == "" {
		t.Skip("only for TestRaceIsReported")
	}
	sim.Test(t, func(s *sim.S) {
		count := 0 // which nothing guards
		s.App(func(env sim.Env) *app.App {
			a := app.New(env.Options()...)
			a.HandleFunc("count", func(_ context.Context, in *tasks.Instance) error {
				for range 10 {
					n := count
					runtime.Gosched() // so that it takes no second processor
					count = n + 1
					if err := in.Sleep(time.Second); err != nil {
						return err
					}
				}
				return nil
			})
			must(a.Register(tasks.Registration{Name: "count", Trigger: trigger.Every(time.Second), Overlap: tasks.Parallel(0)}))
			return a
		})
		s.RunFor(time.Minute)
	}, sim.Seeds(3))
}

// A data race of two handlers is reported in a batch, and hidden by turns. It
// builds a test with -race, and is run where BGLOOP_SEEDS is set.
func TestRaceIsReported(t *testing.T) {
	if os.Getenv("BGLOOP_SEEDS") == "" {
		t.Skip("only where BGLOOP_SEEDS is set")
	}
	bin := t.TempDir() + "/racing.test"
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-race", "-c", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Skipf("no race detector here: %v\n%s", err, out)
	}
	for mode, raced := range map[string]bool{"coroutines": false, "bubble": false, "batch": true} {
		cmd := exec.CommandContext(t.Context(), bin, "-test.run", "^TestRacing$", "-sim.mode="+mode)
		cmd.Env = append(os.Environ(), "BGLOOP_SIM_RACING=1")
		out, err := cmd.CombinedOutput()
		seed := strings.Contains(string(out), "it is the life of -sim.seed=0x") // whichever showed it first
		if got := strings.Contains(string(out), "DATA RACE"); got != raced || seed != raced || (err != nil) != raced {
			t.Errorf("%s: race reported: %v, want %v; %v\n%s", mode, got, raced, err, out)
		}
	}
}
