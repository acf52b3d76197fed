module github.com/bgloop/bgloop/integrations/file

go 1.26.0

require (
	github.com/bgloop/bgloop v0.0.0
	github.com/fsnotify/fsnotify v1.10.1
)

require (
	github.com/benbjohnson/clock v1.3.5 // indirect
	github.com/looplab/fsm v1.0.3 // indirect
	golang.org/x/sys v0.13.0 // indirect
)

replace github.com/bgloop/bgloop => ../..
