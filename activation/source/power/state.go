package power

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A State is that of all supplies of the machine together.
type State struct {
	// OnLine says that no battery is being used up: a mains or USB supply is on
	// line, or no supply is known but batteries of which none discharges. A
	// machine that shows no supply at all is on line.
	OnLine bool

	// Batteries is how many there are, those of peripherals left out.
	Batteries int

	// Percent is how full the batteries are, the mean of those that tell, from 0
	// to 100. It is 100 if there are none.
	Percent int
}

// String says it in a few words.
func (s State) String() string {
	text := "on battery"
	if s.OnLine {
		text = "on line"
	}
	if s.Batteries > 0 {
		text += fmt.Sprintf(", %d%%", s.Percent)
	}
	return text
}

// Root is where Linux shows the supplies.
const Root = "/sys/class/power_supply"

// Read reads the state from a directory such as Root. Supplies that are gone by
// the time they are read, or that say nothing, are left out.
func Read(root string) (State, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return State{}, fmt.Errorf("power: %w", err)
	}
	var r reading
	for _, e := range entries {
		r.add(func(name string) string {
			text, err := os.ReadFile(filepath.Join(root, e.Name(), name))
			if err != nil {
				return ""
			}
			return strings.TrimSpace(string(text))
		})
	}
	return r.state(), nil
}

// A reading sums supplies up.
type reading struct {
	mains, live    int // supplies that are no batteries, and those on line
	batteries      int
	discharging    int
	percents, told int
}

func (r *reading) add(attribute func(string) string) {
	switch kind := attribute("type"); {
	case kind == "" || attribute("scope") == "Device":
	case kind == "Battery" || kind == "UPS":
		if attribute("present") == "0" {
			return
		}
		r.batteries++
		if attribute("status") == "Discharging" {
			r.discharging++
		}
		if n, err := strconv.Atoi(attribute("capacity")); err == nil {
			r.percents, r.told = r.percents+min(max(n, 0), 100), r.told+1
		}
	default:
		online, err := strconv.Atoi(attribute("online"))
		if err != nil {
			return
		}
		r.mains++
		if online > 0 {
			r.live++
		}
	}
}

func (r *reading) state() State {
	s := State{OnLine: r.live > 0 || r.mains == 0 && r.discharging == 0, Batteries: r.batteries, Percent: 100}
	if r.mains > 0 && r.live == 0 && r.batteries == 0 {
		s.OnLine = true // of whatever it lives, it tells of none
	}
	if r.told > 0 {
		s.Percent = r.percents / r.told
	}
	return s
}
