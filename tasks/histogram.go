package tasks

import (
	"encoding/json"
	"iter"
	"math"
	"math/bits"
	"slices"
	"time"
)

// A Histogram counts durations. Its zero value is empty and ready for use. What
// it says of them is off by a sixteenth at most, or by 64 ns if that is more;
// Count and Max are exact.
//
// It has eight buckets for each doubling, from 128 ns to 19 hours and a half;
// what is longer is in the last, of which it says the maximum. It has room only for those between the shortest
// and the longest duration that it was given: 64 bytes for each doubling, and
// never more than 2.4 KB; and none while all of them are in one bucket.
//
// It is a value: what is added to a copy made by Clone changes no other.
type Histogram struct {
	n      uint64
	sum    float64 // it would overflow a Duration
	max    time.Duration
	first  int      // the index of the first bucket in counts, or of the only one
	counts []uint64 // a whole number of doublings; nil: all n are in one bucket
}

const (
	unit    = 7 // 128 ns, as a shift
	fine    = 3 // eight buckets for each doubling, as a shift
	buckets = (46 - unit - fine + 1) << fine
)

// bucket is where d is counted.
func bucket(d time.Duration) int {
	u := uint64(d) >> unit //nolint:gosec // d is not negative
	doublings := max(0, bits.Len64(u)-fine-1)
	return min(doublings<<fine+int(u>>doublings), buckets-1) //nolint:gosec // less than 16
}

// bounds are what is counted in a bucket: from low on, and below high.
func bounds(i int) (low, high time.Duration) {
	edge := func(i int) time.Duration {
		doublings := max(0, i>>fine-1)
		return time.Duration(i-doublings<<fine) << doublings << unit
	}
	return edge(i), edge(i + 1)
}

// Add counts d. One that is negative counts as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	i := bucket(d)
	switch at := i - h.first; {
	case at >= 0 && at < len(h.counts):
		h.counts[at]++
	case h.n == 0:
		h.first = i
	case h.counts != nil || at != 0:
		at = h.reach(i)
		h.counts[at]++
	}
	h.n++
	h.sum += float64(d)
	h.max = max(h.max, d)
}

// reach makes room for the bucket i, and returns where that is now.
func (h *Histogram) reach(i int) int {
	const mask = 1<<fine - 1
	n := max(len(h.counts), 1)
	from, to := min(i, h.first)&^mask, max(i, h.first+n-1)|mask+1
	counts := make([]uint64, to-from)
	if h.counts == nil {
		counts[h.first-from] = h.n
	} else {
		copy(counts[h.first-from:], h.counts)
	}
	h.first, h.counts = from, counts
	return i - from
}

// all are the counts of the buckets from first on.
func (h *Histogram) all() []uint64 {
	if h.counts == nil && h.n > 0 {
		return []uint64{h.n}
	}
	return h.counts
}

// Clone is a copy.
func (h *Histogram) Clone() Histogram {
	c := *h
	c.counts = slices.Clone(h.counts)
	return c
}

// Count is how many were added.
func (h Histogram) Count() uint64 { return h.n }

// Max is the longest; zero if there is none.
func (h Histogram) Max() time.Duration { return h.max }

// Mean is the average; zero if there is none.
func (h Histogram) Mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return time.Duration(h.sum / float64(h.n))
}

// Quantile is what a part q of them is not longer than: 0.5 for the median, the
// second of three. It is zero if there is none. A q outside of 0 to 1 is taken as
// the nearer end, and one that is no number as 0.
func (h Histogram) Quantile(q float64) time.Duration {
	if !(q > 0) {
		q = 0
	}
	rank := uint64(math.Ceil(min(q, 1) * float64(h.n)))
	var seen uint64
	for i, n := range h.all() {
		if seen += n; n > 0 && seen >= max(rank, 1) {
			if h.first+i == buckets-1 {
				return h.max
			}
			low, high := bounds(h.first + i)
			return min(low+(high-low)/2, h.max)
		}
	}
	return h.max
}

// P50 is the median.
func (h Histogram) P50() time.Duration { return h.Quantile(0.5) }

// P90 is what nine of ten are not longer than.
func (h Histogram) P90() time.Duration { return h.Quantile(0.9) }

// P99 is what 99 of 100 are not longer than.
func (h Histogram) P99() time.Duration { return h.Quantile(0.99) }

// Buckets are the counts that are not zero, the shortest first, each with the
// duration that what is counted there is shorter than. For the last bucket of
// all that is not so.
func (h Histogram) Buckets() iter.Seq2[time.Duration, uint64] {
	return func(yield func(time.Duration, uint64) bool) {
		for i, n := range h.all() {
			if _, high := bounds(h.first + i); n > 0 && !yield(high, n) {
				return
			}
		}
	}
}

// MarshalJSON is the count, and in nanoseconds what sums it up.
func (h Histogram) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Count                    uint64
		Mean, P50, P90, P99, Max time.Duration
	}{h.n, h.Mean(), h.P50(), h.P90(), h.P99(), h.max})
}

// A Latency is how long a task's activations took from one point of their lives
// to the next, since the registration. Points in time are those at which the App
// decided, by its clock; only Begun needs another reading of the clock. It takes
// less than a kilobyte as a rule, and never more than ten.
type Latency struct {
	// Accepted is from the due time to the acceptance, of each activation that a
	// time or an event made due; what is fired by hand is due when it comes. What
	// was merged into an activation does not count.
	Accepted Histogram
	// Started is from the acceptance to the start of the first attempt: the wait
	// for conditions, slots and caps. It is of the first 1,024 attempts and of
	// every sixteenth after those.
	Started Histogram
	// Begun is from a start to the first line of the handler: the wait for a
	// goroutine, or for a turn on the loop. It is of the same attempts.
	Begun Histogram
	// Done is from a start until the outcome was told, of each attempt.
	Done Histogram
}

// Clone is a copy.
func (l *Latency) Clone() Latency {
	return Latency{l.Accepted.Clone(), l.Started.Clone(), l.Begun.Clone(), l.Done.Clone()}
}
