package sim

import (
	"strconv"
	"testing"
)

// set hands on the number that a flag gives, if it does.
func set(t testing.TB, name, text string, to func(uint64)) {
	t.Helper()
	if text == "" {
		return
	}
	v, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		t.Fatalf("sim: -sim.%s: %v", name, err)
	}
	to(v)
}

// yes reads a flag that is on or off.
func yes(t testing.TB, name, text string) bool {
	t.Helper()
	if text == "" {
		return false
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		t.Fatalf("sim: -sim.%s: %v", name, err)
	}
	return v
}
