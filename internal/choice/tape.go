package choice

// A tape gives the decisions of a fuzzer's input.
type tape struct{ bytes []byte }

// Taped returns a Source whose values follow from data, two bytes for each
// decision. Bytes of zero are dull, and so is everything after the end.
func Taped(data []byte) *Source { return &Source{tape: &tape{data}} }

// next is a number that has the next two bytes at its upper end.
func (t *tape) next() (r uint64) {
	n := min(2, len(t.bytes))
	for i, b := range t.bytes[:n] {
		r |= uint64(b) << (56 - 8*i)
	}
	t.bytes = t.bytes[n:]
	return r
}
