package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/bgloop/bgloop/activation"
)

// check says whether the kernel talks to us.
func check() error { return nil }

// watch reads the state each time that the kernel tells of links or routes.
func watch(ctx context.Context, _ activation.Port, tell func(State)) error {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		return fmt.Errorf("network: %w", err)
	}
	defer s.Close()
	var draining sync.Mutex
	defer context.AfterFunc(ctx, func() {
		draining.Lock()
		defer draining.Unlock()
		s.Close()
	})()
	var last State
	for first := true; ; first = false {
		state, err := read()
		if err != nil {
			return err
		}
		if first || !state.Equal(last) {
			tell(state)
			last = state
		}
		_, _, err = s.Receive()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, syscall.ENOBUFS) { // some were lost, and what they said is read
			return fmt.Errorf("network: %w", err)
		}
		draining.Lock()
		drain(ctx, s)
		draining.Unlock()
	}
}

// drain takes what has come meanwhile: it is all about the state to be read. The
// socket must not be closed meanwhile: its number would be another's.
func drain(ctx context.Context, s *nl.NetlinkSocket) {
	if ctx.Err() != nil {
		return
	}
	buffer := make([]byte, 1)
	for {
		_, _, err := unix.Recvfrom(s.GetFd(), buffer, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// tries is how often to read what changes while it is read.
const tries = 10

func read() (s State, err error) {
	for range tries {
		s, err = readOnce()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return s, fmt.Errorf("network: %w", err)
	}
	return s, nil
}

func readOnce() (s State, err error) {
	links, err := netlink.LinkList()
	if err != nil {
		return s, err
	}
	up := make(map[int]string, len(links))
	for _, l := range links {
		a := l.Attrs()
		if a.Flags&net.FlagLoopback == 0 && a.Flags&net.FlagUp != 0 && a.RawFlags&unix.IFF_LOWER_UP != 0 {
			up[a.Index] = a.Name
			s.Up = append(s.Up, a.Name)
		}
	}
	slices.Sort(s.Up)
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return s, err
	}
	slices.SortStableFunc(routes, func(a, b netlink.Route) int { return cmp.Compare(a.Priority, b.Priority) })
	for _, r := range routes {
		for _, index := range ways(r) {
			if name := up[index]; name != "" && !slices.Contains(s.Via, name) {
				s.Via = append(s.Via, name)
			}
		}
	}
	s.Online = len(s.Via) > 0
	return s, nil
}

// ways are the links that a default route goes over; another has none.
func ways(r netlink.Route) (links []int) {
	if r.Type != unix.RTN_UNICAST {
		return nil
	}
	if r.Dst != nil {
		if ones, _ := r.Dst.Mask.Size(); ones > 0 || !r.Dst.IP.IsUnspecified() {
			return nil
		}
	}
	if len(r.MultiPath) == 0 {
		return []int{r.LinkIndex}
	}
	for _, hop := range r.MultiPath {
		links = append(links, hop.LinkIndex)
	}
	return links
}
