package coro

// A coroutine is a body that runs in turns. Of it and the one that resumes it,
// one runs at any time. That is all the World needs of a switch, so that it
// does not hang on how today's runtime does it.
//
// It begins with the first resume, and body must end by itself: without a
// panic, and by Goexit only during stop.
type coroutine interface {
	// resume runs the body until it yields or ends.
	resume()

	// yield gives the turn back and waits for the next one. It reports
	// whether the body is to go on; if not, it must end and not yield again.
	// Only the body may call it.
	yield() bool

	// stop lets the body end, and returns when it has. A body that ends by
	// Goexit may end the caller's goroutine as well. stop follows a resume.
	stop()
}
