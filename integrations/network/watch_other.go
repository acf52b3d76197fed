//go:build !linux

package network

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/bgloop/bgloop/activation"
)

func check() error {
	return fmt.Errorf("%w: network: not told on %s", errors.ErrUnsupported, runtime.GOOS)
}

func watch(context.Context, activation.Port, func(State)) error { return check() }
