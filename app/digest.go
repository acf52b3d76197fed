package app

import (
	"github.com/bgloop/bgloop/internal/digest"
	"github.com/bgloop/bgloop/internal/engine"
)

// digest sums up the App's state between two turns of strands, when nobody owns
// the engine: see engine.Digester. It knows nothing of stores, observers, the
// loop, and of instances that wait by anything but Sleep.
func (a *App) digest() (sum uint64, known bool) {
	var s digest.Sum
	sum, known = a.eng.Digest(sleeps)
	known = known && a.mail.free() && a.journal == nil && len(a.observers)+len(a.held)+len(a.idlers) == 0 &&
		a.report == nil && !a.loop.watched
	s.Add(sum, uint64(a.busy.Load()), uint64(a.sources.Load()), uint64(a.runs)) //nolint:gosec // any mapping will do
	s.Text(a.life.Current())
	s.Is(a.awake, a.closed, a.hurry, a.alarm.armed, a.silent.Load())
	s.Add(uint64(a.alarm.nanos)) //nolint:gosec // any mapping will do
	for _, i := range a.eng.Instances() {
		n, ok := runOf(i).Digest()
		s.Add(n)
		known = known && ok
	}
	return uint64(s), known
}

// sleeps names a strand that sleeps, if that is what a timer is for.
func sleeps(host any) (sum uint64, known bool) {
	if s, ok := host.(*sleeper); ok {
		return s.r.is.ID, true
	}
	return 0, false
}

// Digest sums up an instance, whose handler's strand it is.
func (r *run) Digest() (sum uint64, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var s digest.Sum
	sum, known = r.is.Digest()
	s.Add(sum)
	s.Is(r.returned, r.past, r.holds, r.told, r.resting, r.forgotten)
	s.Err(r.err)
	s.Err(r.ended)
	s.Int(r.strands)
	s.Int(r.awake)
	s.Int(len(r.sleepers))
	return uint64(s), known && r.strands <= 1 && !r.onLoop && !r.deferred && len(r.waiters)+len(r.onCancel) == 0
}

// beWatched gives the witness what sums up the App, if it asks for that.
func (a *App) beWatched() {
	if w, ok := a.witness.(engine.Digester); ok {
		w.Digesting(a.digest)
	}
}
