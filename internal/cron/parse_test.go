package cron_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/cron"
	"github.com/bgloop/bgloop/internal/cron/crontest"
)

func TestStringIsThePlainestForm(t *testing.T) {
	tests := []struct{ expr, want string }{
		{"* * * * *", "* * * * *"},
		{"  0\t0 * *  * ", "0 0 * * *"},
		{"0 0 12 * * *", "0 0 12 * * *"},
		{"0-59 0-23 ? 1-12 ?", "* * * * *"},
		{"0 0 1-31 * 0-7", "0 0 1-31 * 0-6"},
		{"*/1 */1 */1 */1 */1", "* * * * *"},
		{"*,5 * *,L * *,5L", "* * * * *"},
		{"0,15,30,45 */2 * */3 *", "*/15 */2 * */3 *"},
		{"5/20 08 1,2,3,5 1,7 *", "5-45/20 8 1-3,5 1,7 *"},
		{"1-9/2,30 0 * jan,Feb-APR Mon-fri", "1-9/2,30 0 * 1-4 1-5"},
		{"0 0 * * 5-7", "0 0 * * 0,5,6"},
		{"0 0 * * SAT-SUN", "0 0 * * 0,6"},
		{"0 0 * * SUN-TUE", "0 0 * * 0-2"},
		{"0 0 * * 7,7L,7#2", "0 0 * * 0,0L"},
		{"0 0 L,lw,l-3,15w,1W,2 * *", "0 0 2,1W,15W,L-3,L,LW * *"},
		{"0 0 L-0 * *", "0 0 L * *"},
		{"0 0 * * fril,5#1,FRI#2,mon", "0 0 * * 1,5#1,5#2,5L"},
		{"0 0 * * 5#1,5#2,5#3,5#4,5#5", "0 0 * * 5"},
		{"0 0 */10 * */2", "0 0 */10 * 0-6/2"},
		{"@yearly", "0 0 1 1 *"},
		{"@annually", "0 0 1 1 *"},
		{"@monthly", "0 0 1 * *"},
		{"@weekly", "0 0 * * 0"},
		{"@Daily", "0 0 * * *"},
		{"@midnight", "0 0 * * *"},
		{"@hourly", "0 * * * *"},
		{"@every 90m", "@every 1h30m"},
		{"@every 3600s", "@every 1h"},
		{"@every 1.5s", "@every 1.5s"},
		{"@every 20m", "@every 20m"},
		{"TZ=UTC @daily", "CRON_TZ=UTC 0 0 * * *"},
		{"CRON_TZ=Europe/Berlin 0 0 * * *", "CRON_TZ=Europe/Berlin 0 0 * * *"},
		{"CRON_TZ=Asia/Tokyo @every 1m", "CRON_TZ=Asia/Tokyo @every 1m"},
		{"TZ=Local 0 0 * * *", "CRON_TZ=Local 0 0 * * *"},
	}
	for _, tt := range tests {
		s := parse(t, tt.expr, cron.Options{})
		if got := s.String(); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.expr, got, tt.want)
		}
		if got := parse(t, tt.want, cron.Options{}).String(); got != tt.want {
			t.Errorf("%q again: got %q", tt.want, got)
		}
	}
}

func TestStringNamesTheZone(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	plus3 := time.FixedZone("Plus3", 3*60*60)
	tests := []struct {
		name string
		expr string
		loc  *time.Location
		want string
	}{
		{"none given", "0 0 * * *", nil, "0 0 * * *"},
		{"time.Local given", "0 0 * * *", time.Local, "0 0 * * *"},
		{"given", "0 0 * * *", berlin, "CRON_TZ=Europe/Berlin 0 0 * * *"},
		{"the prefix is first", "TZ=UTC 0 0 * * *", berlin, "CRON_TZ=UTC 0 0 * * *"},
		{"a zone that is in no database", "0 0 * * *", plus3, "CRON_TZ=Plus3 0 0 * * *"},
		{"a name that is no word", "0 0 * * *", time.FixedZone("my zone", 60), "0 0 * * *"},
		{"no name", "0 0 * * *", time.FixedZone("", 60), "0 0 * * *"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts := cron.Options{Location: tt.loc}
			s := parse(t, tt.expr, opts)
			if got := s.String(); got != tt.want {
				t.Errorf("String: got %q, want %q", got, tt.want)
			}
			again := parse(t, s.String(), opts)
			now := time.Unix(1e9, 0)
			a, _ := s.Next(now)
			if b, _ := again.Next(now); !a.Equal(b) || a.Location().String() != b.Location().String() {
				t.Errorf("parsed again: Next is %v, want %v", b, a)
			}
		})
	}
}

func TestErrorsPointAtTheColumn(t *testing.T) {
	tests := []struct {
		expr   string
		column int
		msg    string
	}{
		{"", 1, "no expression"},
		{"   ", 4, "no expression"},
		{"TZ=UTC", 7, "no expression"},
		{"TZ= * * * * *", 4, "no name"},
		{"CRON_TZ=Nowhere/Atall * * * * *", 9, `no time zone "Nowhere/Atall"`},
		{"CRON_TZ=../etc/passwd * * * * *", 9, "no time zone"},
		{"* * * *", 8, "4 of 5 fields"},
		{"* * * * * * 2026", 13, "more than 6 fields"},
		{"60 * * * *", 1, "minute 60 is not in 0-59"},
		{"0 25 * * *", 3, "hour 25 is not in 0-23"},
		{"* * 0 * *", 5, "day of month 0 is not in 1-31"},
		{"* * * 13 *", 7, "month 13 is not in 1-12"},
		{"* * * * 8", 9, "day of week 8 is not in 0-7"},
		{"61 * * * * *", 1, "second 61 is not in 0-59"},
		{"99999999999999999999 * * * *", 1, "is not in 0-59"},
		{"50-10 * * * *", 1, "the range 50-10 ends before it begins"},
		{"0,50-10 * * * *", 3, "ends before"},
		{"* * * * 6-0", 9, "the range 6-0 ends before it begins"},
		{"* * * DEC-FEB *", 7, "the range DEC-FEB ends before it begins"},
		{"*/0 * * * *", 3, "must not be 0"},
		{"1-5/0 * * * *", 5, "must not be 0"},
		{"*/90 * * * *", 3, "the step 90 is above 60"},
		{"* */25 * * *", 5, "above 24"},
		{"1-5/ * * * *", 5, "must be a number"},
		{"*/-1 * * * *", 3, "must be a number"},
		{"1,,2 * * * *", 3, "missing"},
		{"1, * * * *", 3, "missing"},
		{", * * * *", 1, "missing"},
		{"1- * * * *", 3, "missing"},
		{"-5 * * * *", 1, `"-5" is no minute`},
		{"1/2/3 * * * *", 4, `"/" is not expected`},
		{"** * * * *", 2, `"*" is not expected`},
		{"? * * * *", 1, `"?" is no minute`},
		{"* * ?,1 * *", 5, `"?" is no day of month`},
		{"* * ?/2 * *", 5, `"?" is no day of month`},
		{"* * * ? *", 7, `"?" is no month`},
		{"L * * * *", 1, `"L" is no minute`},
		{"* * L-31 * *", 7, "0-30"},
		{"* * L- * *", 7, "0-30"},
		{"* * L-3W * *", 8, `"W" is not expected`},
		{"* * 15WW * *", 8, `"W" is not expected`},
		{"* * 32W * *", 5, "not in 1-31"},
		{"* * W * *", 5, `"W" is no day of month`},
		{"* * MON * *", 5, `"MON" is no day of month`},
		{"* * 1L * *", 6, `"L" is not expected`},
		{"* * 1#2 * *", 6, `"#" is not expected`},
		{"* * * FEBR *", 10, `"R" is not expected`},
		{"* * * Foo-Bar *", 7, `"Foo" is no month`},
		{"* * * * L", 9, "FRIL"},
		{"* * * * FRI#6", 13, "1-5"},
		{"* * * * FRI#", 13, "1-5"},
		{"* * * * FRI#0", 13, "1-5"},
		{"* * * * 15W", 9, "not in 0-7"},
		{"* * * * MON-FRIL", 16, `"L" is not expected`},
		{"äöü * * * *", 1, `"äöü" is no minute`},
		{"* ä", 4, "2 of 5 fields"},
		{"* * * * 1ä", 10, `"ä" is not expected`},
		{"@reboot", 1, `no descriptor "@reboot"`},
		{"TZ=UTC @fortnightly", 8, "no descriptor"},
		{"@daily 3", 8, "nothing may follow @daily"},
		{"@every", 7, "wants a duration"},
		{"@every 5", 8, `"5" is no duration`},
		{"@every 0s", 8, "above zero"},
		{"@every -1h", 8, "above zero"},
		{"@every 1s 2s", 11, "nothing may follow @every"},
	}
	for _, tt := range tests {
		_, err := cron.Parse(tt.expr, cron.Options{})
		var pe *cron.ParseError
		if !errors.As(err, &pe) {
			t.Errorf("%q: got %v, want a *ParseError", tt.expr, err)
			continue
		}
		if pe.Column != tt.column || pe.Expr != tt.expr || !strings.Contains(pe.Msg, tt.msg) {
			t.Errorf("%q: got column %d, %q, want column %d, ... %s ...", tt.expr, pe.Column, pe.Msg, tt.column, tt.msg)
		}
	}
	_, err := cron.Parse("0 25 * * *", cron.Options{})
	if got, want := err.Error(), `cron: "0 25 * * *", column 3: hour 25 is not in 0-23`; got != want {
		t.Errorf("Error: got %s, want %s", got, want)
	}
}

func TestOptionsThatDoNotExistAreErrOptions(t *testing.T) {
	for _, opts := range []cron.Options{{Gap: 2}, {Fold: 2}, {Days: 2}} {
		if s, err := cron.Parse("* * * * *", opts); s != nil || !errors.Is(err, cron.ErrOptions) {
			t.Errorf("%v: got %v, %v, want ErrOptions", opts, s, err)
		}
	}
	if got := cron.Skip.String() + cron.Twice.String() + cron.Both.String() + cron.Gap(7).String(); got != "SkipTwiceBothGap(7)" {
		t.Errorf("the names of options: got %s", got)
	}
}

// TestParseReadsWhatStringPrints takes expressions made up at random and
// compares the runs before and after.
func TestParseReadsWhatStringPrints(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 0))
	for i := range rounds(10000) {
		expr := crontest.Random(r, i%2 == 0)
		opts := cron.Options{Location: time.UTC, Days: cron.DayRule(r.IntN(2))}
		s := parse(t, expr, opts)
		sameRuns(t, s, parse(t, s.String(), opts))
	}
}

// sameRuns fails if two schedules differ in print or in their next runs.
func sameRuns(t *testing.T, a, b *cron.Schedule) {
	t.Helper()
	if a.String() != b.String() {
		t.Fatalf("%q, parsed again: %q", a, b)
	}
	x := time.Date(2027, 12, 30, 0, 0, 0, 0, time.UTC)
	for range 4 {
		at, ok := a.Next(x)
		bt, bok := b.Next(x)
		if !at.Equal(bt) || ok != bok {
			t.Fatalf("%q: Next(%v): got %v, and %v parsed again", a, x, at, bt)
		}
		if !ok {
			return
		}
		x = at
	}
}
