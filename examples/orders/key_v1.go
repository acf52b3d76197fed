//go:build v1

package orders

import "github.com/bgloop/bgloop/tasks"

// key is by what the bank knows a payment again.
func key(in *tasks.Instance, _ Order) uint64 { return in.ID() }
