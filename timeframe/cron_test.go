package timeframe_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/adhocore/gronx"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/timeframe"
)

// onCron is a timeframe with a schedule that is read in each user's zone.
func onCron(cron string) timeframe.Timeframe {
	return timeframe.Timeframe{
		Type: timeframe.Recurring, TimezoneType: timeframe.User, Recurrence: timeframe.Custom,
		StartsAt: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), Cron: cron,
	}
}

// fires returns the first n fires of a schedule after an instant.
func fires(t testing.TB, cron string, zone *time.Location, after time.Time, n int) []time.Time {
	t.Helper()
	schedule, err := onCron(cron).In(zone, new(timeframe.Zones))
	require.NoError(t, err)
	var all []time.Time
	for at := range schedule.Fires(after, after.AddDate(400, 0, 0)) {
		if all = append(all, at); len(all) == n {
			break
		}
	}
	return all
}

func TestCronFires(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, cron, after, want string }{
		{"every minute", "* * * * *", "2025-01-01T00:00:30Z", "2025-01-01T00:01:00Z 2025-01-01T00:02:00Z"},
		{"strictly after", "0 0 * * *", "2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z 2025-01-03T00:00:00Z"},
		{"lists and ranges", "5,50-52/2 3 * * *", "2025-01-01T03:05:00Z", "2025-01-01T03:50:00Z 2025-01-01T03:52:00Z"},
		{"steps", "*/40 */20 * * *", "2025-01-01T00:40:00Z", "2025-01-01T20:00:00Z 2025-01-01T20:40:00Z"},
		{"month and weekday names", "0 9 * feb Mon-WED", "2025-01-01T00:00:00Z", "2025-02-03T09:00:00Z 2025-02-04T09:00:00Z"},
		{"Sunday is 7", "0 0 * * 7", "2025-01-01T00:00:00Z", "2025-01-05T00:00:00Z 2025-01-12T00:00:00Z"},
		{"Sunday is 0", "0 0 * * 0", "2025-01-01T00:00:00Z", "2025-01-05T00:00:00Z 2025-01-12T00:00:00Z"},
		{"Saturday to Sunday", "0 0 * * 6-7", "2025-01-01T00:00:00Z", "2025-01-04T00:00:00Z 2025-01-05T00:00:00Z"},
		{"the last of the month", "0 0 L * *", "2024-01-31T12:00:00Z", "2024-02-29T00:00:00Z 2024-03-31T00:00:00Z"},
		{"the 15th and the last", "0 0 15,L * *", "2025-02-01T00:00:00Z", "2025-02-15T00:00:00Z 2025-02-28T00:00:00Z"},
		{"the 31st leaves out short months", "0 0 31 * *", "2025-01-31T00:00:00Z", "2025-03-31T00:00:00Z 2025-05-31T00:00:00Z"},
		{"either day, if both are given", "0 0 13 * FRI", "2025-06-01T00:00:00Z", "2025-06-06T00:00:00Z 2025-06-13T00:00:00Z"},
		{"both, if one begins with a star", "0 0 */2 * MON", "2025-06-01T00:00:00Z", "2025-06-09T00:00:00Z 2025-06-23T00:00:00Z"},
		{"leap days", "0 0 29 2 *", "2095-01-01T00:00:00Z", "2096-02-29T00:00:00Z 2104-02-29T00:00:00Z"},
		{"leap days on Sundays", "0 0 29 2 */7", "2025-01-01T00:00:00Z", "2032-02-29T00:00:00Z 2060-02-29T00:00:00Z"},
		{"the last minute of a year", "59 23 31 12 *", "2025-12-31T23:59:00Z", "2026-12-31T23:59:00Z 2027-12-31T23:59:00Z"},
		{"spaces", "  0   0 1  1 *  ", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z 2027-01-01T00:00:00Z"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, onCron(test.cron).Validate())
			got := fires(t, test.cron, time.UTC, utc(t, test.after), 2)
			require.Equal(t, test.want, strings.Join(stamps(got...), " "))
		})
	}
}

func TestCronWhenTheClockIsSet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone, cron, after string
		want                    []string
	}{
		{
			"a skipped time fires at the end of the gap", "Europe/Rome", "30 2 * * *", "2025-03-29T00:00:00Z",
			[]string{"2025-03-29T01:30:00Z", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"},
		},
		{
			"several skipped times fire once", "Europe/Rome", "*/20 2,3 * * *", "2025-03-29T02:30:00Z",
			[]string{"2025-03-29T02:40:00Z", "2025-03-30T01:00:00Z", "2025-03-30T01:20:00Z"},
		},
		{
			"a repeated time fires the first time", "Europe/Rome", "30 2 * * *", "2025-10-25T12:00:00Z",
			[]string{"2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"},
		},
		{
			"the second pass of a repeated hour is silent", "Europe/Rome", "*/30 * * * *", "2025-10-26T00:00:00Z",
			[]string{"2025-10-26T00:30:00Z", "2025-10-26T02:00:00Z", "2025-10-26T02:30:00Z"},
		},
		{
			"a midnight that is skipped", "Africa/Cairo", "0 0 * * *", "2026-04-23T00:00:00Z",
			[]string{"2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"},
		},
		{
			"a day that is skipped", "Pacific/Apia", "0 12 * * *", "2011-12-29T00:00:00Z",
			[]string{"2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := fires(t, test.cron, loadZone(t, test.zone), utc(t, test.after), len(test.want))
			require.Equal(t, test.want, stamps(got...))
		})
	}
}

var badCrons = []string{
	"* * * *", "* * * * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *",
	"* * * * 8", "-1 * * * *", "+1 * * * *", "1.5 * * * *", "a * * * *", "5-1 * * * *", "0 0 * * FRI-MON", "*/0 * * * *",
	"*/60 * * * *", "*/ * * * *", "5/15 * * * *", "1-5-9 * * * *", "1/2/3 * * * *", "1,,2 * * * *", ", * * * *", "*5 * * * *",
	"L * * * *", "* * * * L", "0 0 LW * *", "0 0 l * *", "? * * * *", "0 0 * MONDAY *", "0 0 MON * *", "001 * * * *",
	"0\t0 1 1 *", "*\x00 * * * *", "١ * * * *", "0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 30-31 2 */2",
}

func TestCronRefuses(t *testing.T) {
	t.Parallel()
	for _, cron := range badCrons {
		requireFault(t, onCron(cron).Validate(), "scheduleCron")
	}
}

func TestCronReasons(t *testing.T) {
	t.Parallel()
	tests := []struct{ cron, want string }{
		{"0 25 * * *", `scheduleCron: hour: "25" is not *, a value, a range or a step from 0 to 23`},
		{"0 0 1,x * *", `scheduleCron: day of the month: "x" is not *, a value, a range or a step from 1 to 31`},
		{"0 0 *", "scheduleCron: lacks the month: five fields are needed"},
		{"0 0 * * * *", "scheduleCron: has more than five fields"},
		{"0 0 30 2 *", "scheduleCron: never fires: its months have no such day"},
	}
	for _, test := range tests {
		require.EqualError(t, onCron(test.cron).Validate(), test.want)
	}
}

// TestCronAgreesWithGronx compares with another implementation, in UTC.
func TestCronAgreesWithGronx(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cron := drawCron(t)
		frame := onCron(cron)
		if frame.Validate() != nil {
			t.Skip("never fires")
		}
		at := time.Unix(rapid.Int64Range(946684800, 1924991999).Draw(t, "unix"), 0).UTC()
		schedule, err := frame.In(time.UTC, new(timeframe.Zones))
		require.NoError(t, err)
		p, ok := schedule.PeriodAt(at)
		require.True(t, ok)
		if next, err := gronx.NextTickAfter(cron, at, false); err == nil {
			require.Equal(t, next, p.EndsAt)
		}
		if last, err := gronx.PrevTickBefore(cron, at, true); err == nil {
			require.Equal(t, last, p.StartsAt)
		}
	})
}

func drawCron(t *rapid.T) string {
	number := func(low, high int) string {
		return strconv.Itoa(rapid.IntRange(low, high).Draw(t, "number"))
	}
	field := func(low, high int) string {
		switch rapid.IntRange(0, 5).Draw(t, "form") {
		case 0:
			return number(low, high)
		case 1:
			return number(low, (low+high)/2) + "-" + number((low+high)/2, high)
		case 2:
			return "*/" + number(1, high)
		case 3:
			return number(low, (low+high)/2) + "-" + number((low+high)/2+1, high) + "/" + number(1, high)
		case 4:
			return number(low, high) + "," + number(low, high)
		}
		return "*"
	}
	days := field(1, 31)
	if rapid.IntRange(0, 4).Draw(t, "last day") == 0 {
		days = "L"
	}
	return strings.Join([]string{field(0, 59), field(0, 23), days, field(1, 12), field(0, 6)}, " ")
}

func TestFiresStopAtTheTimeframe(t *testing.T) {
	t.Parallel()
	frame := timeframe.Timeframe{
		Type: timeframe.Range, TimezoneType: timeframe.Fixed, Timezone: "UTC", Cron: "0 */6 * * *",
		StartsAt: utc(t, "2025-01-01T06:00:00Z"), EndsAt: at(t, "2025-01-02T00:00:00Z"),
	}
	tests := []struct {
		name, from, to string
		want           []string
	}{
		{"all", "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", []string{
			"2025-01-01T06:00:00Z", "2025-01-01T12:00:00Z", "2025-01-01T18:00:00Z",
		}},
		{"after from, up to to", "2025-01-01T06:00:00Z", "2025-01-01T12:00:00Z", []string{"2025-01-01T12:00:00Z"}},
		{"none between two", "2025-01-01T06:00:00Z", "2025-01-01T11:59:59Z", []string{}},
		{"before the start", "2024-01-01T00:00:00Z", "2025-01-01T05:59:59Z", []string{}},
		{"backwards", "2025-01-01T13:00:00Z", "2025-01-01T12:00:00Z", []string{}},
	}
	require.NoError(t, frame.Validate())
	schedule, err := frame.In(nil, new(timeframe.Zones))
	require.NoError(t, err)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := slices.Collect(schedule.Fires(utc(t, test.from), utc(t, test.to)))
			require.Equal(t, test.want, stamps(got...))
		})
	}
}

func TestNothingFiresWithoutCron(t *testing.T) {
	t.Parallel()
	for name, frame := range frames(t) {
		if frame.Cron != "" {
			continue
		}
		schedule, err := frame.In(nil, new(timeframe.Zones))
		require.NoError(t, err)
		require.Empty(t, slices.Collect(schedule.Fires(frame.StartsAt, frame.StartsAt.AddDate(1, 0, 0))), name)
	}
}

func FuzzCron(f *testing.F) {
	for _, s := range append(badCrons, "* * * * *", "0 0 1 1 *", "*/5 9-17 * JAN-MAR,12 MON-FRI", "59 23 15,L 2-12/3 7") {
		f.Add(s)
	}
	from := time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
	f.Fuzz(func(t *testing.T, cron string) {
		frame := onCron(cron)
		if err := frame.Validate(); err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		schedule, err := frame.In(time.UTC, new(timeframe.Zones))
		require.NoError(t, err)
		p, ok := schedule.PeriodAt(from)
		require.True(t, ok)
		require.Equal(t, timeframe.Active, p.State(from))
		require.Equal(t, []time.Time{p.EndsAt}, fires(t, cron, time.UTC, from, 1))
	})
}
