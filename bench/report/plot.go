package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/bgloop/bgloop/bench/measure"
	"github.com/bgloop/bgloop/bench/peers"
)

// Sizes of the plot, in pixels. There are two columns of panels.
const (
	panelWidth = 600
	nameWidth  = 215
	valueWidth = 75
	barWidth   = panelWidth - nameWidth - valueWidth - 15
	barHeight  = 16
	panelHead  = 46
	panelFoot  = 26
	plotHead   = 60
)

// Plot writes an SVG with a panel for each table: the column that is to be
// plotted, on a logarithmic axis, as bars of the medians with lines from the
// lower to the upper quartile.
func (r *Report) Plot(w io.Writer) error {
	var b strings.Builder
	bottom := [2]int{plotHead, plotHead}
	for _, t := range r.Tables {
		side := 0
		if bottom[1] < bottom[0] {
			side = 1
		}
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", side*panelWidth, bottom[side])
		bottom[side] += panel(&b, t)
		b.WriteString("</g>\n")
	}
	width, height := 2*panelWidth, max(bottom[0], bottom[1])+10
	var all strings.Builder
	fmt.Fprintf(&all, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&all, `<rect width="100%%" height="100%%" fill="#ffffff"/>`+"\n")
	all.WriteString(text(15, 24, `font-size="15" font-weight="bold"`, "What a run costs: medians of all rounds, quartiles as lines, logarithmic axes; shorter is better"))
	x := 15
	for _, k := range []peers.Kind{peers.Floor, peers.Ours, peers.Peer} {
		fmt.Fprintf(&all, `<rect x="%d" y="36" width="12" height="12" fill="%s"/>`+"\n", x, color(k))
		all.WriteString(text(x+17, 46, "", string(k)))
		x += 90
	}
	all.WriteString(b.String())
	all.WriteString("</svg>\n")
	_, err := io.WriteString(w, all.String())
	return err
}

func color(k peers.Kind) string {
	switch k {
	case peers.Floor:
		return "#8c8c8c"
	case peers.Ours:
		return "#1f6fb4"
	default:
		return "#d98324"
	}
}

func text(x, y int, attributes, s string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(s)) // a Builder does not fail
	return fmt.Sprintf(`<text x="%d" y="%d" fill="#222222" %s>%s</text>`+"\n", x, y, attributes, escaped.String())
}

// panel draws a table and returns its height.
func panel(b *strings.Builder, t measure.Table) int {
	col := 0
	for i, c := range t.Columns {
		if c.Plot {
			col = i
		}
	}
	a := newAxis(t, col)
	b.WriteString(text(15, 22, `font-weight="bold"`, t.Name+", "+t.Columns[col].Name))
	top, bottom := panelHead-14, panelHead+len(t.Rows)*barHeight
	for decade := a.low; decade <= a.high; decade++ {
		x := a.at(math.Pow(10, float64(decade)))
		fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#dddddd"/>`+"\n", x, top, x, bottom)
		b.WriteString(text(x, bottom+14, `font-size="10" text-anchor="middle"`, power(decade)))
	}
	for i, w := range t.Rows {
		q, at := w.Values[col], panelHead+i*barHeight
		b.WriteString(text(nameWidth-6, at+8, `text-anchor="end"`, w.Name))
		if q[1] > 0 {
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n",
				nameWidth, at-2, max(1, a.at(q[1])-nameWidth), barHeight-5, color(w.Kind))
			fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#222222"/>`+"\n", a.at(q[0]), at+3, a.at(q[2]), at+3)
		}
		b.WriteString(text(panelWidth-valueWidth, at+8, "", number(q[1])))
	}
	return bottom + panelFoot
}

// An axis is logarithmic, from one power of ten to another.
type axis struct{ low, high int }

func newAxis(t measure.Table, col int) axis {
	least, most := math.Inf(1), 0.0
	for _, w := range t.Rows {
		if q := w.Values[col]; q[1] > 0 {
			least, most = min(least, q[1]), max(most, q[1], q[2])
		}
	}
	if most == 0 {
		return axis{0, 1}
	}
	a := axis{int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most)))}
	if math.Pow(10, float64(a.low)) == least {
		a.low-- // its bar would have no length
	}
	return axis{a.low, max(a.high, a.low+1)}
}

func (a axis) at(x float64) int {
	if x <= 0 {
		return nameWidth
	}
	share := (math.Log10(x) - float64(a.low)) / float64(a.high-a.low)
	return nameWidth + int(min(1, max(0, share))*barWidth)
}

func power(n int) string {
	if n >= -2 && n <= 3 {
		return fmt.Sprint(math.Pow(10, float64(n)))
	}
	return fmt.Sprintf("1e%d", n)
}
