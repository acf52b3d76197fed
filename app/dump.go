package app

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/bgloop/bgloop/internal/seam"
)

// betweenDumps is how long after a dump of all goroutines the next may be made:
// it stops the program.
const betweenDumps = time.Minute

// dumps are the stacks that are wanted. The owner's.
type dumps struct {
	last   time.Time
	wanted []wantedStack
}

type wantedStack struct {
	r    *run
	then func(stack string)
}

// dump finds the stack of a run that does not end, and calls then with it on a
// strand of its own; with nothing, if there was a dump less than a minute ago.
// What is wanted at one time shares one dump. The owner calls it.
func (a *App) dump(r *run, then func(stack string)) {
	d := &a.dumps
	if len(d.wanted) == 0 {
		since := a.now.Sub(d.last) // negative if the clock was set back
		allowed := d.last.IsZero() || since < 0 || since >= betweenDumps
		if allowed {
			d.last = a.now
		}
		a.spawn(&errand{a, nil, "dump", func() { a.takeDump(allowed) }, false})
	}
	d.wanted = append(d.wanted, wantedStack{r, then})
}

func (a *App) takeDump(allowed bool) {
	var wanted []wantedStack
	a.own(func() { wanted, a.dumps.wanted = a.dumps.wanted, nil })
	var all []string
	if allowed {
		all = a.stacks()
	}
	for _, w := range wanted {
		w.then(stackOf(all, w.r))
	}
}

// stacks are those of the driver's strands, if it tells them itself: a simulation
// has many Apps, and a dump of all goroutines would stop every one.
func (a *App) stacks() []string {
	if d, ok := a.driver.(seam.Stacker); ok {
		return d.Stacks()
	}
	return goroutines()
}

// goroutines are the stacks of all goroutines.
func goroutines() []string {
	for size := 1 << 20; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= 1<<28 {
			return strings.Split(string(buf[:n]), "\n\n")
		}
	}
}

// stackOf finds the goroutines that run r by the address of it, which is the
// receiver of the frame that calls the user's code. Elsewhere, and where a
// question mark follows, the address may be left over from something else.
func stackOf(all []string, r *run) string {
	var found []string
	handler, strand := fmt.Sprintf("app.(*run).Run(%p)", r), fmt.Sprintf("app.(*run).run(%p,", r)
	for _, g := range all {
		if strings.Contains(g, handler) || strings.Contains(g, strand) {
			found = append(found, g)
		}
	}
	return strings.Join(found, "\n\n")
}
