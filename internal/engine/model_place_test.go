package engine_test

import (
	"slices"
)

func (m *model) reserve(p *mPlace) string {
	t := p.task
	if t.gone || !m.running || m.draining {
		return "misuse"
	}
	if len(t.queue) > 0 || t.taken() {
		t.queue = append(t.queue, p)
		return "waits"
	}
	t.places = append(t.places, p)
	return "granted"
}

// taken reports whether every place of the pending list is taken or held.
func (t *mTask) taken() bool {
	n := t.keeps.Capacity()
	return n > 0 && t.countFresh()+len(t.places) >= n
}

func without[T comparable](list []T, v T) []T {
	return slices.DeleteFunc(list, func(o T) bool { return o == v })
}

func (m *model) unreserve(p *mPlace) {
	p.task.places, p.task.queue = without(p.task.places, p), without(p.task.queue, p)
	m.settleDown()
}

func (m *model) firePlace(p *mPlace, details any) string {
	t := p.task
	held := slices.Contains(t.places, p)
	t.places = without(t.places, p)
	if !held {
		m.drop(details)
		return "misuse"
	}
	r := m.fireOutside(t, details, fromPlace)
	m.settleDown()
	return r
}

func (m *model) grant(t *mTask) {
	for len(t.queue) > 0 && !t.taken() && !t.gone && !m.draining {
		p := t.queue[0]
		t.queue = t.queue[1:]
		t.places = append(t.places, p)
		m.say("grant place=%d", p.id)
	}
}

func (m *model) deny(t *mTask) {
	for _, p := range t.queue {
		m.say("deny place=%d", p.id)
	}
	t.queue = nil
}
