package push

import (
	"container/heap"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signature.
const (
	HeaderTimestamp = "Bgloop-Timestamp"  // when it was signed, in seconds since 1970
	HeaderID        = "Bgloop-Request-Id" // 1 to 128 letters, digits, "-" and "_"; fresh for each request
	HeaderSignature = "Bgloop-Signature"  // hex HMAC-SHA256 of timestamp "." ID "." body
)

const longestID = 128

// Sign sets the three headers of a request with the given body, for senders. A
// request that was not accepted may be sent again with the same ID. The
// signature does not cover the name, so a program whose senders may not
// activate each other's tasks needs a Handler and a secret for each of them.
func Sign(h http.Header, secret []byte, at time.Time, id string, body []byte) {
	t := ticket{id: id, timestamp: strconv.FormatInt(at.Unix(), 10)}
	h.Set(HeaderTimestamp, t.timestamp)
	h.Set(HeaderID, id)
	h.Set(HeaderSignature, hex.EncodeToString(t.sum(secret, body)))
}

// A ticket is what the headers of a signature say.
type ticket struct {
	id, timestamp string
	signature     []byte
	until         time.Time // out of the window after this instant
}

// Why a ticket is not good. What it says is for the sender.
var (
	errTimestamp = errors.New("timestamp is missing, malformed or not within five minutes")
	errID        = errors.New("request ID is missing or malformed")
	errSignature = errors.New("signature is missing or malformed")
)

// readTicket takes the headers apart. No ID has a dot, or the same signature
// would do for another ID and another body.
func readTicket(h http.Header, now time.Time) (t ticket, err error) {
	t.timestamp, t.id = h.Get(HeaderTimestamp), h.Get(HeaderID)
	seconds, err := strconv.ParseUint(t.timestamp, 10, 40)
	if err != nil {
		return t, errTimestamp
	}
	at := time.Unix(int64(seconds), 0)
	t.until = at.Add(Window)
	if now.After(t.until) || now.Before(at.Add(-Window)) {
		return t, errTimestamp
	}
	if t.id == "" || len(t.id) > longestID || strings.ContainsFunc(t.id, notInID) {
		return t, errID
	}
	t.signature, err = hex.DecodeString(h.Get(HeaderSignature))
	if err != nil || len(t.signature) != sha256.Size {
		return t, errSignature
	}
	return t, nil
}

func notInID(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
		return false
	}
	return true
}

func (t ticket) sum(secret, body []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(t.timestamp + "." + t.id + "."))
	m.Write(body)
	return m.Sum(nil)
}

func (t ticket) signs(secret, body []byte) bool { return hmac.Equal(t.signature, t.sum(secret, body)) }

var (
	errReplay = errors.New("push: replay")
	errFull   = errors.New("push: memory is full")
)

// A memory holds the IDs of accepted requests until they are out of the window.
type memory struct {
	byID  map[string]*remembered
	first byEnd
}

type remembered struct {
	id    string
	until time.Time
	index int
}

// add remembers a ticket, or returns errTimestamp, errReplay, or errFull and how
// long that will be so.
func (m *memory) add(t ticket, now time.Time, most int) (time.Duration, error) {
	if now.After(t.until) { // the body came so late that a first one may be forgotten
		return 0, errTimestamp
	}
	for len(m.first) > 0 && now.After(m.first[0].until) {
		m.drop(m.first[0])
	}
	if m.byID[t.id] != nil {
		return 0, errReplay
	}
	if len(m.first) >= most {
		return m.first[0].until.Sub(now), errFull
	}
	if m.byID == nil {
		m.byID = map[string]*remembered{}
	}
	r := &remembered{id: t.id, until: t.until}
	m.byID[t.id] = r
	heap.Push(&m.first, r)
	return 0, nil
}

func (m *memory) remove(t ticket) {
	if r := m.byID[t.id]; r != nil {
		m.drop(r)
	}
}

func (m *memory) drop(r *remembered) {
	delete(m.byID, r.id)
	heap.Remove(&m.first, r.index)
}

// byEnd is a heap of what is remembered, what ends first at its top.
type byEnd []*remembered

func (s byEnd) Len() int           { return len(s) }
func (s byEnd) Less(i, j int) bool { return s[i].until.Before(s[j].until) }
func (s byEnd) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push implements heap.Interface.
func (s *byEnd) Push(x any) {
	r, _ := x.(*remembered)
	r.index = len(*s)
	*s = append(*s, r)
}

// Pop implements heap.Interface.
func (s *byEnd) Pop() any {
	last := len(*s) - 1
	r := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return r
}
