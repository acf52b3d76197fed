package network

import (
	"slices"
	"strings"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source"
)

// A Monitor follows the network for any number of triggers and conditions, as
// source.Feed has it. What the kernel tells while the state is being read is
// taken together: a link that goes down and up again within microseconds may not
// be noticed.
type Monitor struct {
	feed *source.Feed[State]
}

// System follows the network namespace that the process is in.
func System() *Monitor { return &Monitor{source.NewFeed(check, watch)} }

// Of follows what w tells, in place of the machine. It is for tests and
// simulations, and for systems that this package does not know.
func Of(w source.Watch[State]) *Monitor { return &Monitor{source.NewFeed(nil, w)} }

// State is the network's state, and whether it is known: a task that goes by this
// monitor runs.
func (m *Monitor) State() (state State, known bool) { return m.feed.State() }

// Changed makes a task due when the state has changed in any way: Windows'
// NetworkStateChange. The details are the new State, which an App with a store
// takes after app.WithDetails(network.State{}).
func (m *Monitor) Changed() activation.Trigger {
	return m.feed.Trigger("network(changed)", func(before, after State) bool { return !before.Equal(after) })
}

// InternetAvailable makes a task due when it has come to be online: Windows'
// InternetAvailable, which fires again only after a loss. The details are the
// new State.
func (m *Monitor) InternetAvailable() activation.Trigger {
	return m.feed.Trigger("network(internet available)", func(before, after State) bool { return !before.Online && after.Online })
}

// Online holds while there is a default route that is up: Windows'
// InternetAvailable.
func (m *Monitor) Online() activation.Condition {
	return m.feed.Condition("network(online)", func(s State) bool { return s.Online })
}

// Offline holds while there is none: Windows' InternetNotAvailable.
func (m *Monitor) Offline() activation.Condition {
	return m.feed.Condition("network(offline)", func(s State) bool { return !s.Online })
}

// Free holds while the preferred default route goes over a link that is none of
// the metered ones: Windows' FreeNetworkAvailable. The kernel does not know what
// a link costs, so the caller says it, by the names of links, in which a * at
// the end stands for whatever follows.
func (m *Monitor) Free(metered ...string) activation.Condition {
	metered = slices.Clone(metered)
	return m.feed.Condition("network(free, not "+strings.Join(metered, ", ")+")", func(s State) bool {
		return s.Online && len(s.Via) > 0 && !slices.ContainsFunc(metered, func(name string) bool {
			prefix, open := strings.CutSuffix(name, "*")
			return s.Via[0] == name || open && strings.HasPrefix(s.Via[0], prefix)
		})
	})
}
