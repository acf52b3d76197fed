// Spm is the sample of the single-process model, grown into a small service: it
// counts the words of its input, line by line, in background tasks.
//
//	go run ./examples/spm                    # type lines, Ctrl-D ends the input
//	go run ./examples/spm README.md          # the lines of a file
//	tail -f app.log | go run ./examples/spm -every 1s -until /tmp/archive
//
// It ends when the input has been read and everything accepted is over; Ctrl-C
// stops it at any time. Either way it prints how it stopped.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// settings are what the command line says.
type settings struct {
	every time.Duration // between two tallies
	limit time.Duration // for publishing
	until string        // the file that archive waits for; empty: no archive
}

func main() {
	var set settings
	flag.DurationVar(&set.every, "every", 5*time.Second, "how often to tally")
	flag.DurationVar(&set.limit, "limit", 300*time.Millisecond, "how long publishing may take; it wants half a second")
	flag.StringVar(&set.until, "until", "", "archive as soon as this `file` exists")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: spm [flags] [file]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 1 {
		flag.Usage()
		os.Exit(2)
	}
	log.SetFlags(log.Ltime)
	log.SetOutput(os.Stdout)
	if err := run(set, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "spm:", err)
		os.Exit(1)
	}
}

// run serves the file, or standard input if file is empty.
func run(set settings, file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	input := os.Stdin
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // it was only read
		input = f
	}
	s, err := newService(set)
	if err != nil {
		return err
	}
	return s.serve(ctx, input)
}

// serve runs the App until all work is done or ctx ends, and stops it.
func (s *service) serve(ctx context.Context, input io.Reader) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	log.Println("ready")
	done := make(chan error, 1) // one slot: after Ctrl-C nobody takes it
	go func() { done <- s.work(ctx, input) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done(): // the input may block for ever; nobody waits for it
	}
	if ctx.Err() != nil {
		err = nil // work was interrupted, as asked
	}
	report, late := s.Stop(context.Background())
	log.Println(report)
	return errors.Join(err, late)
}
