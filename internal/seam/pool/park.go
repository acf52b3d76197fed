package pool

import (
	"context"

	"github.com/bgloop/bgloop/internal/seam"
)

// NewPark returns a place for one goroutine to wait, which needs not be one of
// the pool's.
func (p *Pool) NewPark() seam.Park { return make(park, 1) }

// A park holds one token, from Unpark to Park.
type park chan struct{}

// Park waits for the token, or for the end of ctx if it can end; ctx may be
// nil. The token wins where both are there.
func (p park) Park(ctx context.Context) error {
	if ctx == nil || ctx.Done() == nil {
		<-p
		return nil
	}
	select {
	case <-p:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-p:
		return nil
	default:
		return ctx.Err()
	}
}

// Unpark leaves the token, unless one is there. It may be called from any
// goroutine.
func (p park) Unpark() {
	select {
	case p <- struct{}{}:
	default:
	}
}
