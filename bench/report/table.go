package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bgloop/bgloop/bench/measure"
)

// Text writes the tables, and below them what each contender gives. They are
// Markdown as well.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Machine)
	for _, t := range r.Tables {
		fmt.Fprintf(&b, "\n### %s\n\n%s Medians of %s.\n\n", t.Name, t.About, plural(t.Rounds, "round"))
		grid(&b, t)
		leftOut(&b, t.Left)
	}
	fmt.Fprintf(&b, "\n### What each gives that others do not\n\n")
	for _, g := range r.gives() {
		fmt.Fprintf(&b, "- **%s**: %s\n", g[0], g[1])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// leftOut writes each reason once.
func leftOut(b *strings.Builder, left []measure.Left) {
	var whys []string
	names := make(map[string][]string)
	for _, l := range left {
		if names[l.Why] == nil {
			whys = append(whys, l.Why)
		}
		names[l.Why] = append(names[l.Why], l.Name)
	}
	if len(whys) == 0 {
		return
	}
	b.WriteString("\nLeft out:\n\n")
	for _, why := range whys {
		fmt.Fprintf(b, "- %s: %s.\n", strings.Join(names[why], "; "), why)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// gives are the contenders, each once, and what each gives.
func (r *Report) gives() (list [][2]string) {
	for _, t := range r.Tables {
		for _, w := range t.Rows {
			if g := [2]string{w.Name, w.Gives}; !slices.Contains(list, g) {
				list = append(list, g)
			}
		}
	}
	return list
}

// grid writes a table. Beside a column with ratios is another for them.
func grid(b *strings.Builder, t measure.Table) {
	lines := [][]string{{""}}
	for _, c := range t.Columns {
		lines[0] = append(lines[0], c.Name)
		if c.Ratio {
			lines[0] = append(lines[0], "floors")
		}
	}
	for _, w := range t.Rows {
		line := []string{w.Name}
		for i, c := range t.Columns {
			line = append(line, number(w.Values[i][1]))
			if c.Ratio {
				line = append(line, ratio(w.Floors[i]))
			}
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				fmt.Fprintf(b, "| %s%s |", cell, pad)
			} else {
				fmt.Fprintf(b, " %s%s |", pad, cell)
			}
		}
		b.WriteByte('\n')
		if n > 0 {
			continue
		}
		for i, width := range widths {
			if i == 0 {
				fmt.Fprintf(b, "|%s|", strings.Repeat("-", width+2))
			} else {
				fmt.Fprintf(b, "%s:|", strings.Repeat("-", width+1))
			}
		}
		b.WriteByte('\n')
	}
}

// number writes three digits, and all of those before the point.
func number(x float64) string {
	switch a := math.Abs(x); {
	case a == 0:
		return "0"
	case a >= 10_000_000:
		return fmt.Sprintf("%.1fM", x/1e6)
	case a >= 100:
		return fmt.Sprintf("%.0f", x)
	case a >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

// ratio writes the median and, in parentheses, the quartiles.
func ratio(q measure.Quartiles) string {
	if q[1] == 0 {
		return "-"
	}
	return fmt.Sprintf("%s (%s-%s)", number(q[1]), number(q[0]), number(q[2]))
}
