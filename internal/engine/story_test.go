package engine_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

var update = flag.Bool("update", false, "write the stories as they are told now")

// TestStories tells the life stories of testdata. A story is a list of inputs;
// what each one caused follows it, indented:
//
//	sync fired act=1           an event, as an observer is told it
//	-> start inst=1 act=1      an effect, which the host carries out
//	= Allowed act=1            the reply
//	at +15m                    when, if time has passed since the last line
//
// Durations count from the beginning of the story. Write the inputs alone, run
// with -update, read what came of it, and commit only what you understand.
//
// The inputs:
//
//	engine [limit=D] [grace=D]         the App's defaults; only as the first line
//	workers busy|free                  whether a started instance is run at once
//	run INST                           a worker takes a queued instance
//	register TASK [OPTION...]          see story.spec for the options
//	replace TASK [OPTION...]           the same, in place of the one that stands
//	unregister TASK [cancel]
//	begin
//	fire TASK [details=X | owns=X]     owned details must be dropped
//	raise TOPIC [details=X]
//	report TASK CONDITION true|false
//	pause TASK, resume TASK
//	returned INST [err=X]              the handler has; deferrals are open
//	over INST [err=X]                  the handler has; none is open
//	cancel INST REASON
//	progress INST N
//	reserve PLACE TASK, unreserve PLACE, place PLACE [details=X | owns=X]
//	sleep TIMER D, after TIMER D TASK, stop TIMER
//	ended TASK [err=X]                 a goroutine of its trigger has
//	drain [REASON], drain now
//	pass D                             time passes, with a look at each alarm
//	stall D                            time passes, and nobody looks
//	look INST                          how an instance is
//	next                               when the engine wants to be asked next
//
// TASK is a name, group/name, or name#id for a registration that has ended.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tell(string(old))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := firstDifference(got, string(old)); diff != "" {
				t.Errorf("%s tells another story now: %s\nto accept it: go test ./internal/engine -run TestStories -update", file, diff)
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		line := func(l []string) string {
			if i < len(l) {
				return l[i]
			}
			return "(the end)"
		}
		if line(g) != line(w) {
			return fmt.Sprintf("line %d:\n got: %s\nwant: %s", i+1, line(g), line(w))
		}
	}
	return ""
}

// tell runs the inputs of a story and writes it anew.
func tell(text string) (string, error) {
	s := &story{
		now: epoch, said: epoch, free: true,
		tasks: map[string]*engine.Task{}, insts: map[uint64]*engine.Instance{},
		places: map[string]*engine.Place{}, timers: map[string]*engine.Timer{},
	}
	for n, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, " ") {
			continue
		}
		fmt.Fprintln(&s.out, line)
		if err := s.input(line); err != nil {
			return "", fmt.Errorf("line %d: %q: %w", n+1, line, err)
		}
	}
	if s.e != nil && s.e.Illegal != 0 {
		return "", fmt.Errorf("the lifecycle refused %d moves", s.e.Illegal)
	}
	return s.out.String(), nil
}

// A story is one engine and the names that its inputs use.
type story struct {
	out    strings.Builder
	e      *engine.Engine
	now    time.Time
	said   time.Time // the instant that was last written
	free   bool      // a started instance is run at once
	tasks  map[string]*engine.Task
	insts  map[uint64]*engine.Instance
	places map[string]*engine.Place
	timers map[string]*engine.Timer
}

// input carries out one line.
func (s *story) input(line string) error {
	words := strings.Fields(line)
	if len(words) == 0 || words[0] == "#" {
		return nil
	}
	if s.e == nil {
		s.e = engine.New(engineConfig(words))
		s.e.Watched = true
	}
	if words[0] == "engine" {
		return nil
	}
	l := &fields{words: words[1:]}
	if host, ok := s.hosts()[words[0]]; ok {
		host(l)
		return l.done()
	}
	read, ok := s.ops()[words[0]]
	if !ok {
		return errors.New("no such input")
	}
	in := read(l)
	if err := l.done(); err != nil {
		return err
	}
	s.step(in)
	return nil
}

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

// step takes one input and writes what it caused.
func (s *story) step(in engine.Input) {
	effects, r := s.e.Step(s.now, in)
	for _, f := range effects {
		s.effect(f)
	}
	if r.Task != nil {
		s.tasks[r.Task.Host.(string)] = r.Task
		s.tasks[fmt.Sprintf("%s#%d", r.Task.Host, r.Task.ID)] = r.Task
	}
	s.reply(in, r)
}

func (s *story) reply(in engine.Input, r engine.Reply) {
	switch {
	case r.Err != nil && (in.Op == engine.Fire || in.Op == engine.FirePlace):
		s.say("= %v: %v", r.Result, r.Err)
	case r.Err != nil:
		s.say("= %v", r.Err)
	case in.Op == engine.Register:
		s.say("= task %d", r.Task.ID)
	case in.Op == engine.Raise:
		s.say("= %d accepted", r.N)
	case in.Op == engine.Reserve:
		s.say("= %s", choose(r.OK, "granted", "waits"))
	case in.Op == engine.Cancel, in.Op == engine.Disarm:
		s.say("= %s", choose(r.OK, "done", "no effect"))
	case (in.Op == engine.Fire || in.Op == engine.FirePlace) && r.Act != nil:
		s.say("= %v act=%d", r.Result, r.Act.ID)
	case in.Op == engine.Fire || in.Op == engine.FirePlace:
		s.say("= %v", r.Result)
	}
}

func (s *story) effect(f engine.Effect) {
	switch f.Do {
	case engine.Start:
		s.insts[f.Inst.ID] = f.Inst
		s.say("-> start inst=%d act=%d%s", f.Inst.ID, f.Act.ID, startDetails(f.Inst))
		if s.free {
			s.run(f.Inst)
		}
	case engine.Stop:
		s.say("-> stop inst=%d %s", f.Inst.ID, f.Reason.String())
	case engine.End:
		s.say("-> end inst=%d", f.Inst.ID)
	case engine.Abandon:
		s.say("-> abandon inst=%d", f.Inst.ID)
	case engine.Settle:
		s.say("-> settle act=%d %s", f.Act.ID, outcome(f.Err))
	case engine.Wake:
		s.say("-> wake %v", f.Timer.Host)
	case engine.Grant:
		s.say("-> grant %v", f.Place.Host)
	case engine.Deny:
		s.say("-> deny %v: %v", f.Place.Host, f.Err)
	case engine.Want:
		s.say("-> want %v %v %s", f.Task.Host, f.Task.Reg.Conditions[f.Index], choose(f.On, "on", "off"))
	case engine.Drop:
		s.say("-> drop %v", f.Details)
	case engine.Retired:
		s.say("-> retired %v#%d", f.Task.Host, f.Task.ID)
	case engine.Drained:
		s.say("-> drained")
	case engine.Emit:
		s.event(s.e.Event(f))
	}
}

func startDetails(i *engine.Instance) string {
	var b strings.Builder
	if i.Act.Merged > 1 {
		fmt.Fprintf(&b, " merged=%d", i.Act.Merged)
	}
	if i.Act.Details != nil {
		fmt.Fprintf(&b, " details=%v", i.Act.Details)
	}
	if !i.Deadline.IsZero() {
		fmt.Fprintf(&b, " deadline=%s", since(i.Deadline))
	}
	return b.String()
}

func (s *story) event(v event.Event) {
	text := v.String()
	if (v.Kind == event.Fired || v.Kind == event.Merged || v.Kind == event.Missed) && !v.Due.Equal(s.now) {
		text += " due=" + since(v.Due)
	}
	s.say("%s", text)
}

// run does what a worker does when it takes an instance.
func (s *story) run(i *engine.Instance) {
	if err := i.Life.Do(tasks.MoveStart); err != nil {
		s.say("= %v", err)
	}
}

// say writes a line of what happened, and the time if that is new.
func (s *story) say(format string, args ...any) {
	if !s.said.Equal(s.now) {
		s.said = s.now
		fmt.Fprintf(&s.out, "    at %s\n", since(s.now))
	}
	fmt.Fprintf(&s.out, "    "+format+"\n", args...)
}

func since(at time.Time) string {
	text := at.Sub(epoch).String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return "+" + text
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	var c *tasks.Canceled
	if errors.As(err, &c) && c.Err != nil {
		return fmt.Sprintf("err=%q, its handler said %q", line, c.Err)
	}
	return fmt.Sprintf("err=%q", line)
}

func choose(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
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

// fields are the words of one line that are not read yet, and the first
// mistake.
type fields struct {
	words []string
	wrong error
}

func (l *fields) fail(format string, args ...any) {
	if l.wrong == nil {
		l.wrong = fmt.Errorf(format, args...)
	}
}

// done is the line's mistake, if it has one.
func (l *fields) done() error {
	if len(l.words) > 0 {
		l.fail("cannot read %q", l.words)
	}
	return l.wrong
}

func (l *fields) next0() string {
	if len(l.words) == 0 {
		return ""
	}
	w := l.words[0]
	l.words = l.words[1:]
	return w
}

func (l *fields) next() string {
	w := l.next0()
	if w == "" {
		l.fail("a word is missing")
	}
	return w
}

func (l *fields) flag(name string) bool {
	n := len(l.words)
	l.words = slices.DeleteFunc(l.words, func(w string) bool { return w == name })
	return len(l.words) < n
}

func (l *fields) option(name string) (v string, ok bool) {
	for i, w := range l.words {
		if v, ok = strings.CutPrefix(w, name+"="); ok {
			l.words = slices.Delete(l.words, i, i+1)
			return v, true
		}
	}
	return "", false
}

func (l *fields) duration(v string) time.Duration {
	d, err := time.ParseDuration(v)
	if err != nil {
		l.fail("%v", err)
	}
	return d
}

func (l *fields) number(v string) int {
	n, err := strconv.Atoi(v)
	if err != nil {
		l.fail("%v", err)
	}
	return n
}

// argument is the n of name(n).
func (l *fields) argument(name, v string) int {
	n, ok := strings.CutPrefix(strings.TrimSuffix(v, ")"), name+"(")
	if !ok {
		l.fail("cannot read %q", v)
	}
	return l.number(n)
}

func (l *fields) reason(name string) activation.Reason {
	for r := activation.Abort; r.Valid(); r++ {
		if r.String() == name {
			return r
		}
	}
	l.fail("no reason %q", name)
	return 0
}

func (l *fields) err() error {
	if v, ok := l.option("err"); ok {
		return errors.New(v)
	}
	return nil
}

func (l *fields) details() any {
	if v, ok := l.option("details"); ok {
		return v
	}
	if v, ok := l.option("owns"); ok {
		return owned(v)
	}
	return nil
}
