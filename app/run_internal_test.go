package app

import (
	"reflect"
	"strconv"
	"testing"
)

// The strand of a handler and the owner pass lines of the cache to and fro. A
// record is a multiple of 64 bytes in memory as long as it has 353 to 384.
func TestStrandWritesOneLineOfTheRecord(t *testing.T) {
	if strconv.IntSize != 64 {
		t.Skip("pointers are smaller")
	}
	r := reflect.TypeFor[run]()
	if size := r.Size(); size <= 352 || size > 384 {
		t.Errorf("size: got %d", size)
	}
	for _, name := range []string{"ending", "begun", "owes", "told", "forgotten"} {
		if f, ok := r.FieldByName(name); !ok || f.Offset/64 != 1 {
			t.Errorf("%s begins at byte %d, which is not in the second 64", name, f.Offset)
		}
	}
	for _, name := range []string{"a", "is", "h", "start", "timed", "next"} {
		if f, ok := r.FieldByName(name); !ok || f.Offset/64 != 0 {
			t.Errorf("%s begins at byte %d, which is not in the first 64", name, f.Offset)
		}
	}
}
