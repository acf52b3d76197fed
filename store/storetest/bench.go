package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/bgloop/bgloop/store"
)

// A bench is a disk under test, what is open on it, and what must be there.
type bench struct {
	fresh func() Disk
	disk  Disk
	store store.Store
	want  model
}

// begin takes an empty disk and opens it.
func (b *bench) begin() error {
	b.disk, b.want = b.fresh(), nil
	return b.open()
}

func (b *bench) open() (err error) {
	if b.store, err = b.disk.Open(); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return nil
}

// reopen closes the store, if it can be closed, and opens it again.
func (b *bench) reopen() error {
	if c, ok := b.store.(interface{ Close() error }); ok {
		if err := c.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
	}
	return b.open()
}

// crash ends the program and opens the store again.
func (b *bench) crash() error {
	if b.disk.Crash != nil {
		b.disk.Crash()
	}
	return b.open()
}

func (b *bench) append(records ...store.Record) error {
	if err := b.store.Append(context.Background(), records); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	b.want.add(records)
	return nil
}

// look compares what Load tells with what must be there.
func (b *bench) look() error {
	got, err := load(b.store)
	if err != nil {
		return err
	}
	return b.want.compare(got)
}

func load(s store.Store) (got model, err error) {
	err = s.Load(context.Background(), func(r store.Record) error {
		got = append(got, store.Record{Kind: r.Kind, Key: r.Key, Value: bytes.Clone(r.Value)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return got, nil
}

// A model is what a store holds, in order.
type model []store.Record

func (m *model) add(records []store.Record) {
	for _, r := range records {
		*m = slices.DeleteFunc(*m, func(o store.Record) bool { return o.Key == r.Key })
		if r.Kind == store.Put {
			*m = append(*m, r)
		}
	}
}

// with is a copy to which records were added.
func (m model) with(records []store.Record) model {
	m = slices.Clone(m)
	m.add(records)
	return m
}

func (m model) compare(got model) error {
	for i := range max(len(m), len(got)) {
		switch {
		case i >= len(got):
			return fmt.Errorf("load: %d records, want %d: no %s", len(got), len(m), show(m[i]))
		case i >= len(m):
			return fmt.Errorf("load: %d records, want %d: there is %s", len(got), len(m), show(got[i]))
		case !equal(m[i], got[i]):
			return fmt.Errorf("load: record %d is %s, want %s", i, show(got[i]), show(m[i]))
		}
	}
	return nil
}

func equal(a, b store.Record) bool {
	return a.Kind == b.Kind && a.Key == b.Key && bytes.Equal(a.Value, b.Value)
}

func show(r store.Record) string {
	return fmt.Sprintf("%q = %d bytes %.20q", r.Key, len(r.Value), r.Value)
}

func put(key, value string) store.Record {
	return store.Record{Kind: store.Put, Key: key, Value: []byte(value)}
}

func del(key string) store.Record { return store.Record{Kind: store.Delete, Key: key} }

// history is what a program appends in its life, batch by batch.
func history() (batches [][]store.Record) {
	for i := range 24 {
		key := func(n int) string { return fmt.Sprintf("key/%d", n%7) }
		batch := []store.Record{put(key(i), fmt.Sprintf("value %d", i))}
		switch i % 4 {
		case 1:
			batch = append(batch, put("counter", fmt.Sprint(i)), put(key(i+1), ""))
		case 2:
			batch = append(batch, del(key(i-1)), put(key(i-1), "again"), put("counter", fmt.Sprint(i)))
		case 3:
			batch = []store.Record{del(key(i - 2)), del("never there"), del(key(i - 3))}
		}
		batches = append(batches, batch)
	}
	return batches
}
