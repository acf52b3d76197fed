package digest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/digest"
)

// What differs in anything has another sum, but for the zone of an instant.
func TestSum(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	sums := map[digest.Sum]int{}
	for i, f := range []func(*digest.Sum){
		func(*digest.Sum) {},
		func(s *digest.Sum) { s.Add(0) },
		func(s *digest.Sum) { s.Add(0, 0) },
		func(s *digest.Sum) { s.Add(1, 2) },
		func(s *digest.Sum) { s.Add(2, 1) },
		func(s *digest.Sum) { s.Int(-1) },
		func(s *digest.Sum) { s.Is(true, false) },
		func(s *digest.Sum) { s.Is(false, true) },
		func(s *digest.Sum) { s.Is(false, true, false) },
		func(s *digest.Sum) { s.Text("") },
		func(s *digest.Sum) { s.Text("ab"); s.Text("c") },
		func(s *digest.Sum) { s.Text("a"); s.Text("bc") },
		func(s *digest.Sum) { s.Time(now) },
		func(s *digest.Sum) { s.Time(now.Add(1)) },
		func(s *digest.Sum) { s.Err(errors.New("no luck")); s.Err(nil) },
	} {
		var s digest.Sum
		if f(&s); sums[s] > 0 {
			t.Errorf("%d and %d have one sum", i, sums[s]-1)
		}
		sums[s] = i + 1
	}
	var here, there digest.Sum
	here.Time(now)
	there.Time(now.In(time.FixedZone("east", 3600)))
	if here != there {
		t.Error("an instant is another one in another zone")
	}
}

func TestBag(t *testing.T) {
	var ab, ba, aa digest.Bag
	ab.Add(7)
	ab.Add(9)
	ba.Add(9)
	ba.Add(7)
	aa.Add(7)
	aa.Add(7)
	if ab != ba || ab == aa || aa == 0 {
		t.Errorf("got %x, %x and %x", ab, ba, aa)
	}
}
