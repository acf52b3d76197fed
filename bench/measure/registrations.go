package measure

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// registrations is what jobs cost that stand and are not due.
func registrations(s Sizes) []Scenario {
	var list []Scenario
	for _, n := range s.Registrations {
		sc := Scenario{
			Name: fmt.Sprintf("registrations: %d idle", n),
			About: "Jobs that come every 15 minutes are registered, then the scheduler starts. Bytes are what the heap and the stacks " +
				"have grown by, after a collection, the names not counted. One more is registering another one while it runs, one less is unregistering it.",
			Ability: peers.Registering, Size: n,
			Columns: []Column{
				{Name: "B each", Ratio: true, Plot: true},
				{Name: "objects each"},
				{Name: "register ns each", Ratio: true},
				{Name: "one more ns", Ratio: true},
				{Name: "one less ns"},
				{Name: "GC ms"},
				{Name: "close ms"},
			},
			Once: func(c peers.Contender) ([]float64, error) { return standing(c, n) },
		}
		if n > 100_000 {
			sc.Every = 5
		}
		list = append(list, sc)
	}
	return list
}

func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = "task-" + strconv.Itoa(i)
	}
	return list
}

// heap is what is in use once it no longer becomes less: the runtime takes a
// while to forget timers that were stopped, and goroutines to end.
func heap() (bytes, objects uint64) {
	var m runtime.MemStats
	for range 20 {
		last := bytes
		everywhere(func() { time.Sleep(time.Millisecond) })
		runtime.GC()
		runtime.ReadMemStats(&m)
		bytes, objects = m.HeapAlloc+m.StackInuse, m.HeapObjects
		if bytes >= last-last/200 && last > 0 {
			break
		}
	}
	return bytes, objects
}

// everywhere has each processor of the runtime schedule f: each forgets stopped
// timers of its own only.
func everywhere(f func()) {
	var all sync.WaitGroup
	var there atomic.Int32
	n := runtime.GOMAXPROCS(0)
	for range n {
		all.Go(func() {
			for there.Add(1); int(there.Load()) < n; { // each has a processor then
			}
			f()
		})
	}
	all.Wait()
}

func standing(c peers.Contender, n int) ([]float64, error) {
	list := names(n + 1)
	bytes, objects := heap()
	r, err := c.Register(list)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for i := range n {
		if err := r.Add(i); err != nil {
			return nil, err
		}
	}
	if err := r.Start(); err != nil {
		return nil, err
	}
	each := float64(time.Since(began)) / float64(n)
	bytesNow, objectsNow := heap()
	began = time.Now()
	runtime.GC()
	gc := time.Since(began)
	more, less, err := oneMore(r, n)
	if err != nil {
		return nil, err
	}
	began = time.Now()
	r.Close()
	closing := time.Since(began)
	runtime.KeepAlive(list)
	grown := func(now, before uint64) float64 { return max(0, float64(now)-float64(before)) / float64(n) }
	return []float64{
		grown(bytesNow, bytes), grown(objectsNow, objects), each, more, less,
		float64(gc) / 1e6, float64(closing) / 1e6,
	}, nil
}

// oneMore registers and unregisters another one, for a while.
func oneMore(r peers.Register, i int) (more, less float64, err error) {
	var adding, removing time.Duration
	pairs := 0
	for ; pairs < 1_000 && adding+removing < 20*time.Millisecond; pairs++ {
		began := time.Now()
		if err := r.Add(i); err != nil {
			return 0, 0, err
		}
		added := time.Now()
		if err := r.Remove(i); err != nil {
			return 0, 0, err
		}
		adding += added.Sub(began)
		removing += time.Since(added)
	}
	return float64(adding) / float64(pairs), float64(removing) / float64(pairs), nil
}
