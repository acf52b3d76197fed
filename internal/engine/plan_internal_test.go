package engine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A naivePlan is what a plan must be: a sorted slice.
type naivePlan struct {
	list []slot
	seq  uint64
}

func (p *naivePlan) arm(n *node, at int64) {
	p.disarm(n)
	p.seq++
	i := 0
	for i < len(p.list) && p.list[i].at <= at {
		i++
	}
	p.list = slices.Insert(p.list, i, slot{at, p.seq, n})
}

func (p *naivePlan) disarm(n *node) bool {
	before := len(p.list)
	p.list = slices.DeleteFunc(p.list, func(s slot) bool { return s.node == n })
	return len(p.list) < before
}

func (p *naivePlan) pop(at int64) *node {
	if len(p.list) == 0 || p.list[0].at > at {
		return nil
	}
	n := p.list[0].node
	p.list = p.list[1:]
	return n
}

// TestPlanIsASortedSlice mixes arm, re-arm, disarm and pop. Few different
// instants make many ties, which must come out first in, first out.
func TestPlanIsASortedSlice(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var heap plan
		var naive naivePlan
		nodes := make([]node, 1+r.IntN(60))
		instants := 1 + r.Int64N(40)
		for step := range 400 {
			n, at := &nodes[r.IntN(len(nodes))], r.Int64N(instants)-instants/2
			switch r.IntN(6) {
			case 0, 1, 2:
				heap.arm(n, at)
				naive.arm(n, at)
			case 3:
				if got, want := heap.disarm(n), naive.disarm(n); got != want {
					t.Fatalf("seed %d, step %d: disarm: got %v, want %v", seed, step, got, want)
				}
			default:
				if got, want := heap.pop(at), naive.pop(at); got != want {
					t.Fatalf("seed %d, step %d: pop(%d): got %p, want %p", seed, step, at, got, want)
				}
			}
			if step%8 == 0 {
				checkHeap(t, &heap, nodes, &naive)
			}
		}
		for want := naive.pop(math.MaxInt64); want != nil; want = naive.pop(math.MaxInt64) {
			if got := heap.pop(math.MaxInt64); got != want {
				t.Fatalf("seed %d: at the end: got %p, want %p", seed, got, want)
			}
		}
		if n := heap.pop(math.MaxInt64); n != nil {
			t.Fatalf("seed %d: %p was left over", seed, n)
		}
	}
}

// checkHeap: every node knows where it is, and no other thinks that it is in.
func checkHeap(t *testing.T, p *plan, nodes []node, naive *naivePlan) {
	t.Helper()
	if len(p.heap) != len(naive.list) {
		t.Fatalf("%d nodes are armed, want %d", len(p.heap), len(naive.list))
	}
	for i, s := range p.heap {
		if int(s.node.index) != i+1 {
			t.Fatalf("the node at %d thinks that it is at %d", i, s.node.index-1)
		}
		if i > 0 && s.before(p.heap[(i-1)/2]) {
			t.Fatalf("the node at %d is before its parent", i)
		}
	}
	armed := 0
	for i := range nodes {
		if nodes[i].index != 0 {
			armed++
		}
	}
	if armed != len(p.heap) {
		t.Fatalf("%d nodes think that they are armed, want %d", armed, len(p.heap))
	}
	for _, s := range p.heap[len(p.heap):cap(p.heap)] {
		if s.node != nil {
			t.Fatal("a node that is not armed is kept alive")
		}
	}
}

func TestNanosKeepsTheOrderOfInstants(t *testing.T) {
	instants := []time.Time{
		{},
		time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(0, -1),
		time.Unix(0, 0),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(2262, 4, 11, 23, 47, 15, 0, time.UTC),
		time.Date(2262, 4, 11, 23, 47, 16, 999999999, time.UTC),
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for i, at := range instants[1:] {
		if a, b := nanos(instants[i]), nanos(at); a > b {
			t.Errorf("nanos(%v) is %d, and nanos(%v) is %d", instants[i], a, at, b)
		}
	}
	if got := nanos(time.Time{}); got != math.MinInt64 {
		t.Errorf("nanos of the zero time: got %d, want the least", got)
	}
	at := time.Date(2026, 7, 4, 12, 30, 15, 123456789, time.UTC)
	if got := time.Unix(0, nanos(at)); !got.Equal(at) {
		t.Errorf("there and back: got %v, want %v", got, at)
	}
}

// TestQueueIsASlice: what is taken from a queue, and what stays, is what it
// would be with a slice, also when it is long.
func TestQueueIsASlice(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		var q queue
		var want []*Act
		grow := 2 + r.IntN(3)
		for range 600 {
			switch {
			case r.IntN(5) < grow:
				a := new(Act)
				q.push(a)
				want = append(want, a)
			case r.IntN(4) == 0 && len(want) > 0:
				i := r.IntN(len(want))
				if got := q.take(i); got != want[i] {
					t.Fatalf("seed %d: take(%d): got another one", seed, i)
				}
				want = slices.Delete(want, i, i+1)
			case len(want) == 0:
				if q.pop() != nil || q.mergeable() != nil {
					t.Fatalf("seed %d: something came out of an empty queue", seed)
				}
			default:
				if got := q.pop(); got != want[0] {
					t.Fatalf("seed %d: pop: got another one", seed)
				}
				want = want[1:]
			}
			if q.len() != len(want) || !slices.Equal(q.items(), want) || len(want) > 0 && q.mergeable() != want[len(want)-1] {
				t.Fatalf("seed %d: the queue holds %d, want %d", seed, q.len(), len(want))
			}
		}
	}
}

// TestLanesKeepTheOrderOfThePlan arms some of the nodes for as long after a time
// that moves on, and at times back: whether they are in a lane or in the heap,
// they come out as they would of a sorted slice.
func TestLanesKeepTheOrderOfThePlan(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		var p plan
		var naive naivePlan
		nodes, turns := make([]node, 20), make([]turn, 40)
		waits := 1 + r.IntN(2*maxLanes)
		now := int64(0)
		for step := range 600 {
			n, of := &nodes[r.IntN(len(nodes))], &turns[r.IntN(len(turns))]
			wait := time.Duration(r.IntN(waits))
			switch r.IntN(10) {
			case 0, 1:
				p.arm(n, now+int64(wait))
				naive.arm(n, now+int64(wait))
			case 2, 3, 4, 5:
				p.armAfter(of, now, wait, []int{timerLanes, maxLanes}[r.IntN(2)])
				naive.arm(&of.node, now+int64(wait))
			case 6:
				p.disarmTurn(of)
				naive.disarm(&of.node)
			case 7:
				now += r.Int64N(4)
			case 8:
				if r.IntN(8) == 0 {
					now -= r.Int64N(8)
				}
			default:
				if got, want := p.pop(now), naive.pop(now); got != want {
					t.Fatalf("seed %d, step %d: pop(%d): got %p, want %p", seed, step, now, got, want)
				}
			}
			at, ok := p.next()
			if ok != (len(naive.list) > 0) || ok && at != naive.list[0].at {
				t.Fatalf("seed %d, step %d: next: got %d, %v", seed, step, at, ok)
			}
		}
		for want := naive.pop(math.MaxInt64); want != nil; want = naive.pop(math.MaxInt64) {
			if got := p.pop(math.MaxInt64); got != want {
				t.Fatalf("seed %d: at the end: got %p, want %p", seed, got, want)
			}
		}
		if n := p.pop(math.MaxInt64); n != nil {
			t.Fatalf("seed %d: %p was left over", seed, n)
		}
	}
}
