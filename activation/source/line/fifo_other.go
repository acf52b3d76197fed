//go:build !unix

package line

import "os"

const hasFIFOs = false

func openFIFO(string) (*os.File, error) { return nil, ErrFIFO }
