package rrule

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A property is a line of iCalendar.
type property struct {
	name, value string
	params      map[string]string
}

// lines reads properties, one on each line; a line that begins with a blank
// goes on with the one before.
func lines(text string) (list []property, err error) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.NewReplacer("\n ", "", "\n\t", "").Replace(text)
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		head, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%w: %q is no property", ErrText, line)
		}
		words := strings.Split(head, ";")
		p := property{name: strings.ToUpper(words[0]), value: value, params: map[string]string{}}
		for _, w := range words[1:] {
			k, v, ok := strings.Cut(w, "=")
			if !ok {
				return nil, fmt.Errorf("%w: %q is no parameter of %s", ErrText, w, p.name)
			}
			p.params[strings.ToUpper(k)] = strings.Trim(v, `"`)
		}
		list = append(list, p)
	}
	return list, nil
}

// String is the property as a line, its parameters in order.
func (p property) String() string {
	text := p.name
	keys := make([]string, 0, len(p.params))
	for k := range p.params {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		text += ";" + k + "=" + p.params[k]
	}
	return text + ":" + p.value
}

// A stamp is a DATE or a DATE-TIME, as the wall shows it.
type stamp struct {
	wall wall
	loc  *time.Location
	date bool
	own  bool // it names its zone
}

func (s stamp) instant() time.Time { return s.wall.in(s.loc) }

// stamps reads the property's values. Those that name no zone are in loc.
func (p property) stamps(loc *time.Location) (list []stamp, err error) {
	own := p.params["TZID"] != ""
	if own {
		if loc, err = time.LoadLocation(p.params["TZID"]); err != nil {
			return nil, fmt.Errorf("%w: %s: %q", ErrZone, p.name, p.params["TZID"])
		}
	}
	switch v := strings.ToUpper(p.params["VALUE"]); v {
	case "", "DATE", "DATE-TIME":
	default:
		return nil, fmt.Errorf("%w: %s: values of %s", ErrUnsupported, p.name, v)
	}
	for text := range strings.SplitSeq(p.value, ",") {
		s, err := readStamp(strings.ToUpper(strings.TrimSpace(text)), loc, own)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %q", err, p.name, text)
		}
		list = append(list, s)
	}
	return list, nil
}

// stamp reads the only value of a property.
func (p property) stamp(loc *time.Location) (stamp, error) {
	list, err := p.stamps(loc)
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("%w: %s has %d values", ErrText, p.name, len(list))
	}
	if err != nil {
		return stamp{}, err
	}
	return list[0], nil
}

func readStamp(text string, loc *time.Location, own bool) (stamp, error) {
	if t, err := time.Parse("20060102", text); err == nil {
		return stamp{wall(t.Unix()), loc, true, own}, nil
	}
	local, utc := strings.CutSuffix(text, "Z")
	t, err := time.Parse("20060102T150405", local)
	if err != nil {
		return stamp{}, ErrText
	}
	if utc {
		return stamp{wall(t.Unix()), time.UTC, false, true}, nil
	}
	return stamp{wall(t.Unix()), loc, false, own}, nil
}
