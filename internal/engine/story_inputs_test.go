package engine_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

func engineConfig(words []string) engine.Config {
	c := engine.Config{Grace: 5 * time.Second, Shadow: true}
	if words[0] != "engine" {
		return c
	}
	l := &fields{words: words[1:]}
	if v, ok := l.option("limit"); ok {
		c.TimeLimit = l.duration(v)
	}
	if v, ok := l.option("grace"); ok {
		c.Grace = l.duration(v)
	}
	return c
}

// hosts are the inputs that the engine never sees.
func (s *story) hosts() map[string]func(*fields) {
	return map[string]func(*fields){
		"workers": func(l *fields) { s.free = l.next() == "free" },
		"run":     func(l *fields) { s.run(s.inst(l)) },
		"pass":    func(l *fields) { s.pass(l.duration(l.next())) },
		"stall": func(l *fields) {
			s.now = s.now.Add(l.duration(l.next()))
			s.step(engine.Input{Op: engine.Tick})
		},
		"look": func(l *fields) {
			i := s.inst(l)
			if i.Reason() != 0 {
				s.say("= %v, %s", i.Life.State(), i.Reason().String())
				return
			}
			s.say("= %v", i.Life.State())
		},
		"next": func(*fields) {
			if at, ok := s.e.Next(); ok {
				s.say("= %s", since(at))
				return
			}
			s.say("= never")
		},
	}
}

// pass lets time pass as a host does: with a Tick whenever one is wanted.
func (s *story) pass(d time.Duration) {
	end := s.now.Add(d)
	for at, ok := s.e.Next(); ok && !at.After(end); at, ok = s.e.Next() {
		if at.After(s.now) {
			s.now = at
		}
		s.step(engine.Input{Op: engine.Tick})
	}
	s.now = end
}

// ops makes an input of the words of a line.
func (s *story) ops() map[string]func(*fields) engine.Input {
	type maker = func(*fields) engine.Input
	ofTask := func(op engine.Op) maker {
		return func(l *fields) engine.Input { return engine.Input{Op: op, Task: s.task(l)} }
	}
	ofInst := func(op engine.Op) maker {
		return func(l *fields) engine.Input { return engine.Input{Op: op, Inst: s.inst(l), Err: l.err()} }
	}
	register := func(replace bool) maker {
		return func(l *fields) engine.Input {
			return engine.Input{Op: engine.Register, Spec: s.spec(l, replace)}
		}
	}
	timer := func(l *fields, ofTask bool) engine.Input {
		name, d := l.next(), l.duration(l.next())
		tm := &engine.Timer{Host: name}
		if ofTask {
			tm.Task = s.task(l)
		}
		s.timers[name] = tm
		return engine.Input{Op: engine.Arm, Timer: tm, For: d}
	}
	return map[string]maker{
		"register": register(false),
		"replace":  register(true),
		"unregister": func(l *fields) engine.Input {
			return engine.Input{Op: engine.Unregister, Task: s.task(l), On: l.flag("cancel")}
		},
		"begin": func(*fields) engine.Input { return engine.Input{Op: engine.Begin} },
		"fire": func(l *fields) engine.Input {
			return engine.Input{Op: engine.Fire, Task: s.task(l), Details: l.details()}
		},
		"raise": func(l *fields) engine.Input {
			return engine.Input{Op: engine.Raise, Topic: l.next(), Details: l.details()}
		},
		"report": func(l *fields) engine.Input {
			t, name := s.task(l), l.next()
			i := slices.IndexFunc(t.Reg.Conditions, func(c activation.Condition) bool { return c.String() == name })
			return engine.Input{Op: engine.Report, Task: t, Index: i, On: l.next() == "true"}
		},
		"pause":    ofTask(engine.Pause),
		"resume":   ofTask(engine.Resume),
		"returned": ofInst(engine.Returned),
		"over":     ofInst(engine.Over),
		"cancel": func(l *fields) engine.Input {
			return engine.Input{Op: engine.Cancel, Inst: s.inst(l), Reason: l.reason(l.next())}
		},
		"progress": func(l *fields) engine.Input {
			return engine.Input{Op: engine.Progress, Inst: s.inst(l), N: uint64(l.number(l.next()))}
		},
		"reserve": func(l *fields) engine.Input {
			name := l.next()
			s.places[name] = &engine.Place{Task: s.task(l), Host: name}
			return engine.Input{Op: engine.Reserve, Place: s.places[name]}
		},
		"unreserve": func(l *fields) engine.Input {
			return engine.Input{Op: engine.Unreserve, Place: named(l, s.places)}
		},
		"place": func(l *fields) engine.Input {
			return engine.Input{Op: engine.FirePlace, Place: named(l, s.places), Details: l.details()}
		},
		"sleep": func(l *fields) engine.Input { return timer(l, false) },
		"after": func(l *fields) engine.Input { return timer(l, true) },
		"stop": func(l *fields) engine.Input {
			return engine.Input{Op: engine.Disarm, Timer: named(l, s.timers)}
		},
		"ended": func(l *fields) engine.Input {
			return engine.Input{Op: engine.SourceEnded, Task: s.task(l), Err: l.err()}
		},
		"drain": func(l *fields) engine.Input {
			if l.flag("now") {
				return engine.Input{Op: engine.DrainNow}
			}
			return engine.Input{Op: engine.Drain, Reason: l.reason(cmp.Or(l.next0(), "Terminating"))}
		},
	}
}

func (s *story) task(l *fields) *engine.Task {
	name := l.next()
	t := s.tasks[name]
	if t == nil {
		l.fail("no task %q", name)
		return &engine.Task{}
	}
	return t
}

// named finds a place or a timer.
func named[T any](l *fields, all map[string]*T) *T {
	name := l.next()
	v := all[name]
	if v == nil {
		l.fail("nothing has the name %q", name)
	}
	return v
}

func (s *story) inst(l *fields) *engine.Instance {
	n := l.number(l.next())
	i := s.insts[uint64(n)]
	if i == nil {
		l.fail("no instance %d", n)
		return &engine.Instance{Task: &engine.Task{}}
	}
	return i
}

// spec reads a registration:
//
//	every=D at=D,D leap=D     a schedule
//	broken=HOW,N,D            one that breaks its contract after N due times
//	topic=T                   listen to a topic
//	cond=C,C polled=C,C       conditions; a polled one asks whether it matters
//	holds=C,C                 conditions that have reported true
//	keep-on-loss              a lost condition does not cancel
//	limit=D grace=D
//	keep=newest|every(N) overlap=wait|parallel(N) payload
//	once exclusive=X
//	delay=D delay-odd=D       put every start off, or every other one
//	atmost=N filter=panics    let N firings through, or break the contract
func (s *story) spec(l *fields, replace bool) *engine.Spec {
	name := l.next()
	sp := &engine.Spec{Replace: replace, Host: name}
	sp.Key.Name = name
	if g, n, ok := strings.Cut(name, "/"); ok {
		sp.Key = engine.Key{Group: g, Name: n}
	}
	sp.Reg.Name = sp.Key.Name
	sp.OneShot, sp.Payload = l.flag("once"), l.flag("payload")
	sp.Reg.KeepOnConditionLoss = l.flag("keep-on-loss")
	names, _ := l.option("holds")
	for l.wrong == nil && len(l.words) > 0 {
		key, v, _ := strings.Cut(l.next(), "=")
		set, ok := specOptions[key]
		if !ok {
			l.fail("no option %q", key)
			break
		}
		set(sp, l, v)
	}
	for i, c := range sp.Reg.Conditions {
		sp.Holds[i] = slices.Contains(strings.Split(names, ","), c.String())
	}
	return sp
}

var specOptions = map[string]func(sp *engine.Spec, l *fields, v string){
	"every": func(sp *engine.Spec, l *fields, v string) {
		sp.Schedules = append(sp.Schedules, every(l.duration(v)))
	},
	"leap": func(sp *engine.Spec, l *fields, v string) {
		sp.Schedules = append(sp.Schedules, everyLeaping{every(l.duration(v))})
	},
	"at": func(sp *engine.Spec, l *fields, v string) {
		var list instants
		for w := range strings.SplitSeq(v, ",") {
			list = append(list, l.duration(w))
		}
		sp.Schedules = append(sp.Schedules, list)
	},
	"broken": func(sp *engine.Spec, l *fields, v string) {
		w := strings.Split(v+",,", ",")
		b := broken{every: every(l.duration(w[2])), after: uint64(l.number(w[1])), how: w[0]}
		sp.Schedules = append(sp.Schedules, brokenSchedule(b))
	},
	"topic":     func(sp *engine.Spec, _ *fields, v string) { sp.Topics = strings.Split(v, ",") },
	"cond":      func(sp *engine.Spec, _ *fields, v string) { conditions(sp, strings.Split(v, ","), false) },
	"polled":    func(sp *engine.Spec, _ *fields, v string) { conditions(sp, strings.Split(v, ","), true) },
	"limit":     func(sp *engine.Spec, l *fields, v string) { sp.Reg.TimeLimit = l.duration(v) },
	"grace":     func(sp *engine.Spec, l *fields, v string) { sp.Reg.Grace = l.duration(v) },
	"exclusive": func(sp *engine.Spec, _ *fields, v string) { sp.Exclusive = []any{v} },
	"keep": func(sp *engine.Spec, l *fields, v string) {
		sp.Reg.Keep = tasks.Newest
		if v != "newest" {
			sp.Reg.Keep = tasks.Every(l.argument("every", v))
		}
	},
	"overlap": func(sp *engine.Spec, l *fields, v string) {
		sp.Reg.Overlap = tasks.Wait
		if v != "wait" {
			sp.Reg.Overlap = tasks.Parallel(l.argument("parallel", v))
		}
	},
	"delay": func(sp *engine.Spec, l *fields, v string) { sp.Filters = append(sp.Filters, delay(l.duration(v))) },
	"delay-odd": func(sp *engine.Spec, l *fields, v string) {
		d := l.duration(v)
		sp.Filters = append(sp.Filters, filter(func(ph activation.Phase, due time.Time) (time.Time, bool) {
			return due.Add(time.Duration((ph.N+1)%2) * d), true
		}))
	},
	"atmost": func(sp *engine.Spec, l *fields, v string) {
		sp.Filters = append(sp.Filters, atMost(uint64(l.number(v))))
	},
	"filter": func(sp *engine.Spec, _ *fields, _ string) { sp.Filters = append(sp.Filters, panicking()) },
}

// brokenSchedule adds the ways to break that are a Leaper's.
func brokenSchedule(b broken) activation.Schedule {
	switch b.how {
	case "misses-none":
		return lyingLeaper{b.every, 0, func(ph activation.Phase, _ time.Time) time.Time { return ph.Last }}
	case "misses-future":
		return lyingLeaper{b.every, 3, func(_ activation.Phase, now time.Time) time.Time { return now.Add(time.Hour) }}
	case "misses-panics":
		return lyingLeaper{b.every, 0, func(activation.Phase, time.Time) time.Time { panic("Missed has a bug") }}
	}
	return b
}
