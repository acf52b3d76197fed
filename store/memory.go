package store

import (
	"bytes"
	"context"
	"sync"
)

// A Memory is a Store for tests: a file that is not one. What happens to it is
// the test's choice, and nothing else is: it draws no lots and reads no clock.
// The zero Memory is empty and ready for use.
type Memory struct {
	// Sync, if it is not nil, is called by each Append that has records, when
	// they are written and not yet durable. It may wait, it may crash the
	// Memory, and its error is Append's: then they are written all the same,
	// and become durable with the next Append that is. Set it before use.
	Sync func(ctx context.Context, records []Record) error

	mu      sync.Mutex // guards the following
	data    []byte     // frames
	synced  int        // of those bytes
	crashed bool
	going   int // Appends between write and sync
	again   int // how many bytes must be there for a look whether to compact
}

// Append implements Store. An ended ctx is its error, and nothing was appended.
func (m *Memory) Append(ctx context.Context, records []Record) error {
	if err := ready(ctx, records); err != nil || len(records) == 0 {
		return err
	}
	end, err := m.write(records)
	if err != nil {
		return err
	}
	if m.Sync != nil {
		err = m.Sync(ctx, records)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.going--
	switch {
	case m.crashed:
		return ErrCrashed
	case err != nil:
		return err
	}
	m.synced = max(m.synced, end)
	m.compact()
	return nil
}

func (m *Memory) write(records []Record) (end int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.crashed {
		return 0, ErrCrashed
	}
	for _, r := range records {
		m.data = Encode(m.data, r)
	}
	m.going++
	return len(m.data), nil
}

// slack is how many bytes that count no longer may lie about.
const slack = 64 << 10

// compact leaves out what counts no longer, if that is much. It is called with
// m.mu held.
func (m *Memory) compact() {
	if m.going > 0 || m.synced < max(m.again, slack) {
		return
	}
	x, _ := scan(m.data)
	if m.again = int(2*x.bytes) + slack; m.synced < m.again {
		return
	}
	var kept []byte
	for _, s := range x.inOrder() {
		kept = append(kept, m.data[s.at:s.at+int64(s.n)]...)
	}
	m.data, m.synced = kept, len(kept)
}

// Load implements Store. A Memory that was crashed has nothing to tell:
// ErrCrashed.
func (m *Memory) Load(ctx context.Context, f func(Record) error) error {
	records, err := m.records()
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *Memory) records() (list []Record, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.crashed {
		return nil, ErrCrashed
	}
	x, _ := scan(m.data[:m.synced])
	for _, s := range x.inOrder() {
		r, _, err := Decode(bytes.Clone(m.data[s.at : s.at+int64(s.n)]))
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// Unsynced is how many bytes are written and not durable: those of Appends that
// are in Sync, or failed there.
func (m *Memory) Unsynced() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.data) - m.synced
}

// Crash ends m as the end of a process or of the power does, and returns what
// the next one finds. Of the bytes that are not durable the first keep are
// there, which may be in the middle of a record; a keep below zero counts as
// zero, one above Unsynced as Unsynced. From now on the methods of m return
// ErrCrashed, those that are in Sync included. The new Memory has no Sync.
func (m *Memory) Crash(keep int) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := m.data[:min(m.synced+max(keep, 0), len(m.data))]
	_, whole := scan(left)
	m.crashed, m.data = true, nil
	return &Memory{data: bytes.Clone(left[:whole]), synced: whole}
}

// Clone returns a Memory of its own that holds what is durable in m.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{data: bytes.Clone(m.data[:m.synced]), synced: m.synced}
}
