package engine_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
//	engine [OPTION...]                 the App; only as the first line:
//	                                   limit=D grace=D cap=N group-cap=G,N
//	                                   key-cap=K,N
//	workers busy|free                  whether a started instance is run at once
//	run INST                           a worker takes a queued instance
//	register TASK [OPTION...]          see story.spec for the options
//	replace TASK [OPTION...]           the same, in place of the one that stands
//	update TASK [OPTION...]            the same, as a change of the one that stands
//	unregister TASK [cancel]
//	begin
//	fire TASK [details=X | owns=X] [scope=N]
//	                                   owned details must be dropped
//	raise TOPIC [details=X]
//	report TASK CONDITION true|false
//	pause TASK, resume TASK, pause-group GROUP, resume-group GROUP,
//	pause-all, resume-all
//	began INST                         its turn on the loop has come
//	unbegun INST                       a worker found it canceled
//	returned INST [ERR]                the handler has; deferrals are open
//	over INST [ERR]                    the handler has; none is open; see fields.err
//	cancel INST REASON, cancel-task TASK REASON
//	progress INST N
//	reserve PLACE TASK, unreserve PLACE, place PLACE [details=X | owns=X]
//	sleep TIMER D, after TIMER D TASK, stop TIMER
//	ended TASK [err=X]                 a goroutine of its trigger has
//	drain [REASON], drain now
//	pass D                             time passes, with a look at each alarm
//	stall D                            time passes, and nobody looks
//	jump D                             the clock is set: no time passes
//	look INST                          how an instance is
//	explain TASK                       where it stands, in sentences
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

// step takes one input and writes what it caused.
func (s *story) step(in engine.Input) {
	effects, r := s.e.Step(s.now, &in)
	for _, f := range effects {
		s.effect(f)
	}
	if r.Task != nil {
		s.tasks[r.Task.Host.(string)] = r.Task
		s.tasks[fmt.Sprintf("%s#%d", r.Task.Host, r.Task.ID)] = r.Task
	}
	s.reply(in, *r)
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
	case in.Op == engine.CancelTask:
		s.say("= %d canceled", r.N)
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
	case engine.StopApp:
		s.say("-> stop app inst=%d", f.Inst.ID)
	case engine.Drop:
		s.say("-> drop %v", f.Details)
	case engine.Retired:
		s.say("-> retired %v#%d", f.Task.Host, f.Task.ID)
	case engine.Drained:
		s.say("-> drained")
	case engine.Emit:
		s.event(*s.e.Event(&f))
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
	told := v.Kind == event.Fired || v.Kind == event.Merged || v.Kind == event.Missed || v.Kind == event.Retrying
	if told && !v.Due.Equal(s.now) {
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
	d := at.Sub(epoch)
	sign, text := "+", d.Abs().String()
	if d < 0 {
		sign = "-"
	}
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return sign + text
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
