package measure

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// idle is what is used while nothing is due.
func idle(s Sizes) []Scenario {
	var list []Scenario
	for _, n := range s.Registrations[:min(2, len(s.Registrations))] {
		list = append(list, Scenario{
			Name:    fmt.Sprintf("idle: %d registrations", n),
			About:   fmt.Sprintf("The processor time that this process uses in %v in which nothing is due.", s.Idle),
			Ability: peers.Registering, Size: n,
			Columns: []Column{{Name: "CPU µs/s", Plot: true}},
			Once:    func(c peers.Contender) ([]float64, error) { return resting(c, n, s.Idle) },
		})
	}
	return list
}

func resting(c peers.Contender, n int, d time.Duration) ([]float64, error) {
	r, err := c.Register(names(n))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for i := range n {
		if err := r.Add(i); err != nil {
			return nil, err
		}
	}
	if err := r.Start(); err != nil {
		return nil, err
	}
	// What there is to collect is collected now, and given back to the system.
	// Else the runtime does so meanwhile, for up to a hundredth of the time: that
	// is what setting up has left behind, and not what standing costs.
	heap()
	debug.FreeOSMemory()
	time.Sleep(d / 4)
	used := CPUTime()
	time.Sleep(d)
	return []float64{float64(CPUTime()-used) / 1e3 / d.Seconds()}, nil
}

// stopping is what is used while a handler that takes its time is waited for.
func stopping(s Sizes) []Scenario {
	return []Scenario{{
		Name: "stopping: one handler runs on",
		About: fmt.Sprintf("The contender is closed while a handler runs that will take another %v. "+
			"CPU is what is used until it is closed; after is how long that takes once the handler has ended, "+
			"below zero if it is not waited for.", s.Takes),
		Ability: peers.Dispatching,
		Columns: []Column{{Name: "CPU µs", Plot: true}, {Name: "after µs"}},
		Once:    func(c peers.Contender) ([]float64, error) { return closing(c, s.Takes) },
	}}
}

func closing(c peers.Contender, d time.Duration) ([]float64, error) {
	t, err := c.Dispatch()
	if err != nil {
		return nil, err
	}
	var begun, done sync.WaitGroup
	j := peers.NewJobs(1, &done)[0]
	j.Timed, j.Takes, j.Begun = true, d, &begun
	begun.Add(1)
	done.Add(1)
	var all sync.WaitGroup
	all.Go(func() { t.Submit(j) }) // which may wait
	begun.Wait()                   // or Close might keep it from that, and nobody would be done
	used := CPUTime()
	t.Close()
	closed := peers.Now()
	used = CPUTime() - used
	all.Wait()
	done.Wait()
	return []float64{float64(used) / 1e3, float64(closed-j.Ended) / 1e3}, noPanics()
}
