package pool

import (
	"testing"
	"testing/synctest"
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
