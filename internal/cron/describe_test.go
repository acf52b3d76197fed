package cron_test

import (
	"strings"
	"testing"

	"github.com/bgloop/bgloop/internal/cron"
)

func TestDescribe(t *testing.T) {
	tests := []struct{ expr, want string }{
		{"CRON_TZ=Europe/Berlin 30 2 * * FRIL", "at 02:30 on the last Friday of the month, Europe/Berlin"},
		{"* * * * *", "every minute"},
		{"* * * * * *", "every second"},
		{"@hourly", "every hour"},
		{"@daily", "at 00:00 every day"},
		{"@weekly", "at 00:00 on Sunday"},
		{"@monthly", "at 00:00 on the 1st of the month"},
		{"@yearly", "at 00:00 on the 1st of January"},
		{"@every 90m", "every 1h30m"},
		{"TZ=UTC @every 20m", "every 20m, UTC"},
		{"0 0 29 2 *", "at 00:00 on the 29th of February"},
		{"0 0 30 2 *", "at 00:00 on the 30th of February, which never comes"},
		{"*/15 * * * *", "every 15 minutes"},
		{"*/15 9-17 * * MON-FRI", "every 15 minutes from 09:00 to 17:59 from Monday to Friday"},
		{"0 9-17 * * 1-5", "every hour from 09:00 to 17:00 from Monday to Friday"},
		{"* 2 * * *", "every minute from 02:00 to 02:59"},
		{"* 2,4 * * *", "every minute in the hours 2 and 4"},
		{"*/7 * * * *", "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"},
		{"5 * * * *", "at minute 5 of every hour"},
		{"5 */2 * * *", "at minute 5 of every 2nd hour"},
		{"1,2,3,4,5 7 * * *", "at minutes 1, 2, 3, 4 and 5 of the hour 7"},
		{"1,2 7-9 * * *", "at minutes 1 and 2 of every hour from 7 to 9"},
		{"1,2 7,9,11 * * *", "at minutes 1 and 2 of the hours 7, 9 and 11"},
		{"0 */6 * * *", "at 00:00, 06:00, 12:00 and 18:00 every day"},
		{"0 */2 * * *", "every 2 hours"},
		{"0 1,5,7,8,10 * * *", "at 01:00, 05:00, 07:00, 08:00 and 10:00 every day"},
		{"15,45 8,20 * * *", "at 08:15, 08:45, 20:15 and 20:45 every day"},
		{"30 15 10 * * *", "at 10:15:30 every day"},
		{"*/10 * * * * *", "every 10 seconds"},
		{"30 * * * * *", "at second 30 of every minute"},
		{"30 */5 8 * * *", "at second 30 of minutes 0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50 and 55 of the hour 8"},
		{"*/30 5 * * * *", "every 30 seconds of minute 5 of every hour"},
		{"0 12 * JUN-AUG *", "at 12:00 every day from June to August"},
		{"0 * * 1,7 *", "every hour in January and July"},
		{"0 12 1-7 3 *", "at 12:00 from the 1st to the 7th of March"},
		{"0 12 1,2,3,11,12,13,21,22,23 * *", "at 12:00 on the 1st to the 3rd, the 11th to the 13th and the 21st to the 23rd of the month"},
		{"0 12 15W,LW * *", "at 12:00 on the weekday nearest the 15th and the last weekday of the month"},
		{"0 12 L-3,L-1,L * *", "at 12:00 on 3 days before the last day, the day before the last and the last day of the month"},
		{"0 12 * 3 SAT,SUN", "at 12:00 on Saturday and Sunday in March"},
		{"0 12 * 3 MON#2", "at 12:00 on the second Monday of March"},
		{"0 0 13 * FRI", "at 00:00 on the 13th of the month or on Friday"},
		{"0 0 * * FRI-SUN", "at 00:00 from Friday to Sunday"},
	}
	for _, tt := range tests {
		if got := parse(t, tt.expr, cron.Options{}).Describe(); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.expr, got, tt.want)
		}
	}
	s := parse(t, "0 0 13 * FRI", cron.Options{Days: cron.Both, Location: zone(t, "Asia/Tokyo")})
	if got, want := s.Describe(), "at 00:00 on the 13th of the month if that is Friday, Asia/Tokyo"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if strings.Contains(parse(t, "* * * * *", cron.Options{}).Describe(), "Local") {
		t.Error("the default zone is named")
	}
}
