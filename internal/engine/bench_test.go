package engine_test

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// BenchmarkActivation is what the decisions about one activation cost: accepted,
// started and over, with a time limit, while nobody watches.
func BenchmarkActivation(b *testing.B) {
	e := engine.New(engine.Config{TimeLimit: time.Minute})
	e.Step(epoch, &engine.Input{Op: engine.Begin})
	spec := &engine.Spec{Terms: new(engine.Terms), Key: engine.Key{Name: "sync"}}
	spec.Reg.Overlap = tasks.Parallel(0)
	_, r := e.Step(epoch, &engine.Input{Op: engine.Register, Spec: spec})
	task := r.Task
	now := epoch
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Microsecond)
		effects, _ := e.Step(now, &engine.Input{Op: engine.Fire, Task: task})
		i := effects[0].Inst
		if i.Life.Do(tasks.MoveStart) != nil {
			b.Fatal("no start")
		}
		now = now.Add(time.Microsecond)
		e.Step(now, &engine.Input{Op: engine.Over, Inst: i})
		e.Recycle(i)
	}
}
