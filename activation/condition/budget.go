package condition

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// ErrBudget is returned by Register for a budget whose size or time is not
// positive.
var ErrBudget = errors.New("condition: budget is not positive")

// A Budget is a condition that holds while there is something left of a rate,
// such as so many calls of an API in a minute: a token bucket, which is full at
// the start and fills evenly by the App's clock. A handler takes from it what it
// uses with Take; what is taken beyond the end is a debt that is paid first. One
// budget may serve any number of registrations, which share it.
//
// Taking the last cancels the tasks that run with this condition, with
// activation.ConditionLoss, unless their registrations say KeepOnConditionLoss:
// then they may finish, and only new starts wait. A budget's methods may be
// called from any goroutine; the tokens fill only while an App runs that it is
// armed in.
type Budget struct {
	name string
	size int
	per  time.Duration

	mu    sync.Mutex // guards the following, and keeps reports in order
	level float64
	at    time.Time // of the level; zero before somebody had a clock
	armed []*spender
	alarm func() bool // stops the wait for the next token
	holds bool
}

// A spender is one registration that goes by a budget.
type spender struct {
	tell func(bool)
	port activation.Port
}

// NewBudget returns a budget of size tokens in each span of time, which is also
// how many can be left at most. Register answers ErrBudget if one of them is not
// positive. The name is what people see.
func NewBudget(name string, size int, per time.Duration) *Budget {
	return &Budget{name: name, size: size, per: per, level: float64(size), holds: true}
}

// String is the budget's name and rate.
func (b *Budget) String() string { return fmt.Sprintf("budget(%s, %d in %v)", b.name, b.size, b.per) }

// Arm is for Register.
func (b *Budget) Arm(tell func(bool), p activation.Port) error {
	if b.size <= 0 || b.per <= 0 {
		return fmt.Errorf("%w: %v", ErrBudget, b)
	}
	s := &spender{tell, p}
	b.mu.Lock()
	defer b.mu.Unlock()
	tell(b.holds)
	p.OnArm(func() { b.add(s) })
	p.OnDisarm(func() { b.remove(s) })
	return nil
}

func (b *Budget) add(s *spender) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = append(b.armed, s)
	s.tell(b.holds)
	b.settle()
}

func (b *Budget) remove(s *spender) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	b.armed = slices.DeleteFunc(b.armed, func(o *spender) bool { return o == s })
	if b.alarm != nil { // it may have been by the clock of the one that goes
		b.alarm()
		b.alarm = nil
	}
	if len(b.armed) == 0 {
		b.at = time.Time{}
	}
	b.settle()
}

// Take takes n tokens, also more than there are. A negative n gives tokens back,
// up to a full budget.
func (b *Budget) Take(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	b.level = min(b.level-float64(n), float64(b.size))
	b.settle()
}

// Left is how many whole tokens there are; it is negative for a debt.
func (b *Budget) Left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	if b.level < 0 {
		return -int(-b.level)
	}
	return int(b.level + slack)
}

// slack is for what adding fractions leaves undone.
const slack = 1e-6

// longestWait is how long to wait for a token at a time: a debt can take longer
// to be paid than a Duration can say.
const longestWait = 365 * 24 * time.Hour

// fill adds what has come since the last time.
func (b *Budget) fill() {
	if len(b.armed) == 0 {
		return
	}
	now := b.armed[0].port.Now()
	if !b.at.IsZero() && now.After(b.at) {
		b.level = min(b.level+float64(b.size)*float64(now.Sub(b.at))/float64(b.per), float64(b.size))
	}
	b.at = now
}

// settle reports how things stand, and waits for the next token if there is none.
func (b *Budget) settle() {
	b.fill()
	if holds := b.level >= 1-slack; holds != b.holds {
		b.holds = holds
		for _, s := range b.armed {
			s.tell(holds)
		}
	}
	if b.holds || len(b.armed) == 0 || b.alarm != nil {
		return
	}
	d := min((1-b.level)/float64(b.size)*float64(b.per), float64(longestWait))
	b.alarm = b.armed[0].port.After(max(time.Duration(d), 1), b.refilled)
}

func (b *Budget) refilled() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alarm = nil
	b.settle()
}
