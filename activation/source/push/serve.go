package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// ServeHTTP activates the task of the request's name, as described at Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "only POST activates")
		return
	}
	name := r.PathValue("name")
	if name == "" {
		name = strings.TrimPrefix(r.URL.Path, "/")
	}
	d := h.door(name)
	if d == nil {
		refuse(w, http.StatusNotFound, "nobody waits for this name")
		return
	}
	if p := h.admit(w, r, d); p != nil {
		h.fire(w, r, d, p, name)
	}
}

// A pass is a request that may activate.
type pass struct {
	Message
	ticket ticket
}

// admit reads the request and looks at all that can be wrong with it, but for
// the replay. It has answered if it returns nil.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request, d *door) *pass {
	most := orDefault(h.MaxBody, DefaultMaxBody)
	if r.ContentLength > most {
		refuse(w, http.StatusRequestEntityTooLarge, "body is too large")
		return nil
	}
	var p pass
	if h.Secret != nil {
		var err error
		if p.ticket, err = readTicket(r.Header, d.port.Now()); err != nil {
			refuse(w, http.StatusUnauthorized, err.Error())
			return nil
		}
	}
	body, err := h.read(w, r, d, most)
	if err != nil {
		w.Header().Set("Connection", "close") // the rest of the body is not waited for
		h.refuseBody(w, r, d, err)
		return nil
	}
	if h.Secret != nil && !p.ticket.signs(h.Secret, body) {
		refuse(w, http.StatusUnauthorized, "signature is wrong")
		return nil
	}
	p.Header, p.Body = r.Header.Clone(), body
	return &p
}

// errClosed says that the registration has ended.
var errClosed = errors.New("push: the registration has ended")

// read reads the body, within the limits.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, d *door, most int64) ([]byte, error) {
	n := &reading{conn: http.NewResponseController(w)}
	if !d.enter(n) {
		return nil, errClosed
	}
	defer d.leave(n)
	stop := d.port.After(orDefault(h.Timeout, DefaultTimeout), func() {
		if err := n.expire(); err != nil {
			h.log().ErrorContext(r.Context(), "push: a slow body cannot be interrupted", "writer", fmt.Sprintf("%T", w), "err", err)
		}
	})
	defer stop()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if inTime := n.end(); err == nil && !inTime {
		return nil, os.ErrDeadlineExceeded
	}
	return body, err
}

func (h *Handler) refuseBody(w http.ResponseWriter, r *http.Request, d *door, err error) {
	large := new(http.MaxBytesError)
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, "body is too large")
	case errors.Is(err, errClosed):
		slot, err := d.port.Reserve(r.Context()) // it says how the registration ended
		if err == nil {
			slot.Release()
		}
		refuseError(w, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		refuse(w, http.StatusRequestTimeout, "body took too long")
	default:
		refuse(w, http.StatusBadRequest, "body broke off")
	}
}

// fire activates, unless the request was seen before. A request that was
// refused may be sent again as it is.
func (h *Handler) fire(w http.ResponseWriter, r *http.Request, d *door, p *pass, name string) {
	if h.Secret != nil {
		if err := h.remember(w, p.ticket, d.port.Now()); err != nil {
			return
		}
	}
	receipt, err := d.port.Fire(r.Context(), &p.Message)
	if err != nil || receipt.Result != activation.Allowed {
		if h.Secret != nil {
			h.forget(p.ticket)
		}
		h.complain(r.Context(), name, err)
		refuseResult(w, receipt.Result, err)
		return
	}
	h.accepted(w, r, d, receipt)
}

// complain logs what is wrong with the program, or its disk, and not with the
// request or the moment.
func (h *Handler) complain(ctx context.Context, name string, err error) {
	if err == nil || errors.Is(err, activation.ErrUnbound) || errors.Is(err, activation.ErrNotRunning) {
		return
	}
	h.log().ErrorContext(ctx, "push: the app cannot take a request", "name", name, "err", err)
}

func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.Default()
	}
	return h.Log
}

// remember notes that the request was seen, or answers why it may not activate.
func (h *Handler) remember(w http.ResponseWriter, t ticket, now time.Time) error {
	h.mu.Lock()
	wait, err := h.seen.add(t, now, orDefault(h.MaxSeen, DefaultMaxSeen))
	h.mu.Unlock()
	switch {
	case errors.Is(err, errReplay):
		refuse(w, http.StatusConflict, "a request with this ID was accepted before")
	case errors.Is(err, errFull):
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		refuse(w, http.StatusServiceUnavailable, "too many requests are remembered")
	case err != nil:
		refuse(w, http.StatusUnauthorized, err.Error())
	}
	return err
}

func (h *Handler) forget(t ticket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen.remove(t)
}

func orDefault[N int | int64 | time.Duration](n, d N) N {
	if n <= 0 {
		return d
	}
	return n
}

// An answer is the body of a response.
type answer struct {
	Activation uint64 `json:"activation,omitempty"`
	Outcome    string `json:"outcome,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Error      string `json:"error,omitempty"`
}

func write(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) // who went away misses the answer
}

func refuse(w http.ResponseWriter, status int, why string) { write(w, status, answer{Error: why}) }

func refuseError(w http.ResponseWriter, err error) {
	if errors.Is(err, activation.ErrUnbound) {
		refuse(w, http.StatusNotFound, "nobody waits for this name anymore")
		return
	}
	if errors.Is(err, activation.ErrNotRunning) {
		refuse(w, http.StatusServiceUnavailable, "the app does not run")
		return
	}
	refuse(w, http.StatusServiceUnavailable, "the app cannot take it") // why is the program's affair: see complain
}

func refuseResult(w http.ResponseWriter, r activation.Result, err error) {
	switch {
	case err != nil:
		refuseError(w, err)
	case r == activation.CurrentlyRunning:
		refuse(w, http.StatusTooManyRequests, r.String())
	default:
		refuse(w, http.StatusServiceUnavailable, r.String())
	}
}

// accepted answers a request that has activated, at once or with the outcome.
func (h *Handler) accepted(w http.ResponseWriter, r *http.Request, d *door, receipt activation.Receipt) {
	most := h.MaxWait
	if most == 0 {
		most = DefaultMaxWait
	}
	wait := min(most, preferredWait(r.Header))
	if wait <= 0 {
		write(w, http.StatusAccepted, answer{Activation: receipt.ID})
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := d.port.After(wait, cancel)
	defer stop()
	err := receipt.Wait(ctx)
	a := answer{Activation: receipt.ID, Outcome: "succeeded"}
	var reason activation.Reason
	switch {
	case err != nil && ctx.Err() != nil: // not over yet, or nobody is there to be told
		write(w, http.StatusAccepted, answer{Activation: receipt.ID})
		return
	case errors.As(err, &reason):
		a.Outcome, a.Reason = "canceled", reason.String()
	case err != nil:
		a.Outcome = "failed"
	default:
		write(w, http.StatusOK, a)
		return
	}
	write(w, http.StatusInternalServerError, a)
}

// preferredWait is how long a request wants to wait for the outcome.
func preferredWait(h http.Header) time.Duration {
	for _, line := range h.Values("Prefer") {
		for preference := range strings.SplitSeq(line, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, given := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			if !given {
				return math.MaxInt64
			}
			seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			switch {
			case errors.Is(err, strconv.ErrRange):
				return math.MaxInt64
			case err != nil:
				return 0
			}
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}
