// Package storetest is the conformance suite of store.Store: what every store
// must do, at every point at which a process can end.
//
// It never looks inside a store. What it cannot ask a Store for, such as to end
// in the middle of a write, a Disk does for it.
package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bgloop/bgloop/store"
)

// A Disk is where one store is kept, empty at first.
type Disk struct {
	// Open opens the store, as a program does when it starts. It is required.
	Open func() (store.Store, error)

	// Crash ends the program that has opened it, without a word to the store.
	// Nil means that there is nothing to do: it is left as it is, and opened
	// again. A store that only one may have open needs it, to let go of it.
	Crash func()

	// Tear begins to append the records to the open store and ends the program
	// when n bytes of them are written. It reports whether there were more than
	// n. Nil means that this cannot be done, and is not tested.
	Tear func(records []store.Record, n int) (more bool)

	// Fail makes the next Append of the open store fail, and the next one only.
	// Nil means that this cannot be done, and is not tested.
	Fail func()

	// Size is how many bytes it takes. Nil means that this is not known, and
	// growth is not tested.
	Size func() int64
}

// A check is one promise of a Store's.
type check struct {
	name  string
	holds func(*bench) error
}

// Run tests a store. fresh makes a new empty Disk each time.
func Run(t *testing.T, fresh func(t *testing.T) Disk) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(func() Disk { return fresh(t) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// Test is Run for who wants the failures as one error, each beginning with the
// name of what was tested.
func Test(fresh func() Disk) error {
	var failed []error
	for _, c := range checks() {
		if err := c.run(fresh); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errors.Join(failed...)
}

func (c check) run(fresh func() Disk) error { return c.holds(&bench{fresh: fresh}) }

func checks() []check {
	return []check{
		{"EmptyHasNothing", emptyHasNothing},
		{"LastOfEachKeyInOrder", lastOfEachKeyInOrder},
		{"SurvivesReopeningAtEveryPoint", survivesReopening},
		{"SurvivesACrashAtEveryPoint", survivesCrash},
		{"TornWriteLeavesAPrefix", tornWriteLeavesPrefix},
		{"FailedAppendCanBeRepeated", failedAppendCanBeRepeated},
		{"EndedContext", endedContext},
		{"EmptyAndBig", emptyAndBig},
		{"RefusesWhatIsNoRecord", refusesNoRecord},
		{"KeepsNoSlice", keepsNoSlice},
		{"LoadReturnsTheError", loadReturnsTheError},
		{"LoadMayCallTheStore", loadMayCallTheStore},
		{"ConcurrentCallers", concurrentCallers},
		{"StaysSmall", staysSmall},
	}
}
