package app_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// The App's store can remember the version too: the first run of each new one is
// told, once.
func TestServicingCompleteByTheStoreOfTheApp(t *testing.T) {
	overLives(t, func(v *lives) {
		var got []trigger.Update
		version := ""
		v.setup = func(s *stage) {
			s.Handle("update", tasks.Typed(func(_ context.Context, _ *tasks.Instance, u trigger.Update) error {
				got = append(got, u)
				return nil
			}))
			s.register(tasks.Registration{Name: "update", Trigger: trigger.ServicingComplete(version, store.NewCell(v.disk, "version"))})
			s.start()
		}
		for _, version = range []string{"1", "1", "2", "2", "3"} {
			v.live(func(s *stage) { s.wait(time.Minute) })
		}
		if want := []trigger.Update{{From: "1", To: "2"}, {From: "2", To: "3"}}; !slices.Equal(got, want) {
			t.Errorf("updates: got %v, want %v", got, want)
		}
	})
}
