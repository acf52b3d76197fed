// Package network is for tasks that go by the network: whether there is a way to
// the internet, over which links, and when that has changed.
//
// It sends nothing: that there is a way out is what the routing table says, and
// whether somebody answers is for condition.Probe to find out. Linux tells of
// changes by netlink, through github.com/vishvananda/netlink; nothing is polled.
// On other systems Register answers errors.ErrUnsupported.
//
// It is a module of its own: go get github.com/bgloop/bgloop/integrations/network;
// network.System() has conditions such as Online and triggers such as Changed.
package network
