package sim

import (
	"fmt"
	"testing"

	"github.com/bgloop/bgloop/internal/choice"
)

// A Scope is what Exhaust went through.
type Scope struct {
	Executions int // ways to decide
	Depth      int // decisions of the longest
}

// Exhaust lives the scenario in every way its decisions allow, and fails t with
// the first that goes wrong. There are no faults but those that WithFaults asks
// for, and a fault whose rate is not zero is a decision each time. Of a decision
// among more than 16 values only the ends are tried. The scope has to be small:
// one task, a few events at one instant.
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
	case failure != nil:
		report(t, conf, scenario, walk.Source(), fmt.Sprintf("execution %d", scope.Executions), failure)
	case scope.Executions > conf.scope:
		t.Fatalf("sim: %s: more than %d executions", t.Name(), conf.scope)
	default:
		t.Logf("sim: %d executions, that is all; %d decisions at most", scope.Executions, scope.Depth)
	}
	return scope
}

// exhaust goes through the scope, up to a failure or one execution too many.
func exhaust(conf *config, scenario func(*S), walk *choice.Walk) (Scope, *Failure) {
	for n := 1; ; n++ {
		o := live(conf, walk.Source(), scenario)
		if o.failure != nil || n > conf.scope || !walk.Next() {
			return Scope{n, walk.Depth()}, o.failure
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
