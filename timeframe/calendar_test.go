package timeframe_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/timeframe"
)

func TestCalendar(t *testing.T) {
	t.Parallel()
	tests := []struct {
		calendar        timeframe.Calendar
		day             string
		first, next, id string
	}{
		{timeframe.ByDay, "2025-09-02", "2025-09-02", "2025-09-03", "2025-09-02"},
		{timeframe.ByWeek, "2025-09-02", "2025-09-01", "2025-09-08", "2025-W36"},
		{timeframe.ByWeek, "2025-09-07", "2025-09-01", "2025-09-08", "2025-W36"},
		{timeframe.ByWeek, "2025-12-29", "2025-12-29", "2026-01-05", "2026-W01"},
		{timeframe.ByWeek, "2027-01-03", "2026-12-28", "2027-01-04", "2026-W53"},
		{timeframe.ByWeek, "1970-01-01", "1969-12-29", "1970-01-05", "1970-W01"},
		{timeframe.ByMonth, "2025-12-31", "2025-12-01", "2026-01-01", "2025-12"},
		{timeframe.ByMonth, "2024-02-29", "2024-02-01", "2024-03-01", "2024-02"},
		{timeframe.ByYear, "2024-12-31", "2024-01-01", "2025-01-01", "2024"},
	}
	for _, test := range tests {
		d := day(t, test.day)
		require.Equal(t, test.first, test.calendar.First(d).String())
		require.Equal(t, test.next, test.calendar.Next(d).String())
		require.Equal(t, test.id, test.calendar.ID(d))
	}
}

func TestCalendarTilesDays(t *testing.T) {
	t.Parallel()
	for _, calendar := range []timeframe.Calendar{timeframe.ByDay, timeframe.ByWeek, timeframe.ByMonth, timeframe.ByYear} {
		t.Run(string(calendar), func(t *testing.T) {
			t.Parallel()
			require.True(t, calendar.Valid())
			rapid.Check(t, func(t *rapid.T) {
				d := timeframe.Day(rapid.IntRange(-100_000, 100_000).Draw(t, "day"))
				first, next := calendar.First(d), calendar.Next(d)
				require.True(t, first <= d && d < next)
				require.Equal(t, first, calendar.First(first))
				require.Equal(t, first, calendar.First(next-1))
				require.Equal(t, next, calendar.Next(first))
				require.Equal(t, next, calendar.First(next))
				require.Equal(t, calendar.ID(first), calendar.ID(next-1))
				require.NotEqual(t, calendar.ID(first), calendar.ID(next))
			})
		})
	}
	require.False(t, timeframe.Calendar("DECADE").Valid())
}

func TestWeekIDAgreesWithTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := timeframe.Day(rapid.IntRange(-100_000, 100_000).Draw(t, "day"))
		year, week := d.Start(time.UTC).ISOWeek()
		require.Equal(t, fmt.Sprintf("%04d-W%02d", year, week), timeframe.ByWeek.ID(d))
	})
}
