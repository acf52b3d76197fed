// Package stages takes one activation apart: it runs activations under the
// runtime's profiler and says how much of their processor time was spent where.
//
// It knows the files of bgloop, and nothing else of it.
package stages

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/bgloop/bgloop/bench/measure"
	"github.com/bgloop/bgloop/bench/peers"
)

// A Stage is a part of the way from a firing to its completion.
type Stage struct {
	Name  string
	About string
	files []string // of bgloop: what is sampled in them, and in what they call, is the stage's
	calls []string // of others, by the beginning of the function's name
}

// Stages are all of them, in the order of the way. What is called by a file of
// one stage and is in no stage itself counts as that file's.
func Stages() []Stage {
	return []Stage{
		{
			Name: "register", About: "checking and accepting a registration, of what runs once", files: []string{"app/terms.go"},
			calls: []string{module + "app.(*registry).Register", module + "app.(*registry).register", module + "app.(*registry).prepare", module + "app.(*App).accept"},
		},
		{Name: "fire", About: "the caller's call, up to the engine", files: []string{"app/task.go", "app/port.go", "app/raise.go", "activation/*", "activation/trigger/*"}},
		{Name: "own", About: "becoming the owner of the engine, or leaving it a letter; the alarm", files: []string{"app/own.go", "app/alarm.go", "app/mail.go", "app/jump.go", "app/idle.go"}},
		{Name: "read the clock", About: "once for each that becomes the owner", files: []string{"clock/*"}, calls: []string{"time.Now", "time.runtimeNow", "time.now"}},
		{Name: "decide", About: "accepting the firing, the gates, starting and ending the instance", files: []string{"internal/engine/*"}},
		{Name: "plan", About: "arming and disarming the time limit, or the warning after 30 seconds", files: []string{"internal/engine/plan.go", "internal/engine/lane.go"}},
		{Name: "count", About: "counters, history, histograms", files: []string{"internal/engine/stats.go", "tasks/histogram.go"}},
		{Name: "carry out", About: "what the engine decided: the record behind the instance, the receipt", files: []string{"app/effects.go", "app/latch.go"}},
		{Name: "tell", About: "events to observers", files: []string{"app/observer.go", "event/*"}},
		{Name: "hand over", About: "to a worker, or to the loop", files: []string{"internal/seam/pool/*", "app/loop.go", "app/strand.go"}},
		{Name: "run", About: "the lifecycle, the handler's context, the end", files: []string{"app/*", "tasks/*", "internal/seam/*"}},
		{Name: "dispatch", About: "middleware, OnBackgroundActivated, the handler by name", files: []string{"app/registry.go", "app/group.go"}},
		{Name: "deferrals", About: "counting them", files: []string{"deferral/*"}},
		{Name: scheduler, About: "of Go, where nothing of bgloop's has called it: parking and waking goroutines"},
		{Name: collector, About: "of garbage, in goroutines of its own", calls: []string{"runtime.gcBgMarkWorker", "runtime.bgsweep", "runtime.bgscavenge"}},
		{Name: bench, About: "asking for jobs, the handler, waiting for its signal"},
	}
}

const (
	scheduler = "scheduler"
	collector = "collector"
	bench     = "the benchmark"
)

// A Found is what was found of one contender under one load.
type Found struct {
	Contender, Load string
	Runs            int
	Samples         int64
	CPU             float64   // nanoseconds for each activation
	Each            []float64 // of those, by Stage
}

// ErrNoSample is returned by Measure when the span was too short.
var ErrNoSample = errors.New("stages: no sample was taken")

// Measure runs activations for the span.
func Measure(c peers.Contender, l measure.Load, span time.Duration) (Found, error) {
	d, err := c.Dispatch()
	if err != nil {
		return Found{}, err
	}
	defer d.Close()
	b := measure.NewBatch(l, d, false)
	for range 2000 / l.Runs() {
		b.Run()
	}
	f := Found{Contender: c.Name, Load: l.Name}
	err = f.profile(func() error {
		for began := time.Now(); time.Since(began) < span; {
			for range max(1, 64/l.Runs()) {
				b.Run()
				f.Runs += l.Runs()
			}
		}
		return nil
	})
	return f, err
}

// MeasureOnce runs a scenario once, with as many activations as its size says.
func MeasureOnce(c peers.Contender, s measure.Scenario) (Found, error) {
	f := Found{Contender: c.Name, Load: s.Name, Runs: s.Size}
	err := f.profile(func() error {
		_, err := s.Once(c)
		return err
	})
	return f, err
}

// profile fills in where the time goes while run runs f.Runs activations.
func (f *Found) profile(run func() error) error {
	var data bytes.Buffer
	used := measure.CPUTime()
	if err := pprof.StartCPUProfile(&data); err != nil {
		return err
	}
	err := run()
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	f.CPU = float64(measure.CPUTime()-used) / float64(f.Runs)
	p, err := profile.Parse(&data)
	if err != nil {
		return err
	}
	return f.share(p)
}

// share divides the time by the samples of the profile.
func (f *Found) share(p *profile.Profile) error {
	all := Stages()
	f.Each = make([]float64, len(all))
	for _, s := range p.Sample {
		n := s.Value[0]
		f.Samples += n
		f.Each[stageOf(all, s)] += float64(n)
	}
	if f.Samples == 0 {
		return fmt.Errorf("%w: %s, %s", ErrNoSample, f.Contender, f.Load)
	}
	for i := range f.Each {
		f.Each[i] *= f.CPU / float64(f.Samples)
	}
	return nil
}

// stageOf is where a sample belongs: to the innermost function that is of some
// stage.
func stageOf(all []Stage, s *profile.Sample) int {
	for _, loc := range s.Location { // the innermost first
		for _, line := range loc.Line {
			if i := stage(all, line.Function); i >= 0 {
				return i
			}
		}
	}
	return index(all, scheduler)
}

const (
	module = "github.com/bgloop/bgloop/"
	ours   = module + "bench/"
)

// stage is that of a function, or -1.
func stage(all []Stage, f *profile.Function) int {
	if strings.HasPrefix(f.Name, ours) || strings.HasPrefix(f.Name, "main.") {
		return index(all, bench)
	}
	for i, s := range all {
		for _, c := range s.calls {
			if strings.HasPrefix(f.Name, c) {
				return i
			}
		}
	}
	if !strings.HasPrefix(f.Name, module) {
		return -1
	}
	file := fileOf(f)
	found := -1
	for i, s := range all {
		for _, pattern := range s.files {
			switch ok, _ := path.Match(pattern, file); {
			case pattern == file:
				return i // a file goes before a pattern
			case ok && found < 0:
				found = i
			}
		}
	}
	return found
}

// fileOf is the file of a function of bgloop's, from the root of the tree. The
// package's path tells the folder, since the root may be anywhere.
func fileOf(f *profile.Function) string {
	pkg := strings.TrimPrefix(f.Name, module)
	slash := strings.LastIndexByte(pkg, '/') + 1
	dot := strings.IndexByte(pkg[slash:], '.')
	return path.Join(pkg[:slash+max(dot, 0)], path.Base(f.Filename))
}

func index(all []Stage, name string) int {
	for i, s := range all {
		if s.Name == name {
			return i
		}
	}
	return -1
}
