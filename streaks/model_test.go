package streaks_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stretchr/testify/require"

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

// bounded returns a rule that freezes, by a policy.
func bounded(t *rapid.T, rule streaks.Rule) streaks.Rule {
	rule = freezing(rule)
	rule.FreezeMaxInARow = rapid.SampledFrom([]int{0, 1, 2, 5}).Draw(t, "in a row")
	rule.FreezeMaxPerMonth = rapid.SampledFrom([]int{0, 1, 3, 8}).Draw(t, "a month")
	rule.FreezeConsent = rapid.SampledFrom([]streaks.Consent{"", streaks.Automatic, streaks.ByUser}).Draw(t, "consent")
	return rule
}

// A word is what a user says about freezes, and when.
type word struct {
	at     time.Time
	agreed bool
}

// words draws what a user says, in its order. Nothing else happens at its moments.
func words() *rapid.Generator[[]word] {
	return rapid.Custom(func(t *rapid.T) (all []word) {
		at := utc("2018-10-10T00:00:45Z")
		for range rapid.IntRange(0, 4).Draw(t, "words") {
			at = at.Add(time.Duration(rapid.IntRange(1, 20*24).Draw(t, "after")) * time.Hour)
			all = append(all, word{at, rapid.Bool().Draw(t, "agrees")})
		}
		return all
	})
}

// say lets ann say what she has to say before a moment, and returns what is left.
func (w *world) say(left []word, until time.Time) []word {
	w.t.Helper()
	for ; len(left) > 0 && left[0].at.Before(until); left = left[1:] {
		w.now = left[0].at
		_, err := w.service.SetFreezeConsent(w.ctx, "ann", "rule", left[0].agreed)
		require.NoError(w.t, err)
	}
	return left
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
		slices.SortFunc(at, time.Time.Compare)
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

// A stay is when and where a user acts.
type stay struct {
	at   time.Time
	zone string
}

// stays draws what a user does who moves about, in its order.
func stays(t *rapid.T) []stay {
	zones := rapid.SampledFrom([]string{"UTC", "America/Sao_Paulo", "Pacific/Kiritimati", "Pacific/Pago_Pago"})
	var all []stay
	for _, at := range moments().Draw(t, "moments") {
		all = append(all, stay{at, zones.Draw(t, "zone")})
	}
	return all
}

// live lets a user act who holds so much, wherever the user is then, and who says some words. serve says how long before
// the next act the clock is served.
func live(t *rapid.T, rule streaks.Rule, holds int64, said []word, all []stay, serve func() (before time.Duration, ok bool)) (*world, *purse) {
	money := filled(map[string]int64{"ann": holds})
	w := newWorld(t)
	w.wallet = money
	w.publish(rule)
	w.user("ann", "UTC")
	for _, s := range all {
		if before, ok := serve(); ok && s.at.Add(-before).After(w.now) {
			said = w.say(said, s.at.Add(-before))
			w.now = s.at.Add(-before)
			w.advance(1)
		}
		said = w.say(said, s.at)
		w.now = s.at
		w.move(s.zone)
		w.act("ann", s.at)
	}
	w.say(said, utc("2018-12-10T00:00:00Z"))
	w.now = utc("2018-12-10T00:00:00Z")
	w.move("UTC")
	w.advance(1)
	return w, money
}

// However often the clock is served, what is left, told, caused and paid is the same; and it equals what is read
// of the days alone.
func TestWhoeverServesTheClock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := plans().Draw(t, "plan")
		if rapid.Bool().Draw(t, "freezes") {
			rule = bounded(t, rule)
		}
		holds, said := int64(rapid.IntRange(0, 30).Draw(t, "holds")), words().Draw(t, "said")
		all := inOrder(stays(t))
		never, paid := live(t, rule, holds, said, all, func() (time.Duration, bool) { return 0, false })
		often, paidOften := live(t, rule, holds, said, all, func() (time.Duration, bool) {
			return time.Duration(rapid.IntRange(0, 100).Draw(t, "hours")) * time.Hour, rapid.Bool().Draw(t, "serve")
		})
		require.Equal(t, never.dump(), often.dump())
		require.Equal(t, never.told, often.told)
		require.Equal(t, never.caused, often.caused)
		require.Equal(t, paid.kept, paidOften.kept)
		require.Equal(t, paid.holds, paidOften.holds)

		standing, rows := never.current("ann", "rule"), never.list("ann", streaks.ByIteration)
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

func inOrder(all []stay) []stay {
	slices.SortStableFunc(all, func(a, b stay) int { return a.at.Compare(b.at) })
	return all
}

// Each event is caused once, and says what it is about.
func TestNothingIsToldTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, _ := live(t, plans().Draw(t, "plan"), 0, nil, inOrder(stays(t)), func() (time.Duration, bool) { return 0, false })
		ids := map[string]bool{}
		for _, e := range w.caused {
			require.False(t, ids[e.ID], e.ID)
			ids[e.ID] = true
		}
	})
}

// What a user has paid for in the end is just what is frozen.
func TestEachFrozenPeriodIsPaidAndNoOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		holds := int64(rapid.IntRange(0, 30).Draw(t, "holds"))
		rule, said := bounded(t, plans().Draw(t, "plan")), words().Draw(t, "said")
		w, money := live(t, rule, holds, said, inOrder(stays(t)), func() (time.Duration, bool) { return 0, false })
		var frozen, paid []string
		for _, kind := range []streaks.PeriodType{streaks.ByDay, streaks.ByWeek} {
			for _, row := range w.list("ann", kind) {
				if row.Kind == streaks.Freeze {
					frozen = append(frozen, "freeze:rule:ann:"+row.ID[len("rule:ann:")+len(kind)+1:][:10])
				}
			}
		}
		paid = idsOf(money.kept)
		slices.Sort(paid)
		require.Equal(t, slices.Compact(slices.Sorted(slices.Values(frozen))), paid)
		require.Equal(t, holds, money.holds["ann"]+int64(len(paid)))
	})
}

// A leave is when a user is suspended, and when no longer.
type leave struct{ from, until time.Time }

func (l leave) holds(at time.Time) bool { return !at.Before(l.from) && at.Before(l.until) }

// leaves draws suspensions in their order. None begins or ends at the moment of something else.
func leaves() *rapid.Generator[[]leave] {
	return rapid.Custom(func(t *rapid.T) (all []leave) {
		at := utc("2018-10-10T00:00:30Z")
		for range rapid.IntRange(0, 3).Draw(t, "leaves") {
			at = at.Add(time.Duration(rapid.IntRange(1, 20*24).Draw(t, "after")) * time.Hour)
			l := leave{from: at, until: at.Add(time.Duration(rapid.IntRange(1, 6*24).Draw(t, "for")) * time.Hour)}
			all, at = append(all, l), l.until
		}
		return all
	})
}

// saved returns the periods that a user who acts on days has paid for in the end: all of a gap, if the user can pay for
// all, takes part and has agreed whenever one of them is over, and the rule lets so many be frozen in a row and of a month;
// otherwise none of it.
func (m *model) saved(holds int, away []leave, said []word) (frozen []timeframe.Day) {
	agreed := func(over time.Time) bool {
		yes := m.rule.FreezeConsent != streaks.ByUser
		for _, w := range said {
			if w.at.Before(over) {
				yes = w.agreed
			}
		}
		return yes
	}
	full := func(month string, frozen []timeframe.Day) bool {
		n := 0
		for _, d := range frozen {
			if d.String()[:len("2018-11")] == month {
				n++
			}
		}
		return m.rule.FreezeMaxPerMonth > 0 && n > m.rule.FreezeMaxPerMonth
	}
	length, first := timeframe.Day(1), func(d timeframe.Day) timeframe.Day { return d }
	if m.rule.Cadence == streaks.Weekly {
		length, first = 7, timeframe.Day.Week
	}
	for i, d := range m.active {
		next := m.today
		if i+1 < len(m.active) {
			next = m.active[i+1]
		}
		var gap []timeframe.Day
		lost := false
		for missed := first(d) + length; missed < first(next); missed += length {
			gap = append(gap, missed)
			lost = lost || !agreed((missed + length).Start(time.UTC)) || full(missed.String()[:len("2018-11")], slices.Concat(frozen, gap)) ||
				m.rule.FreezeMaxInARow > 0 && len(gap) > m.rule.FreezeMaxInARow || slices.ContainsFunc(away, func(l leave) bool { return l.holds((missed + length).Start(time.UTC)) })
		}
		if !lost && len(frozen)+len(gap) <= holds {
			frozen = append(frozen, gap...)
		}
	}
	return frozen
}

// Nobody pays for a gap that is not saved: who cannot pay for all of it, who is suspended or disagrees meanwhile, and whose rule
// does not freeze so much, has paid for nothing of it in the end, and saves the next one that can be.
func TestAGapIsPaidForIfItIsSaved(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := model{rule: bounded(t, plans().Draw(t, "plan"))}
		holds, away := rapid.IntRange(0, 30).Draw(t, "holds"), leaves().Draw(t, "leaves")
		said := slices.DeleteFunc(words().Draw(t, "said"), func(w word) bool { // who is away says nothing
			return slices.ContainsFunc(away, func(l leave) bool { return l.holds(w.at) })
		})
		money := filled(map[string]int64{"ann": int64(holds)})
		w := newWorld(t)
		w.wallet = money
		w.publish(m.rule)
		w.user("ann", "UTC")
		at := moments().Draw(t, "moments")
		slices.SortFunc(at, time.Time.Compare)
		left, unsaid := away, said
		until := func(at time.Time) {
			for ; len(left) > 0 && left[0].from.Before(at); left = left[1:] {
				unsaid = w.say(unsaid, left[0].from)
				w.suspend(left[0])
			}
			unsaid = w.say(unsaid, at)
			w.now = at
		}
		for _, at := range at {
			if !slices.ContainsFunc(away, func(l leave) bool { return l.holds(at) }) {
				until(at)
				w.act("ann", at)
				m.active = append(m.active, timeframe.DayOf(at, time.UTC))
			}
		}
		if m.active = slices.Compact(m.active); len(m.active) == 0 {
			return
		}
		until(at[len(at)-1].Add(time.Duration(rapid.IntRange(0, 15*24).Draw(t, "later")) * time.Hour).Add(time.Second))
		w.advance(1)
		m.today = timeframe.DayOf(w.now, time.UTC)
		var want []string
		for _, d := range m.saved(holds, away, said) {
			want = append(want, "freeze:rule:ann:"+d.String())
		}
		require.Equal(t, want, idsOf(money.kept))
		require.Equal(t, int64(holds-len(want)), money.holds["ann"])
	})
}

// suspend suspends ann for a while.
func (w *world) suspend(l leave) {
	w.t.Helper()
	w.now = l.from
	_, err := w.users.Suspend(w.ctx, "ann")
	require.NoError(w.t, err)
	w.now = l.until
	_, err = w.users.Resume(w.ctx, "ann")
	require.NoError(w.t, err)
}
