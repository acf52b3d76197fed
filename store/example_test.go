package store_test

import (
	"context"
	"fmt"

	"github.com/bgloop/bgloop/store"
)

// What no Append has returned for may be lost, or torn, in a crash of the
// test's choice.
func ExampleMemory_Crash() {
	ctx := context.Background()
	m := new(store.Memory)
	_ = m.Append(ctx, []store.Record{{Kind: store.Put, Key: "a", Value: []byte("durable")}})

	var next *store.Memory
	m.Sync = func(context.Context, []store.Record) error {
		next = m.Crash(m.Unsynced() - 1) // a byte is missing
		return nil
	}
	fmt.Println(m.Append(ctx, []store.Record{
		{Kind: store.Put, Key: "b", Value: []byte("written")},
		{Kind: store.Put, Key: "c", Value: []byte("torn")},
	}))
	_ = next.Load(ctx, func(r store.Record) error {
		fmt.Printf("%s: %s\n", r.Key, r.Value)
		return nil
	})
	// Output:
	// store: crashed
	// a: durable
	// b: written
}
