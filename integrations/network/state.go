package network

import (
	"slices"
	"strings"
)

// A State is that of the network, as the kernel has it for the process's network
// namespace.
type State struct {
	// Online says that there is a default route over a link that is up.
	Online bool

	// Via is over which links the default routes go that are up, the preferred
	// first.
	Via []string

	// Up is which links are up and connected, in order; loopback is left out.
	Up []string
}

// Equal reports whether two states are the same.
func (s State) Equal(o State) bool {
	return s.Online == o.Online && slices.Equal(s.Via, o.Via) && slices.Equal(s.Up, o.Up)
}

// String says it in a few words.
func (s State) String() string {
	if !s.Online {
		return "offline"
	}
	return "online via " + strings.Join(s.Via, ", ")
}
