module github.com/bgloop/bgloop/integrations/rrule

go 1.26.0

require (
	github.com/arran4/golang-ical v0.3.4
	github.com/bgloop/bgloop v0.0.0
	github.com/teambition/rrule-go v1.8.2
)

require (
	github.com/benbjohnson/clock v1.3.5 // indirect
	github.com/looplab/fsm v1.0.3 // indirect
)

replace github.com/bgloop/bgloop => ../..
