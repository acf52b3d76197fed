package app

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// A Report tells how the App stopped. It does not change anymore.
type Report struct {
	// At is when the stopping began.
	At time.Time
	// Took is how long it took.
	Took time.Duration
	// Instances are those that were active then, in the order they started.
	Instances []Ending
	// Untold is how many events were not told to observers anymore.
	Untold int
	// Unfinished is how many callbacks and sources of triggers had not ended.
	Unfinished int
}

// An Ending tells how one instance ended.
type Ending struct {
	Group, Task          string
	Activation, Instance uint64
	// State is the instance's last: succeeded, failed, canceled or abandoned.
	State tasks.State
	// Err is its outcome.
	Err error
	// Heeded is how long it took to end after it was canceled.
	Heeded time.Duration
	// Open are the deferrals that were open when it was abandoned.
	Open []deferral.Open
	// Stack is what it was doing when it was abandoned. It is empty if there
	// was nothing to be found, or another dump had been made a minute before.
	Stack string
}

// String is the report as text: a line for the whole, and one for each instance.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stopped in %v: %d active", r.Took, len(r.Instances))
	if r.Untold > 0 {
		fmt.Fprintf(&b, ", %d events untold", r.Untold)
	}
	if r.Unfinished > 0 {
		fmt.Fprintf(&b, ", %d callbacks unfinished", r.Unfinished)
	}
	for _, e := range r.Instances {
		fmt.Fprintf(&b, "\n  %s", e)
	}
	return b.String()
}

// MarshalJSON is the ending with the text of its Err. It cannot be read back.
func (e Ending) MarshalJSON() ([]byte, error) {
	type fields Ending
	return json.Marshal(struct {
		fields
		Err string `json:",omitempty"`
	}{fields(e), errText(e.Err)})
}

// String is the ending as one line.
func (e Ending) String() string {
	s := fmt.Sprintf("%s: instance %d %s after %v", taskName(e.Group, e.Task), e.Instance, e.State, e.Heeded)
	if e.Err != nil {
		text, _, _ := strings.Cut(e.Err.Error(), "\n")
		s += ": " + text
	}
	for i, o := range e.Open {
		if i == 0 {
			s += "; open deferrals:"
		}
		s += fmt.Sprintf(" %q", o.Why)
	}
	return s
}

// late reports whether the instance did not end within its grace. One that
// failed before is late if its deferrals are.
func (e Ending) late() bool { return e.State == tasks.StateAbandoned || len(e.Open) > 0 }

// late reports whether an instance did not end within its grace.
func (r *Report) late() bool { return slices.ContainsFunc(r.Instances, Ending.late) }

// A StopError says that instances did not end within their grace.
type StopError struct {
	*Report
}

// Error names each instance that was late.
func (e *StopError) Error() string {
	var late []string
	for _, i := range e.Instances {
		if i.late() {
			late = append(late, i.String())
		}
	}
	return fmt.Sprintf("app: stopped, but %d did not end within the grace: %s", len(late), strings.Join(late, "; "))
}

// Unwrap gives tasks.ErrAbandoned.
func (e *StopError) Unwrap() error { return tasks.ErrAbandoned }

// openReport lists who is active now, and for whose abandonment it stops, if
// that is why. The owner calls it.
func (a *App) openReport() {
	a.report = &Report{At: a.now}
	list := append(a.eng.Instances(), a.culprits...)
	slices.SortFunc(list, func(x, y *engine.Instance) int { return cmp.Compare(x.ID, y.ID) })
	for n, i := range list {
		a.entries[i] = n
		a.report.Instances = append(a.report.Instances, Ending{
			Group: i.Task.Key.Group, Task: i.Task.Key.Name, Activation: i.Act.ID, Instance: i.ID, State: i.Life.State(), Err: i.Outcome(),
		})
	}
	for _, i := range a.culprits {
		e := a.entry(i)
		e.Open = runOf(i).open()
		if c := i.CanceledAt(); !c.IsZero() {
			e.Heeded = a.now.Round(0).Sub(c)
		}
	}
}

// entry is what the report says of an instance; nil if it says nothing.
func (a *App) entry(i *engine.Instance) *Ending {
	if n, ok := a.entries[i]; ok && i != nil {
		return &a.report.Instances[n]
	}
	return nil
}

// noteEnd puts the outcome of an activation's last attempt into the report.
func (a *App) noteEnd(x *engine.Act, outcome error) {
	if e := a.entry(x.Last()); e != nil {
		e.State, e.Err = x.Last().Life.State(), outcome
		e.Heeded = a.now.Round(0).Sub(x.Last().CanceledAt())
	}
}

// noteOpen puts the deferrals of an abandoned instance into the report.
func (a *App) noteOpen(i *engine.Instance, open []deferral.Open) {
	if e := a.entry(i); e != nil {
		e.Open = open
	}
}

// noteStack puts the stack of an abandoned instance into the report.
func (a *App) noteStack(i *engine.Instance, stack string) {
	if e := a.entry(i); e != nil {
		e.Stack = stack
	}
}

// closeReport ends the observing and with it the report. The owner calls it.
func (a *App) closeReport() {
	a.report.Took = a.now.Sub(a.report.At)
	a.report.Unfinished = int(a.works() + a.sources.Load())
	for _, o := range a.observers {
		a.report.Untold += o.close()
	}
	for _, t := range a.eng.Tasks(nil) {
		for _, o := range taskOf(t).observers() {
			a.report.Untold += o.close()
		}
	}
	a.entries = nil
}
