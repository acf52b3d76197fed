package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

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

func (l *fields) float(v string) float64 {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		l.fail("%v", err)
	}
	return f
}

// numbers are those of every option name=KEY,N.
func (l *fields) numbers(name string) map[string]int {
	all := map[string]int{}
	for v, ok := l.option(name); ok; v, ok = l.option(name) {
		key, n, _ := strings.Cut(v, ",")
		all[key] = l.number(n)
	}
	return all
}

// word is what a word stands for.
func word[T any](l *fields, w string, all map[string]T) T {
	v, ok := all[w]
	if !ok {
		l.fail("cannot read %q", w)
	}
	return v
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

// err reads how a handler ended: not at all, or
//
//	err=TEXT [permanent | after=D]
//	unknown                          nobody answers the task
//	snooze=D
func (l *fields) err() error {
	if v, ok := l.option("snooze"); ok {
		return tasks.Snooze(l.duration(v))
	}
	if l.flag("unknown") {
		return tasks.ErrUnknownTask
	}
	v, ok := l.option("err")
	if !ok {
		return nil
	}
	err := errors.New(v)
	if d, ok := l.option("after"); ok {
		return tasks.RetryAfter(l.duration(d), err)
	}
	if l.flag("permanent") {
		return tasks.Permanent(err)
	}
	return err
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
