package timeframe_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/guerdonhq/guerdon/timeframe"
)

// frames are timeframes of every kind that has periods of its own, in a zone that changes its clock.
func frames(t testing.TB) map[string]timeframe.Timeframe {
	t.Helper()
	frame := func(kind timeframe.Type, recurrence timeframe.Recurrence, cron string) timeframe.Timeframe {
		return timeframe.Timeframe{
			Type: kind, TimezoneType: timeframe.Fixed, Timezone: "America/New_York",
			StartsAt: utc(t, "2000-01-01T00:00:00Z"), Recurrence: recurrence, Cron: cron,
		}
	}
	bounded := frame(timeframe.Range, "", "")
	bounded.EndsAt = at(t, "2031-01-01T00:00:00Z")
	return map[string]timeframe.Timeframe{
		"permanent": frame(timeframe.Permanent, "", ""),
		"range":     bounded,
		"daily":     frame(timeframe.Recurring, timeframe.Daily, ""),
		"weekly":    frame(timeframe.Recurring, timeframe.Weekly, ""),
		"monthly":   frame(timeframe.Recurring, timeframe.Monthly, ""),
		"custom":    frame(timeframe.Recurring, timeframe.Custom, "30 2 L * *"),
	}
}

func BenchmarkPeriodAt(b *testing.B) {
	all := frames(b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		frame := all[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var zones timeframe.Zones
			instant := utc(b, "2027-03-14T12:00:00Z")
			for b.Loop() {
				schedule, err := frame.In(nil, &zones)
				if err != nil {
					b.Fatal(err)
				}
				if _, ok := schedule.PeriodAt(instant); !ok {
					b.Fatal("outside of the timeframe")
				}
			}
		})
	}
}
