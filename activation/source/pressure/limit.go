package pressure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source"
)

// A MemoryCount says how often a control group has run into the limits of its
// memory since it was made; see memory.events in the kernel's description.
type MemoryCount struct {
	Low     uint64 // memory was taken though it was under its low boundary
	High    uint64 // it was slowed down for being over its high boundary
	Max     uint64 // it was about to exceed its maximum
	OOM     uint64 // no memory was left to be had
	OOMKill uint64 // a process was killed for that
}

// MemoryLimits makes a task due when a control group of version 2, given by its
// directory, has run into a limit of its memory. The details are a MemoryCount,
// which an App with a store takes after app.WithDetails(pressure.MemoryCount{}).
// Where the group has no memory.events, Register answers errors.ErrUnsupported.
func MemoryLimits(dir string) activation.Trigger {
	path := filepath.Join(dir, "memory.events")
	check := func() error {
		if _, err := readCounts(path); err != nil {
			return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		}
		return nil
	}
	watch := func(ctx context.Context, _ activation.Port, tell func(MemoryCount)) error {
		a, err := notify(path)
		if err != nil {
			return err
		}
		defer func() { _ = a.Close() }()
		for err == nil {
			c, wrong := readCounts(path)
			if wrong != nil {
				return wrong
			}
			tell(c)
			_, err = a.Wait(ctx)
		}
		return err
	}
	return source.NewFeed(check, watch).Trigger("memory-limits("+dir+")", func(before, after MemoryCount) bool { return before != after })
}

// readCounts reads what there is of the counters.
func readCounts(path string) (c MemoryCount, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("pressure: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		var name string
		var n uint64
		if _, err := fmt.Sscanf(line, "%s %d", &name, &n); err != nil {
			return c, fmt.Errorf("pressure: %s: %q: %w", path, line, err)
		}
		switch name {
		case "low":
			c.Low = n
		case "high":
			c.High = n
		case "max":
			c.Max = n
		case "oom":
			c.OOM = n
		case "oom_kill":
			c.OOMKill = n
		}
	}
	return c, nil
}

// OwnCgroup is the directory of the control group of version 2 that the process
// is in, as the process sees it. Where there is none, the error is
// errors.ErrUnsupported.
func OwnCgroup() (string, error) { return ownCgroup("/proc/self/cgroup", "/sys/fs/cgroup") }

func ownCgroup(list, root string) (string, error) {
	text, err := os.ReadFile(list)
	if err != nil {
		return "", fmt.Errorf("%w: pressure: %w", errors.ErrUnsupported, err)
	}
	for line := range strings.Lines(string(text)) {
		path, is := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !is {
			continue
		}
		for _, mount := range []string{root, filepath.Join(root, "unified")} { // the latter beside version 1
			dir := filepath.Join(mount, path)
			if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
				return dir, nil
			}
		}
	}
	return "", fmt.Errorf("%w: pressure: no control group of version 2", errors.ErrUnsupported)
}
