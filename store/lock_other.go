//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package store

import "os"

// Without flock nothing keeps a second Log from the file.
func lock(*os.File) error { return nil }
func unlock(*os.File)     {}
