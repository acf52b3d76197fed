package store

import (
	"context"
	"strings"
)

// cellKey is what the keys of cells begin with. No App uses such keys.
const cellKey = "cell/"

// A Cell is one text that a program keeps in a Store beside what an App keeps
// there, such as the version that trigger.ServicingComplete goes by. Make it with
// NewCell. Its methods may be called from any goroutine.
type Cell struct {
	s   Store
	key string
}

// NewCell returns the cell of that name in s. All cells of a name are one.
func NewCell(s Store, name string) Cell { return Cell{s, cellKey + name} }

// Last returns what was set last, by whatever run of the program; "" if nothing
// has been. It reads the whole Store, and returns the error of that.
func (c Cell) Last() (string, error) {
	text := ""
	err := c.s.Load(context.Background(), func(r Record) error {
		if r.Key == c.key {
			text = string(r.Value)
		}
		return nil
	})
	return text, err
}

// Set remembers a text. When it returns nil, that is durable.
func (c Cell) Set(text string) error {
	return c.s.Append(context.Background(), []Record{{Kind: Put, Key: c.key, Value: []byte(text)}})
}

// InCell reports whether a record is a cell's.
func InCell(r Record) bool { return strings.HasPrefix(r.Key, cellKey) }
