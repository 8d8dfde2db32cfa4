package streaks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

// noons returns noon in UTC of each date.
func noons(dates ...string) []time.Time {
	var all []time.Time
	for _, d := range dates {
		all = append(all, utc(d+"T12:00:00Z"))
	}
	return all
}

func TestDaysInARow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		days       []string
		now        string
		iterations []string
		standing   streaks.Standing
	}{
		{
			"one day",
			[]string{"2025-09-02"},
			"2025-09-02T23:00:00Z",
			[]string{"#1 1 ACTIVE"},
			streaks.Standing{Status: streaks.Active, Count: 1, Longest: 1, IterationID: 1, LastContributingDay: new(date("2025-09-02"))},
		},
		{
			"a day counts once",
			[]string{"2025-09-02", "2025-09-02", "2025-09-03"},
			"2025-09-03T13:00:00Z",
			[]string{"#1 2 ACTIVE"},
			streaks.Standing{Status: streaks.Active, Count: 2, Longest: 2, IterationID: 1, LastContributingDay: new(date("2025-09-03"))},
		},
		{
			"today is not over",
			[]string{"2025-09-02", "2025-09-03"},
			"2025-09-04T23:59:59Z",
			[]string{"#1 2 ACTIVE"},
			streaks.Standing{Status: streaks.Active, Count: 2, Longest: 2, IterationID: 1, LastContributingDay: new(date("2025-09-03"))},
		},
		{
			"the clock breaks it",
			[]string{"2025-09-02", "2025-09-03"},
			"2025-09-05T00:00:00Z",
			[]string{"#1 2 BROKEN"},
			streaks.Standing{Status: streaks.Broken, Longest: 2, IterationID: 1, LastContributingDay: new(date("2025-09-03"))},
		},
		{
			"the next action begins again",
			[]string{"2025-09-01", "2025-09-02", "2025-09-03", "2025-09-05"},
			"2025-09-05T13:00:00Z",
			[]string{"#1 3 BROKEN", "#2 1 ACTIVE"},
			streaks.Standing{Status: streaks.Active, Count: 1, Longest: 3, IterationID: 2, LastContributingDay: new(date("2025-09-05"))},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(daily())
			w.user("ann", "")
			w.act("ann", noons(tt.days...)...)
			w.now = utc(tt.now)
			require.Equal(t, tt.iterations, brief(w.list("ann", streaks.ByIteration)))
			tt.standing.RuleID = "daily"
			require.Equal(t, tt.standing, w.current("ann", "daily"))
		})
	}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	rule := daily()
	rule.PerfectWeekEnabled, rule.PerfectMonthEnabled, rule.PerfectYearEnabled = true, true, true
	w := newWorld(t)
	w.publish(rule)
	w.user("ann", "")
	for d := date("2024-12-30"); d <= date("2025-02-02"); d++ {
		if d != date("2025-01-29") {
			w.act("ann", d.Start(time.UTC))
		}
	}
	w.now = utc("2025-02-02T12:00:00Z")
	require.Len(t, w.list("ann", streaks.ByDay), 34)
	require.Equal(t, []string{
		"2025-W01 7 COMPLETED perfect", "2025-W02 7 COMPLETED perfect", "2025-W03 7 COMPLETED perfect",
		"2025-W04 7 COMPLETED perfect", "2025-W05 6 ACTIVE",
	}, brief(w.list("ann", streaks.ByWeek)))
	require.Equal(t, []string{"2024-12 2 COMPLETED", "2025-01 30 COMPLETED", "2025-02 2 ACTIVE"}, brief(w.list("ann", streaks.ByMonth)))
	require.Equal(t, []string{"2024 2 COMPLETED", "2025 32 ACTIVE"}, brief(w.list("ann", streaks.ByYear)))

	w = newWorld(t) // and no day is missed
	w.publish(rule)
	w.user("ann", "")
	for d := date("2024-12-30"); d <= date("2025-02-02"); d++ {
		w.act("ann", d.Start(time.UTC))
	}
	w.now = utc("2025-02-02T12:00:00Z")
	require.Equal(t, []string{"2024-12 2 COMPLETED", "2025-01 31 COMPLETED perfect", "2025-02 2 ACTIVE"}, brief(w.list("ann", streaks.ByMonth)))
	row := w.list("ann", streaks.ByMonth)[1]
	require.Equal(t, date("2025-01-31"), *row.LastContributingDay)
	require.Equal(t, utc("2025-01-01T00:00:00Z"), row.CreatedAt)
	require.Equal(t, utc("2025-01-31T00:00:00Z"), row.UpdatedAt)
	require.Equal(t, "UTC", row.Timezone)
	require.Equal(t, streaks.Days, row.Metric)
	require.Equal(t, "Reading", row.Configuration.Name)
}

func TestWeeks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		metric    streaks.Metric
		iteration string
		goals     []string
	}{
		{streaks.Days, "#1 4 ACTIVE", []string{"1/2 2 COMPLETED", "1/3 3 COMPLETED", "2/2 1 ACTIVE", "2/3 1 ACTIVE"}},
		{streaks.Weeks, "#1 3 ACTIVE", []string{"1/2 2 COMPLETED", "1/3 3 COMPLETED"}},
	} {
		t.Run(string(tt.metric), func(t *testing.T) {
			t.Parallel()
			rule := weekly(tt.metric)
			rule.GoalTargets = []int{2, 3}
			rule.PerfectWeekEnabled, rule.PerfectMonthEnabled = true, true
			w := newWorld(t)
			w.publish(rule)
			w.user("ann", "")
			w.act("ann", noons("2025-09-01", "2025-09-14", "2025-09-15", "2025-09-18")...)
			w.now = utc("2025-09-28T23:00:00Z")
			require.Equal(t, []string{tt.iteration}, brief(w.list("ann", streaks.ByIteration)))
			require.Equal(t, tt.goals, brief(w.list("ann", streaks.ByGoal)))
			require.Equal(t, []string{"2025-W36 1 COMPLETED perfect", "2025-W37 1 COMPLETED perfect", "2025-W38 1 COMPLETED perfect"}, brief(w.list("ann", streaks.ByWeek)))
			require.Equal(t, []string{"2025-09 3 ACTIVE"}, brief(w.list("ann", streaks.ByMonth)))
			require.Len(t, w.list("ann", streaks.ByDay), 4)

			w.act("ann", noons("2025-09-22", "2025-10-05")...)
			w.now = utc("2025-10-06T00:00:00Z")
			require.Equal(t, []string{"2025-09 4 COMPLETED perfect", "2025-10 1 ACTIVE"}, brief(w.list("ann", streaks.ByMonth)))
			w.now = utc("2025-10-13T00:00:00Z")
			require.Equal(t, streaks.Broken, w.current("ann", "weekly").Status)
		})
	}
}

func TestGoals(t *testing.T) {
	t.Parallel()
	rule := daily()
	rule.GoalTargets = []int{3, 2}
	w := newWorld(t)
	w.publish(rule)
	w.user("ann", "")
	changes := w.act("ann", noons("2025-09-01", "2025-09-02", "2025-09-03", "2025-09-04", "2025-09-06")...)
	require.Equal(t, []streaks.Goal{{GoalID: 1, Target: 2}}, changes[1].Goals)
	require.Equal(t, []streaks.Goal{{GoalID: 1, Target: 3}}, changes[2].Goals)
	w.now = utc("2025-09-06T13:00:00Z")
	require.Equal(t, []string{
		"1/2 2 COMPLETED", "1/3 3 COMPLETED", // all targets, so the next action begins the next cycle
		"2/2 1 BROKEN", "2/3 1 BROKEN", // by the break
		"3/2 1 ACTIVE", "3/3 1 ACTIVE",
	}, brief(w.list("ann", streaks.ByGoal)))

	var ids []string
	for _, e := range w.caused {
		ids = append(ids, e.ID)
	}
	require.Equal(t, []string{
		"streak:daily:ann:2025-09-01", "streak:daily:ann:goal:2:1", "streak:daily:ann:2025-09-02", "streak:daily:ann:goal:3:1",
		"streak:daily:ann:2025-09-03", "streak:daily:ann:2025-09-04", "streak:daily:ann:broken:2025-09-05", "streak:daily:ann:2025-09-06",
	}, ids)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	rule := daily()
	rule.GoalTargets = []int{2}
	w := newWorld(t)
	w.publish(rule)
	w.user("ann", "")
	w.act("ann", noons("2025-09-01", "2025-09-02")...)
	require.Len(t, w.caused, 3)
	goal, grown := w.caused[1], w.caused[2]
	require.Equal(t, event.Streak, grown.Type)
	require.Equal(t, "reading", grown.EntityID)
	require.Equal(t, "ann", grown.UserID)
	require.Equal(t, utc("2025-09-02T12:00:00Z"), grown.At)
	require.Equal(t, "2", grown.Value.String())
	require.Equal(t, map[string]any{
		"streakRuleId": "daily", "streakConfigurationId": "reading", "periodId": "2025-09-02",
		"iterationId": 1.0, "count": 2.0, "status": "ACTIVE",
	}, grown.Fields)
	require.Equal(t, map[string]any{
		"streakRuleId": "daily", "streakConfigurationId": "reading",
		"goalId": 1.0, "target": 2.0, "count": 2.0, "status": "COMPLETED",
	}, goal.Fields)
	require.Equal(t, utc("2025-09-02T12:00:00Z"), goal.At)
}

func TestChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(daily())
	w.user("ann", "")
	changes := w.act("ann", noons("2025-09-01", "2025-09-01")...)
	require.Equal(t, []streaks.Change{{
		RuleID: "daily", RuleVersion: 1, ConfigurationID: "reading", ConfigurationVersion: 1, UserID: "ann",
		Day: date("2025-09-01"), Kind: streaks.Regular, IterationID: 1, Count: 1, Status: streaks.Active,
	}}, changes)
}

func TestWhatCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := configuration()
	c.MatchCondition = []byte(`{">": [{"var": "event.value"}, 5]}`)
	_, err := w.service.Configurations.Create(w.ctx, c)
	require.NoError(t, err)
	_, err = w.service.Configurations.Publish(w.ctx, c.ID)
	require.NoError(t, err)
	rule := daily()
	rule.UsersMatchCondition = []byte(`{"==": [{"var": "user.userId"}, "ann"]}`)
	rule.Type, rule.StartsAt, rule.EndsAt = timeframe.Range, utc("2025-09-01T00:00:00Z"), new(utc("2025-09-03T00:00:00Z"))
	w.publish(rule)
	w.user("ann", "")
	w.user("bob", "")
	for _, tt := range []struct {
		name   string
		user   string
		value  int64
		typ    event.Type
		at     string
		counts bool
	}{
		{"too early", "ann", 6, event.Activity, "2025-08-31T23:59:59Z", false},
		{"matches", "ann", 6, event.Activity, "2025-09-01T00:00:00Z", true},
		{"condition", "ann", 5, event.Activity, "2025-09-02T00:00:00Z", false},
		{"user", "bob", 6, event.Activity, "2025-09-02T00:00:00Z", false},
		{"entity", "ann", 6, event.Quiz, "2025-09-02T00:00:00Z", false},
		{"just in time", "ann", 6, event.Activity, "2025-09-02T23:59:59Z", true},
		{"too late", "ann", 6, event.Activity, "2025-09-03T00:00:00Z", false},
	} {
		changes := w.record(event.Event{ID: w.id(), Type: tt.typ, EntityID: "read", UserID: tt.user, At: utc(tt.at), Value: amount(tt.value)})
		require.Equal(t, tt.counts, len(changes) > 0, tt.name)
	}
	w.now = utc("2025-09-20T00:00:00Z")
	require.Equal(t, []string{"#1 2 ENDED"}, brief(w.list("ann", streaks.ByIteration)))
	require.Equal(t, []string{"2025-09 2 ENDED"}, brief(w.list("ann", streaks.ByMonth)))
	require.Equal(t, 2, w.current("ann", "daily").Count)
}

func TestAStreakBrokenBeforeItsRuleEndedIsBroken(t *testing.T) {
	t.Parallel()
	rule := daily()
	rule.Type, rule.EndsAt = timeframe.Range, new(utc("2025-09-05T12:00:00Z"))
	w := newWorld(t)
	w.publish(rule)
	w.user("ann", "")
	w.user("bob", "")
	w.act("ann", noons("2025-09-03")...)
	w.act("bob", noons("2025-09-04")...) // the 5th was cut short by the end
	w.now = utc("2025-10-01T00:00:00Z")
	require.Equal(t, streaks.Broken, w.current("ann", "daily").Status)
	require.Equal(t, streaks.Ended, w.current("bob", "daily").Status)
}

func TestAnArchivedRuleEnds(t *testing.T) {
	t.Parallel()
	rule := daily()
	rule.GoalTargets = []int{7}
	w := newWorld(t)
	w.publish(rule)
	w.user("ann", "")
	w.act("ann", noons("2025-09-01", "2025-09-02")...)
	_, err := w.service.Rules.Archive(w.ctx, "daily")
	require.NoError(t, err)
	w.now = utc("2025-09-20T00:00:00Z")
	require.Empty(t, w.act("ann", noons("2025-09-03")...))
	require.Equal(t, []string{"#1 2 ENDED"}, brief(w.list("ann", streaks.ByIteration)))
	require.Equal(t, []string{"1/7 2 ENDED"}, brief(w.list("ann", streaks.ByGoal)))
	require.Equal(t, []string{"2025-W36 2 ENDED"}, brief(w.list("ann", streaks.ByWeek)))
	require.Equal(t, streaks.Ended, w.current("ann", "daily").Status)
	require.Nil(t, w.list("ann", streaks.ByIteration)[0].Configuration)
}

func TestARunKeepsItsTerms(t *testing.T) {
	t.Parallel()
	rule := daily()
	rule.GoalTargets = []int{2}
	w := newWorld(t)
	w.publish(rule)
	w.user("ann", "")
	w.act("ann", noons("2025-09-01")...)
	rule.GoalTargets = []int{2, 4}
	w.publish(rule)
	w.act("ann", noons("2025-09-02", "2025-09-03", "2025-09-05")...)
	w.now = utc("2025-09-05T13:00:00Z")
	require.Equal(t, []string{"1/2 2 COMPLETED", "2/2 1 BROKEN", "3/2 1 ACTIVE", "3/4 1 ACTIVE"}, brief(w.list("ann", streaks.ByGoal)))
	rule.Cadence, rule.Metric = streaks.Weekly, streaks.Weeks
	w.publish(rule)
	w.act("ann", noons("2025-09-08", "2025-09-15")...)
	w.now = utc("2025-09-15T13:00:00Z")
	require.Equal(t, []string{"#1 3 BROKEN", "#2 1 BROKEN", "#3 2 ACTIVE"}, brief(w.list("ann", streaks.ByIteration)))
	require.Equal(t, []string{"2025-09 4 ACTIVE", "2025-09 2 ACTIVE"}, brief(w.list("ann", streaks.ByMonth)))
}

func TestZeroCounters(t *testing.T) {
	t.Parallel()
	other := weekly(streaks.Weeks)
	other.GoalTargets = []int{2, 4}
	hidden := daily()
	hidden.ID, hidden.UsersMatchCondition = "hidden", []byte(`{"==": [{"var": "user.userId"}, "bob"]}`)
	future := daily()
	future.ID, future.StartsAt = "future", utc("2030-01-01T00:00:00Z")
	w := newWorld(t)
	w.publish(daily())
	w.user("ann", "")
	w.act("ann", noons("2025-09-01", "2025-09-02", "2025-09-03")...)
	w.publish(other, hidden, future)
	w.now = utc("2025-09-03T13:00:00Z")

	days := streaks.Query{PeriodType: streaks.ByDay}
	rows, next, err := w.service.Streaks(w.ctx, "ann", days, store.Page{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, []string{"2025-09-03 1 COMPLETED", "2025-09-02 1 COMPLETED"}, brief(rows))
	rows, next, err = w.service.Streaks(w.ctx, "ann", days, store.Page{Limit: 2, Token: next})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Equal(t, []string{"2025-09-01 1 COMPLETED", "2025-09-03 0 ACTIVE"}, brief(rows))
	require.Equal(t, "weekly", rows[1].RuleID)
	require.Zero(t, rows[1].CreatedAt)
	require.Equal(t, []string{"1/2 0 ACTIVE", "1/4 0 ACTIVE"}, brief(w.list("ann", streaks.ByGoal)))
	require.Equal(t, []string{"#1 3 ACTIVE", "#1 0 ACTIVE"}, brief(w.list("ann", streaks.ByIteration)))
	require.Equal(t, streaks.Standing{RuleID: "weekly", Status: streaks.Active}, w.current("ann", "weekly"))
}

func TestQuery(t *testing.T) {
	t.Parallel()
	rule := daily()
	rule.GoalTargets = []int{1, 2}
	w := newWorld(t)
	w.publish(rule)
	w.user("ann", "")
	for d := date("2025-08-01"); d <= date("2025-10-10"); d++ {
		if d.Weekday() != time.Wednesday {
			w.act("ann", d.Start(time.UTC))
		}
	}
	w.now = utc("2025-10-11T00:00:00Z")
	for _, tt := range []struct {
		name string
		q    streaks.Query
		want int
	}{
		{"days from", streaks.Query{PeriodType: streaks.ByDay, From: date("2025-10-09")}, 2},
		{"days to", streaks.Query{PeriodType: streaks.ByDay, To: date("2025-08-03")}, 3},
		{"months", streaks.Query{PeriodType: streaks.ByMonth, From: date("2025-08-31"), To: date("2025-09-01")}, 2},
		{"weeks", streaks.Query{PeriodType: streaks.ByWeek, From: date("2025-09-07"), To: date("2025-09-08")}, 2},
		{"iteration", streaks.Query{PeriodType: streaks.ByIteration, IterationID: 3}, 1},
		{"goal", streaks.Query{PeriodType: streaks.ByGoal, GoalID: 3}, 2},
		{"target", streaks.Query{PeriodType: streaks.ByGoal, GoalID: 3, Target: 2}, 1},
		{"rule", streaks.Query{PeriodType: streaks.ByYear, RuleID: "daily"}, 1},
		{"another rule", streaks.Query{PeriodType: streaks.ByYear, RuleID: "none"}, 0},
	} {
		rows, _, err := w.service.Streaks(w.ctx, "ann", tt.q, store.Page{})
		require.NoError(t, err, tt.name)
		require.Len(t, rows, tt.want, tt.name)
	}
	_, next, err := w.service.Streaks(w.ctx, "ann", streaks.Query{PeriodType: streaks.ByDay}, store.Page{})
	require.NoError(t, err)
	for _, tt := range []struct {
		field string
		q     streaks.Query
		page  store.Page
	}{
		{"periodType", streaks.Query{}, store.Page{}},
		{"periodType", streaks.Query{PeriodType: "HOUR"}, store.Page{}},
		{"from", streaks.Query{PeriodType: streaks.ByGoal, From: 1}, store.Page{}},
		{"to", streaks.Query{PeriodType: streaks.ByIteration, To: 1}, store.Page{}},
		{"iterationId", streaks.Query{PeriodType: streaks.ByDay, IterationID: 1}, store.Page{}},
		{"goalId", streaks.Query{PeriodType: streaks.ByDay, GoalID: 1}, store.Page{}},
		{"target", streaks.Query{PeriodType: streaks.ByGoal, Target: 1}, store.Page{}},
		{"limit", streaks.Query{PeriodType: streaks.ByDay}, store.Page{Limit: 101}},
		{"nextToken", streaks.Query{PeriodType: streaks.ByDay}, store.Page{Token: "?"}},
		{"nextToken", streaks.Query{PeriodType: streaks.ByWeek}, store.Page{Token: next}},
	} {
		_, _, err := w.service.Streaks(w.ctx, "ann", tt.q, tt.page)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, tt.field+": ")
	}
	_, _, err = w.service.Streaks(w.ctx, "zoe", streaks.Query{PeriodType: streaks.ByDay}, store.Page{})
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.service.Current(w.ctx, "ann", "none")
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = streaks.Service{}.Current(w.ctx, "ann", "daily")
	require.ErrorIs(t, err, fault.ErrInvalid)
}
