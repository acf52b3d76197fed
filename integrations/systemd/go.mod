module github.com/bgloop/bgloop/integrations/systemd

go 1.26.0

require (
	github.com/bgloop/bgloop v0.0.0
	github.com/coreos/go-systemd/v22 v22.7.0
)

require (
	github.com/benbjohnson/clock v1.3.5 // indirect
	github.com/looplab/fsm v1.0.3 // indirect
	golang.org/x/sys v0.1.0 // indirect
)

replace github.com/bgloop/bgloop => ../..
