package push_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/source/push"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/tasks"
)

// Whatever comes has one of the statuses, and activates only if Sign would have
// signed it so, and once.
func FuzzServeHTTP(f *testing.F) {
	c := clock.NewVirtual(time.Time{})
	a := app.New(app.WithClock(c), app.WithLogger(slog.New(slog.DiscardHandler)))
	var n atomic.Int64
	a.HandleFunc("x", func(context.Context, *tasks.Instance) error { n.Add(1); return nil })
	h := &push.Handler{Secret: secret, MaxBody: 64, MaxWait: -1}
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: h.Trigger("x")}); err != nil {
		f.Fatal(err)
	}
	if err := a.Start(f.Context()); err != nil {
		f.Fatal(err)
	}
	good := http.Header{}
	push.Sign(good, secret, c.Now(), "id", []byte("body"))
	stamp, sum := good.Get(push.HeaderTimestamp), good.Get(push.HeaderSignature)
	f.Add("x", stamp, "id", sum, []byte("body"), false)
	f.Add("x", stamp, "id", "", []byte("body"), true)
	f.Add("x", stamp, "i.d", sum, []byte("body"), true)
	f.Add("y", "-1", "", "zz", []byte(nil), false)
	f.Add("x", "99999999999999999999", "id", sum[:10], bytes.Repeat([]byte("b"), 65), true)
	f.Fuzz(func(t *testing.T, name, timestamp, id, signature string, body []byte, sign bool) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.URL.Path = "/" + name
		r.Header.Set(push.HeaderTimestamp, timestamp)
		r.Header.Set(push.HeaderID, id)
		r.Header.Set(push.HeaderSignature, signature)
		if sign {
			push.Sign(r.Header, secret, c.Now(), id, body)
		}
		seen := false
		for range 2 {
			before := n.Load()
			r.Body = http.NoBody
			if len(body) > 0 {
				r.Body = readCloser{bytes.NewReader(body)}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if err := a.WaitIdle(t.Context()); err != nil {
				t.Fatal(err)
			}
			activated := n.Load() > before
			statuses := []int{202, 401, 404, 409, 413, 503}
			if !slices.Contains(statuses, w.Code) || activated != (w.Code == http.StatusAccepted) {
				t.Fatalf("got status %d, activated %v", w.Code, activated)
			}
			if !activated {
				continue
			}
			check := http.Header{}
			push.Sign(check, secret, c.Now(), id, body)
			if name != "x" || seen || len(body) > 64 || timestamp == stamp && !sign && check.Get(push.HeaderSignature) != signature {
				t.Fatalf("activated by %q, %q, %q", name, id, signature)
			}
			seen = true
		}
		c.Advance(time.Minute) // so that IDs come to be forgotten
	})
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }
