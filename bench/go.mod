module github.com/bgloop/bgloop/bench

go 1.26.0

require github.com/bgloop/bgloop v0.0.0

require (
	github.com/benbjohnson/clock v1.3.5 // indirect
	github.com/looplab/fsm v1.0.3 // indirect
)

replace github.com/bgloop/bgloop => ../
