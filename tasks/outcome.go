package tasks

import (
	"errors"
	"fmt"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/deferral"
)

var (
	// ErrOver is returned by the methods of an Instance that is over, and is
	// the cause of its context then.
	ErrOver = deferral.ErrOver

	// ErrUnknownTask is the failure of an instance that no handler answers.
	ErrUnknownTask = errors.New("tasks: no handler for the task")

	// ErrAbandoned is the outcome, beside the reason, of an instance that did
	// not end within its grace.
	ErrAbandoned = errors.New("tasks: abandoned: not over within the grace")

	// ErrLost is how an attempt ended that was being made when the process
	// ended, as the next run of the program sees it; see app.WithStore.
	ErrLost = errors.New("tasks: the process ended during the attempt")

	// ErrOnLoop is returned by the methods that would make the loop wait, for
	// an instance of a task with OnLoop.
	ErrOnLoop = errors.New("tasks: the loop would wait")

	// ErrGoexit is the value of a *Panic whose handler called runtime.Goexit.
	ErrGoexit = errors.New("tasks: runtime.Goexit was called")
)

// Canceled is the outcome of an activation that was canceled.
type Canceled struct {
	// Reason is why.
	Reason activation.Reason
	// Abandoned says that the instance did not end within its grace.
	Abandoned bool
	// Err is what the handler returned after the cancel; it may be nil.
	Err error
}

// Error says why it was canceled.
func (c *Canceled) Error() string {
	s := "tasks: canceled: " + c.Reason.String()
	if c.Abandoned {
		s += ", abandoned"
	}
	return s
}

// Unwrap gives the Reason, ErrAbandoned if it was, and what the handler
// returned.
func (c *Canceled) Unwrap() []error {
	errs := []error{c.Reason}
	if c.Abandoned {
		errs = append(errs, ErrAbandoned)
	}
	if c.Err != nil {
		errs = append(errs, c.Err)
	}
	return errs
}

// A Panic is the failure of an instance whose code panicked or called
// runtime.Goexit.
type Panic struct {
	// Value is what was given to panic, or ErrGoexit.
	Value any
	// Stack is where it was.
	Stack []byte
}

// Error holds the value and the stack.
func (p *Panic) Error() string { return fmt.Sprintf("tasks: panic: %v\n%s", p.Value, p.Stack) }

// Unwrap gives the value, if that is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}
