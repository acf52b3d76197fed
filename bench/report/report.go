// Package report writes down what was measured: as text, as JSON, as a plot and
// as a page.
//
// It measures nothing, and every number in what it writes comes from a Report.
package report

import (
	"encoding/json"
	"io"

	"github.com/bgloop/bgloop/bench/measure"
)

// A Report is everything that was measured, and where.
type Report struct {
	Machine Machine         `json:"machine"`
	Command string          `json:"command"` // how to do it again
	Seconds float64         `json:"seconds"` // how long it took
	Rounds  int             `json:"rounds"`
	Tables  []measure.Table `json:"tables"`
}

// JSON writes every figure of every round.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}
