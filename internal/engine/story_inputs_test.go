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
	if v, ok := l.option("cap"); ok {
		c.Cap = l.number(v)
	}
	c.GroupCaps, c.KeyCaps = l.numbers("group-cap"), l.numbers("key-cap")
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
		"explain": func(l *fields) { s.say("= %s", s.e.Explain(s.task(l), s.now)) },
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
	always := func(in engine.Input) maker { return func(*fields) engine.Input { return in } }
	ofTask := func(op engine.Op, on bool) maker {
		return func(l *fields) engine.Input { return engine.Input{Op: op, Task: s.task(l), On: on} }
	}
	ofGroup := func(op engine.Op, on bool) maker {
		return func(l *fields) engine.Input { return engine.Input{Op: op, Topic: l.next(), On: on} }
	}
	ofInst := func(op engine.Op) maker {
		return func(l *fields) engine.Input { return engine.Input{Op: op, Inst: s.inst(l), Err: l.err()} }
	}
	register := func(replace bool) maker {
		return func(l *fields) engine.Input {
			return engine.Input{Op: engine.Register, Spec: s.spec(l, l.next(), replace)}
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
			in := engine.Input{Op: engine.Fire, Task: s.task(l), Details: l.details()}
			if v, ok := l.option("scope"); ok {
				in.Index = l.number(v)
			}
			return in
		},
		"raise": func(l *fields) engine.Input {
			return engine.Input{Op: engine.Raise, Topic: l.next(), Details: l.details()}
		},
		"report": func(l *fields) engine.Input {
			t, name := s.task(l), l.next()
			i := slices.IndexFunc(t.Reg.Conditions, func(c activation.Condition) bool { return c.String() == name })
			if i < 0 {
				l.fail("no condition %q", name)
			}
			return engine.Input{Op: engine.Report, Task: t, Index: i, On: l.next() == "true"}
		},
		"pause":        ofTask(engine.Pause, true),
		"resume":       ofTask(engine.Pause, false),
		"pause-group":  ofGroup(engine.PauseGroup, true),
		"resume-group": ofGroup(engine.PauseGroup, false),
		"pause-all":    always(engine.Input{Op: engine.PauseAll, On: true}),
		"resume-all":   always(engine.Input{Op: engine.PauseAll}),
		"began":        ofInst(engine.Began),
		"unbegun":      ofInst(engine.Unbegun),
		"update": func(l *fields) engine.Input {
			t := s.task(l)
			return engine.Input{Op: engine.Update, Task: t, Spec: s.spec(l, t.Host.(string), false), Topic: "as told"}
		},
		"cancel-task": func(l *fields) engine.Input {
			return engine.Input{Op: engine.CancelTask, Task: s.task(l), Reason: l.reason(l.next())}
		},
		"jump": func(l *fields) engine.Input {
			d := l.duration(l.next())
			s.now = s.now.Add(d)
			return engine.Input{Op: engine.Jump, For: d}
		},
		"returned": ofInst(engine.Returned),
		"over":     ofInst(engine.Over),
		"cancel": func(l *fields) engine.Input {
			return engine.Input{Op: engine.Cancel, Inst: s.inst(l), Reason: l.reason(l.next())}
		},
		"progress": func(l *fields) engine.Input {
			i := s.inst(l)
			return engine.Input{Op: engine.Progress, Inst: i, ID: i.ID, N: uint64(l.number(l.next()))}
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
//	count=D follow=D          one that counts elapsed time; one after completions
//	broken=HOW,N,D            one that breaks its contract after N due times
//	topic=T                   listen to a topic
//	cond=C,C polled=C,C       conditions; a polled one asks whether it matters
//	holds=C,C                 conditions that have reported true
//	keep-on-loss              a lost condition does not cancel
//	limit=D grace=D on-abandon=free|hold|stop on-loop
//	keep=newest|oldest|every(N) overlap=wait|skip|replace|parallel(N) payload
//	missed=once|skip|all(N)
//	retry=N[,BACKOFF[,MAX[,JITTER]]]; no jitter unless told
//	key=K priority=N          where it waits for a cap
//	once exclusive=X trigger=TEXT
//	window=D window-cancels=D how long a firing is good for
//	delay=D delay-odd=D       put every start off, or every other one
//	debounce=D                put it off anew at each merge
//	atmost=N apart=D          let N firings through, or none sooner after another
//	filter=panics             break the contract
//	branch branch=N           what follows is of a branch of the trigger, or of
//	                          the scope N
func (s *story) spec(l *fields, name string, replace bool) *engine.Spec {
	terms := &engine.Terms{Trigger: "by hand", Scopes: make([]engine.Scope, 1)}
	sp := &engine.Spec{Terms: terms, Replace: replace, Host: name}
	sp.Key.Name = name
	if g, n, ok := strings.Cut(name, "/"); ok {
		sp.Key = engine.Key{Group: g, Name: n}
	}
	sp.Reg.Name = sp.Key.Name
	if sp.OneShot = l.flag("once"); l.flag("payload") {
		sp.Payload = 1
	}
	sp.Reg.KeepOnConditionLoss, sp.Reg.OnLoop = l.flag("keep-on-loss"), l.flag("on-loop")
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
	for i, c := range sp.Conditions {
		sp.Holds[i] = slices.Contains(strings.Split(names, ","), c)
	}
	return sp
}

// schedule, listen and judged record what they are given for the scope that was
// named last.
func schedule(sp *engine.Spec, s activation.Schedule) {
	sp.Schedules = append(sp.Schedules, engine.Scoped[activation.Schedule]{Scope: len(sp.Scopes) - 1, Source: s})
}

func listen(sp *engine.Spec, topics ...string) {
	for _, topic := range topics {
		sp.Topics = append(sp.Topics, engine.Scoped[string]{Scope: len(sp.Scopes) - 1, Source: topic})
	}
}

func judged(sp *engine.Spec, f activation.Filter) {
	s := &sp.Scopes[len(sp.Scopes)-1]
	s.Filters = append(s.Filters, f)
}

func window(sp *engine.Spec, d time.Duration, cancels bool) {
	s := &sp.Scopes[len(sp.Scopes)-1]
	s.Window, s.WindowCancels = d, cancels
}

var specOptions = map[string]func(sp *engine.Spec, l *fields, v string){
	"every":  func(sp *engine.Spec, l *fields, v string) { schedule(sp, every(l.duration(v))) },
	"leap":   func(sp *engine.Spec, l *fields, v string) { schedule(sp, everyLeaping{every(l.duration(v))}) },
	"count":  func(sp *engine.Spec, l *fields, v string) { schedule(sp, counting{every(l.duration(v))}) },
	"follow": func(sp *engine.Spec, l *fields, v string) { schedule(sp, following(l.duration(v))) },
	"at": func(sp *engine.Spec, l *fields, v string) {
		var list instants
		for w := range strings.SplitSeq(v, ",") {
			list = append(list, l.duration(w))
		}
		schedule(sp, list)
	},
	"broken": func(sp *engine.Spec, l *fields, v string) {
		w := strings.Split(v+",,", ",")
		b := broken{every: every(l.duration(w[2])), after: uint64(l.number(w[1])), how: w[0]}
		schedule(sp, brokenSchedule(b))
	},
	"topic":     func(sp *engine.Spec, _ *fields, v string) { listen(sp, strings.Split(v, ",")...) },
	"cond":      func(sp *engine.Spec, _ *fields, v string) { conditions(sp, strings.Split(v, ","), false) },
	"polled":    func(sp *engine.Spec, _ *fields, v string) { conditions(sp, strings.Split(v, ","), true) },
	"limit":     func(sp *engine.Spec, l *fields, v string) { sp.Reg.TimeLimit = l.duration(v) },
	"grace":     func(sp *engine.Spec, l *fields, v string) { sp.Reg.Grace = l.duration(v) },
	"exclusive": func(sp *engine.Spec, _ *fields, v string) { sp.Exclusive = []any{v} },
	"trigger":   func(sp *engine.Spec, _ *fields, v string) { sp.Trigger = v },
	"key":       func(sp *engine.Spec, _ *fields, v string) { sp.Reg.Key = v },
	"priority":  func(sp *engine.Spec, l *fields, v string) { sp.Reg.Priority = l.number(v) },
	"on-abandon": func(sp *engine.Spec, l *fields, v string) {
		sp.Reg.OnAbandon = word(l, v, map[string]tasks.OnAbandon{
			"free": tasks.FreeSlot, "hold": tasks.HoldSlot, "stop": tasks.StopApp,
		})
	},
	"keep": func(sp *engine.Spec, l *fields, v string) {
		if strings.HasPrefix(v, "every") {
			sp.Reg.Keep = tasks.Every(l.argument("every", v))
			return
		}
		sp.Reg.Keep = word(l, v, map[string]tasks.Keep{"newest": tasks.Newest, "oldest": tasks.Oldest})
	},
	"overlap": func(sp *engine.Spec, l *fields, v string) {
		if strings.HasPrefix(v, "parallel") {
			sp.Reg.Overlap = tasks.Parallel(l.argument("parallel", v))
			return
		}
		sp.Reg.Overlap = word(l, v, map[string]tasks.Overlap{
			"wait": tasks.Wait, "skip": tasks.Skip, "replace": tasks.Replace,
		})
	},
	"missed": func(sp *engine.Spec, l *fields, v string) {
		if strings.HasPrefix(v, "all") {
			sp.Reg.Missed = tasks.MissedAll(l.argument("all", v))
			return
		}
		sp.Reg.Missed = word(l, v, map[string]tasks.Missed{"once": tasks.MissedOnce, "skip": tasks.MissedSkip})
	},
	"retry": func(sp *engine.Spec, l *fields, v string) {
		w := strings.Split(v+",0s,0s,-1", ",")
		sp.Reg.Retry = tasks.Retry{Attempts: l.number(w[0]), Backoff: l.duration(w[1]), Jitter: -1}
		if strings.Count(v, ",") > 1 {
			sp.Reg.Retry.MaxBackoff = l.duration(w[2])
		}
		if strings.Count(v, ",") > 2 {
			sp.Reg.Retry.Jitter = l.float(w[3])
		}
	},
	"window":         func(sp *engine.Spec, l *fields, v string) { window(sp, l.duration(v), false) },
	"window-cancels": func(sp *engine.Spec, l *fields, v string) { window(sp, l.duration(v), true) },
	"branch": func(sp *engine.Spec, l *fields, v string) {
		sp.Scopes = append(sp.Scopes, engine.Scope{Parent: l.number(cmp.Or(v, "0"))})
	},
	"delay":    func(sp *engine.Spec, l *fields, v string) { judged(sp, delay(l.duration(v))) },
	"debounce": func(sp *engine.Spec, l *fields, v string) { judged(sp, debounce{delay(l.duration(v))}) },
	"delay-odd": func(sp *engine.Spec, l *fields, v string) {
		d := l.duration(v)
		judged(sp, filter(func(ph activation.Phase, due time.Time) (time.Time, bool) {
			return due.Add(time.Duration((ph.N+1)%2) * d), true
		}))
	},
	"atmost": func(sp *engine.Spec, l *fields, v string) { judged(sp, atMost(uint64(l.number(v)))) },
	"apart":  func(sp *engine.Spec, l *fields, v string) { judged(sp, apart(l.duration(v))) },
	"filter": func(sp *engine.Spec, _ *fields, _ string) { judged(sp, panicking()) },
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
