package sim_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// deadly are faults that kill, often.
func deadly() sim.Faults {
	f := sim.Usual()
	f.Kill, f.StoreKill, f.Aim = 0.02, 0.02, 0.05
	return f
}

// persistent is native with a store.
func persistent(s *sim.S) {
	var done atomic.Int64
	s.App(func(env sim.Env) *app.App {
		a := app.New(append(env.Options(), app.WithStore(env.Store))...)
		a.HandleFunc("sync", func(ctx context.Context, in *tasks.Instance) error {
			parts := make(chan time.Duration, 3)
			for i := range 3 {
				d := s.Between("part", time.Second, time.Minute) + time.Duration(i)*2*time.Minute
				go func() {
					select {
					case <-time.After(d):
					case <-ctx.Done():
					}
					parts <- time.Second
				}()
			}
			for range 3 {
				if err := in.Sleep(<-parts); err != nil {
					return err
				}
			}
			done.Add(1)
			return nil
		})
		must(a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(15 * time.Minute)}))
		return a
	})
	s.RunFor(12 * time.Hour)
	s.Eventually("work goes on", 24*time.Hour, func() bool { return done.Load() > 5 })
}

// The same scenarios are lived in bubbles with kills, and the oracles hold: what
// was acknowledged is there again. With turns, a life is repeated.
func TestKillsInABubble(t *testing.T) {
	faults := sim.WithFaults(deadly())
	for name, scenario := range map[string]func(*sim.S){"durable": shift(true), "busy": shift(false), "persistent": persistent} {
		t.Run(name, func(t *testing.T) {
			sim.Test(t, scenario, sim.InBubble(), faults, sim.Seeds(max(2, 5/slower)), sim.Twice(2))
		})
		t.Run(name+", in a batch", func(t *testing.T) { sim.Test(t, scenario, sim.InBatch(), faults, sim.Seeds(max(2, 5/slower))) })
	}
	all := ""
	for seed := range uint64(5) {
		f, hash, story := sim.Told(t, persistent, seed, sim.InBubble(), faults)
		if _, again, other := sim.Told(t, persistent, seed, sim.InBubble(), faults); f != nil || again != hash || other != story {
			t.Errorf("seed %d: %v; hash %#x, and then %#x", seed, f, hash, again)
		}
		all += story
	}
	for _, want := range []string{"process is killed", "process starts again", "restored"} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing %q:\n%s", want, all)
		}
	}
}

// A forgetful store does not keep the activations that it is given.
type forgetful struct{ store.Store }

func (f forgetful) Append(ctx context.Context, records []store.Record) error {
	return f.Store.Append(ctx, slices.DeleteFunc(slices.Clone(records), func(r store.Record) bool { return strings.HasPrefix(r.Key, "act/") }))
}

// What is lost by a kill is found in a bubble, too, shrunk, and lived again.
func TestWhatAKillLosesIsFoundInABubble(t *testing.T) {
	scenario := func(s *sim.S) {
		s.App(func(env sim.Env) *app.App {
			a := app.New(append(env.Options(), app.WithStore(forgetful{env.Store}))...)
			a.HandleFunc("sync", sleeper(5*time.Minute))
			must(a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(15 * time.Minute)}))
			return a
		})
		s.RunFor(24 * time.Hour)
	}
	faults := sim.WithFaults(sim.Faults{Kill: 0.02, Aim: 0.05})
	failed, text := verdict(t, func(tb testing.TB) { sim.Test(tb, scenario, faults, sim.InBubblesOf(t), sim.InBubble()) })
	if !failed {
		t.Fatal("the hunt found nothing")
	}
	says(t, text, `"durability" broke at step`, "is lost", "process is killed", "process starts again", "-sim.replay=v1.", " -sim.mode=bubble")
	plan := planOf(t, text)
	if failed, text = verdict(t, func(tb testing.TB) { sim.Replay(tb, scenario, plan, faults, sim.InBubblesOf(t), sim.InBubble()) }); !failed {
		t.Errorf("the replay does not fail: %s", text)
	}
	says(t, text, `"durability" broke at step`)
	failed, _ = verdict(t, func(tb testing.TB) { sim.Test(tb, scenario, faults, sim.InBubblesOf(t), sim.InBatch()) })
	if !failed {
		t.Error("the hunt in batches found nothing")
	}
}

// A killed process does nothing anymore but what it waits for natively: its
// context ends, and it goes on up to its next call. Its deferred functions are
// run when the life is over, and who waits for it from outside is answered.
func TestWhatADeadProcessDoes(t *testing.T) {
	for _, how := range []sim.Option{sim.InBubble(), sim.InBatch()} {
		var begun, ended, after, deferred, killed atomic.Int64
		scenario := func(s *sim.S) {
			var p *sim.Proc
			kills := atomic.Bool{}
			p = s.App(func(env sim.Env) *app.App {
				a := app.New(append(env.Options(), app.WithStore(env.Store))...)
				a.HandleFunc("native", func(ctx context.Context, in *tasks.Instance) error {
					defer deferred.Add(1)
					begun.Add(1)
					if begun.Load() > 1 {
						return nil
					}
					<-ctx.Done()
					ended.Add(1)
					time.Sleep(time.Millisecond) // in a batch, its context ends beside the rest
					in.Progress(1)
					after.Add(1)
					return nil
				})
				a.HandleFunc("asleep", func(_ context.Context, in *tasks.Instance) error { return in.Sleep(10 * time.Minute) })
				a.HandleFunc("kills", func(context.Context, *tasks.Instance) error {
					if kills.CompareAndSwap(false, true) {
						p.Kill(time.Minute)
						after.Add(1)
					}
					return nil
				})
				for _, name := range []string{"native", "asleep", "kills"} {
					must(a.Register(tasks.Registration{Name: name, Trigger: never("by hand")}))
				}
				return a
			})
			first := p.App()
			fire := func(name string) activation.Receipt {
				task, _ := first.Task(name)
				return must(task.Fire(context.Background(), nil))
			}
			fire("native")
			s.RunFor(time.Second)
			asleep := fire("asleep")
			s.Go("customer", func(*sim.Actor) {
				if err := asleep.Wait(context.Background()); err != nil {
					killed.Add(1)
				}
			})
			s.RunFor(time.Second)
			fire("kills")
			s.RunFor(30 * time.Second)
			if p.App() != first || killed.Load() != 1 || ended.Load() != 1 || deferred.Load() != 0 {
				s.Fatalf("while it is down: %d answers, %d native waits over, %d deferred functions", killed.Load(), ended.Load(), deferred.Load())
			}
			s.RunFor(time.Hour)
			if x := p.App().Snapshot(); p.App() == first || x.Active != 0 || len(x.Tasks) != 3 {
				s.Fatalf("it is not back as it was: %v", x)
			}
		}
		failed, text := verdict(t, func(tb testing.TB) { sim.Test(tb, scenario, calm, how, sim.InBubblesOf(t), sim.Seeds(1), sim.Twice(0)) })
		if failed || begun.Load() != 2 || after.Load() != 0 || deferred.Load() != 2 {
			t.Errorf("failed %v; native began %d times, went on %d times, ended %d times:\n%s", failed, begun.Load(), after.Load(), deferred.Load(), text)
		}
	}
}

// A goroutine of a handler's own has an error from what it waits for by the App,
// when the process is killed.
func TestAGoroutineOfADeadProcess(t *testing.T) {
	for _, how := range []sim.Option{sim.InBubble(), sim.InBatch()} {
		var slept, woken atomic.Int64
		failed, text := verdict(t, func(tb testing.TB) {
			sim.Test(tb, func(s *sim.S) {
				p := s.App(func(env sim.Env) *app.App {
					return service(env, func(_ context.Context, in *tasks.Instance) error {
						own := make(chan error)
						go func() { own <- in.Sleep(time.Minute) }()
						go func() { own <- in.Await(func(context.Context) error { return in.Sleep(time.Minute) }) }()
						for range 2 {
							if err := <-own; err != nil {
								woken.Add(1)
							} else {
								slept.Add(1)
							}
						}
						return nil
					})
				})
				s.RunFor(15*time.Minute + time.Second)
				p.Kill(time.Minute)
				s.RunFor(25 * time.Minute)
			}, calm, how, sim.InBubblesOf(t), sim.Seeds(1), sim.Twice(0))
		})
		if failed || slept.Load() != 2 || woken.Load() != 2 {
			t.Errorf("failed %v; %d have slept, %d were woken by the kill:\n%s", failed, slept.Load(), woken.Load(), text)
		}
	}
}

// What a killed process leaves waiting for nothing is told.
func TestADeadProcessThatWaitsForItself(t *testing.T) {
	for _, how := range []sim.Option{sim.InBubble(), sim.InBatch()} {
		failed, text := verdict(t, func(tb testing.TB) {
			sim.Test(tb, func(s *sim.S) {
				var begun atomic.Int64
				p := s.App(func(env sim.Env) *app.App {
					return service(env, func(context.Context, *tasks.Instance) error {
						if begun.Add(1) == 1 {
							<-make(chan int)
						}
						return nil
					})
				})
				s.RunFor(15*time.Minute + time.Second)
				p.Kill(time.Minute)
				s.RunFor(time.Hour)
			}, calm, how, sim.InBubblesOf(t), sim.Seeds(1))
		})
		if !failed {
			t.Error("it did not fail the test")
		}
		says(t, text, `"deadlock" broke`, "goroutines wait for ever when it was over")
	}
}
