package stages

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"github.com/bgloop/bgloop/bench/measure"
	"github.com/bgloop/bgloop/bench/peers"
)

// TestStagesNameFilesThatAreThere fails when a file of a stage was renamed.
func TestStagesNameFilesThatAreThere(t *testing.T) {
	for _, s := range Stages() {
		for _, f := range s.files {
			if found, err := filepath.Glob(filepath.Join("..", "..", f)); err != nil || len(found) == 0 {
				t.Errorf("%s: no file %s, %v", s.Name, f, err)
			}
		}
	}
}

func TestASampleIsOfTheInnermostFunctionOfAStage(t *testing.T) {
	loc := func(name, file string) *profile.Location {
		return &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name, Filename: file}}}}
	}
	var (
		malloc  = loc("runtime.mallocgc", "/go/src/runtime/malloc.go")
		now     = loc("time.Now", "/go/src/time/time.go")
		arm     = loc("github.com/bgloop/bgloop/internal/engine.(*plan).arm", "/src/internal/engine/plan.go")
		step    = loc("github.com/bgloop/bgloop/internal/engine.(*Engine).Step", "/src/internal/engine/input.go")
		post    = loc("github.com/bgloop/bgloop/app.(*App).post", "/src/app/own.go")
		handler = loc("github.com/bgloop/bgloop/bench/peers.straight", "/src/bench/peers/bgloop.go")
		accept  = loc("github.com/bgloop/bgloop/app.(*App).accept", "/src/app/registry.go")
		park    = loc("runtime.schedule", "/go/src/runtime/proc.go")
	)
	tests := []struct {
		want  string
		stack []*profile.Location
	}{
		{"plan", []*profile.Location{malloc, arm, step, post}},
		{"decide", []*profile.Location{step, post}},
		{"own", []*profile.Location{malloc, post, step}},
		{"read the clock", []*profile.Location{now, post}},
		{bench, []*profile.Location{malloc, handler, post}},
		{"register", []*profile.Location{malloc, accept, post}},
		{scheduler, []*profile.Location{park}},
	}
	all := Stages()
	for _, tt := range tests {
		if got := all[stageOf(all, &profile.Sample{Location: tt.stack})].Name; got != tt.want {
			t.Errorf("innermost %s: got %q, want %q", tt.stack[0].Line[0].Function.Name, got, tt.want)
		}
	}
}

// TestStagesAddUp: all of the time is some stage's, and the engine has a part.
func TestStagesAddUp(t *testing.T) {
	c := contenders(peers.Dispatching, wanted)
	if len(c) != len(wanted) {
		t.Fatalf("contenders: got %d, want %v", len(c), wanted)
	}
	var f Found
	decides := index(Stages(), "decide")
	for range 50 { // where others keep the machine busy there are few samples
		var err error
		if f, err = Measure(c[1], measure.Loads()[1], 200*time.Millisecond); errors.Is(err, ErrNoSample) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, ns := range f.Each {
			sum += ns
		}
		if math.Abs(sum-f.CPU) > f.CPU/1000 {
			t.Errorf("stages: got %v, which is %v, want all of %v", f.Each, sum, f.CPU)
		}
		if f.Each[decides] > 0 {
			break
		}
	}
	if f.Each[decides] == 0 {
		t.Errorf("stages: got %v, want a part that decides", f.Each)
	}
	var b strings.Builder
	table(&b, f.Load, []Found{f})
	if !strings.Contains(b.String(), "| decide |") {
		t.Errorf("table: got %s", b.String())
	}
}

// TestTimersAreTakenApart: each of those that are wanted is there.
func TestTimersAreTakenApart(t *testing.T) {
	var sizes measure.Sizes
	sizes.Timers, sizes.TimerSpan, sizes.Instant = 100, 10*time.Millisecond, 100
	var b strings.Builder
	if err := timers(&b, sizes, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "| ns | go | bgloop | bgloop, on the loop |"); n != 2 || strings.Count(b.String(), "| register |") != 2 {
		t.Errorf("got %s", b.String())
	}
}
