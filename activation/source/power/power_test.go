package power_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source/power"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// What Linux shows, and what it means.
func TestRead(t *testing.T) {
	type supply map[string]string
	mains := func(online string) supply { return supply{"type": "Mains", "online": online} }
	battery := func(status, capacity string) supply {
		return supply{"type": "Battery", "present": "1", "status": status, "capacity": capacity}
	}
	mouse := supply{"type": "Battery", "scope": "Device", "status": "Discharging", "capacity": "3"}
	for name, tt := range map[string]struct {
		supplies []supply
		want     power.State
		text     string
	}{
		"nothing":                      {nil, power.State{OnLine: true, Percent: 100}, "on line"},
		"on line":                      {[]supply{mains("1"), battery("Charging", "40")}, power.State{OnLine: true, Batteries: 1, Percent: 40}, "on line, 40%"},
		"on battery":                   {[]supply{mains("0"), battery("Discharging", "7")}, power.State{Batteries: 1, Percent: 7}, "on battery, 7%"},
		"one of two supplies":          {[]supply{mains("0"), {"type": "USB", "online": "1"}}, power.State{OnLine: true, Percent: 100}, "on line"},
		"two batteries":                {[]supply{mains("0"), battery("Discharging", "10"), battery("Unknown", "31")}, power.State{Batteries: 2, Percent: 20}, "on battery, 20%"},
		"battery alone, full":          {[]supply{battery("Full", "100")}, power.State{OnLine: true, Batteries: 1, Percent: 100}, "on line, 100%"},
		"battery alone, discharging":   {[]supply{battery("Discharging", "99")}, power.State{Batteries: 1, Percent: 99}, "on battery, 99%"},
		"ups":                          {[]supply{{"type": "UPS", "status": "Discharging", "capacity": "50"}}, power.State{Batteries: 1, Percent: 50}, "on battery, 50%"},
		"mouse":                        {[]supply{mouse}, power.State{OnLine: true, Percent: 100}, "on line"},
		"no battery in its bay":        {[]supply{mains("1"), {"type": "Battery", "present": "0", "capacity": "0"}}, power.State{OnLine: true, Percent: 100}, "on line"},
		"battery that does not tell":   {[]supply{mains("0"), battery("Discharging", ""), battery("Discharging", "30")}, power.State{Batteries: 2, Percent: 30}, "on battery, 30%"},
		"nonsense":                     {[]supply{mains("yes"), {}, battery("Charging", "1000")}, power.State{OnLine: true, Batteries: 1, Percent: 100}, "on line, 100%"},
		"mains off, and lives somehow": {[]supply{mains("0")}, power.State{OnLine: true, Percent: 100}, "on line"},
	} {
		root := t.TempDir()
		for i, s := range tt.supplies {
			dir := filepath.Join(root, string(rune('A'+i)))
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			for file, text := range s {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, err := power.Read(root)
		if err != nil || got != tt.want || got.String() != tt.text {
			t.Errorf("%s: got %+v, %q, %v, want %+v, %q", name, got, got, err, tt.want, tt.text)
		}
	}
	if _, err := power.Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: got %v, want ErrNotExist", err)
	}
}

type byHand struct{}

func (byHand) String() string            { return "by hand" }
func (byHand) Arm(activation.Port) error { return nil }

// The conditions of each state, and what fires.
func TestMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		states := make(chan power.State)
		m := power.Of(func(ctx context.Context, _ activation.Port, tell func(power.State)) error {
			for {
				select {
				case s := <-states:
					tell(s)
				case <-ctx.Done():
					return nil
				}
			}
		})
		a := app.New()
		ask := make(map[string]*app.Task)
		for name, c := range map[string]activation.Condition{"line": m.OnLine(), "battery": m.OnBattery(), "above 30": m.BatteryAbove(30), "above 0": m.BatteryAbove(0)} {
			a.HandleFunc(name, func(context.Context, *tasks.Instance) error { return nil })
			task, err := a.Register(tasks.Registration{Name: name, Trigger: byHand{}, Conditions: []activation.Condition{c}})
			if err != nil {
				t.Fatal(err)
			}
			ask[name] = task
		}
		var told []power.State
		a.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, s power.State) error { told = append(told, s); return nil }))
		if _, err := a.Register(tasks.Registration{Name: "x", Trigger: m.Changed()}); err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			power.State
			hold []string
		}{
			{power.State{OnLine: true, Percent: 100}, []string{"line", "above 30", "above 0"}},
			{power.State{OnLine: true, Percent: 100}, []string{"line", "above 30", "above 0"}},
			{power.State{Batteries: 1, Percent: 31}, []string{"battery", "above 30", "above 0"}},
			{power.State{Batteries: 1, Percent: 30}, []string{"battery", "above 0"}},
			{power.State{OnLine: true, Batteries: 1, Percent: 0}, []string{"line"}},
		} {
			states <- tt.State
			synctest.Wait()
			n := 0
			for _, name := range tt.hold {
				if len(ask[name].Explain().Unmet) > 0 {
					t.Errorf("%v: %s does not hold", tt.State, name)
				}
			}
			for _, task := range ask {
				n += 1 - len(task.Explain().Unmet)
			}
			if n != len(tt.hold) {
				t.Errorf("%v: got %d conditions that hold, want %v", tt.State, n, tt.hold)
			}
		}
		if len(told) != 3 || told[2] != (power.State{OnLine: true, Batteries: 1}) {
			t.Errorf("fired: got %v, want the last three states", told)
		}
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestBatteryAbove_Refused(t *testing.T) {
	for _, n := range []int{-1, 100} {
		r := tasks.Registration{Name: "x", Trigger: byHand{}, Conditions: []activation.Condition{power.System().BatteryAbove(n)}}
		if _, err := app.New().Register(r); !errors.Is(err, power.ErrPercent) {
			t.Errorf("above %d: got %v, want ErrPercent", n, err)
		}
	}
}
