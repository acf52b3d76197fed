package cron

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A ParseError says what is wrong with an expression, and where.
type ParseError struct {
	// Expr is the whole expression, as given to Parse.
	Expr string
	// Column is the character of Expr at fault, from 1. It is one past the end
	// if something is missing there.
	Column int
	// Msg says what is wrong.
	Msg string
}

// Error is the message with the expression and the column.
func (e *ParseError) Error() string {
	return fmt.Sprintf("cron: %q, column %d: %s", e.Expr, e.Column, e.Msg)
}

// Parse reads an expression; the package's documentation has the syntax. An
// expression that cannot be read is a *ParseError, options that do not exist
// are ErrOptions. An expression that never runs, as February 30, is no error:
// its Next says so.
func Parse(expr string, opts Options) (*Schedule, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	s := &Schedule{gap: opts.Gap, fold: opts.Fold, loc: opts.Location}
	s.days.rule = opts.Days
	p := &parser{expr: expr, end: len(expr), s: s}
	err := p.zone()
	if err == nil {
		err = p.body()
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// A parser reads expr from pos up to end, which is the end of a field while one
// is read.
type parser struct {
	expr     string
	pos, end int
	s        *Schedule
}

func (p *parser) fail(pos int, format string, args ...any) error {
	column := utf8.RuneCountInString(p.expr[:pos]) + 1
	return &ParseError{Expr: p.expr, Column: column, Msg: fmt.Sprintf(format, args...)}
}

// rest is what is left of the field.
func (p *parser) rest() string { return p.expr[p.pos:p.end] }

// word skips space and returns where the next word begins and ends.
func (p *parser) word() (from, to int) {
	const space = " \t\r\n"
	from = len(p.expr) - len(strings.TrimLeft(p.expr[p.pos:], space))
	to = len(p.expr)
	if n := strings.IndexAny(p.expr[from:], space); n >= 0 {
		to = from + n
	}
	return from, to
}

// zone reads CRON_TZ=Name or TZ=Name, and settles the schedule's location.
func (p *parser) zone() error {
	s := p.s
	given := s.loc
	if given == nil {
		s.loc = time.Local
	} else if name := given.String(); given != time.Local && printable(name) {
		s.zone = name
	}
	from, to := p.word()
	word := p.expr[from:to]
	name, ok := strings.CutPrefix(word, "CRON_TZ=")
	if !ok {
		name, ok = strings.CutPrefix(word, "TZ=")
	}
	if !ok {
		return nil
	}
	p.pos = to
	at := to - len(name)
	if name == "" {
		return p.fail(at, "the zone has no name")
	}
	s.zone = name
	if given != nil && given.String() == name {
		return nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return p.fail(at, "no time zone %q", name)
	}
	s.loc = loc
	return nil
}

// printable reports whether a zone of that name can be read back.
func printable(name string) bool {
	return name != "" && !strings.ContainsAny(name, " \t\r\n")
}

// body reads all that follows the zone.
func (p *parser) body() error {
	from, to := p.word()
	switch {
	case from == len(p.expr):
		return p.fail(from, "there is no expression")
	case p.expr[from] == '@':
		p.pos = to
		return p.descriptor(from, strings.ToLower(p.expr[from:to]))
	}
	return p.fields()
}

func (p *parser) descriptor(at int, word string) error {
	var fields string
	switch word {
	case "@yearly", "@annually":
		fields = "0 0 1 1 *"
	case "@monthly":
		fields = "0 0 1 * *"
	case "@weekly":
		fields = "0 0 * * 0"
	case "@daily", "@midnight":
		fields = "0 0 * * *"
	case "@hourly":
		fields = "0 * * * *"
	case "@every":
		if err := p.every(); err != nil {
			return err
		}
	default:
		return p.fail(at, "no descriptor %q", word)
	}
	if from, _ := p.word(); from < len(p.expr) {
		return p.fail(from, "nothing may follow %s", word)
	}
	if p.s.every > 0 {
		return nil
	}
	q := &parser{expr: fields, s: p.s}
	return q.fields()
}

func (p *parser) every() error {
	from, to := p.word()
	if from == to {
		return p.fail(from, "@every wants a duration, as in @every 1h30m")
	}
	d, err := time.ParseDuration(p.expr[from:to])
	if err != nil {
		return p.fail(from, "%q is no duration", p.expr[from:to])
	}
	if d <= 0 {
		return p.fail(from, "the duration must be above zero")
	}
	p.s.every, p.pos = d, to
	return nil
}
