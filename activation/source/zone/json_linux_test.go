package zone_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/source/zone"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// A zone that waits while the program is restarted is the same zone after it.
func TestZoneSurvivesARestart(t *testing.T) {
	root, disk := machine(t), new(store.Memory)
	given := make(chan zone.Zone, 1)
	begin := func(open bool) *app.App {
		a := app.New(app.WithStore(disk), app.WithDetails(zone.Zone{}))
		a.HandleFunc("zone", func(_ context.Context, in *tasks.Instance) error {
			z, _ := in.Details().(zone.Zone)
			given <- z
			return nil
		})
		_, err := a.Register(tasks.Registration{
			Name: "zone", Trigger: zone.ChangedAt(root + "/etc/localtime"),
			Conditions: []activation.Condition{condition.NewFlag("open", open)},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return a
	}
	stop := func(a *app.App) {
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	first := begin(false)
	task, _ := first.Task("zone")
	for names := []string{"There", "Third"}; len(task.Explain().Pending) == 0; names[0], names[1] = names[1], names[0] {
		set(t, root, names[0]) // until it is watched
	}
	stop(first)
	second := begin(true)
	z := <-given
	stop(second)
	if _, offset := time.Now().In(z.Location).Zone(); z.Name != "There" && z.Name != "Third" || offset != map[string]int{"There": 7200, "Third": 10800}[z.Name] {
		t.Errorf("the zone: got %v, %d seconds from UTC", z, offset)
	}
}

func TestZoneFromJSON(t *testing.T) {
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"no file", `{"Name":"UTC"}`, true},
		{"no rules", `{"Name":"x","Rules":"AAAA"}`, false},
		{"no object", `7`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var z zone.Zone
			if err := json.Unmarshal([]byte(tt.text), &z); (err == nil) != tt.ok {
				t.Fatalf("got %v", err)
			}
			if tt.ok && z.Location != time.UTC {
				t.Errorf("location: got %v, want UTC", z.Location)
			}
		})
	}
}
