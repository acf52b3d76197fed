package engine_test

import (
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// kits are the registrations of the walks. Between them they use everything
// that the engine knows.
var kits = []*kit{
	{name: "plain", newest: true, slots: 1, grace: 5 * time.Second},
	{name: "timed", newest: true, slots: 1, every: 7 * time.Second, conds: 1, limit: 10 * time.Second, grace: 5 * time.Second},
	{name: "keeps", cap: 2, slots: 2, conds: 2, keepOn: true, topic: true, grace: 2 * time.Second},
	{name: "payload", cap: 1, slots: 1, limit: 3 * time.Second, grace: -1},
	{name: "unbounded", cap: 1, slots: 0, every: 4 * time.Second, limit: -1, grace: 3 * time.Second, topic: true},
	{name: "once", newest: true, slots: 1, at: []time.Duration{4 * time.Second, 9 * time.Second}, oneShot: true, conds: 1, grace: 5 * time.Second},
	{name: "polled", cap: 3, slots: 2, conds: 2, polled: true, grace: 4 * time.Second, topic: true},
	{name: "judged", cap: 2, slots: 2, every: 3 * time.Second, grace: time.Second, key: "x", judge: judge},
	{name: "merging", newest: true, slots: 1, topic: true, conds: 1, grace: -1, key: "x", judge: judge},
	{name: "polled once", newest: true, slots: 1, conds: 1, polled: true, oneShot: true, topic: true, grace: -1, limit: 6 * time.Second},
	{name: "sudden", newest: true, slots: 1, at: []time.Duration{0, time.Second, 30 * time.Second}, grace: 5 * time.Second},
}

var conditionNames = []string{"one", "two"}

// judge puts off some firings and lets others not through at all.
func judge(n int, due time.Time) (time.Duration, bool) {
	return time.Duration(n%3) * 2 * time.Second, due.Second()%5 != 0
}

func (k *kit) Pass(ph activation.Phase, due time.Time) (time.Time, bool) {
	lag, ok := k.judge(int(ph.N), due)
	return due.Add(lag), ok
}

// spec is the kit as the engine sees it.
func (k *kit) spec(name string, replace bool) *engine.Spec {
	s := &engine.Spec{Key: engine.Key{Name: name}, Replace: replace, OneShot: k.oneShot, Scopes: make([]engine.Scope, 1)}
	s.Reg = tasks.Registration{
		Name: name, KeepOnConditionLoss: k.keepOn, TimeLimit: k.limit, Grace: k.grace,
		Keep: tasks.Newest, Overlap: tasks.Parallel(k.slots),
	}
	if !k.newest {
		s.Reg.Keep = tasks.Every(k.cap)
	}
	switch {
	case k.every > 0 && k.cap == 2:
		schedule(s, everyLeaping{every(k.every)})
	case k.every > 0:
		schedule(s, every(k.every))
	case k.at != nil:
		schedule(s, instants(k.at))
	}
	if k.topic {
		listen(s, "news")
	}
	conditions(s, conditionNames[:k.conds], k.polled)
	if k.key != "" {
		s.Exclusive = []any{k.key}
	}
	if k.judge != nil {
		judged(s, k)
	}
	return s
}
