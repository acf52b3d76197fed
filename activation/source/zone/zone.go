// Package zone makes a task due when the time zone of the machine is changed, as
// by timedatectl. The program's own time.Local stays what it was when it
// started; the details have the new one.
//
// The beginning and the end of daylight saving time change no zone: see
// trigger.Cron for those. The package never asks again and again: on Linux the
// kernel tells of changes in the directory of /etc/localtime.
package zone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source"
)

// ErrUnsupported is returned by Register on systems that do not tell of it: all
// but Linux. It is an errors.ErrUnsupported.
var ErrUnsupported = fmt.Errorf("zone: changes cannot be watched here: %w", errors.ErrUnsupported)

// A Zone is a time zone of the machine. JSON keeps it whole, so an App with a
// store takes it after app.WithDetails(zone.Zone{}).
type Zone struct {
	// Name is the zone's in the database, such as "Europe/Berlin"; "Local" if
	// the file does not tell.
	Name string
	// Location is the zone for package time.
	Location *time.Location

	rules string // the file
}

// String is the zone's name.
func (z Zone) String() string { return z.Name }

// A stored is a Zone as JSON.
type stored struct {
	Name  string
	Rules []byte
}

// MarshalJSON implements json.Marshaler.
func (z Zone) MarshalJSON() ([]byte, error) { return json.Marshal(stored{z.Name, []byte(z.rules)}) }

// UnmarshalJSON implements json.Unmarshaler. Rules that are none are an error.
func (z *Zone) UnmarshalJSON(data []byte) (err error) {
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	made := Zone{Name: s.Name, Location: time.UTC, rules: string(s.Rules)}
	if len(s.Rules) > 0 { // there are none where the machine has no file
		made.Location, err = time.LoadLocationFromTZData(s.Name, s.Rules)
	}
	if err != nil {
		return fmt.Errorf("zone: %s: %w", s.Name, err)
	}
	*z = made
	return nil
}

// local is where the machine's zone is. One that is not there is UTC.
const local = "/etc/localtime"

// Changed makes a task due when the time zone of the machine has changed, with
// the new Zone as its details. Only another set of rules counts: another name
// for the same is no change. While the task is busy, changes become one
// activation with the newest zone. Where the system does not tell of it,
// Register returns ErrUnsupported.
func Changed() activation.Trigger { return ChangedAt(local) }

// ChangedAt is Changed for a zone that is kept in another file than
// /etc/localtime, such as that of a container's root. The file or symbolic link
// may be replaced and may be missing; its directory must be there, or Register
// answers fs.ErrNotExist.
func ChangedAt(path string) activation.Trigger {
	there := func() error {
		if err := check(); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return fmt.Errorf("zone: %w", err)
		}
		return nil
	}
	feed := source.NewFeed(there, func(ctx context.Context, _ activation.Port, tell func(Zone)) error {
		return watch(ctx, filepath.Dir(path), func() error {
			z, err := read(path)
			if err == nil {
				tell(z)
			}
			return err
		})
	})
	return feed.Trigger("zone-change("+path+")", func(before, after Zone) bool { return before.rules != after.rules })
}

// read reads the zone as it is. The link may be replaced meanwhile, so name and
// rules are those of one and the same target.
func read(path string) (Zone, error) {
	target, err := filepath.EvalSymlinks(path)
	var rules []byte
	if err == nil {
		rules, err = os.ReadFile(target)
	}
	if errors.Is(err, os.ErrNotExist) {
		return Zone{Name: "UTC", Location: time.UTC}, nil
	}
	if err != nil {
		return Zone{}, fmt.Errorf("zone: %w", err)
	}
	z := Zone{Name: "Local", rules: string(rules)}
	if _, name, found := strings.Cut(target, "/zoneinfo/"); found {
		z.Name = name
	}
	if z.Location, err = time.LoadLocationFromTZData(z.Name, rules); err != nil {
		return Zone{}, fmt.Errorf("zone: %s: %w", path, err)
	}
	return z, nil
}
