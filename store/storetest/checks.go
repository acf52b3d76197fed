package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/bgloop/bgloop/store"
)

func emptyHasNothing(b *bench) error {
	return first(b.begin, b.look, func() error { return b.append() }, b.look, b.reopen, b.look)
}

func lastOfEachKeyInOrder(b *bench) error {
	return first(
		b.begin,
		func() error { return b.append(put("a", "1"), put("b", "1"), put("c", "1")) },
		b.look,
		func() error { return b.append(put("a", "2")) }, // which is the last now
		b.look,
		func() error { return b.append(del("b"), put("d", "1"), put("d", "2"), del("c"), put("c", "3")) },
		b.look, b.reopen, b.look,
	)
}

func survivesReopening(b *bench) error {
	if err := b.begin(); err != nil {
		return err
	}
	for i, batch := range history() {
		err := first(func() error { return b.append(batch...) }, b.look, b.reopen, b.look)
		if err != nil {
			return fmt.Errorf("batch %d: %w", i, err)
		}
	}
	return nil
}

func survivesCrash(b *bench) error {
	for last := range history() {
		if err := b.begin(); err != nil {
			return err
		}
		for _, batch := range history()[:last+1] {
			if err := b.append(batch...); err != nil {
				return err
			}
		}
		more := func() error { return b.append(put("after", "the crash")) }
		if err := first(b.crash, b.look, more, b.crash, b.look); err != nil {
			return fmt.Errorf("crash after batch %d: %w", last, err)
		}
	}
	return nil
}

// tornWriteLeavesPrefix ends the program at each byte of the writing of a
// batch. What is there then is what was there before and the first few records
// of the batch, and it can be gone on with.
func tornWriteLeavesPrefix(b *bench) error {
	torn := []store.Record{put("a", "changed"), del("b"), put("c", strings.Repeat("new", 20)), put("d", "")}
	more := true
	for n := 0; more; n++ {
		err := first(b.begin, func() error { return b.append(put("a", "1"), put("b", "1")) })
		if err != nil || b.disk.Tear == nil {
			return err
		}
		more = b.disk.Tear(torn, n)
		if err := first(b.open, func() error { return b.prefix(torn) }); err != nil {
			return fmt.Errorf("%d bytes written: %w", n, err)
		}
		after := func() error { return b.append(put("after", "it")) }
		if err := first(after, b.look, b.crash, b.look); err != nil {
			return fmt.Errorf("%d bytes written, and gone on: %w", n, err)
		}
	}
	return nil
}

// prefix looks whether the first few of the records are there, and takes note
// of them.
func (b *bench) prefix(records []store.Record) error {
	got, err := load(b.store)
	if err != nil {
		return err
	}
	for n := range len(records) + 1 {
		want := b.want.with(records[:n])
		if err = want.compare(got); err == nil {
			b.want = want
			return nil
		}
	}
	return fmt.Errorf("not a prefix of the batch: %w", err)
}

func failedAppendCanBeRepeated(b *bench) error {
	if err := first(b.begin, func() error { return b.append(put("a", "1"), put("b", "1"), put("kept", "1")) }); err != nil || b.disk.Fail == nil {
		return err
	}
	batch := []store.Record{put("a", "2"), del("b"), put("c", "1")}
	b.disk.Fail()
	if err := b.store.Append(context.Background(), batch); err == nil {
		return errors.New("append: no error, though it was made to fail")
	}
	if err := b.store.Append(context.Background(), batch); err != nil {
		// It may want to be opened again first.
		if err := first(b.crash, func() error { return b.prefix(batch) }); err != nil {
			return err
		}
	}
	return first(func() error { return b.append(batch...) }, b.look, b.crash, b.look)
}

func endedContext(b *bench) error {
	if err := first(b.begin, func() error { return b.append(put("a", "1")) }); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.store.Append(ctx, []store.Record{put("b", "1")}); err != nil {
		if !errors.Is(err, context.Canceled) {
			return wrong("append", err, context.Canceled)
		}
	} else {
		b.want.add([]store.Record{put("b", "1")}) // it may be done all the same, but then it is
	}
	err := b.store.Load(ctx, func(store.Record) error { return nil })
	if !errors.Is(err, context.Canceled) {
		return wrong("load", err, context.Canceled)
	}
	if err := b.prefix([]store.Record{put("b", "1")}); err != nil {
		return err
	}
	return first(func() error { return b.append(put("c", "1")) }, b.look, b.crash, b.look)
}

func emptyAndBig(b *bench) error {
	big := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	return first(
		b.begin,
		func() error { return b.append(put("", "no key"), put("no value", ""), put("\x00\xff\n", "\x00\xff\n")) },
		b.look,
		func() error { return b.append(put("big", big), put("small", "1")) },
		b.look, b.crash, b.look,
		func() error { return b.append(put("big", big[1:]), put(big[:1<<16], "a long key")) },
		b.look, b.crash, b.look,
		func() error { return b.append(del("big"), del("")) },
		b.look, b.crash, b.look,
	)
}

func refusesNoRecord(b *bench) error {
	if err := first(b.begin, func() error { return b.append(put("a", "1")) }); err != nil {
		return err
	}
	batch := []store.Record{put("b", "1"), {Kind: 77, Key: "c"}}
	if err := b.store.Append(context.Background(), batch); !errors.Is(err, store.ErrKind) {
		return wrong("append of kind 77", err, store.ErrKind)
	}
	return first(b.look, b.crash, b.look)
}

func keepsNoSlice(b *bench) error {
	if err := b.begin(); err != nil {
		return err
	}
	value := []byte("before")
	records := []store.Record{{Kind: store.Put, Key: "a", Value: value}}
	if err := b.store.Append(context.Background(), records); err != nil {
		return err
	}
	copy(value, "after!")
	records[0].Key = "b"
	b.want.add([]store.Record{put("a", "before")})
	if err := b.look(); err != nil {
		return err
	}
	err := b.store.Load(context.Background(), func(r store.Record) error { clear(r.Value); return nil })
	return first(func() error { return err }, b.look, b.crash, b.look)
}

func loadReturnsTheError(b *bench) error {
	if err := first(b.begin, func() error { return b.append(put("a", "1"), put("b", "1")) }); err != nil {
		return err
	}
	enough, calls := errors.New("enough"), 0
	err := b.store.Load(context.Background(), func(store.Record) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		return wrong(fmt.Sprintf("load, after %d calls of f", calls), err, enough)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err = b.store.Load(ctx, func(store.Record) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		return wrong("load", err, context.Canceled)
	}
	return b.look()
}

func loadMayCallTheStore(b *bench) error {
	if err := first(b.begin, func() error { return b.append(put("a", "1"), put("b", "1")) }); err != nil {
		return err
	}
	n := 0
	err := b.store.Load(context.Background(), func(store.Record) error {
		if n++; n > 2 {
			return errors.New("it tells what was appended meanwhile, for ever")
		}
		_, err := load(b.store)
		return first(func() error { return err }, func() error { return b.append(put(fmt.Sprint("new", n), "1")) })
	})
	return first(func() error { return err }, b.look, b.crash, b.look)
}

// concurrentCallers lets writers append, each a counter of its own and its
// double, and a reader load: whatever was durable before a Load began must be
// in what it tells, and nothing ever goes back.
func concurrentCallers(b *bench) error {
	if err := b.begin(); err != nil {
		return err
	}
	const writers, rounds = 4, 25
	var (
		mu   sync.Mutex // guards the following
		done [writers]int
		errs []error
		wg   sync.WaitGroup
	)
	fail := func(err error) { mu.Lock(); errs = append(errs, err); mu.Unlock() }
	for w := range writers {
		wg.Go(func() {
			for n := 1; n <= rounds; n++ {
				batch := []store.Record{put(fmt.Sprint("n", w), fmt.Sprint(n)), put(fmt.Sprint("gone", w, n-1), ""), del(fmt.Sprint("gone", w, n-1))}
				if err := b.store.Append(context.Background(), batch); err != nil {
					fail(fmt.Errorf("append: %w", err))
					return
				}
				mu.Lock()
				done[w] = n
				mu.Unlock()
			}
		})
	}
	wg.Go(func() {
		for range rounds {
			mu.Lock()
			least := done
			mu.Unlock()
			got, err := load(b.store)
			if err == nil {
				err = atLeast(got, least[:])
			}
			if err != nil {
				fail(fmt.Errorf("while others append: %w", err))
				return
			}
		}
	})
	wg.Wait()
	final := func() error {
		got, err := load(b.store)
		if err != nil {
			return err
		}
		if len(got) != writers {
			return fmt.Errorf("load: got %d records, want %d", len(got), writers)
		}
		return atLeast(got, done[:])
	}
	return first(func() error { return errors.Join(errs...) }, final, b.crash, final)
}

func atLeast(got model, least []int) error {
	for w, n := range least {
		key, have := fmt.Sprint("n", w), 0
		for _, r := range got {
			if r.Key == key {
				_, _ = fmt.Sscan(string(r.Value), &have)
			}
		}
		if have < n {
			return fmt.Errorf("load: %s is %d, and %d was durable", key, have, n)
		}
	}
	return nil
}

// staysSmall writes sixteen keys again and again.
func staysSmall(b *bench) error {
	if err := b.begin(); err != nil || b.disk.Size == nil {
		return err
	}
	const bound = 256 << 10
	for i := range 32 {
		var batch []store.Record
		for j := range 32 {
			batch = append(batch, put(fmt.Sprint("key", j%16), strings.Repeat("x", 1000)), put(fmt.Sprint("gone", i, j), ""), del(fmt.Sprint("gone", i, j)))
		}
		if err := b.append(batch...); err != nil {
			return err
		}
		if n := b.disk.Size(); n > bound {
			return fmt.Errorf("size: %d bytes after %d batches, for 16 keys of 1,000 bytes each", n, i+1)
		}
	}
	return first(b.look, b.crash, b.look)
}

// first runs steps until one fails.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func wrong(what string, got, want error) error {
	text := "no error"
	if got != nil {
		text = got.Error()
	}
	return fmt.Errorf("%s: got %s, want %w", what, text, want)
}
