package network_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/integrations/network"
	"github.com/bgloop/bgloop/tasks"
)

type byHand struct{}

func (byHand) String() string            { return "by hand" }
func (byHand) Arm(activation.Port) error { return nil }

// A network is told by hand.
func fake(states <-chan network.State) *network.Monitor {
	return network.Of(func(ctx context.Context, _ activation.Port, tell func(network.State)) error {
		for {
			select {
			case s := <-states:
				tell(s)
			case <-ctx.Done():
				return nil
			}
		}
	})
}

// What fires and what holds, at each edge.
func TestMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		states := make(chan network.State)
		m := fake(states)
		a := app.New()
		var changed, available []string
		for name, tr := range map[string]activation.Trigger{"changed": m.Changed(), "available": m.InternetAvailable()} {
			list := &changed
			if name == "available" {
				list = &available
			}
			a.Handle(name, tasks.Typed(func(_ context.Context, _ *tasks.Instance, s network.State) error {
				*list = append(*list, s.String())
				return nil
			}))
			if _, err := a.Register(tasks.Registration{Name: name, Trigger: tr}); err != nil {
				t.Fatal(err)
			}
		}
		ask := make(map[string]*app.Task)
		for name, c := range map[string]activation.Condition{
			"online": m.Online(), "offline": m.Offline(), "free": m.Free(), "free of wwan": m.Free("ppp0", "wwan*"),
		} {
			a.HandleFunc(name, func(context.Context, *tasks.Instance) error { return nil })
			task, err := a.Register(tasks.Registration{Name: name, Trigger: byHand{}, Conditions: []activation.Condition{c}})
			if err != nil {
				t.Fatal(err)
			}
			ask[name] = task
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		via := func(links ...string) network.State {
			return network.State{Online: len(links) > 0, Via: links, Up: []string{"eth0", "ppp0", "wwan1"}}
		}
		for _, tt := range []struct {
			network.State
			hold []string
		}{
			{via("eth0"), []string{"free", "free of wwan", "online"}}, // the first is no edge
			{via(), []string{"offline"}},
			{network.State{}, []string{"offline"}},
			{via("wwan1"), []string{"free", "online"}},
			{via("eth0", "wwan1"), []string{"free", "free of wwan", "online"}},
			{via("eth0", "wwan1"), []string{"free", "free of wwan", "online"}},
			{via("ppp0", "eth0"), []string{"free", "online"}},
		} {
			states <- tt.State
			synctest.Wait()
			var hold []string
			for name, task := range ask {
				if len(task.Explain().Unmet) == 0 {
					hold = append(hold, name)
				}
			}
			slices.Sort(hold)
			if !slices.Equal(hold, tt.hold) {
				t.Errorf("%v: got %q, want %q", tt.State, hold, tt.hold)
			}
		}
		if want := []string{"offline", "offline", "online via wwan1", "online via eth0, wwan1", "online via ppp0, eth0"}; !slices.Equal(changed, want) {
			t.Errorf("changed: got %q, want %q", changed, want)
		}
		if want := []string{"online via wwan1"}; !slices.Equal(available, want) {
			t.Errorf("available: got %q, want %q", available, want)
		}
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A network that flaps for ten seconds, a thousand times a second: each return is
// a firing, a start or a part of one.
func TestMonitor_Flaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		states := make(chan network.State)
		a := app.New()
		a.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error { return in.Sleep(13 * time.Millisecond) })
		task, err := a.Register(tasks.Registration{Name: "x", Trigger: fake(states).InternetAvailable()})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 10_000 {
			states <- network.State{Online: i%2 == 1}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		c := task.Explain().Counts
		if c.Fired != 5000 || c.Refused != 0 || c.Merged == 0 || c.Succeeded+c.Merged != c.Fired {
			t.Errorf("counts: got %+v, want 5000 firings that started or merged", c)
		}
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
