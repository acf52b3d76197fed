package peers

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// fromRiver: jobs are rows of a SQLite database, which is synced for each; they
// survive a crash, are tried again, and can be looked at. It recovers from
// panics. On SQLite it asks the database for work: here every millisecond, the
// least it allows; by default every second.
//
// The versions are the newest whose SQLite driver can be had.
func fromRiver() []Contender {
	stored := "every job is stored: see the durable tables"
	return []Contender{{
		Name: "River on SQLite", Kind: Peer, Gives: "jobs that survive a crash, retries, unique jobs, a history",
		Durable: newRiver,
		Cannot: map[Ability]string{
			Dispatching: stored, Timing: stored, Registering: "its periodic jobs are rows once they are due",
			Simulating: "its clock cannot be advanced",
		},
	}}
}

type riverArgs struct {
	N int `json:"n"`
}

func (riverArgs) Kind() string { return "job" }

type riverWorker struct {
	river.WorkerDefaults[riverArgs]
	jobs *sync.Map
}

func (w *riverWorker) Work(_ context.Context, row *river.Job[riverArgs]) error {
	j, _ := w.jobs.Load(row.Args.N)
	j.(*Job).Bare()
	return nil
}

type riverClient struct {
	db   *sql.DB
	c    *river.Client[*sql.Tx]
	jobs sync.Map // of *Job by N
}

func newRiver(dir string) (Dispatcher, error) {
	ctx, r := context.Background(), new(riverClient)
	var err error
	r.db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, "river.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	r.db.SetMaxOpenConns(1)
	driver, quiet := riversqlite.New(r.db), slog.New(slog.DiscardHandler)
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return nil, err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &riverWorker{jobs: &r.jobs})
	r.c, err = river.NewClient(driver, &river.Config{
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 100}},
		Workers:       workers,
		Logger:        quiet,
		FetchCooldown: time.Millisecond, FetchPollInterval: time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return r, r.c.Start(ctx)
}

func (r *riverClient) Submit(j *Job) {
	r.jobs.Store(j.N, j)
	_, err := r.c.Insert(context.Background(), riverArgs{j.N}, nil)
	must(err)
}

func (r *riverClient) Close() {
	must(r.c.Stop(context.Background()))
	must(r.db.Close())
}
