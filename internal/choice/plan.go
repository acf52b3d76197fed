package choice

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrPlan is returned by ParsePlan for a text that Plan.String has not written.
var ErrPlan = errors.New("choice: not a plan")

// version is that of a plan's text, and of what the keys in it mean.
const version = "v1."

// A Plan is the decisions that are not dull, in the order they are made.
type Plan []Decision

// String writes the plan as a word.
func (p Plan) String() string {
	var b []byte
	for _, d := range p {
		b = append(b, byte(d.Key>>32), byte(d.Key>>24), byte(d.Key>>16), byte(d.Key>>8), byte(d.Key))
		b = binary.AppendUvarint(b, d.Value)
	}
	return version + base64.RawURLEncoding.EncodeToString(b)
}

// ParsePlan reads what String wrote. What it returns knows keys and values
// only.
func ParsePlan(text string) (Plan, error) {
	code, ok := strings.CutPrefix(text, version)
	if !ok {
		return nil, fmt.Errorf("%w of this version: %q does not begin with %q", ErrPlan, text, version)
	}
	b, err := base64.RawURLEncoding.DecodeString(code)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	p := Plan{}
	for len(b) > 0 {
		if len(b) < 6 {
			return nil, fmt.Errorf("%w: it ends early", ErrPlan)
		}
		key := Key(b[0])<<32 | Key(b[1])<<24 | Key(b[2])<<16 | Key(b[3])<<8 | Key(b[4])
		v, n := binary.Uvarint(b[5:])
		if n <= 0 {
			return nil, fmt.Errorf("%w: it ends early", ErrPlan)
		}
		p = append(p, Decision{Key: key, Value: v})
		b = b[5+n:]
	}
	return p, nil
}
