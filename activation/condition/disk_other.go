//go:build !linux && !darwin && !windows

package condition

import (
	"errors"
	"fmt"
	"runtime"
)

func diskFree(string) (uint64, error) {
	return 0, fmt.Errorf("%w: on %s", errors.ErrUnsupported, runtime.GOOS)
}
