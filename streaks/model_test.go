package streaks_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A model is what a streak is, said as plainly as possible: from the set of active dates alone.
type model struct {
	rule   streaks.Rule
	active []timeframe.Day // in order, without repetition
	today  timeframe.Day
}

// rows returns the ITERATION and GOAL rows in short.
func (m *model) rows() (iterations, goals []string) {
	period := func(d timeframe.Day) int {
		if m.rule.Cadence == streaks.Weekly {
			return int(d.Week()) / 7
		}
		return int(d)
	}
	counted := func(i int) bool {
		return m.rule.Metric == streaks.Days || i == 0 || m.active[i].Week() != m.active[i-1].Week()
	}
	var counts []int
	var cycles [][]int // of each run
	for i, d := range m.active {
		if i == 0 || period(d)-period(m.active[i-1]) > 1 {
			counts, cycles = append(counts, 0), append(cycles, nil)
		}
		if !counted(i) {
			continue
		}
		last := len(counts) - 1
		counts[last]++
		if c := cycles[last]; len(c) == 0 || c[len(c)-1] == slices.Max(m.rule.GoalTargets) {
			cycles[last] = append(c, 0)
		}
		cycles[last][len(cycles[last])-1]++
	}
	cycle := 0
	for i, n := range counts {
		status := "BROKEN"
		if i == len(counts)-1 && period(m.today)-period(m.active[len(m.active)-1]) <= 1 {
			status = "ACTIVE"
		}
		iterations = append(iterations, fmt.Sprintf("#%d %d %s", i+1, n, status))
		for _, reached := range cycles[i] {
			cycle++
			for _, target := range slices.Sorted(slices.Values(m.rule.GoalTargets)) {
				s := status
				if reached >= target {
					s = "COMPLETED"
				}
				goals = append(goals, fmt.Sprintf("%d/%d %d %s", cycle, target, min(reached, target), s))
			}
		}
	}
	return iterations, goals
}

// plans are the rules of the properties.
func plans() *rapid.Generator[streaks.Rule] {
	return rapid.Custom(func(t *rapid.T) streaks.Rule {
		rule := rapid.SampledFrom([]streaks.Rule{daily(), weekly(streaks.Days), weekly(streaks.Weeks)}).Draw(t, "rule")
		rule.ID = "rule"
		rule.GoalTargets = rapid.SliceOfNDistinct(rapid.IntRange(1, 6), 1, 3, rapid.ID[int]).Draw(t, "targets")
		return rule
	})
}

// moments draws moments of a season that holds changes of the clock, the denser the more.
func moments() *rapid.Generator[[]time.Time] {
	start := utc("2018-10-15T00:00:00Z")
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Time {
		return start.Add(time.Duration(rapid.IntRange(0, 50*24*60).Draw(t, "minute")) * time.Minute)
	}), 1, 40)
}

func TestAStreakIsWhatItsDaysMakeIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "America/Sao_Paulo", "Pacific/Kiritimati", "America/New_York"}).Draw(t, "zone")
		clock, err := time.LoadLocation(zone)
		require.NoError(t, err)
		m := model{rule: plans().Draw(t, "plan")}
		at := moments().Draw(t, "moments")
		w := newWorld(t)
		w.publish(m.rule)
		w.user("ann", zone)
		w.act("ann", at...)
		for _, at := range at {
			m.active = append(m.active, timeframe.DayOf(at, clock))
		}
		slices.Sort(m.active)
		m.active = slices.Compact(m.active)
		last := m.active[len(m.active)-1]
		m.today = last + timeframe.Day(rapid.IntRange(0, 15).Draw(t, "later"))
		w.now = (m.today + 1).Start(clock).Add(-time.Microsecond)
		iterations, goals := m.rows()
		require.Equal(t, iterations, brief(w.list("ann", streaks.ByIteration)))
		require.Equal(t, goals, brief(w.list("ann", streaks.ByGoal)))
		var days []timeframe.Day
		for _, row := range w.list("ann", streaks.ByDay) {
			days = append(days, date(row.PeriodID))
		}
		require.Equal(t, m.active, days)
	})
}

// What is left is the same in whatever order the events arrive, and equals what is read of the days
// alone.
func TestAnyOrderOfArrival(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := plans().Draw(t, "plan")
		pays := rapid.Bool().Draw(t, "pays")
		zones := rapid.SampledFrom([]string{"UTC", "America/Sao_Paulo", "Pacific/Kiritimati"})
		if pays { // what was paid before it was known that the user had moved is not undone
			rule, zones = freezing(rule), rapid.Just("America/Sao_Paulo")
		}
		type act struct {
			at   time.Time
			zone string
		}
		acts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
			at := moments().Draw(t, "moments")[0]
			return act{at, zones.Draw(t, "zone")}
		}), 1, 25).Draw(t, "acts")
		end := utc("2018-12-10T00:00:00Z")
		live := func(acts []act, serve func(i int) bool) ([]string, streaks.Standing, []streaks.Streak) {
			w := newWorld(t)
			if pays {
				w.wallet = filled(map[string]int64{"ann": 1_000_000})
			}
			w.publish(rule)
			w.user("ann", "UTC")
			for i, a := range acts {
				w.move("ann", a.zone)
				w.act("ann", a.at)
				if serve(i) {
					w.now = a.at.Add(100 * time.Hour)
					w.advance(1)
				}
			}
			w.move("ann", "UTC")
			w.now = end
			w.advance(1)
			return w.dump(), w.current("ann", "rule"), w.list("ann", streaks.ByIteration)
		}
		inOrder := slices.Clone(acts)
		slices.SortStableFunc(inOrder, func(a, b act) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.zone, b.zone)) })
		want, standing, rows := live(inOrder, func(int) bool { return false })
		got, _, _ := live(rapid.Permutation(acts).Draw(t, "order"), func(int) bool { return pays && rapid.Bool().Draw(t, "serve") })
		require.Equal(t, want, got)

		last := rows[len(rows)-1]
		require.Equal(t, standing.Status, last.Status)
		require.Equal(t, standing.IterationID, last.IterationID)
		require.Equal(t, standing.LastContributingDay, last.LastContributingDay)
		if standing.Status == streaks.Active {
			require.Equal(t, standing.Count, last.Count)
		}
		longest := slices.MaxFunc(rows, func(a, b streaks.Streak) int { return cmp.Compare(a.Count, b.Count) })
		require.Equal(t, standing.Longest, longest.Count)
	})
}

// Events that turn out to have happened at other times leave what they would have left at once, and
// nothing is told twice.
func TestMovedEventsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := plans().Draw(t, "plan")
		type act struct {
			mission int // 0: an activity, which does not move
			at      time.Time
		}
		acts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
			return act{rapid.IntRange(0, 8).Draw(t, "mission"), moments().Draw(t, "moments")[0]}
		}), 1, 40).Draw(t, "acts")
		live := func(acts []act) [][]string {
			w := newWorld(t)
			w.countTagged()
			w.publish(rule)
			w.user("ann", "")
			place := map[int]time.Time{}
			for i, a := range acts {
				e := event.Event{ID: fmt.Sprintf("activity-%d", i), Type: event.Activity, UserID: "ann", At: a.at, EntityTags: []string{"counts"}}
				if a.mission > 0 {
					e.ID, e.Type = fmt.Sprintf("mission-%d", a.mission), event.Mission
					e.MovedFrom = place[a.mission]
					place[a.mission] = a.at
				}
				w.record(e)
			}
			ids := map[string]bool{}
			for _, e := range w.caused {
				require.False(t, ids[e.ID], e.ID)
				ids[e.ID] = true
			}
			w.now = utc("2018-11-20T00:00:00Z")
			var rows [][]string
			for _, kind := range []streaks.PeriodType{streaks.ByDay, streaks.ByWeek, streaks.ByIteration, streaks.ByGoal} {
				rows = append(rows, brief(w.list("ann", kind)))
			}
			return rows
		}
		final := map[int]time.Time{}
		for _, a := range acts {
			final[a.mission] = a.at
		}
		var settled []act
		for _, a := range acts {
			if a.mission == 0 || final[a.mission].Equal(a.at) {
				settled = append(settled, a)
			}
		}
		require.Equal(t, live(settled), live(acts))
	})
}

// Each frozen period was charged for once, and no other.
func TestEachFrozenPeriodWasPaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := freezing(plans().Draw(t, "plan"))
		money := filled(map[string]int64{"ann": int64(rapid.IntRange(0, 12).Draw(t, "holds"))})
		w := newWorld(t)
		w.wallet = money
		w.publish(rule)
		w.user("ann", "")
		for i, at := range moments().Draw(t, "moments") {
			if rapid.Bool().Draw(t, "serve") {
				w.now = at
				w.advance(1)
				w.advance(1)
			}
			if i%5 == 4 {
				money.holds["ann"]++
			}
			w.act("ann", at)
		}
		paid := map[string]bool{}
		for _, id := range money.ids() {
			require.False(t, paid[id], id)
			paid[id] = true
		}
		for _, kind := range []streaks.PeriodType{streaks.ByDay, streaks.ByWeek} {
			for _, row := range w.list("ann", kind) {
				if row.Kind == streaks.Freeze {
					require.True(t, paid["freeze:rule:ann:"+row.ID[len("rule:ann:")+len(kind)+1:][:10]], row.ID)
				}
			}
		}
	})
}
