package timeframe_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/timeframe"
)

// board returns a board that starts with the year 2025.
func board(t testing.TB, change func(*timeframe.Timeframe)) timeframe.Board {
	t.Helper()
	f := edit(t, change)
	require.NoError(t, f.ValidateBoard())
	b, err := f.Board(new(timeframe.Zones))
	require.NoError(t, err)
	return b
}

func userZones(f *timeframe.Timeframe) { f.TimezoneType, f.Timezone = timeframe.User, "" }

// written returns periods as "id start end".
func written(periods ...timeframe.Period) []string {
	all := []string{}
	for _, p := range periods {
		s := stamps(p.StartsAt, p.EndsAt)
		all = append(all, p.ID+" "+s[0]+" "+s[1])
	}
	return all
}

func TestBoardFirstAndNext(t *testing.T) {
	t.Parallel()
	july := at(t, "2025-07-01T00:00:00Z")
	tests := []struct {
		name   string
		change func(*timeframe.Timeframe)
		want   []string // the first three periods
	}{
		{"permanent", func(*timeframe.Timeframe) {}, []string{
			"2025-01-01T00:00:00.000Z- 2025-01-01T00:00:00Z 0001-01-01T00:00:00Z",
		}},
		{"permanent for users", userZones, []string{
			"2025-01-01T00:00:00.000Z- 2024-12-31T10:00:00Z 0001-01-01T00:00:00Z",
		}},
		{"range", func(f *timeframe.Timeframe) { f.Type, f.EndsAt = timeframe.Range, july }, []string{
			"2025-01-01T00:00:00.000Z-2025-07-01T00:00:00.000Z 2025-01-01T00:00:00Z 2025-07-01T00:00:00Z",
		}},
		{"range for users", func(f *timeframe.Timeframe) {
			userZones(f)
			f.Type, f.EndsAt = timeframe.Range, july
		}, []string{
			"2025-01-01T00:00:00.000Z-2025-07-01T00:00:00.000Z 2024-12-31T10:00:00Z 2025-07-01T12:00:00Z",
		}},
		{"days in Rome", func(f *timeframe.Timeframe) { f.Type, f.Recurrence = timeframe.Recurring, timeframe.Daily }, []string{
			"DAILY-2024-12-31T23:00:00.000Z-2025-01-01T23:00:00.000Z 2025-01-01T00:00:00Z 2025-01-01T23:00:00Z",
			"DAILY-2025-01-01T23:00:00.000Z-2025-01-02T23:00:00.000Z 2025-01-01T23:00:00Z 2025-01-02T23:00:00Z",
			"DAILY-2025-01-02T23:00:00.000Z-2025-01-03T23:00:00.000Z 2025-01-02T23:00:00Z 2025-01-03T23:00:00Z",
		}},
		{"two months of users", func(f *timeframe.Timeframe) {
			userZones(f)
			f.Type, f.Recurrence, f.EndsAt = timeframe.Recurring, timeframe.Monthly, at(t, "2025-02-15T00:00:00Z")
		}, []string{
			"MONTHLY-2025-01-01T00:00:00.000Z-2025-02-01T00:00:00.000Z 2024-12-31T10:00:00Z 2025-02-01T12:00:00Z",
			"MONTHLY-2025-02-01T00:00:00.000Z-2025-03-01T00:00:00.000Z 2025-01-31T10:00:00Z 2025-02-15T12:00:00Z",
		}},
		{"weeks of users, of which the first is cut short", func(f *timeframe.Timeframe) {
			userZones(f)
			f.Type, f.Recurrence, f.EndsAt = timeframe.Recurring, timeframe.Weekly, at(t, "2025-01-06T00:00:00Z")
		}, []string{
			"WEEKLY-2024-12-30T00:00:00.000Z-2025-01-06T00:00:00.000Z 2024-12-31T10:00:00Z 2025-01-06T12:00:00Z",
		}},
		{"a chain of equal lengths on Rome's clock", func(f *timeframe.Timeframe) {
			f.Type, f.Recurrence = timeframe.Recurring, timeframe.Custom
			f.StartsAt, f.EndsAt = utc(t, "2025-03-09T23:00:00Z"), at(t, "2025-03-23T23:00:00Z")
		}, []string{
			"CUSTOM-2025-03-09T23:00:00.000Z-2025-03-23T23:00:00.000Z 2025-03-09T23:00:00Z 2025-03-23T23:00:00Z",
			"CUSTOM-2025-03-23T23:00:00.000Z-2025-04-06T22:00:00.000Z 2025-03-23T23:00:00Z 2025-04-06T22:00:00Z",
			"CUSTOM-2025-04-06T22:00:00.000Z-2025-04-20T22:00:00.000Z 2025-04-06T22:00:00Z 2025-04-20T22:00:00Z",
		}},
		{"a chain for users", func(f *timeframe.Timeframe) {
			userZones(f)
			f.Type, f.Recurrence, f.EndsAt = timeframe.Recurring, timeframe.Custom, at(t, "2025-01-11T00:00:00Z")
		}, []string{
			"CUSTOM-2025-01-01T00:00:00.000Z-2025-01-11T00:00:00.000Z 2024-12-31T10:00:00Z 2025-01-11T12:00:00Z",
			"CUSTOM-2025-01-11T00:00:00.000Z-2025-01-21T00:00:00.000Z 2025-01-10T10:00:00Z 2025-01-21T12:00:00Z",
			"CUSTOM-2025-01-21T00:00:00.000Z-2025-01-31T00:00:00.000Z 2025-01-20T10:00:00Z 2025-01-31T12:00:00Z",
		}},
		{"seasons by cron", func(f *timeframe.Timeframe) {
			f.Type, f.Recurrence, f.Cron = timeframe.Recurring, timeframe.Custom, "0 12 1 1,7 *"
		}, []string{
			"CUSTOM-2024-07-01T10:00:00.000Z-2025-01-01T11:00:00.000Z 2025-01-01T00:00:00Z 2025-01-01T11:00:00Z",
			"CUSTOM-2025-01-01T11:00:00.000Z-2025-07-01T10:00:00.000Z 2025-01-01T11:00:00Z 2025-07-01T10:00:00Z",
			"CUSTOM-2025-07-01T10:00:00.000Z-2026-01-01T11:00:00.000Z 2025-07-01T10:00:00Z 2026-01-01T11:00:00Z",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := board(t, test.change)
			got := []timeframe.Period{b.First()}
			for p, ok := b.Next(got[0]); ok && len(got) < 3; p, ok = b.Next(p) {
				got = append(got, p)
			}
			require.Equal(t, test.want, written(got...))
		})
	}
}

func TestBoardCountsInTheUsersPeriod(t *testing.T) {
	t.Parallel()
	b := board(t, func(f *timeframe.Timeframe) {
		userZones(f)
		f.Type, f.Recurrence, f.EndsAt = timeframe.Recurring, timeframe.Daily, at(t, "2025-01-03T00:00:00Z")
	})
	const (
		first  = "DAILY-2025-01-01T00:00:00.000Z-2025-01-02T00:00:00.000Z"
		second = "DAILY-2025-01-02T00:00:00.000Z-2025-01-03T00:00:00.000Z"
	)
	tests := []struct{ zone, at, want string }{
		{"Pacific/Kiritimati", "2024-12-31T10:00:00Z", first},
		{"Pacific/Kiritimati", "2024-12-31T09:59:59Z", ""},
		{"Pacific/Kiritimati", "2025-01-01T10:00:00Z", second},
		{"Pacific/Kiritimati", "2025-01-02T10:00:00Z", ""},
		{"Etc/GMT+12", "2025-01-01T10:00:00Z", ""},
		{"Etc/GMT+12", "2025-01-01T12:00:00Z", first},
		{"Etc/GMT+12", "2025-01-03T11:59:59Z", second},
		{"Europe/Rome", "2025-01-01T22:59:59Z", first},
		{"Europe/Rome", "2025-01-01T23:00:00Z", second},
	}
	for _, test := range tests {
		p, ok := b.PeriodAt(utc(t, test.at), loadZone(t, test.zone))
		require.Equal(t, test.want, p.ID, "%s at %s", test.zone, test.at)
		require.Equal(t, test.want != "", ok)
	}
	p, ok := b.PeriodAt(utc(t, "2025-01-01T10:00:00Z"), nil)
	require.True(t, ok)
	require.Equal(t, first, p.ID)
}

func TestBoardOpen(t *testing.T) {
	t.Parallel()
	days := board(t, func(f *timeframe.Timeframe) {
		userZones(f)
		f.Type, f.Recurrence, f.EndsAt = timeframe.Recurring, timeframe.Daily, at(t, "2025-01-05T00:00:00Z")
	})
	tests := []struct {
		at   string
		want []string // the first days of the periods' ids
	}{
		{"2024-12-31T09:59:59Z", nil},
		{"2024-12-31T10:00:00Z", []string{"2025-01-01"}},
		{"2025-01-01T10:00:00Z", []string{"2025-01-01", "2025-01-02"}},
		{"2025-01-02T11:00:00Z", []string{"2025-01-01", "2025-01-02", "2025-01-03"}},
		{"2025-01-02T12:00:00Z", []string{"2025-01-02", "2025-01-03"}},
		{"2025-01-05T11:59:59Z", []string{"2025-01-04"}},
		{"2025-01-05T12:00:00Z", nil},
	}
	for _, test := range tests {
		var got []string
		for p := range days.Open(utc(t, test.at)) {
			got = append(got, p.ID[len("DAILY-"):][:len(time.DateOnly)])
		}
		require.Equal(t, test.want, got, test.at)
	}
	for p := range days.Open(utc(t, "2025-01-02T11:00:00Z")) {
		require.Equal(t, days.First(), p)
		break
	}
}

func TestBoardOpenWithoutRecurrence(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*timeframe.Timeframe){userZones, func(*timeframe.Timeframe) {}} {
		b := board(t, change)
		require.Equal(t, []timeframe.Period{b.First()}, slices.Collect(b.Open(utc(t, "2025-06-01T00:00:00Z"))))
		require.Empty(t, slices.Collect(b.Open(utc(t, "2024-06-01T00:00:00Z"))))
	}
}

// TestBoardAgreesWithItself says what a leaderboard builds on: what counts in a period happens while
// the period is open, and the periods form one chain.
func TestBoardAgreesWithItself(t *testing.T) {
	t.Parallel()
	zones := allZones(t)
	rapid.Check(t, func(t *rapid.T) {
		frame := drawBoard(t)
		require.NoError(t, frame.ValidateBoard())
		b, err := frame.Board(new(timeframe.Zones))
		require.NoError(t, err)
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		instant := drawInstant(t, zone)

		open := slices.Collect(b.Open(instant))
		for _, p := range open {
			require.Equal(t, timeframe.Active, p.State(instant))
		}
		p, ok := b.PeriodAt(instant, zone)
		if !ok {
			return
		}
		require.Contains(t, open, p)
		if next, ok := b.Next(p); ok {
			require.NotEqual(t, p.ID, next.ID)
			if frame.TimezoneType == timeframe.User {
				require.Equal(t, p.EndsAt.Add(-26*time.Hour), next.StartsAt)
			} else {
				require.Equal(t, p.EndsAt, next.StartsAt)
			}
		}
	})
}

func drawBoard(t *rapid.T) timeframe.Timeframe {
	frame := timeframe.Timeframe{
		Type:         rapid.SampledFrom([]timeframe.Type{timeframe.Permanent, timeframe.Range, timeframe.Recurring}).Draw(t, "type"),
		TimezoneType: rapid.SampledFrom([]timeframe.TimezoneType{timeframe.Fixed, timeframe.User}).Draw(t, "zone type"),
		StartsAt:     time.Unix(rapid.Int64Range(946684800, 1577836800).Draw(t, "start"), 0).UTC(),
	}
	if frame.TimezoneType == timeframe.Fixed {
		frame.Timezone = rapid.SampledFrom([]string{"UTC", "Africa/Cairo", "America/St_Johns", "Pacific/Apia"}).Draw(t, "zone")
	}
	if frame.Type == timeframe.Recurring {
		frame.Recurrence = rapid.SampledFrom([]timeframe.Recurrence{
			timeframe.Daily, timeframe.Weekly, timeframe.Monthly, timeframe.Custom,
		}).Draw(t, "recurrence")
	}
	if frame.Type == timeframe.Range || frame.Recurrence == timeframe.Custom || frame.Type == timeframe.Recurring && rapid.Bool().Draw(t, "ends") {
		frame.EndsAt = new(frame.StartsAt.Add(time.Duration(rapid.Int64Range(7200, 400_000_000).Draw(t, "length")) * time.Second))
	}
	return frame
}

func TestBoardRefusesAnEmptyChain(t *testing.T) {
	t.Parallel()
	frame := edit(t, func(f *timeframe.Timeframe) {
		f.Type, f.Recurrence = timeframe.Recurring, timeframe.Custom
		f.EndsAt = at(t, "2025-01-01T00:00:00.9Z")
	})
	_, err := frame.Board(new(timeframe.Zones))
	requireFault(t, err, "timeframeEndsAt")
}
