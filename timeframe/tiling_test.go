package timeframe_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/timeframe"
)

// changes returns the instants from 2000 to 2030 at which the zone's clock is set.
func changes(zone *time.Location) []time.Time {
	var all []time.Time
	at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).In(zone)
	for {
		_, end := at.ZoneBounds()
		if end.IsZero() || end.Year() > 2030 {
			return all
		}
		all = append(all, end)
		at = end
	}
}

// TestDaysTileTimeAtEveryChange looks at the days around every change of every zone's clock, which
// are the only ones that are not plain stretches of 24 hours.
func TestDaysTileTimeAtEveryChange(t *testing.T) {
	t.Parallel()
	skipped := map[string]bool{}
	for _, zone := range allZones(t) {
		for _, change := range changes(zone) {
			middle := timeframe.DayOf(change, zone)
			for d := middle - 2; d <= middle+2; d++ {
				start, end := d.Start(zone), d.Add(1).Start(zone)
				if !d.Exists(zone) {
					skipped[zone.String()+" "+d.String()] = true
					require.Equal(t, start, end)
					continue
				}
				requireWithin(t, d, zone, start, end)
			}
			requireWithin(t, middle, zone, change)
		}
	}
	require.Equal(t, map[string]bool{
		"Pacific/Apia 2011-12-30": true, "Pacific/Fakaofo 2011-12-30": true,
	}, skipped)
}

// requireWithin requires that the day's first and last instants, and those given, are in it, except
// one that is its end.
func requireWithin(t *testing.T, d timeframe.Day, zone *time.Location, instants ...time.Time) {
	start, end := d.Start(zone), d.Add(1).Start(zone)
	for _, at := range append(instants, start, end.Add(-1)) {
		inside := !at.Before(start) && at.Before(end)
		if got := timeframe.DayOf(at, zone); (got == d) != inside {
			require.Failf(t, "in the wrong day", "%v is in %v, which is from %v to %v", at, got, start, end)
		}
	}
}

func TestPeriodsTileTime(t *testing.T) {
	t.Parallel()
	zones := allZones(t)
	crons := []string{"0 0 * * *", "30 2 * * *", "*/15 0-3 * * *", "0 12 1 * *", "59 23 L * *", "0 0 13 * FRI", "0 0 29 2 *"}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		instant := drawInstant(t, zone)
		frame := timeframe.Timeframe{
			Type: timeframe.Recurring, TimezoneType: timeframe.User, StartsAt: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
			Recurrence: rapid.SampledFrom([]timeframe.Recurrence{
				timeframe.Daily, timeframe.Weekly, timeframe.Monthly, timeframe.Custom,
			}).Draw(t, "recurrence"),
		}
		if frame.Recurrence == timeframe.Custom {
			frame.Cron = rapid.SampledFrom(crons).Draw(t, "cron")
		}
		require.NoError(t, frame.Validate())
		schedule, err := frame.In(zone, new(timeframe.Zones))
		require.NoError(t, err)

		p, ok := schedule.PeriodAt(instant)
		require.True(t, ok)
		for range 5 {
			require.Equal(t, timeframe.Active, p.State(instant))
			require.True(t, p.StartsAt.Before(p.EndsAt))
			requirePeriod(t, schedule, p, p.StartsAt)
			requirePeriod(t, schedule, p, p.EndsAt.Add(-1))
			next, ok := schedule.Next(p)
			require.True(t, ok)
			require.Equal(t, p.EndsAt, next.StartsAt)
			require.NotEqual(t, p.ID, next.ID)
			p, instant = next, next.StartsAt
		}
	})
}

func requirePeriod(t *rapid.T, schedule timeframe.Schedule, want timeframe.Period, at time.Time) {
	got, ok := schedule.PeriodAt(at)
	require.True(t, ok)
	require.Equal(t, want, got)
}

// drawInstant draws an instant from 2000 to 2030, often one near a change of the zone's clock.
func drawInstant(t *rapid.T, zone *time.Location) time.Time {
	if near := changes(zone); len(near) > 0 && rapid.Bool().Draw(t, "near a change") {
		change := rapid.SampledFrom(near).Draw(t, "change")
		return change.Add(time.Duration(rapid.Int64Range(-48*3600, 48*3600).Draw(t, "seconds")) * time.Second).UTC()
	}
	return time.Unix(rapid.Int64Range(946684800, 1924991999).Draw(t, "unix"), 0).UTC()
}

// TestDayOfIsTheClocksDate compares with what the clock shows wherever it has not been put back.
func TestDayOfIsTheClocksDate(t *testing.T) {
	t.Parallel()
	zones := allZones(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		instant := drawInstant(t, zone).In(zone)
		shown := instant.Format(time.DateOnly)
		got := timeframe.DayOf(instant, zone).String()
		_, offset := instant.Zone()
		if _, before := instant.Add(-26 * time.Hour).Zone(); before <= offset {
			require.Equal(t, shown, got)
		}
		require.GreaterOrEqual(t, got, shown)
	})
}
