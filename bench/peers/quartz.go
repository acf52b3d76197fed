package peers

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/reugn/go-quartz/quartz"
)

// fromQuartz: a scheduler whose jobs have keys, retries and a queue that can be
// replaced. To run something now one makes a job that is due at once. It recovers
// from panics and logs them.
//
// By default it drops what is more than 100 ms late, silently; that is set to an
// hour here, so that all jobs run.
func fromQuartz() []Contender {
	slow := "it goes through all jobs for each that is added: 100,000 take over a minute"
	return []Contender{{
		Name: "go-quartz", Kind: Peer, Gives: "keys, cron, retries, a queue of your own",
		Dispatch: func() (Dispatcher, error) {
			q, err := newQuartz()
			if err == nil {
				err = q.Start()
			}
			return q, err
		},
		Time:     func() (Timetable, error) { return newQuartz() },
		Register: func(names []string) (Register, error) { return newQuartzJobs(names) },
		Most:     map[Ability]int{Timing: 10_000, Registering: 10_000},
		Cannot: map[Ability]string{
			Timing: slow, Registering: slow,
			Simulating: "its clock cannot be replaced",
			Storing:    "its queue can be replaced, but it has none that stores",
		},
		Lead: 150 * time.Microsecond,
	}}
}

type quartzScheduler struct {
	s quartz.Scheduler
	n atomic.Int64 // makes keys
}

func newQuartz() (*quartzScheduler, error) {
	s, err := quartz.NewStdScheduler(quartz.WithOutdatedThreshold(time.Hour))
	return &quartzScheduler{s: s}, err
}

func (q *quartzScheduler) Start() error {
	q.s.Start(context.Background())
	return nil
}

func (q *quartzScheduler) Submit(j *Job) { must(q.after(0, j)) }

func (q *quartzScheduler) after(d time.Duration, j *Job) error {
	key := quartz.NewJobKey(strconv.FormatInt(q.n.Add(1), 10))
	return q.s.ScheduleJob(quartz.NewJobDetail((*quartzJob)(j), key), quartz.NewRunOnceTrigger(d))
}

func (q *quartzScheduler) At(t time.Time, j *Job) error { return q.after(time.Until(t), j) }

func (q *quartzScheduler) Close() {
	q.s.Stop()
	q.s.Wait(context.Background())
}

type quartzJob Job

func (j *quartzJob) Execute(context.Context) error {
	j.Bare()
	return nil
}

func (j *quartzJob) Description() string { return "job" }

type quartzJobs struct {
	*quartzScheduler
	names []string
}

func newQuartzJobs(names []string) (*quartzJobs, error) {
	q, err := newQuartz()
	return &quartzJobs{q, names}, err
}

func (q *quartzJobs) Add(i int) error {
	return q.s.ScheduleJob(quartz.NewJobDetail(new(quartzJob), quartz.NewJobKey(q.names[i])), quartz.NewSimpleTrigger(Quarter))
}

func (q *quartzJobs) Remove(i int) error { return q.s.DeleteJob(quartz.NewJobKey(q.names[i])) }
