//go:build !linux

package zone

import "context"

func check() error { return ErrUnsupported }

func watch(context.Context, string, func() error) error { return ErrUnsupported }
