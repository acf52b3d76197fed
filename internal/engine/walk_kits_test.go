package engine_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// A kit is a registration as the walks know it: what the model needs to know.
type kit struct {
	name          string
	every         time.Duration
	at            []time.Duration
	follow        time.Duration // after completions
	leap          bool
	count         bool // elapsed time
	topics        []string
	conds         int
	polled        bool // all of its conditions are
	keepOn        bool
	limit         time.Duration
	grace         time.Duration
	keeps         tasks.Keep
	overlap       tasks.Overlap
	missed        tasks.Missed
	attempts      int
	onAbandon     tasks.OnAbandon
	onLoop        bool
	cap           string // the key of one
	priority      int
	oneShot       bool
	key           string // exclusive
	window        time.Duration
	windowCancels bool
	quiet         bool // what is judged is put off anew by each firing
	judge         func(n int, due time.Time) (lag time.Duration, ok bool)
}

// The pauses of those that retry.
const (
	backoff    = 2 * time.Second
	maxBackoff = 5 * time.Second
)

// kits are the registrations of the walks. Between them they use everything
// that the engine knows.
var kits = append([]*kit{
	{name: "plain", keeps: tasks.Newest, grace: 5 * time.Second},
	{name: "timed", keeps: tasks.Newest, every: 7 * time.Second, conds: 1, limit: 10 * time.Second, grace: 5 * time.Second},
	{name: "keeps", keeps: tasks.Every(2), overlap: tasks.Parallel(2), conds: 2, keepOn: true, topics: news, grace: 2 * time.Second},
	{name: "payload", keeps: tasks.Every(1), limit: 3 * time.Second, grace: -1},
	{name: "unbounded", keeps: tasks.Every(1), overlap: tasks.Parallel(0), every: 4 * time.Second, limit: -1, grace: 3 * time.Second, topics: news},
	{name: "once", keeps: tasks.Newest, at: []time.Duration{4 * time.Second, 9 * time.Second}, oneShot: true, conds: 1, grace: 5 * time.Second},
	{name: "polled", keeps: tasks.Every(3), overlap: tasks.Parallel(2), conds: 2, polled: true, grace: 4 * time.Second, topics: news},
	{name: "judged", keeps: tasks.Every(2), overlap: tasks.Parallel(2), every: 3 * time.Second, grace: time.Second, key: "x", judge: judge},
	{name: "merging", keeps: tasks.Newest, topics: news, conds: 1, grace: -1, key: "x", judge: judge},
	{name: "polled once", keeps: tasks.Newest, conds: 1, polled: true, oneShot: true, topics: news, grace: -1, limit: 6 * time.Second},
	{name: "sudden", keeps: tasks.Newest, at: []time.Duration{0, time.Second, 30 * time.Second}, grace: 5 * time.Second},

	{name: "retried", keeps: tasks.Every(3), overlap: tasks.Parallel(2), attempts: 3, conds: 1, topics: news, grace: 3 * time.Second, limit: 8 * time.Second},
	{name: "retried once", keeps: tasks.Newest, attempts: 3, conds: 1, oneShot: true, topics: news, grace: 2 * time.Second},
	{name: "retried by the clock", keeps: tasks.Oldest, attempts: 2, every: 5 * time.Second, count: true, grace: 2 * time.Second, cap: "k", missed: tasks.MissedAll(2)},
	{name: "skips", keeps: tasks.Newest, every: 3 * time.Second, missed: tasks.MissedSkip, grace: 2 * time.Second, cap: "k"},
	{name: "makes up", keeps: tasks.Every(4), every: 3 * time.Second, leap: true, missed: tasks.MissedAll(3), grace: 2 * time.Second, priority: 1},
	{name: "follows", keeps: tasks.Newest, follow: 6 * time.Second, limit: 4 * time.Second, grace: 2 * time.Second, attempts: 2},
	{name: "follows and holds", keeps: tasks.Newest, follow: 6 * time.Second, overlap: tasks.Skip, missed: tasks.MissedSkip, onAbandon: tasks.HoldSlot, limit: 4 * time.Second, grace: 2 * time.Second, conds: 1},
	{name: "chained", keeps: tasks.Every(2), topics: []string{"done/any/a", "done/failed/d"}, grace: 2 * time.Second, cap: "k", priority: 2},
	{name: "chained to itself", keeps: tasks.Oldest, topics: []string{"done/ok/b", "done/any/e"}, grace: 2 * time.Second, missed: tasks.MissedSkip},
	{name: "jumps", keeps: tasks.Every(3), overlap: tasks.Skip, topics: []string{"clock/jump", "news"}, grace: 2 * time.Second, conds: 1},
	{name: "window", keeps: tasks.Newest, topics: news, every: 11 * time.Second, window: 5 * time.Second, conds: 1, grace: 2 * time.Second},
	{name: "window cancels", keeps: tasks.Every(2), topics: news, every: 13 * time.Second, window: 6 * time.Second, windowCancels: true, attempts: 3, conds: 1, grace: 2 * time.Second},
	{name: "window judged", keeps: tasks.Oldest, topics: news, window: 5 * time.Second, judge: judge, grace: 2 * time.Second, cap: "k"},
	{name: "quiet", keeps: tasks.Newest, topics: news, quiet: true, judge: judge, grace: 2 * time.Second, conds: 1},
	{name: "quiet and on", keeps: tasks.Newest, topics: news, quiet: true, judge: judge, grace: 2 * time.Second, overlap: tasks.Replace, attempts: 2},
	{name: "on the loop", keeps: tasks.Every(2), topics: news, onLoop: true, limit: 4 * time.Second, grace: 2 * time.Second},
	{name: "on the loop, retried", keeps: tasks.Newest, topics: news, onLoop: true, attempts: 3, conds: 1, grace: 2 * time.Second},
	{name: "put off until it is due again", keeps: tasks.Newest, every: 2 * time.Second, judge: judge, overlap: tasks.Parallel(2), grace: 2 * time.Second, limit: 7 * time.Second},
	{name: "put off until its window closes", keeps: tasks.Newest, topics: news, window: 4 * time.Second, judge: judge, conds: 1, grace: 2 * time.Second},
	{name: "stops", keeps: tasks.Newest, onAbandon: tasks.StopApp, limit: 5 * time.Second, grace: time.Second, topics: news},
}, combinations()...)

var news = []string{"news"}

// combinations are every Keep with every Overlap, with a little of everything
// else.
func combinations() (list []*kit) {
	for i, keeps := range []tasks.Keep{tasks.Newest, tasks.Oldest, tasks.Every(1), tasks.Every(3)} {
		for j, overlap := range []tasks.Overlap{tasks.Wait, tasks.Skip, tasks.Replace, tasks.Parallel(2), tasks.Parallel(0)} {
			n := i*5 + j
			list = append(list, &kit{
				name:      fmt.Sprintf("%v, %v", keeps, overlap),
				keeps:     keeps,
				overlap:   overlap,
				topics:    news[:n%2],
				conds:     n % 3,
				polled:    n%9 == 4,
				keepOn:    n%4 == 0,
				limit:     time.Duration(n%4) * 3 * time.Second,
				grace:     time.Duration(n%5-1) * time.Second,
				missed:    []tasks.Missed{tasks.MissedOnce, tasks.MissedSkip, tasks.MissedAll(2)}[n%3],
				attempts:  n % 4,
				onAbandon: []tasks.OnAbandon{tasks.FreeSlot, tasks.HoldSlot}[n/2%2],
				cap:       []string{"", "k"}[n/3%2],
				priority:  n%3 - 1,
			})
		}
	}
	return list
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

// trigger is the text of the kit's trigger.
func (k *kit) trigger() string {
	return fmt.Sprint(k.every, k.at, k.follow, k.leap, k.count, k.topics, k.oneShot, k.key, k.window, k.windowCancels, k.quiet, k.judge != nil)
}

// group is the part of a name before its slash, base what follows it.
func group(name string) string {
	g, _, ok := strings.Cut(name, "/")
	if !ok {
		return ""
	}
	return g
}

func base(name string) string { return name[strings.Index(name, "/")+1:] }

// spec is the kit as the engine sees it.
func (k *kit) spec(name string, replace bool) *engine.Spec {
	s := &engine.Spec{
		Key: engine.Key{Group: group(name), Name: base(name)}, Replace: replace,
		Terms: &engine.Terms{
			OneShot: k.oneShot, Trigger: k.trigger(), Scopes: []engine.Scope{{Window: k.window, WindowCancels: k.windowCancels}},
		},
	}
	s.Reg = tasks.Registration{
		Name: s.Key.Name, KeepOnConditionLoss: k.keepOn, TimeLimit: k.limit, Grace: k.grace,
		Keep: k.keeps, Overlap: k.overlap, Missed: k.missed, OnAbandon: k.onAbandon, OnLoop: k.onLoop,
		Retry: tasks.Retry{Attempts: k.attempts, Backoff: backoff, MaxBackoff: maxBackoff, Jitter: -1},
		Key:   k.cap, Priority: k.priority,
	}
	switch {
	case k.follow > 0:
		schedule(s, following(k.follow))
	case k.leap:
		schedule(s, everyLeaping{every(k.every)})
	case k.count:
		schedule(s, counting{every(k.every)})
	case k.every > 0:
		schedule(s, every(k.every))
	case k.at != nil:
		schedule(s, instants(k.at))
	}
	listen(s, k.topics...)
	conditions(s, conditionNames[:k.conds], k.polled)
	if k.key != "" {
		s.Exclusive = []any{k.key}
	}
	switch {
	case k.quiet:
		judged(s, debounce{k})
	case k.judge != nil:
		judged(s, k)
	}
	return s
}
