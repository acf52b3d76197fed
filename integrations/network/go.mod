module github.com/bgloop/bgloop/integrations/network

go 1.26.0

require (
	github.com/bgloop/bgloop v0.0.0
	github.com/vishvananda/netlink v1.3.1
	golang.org/x/sys v0.10.0
)

require (
	github.com/benbjohnson/clock v1.3.5 // indirect
	github.com/looplab/fsm v1.0.3 // indirect
	github.com/vishvananda/netns v0.0.5 // indirect
)

replace github.com/bgloop/bgloop => ../..
