//go:build !linux

package socket

import (
	"context"
	"errors"
	"net"
)

// A watch is not to be had here: a listener is asked by Accept alone.
type watch struct{}

func newWatch(net.Listener) (*watch, error)             { return nil, errors.ErrUnsupported }
func (w *watch) add(net.Conn, uint64) error             { return errors.ErrUnsupported }
func (w *watch) remove(net.Conn)                        {}
func (w *watch) wait(context.Context) ([]uint64, error) { return nil, errors.ErrUnsupported }
func (w *watch) wake()                                  {}
func (w *watch) close()                                 {}
func watchable(net.Conn) bool                           { return false }
func peek(net.Conn) (data, open bool)                   { return false, true }
