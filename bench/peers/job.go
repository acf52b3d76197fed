package peers

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Job is the payload: every contender hands it to the same handler, which is
// one of its methods. A contender that takes functions is given one that was
// made beforehand, so that no closure is counted against it.
type Job struct {
	N     int             // its number, by which a contender with names chooses one
	Done  *sync.WaitGroup // is told at the end: the signal is the same for all
	Timed bool            // Began and Ended are wanted
	Takes time.Duration   // how long the handler sleeps
	Begun *sync.WaitGroup // is told before the handler sleeps; nil: nobody asks

	// Due, Began and Ended are as Now gives them.
	Due, Began, Ended int64

	// Bare is the handler, for contenders that recover from panics themselves.
	Bare func()
	// Safe is the handler under a recover, for those that do not.
	Safe func()
}

// NewJobs makes n jobs that tell done.
func NewJobs(n int, done *sync.WaitGroup) []*Job {
	jobs, list := make([]Job, n), make([]*Job, n)
	for i := range jobs {
		j := &jobs[i]
		j.N, j.Done = i, done
		j.Bare, j.Safe = j.run, j.guarded
		list[i] = j
	}
	return list
}

var (
	base = time.Now()
	wall atomic.Int64 // what the wall clock read at base, in nanoseconds, as it goes now
)

// Now is the monotonic time in nanoseconds since the program began.
func Now() int64 { return int64(time.Since(base)) }

// At is the instant of what Now gives then. The wall clock may have been set since
// the program began: it is that of now.
func At(ns int64) time.Time {
	now := time.Now()
	passed := int64(now.Sub(base))
	wall.Store(now.UnixNano() - passed)
	return now.Add(time.Duration(ns - passed))
}

// since is what Now would have given then. By the wall clock, it is for what At
// has made.
func since(t time.Time) int64 {
	if t == t.Round(0) { // it has no monotonic part
		return t.UnixNano() - wall.Load()
	}
	return int64(t.Sub(base))
}

func (j *Job) run() {
	j.Work()
	j.End()
}

// Work is the handler without its signal.
func (j *Job) Work() {
	if j.Timed {
		j.Began = Now()
	}
	if j.Takes > 0 {
		if j.Begun != nil {
			j.Begun.Done()
		}
		time.Sleep(j.Takes)
	}
}

// End is the signal.
func (j *Job) End() {
	if j.Timed {
		j.Ended = Now()
	}
	j.Done.Done()
}

// Panics counts those of handlers; there should be none.
var Panics atomic.Int64

func (j *Job) guarded() { guarded(j.run) }

func guarded(f func()) {
	defer func() {
		if recover() != nil {
			Panics.Add(1)
		}
	}()
	f()
}

// must is for what has to succeed: else the figures mean nothing.
func must(err error) {
	if err != nil {
		panic("bench: " + err.Error())
	}
}
