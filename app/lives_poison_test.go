package app_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// A speechless error says what it is once, and panics from then on.
type speechless struct{ asked int }

func (e *speechless) Error() string {
	if e.asked++; e.asked > 1 {
		panic("speechless")
	}
	return "once"
}

// An error that cannot say what it is is the handler's fault, and no reason for
// the store to fail: it would be asked again each time.
func TestErrorThatPanicsDoesNotStopTheStore(t *testing.T) {
	for _, tt := range []struct {
		name  string
		retry tasks.Retry
		chain string
	}{
		{"kept for the next attempt", tasks.Retry{Attempts: 2, Backoff: time.Hour}, "other"},
		{"details of a chain", tasks.Retry{}, "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overLives(t, func(v *lives) {
				v.setup = func(s *stage) {
					s.HandleFunc("x", begins(s, func(context.Context, *tasks.Instance) error {
						return new(speechless)
					}))
					s.HandleFunc("y", nothing)
					s.HandleFunc("chained", nothing)
					s.register(tasks.Registration{Name: "x", Trigger: never(""), Retry: tt.retry})
					s.register(tasks.Registration{Name: "y", Trigger: never("")})
					s.register(tasks.Registration{Name: "chained", Trigger: trigger.Completion(tt.chain, trigger.OnFailure)})
					s.tell(event.StoreFailed)
					s.start()
				}
				v.live(func(s *stage) {
					x, _ := s.Task("x")
					y, _ := s.Task("y")
					s.fire(x, nil)
					s.wait(time.Second)
					if err := s.fire(y, nil).Wait(s.ctx); err != nil {
						s.t.Errorf("another task: %v", err)
					}
					s.heard("0s x act=1 attempt=1 merged=1 due=0s details=<nil>")
				})
				if tt.chain == "other" {
					v.down(2 * time.Hour)
					v.live(func(s *stage) {
						s.wait(time.Second)
						s.heard("2h0m1s x act=1 attempt=2 merged=1 due=0s details=<nil>")
					})
				}
			})
		})
	}
}

// A mute value panics when it is encoded.
type mute struct{}

func (mute) MarshalText() ([]byte, error) { panic("mute") }

// So it is with details: whoever fires them is told, and the place that a source
// has reserved for them is free again.
func TestDetailsThatPanicAreRefused(t *testing.T) {
	overLives(t, func(v *lives) {
		v.opts = []app.Option{app.WithDetails(mute{}), app.WithDetails(map[mute]int{})}
		v.live(func(s *stage) {
			s.HandleFunc("x", begins(s, nothing))
			x := s.register(tasks.Registration{Name: "x", Trigger: open{"reserves", func(p activation.Port) {
				p.Go(func(ctx context.Context) error {
					for _, details := range []any{mute{}, map[mute]int{{}: 1}, "good"} {
						place, err := p.Reserve(ctx)
						if err != nil {
							return err
						}
						if r, err := place.Fire(ctx, details); details != "good" && (!errors.Is(err, app.ErrNotDurable) || r.Result != activation.UnknownError) {
							s.t.Errorf("Slot.Fire of %T: %v, %v", details, r.Result, err)
						}
					}
					return nil
				})
			}}})
			s.tell(event.StoreFailed, event.SourceFailed)
			s.start()
			s.settle()
			if r, err := x.Fire(s.ctx, mute{}); !errors.Is(err, app.ErrNotDurable) || r.Result != activation.UnknownError {
				s.t.Errorf("Fire: %v, %v", r.Result, err)
			}
			s.settle()
			s.heard("0s x act=1 attempt=1 merged=1 due=0s details=good")
		})
	})
}

// A nil pointer that is returned as an error fails its instance, and not the
// program, which asks it what it wraps.
func TestNilPointerAsErrorIsAPanicOfTheHandler(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		var bad *fs.PathError
		fails := l.add(a, tasks.Registration{Name: "returns"}, func(context.Context, *tasks.Instance) error { return bad })
		goes := l.add(a, tasks.Registration{Name: "goes"}, func(_ context.Context, in *tasks.Instance) error {
			return in.Go(func(context.Context) error { return bad })
		})
		panics := l.add(a, tasks.Registration{Name: "panics"}, func(context.Context, *tasks.Instance) error { panic(bad) })
		l.start(a)
		for _, task := range []*app.Task{fails, goes, panics} {
			var p *tasks.Panic
			if err := l.fire(task, nil).Wait(context.Background()); !errors.As(err, &p) {
				l.Errorf("%v: got %v, want a *Panic", task, err)
			}
		}
		l.stop(a)
	})
}

// A trigger whose details cannot be stored fails, which is told, with the reason;
// it does not fall silent.
func TestTriggerWhoseDetailsCannotBeStored(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		type unknown struct{ N int }
		a := l.newApp(app.WithStore(new(store.Memory)))
		var told event.Event
		a.Observe(func(e event.Event) {
			if e.Kind == event.SourceFailed || e.Kind == event.Exhausted {
				told = e
			}
		})
		c := make(chan unknown)
		l.add(a, tasks.Registration{Name: "x", Trigger: trigger.Chan(c)}, nil)
		l.start(a)
		c <- unknown{1}
		synctest.Wait() // for the trigger's goroutine, for which WaitIdle does not
		if told.Kind != event.SourceFailed || !errors.Is(told.Err, app.ErrNotDurable) {
			l.Errorf("told: got %v, want a failure: %v", told, app.ErrNotDurable)
		}
		l.stop(a)
	})
}
