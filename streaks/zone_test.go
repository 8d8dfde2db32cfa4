package streaks_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// changes returns when a zone's clock is changed in the years in which most oddities lie.
func changes(zone *time.Location) []time.Time {
	var all []time.Time
	for _, years := range [][2]int{{1993, 1995}, {2009, 2012}, {2024, 2027}} {
		t := time.Date(years[0], 1, 1, 0, 0, 0, 0, time.UTC).In(zone)
		for {
			_, end := t.ZoneBounds()
			if end.IsZero() || end.Year() >= years[1] {
				break
			}
			all = append(all, end)
			t = end
		}
	}
	return all
}

// Whoever acts once on every day that there is, at its first or its last microsecond, has an unbroken
// streak, whatever the clock does; and whoever leaves out a day has not.
func TestClockChangesBreakNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rule := daily()
	rule.StartsAt = utc("1900-01-01T00:00:00Z")
	w.publish(rule)
	const around = 3
	for _, name := range allZones(t) {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
			p, err := w.program(w.ctx, tx)
			if err != nil {
				return err
			}
			for i, change := range changes(zone) {
				middle := timeframe.DayOf(change, zone)
				leaves := timeframe.Day(i % 3) // out: nothing, or the day before or after the change
				count, runs := 0, 1
				user := fmt.Sprintf("%s %d", name, i)
				for d := middle - around; d <= middle+around; d++ {
					if !d.Exists(zone) {
						continue
					}
					if leaves > 0 && d == middle-3+2*leaves {
						count, runs = 0, 2
						continue
					}
					at := d.Start(zone)
					if (int(d)+i)%2 == 0 {
						at = (d + 1).Start(zone).Add(-time.Microsecond)
					}
					count++
					last := act(w, tx, p, user, name, at)
					if last.Count != count || last.IterationID != runs || last.Day != d {
						return fmt.Errorf("%s: %s is day %d of run %d, not %d of %d", user, last.Day, last.Count, last.IterationID, count, runs)
					}
				}
			}
			return nil
		}))
	}
}

func act(w *world, tx *session.Tx, p mechanic.Mechanic[streaks.Change], user, zone string, at time.Time) streaks.Change {
	e := event.Event{ID: w.id(), Type: event.Activity, EntityID: "read", UserID: user, At: at}
	changes, err := p.React(w.ctx, tx, mechanic.New(&e, &tenancy.User{ID: user, Timezone: zone}))
	tx.Caused()
	require.NoError(w.t, err)
	require.NotEmpty(w.t, changes)
	return changes[len(changes)-1] // behind the break of the run before, if there was one
}

func TestOddDays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, zone string
		at         []string
		want       []string
	}{
		{"a day of 23 hours", "Europe/Rome", []string{"2026-03-28T23:30:00+01:00", "2026-03-29T00:30:00+01:00", "2026-03-30T23:59:00+02:00"}, []string{"#1 3 ACTIVE"}},
		{"a day of 25 hours", "Europe/Rome", []string{"2026-10-24T00:00:00+02:00", "2026-10-25T23:59:00+01:00", "2026-10-26T23:59:00+01:00"}, []string{"#1 3 ACTIVE"}},
		{"an hour twice", "Europe/Rome", []string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"}, []string{"#1 1 ACTIVE"}},
		{"no midnight", "Africa/Cairo", []string{"2026-04-23T23:59:59+02:00", "2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"}, []string{"#1 3 ACTIVE"}},
		{"no midnight in Brazil", "America/Sao_Paulo", []string{"2018-11-03T23:59:59-03:00", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}, []string{"#1 3 ACTIVE"}},
		{"a date that never was", "Pacific/Apia", []string{"2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"}, []string{"#1 2 ACTIVE"}},
		{"the date after it", "Pacific/Apia", []string{"2011-12-29T12:00:00-10:00", "2012-01-01T12:00:00+14:00"}, []string{"#1 1 BROKEN", "#2 1 ACTIVE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(daily())
			w.user("ann", tt.zone)
			for _, at := range tt.at {
				w.act("ann", utc(at).UTC())
			}
			w.now = utc(tt.at[len(tt.at)-1])
			require.Equal(t, tt.want, brief(w.list("ann", streaks.ByIteration)))
		})
	}
}

func TestADateThatNeverWasIsNoFlaw(t *testing.T) {
	t.Parallel()
	rule := daily()
	rule.StartsAt = utc("1990-01-01T00:00:00Z")
	rule.PerfectWeekEnabled, rule.PerfectMonthEnabled, rule.PerfectYearEnabled = true, true, true
	for _, tt := range []struct {
		zone                string
		week, month, absent string
	}{
		{"Pacific/Apia", "2011-W52 6 COMPLETED perfect", "2011-12 30 COMPLETED perfect", "2011-12-30"},
		{"Pacific/Kiritimati", "1994-W52 6 COMPLETED perfect", "1994-12 30 COMPLETED perfect", "1994-12-31"},
	} {
		w := newWorld(t)
		w.publish(rule)
		w.user("ann", tt.zone)
		zone, err := w.zones.Load(tt.zone)
		require.NoError(t, err)
		absent := date(tt.absent)
		require.False(t, absent.Exists(zone))
		first := timeframe.ByMonth.First(absent)
		for d := first; d <= first+40; d++ {
			if d.Exists(zone) {
				w.act("ann", d.Start(zone))
			}
			w.now = d.Start(zone)
			if d == absent-1 && timeframe.ByMonth.Next(d) == absent+1 { // nothing can come in this month
				require.Contains(t, brief(w.list("ann", streaks.ByMonth)), "1994-12 30 ACTIVE perfect")
			}
		}
		w.now = (first + 40).Start(zone)
		require.Contains(t, brief(w.list("ann", streaks.ByWeek)), tt.week)
		require.Contains(t, brief(w.list("ann", streaks.ByMonth)), tt.month)
		require.Len(t, w.list("ann", streaks.ByIteration), 1)
	}
}

func TestMovingNeitherLosesADayNorGrantsTwo(t *testing.T) {
	t.Parallel()
	type place struct{ zone, at string }
	for _, tt := range []struct {
		name   string
		places []place
		want   []string
	}{
		{
			"east, a day later by the clock that was left",
			[]place{{"America/Los_Angeles", "2025-09-01T12:00:00-07:00"}, {"Asia/Tokyo", "2025-09-03T04:00:00+09:00"}},
			[]string{"#1 2 ACTIVE"},
		},
		{
			"east over the whole of a date",
			[]place{{"Pacific/Pago_Pago", "2025-09-02T23:30:00-11:00"}, {"Pacific/Kiritimati", "2025-09-04T00:30:00+14:00"}},
			[]string{"#1 2 ACTIVE"},
		},
		{
			"east, when the day was over there too",
			[]place{{"America/Los_Angeles", "2025-09-01T12:00:00-07:00"}, {"Asia/Tokyo", "2025-09-03T23:00:00+09:00"}},
			[]string{"#1 1 BROKEN", "#2 1 ACTIVE"},
		},
		{
			"west into the same date",
			[]place{{"Asia/Tokyo", "2025-09-02T12:00:00+09:00"}, {"America/Los_Angeles", "2025-09-02T12:00:00-07:00"}},
			[]string{"#1 1 ACTIVE"},
		},
		{
			"west into the date before",
			[]place{{"Asia/Tokyo", "2025-09-02T08:00:00+09:00"}, {"America/Los_Angeles", "2025-09-01T20:00:00-07:00"}, {"America/Los_Angeles", "2025-09-02T20:00:00-07:00"}},
			[]string{"#1 2 ACTIVE"},
		},
		{
			"west and back within a date",
			[]place{
				{"Asia/Tokyo", "2025-09-02T12:00:00+09:00"},
				{"America/Los_Angeles", "2025-09-02T20:00:00-07:00"},
				{"Asia/Tokyo", "2025-09-04T12:00:00+09:00"},
			},
			[]string{"#1 2 ACTIVE"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, early := range []bool{false, true} { // just before the act, or just after the one before
				w := newWorld(t)
				w.publish(daily())
				w.user("ann", tt.places[0].zone)
				for _, p := range tt.places {
					if !early {
						w.now = utc(p.at)
					}
					w.move(p.zone)
					w.now = utc(p.at)
					w.act("ann", w.now.UTC())
				}
				require.Equal(t, tt.want, brief(w.list("ann", streaks.ByIteration)))
			}
		})
	}
}

// Who acts on one date in two zones, whatever these are called, did so first where it was first.
func TestADateInTwoZonesIsOfTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(daily())
	w.user("ann", "Asia/Tokyo")
	first := utc("2025-09-02T12:00:00+09:00").UTC()
	w.now = first
	w.act("ann", w.now)
	w.now = utc("2025-09-02T12:00:00-07:00").UTC()
	w.move("America/Los_Angeles")
	w.act("ann", w.now)
	row := w.list("ann", streaks.ByDay)[0]
	require.Equal(t, "Asia/Tokyo", row.Timezone)
	require.Equal(t, first, row.UpdatedAt)
}

// What follows from an event may be dated before it, as a mission's completion by what was before is. If that is when
// the day before was not over where the user had been, nothing was missed.
func TestAnEarlierMomentClosesTheGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(daily())
	w.user("ann", "Pacific/Pago_Pago")
	w.now = utc("2025-09-01T12:00:00-11:00").UTC()
	w.act("ann", w.now)
	w.now = utc("2025-09-03T18:00:00+09:00").UTC()
	w.move("Asia/Tokyo")
	w.now = utc("2025-09-03T21:00:00+09:00").UTC()
	w.act("ann", w.now)
	require.Equal(t, []string{"#1 1 BROKEN", "#2 1 ACTIVE"}, brief(w.list("ann", streaks.ByIteration)))
	w.act("ann", w.now.Add(-2*time.Hour))
	require.Equal(t, []string{"#1 2 ACTIVE"}, brief(w.list("ann", streaks.ByIteration)))
	standing := w.current("ann", "daily")
	require.Equal(t, 1, standing.IterationID)
	require.Equal(t, 2, standing.Count)
}

// The clock of who moves west shows a date again. A day that comes before the last one is counted where it belongs,
// and what it has cost to go without it is given back.
func TestADayBeforeTheLast(t *testing.T) {
	t.Parallel()
	type place struct{ zone, at string }
	for _, tt := range []struct {
		name   string
		rule   streaks.Rule
		places []place
		told   []string // from the last act
		rows   []string
		kept   int // charges
	}{
		{
			"is that before the first", daily(),
			[]place{{"Asia/Tokyo", "2025-09-02T08:00:00+09:00"}, {"America/Los_Angeles", "2025-09-01T20:00:00-07:00"}},
			[]string{"REGULAR 2025-09-01 #1 2 ACTIVE late"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 1 COMPLETED"},
			0,
		},
		{
			"was counted by another clock, on which nothing was missed after it", daily(),
			[]place{{"Pacific/Kiritimati", "2025-09-01T12:00:00+14:00"}, {"Pacific/Kiritimati", "2025-09-03T00:30:00+14:00"}, {"Pacific/Pago_Pago", "2025-09-01T23:40:00-11:00"}},
			[]string{"REGULAR 2025-09-01 #1 2 ACTIVE late"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-03 1 COMPLETED"},
			0,
		},
		{
			"joins two runs", daily(),
			[]place{{"Asia/Tokyo", "2025-09-01T12:00:00+09:00"}, {"Asia/Tokyo", "2025-09-03T00:30:00+09:00"}, {"America/Los_Angeles", "2025-09-02T20:00:00-07:00"}},
			[]string{"REGULAR 2025-09-02 #1 3 ACTIVE late"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 1 COMPLETED", "2025-09-03 1 COMPLETED"},
			0,
		},
		{
			"was frozen", freezing(daily()),
			[]place{{"Asia/Tokyo", "2025-09-01T12:00:00+09:00"}, {"Asia/Tokyo", "2025-09-03T00:30:00+09:00"}, {"America/Los_Angeles", "2025-09-02T20:00:00-07:00"}},
			[]string{"REGULAR 2025-09-02 #1 3 ACTIVE late thawed"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 1 COMPLETED", "2025-09-03 1 COMPLETED"},
			0,
		},
		{
			"was frozen last", freezing(daily()),
			[]place{{"Asia/Tokyo", "2025-09-01T12:00:00+09:00"}, {"Asia/Tokyo", ""}, {"America/Los_Angeles", "2025-09-02T20:00:00-07:00"}},
			[]string{"REGULAR 2025-09-02 #1 2 ACTIVE late thawed"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 1 COMPLETED"},
			0,
		},
		{
			"is in a week that was frozen", freezing(weekly(streaks.Weeks)),
			[]place{{"Asia/Tokyo", "2025-09-01T12:00:00+09:00"}, {"Asia/Tokyo", "2025-09-15T00:30:00+09:00"}, {"America/Los_Angeles", "2025-09-14T20:00:00-07:00"}},
			[]string{"REGULAR 2025-09-14 #1 3 ACTIVE late thawed"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-14 1 COMPLETED", "2025-09-15 1 COMPLETED"},
			0,
		},
		{
			"leaves what is frozen beside it", freezing(daily()),
			[]place{{"Pacific/Kiritimati", "2025-09-01T12:00:00+14:00"}, {"Pacific/Kiritimati", "2025-09-04T00:30:00+14:00"}, {"Pacific/Pago_Pago", "2025-09-03T00:30:00-11:00"}},
			[]string{"REGULAR 2025-09-03 #1 3 ACTIVE late thawed"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 0 FREEZE COMPLETED", "2025-09-03 1 COMPLETED", "2025-09-04 1 COMPLETED"},
			1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			money := filled(map[string]int64{"ann": 5})
			w := newWorld(t)
			w.wallet = money
			w.publish(tt.rule)
			w.user("ann", tt.places[0].zone)
			for _, p := range tt.places {
				if p.at == "" { // the user does nothing until the clock has been served
					w.now = w.now.Add(36 * time.Hour)
					w.advance(1)
					continue
				}
				w.now = utc(p.at)
				w.move(p.zone)
				w.told = nil
				w.act("ann", w.now.UTC())
			}
			require.Equal(t, tt.told, tell(w.told))
			require.Equal(t, tt.rows, brief(w.list("ann", streaks.ByDay)))
			require.Len(t, money.kept, tt.kept)
			require.EqualValues(t, 5-tt.kept, money.holds["ann"])
		})
	}
}

// A day that was frozen is acted on after all, and the streak breaks later: what is frozen behind the day is given back,
// and the day stays.
func TestADayAmongTheFrozenOnesStays(t *testing.T) {
	t.Parallel()
	money := filled(map[string]int64{"ann": 3})
	w := newWorld(t)
	w.wallet = money
	w.publish(freezing(daily()))
	w.user("ann", "Pacific/Kiritimati")
	w.act("ann", utc("2025-09-01T12:00:00+14:00").UTC())
	w.now = utc("2025-09-04T00:00:00+14:00").UTC()
	w.advance(1)
	w.advance(1)
	require.Len(t, money.kept, 2)
	w.now = utc("2025-09-04T00:30:00+14:00").UTC()
	w.move("Pacific/Pago_Pago")
	w.told = nil
	w.act("ann", w.now)
	require.Equal(t, []string{"REGULAR 2025-09-02 #1 2 ACTIVE late thawed"}, tell(w.told))
	require.Equal(t, []string{"2025-09-03"}, periodsOf(money.kept))
	w.now, w.told = utc("2025-09-20T00:00:00Z"), nil
	w.advance(1)
	w.advance(1)
	require.Equal(t, "MISSED 2025-09-03 #1 2 BROKEN", tell(w.told)[len(w.told)-1])
	require.Empty(t, money.kept)
	require.Equal(t, []string{"2025-09-01 1 COMPLETED", "2025-09-02 1 COMPLETED"}, brief(w.list("ann", streaks.ByDay)))
	require.Equal(t, []string{"#1 2 BROKEN"}, brief(w.list("ann", streaks.ByIteration)))
}

func TestAFixedZoneIsEverybodys(t *testing.T) {
	t.Parallel()
	rule := daily()
	rule.TimezoneType, rule.Timezone = timeframe.Fixed, "Asia/Tokyo"
	w := newWorld(t)
	w.publish(rule)
	w.user("ann", "America/Los_Angeles")
	changes := w.act("ann", utc("2025-09-01T15:00:00Z"))
	require.Equal(t, date("2025-09-02"), changes[0].Day)
	require.Equal(t, "Asia/Tokyo", w.list("ann", streaks.ByDay)[0].Timezone)
}
