package peers

import (
	"errors"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"
)

// fromGocron: a scheduler in which every job has an ID, a name, tags, limits and
// listeners. To run something now one makes a job that is due at once, or asks a
// job that stands to run; both are measured. It recovers from panics only where a
// listener asks for them, so the function given to it does.
func fromGocron() []Contender {
	inMemory := "it keeps what is pending in memory"
	return []Contender{
		{
			Name: "gocron", Kind: Peer, Gives: "intervals, cron, calendars, names, tags, listeners, limits, a clock of your own",
			Dispatch: newOneTimeJobs, Time: newGocronTimes, Register: newGocronJobs,
			Most: map[Ability]int{Registering: 100_000},
			Cannot: map[Ability]string{
				Registering: "10 µs and more each: a million would take too long here", Storing: inMemory,
				Simulating: "its clock can be replaced, but it does not say when it has settled; moved on once every job has " +
					"run and armed its timer, it runs some twice",
			},
			Lead: 40 * time.Microsecond,
		},
		{
			Name: "gocron, RunNow", Kind: Peer, Gives: "as gocron; one job stands and is asked to run, and takes its payload from a channel",
			Dispatch: newRunNow,
		},
	}
}

type cronScheduler struct{ s gocron.Scheduler }

func (g cronScheduler) Close() { must(g.s.Shutdown()) }

func (g cronScheduler) Start() error {
	g.s.Start()
	return nil
}

type oneTimeJobs struct{ cronScheduler }

func newOneTimeJobs() (Dispatcher, error) {
	s, err := gocron.NewScheduler()
	if err != nil {
		return nil, err
	}
	s.Start()
	return oneTimeJobs{cronScheduler{s}}, nil
}

func (g oneTimeJobs) Submit(j *Job) {
	_, err := g.s.NewJob(gocron.OneTimeJob(gocron.OneTimeJobStartImmediately()), gocron.NewTask(j.Safe))
	must(err)
}

type runNow struct {
	cronScheduler
	job  gocron.Job
	jobs chan *Job
}

func newRunNow() (Dispatcher, error) {
	g, err := newOneTimeJobs()
	if err != nil {
		return nil, err
	}
	r := &runNow{cronScheduler: g.(oneTimeJobs).cronScheduler, jobs: make(chan *Job, 1<<17)}
	r.job, err = r.s.NewJob(gocron.DurationJob(time.Hour), gocron.NewTask(func() {
		select {
		case j := <-r.jobs:
			j.Safe()
		default:
		}
	}))
	return r, err
}

// Submit asks again where the scheduler was too busy to answer in time; it may
// run the job all the same, which then finds nothing to do.
func (r *runNow) Submit(j *Job) {
	r.jobs <- j
	err := r.job.RunNow()
	for errors.Is(err, gocron.ErrJobRunNowFailed) {
		err = r.job.RunNow()
	}
	must(err)
}

// gocronTimes starts at once: a scheduler that is started with a job that runs
// once and whose time has passed looks for its next time for ever.
type gocronTimes struct{ cronScheduler }

func newGocronTimes() (Timetable, error) {
	g, err := newOneTimeJobs()
	if err != nil {
		return nil, err
	}
	return gocronTimes{g.(oneTimeJobs).cronScheduler}, nil
}

func (gocronTimes) Start() error { return nil }

func (g gocronTimes) At(t time.Time, j *Job) error {
	if time.Until(t) < Near {
		return gocron.ErrOneTimeJobStartDateTimePast // for the same reason
	}
	_, err := g.s.NewJob(gocron.OneTimeJob(gocron.OneTimeJobStartDateTime(t)), gocron.NewTask(j.Safe))
	return err
}

// gocronJobs finds its jobs by the IDs that it has to keep.
type gocronJobs struct {
	cronScheduler
	names []string
	ids   []uuid.UUID
}

func newGocronJobs(names []string) (Register, error) {
	s, err := gocron.NewScheduler()
	return &gocronJobs{cronScheduler{s}, names, make([]uuid.UUID, len(names))}, err
}

func (g *gocronJobs) Add(i int) error {
	j, err := g.s.NewJob(gocron.DurationJob(Quarter), gocron.NewTask(func() {}), gocron.WithName(g.names[i]))
	if err == nil {
		g.ids[i] = j.ID()
	}
	return err
}

func (g *gocronJobs) Remove(i int) error { return g.s.RemoveJob(g.ids[i]) }
