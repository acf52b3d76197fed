package sim

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bgloop/bgloop/internal/choice"
)

// A Scope is what Exhaust went through.
type Scope struct {
	Executions int // ways to decide
	Depth      int // decisions of the longest
	Merged     int // executions that came to a state of one before: see S.State
}

// Exhaust lives the scenario in every way its decisions allow, and fails t with
// the first that goes wrong. There are no faults but those that WithFaults asks
// for, and a fault whose rate is not zero is a decision each time. Of a decision
// among more than 16 values only the ends are tried. The scope has to be small:
// one task, a few events at one instant. With S.State it lives on only once from
// each state, which makes a scope ten times as large a small one.
func Exhaust(t testing.TB, scenario func(*S), opts ...Option) Scope {
	t.Helper()
	conf := newConfig(t, append([]Option{WithFaults(Faults{})}, opts...))
	conf.coroutines(t, "Exhaust")
	if conf.plan != nil {
		replay(t, conf, scenario, conf.plan)
		return Scope{}
	}
	var walk choice.Walk
	var scope Scope
	var failure *Failure
	conf.guard(t, func(conf *config) { scope, failure = exhaust(conf, scenario, &walk) })
	switch {
	case failure != nil && errors.Is(failure, errState):
		t.Fatalf("sim: %s: execution %d: %v", t.Name(), scope.Executions, failure.Err)
	case failure != nil:
		report(t, conf, scenario, walk.Source(), fmt.Sprintf("execution %d", scope.Executions), failure)
	case scope.Executions > conf.scope:
		t.Fatalf("sim: %s: more than %d executions", t.Name(), conf.scope)
	default:
		t.Logf("sim: %d executions, that is all%s; %d decisions at most", scope.Executions, scope.merged(), scope.Depth)
	}
	return scope
}

// exhaust goes through the scope, up to a failure or one execution too many.
func exhaust(conf *config, scenario func(*S), walk *choice.Walk) (sc Scope, failure *Failure) {
	merging := *conf
	merging.merger = newMerger(walk)
	for {
		sc.Executions++
		failure = live(&merging, walk.Source(), scenario).failure
		if merging.merger.again != nil {
			sc.Merged++
		}
		if err := merging.merger.over(); failure == nil && err != nil {
			failure = &Failure{Invariant: "state", Err: err, At: conf.start}
		}
		sc.Depth = walk.Depth()
		if failure != nil || sc.Executions > conf.scope || !walk.Next() {
			return sc, failure
		}
	}
}

// Fuzz lets the fuzzer of go test decide: each two bytes of its input are a
// decision, and what they do not reach is dull.
func Fuzz(f *testing.F, scenario func(*S), opts ...Option) {
	conf := newConfig(f, opts)
	conf.coroutines(f, "Fuzz")
	f.Add([]byte{})
	f.Add([]byte("\x00\x00\xff\xff\x80\x00\xff\xff\x40\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var o outcome
		conf.guard(t, func(conf *config) { o = live(conf, choice.Taped(data), scenario) })
		if o.failure != nil {
			report(t, conf, scenario, choice.Taped(data), "found by the fuzzer", o.failure)
		}
	})
}
