package main

import "sync"

// floors are what the Go runtime does by itself: no name, no ID, no lifecycle,
// no limit, no stop, and a panic ends the process.
func floors() []contender {
	return []contender{
		{"floor: go, prepared func", "nothing: it is what the runtime costs", goPrepared},
		{"floor: go, closure", "a value for each run, by a closure", goClosure},
		{"floor: go, then go", "each run hands over to a second goroutine, which signals the end", goTwice},
	}
}

func goPrepared() (target, error) {
	var wg sync.WaitGroup
	f := func() { wg.Done() }
	return target{
		produce: func(n int) {
			for range n {
				wg.Add(1)
				go f()
			}
		},
		wait: wg.Wait,
	}, nil
}

func goClosure() (target, error) {
	var wg sync.WaitGroup
	return target{
		produce: func(n int) {
			for i := range n {
				wg.Add(1)
				go func() { done(&wg, i) }()
			}
		},
		wait: wg.Wait,
	}, nil
}

// done ends a run that was given a value.
func done(wg *sync.WaitGroup, _ int) { wg.Done() }

func goTwice() (target, error) {
	var wg sync.WaitGroup
	second := func() { wg.Done() }
	first := func() { go second() }
	return target{
		produce: func(n int) {
			for range n {
				wg.Add(1)
				go first()
			}
		},
		wait: wg.Wait,
	}, nil
}
