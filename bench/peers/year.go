package peers

import (
	"context"
	"fmt"
	"time"

	benbjohnson "github.com/benbjohnson/clock"
	"github.com/coder/quartz"
	"github.com/jonboulle/clockwork"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/tasks"
)

// NewYear is where virtual years begin.
func NewYear() time.Time { return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) }

// Quarters is how many quarters of an hour there are in so many days.
func Quarters(days int) int { return days * int(24*time.Hour/Quarter) }

// patient is how many days of a benbjohnson Mock are lived: it naps for a
// millisecond of real time after each tick.
const patient = 2

// clocks are clocks for tests, each with its own ticker. What can be had only in
// a test, TestYear adds.
func clocks() []Contender {
	return []Contender{
		{Name: "coder/quartz", Kind: Peer, Gives: "traps; each advance waits for what it called", Years: quartzYear},
		{Name: "jonboulle/clockwork", Kind: Peer, Gives: "the caller receives each tick; a longer advance would lose some", Years: clockworkYear},
		{
			Name: "benbjohnson Mock", Kind: Peer, Gives: "a clock that other code may use; a nap after each tick", Years: benbjohnsonYear,
			Cannot: map[Ability]string{Living: fmt.Sprintf("only %d days are lived", patient)},
		},
	}
}

// loopYear is a loop that calls a function.
func loopYear(days int) (ticks int, err error) {
	p := &plan{due: dueTimes{TickEvery}, tick: func() { ticks++ }}
	for range Quarters(days) {
		p.Pass()
	}
	return ticks, nil
}

// virtualYear is an App on its virtual clock.
func virtualYear(days int) (ticks int, err error) {
	c := clock.NewVirtual(NewYear())
	a := app.New(app.WithClock(c), app.WithOnBackgroundActivated(func(context.Context, *tasks.Instance) error {
		ticks++
		return nil
	}))
	if _, err := a.Register(tasks.Registration{Name: "tick", Trigger: trigger.Every(Quarter)}); err != nil {
		return 0, err
	}
	if err := a.Start(context.Background()); err != nil {
		return 0, err
	}
	for range Quarters(days) {
		c.Advance(Quarter)
		if err := a.WaitIdle(context.Background()); err != nil {
			return 0, err
		}
	}
	_, err = a.Stop(context.Background())
	return ticks, err
}

func benbjohnsonYear(days int) (ticks int, err error) {
	c := benbjohnson.NewMock()
	t := c.Ticker(Quarter)
	defer t.Stop()
	for range Quarters(min(days, patient)) {
		c.Add(Quarter)
		<-t.C
		ticks++
	}
	return ticks, nil
}

func clockworkYear(days int) (ticks int, err error) {
	c := clockwork.NewFakeClockAt(NewYear())
	t := c.NewTicker(Quarter)
	defer t.Stop()
	for range Quarters(days) {
		c.Advance(Quarter)
		<-t.Chan()
		ticks++
	}
	return ticks, nil
}

func quartzYear(days int) (ticks int, err error) {
	c := quartz.NewMock(loud{}).WithLogger(quartz.NoOpLogger)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.TickerFunc(ctx, Quarter, func() error { ticks++; return nil })
	for range Quarters(days) {
		c.Advance(Quarter).MustWait(ctx)
	}
	return ticks, nil
}

// loud is a test of quartz's that fails by a panic.
type loud struct{ quartz.TestingT }

func (loud) Helper()                        {}
func (loud) Logf(string, ...any)            {}
func (loud) Errorf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (loud) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (loud) Cleanup(func())                 {}
