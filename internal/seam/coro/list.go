package coro

// A list is a ring of strands through nodes that are part of them, so that one
// leaves from anywhere, and none costs an allocation.
type list struct{ root node }

type node struct {
	prev, next *node
	s          *strand
}

func (l *list) init() { l.root.prev, l.root.next = &l.root, &l.root }

func (l *list) push(n *node) {
	n.prev, n.next = l.root.prev, &l.root
	n.prev.next, l.root.prev = n, n
}

// remove takes n out of its list, if it is in one.
func (n *node) remove() {
	if n.next == nil {
		return
	}
	n.prev.next, n.next.prev = n.next, n.prev
	n.prev, n.next = nil, nil
}

// first is the strand that was pushed first, or nil.
func (l *list) first() *strand { return l.root.next.s }
