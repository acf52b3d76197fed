package condition

import (
	"context"
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// diskInterval is how often the free space is asked for while it matters.
const diskInterval = 10 * time.Second

type disk struct {
	path  string
	bytes uint64
	free  func(path string) (uint64, error)
}

// DiskSpace holds while the file system that path is on has at least so many
// bytes free for an ordinary user. No system tells of that by itself, so it is
// asked as Func is: when an activation waits, and then every ten seconds until
// none waits or runs. Register answers the system's error if it cannot be asked
// about path, such as fs.ErrNotExist, and errors.ErrUnsupported on systems other
// than Linux, macOS and Windows. While it cannot be asked later, it does not
// hold.
func DiskSpace(path string, bytes uint64) activation.Condition {
	return disk{path, bytes, diskFree}
}

func (c disk) String() string { return fmt.Sprintf("disk-space(%s, %d bytes)", c.path, c.bytes) }

func (c disk) Arm(tell func(bool), p activation.Port) error {
	if _, err := c.free(c.path); err != nil {
		return fmt.Errorf("condition: disk space of %s: %w", c.path, err)
	}
	return Func(c.path, func(context.Context) bool {
		free, err := c.free(c.path)
		return err == nil && free >= c.bytes
	}, diskInterval).Arm(tell, p)
}
