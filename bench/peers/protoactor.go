package peers

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
)

// fromProtoactor: one actor, whose mailbox takes the jobs. They run one after the
// other, and one that blocks holds back all behind it. A panic is recovered and
// restarts the actor. Beyond the floor it gives order, addresses and supervision.
func fromProtoactor() []Contender {
	return []Contender{{
		Name: "protoactor, 1 actor", Kind: Peer, Gives: "order, addresses, supervision",
		Dispatch: func() (Dispatcher, error) { return newActor(), nil },
		Cannot: map[Ability]string{
			Timing:      "its scheduler is time.AfterFunc and a send",
			Registering: "its scheduler is time.AfterFunc and a send",
			Simulating:  "its clock cannot be replaced",
			Storing:     "it keeps what is pending in memory",
		},
	}}
}

type mailbox struct {
	system *actor.ActorSystem
	pid    *actor.PID
}

func newActor() *mailbox {
	quiet := func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }
	m := &mailbox{system: actor.NewActorSystem(actor.WithLoggerFactory(quiet))}
	m.pid = m.system.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if j, is := c.Message().(*Job); is {
			j.Bare()
		}
	}))
	return m
}

func (m *mailbox) Submit(j *Job) { m.system.Root.Send(m.pid, j) }

func (m *mailbox) Close() {
	must(m.system.Root.PoisonFuture(m.pid).Wait())
	m.system.Shutdown()
}
