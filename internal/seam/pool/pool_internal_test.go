package pool

import (
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/internal/seam"
)

type numbered struct{ n int }

func (*numbered) Run() {}

func TestJobsAreTakenInSpawnOrder(t *testing.T) {
	p := New()
	p.starting = p.chain // enough are on their way, so all jobs wait
	next, taken := 0, 0
	for round := range 200 { // the queue grows while its head is anywhere
		for range round {
			p.Spawn(&numbered{next})
			next++
		}
		for range round * 2 / 3 {
			if got := p.jobs.pop().(*numbered).n; got != taken {
				t.Fatalf("job taken: got %d, want %d", got, taken)
			}
			taken++
		}
	}
	for j := p.jobs.pop(); j != nil; j = p.jobs.pop() {
		if got := j.(*numbered).n; got != taken {
			t.Fatalf("job taken: got %d, want %d", got, taken)
		}
		taken++
	}
	if p.jobs.n != 0 || taken != next {
		t.Errorf("jobs taken: got %d, want %d", taken, next)
	}
}

func TestEmptyQueueKeepsLittle(t *testing.T) {
	var q queue
	for range roomy + 1 {
		q.push(&numbered{})
	}
	for range roomy {
		q.pop()
	}
	for _, j := range q.ring[:roomy] {
		if j != nil {
			t.Fatal("the queue keeps a job that was taken")
		}
	}
	q.pop()
	if len(q.ring) > roomy {
		t.Errorf("slots of an empty queue: got %d, want at most %d", len(q.ring), roomy)
	}
}

func TestWaitingJobsHaveAStartingWorker(t *testing.T) {
	p := New()
	check := func(when string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.jobs.n > 0 && p.starting == 0 {
			t.Fatalf("%s: %d jobs wait and no worker is starting", when, p.jobs.n)
		}
		if p.starting > p.chain {
			t.Fatalf("%s: %d workers are starting, want at most %d", when, p.starting, p.chain)
		}
	}
	done := make(chan struct{})
	for range 1000 {
		p.Spawn(watcher(func() { check("in a job"); done <- struct{}{} }))
		check("after Spawn")
	}
	for range 1000 {
		<-done
	}
	p.Close()
}

type watcher func()

func (w watcher) Run() { w() }

func TestFewWorkersStayIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New()
		hold := make(chan struct{})
		for range 3 * p.keep {
			p.Spawn(watcher(func() { <-hold }))
		}
		synctest.Wait()
		close(hold)
		synctest.Wait()
		if got := len(p.idle); got != p.keep {
			t.Errorf("idle workers after %d were busy: got %d, want %d", 3*p.keep, got, p.keep)
		}
		p.Close()
	})
}

func TestLatestIdleWorkerIsWokenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New()
		hold := make(chan struct{})
		for range 8 {
			p.Spawn(watcher(func() { <-hold }))
		}
		synctest.Wait()
		close(hold)
		synctest.Wait()
		last := p.idle[len(p.idle)-1]
		for range 10 {
			p.Spawn(watcher(func() {}))
			synctest.Wait()
		}
		if got := p.idle[len(p.idle)-1]; got != last {
			t.Error("ten jobs in turn were run by more than one worker")
		}
		p.Close()
	})
}

func TestAtMostGOMAXPROCSWorkersAreStarting(t *testing.T) {
	p := New()
	p.chain = 3
	started := make(chan struct{}, 10) // slots: the workers only leave a mark
	p.work = func() { started <- struct{}{} }
	for range 10 {
		p.Spawn(watcher(func() {}))
	}
	for range 3 {
		<-started
	}
	if p.starting != 3 {
		t.Errorf("starting for 10 jobs that wait: got %d, want 3", p.starting)
	}
}

func TestNoMoreWorkersStartThanJobsWait(t *testing.T) {
	p := New()
	p.chain = 3
	started := make(chan struct{}, 10) // slots: the workers only leave a mark
	p.work = func() { started <- struct{}{} }
	for n := range 2 {
		p.Spawn(watcher(func() {}))
		<-started
		if p.starting != n+1 {
			t.Errorf("starting for %d jobs that wait: got %d", n+1, p.starting)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs.pop() // by a worker that was busy
	if wake, start := p.another(); wake != nil || start {
		t.Error("a third worker is to start while one job waits")
	}
}

func TestNoWorkerIsStartingWhenAllIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New()
		for range 1000 {
			p.Spawn(watcher(func() {}))
		}
		synctest.Wait()
		if p.starting != 0 {
			t.Errorf("starting: got %d, want 0", p.starting)
		}
		p.Close()
	})
}

// A left is a job that leaves something to tell.
type left struct{ told int }

func (*left) Run()            {}
func (*left) RunUntold() bool { return true }

func (*left) Tell(all []seam.Teller, _ bool) {
	for _, l := range all {
		l.(*left).told = len(all)
	}
}

// alone is a pool whose only worker is who calls life.
func alone() *Pool {
	p := New()
	p.work = func() {}
	return p
}

// What others have left is told by a worker that starts before it runs a job,
// though more jobs wait: the one who left it may be blocked.
func TestWorkerThatStartsTellsWhatIsLeft(t *testing.T) {
	p, l, ran := alone(), new(left), 0
	p.untold = append(p.untold, l)
	for range 3 {
		p.Spawn(watcher(func() {
			if ran++; l.told == 0 {
				t.Error("a job runs, and what was left has not been told")
			}
		}))
	}
	p.Close()
	p.life() // ends when no job waits
	if ran != 3 {
		t.Errorf("jobs that ran: got %d, want 3", ran)
	}
}

// The last job of all may block, and nobody is starting then.
func TestWhatIsLeftIsToldBeforeTheLastJob(t *testing.T) {
	p, l, ran := alone(), new(left), false
	p.Spawn(l)
	p.Spawn(watcher(func() {
		if ran = true; l.told == 0 {
			t.Error("the last job runs, and what was left has not been told")
		}
	}))
	p.Close()
	p.life()
	if !ran {
		t.Error("the last job did not run")
	}
}

func TestFourAreToldTogether(t *testing.T) {
	p, crowd := alone(), make([]left, 100)
	for i := range crowd {
		p.Spawn(&crowd[i])
	}
	p.Close()
	p.life()
	for i := range crowd[:96] {
		if got := crowd[i].told; got != together {
			t.Fatalf("job %d was told with how many: got %d, want %d", i, got, together)
		}
	}
}
