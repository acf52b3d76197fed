package power

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/bgloop/bgloop/internal/waitfd"
)

// check says whether the supplies can be read.
func check(root string) error {
	if _, err := os.Stat(root); err != nil {
		return fmt.Errorf("%w: power: %w", errors.ErrUnsupported, err)
	}
	return nil
}

// A ueventBell is the kernel's broadcast of what happens to devices.
type ueventBell struct {
	*waitfd.File
	subsystem []byte // as a field of the messages to wait for
}

// uevents listens for power supplies.
func uevents() (bell, error) { return listen("power_supply") }

func listen(subsystem string) (*ueventBell, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, syscall.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("power: uevent socket: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: 1}); err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("power: uevent socket: %w", err)
	}
	f, err := waitfd.New(fd, "uevent")
	if err != nil {
		return nil, fmt.Errorf("power: uevent socket: %w", err)
	}
	return &ueventBell{f, []byte("SUBSYSTEM=" + subsystem)}, nil
}

// Wait implements bell.
func (b *ueventBell) Wait(ctx context.Context) error {
	_, err := b.File.Wait(ctx, b.receive)
	return err
}

// receive takes messages until one is about the subsystem, or some were lost,
// or there are no more. Who sent one does not matter: it makes us look, no more.
func (b *ueventBell) receive(fd int) (bool, error) {
	buffer := make([]byte, 8<<10)
	for {
		n, _, err := syscall.Recvfrom(fd, buffer, 0)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return false, nil
		case errors.Is(err, syscall.ENOBUFS):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("power: uevent socket: %w", err)
		case b.about(buffer[:n]):
			return true, nil
		}
	}
}

func (b *ueventBell) about(message []byte) bool {
	for field := range bytes.SplitSeq(message, []byte{0}) {
		if bytes.Equal(field, b.subsystem) {
			return true
		}
	}
	return false
}
