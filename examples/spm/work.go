package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/bgloop/bgloop/activation"
)

// work makes an activation of each line and waits until all is over.
func (s *service) work(ctx context.Context, input io.Reader) error {
	archived, err := s.fire(ctx, "archive")
	if err != nil {
		return err
	}
	last, err := s.feed(ctx, input)
	if err != nil {
		return err
	}
	// Lines run one at a time, in order: when the last is over, all are.
	_ = last.Wait(ctx)
	published, err := s.fire(ctx, "publish")
	if err != nil {
		return err
	}
	_ = published.Wait(ctx)
	_ = archived.Wait(ctx) // these are outcomes; tell has printed them
	return s.WaitIdle(ctx) // for what nobody has a receipt of
}

// fire makes a task due now, whatever its trigger is. That a task is not
// registered is no error: there may be no archive.
func (s *service) fire(ctx context.Context, name string) (activation.Receipt, error) {
	if t, ok := s.Task(name); ok {
		return t.Fire(ctx, nil)
	}
	return activation.Receipt{}, nil
}

// feed requests an activation for each line, however long, and returns the
// receipt of the last.
func (s *service) feed(ctx context.Context, input io.Reader) (last activation.Receipt, err error) {
	for r := bufio.NewReader(input); ; {
		line, end := r.ReadString('\n')
		if line != "" {
			if last, err = s.request(ctx, line, last); err != nil {
				return last, err
			}
		}
		switch {
		case errors.Is(end, io.EOF):
			return last, nil
		case end != nil:
			return last, end
		}
	}
}

// request asks until the line is accepted. The answer is CurrentlyRunning while
// the task's pending list is full; when the line accepted last is over it is
// empty. So no line is lost, and the input waits for the task. (trigger.Chan
// does the like for whoever has a channel.)
func (s *service) request(ctx context.Context, line string, last activation.Receipt) (activation.Receipt, error) {
	for {
		r, err := s.lines.Request(ctx, line)
		switch {
		case err != nil || r.Result == activation.Allowed:
			return r, err
		case r.Result != activation.CurrentlyRunning:
			return r, fmt.Errorf("%w: %v", activation.ErrRefused, r.Result)
		}
		_ = last.Wait(ctx)
		if err := ctx.Err(); err != nil {
			return last, err
		}
	}
}
