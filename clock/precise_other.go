//go:build !linux

package clock

import "errors"

func openTimerfd() (waker, error) { return nil, errors.ErrUnsupported }
