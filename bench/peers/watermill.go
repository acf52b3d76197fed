package peers

import (
	"context"
	"sync"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

// fromWatermill: a topic in memory with one subscriber, which acknowledges each
// message; the job goes with the message's context. Beyond the floor it gives
// message IDs, metadata, acknowledgment, and an API that other brokers have too.
// It does not recover from panics; the subscriber does.
func fromWatermill() []Contender {
	return []Contender{{
		Name: "watermill gochannel", Kind: Peer, Gives: "message IDs, metadata, acknowledgment, exchangeable brokers",
		Dispatch: newTopic,
		Cannot: map[Ability]string{
			Timing:      "it has no time",
			Registering: "it has no registrations in time",
			Simulating:  "it has no time",
			Storing:     "gochannel keeps messages in memory",
		},
	}}
}

type topic struct {
	c   *gochannel.GoChannel
	all sync.WaitGroup
}

func newTopic() (Dispatcher, error) {
	t := &topic{c: gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: 1024, PreserveContext: true}, nil)}
	messages, err := t.c.Subscribe(context.Background(), "jobs")
	if err != nil {
		return nil, err
	}
	t.all.Go(func() {
		for m := range messages {
			m.Context().Value(jobKey{}).(*Job).Safe()
			m.Ack()
		}
	})
	return t, nil
}

type jobKey struct{}

func (t *topic) Submit(j *Job) {
	m := message.NewMessage(watermill.NewUUID(), nil)
	m.SetContext(context.WithValue(context.Background(), jobKey{}, j))
	must(t.c.Publish("jobs", m))
}

func (t *topic) Close() {
	must(t.c.Close())
	t.all.Wait()
}
