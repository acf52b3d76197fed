//go:build linux || darwin

package condition

import "syscall"

// diskFree is how many bytes an ordinary user can still write.
func diskFree(path string) (uint64, error) {
	var s syscall.Statfs_t
	for {
		switch err := syscall.Statfs(path, &s); err {
		case nil:
			return uint64(s.Bavail) * uint64(s.Bsize), nil //nolint:unconvert // the types differ by system
		case syscall.EINTR:
		default:
			return 0, err
		}
	}
}
