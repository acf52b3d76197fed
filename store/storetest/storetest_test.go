package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/store/storetest"
)

// A bug is one thing that a simple store does wrong.
type bug int

const (
	none bug = iota
	loadsByKey
	loadsWhatWasSuperseded
	forgetsToDelete
	keepsPlaceOfKey
	durableOnlyWithTheNext
	tornKeepsTheRest
	tornHalfRecord
	tornTailStays
	failsOnceAndForAll
	failsAndSaysNothing
	failsAndForgetsAll
	appendIgnoresContextAndRecords
	loadIgnoresContext
	cutsBigValues
	losesEmptyValues
	losesEmptyKey
	keepsTheSlice
	givesItsOwnSlice
	takesAnyKind
	swallowsTheError
	goesOnAfterTheError
	loadsWhatComesMeanwhile
	losesConcurrent
	grows
	bugs
)

// A simple store keeps all of it in a list, under one lock.
type simple struct {
	bug

	mu     sync.Mutex // guards the following
	list   []store.Record
	late   []store.Record // not durable yet
	fail   bool
	failed bool
	torn   bool // the tail, and what is put behind it
}

var errDisk = errors.New("disk full")

func (s *simple) Append(ctx context.Context, records []store.Record) error {
	if ctx.Err() != nil {
		if s.bug == appendIgnoresContextAndRecords {
			return nil
		}
		return ctx.Err()
	}
	for _, r := range records {
		if r.Kind != store.Put && r.Kind != store.Delete && s.bug != takesAnyKind {
			return store.ErrKind
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail || s.failed && s.bug == failsOnceAndForAll {
		s.fail, s.failed = false, true
		switch s.bug {
		case failsAndSaysNothing:
			return nil
		case failsAndForgetsAll:
			s.list = nil
		}
		return errDisk
	}
	if s.torn {
		return nil
	}
	before := s.list
	if s.bug == losesConcurrent {
		s.mu.Unlock()
		time.Sleep(time.Microsecond) // the bubble's: until all who append are here
		s.mu.Lock()
	}
	s.list = slices.Concat(before, s.late, s.clone(records))
	s.late = nil
	if s.bug == durableOnlyWithTheNext {
		s.list = s.list[:len(s.list)-len(records)]
		s.late = s.clone(records)
	}
	return nil
}

func (s *simple) clone(records []store.Record) (list []store.Record) {
	for _, r := range records {
		switch {
		case s.bug == cutsBigValues:
			r.Value = r.Value[:min(len(r.Value), 1<<16)]
		case s.bug == losesEmptyValues && len(r.Value) == 0 && r.Kind == store.Put, s.bug == losesEmptyKey && r.Key == "":
			continue
		case s.bug == keepsTheSlice:
			list = append(list, r)
			continue
		}
		list = append(list, store.Record{Kind: r.Kind, Key: r.Key, Value: bytes.Clone(r.Value)})
	}
	return list
}

func (s *simple) Load(ctx context.Context, f func(store.Record) error) error {
	s.mu.Lock()
	list := slices.Concat(s.list, s.late)
	s.mu.Unlock()
	var failed error
	live := s.live(list)
	for i := 0; i < len(live); i++ {
		if ctx.Err() != nil && s.bug != loadIgnoresContext {
			return ctx.Err()
		}
		r := live[i]
		if s.bug != givesItsOwnSlice {
			r.Value = bytes.Clone(r.Value)
		}
		if err := f(r); err != nil {
			if failed = err; s.bug != goesOnAfterTheError {
				break
			}
		}
		if s.bug == loadsWhatComesMeanwhile {
			s.mu.Lock()
			list = slices.Clone(s.list)
			s.mu.Unlock()
			live = s.live(list)
		}
	}
	switch {
	case s.bug == swallowsTheError:
		return nil
	case failed == nil && s.bug != loadIgnoresContext:
		return ctx.Err()
	}
	return failed
}

func (s *simple) live(list []store.Record) (live []store.Record) {
	for _, r := range list {
		same := func(o store.Record) bool { return o.Key == r.Key }
		at := slices.IndexFunc(live, same)
		switch {
		case r.Kind == store.Put && s.bug == keepsPlaceOfKey && at >= 0:
			live[at] = r
		case r.Kind == store.Put && s.bug == loadsWhatWasSuperseded:
			live = append(live, r)
		case r.Kind == store.Put:
			live = append(slices.DeleteFunc(live, same), r)
		case s.bug != forgetsToDelete:
			live = slices.DeleteFunc(live, same)
		}
	}
	if s.bug == loadsByKey {
		slices.SortFunc(live, func(a, b store.Record) int { return strings.Compare(a.Key, b.Key) })
	}
	return live
}

func (s *simple) disk() storetest.Disk {
	return storetest.Disk{
		Open:  func() (store.Store, error) { return s, nil },
		Crash: func() { s.late = nil },
		Tear: func(records []store.Record, n int) (more bool) {
			whole := min(n/16, len(records)) // a record has 16 bytes, say
			switch {
			case s.bug == tornKeepsTheRest && whole > 0:
				s.list = append(s.list, s.clone(records[len(records)-whole:])...)
			case s.bug == tornHalfRecord && n%16 == 8 && whole < len(records):
				half := records[whole]
				half.Value = half.Value[:len(half.Value)/2]
				s.list = append(s.list, s.clone(append(slices.Clone(records[:whole]), half))...)
			default:
				s.list = append(s.list, s.clone(records[:whole])...)
				s.torn = s.bug == tornTailStays && n%16 != 0
			}
			return whole < len(records)
		},
		Fail: func() { s.fail = true },
		Size: func() (n int64) {
			list := s.list
			if s.bug != grows {
				list = s.live(list)
			}
			for _, r := range list {
				n += int64(len(r.Key) + len(r.Value))
			}
			return n
		},
	}
}

// The suite has nothing to say against a store that is right, and finds what is
// wrong with each of those that are not. It does so in a bubble, in which those
// who append at once do, however the processors go on.
func TestFindsWhatIsWrong(t *testing.T) {
	for b := range bugs {
		synctest.Test(t, func(t *testing.T) {
			err := storetest.Test(func() storetest.Disk { return (&simple{bug: b}).disk() })
			if (err != nil) != (b != none) {
				t.Errorf("bug %d: got %v", b, err)
			}
			t.Logf("bug %d: %v", b, err)
		})
	}
}
