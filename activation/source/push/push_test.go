package push_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/push"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

var secret = []byte("between us")

// A site is a server on a real port whose handler activates the task "deploy"
// of an App that runs on a virtual clock.
type site struct {
	*app.App
	t      *testing.T
	clock  *clock.Virtual
	h      *push.Handler
	server *httptest.Server

	mu   sync.Mutex // guards the following
	got  []*push.Message
	does func(context.Context, *tasks.Instance) error
}

func open(t *testing.T, h *push.Handler) *site {
	t.Helper()
	s := &site{t: t, h: h, clock: clock.NewVirtual(time.Time{})}
	s.App = app.New(app.WithClock(s.clock), app.WithLogger(slog.New(slog.DiscardHandler)))
	s.Handle("deploy", tasks.Typed(func(ctx context.Context, in *tasks.Instance, m *push.Message) error {
		s.mu.Lock()
		s.got = append(s.got, m)
		does := s.does
		s.mu.Unlock()
		if does == nil {
			return nil
		}
		return does(ctx, in)
	}))
	if _, err := s.Register(tasks.Registration{Name: "deploy", Trigger: h.Trigger("deploy")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(h)
	t.Cleanup(func() {
		_, _ = s.Stop(context.Background())
		s.server.Close()
	})
	return s
}

// post sends a request and returns the status and the body of the answer.
func (s *site) post(name string, header http.Header, body string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+"/"+name, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for k, v := range header {
		r.Header[k] = v
	}
	return s.do(r)
}

func (s *site) do(r *http.Request) (int, string) {
	s.t.Helper()
	a, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return a.StatusCode, strings.TrimSpace(string(text))
}

func (s *site) signed(at time.Time, id, body string) http.Header {
	h := http.Header{}
	push.Sign(h, secret, at, id, []byte(body))
	return h
}

// wantActivations lets the App settle and counts.
func (s *site) wantActivations(n int) {
	s.t.Helper()
	if err := s.WaitIdle(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.got) != n {
		s.t.Errorf("activations: got %d, want %d", len(s.got), n)
	}
}

func want(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got status %d, want %d", what, got, want)
	}
}

// A request is an activation, with its body and headers as the details, and is
// answered with the activation's ID.
func TestPost(t *testing.T) {
	s := open(t, &push.Handler{})
	status, answer := s.post("deploy", http.Header{"X-From": {"here"}}, "version 7")
	if status != http.StatusAccepted || answer != `{"activation":1}` {
		t.Errorf("got %d %s", status, answer)
	}
	s.wantActivations(1)
	if m := s.got[0]; string(m.Body) != "version 7" || m.Header.Get("X-From") != "here" {
		t.Errorf("details: got %+v", m)
	}
}

// What is wrong with a request has its status, and activates nothing.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		what   string
		status int
		send   func(s *site) (int, string)
	}{
		{"a GET", http.StatusMethodNotAllowed, func(s *site) (int, string) {
			r, _ := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL+"/deploy", nil)
			return s.do(r)
		}},
		{"an unknown name", http.StatusNotFound, func(s *site) (int, string) { return s.post("deplox", nil, "") }},
		{"no signature", http.StatusUnauthorized, func(s *site) (int, string) { return s.post("deploy", nil, "b") }},
		{"another secret", http.StatusUnauthorized, func(s *site) (int, string) {
			h := http.Header{}
			push.Sign(h, []byte("guessed"), s.clock.Now(), "1", []byte("b"))
			return s.post("deploy", h, "b")
		}},
		{"another body", http.StatusUnauthorized, func(s *site) (int, string) {
			return s.post("deploy", s.signed(s.clock.Now(), "1", "b"), "c")
		}},
		{"another ID", http.StatusUnauthorized, func(s *site) (int, string) {
			h := s.signed(s.clock.Now(), "1", "b")
			h.Set(push.HeaderID, "2")
			return s.post("deploy", h, "b")
		}},
		{"a part of the ID as body", http.StatusUnauthorized, func(s *site) (int, string) {
			h := s.signed(s.clock.Now(), "1", "b.c")
			h.Set(push.HeaderID, "1.b")
			return s.post("deploy", h, "c")
		}},
		{"another time", http.StatusUnauthorized, func(s *site) (int, string) {
			h := s.signed(s.clock.Now(), "1", "b")
			h.Set(push.HeaderTimestamp, fmt.Sprint(s.clock.Now().Unix()+1))
			return s.post("deploy", h, "b")
		}},
		{"a signature of the past", http.StatusUnauthorized, func(s *site) (int, string) {
			return s.post("deploy", s.signed(s.clock.Now().Add(-push.Window-time.Second), "1", "b"), "b")
		}},
		{"a signature of the future", http.StatusUnauthorized, func(s *site) (int, string) {
			return s.post("deploy", s.signed(s.clock.Now().Add(push.Window+time.Second), "1", "b"), "b")
		}},
		{"a body that is announced too large", http.StatusRequestEntityTooLarge, func(s *site) (int, string) {
			return s.post("deploy", s.signed(s.clock.Now(), "1", "bb"), strings.Repeat("b", 101))
		}},
		{"a body that turns out too large", http.StatusRequestEntityTooLarge, func(s *site) (int, string) {
			body := bytes.Repeat([]byte("b"), 101)
			r, _ := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+"/deploy", io.MultiReader(bytes.NewReader(body)))
			push.Sign(r.Header, secret, s.clock.Now(), "1", body)
			return s.do(r)
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := open(t, &push.Handler{Secret: secret, MaxBody: 100})
			status, answer := c.send(s)
			want(t, c.what+": "+answer, status, c.status)
			s.wantActivations(0)
			status, answer = s.post("deploy", s.signed(s.clock.Now(), "1", "b"), "b")
			want(t, "the right request after it: "+answer, status, http.StatusAccepted)
			s.wantActivations(1)
		})
	}
}

// At both ends of the window a signature is good.
func TestWindow(t *testing.T) {
	s := open(t, &push.Handler{Secret: secret})
	for i, d := range []time.Duration{-push.Window, 0, push.Window} {
		status, _ := s.post("deploy", s.signed(s.clock.Now().Add(d), fmt.Sprint(i), "b"), "b")
		want(t, d.String(), status, http.StatusAccepted)
		s.wantActivations(i + 1)
	}
}

// The same request twice is a replay, for as long as its signature is good;
// after that it is stale.
func TestReplay(t *testing.T) {
	s := open(t, &push.Handler{Secret: secret})
	h := s.signed(s.clock.Now().Add(push.Window), "1", "b")
	status, _ := s.post("deploy", h, "b")
	want(t, "first", status, http.StatusAccepted)
	for _, step := range []struct {
		passes time.Duration
		status int
	}{
		{0, http.StatusConflict},
		{2*push.Window - time.Second, http.StatusConflict},
		{time.Second, http.StatusConflict},
		{time.Second, http.StatusUnauthorized},
	} {
		s.clock.Advance(step.passes)
		status, _ := s.post("deploy", h, "b")
		want(t, step.passes.String()+" later", status, step.status)
	}
	s.wantActivations(1)
}

// Of a crowd that sends the same request, one activates.
func TestReplay_Crowd(t *testing.T) {
	s := open(t, &push.Handler{Secret: secret})
	h := s.signed(s.clock.Now(), "1", "b")
	var crowd sync.WaitGroup
	for range 20 {
		crowd.Go(func() {
			if status, _ := s.post("deploy", h, "b"); status != http.StatusAccepted && status != http.StatusConflict {
				t.Errorf("got status %d", status)
			}
		})
	}
	crowd.Wait()
	s.wantActivations(1)
}

// When the memory is full signed requests are refused, until the first is out
// of the window.
func TestReplay_MemoryIsBounded(t *testing.T) {
	s := open(t, &push.Handler{Secret: secret, MaxSeen: 2})
	var first http.Header
	for i, status := range []int{http.StatusAccepted, http.StatusAccepted, http.StatusServiceUnavailable} {
		h := s.signed(s.clock.Now(), fmt.Sprint(i), "b")
		got, _ := s.post("deploy", h, "b")
		want(t, fmt.Sprint(i), got, status)
		if i == 0 {
			first = h
		}
		s.wantActivations(min(i+1, 2))
		s.clock.Advance(time.Minute)
	}
	got, _ := s.post("deploy", first, "b")
	want(t, "a replay of the first", got, http.StatusConflict)
	s.clock.Advance(3 * time.Minute)
	got, _ = s.post("deploy", s.signed(s.clock.Now(), "3", "b"), "b")
	want(t, "when there is room again", got, http.StatusAccepted)
	s.wantActivations(3)
}

// A body that does not arrive is not waited for longer than the timeout.
func TestSlowBody(t *testing.T) {
	s := open(t, &push.Handler{Timeout: time.Minute})
	answer := s.begin()
	for {
		select {
		case a := <-answer:
			want(t, "slow", a, http.StatusRequestTimeout)
			s.wantActivations(0)
			return
		default:
			s.clock.Advance(time.Minute)
		}
	}
}

// Nor is one whose App stops.
func TestSlowBody_AppStops(t *testing.T) {
	s := open(t, &push.Handler{})
	answer := s.begin()
	if _, err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	switch a := <-answer; a {
	case http.StatusRequestTimeout, http.StatusServiceUnavailable: // while it was read, or before
	default:
		t.Errorf("got status %d", a)
	}
}

// A hidden writer is that of a middleware that hides the server's.
type hidden struct{ http.ResponseWriter }

// A body that cannot be interrupted is late all the same, and the program is
// told why nothing was answered meanwhile.
func TestSlowBody_HiddenWriter(t *testing.T) {
	told := make(chan struct{}, 1)
	s := open(t, &push.Handler{Timeout: time.Minute, Log: slog.New(slog.NewTextHandler(writer(func(text string) {
		if strings.Contains(text, "cannot be interrupted") && strings.Contains(text, "push_test.hidden") {
			told <- struct{}{}
		}
	}), nil))})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.h.ServeHTTP(hidden{w}, r) }))
	t.Cleanup(front.Close)
	c, answer := s.beginAt(front.Listener.Addr())
	for waiting := true; waiting; {
		select {
		case <-told:
			waiting = false
		case a := <-answer:
			t.Fatalf("got status %d before the body has ended", a)
		default:
			s.clock.Advance(time.Minute)
		}
	}
	if _, err := io.WriteString(c, "defghij"); err != nil {
		t.Fatal(err)
	}
	want(t, "slow", <-answer, http.StatusRequestTimeout)
	s.wantActivations(0)
}

// A writer is a function that is given what is written.
type writer func(string)

func (w writer) Write(b []byte) (int, error) { w(string(b)); return len(b), nil }

// begin begins a request whose body never ends.
func (s *site) begin() (status chan int) {
	s.t.Helper()
	_, status = s.beginAt(s.server.Listener.Addr())
	return status
}

// beginAt begins a request whose body has seven bytes to come.
func (s *site) beginAt(addr net.Addr) (c net.Conn, status chan int) {
	s.t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, "POST /deploy HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"); err != nil {
		s.t.Fatal(err)
	}
	status = make(chan int, 1) // a slot: nobody may be there to take it
	go func() {
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			status <- -1
			return
		}
		_ = a.Body.Close()
		status <- a.StatusCode
	}()
	return c, status
}

// A body that breaks off activates nothing.
func TestBrokenBody(t *testing.T) {
	s := open(t, &push.Handler{})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/deploy", io.MultiReader(strings.NewReader("ab"), broken{}))
	s.h.ServeHTTP(w, r)
	want(t, "broken", w.Code, http.StatusBadRequest)
	s.wantActivations(0)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A busy task says no, and what was refused may be sent again as it was.
func TestBusyAndPaused(t *testing.T) {
	s := open(t, &push.Handler{Secret: secret})
	free := make(chan struct{})
	begun := make(chan struct{}, 10) // more than there are
	s.does = func(context.Context, *tasks.Instance) error { begun <- struct{}{}; <-free; return nil }
	post := func(id string, status int) {
		t.Helper()
		got, answer := s.post("deploy", s.signed(s.clock.Now(), id, "b"), "b")
		want(t, id+": "+answer, got, status)
	}
	post("runs", http.StatusAccepted)
	<-begun
	post("waits", http.StatusAccepted)
	post("refused", http.StatusTooManyRequests)
	close(free)
	s.wantActivations(2)
	task, _ := s.Task("deploy")
	task.Pause()
	post("refused", http.StatusServiceUnavailable)
	task.Resume()
	post("refused", http.StatusAccepted)
	post("refused", http.StatusConflict)
	s.wantActivations(3)
}

// Before Run and after Stop the App is not there, and after Unregister the name
// is not.
func TestNotRunning(t *testing.T) {
	h := &push.Handler{}
	a := app.New(app.WithLogger(slog.New(slog.DiscardHandler)))
	post := func(when string, status int) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/x", strings.NewReader("b")))
		want(t, when, w.Code, status)
	}
	post("before Register", http.StatusNotFound)
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: h.Trigger("x")}); err != nil {
		t.Fatal(err)
	}
	post("before Run", http.StatusServiceUnavailable)
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	post("while it runs", http.StatusAccepted)
	a.Unregister("x", true)
	post("after Unregister", http.StatusNotFound)
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: h.Trigger("x")}); err != nil {
		t.Fatal(err)
	}
	post("registered again", http.StatusAccepted)
	if _, err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	post("after Stop", http.StatusServiceUnavailable)
}

// Who prefers to wait is told the outcome.
func TestWait(t *testing.T) {
	for _, c := range []struct {
		prefer  string
		outcome error
		status  int
		answer  string
	}{
		{"wait", nil, http.StatusOK, `{"activation":1,"outcome":"succeeded"}`},
		{"wait=99999999999999999999", nil, http.StatusOK, `{"activation":1,"outcome":"succeeded"}`},
		{"respond-async, wait=10", nil, http.StatusOK, `{"activation":1,"outcome":"succeeded"}`},
		{"wait", errors.New("internal"), http.StatusInternalServerError, `{"activation":1,"outcome":"failed"}`},
		{"wait", activation.Abort, http.StatusInternalServerError, `{"activation":1,"outcome":"canceled","reason":"Abort"}`},
		{"wait=0", nil, http.StatusAccepted, `{"activation":1}`},
		{"wait=-1", nil, http.StatusAccepted, `{"activation":1}`},
		{"respond-async", nil, http.StatusAccepted, `{"activation":1}`},
	} {
		t.Run(c.prefer, func(t *testing.T) {
			s := open(t, &push.Handler{})
			s.does = func(context.Context, *tasks.Instance) error { return c.outcome }
			status, answer := s.post("deploy", http.Header{"Prefer": {c.prefer}}, "")
			if status != c.status || answer != c.answer {
				t.Errorf("got %d %s, want %d %s", status, answer, c.status, c.answer)
			}
		})
	}
}

// Nobody waits for longer than he wants, and than may be.
func TestWait_IsBounded(t *testing.T) {
	for _, prefer := range []string{"wait=60", "wait", "wait=999999999"} {
		s := open(t, &push.Handler{MaxWait: time.Minute})
		began := make(chan bool, 1)
		s.does = func(ctx context.Context, _ *tasks.Instance) error { began <- true; <-ctx.Done(); return nil } // however much time goes by
		answer := make(chan int)
		go func() { status, _ := s.post("deploy", http.Header{"Prefer": {prefer}}, ""); answer <- status }()
		<-began // its body was not late
		for waiting := true; waiting; {
			select {
			case status := <-answer:
				want(t, prefer, status, http.StatusAccepted)
				waiting = false
			default:
				s.clock.Advance(10 * time.Second)
			}
		}
	}
}

// The pattern of a mux may name the path value.
func TestMux(t *testing.T) {
	s := open(t, &push.Handler{})
	mux := http.NewServeMux()
	mux.Handle("/push/{name}", s.h)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/push/deploy", nil))
	want(t, "by path value", w.Code, http.StatusAccepted)
	s.wantActivations(1)
}

// What cannot be meant is refused by Register.
func TestRegister_Errors(t *testing.T) {
	a := app.New()
	open := &push.Handler{}
	for _, c := range []struct {
		trigger activation.Trigger
		want    error
	}{
		{open.Trigger(""), push.ErrNoName},
		{(&push.Handler{Secret: []byte("")}).Trigger("x"), push.ErrSecret},
	} {
		if _, err := a.Register(tasks.Registration{Name: "x", Trigger: c.trigger}); !errors.Is(err, c.want) {
			t.Errorf("Register: got %v, want %v", err, c.want)
		}
	}
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: open.Trigger("n")}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Register(tasks.Registration{Name: "y", Trigger: open.Trigger("n")}); !errors.Is(err, app.ErrExclusive) {
		t.Errorf("Register of a name that is taken: got %v, want %v", err, app.ErrExclusive)
	}
}

func TestConformance(t *testing.T) {
	var h *push.Handler
	var url string
	activationtest.Trigger(t, activationtest.Source{
		New: func(t testing.TB) activation.Trigger {
			h = &push.Handler{}
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			url = s.URL
			return h.Trigger("x")
		},
		Provoke: func(t testing.TB) {
			if a, err := http.Post(url+"/x", "text/plain", strings.NewReader("b")); err == nil {
				_ = a.Body.Close()
			}
		},
		Check: func(t testing.TB, details any) {
			if m, ok := details.(*push.Message); !ok || string(m.Body) != "b" {
				t.Errorf("details: got %v", details)
			}
		},
	})
}

// What the App cannot store is no fault of the sender's: the program is told why,
// and only then.
func TestRefusalIsLogged(t *testing.T) {
	post := func(a *app.App, start bool) (code int, logged string) {
		var log bytes.Buffer
		h := &push.Handler{Log: slog.New(slog.NewTextHandler(&log, nil))}
		a.HandleFunc("deploy", func(context.Context, *tasks.Instance) error { return nil }) // of no type
		if _, err := a.Register(tasks.Registration{Name: "deploy", Trigger: h.Trigger("deploy")}); err != nil {
			t.Fatal(err)
		}
		if start {
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/deploy", strings.NewReader("now")))
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		return w.Code, log.String()
	}
	if code, log := post(app.New(), false); code != http.StatusServiceUnavailable || log != "" {
		t.Errorf("before Run: got %d, logged %q, want %d and nothing", code, log, http.StatusServiceUnavailable)
	}
	code, log := post(app.New(app.WithStore(new(store.Memory))), true)
	want := "name=deploy err=\"app: details cannot be stored: *push.Message"
	if code != http.StatusServiceUnavailable || !strings.Contains(log, want) {
		t.Errorf("got %d, logged %q, want %d and %q", code, log, http.StatusServiceUnavailable, want)
	}
}
