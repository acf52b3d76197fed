package app

// A conditionPort is the port as one condition sees it.
type conditionPort struct {
	branch
	index int
}

// Wanted implements activation.Port.
func (p *conditionPort) Wanted(f func(bool)) {
	p.record("Wanted", f != nil, func() {
		p.wanted[p.index] = append(p.wanted[p.index], f)
		p.spec.Polled[p.index] = true
	})
}

// want tells a condition whether it matters, after what it was told before.
func (p *port) want(index int, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.wanted[index] {
		p.wants = append(p.wants, want{f, on})
	}
	if !p.telling {
		p.telling = true
		p.a.spawn(&errand{p.a, p.task, "Wanted", p.tellWants, false})
	}
}

func (p *port) tellWants() {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.telling = len(p.wants) > 0; p.telling { // it panicked
			p.a.spawn(&errand{p.a, p.task, "Wanted", p.tellWants, false})
		}
	}()
	for {
		p.mu.Lock()
		if len(p.wants) == 0 {
			p.mu.Unlock()
			return
		}
		w := p.wants[0]
		p.wants = p.wants[1:]
		p.mu.Unlock()
		w.f(w.on)
	}
}
