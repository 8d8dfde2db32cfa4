package timeframe_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/timeframe"
)

func TestDayInZone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone, day string
		start           string
		hours           float64
	}{
		{"a plain day", "Europe/Rome", "2025-01-15", "2025-01-14T23:00:00Z", 24},
		{"a day before the epoch", "UTC", "1969-12-31", "1969-12-31T00:00:00Z", 24},
		{"clock put forward", "Europe/Rome", "2025-03-30", "2025-03-29T23:00:00Z", 23},
		{"clock put back", "Europe/Rome", "2025-10-26", "2025-10-25T22:00:00Z", 25},
		{"midnight skipped in Egypt", "Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", 23},
		{"the day after it", "Africa/Cairo", "2026-04-25", "2026-04-24T21:00:00Z", 24},
		{"midnight skipped in Brazil", "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 23},
		{"two midnights in Cuba", "America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", 25},
		{"put back at midnight", "America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", 25},
		{"put back just after midnight", "America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z", 25},
		{"the day before it", "America/St_Johns", "2010-11-06", "2010-11-06T02:30:00Z", 24},
		{"half an hour of daylight saving", "Australia/Lord_Howe", "2025-04-06", "2025-04-05T13:00:00Z", 24.5},
		{"the last day before the date line", "Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24},
		{"the day that never was", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0},
		{"the first day behind the date line", "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			zone := loadZone(t, test.zone)
			d := day(t, test.day)
			start, end := d.Start(zone), d.Add(1).Start(zone)
			require.Equal(t, test.start, start.UTC().Format(time.RFC3339))
			require.Equal(t, zone, start.Location())
			require.InDelta(t, test.hours, end.Sub(start).Hours(), 0)
			require.Equal(t, test.hours > 0, d.Exists(zone))
			if d.Exists(zone) {
				require.Equal(t, d, timeframe.DayOf(start, zone))
				require.Equal(t, d, timeframe.DayOf(end.Add(-1), zone))
			}
			require.Greater(t, timeframe.DayOf(end, zone), d)
		})
	}
}

func TestDayOfClockPutBackOverMidnight(t *testing.T) {
	t.Parallel()
	zone := loadZone(t, "America/St_Johns")
	repeated := utc(t, "2010-11-07T02:45:00Z").In(zone)
	require.Equal(t, "2010-11-06 23:15", repeated.Format("2006-01-02 15:04"))
	require.Equal(t, day(t, "2010-11-07"), timeframe.DayOf(repeated, zone))
	before := utc(t, "2010-11-07T02:15:00Z")
	require.Equal(t, day(t, "2010-11-06"), timeframe.DayOf(before, zone))
}

func TestDayArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unix := rapid.Int64Range(-62135596800, 253402300799).Draw(t, "unix") // years 1 to 9999
		instant := time.Unix(unix, 0).UTC()
		n := rapid.IntRange(-10000, 10000).Draw(t, "n")
		d := timeframe.DayOf(instant, time.UTC)

		year, month, date := d.Date()
		require.Equal(t, instant.Format(time.DateOnly), d.String())
		require.Equal(t, instant.Format(time.DateOnly),
			time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		require.Equal(t, d, timeframe.Date(year, month, date))
		require.Equal(t, instant.Weekday(), d.Weekday())
		require.Equal(t, d.Add(n), timeframe.DayOf(instant.AddDate(0, 0, n), time.UTC))
		require.Equal(t, n, d.Add(n).Sub(d))
		require.Equal(t, time.Monday, d.Week().Weekday())
		require.True(t, d.Week() <= d && d < d.Week().Add(7))
		require.True(t, d.Exists(time.UTC))
	})
}

func TestDate(t *testing.T) {
	t.Parallel()
	require.Equal(t, day(t, "2025-02-01"), timeframe.Date(2025, time.January, 32))
	require.Equal(t, timeframe.Day(0), timeframe.Date(1970, time.January, 1))
	require.Equal(t, timeframe.Day(-1), timeframe.Date(1969, time.December, 31))
}

func TestDayText(t *testing.T) {
	t.Parallel()
	type row struct {
		Day  timeframe.Day
		Days map[timeframe.Day]int
	}
	want := row{Day: day(t, "2025-09-02"), Days: map[timeframe.Day]int{day(t, "0000-01-01"): 1}}
	text, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, `{"Day":"2025-09-02","Days":{"0000-01-01":1}}`, string(text))
	var got row
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, want, got)

	d := day(t, "2025-09-02")
	require.ErrorIs(t, d.UnmarshalText([]byte("tomorrow")), fault.ErrInvalid)
	require.Equal(t, day(t, "2025-09-02"), d)
	_, err = day(t, "9999-12-31").Add(1).MarshalText()
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestParseDayRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "2025", "2025-9-2", "2025-02-29", "2025-13-01", "2025-00-10", "2025-01-00", "2025-01-32",
		"2025-01-01T00:00:00Z", " 2025-01-01", "2025-01-01 ", "20250101", "-2025-01-01", "12025-01-01", "2025/01/01",
	} {
		_, err := timeframe.ParseDay(s)
		requireFault(t, err, "")
	}
}

func FuzzParseDay(f *testing.F) {
	for _, s := range []string{"2025-09-02", "0000-01-01", "9999-12-31", "2024-02-29", "2025-02-29", "2025-9-2", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := timeframe.ParseDay(s)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		text, err := d.MarshalText()
		require.NoError(t, err)
		require.Equal(t, s, string(text))
	})
}
