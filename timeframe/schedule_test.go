package timeframe_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/timeframe"
)

func TestPeriodAt(t *testing.T) {
	t.Parallel()
	const (
		frameStart = "2025-01-15T10:00:00.5Z"
		frameEnd   = "2025-12-20T10:00:00Z"
	)
	tests := []struct {
		name       string
		kind       timeframe.Type
		recurrence timeframe.Recurrence
		cron       string
		userZone   string
		at         string
		want       []string // id, start, end; nil: none
	}{
		{
			"permanent", timeframe.Permanent, "", "", "UTC", "2025-06-01T00:00:00Z",
			[]string{"PERMANENT", frameStart, "0001-01-01T00:00:00Z"},
		},
		{"permanent, before", timeframe.Permanent, "", "", "UTC", "2025-01-15T10:00:00Z", nil},
		{
			"range", timeframe.Range, "", "", "UTC", "2025-12-20T09:59:59.999Z",
			[]string{"2025-01-15T10:00:00.5", frameStart, frameEnd},
		},
		{"range, at its end", timeframe.Range, "", "", "UTC", frameEnd, nil},
		{
			"a day in Rome", timeframe.Recurring, timeframe.Daily, "", "Europe/Rome", "2025-06-01T22:00:00Z",
			[]string{"2025-06-02", "2025-06-01T22:00:00Z", "2025-06-02T22:00:00Z"},
		},
		{
			"a day of 23 hours", timeframe.Recurring, timeframe.Daily, "", "Europe/Rome", "2025-03-30T12:00:00Z",
			[]string{"2025-03-30", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"},
		},
		{
			"the first day is cut short", timeframe.Recurring, timeframe.Daily, "", "UTC", "2025-01-15T10:00:00.5Z",
			[]string{"2025-01-15", frameStart, "2025-01-16T00:00:00Z"},
		},
		{"nothing before it", timeframe.Recurring, timeframe.Daily, "", "UTC", "2025-01-15T10:00:00.499Z", nil},
		{
			"the last month is cut short", timeframe.Recurring, timeframe.Monthly, "", "Asia/Tokyo", "2025-12-20T09:00:00Z",
			[]string{"2025-12", "2025-11-30T15:00:00Z", frameEnd},
		},
		{
			"a week", timeframe.Recurring, timeframe.Weekly, "", "America/New_York", "2025-03-10T03:59:59Z",
			[]string{"2025-W10", "2025-03-03T05:00:00Z", "2025-03-10T04:00:00Z"},
		},
		{
			"the week after", timeframe.Recurring, timeframe.Weekly, "", "America/New_York", "2025-03-10T04:00:00Z",
			[]string{"2025-W11", "2025-03-10T04:00:00Z", "2025-03-17T04:00:00Z"},
		},
		{
			"a quarter that begins at nine", timeframe.Recurring, timeframe.Custom, "0 9 1 */3 *", "Europe/Rome", "2025-05-05T00:00:00Z",
			[]string{"2025-04-01T07:00:00", "2025-04-01T07:00:00Z", "2025-07-01T07:00:00Z"},
		},
		{
			"a quarter cut short keeps its id", timeframe.Recurring, timeframe.Custom, "0 9 1 */3 *", "UTC", "2025-02-01T00:00:00Z",
			[]string{"2025-01-01T09:00:00", frameStart, "2025-04-01T09:00:00Z"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			frame := timeframe.Timeframe{
				Type: test.kind, TimezoneType: timeframe.User, StartsAt: utc(t, frameStart).In(time.FixedZone("", 3600)),
				Recurrence: test.recurrence, Cron: test.cron,
			}
			if test.kind != timeframe.Permanent {
				frame.EndsAt = at(t, frameEnd)
			}
			require.NoError(t, frame.Validate())
			schedule, err := frame.In(loadZone(t, test.userZone), new(timeframe.Zones))
			require.NoError(t, err)
			p, ok := schedule.PeriodAt(utc(t, test.at))
			require.Equal(t, test.want != nil, ok)
			if ok {
				require.Equal(t, test.want, append([]string{p.ID}, stamps(p.StartsAt, p.EndsAt)...))
			} else {
				require.Zero(t, p)
			}
		})
	}
}

func TestInPicksTheZone(t *testing.T) {
	t.Parallel()
	tokyo := loadZone(t, "Asia/Tokyo")
	instant := utc(t, "2025-06-01T15:00:00Z")
	var zones timeframe.Zones
	tests := []struct {
		name     string
		kind     timeframe.TimezoneType
		fixed    string
		userZone *time.Location
		want     string
	}{
		{"the fixed one", timeframe.Fixed, "America/New_York", tokyo, "2025-06-01"},
		{"the user's", timeframe.User, "", tokyo, "2025-06-02"},
		{"UTC for a user without one", timeframe.User, "", nil, "2025-06-01"},
	}
	for _, test := range tests {
		schedule, err := timeframe.Timeframe{
			Type: timeframe.Recurring, Recurrence: timeframe.Daily, TimezoneType: test.kind, Timezone: test.fixed,
		}.In(test.userZone, &zones)
		require.NoError(t, err, test.name)
		p, ok := schedule.PeriodAt(instant)
		require.True(t, ok, test.name)
		require.Equal(t, test.want, p.ID, test.name)
	}
}

// TestInRefuses gives what Validate would have refused and could not be laid into a zone.
func TestInRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		field  string
		change func(*timeframe.Timeframe)
	}{
		{"timeframeTimezone", func(f *timeframe.Timeframe) { f.Timezone = "Europe/Atlantis" }},
		{"timeframeType", func(f *timeframe.Timeframe) { f.Type = "" }},
		{"recurrence", func(f *timeframe.Timeframe) { f.Type = timeframe.Recurring }},
		{"recurrence", func(f *timeframe.Timeframe) { f.Type, f.Recurrence = timeframe.Recurring, "YEARLY" }},
		{"scheduleCron", func(f *timeframe.Timeframe) { f.Type, f.Recurrence = timeframe.Recurring, timeframe.Custom }},
		{"scheduleCron", func(f *timeframe.Timeframe) { f.Cron = "0 0 30 2 *" }},
	}
	var zones timeframe.Zones
	for _, test := range tests {
		_, err := edit(t, test.change).In(nil, &zones)
		requireFault(t, err, test.field)
		_, err = edit(t, test.change).Board(&zones)
		requireFault(t, err, test.field)
	}
}

func TestNextEndsWithTheTimeframe(t *testing.T) {
	t.Parallel()
	frame := edit(t, func(f *timeframe.Timeframe) {
		f.Type, f.Recurrence, f.Timezone = timeframe.Recurring, timeframe.Weekly, "UTC"
		f.EndsAt = at(t, "2025-01-14T00:00:00Z")
	})
	schedule, err := frame.In(nil, new(timeframe.Zones))
	require.NoError(t, err)
	var ids []string
	for p, ok := schedule.PeriodAt(frame.StartsAt); ok; p, ok = schedule.Next(p) {
		ids = append(ids, p.ID)
	}
	require.Equal(t, []string{"2025-W01", "2025-W02", "2025-W03"}, ids)

	permanent, err := edit(t, func(*timeframe.Timeframe) {}).In(nil, new(timeframe.Zones))
	require.NoError(t, err)
	p, ok := permanent.PeriodAt(utc(t, "2025-06-01T00:00:00Z"))
	require.True(t, ok)
	_, ok = permanent.Next(p)
	require.False(t, ok)
}

// TestPeriodAtAllocatesItsIDOnly keeps the cost of what every event pays.
func TestPeriodAtAllocatesItsIDOnly(t *testing.T) {
	var zones timeframe.Zones
	instant := utc(t, "2027-03-14T12:00:00Z")
	for name, frame := range frames(t) {
		allocs := testing.AllocsPerRun(100, func() {
			schedule, err := frame.In(nil, &zones)
			if err != nil {
				t.Fatal(err)
			}
			schedule.PeriodAt(instant)
		})
		require.LessOrEqual(t, allocs, 1.0, name)
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	start, end := time.Date(2025, 9, 1, 10, 0, 0, 1_234, time.FixedZone("", 3600)), time.Date(2025, 9, 2, 0, 0, 0, 0, time.UTC)
	now := start.Add(time.Hour)
	p, err := timeframe.Once(start, end, now)
	require.NoError(t, err)
	require.Equal(t, timeframe.Period{ID: "2025-09-01T09:00:00.000001", StartsAt: time.Date(2025, 9, 1, 9, 0, 0, 1_000, time.UTC), EndsAt: end}, p)
	require.Equal(t, timeframe.Range, p.Type())
	schedule, err := timeframe.Timeframe{Type: timeframe.Range, TimezoneType: timeframe.User, StartsAt: start, EndsAt: &end}.In(nil, &timeframe.Zones{})
	require.NoError(t, err)
	same, ok := schedule.PeriodAt(start)
	require.True(t, ok)
	require.Equal(t, p.ID, same.ID)

	whole, err := timeframe.Once(start.Truncate(time.Second), end, now)
	require.NoError(t, err)
	require.Equal(t, "2025-09-01T09:00:00", whole.ID)

	p, err = timeframe.Once(time.Time{}, time.Time{}, now)
	require.NoError(t, err)
	require.Equal(t, "PERMANENT", p.ID)
	require.Equal(t, now.UTC().Truncate(time.Microsecond), p.StartsAt)
	require.Equal(t, timeframe.Permanent, p.Type())

	for want, span := range map[string][2]time.Time{
		"startsAt: is outside the years 1 to 9999": {time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), {}},
		"endsAt: is outside the years 1 to 9999":   {start, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"endsAt: must be after startsAt":           {end, start},
		"endsAt: is over already":                  {start, now},
	} {
		_, err := timeframe.Once(span[0], span[1], now)
		require.EqualError(t, err, want)
	}
}
