package store_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/bgloop/bgloop/store"
)

// childLog is set for the process that TestKilledProcessLosesNothing kills: the
// file of its log.
const childLog = "BGLOOP_STORE_CHILD_LOG"

// TestChild is that process: it appends for ever, and says what is durable.
func TestChild(t *testing.T) {
	path := os.Getenv(childLog)
	if path == "" {
		t.Skip("this is for a process of its own")
	}
	l, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, r := range loadAll(t, l) {
		last, _ = strconv.Atoi(string(r.Value))
	}
	for n := last + 1; ; n++ {
		value := []byte(strconv.Itoa(n))
		batch := []store.Record{
			{Kind: store.Put, Key: "padding", Value: make([]byte, n%5000)},
			{Kind: store.Put, Key: "n", Value: value},
		}
		if err := l.Append(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		fmt.Println("durable", n)
	}
}

func loadAll(t *testing.T, s store.Store) (list []store.Record) {
	t.Helper()
	err := s.Load(t.Context(), func(r store.Record) error {
		if r.Key == "n" {
			list = append(list, r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What a process was told to be durable is there after it was killed, wherever
// in its work that was.
func TestKilledProcessLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	told := 0
	for round := range 8 {
		child := exec.Command(os.Args[0], "-test.run=^TestChild$") //nolint:gosec,noctx // ourselves, and killed
		child.Env = append(os.Environ(), childLog+"="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for heard := 0; heard < 7+30*round && lines.Scan(); heard++ {
			_, _ = fmt.Sscanf(lines.Text(), "durable %d", &told)
		}
		_ = child.Process.Kill()
		for lines.Scan() { // what it said before it died
			_, _ = fmt.Sscanf(lines.Text(), "durable %d", &told)
		}
		_ = child.Wait()

		l, err := store.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		list := loadAll(t, l)
		if len(list) != 1 {
			t.Fatalf("round %d: got %d records, want 1", round, len(list))
		}
		if got, _ := strconv.Atoi(string(list[0].Value)); got != told && got != told+1 {
			t.Fatalf("round %d: got %d, want %d or the next", round, got, told)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if told < 8*7 {
		t.Errorf("only %d appends were told: the child does not work", told)
	}
}
