package pressure

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// ErrThreshold is returned by Register for a window that is not from half a
// second to ten seconds, and for a stall that is not positive or longer than the
// window.
var ErrThreshold = errors.New("pressure: no threshold that the kernel takes")

// Root is where Linux tells of the whole machine.
const Root = "/proc/pressure"

// A Gauge is where the kernel tells of one resource.
type Gauge struct {
	resource Resource
	path     string
}

// System is the gauge of the whole machine.
func System(r Resource) Gauge { return Gauge{r, filepath.Join(Root, string(r))} }

// Cgroup is the gauge of a control group of version 2, given by its directory;
// see OwnCgroup.
func Cgroup(dir string, r Resource) Gauge { return Gauge{r, filepath.Join(dir, string(r)+".pressure")} }

// Some makes a task due when at least one task of the machine or group has stood
// still for longer than stall within a window, at most once in a window, and
// again in the next if it goes on. The details are a Reading, which an App with a
// store takes after app.WithDetails(pressure.Reading{}). A window is from half a
// second to ten seconds; one that is not a multiple of two seconds needs
// CAP_SYS_RESOURCE, without which the source fails, as observers are told.
func (g Gauge) Some(stall, window time.Duration) activation.Trigger {
	return exceeds{g, "some", stall, window, open}
}

// Full is like Some, for the time in which all tasks stood still at once. Of the
// machine's processor there is no such time.
func (g Gauge) Full(stall, window time.Duration) activation.Trigger {
	return exceeds{g, "full", stall, window, open}
}

// A threshold is a line of a gauge that the kernel is to tell about.
type threshold struct {
	path string
	line string
}

// An alarm tells when thresholds are exceeded.
type alarm interface {
	// Wait waits for that and returns which, or for a Wake, which is none, or
	// for the end of ctx, which is an error.
	Wait(ctx context.Context) (which []int, err error)
	Wake()
	Close() error
}

type exceeds struct {
	gauge         Gauge
	kind          string
	stall, window time.Duration
	open          func([]threshold) (alarm, error)
}

func (e exceeds) String() string {
	return fmt.Sprintf("pressure(%s of %s, %v in %v)", e.kind, e.gauge.path, e.stall, e.window)
}

func (e exceeds) threshold() threshold {
	return threshold{e.gauge.path, fmt.Sprintf("%s %d %d", e.kind, e.stall.Microseconds(), e.window.Microseconds())}
}

func (e exceeds) Arm(p activation.Port) error {
	switch {
	case e.window < 500*time.Millisecond, e.window > 10*time.Second, e.stall < time.Microsecond, e.stall > e.window:
		return fmt.Errorf("%w: %v in %v", ErrThreshold, e.stall, e.window)
	}
	if err := check(e.gauge.path); err != nil {
		return err
	}
	p.Go(func(ctx context.Context) error {
		a, err := e.open([]threshold{e.threshold()})
		if err != nil {
			return err
		}
		defer func() { _ = a.Close() }()
		for {
			which, err := a.Wait(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			if len(which) == 0 {
				continue
			}
			r, err := e.gauge.Read()
			if err != nil {
				return err
			}
			if _, err := p.Fire(ctx, r); err != nil {
				return activation.UnlessOver(err)
			}
		}
	})
	return nil
}
