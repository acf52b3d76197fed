package cron

// monthdays reads the day of month.
func (p *parser) monthdays() error {
	d := &p.s.days
	if p.rest() == "?" {
		d.dom, d.anyDom = monthday.all(), true
		return nil
	}
	if err := p.list(p.monthday); err != nil {
		return err
	}
	if d.anyDom {
		d.tail, d.near = 0, 0
	}
	return nil
}

// monthday reads one entry: L, L-n, LW, nW, or a plain term.
func (p *parser) monthday() error {
	d := &p.s.days
	at := p.pos
	switch {
	case p.take("LW"):
		d.near |= 1
		return nil
	case p.take("L-"):
		at = p.pos
		n, ok := p.number()
		if !ok || n > 30 {
			return p.fail(at, "L- wants a number in 0-30")
		}
		d.tail |= 1 << n
		return nil
	case p.take("L"):
		d.tail |= 1
		return nil
	case p.take("*"):
		p.pos = at
		set, open, err := p.term(&monthday)
		d.dom |= set
		d.anyDom = d.anyDom || open
		return err
	}
	v, _, err := p.value(&monthday)
	if err != nil {
		return err
	}
	if p.take("W") {
		d.near |= 1 << v
		return nil
	}
	set, _, err := p.from(&monthday, at, v)
	d.dom |= set
	return err
}

// weekdays reads the day of week.
func (p *parser) weekdays() error {
	d := &p.s.days
	if p.rest() == "?" {
		d.week, d.anyDow = everyWeek*weekday.all(), true
		return nil
	}
	if err := p.list(p.weekday); err != nil {
		return err
	}
	if d.anyDow {
		d.last = 0
	}
	return nil
}

// weekday reads one entry: 5L, 5#2, or a plain term.
func (p *parser) weekday() error {
	d := &p.s.days
	at := p.pos
	if p.take("*") {
		p.pos = at
		set, open, err := p.term(&weekday)
		d.week |= everyWeek * set
		d.anyDow = d.anyDow || open
		return err
	}
	if p.take("L") {
		return p.fail(at, "L wants a day in front, as in FRIL")
	}
	v, _, err := p.value(&weekday)
	if err != nil {
		return err
	}
	switch {
	case p.take("L"):
		d.last |= 1 << (v % 7)
		return nil
	case p.take("#"):
		at = p.pos
		n, ok := p.number()
		if !ok || n < 1 || n > 5 {
			return p.fail(at, "# wants a number in 1-5")
		}
		d.week |= 1 << (7*(n-1) + v%7)
		return nil
	}
	set, _, err := p.from(&weekday, at, v)
	set |= set >> 7 // 7 is 0
	d.week |= everyWeek * (set & weekday.all())
	return err
}
