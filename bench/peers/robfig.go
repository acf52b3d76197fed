package peers

import (
	"time"

	"github.com/robfig/cron/v3"
)

// fromRobfig: the classic cron. An entry has a number and a schedule of any
// kind; there is nothing that runs once, so the schedule says "now" or a time and
// then never again, and the job removes its entry. It has no names and recovers
// from panics only if told to, so the job does.
func fromRobfig() []Contender {
	return []Contender{{
		Name: "robfig/cron", Kind: Peer, Gives: "cron expressions, schedules of your own, wrappers",
		Dispatch: newRobfigOnce,
		Time:     func() (Timetable, error) { return &robfigTimes{robfigCron{cron.New()}}, nil },
		Register: func(names []string) (Register, error) {
			return &robfigJobs{robfigCron{cron.New()}, make([]cron.EntryID, len(names))}, nil
		},
		Most: map[Ability]int{OpenLoop: 10_000, Timing: 10_000, Registering: 100_000},
		Cannot: map[Ability]string{
			OpenLoop:    "it sorts all entries for each that is added, so a backlog makes it slower and slower",
			Timing:      "it sorts all entries, those that are over included, each time it wakes",
			Registering: "it sorts all entries for each that is added while it runs",
			Simulating:  "its clock cannot be replaced",
			Storing:     "it keeps what is pending in memory",
		},
	}}
}

// once is a schedule of one time; the zero time means now.
type once struct {
	at    time.Time
	asked bool
}

func (o *once) Next(now time.Time) time.Time {
	switch {
	case o.asked:
		return time.Time{}
	case o.at.IsZero():
		o.at = now
	}
	o.asked = true
	return o.at
}

type robfigCron struct{ c *cron.Cron }

func (r robfigCron) Start() error {
	r.c.Start()
	return nil
}

func (r robfigCron) Close() { <-r.c.Stop().Done() }

type robfigOnce struct{ robfigCron }

func newRobfigOnce() (Dispatcher, error) {
	r := robfigOnce{robfigCron{cron.New()}}
	return r, r.Start()
}

func (r robfigOnce) Submit(j *Job) {
	id := make(chan cron.EntryID, 1)
	id <- r.c.Schedule(new(once), cron.FuncJob(func() {
		j.Safe()
		go func() { r.c.Remove(<-id) }() // not in the way of the scheduler's stop
	}))
}

type robfigTimes struct{ robfigCron }

func (r *robfigTimes) At(t time.Time, j *Job) error {
	r.c.Schedule(&once{at: t}, cron.FuncJob(j.Safe))
	return nil
}

type robfigJobs struct {
	robfigCron
	ids []cron.EntryID
}

func (r *robfigJobs) Add(i int) error {
	r.ids[i] = r.c.Schedule(cron.Every(Quarter), cron.FuncJob(func() {}))
	return nil
}

func (r *robfigJobs) Remove(i int) error {
	r.c.Remove(r.ids[i])
	return nil
}
