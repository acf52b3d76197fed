module github.com/bgloop/bgloop

go 1.26.0

require (
	github.com/benbjohnson/clock v1.3.5
	github.com/looplab/fsm v1.0.3
	golang.org/x/sync v0.24.0
)
