package streaks_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

func TestFreeze(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		holds      int64
		acts       []string
		advance    []string // moments at which the clock is served before the last act
		now        string
		paid, kept []string // the periods that were paid for, and those of them for which nothing was given back
		days       []string
		iterations []string
	}{
		{
			"one day", 5,
			[]string{"2025-09-01", "2025-09-03"},
			[]string{"2025-09-02T23:59:59Z", "2025-09-03T00:00:00Z", "2025-09-03T00:00:00Z"},
			"2025-09-03T13:00:00Z",
			[]string{"2025-09-02"},
			[]string{"2025-09-02"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 0 FREEZE COMPLETED", "2025-09-03 1 COMPLETED"},
			[]string{"#1 2 ACTIVE"},
		},
		{
			"nobody served the clock", 5,
			[]string{"2025-09-01", "2025-09-04"},
			nil, "2025-09-04T13:00:00Z",
			[]string{"2025-09-02", "2025-09-03"},
			[]string{"2025-09-02", "2025-09-03"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 0 FREEZE COMPLETED", "2025-09-03 0 FREEZE COMPLETED", "2025-09-04 1 COMPLETED"},
			[]string{"#1 2 ACTIVE"},
		},
		{
			"not back yet", 5,
			[]string{"2025-09-01"},
			[]string{"2025-09-03T12:00:00Z"},
			"2025-09-03T13:00:00Z",
			[]string{"2025-09-02"},
			[]string{"2025-09-02"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 0 FREEZE COMPLETED"},
			[]string{"#1 1 ACTIVE"},
		},
		{
			"money runs out", 1,
			[]string{"2025-09-01", "2025-09-04"},
			nil, "2025-09-04T13:00:00Z",
			[]string{"2025-09-02"},
			nil,
			[]string{"2025-09-01 1 COMPLETED", "2025-09-04 1 COMPLETED"},
			[]string{"#1 1 BROKEN", "#2 1 ACTIVE"},
		},
		{
			"money runs out by the clock", 2,
			[]string{"2025-09-01"},
			[]string{"2025-09-03T00:00:00Z", "2025-09-04T00:00:00Z", "2025-09-05T00:00:00Z", "2025-09-09T00:00:00Z"},
			"2025-09-09T13:00:00Z",
			[]string{"2025-09-02", "2025-09-03"},
			nil,
			[]string{"2025-09-01 1 COMPLETED"},
			[]string{"#1 1 BROKEN"},
		},
		{
			"what had saved the streak before stays paid", 3,
			[]string{"2025-09-01", "2025-09-03", "2025-09-08"},
			nil, "2025-09-08T13:00:00Z",
			[]string{"2025-09-02", "2025-09-04", "2025-09-05"},
			[]string{"2025-09-02"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 0 FREEZE COMPLETED", "2025-09-03 1 COMPLETED", "2025-09-08 1 COMPLETED"},
			[]string{"#1 2 BROKEN", "#2 1 ACTIVE"},
		},
		{
			"what is given back saves the next", 1,
			[]string{"2025-09-01", "2025-09-04", "2025-09-06"},
			nil, "2025-09-06T13:00:00Z",
			[]string{"2025-09-02", "2025-09-05"},
			[]string{"2025-09-05"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-04 1 COMPLETED", "2025-09-05 0 FREEZE COMPLETED", "2025-09-06 1 COMPLETED"},
			[]string{"#1 1 BROKEN", "#2 2 ACTIVE"},
		},
		{
			"no money", 0,
			[]string{"2025-09-01"},
			[]string{"2025-09-03T00:00:00Z"},
			"2025-09-03T13:00:00Z",
			nil, nil,
			[]string{"2025-09-01 1 COMPLETED"},
			[]string{"#1 1 BROKEN"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			money := filled(map[string]int64{"ann": tt.holds})
			w := newWorld(t)
			w.wallet = money
			w.publish(freezing(daily()))
			w.user("ann", "")
			acts := noons(tt.acts...)
			last := max(1, len(acts)-1)
			w.act("ann", acts[:last]...)
			for _, at := range tt.advance {
				w.now = utc(at)
				w.advance(10)
			}
			w.act("ann", acts[last:]...)
			w.now = utc(tt.now)
			require.Equal(t, tt.paid, periodsOf(money.charges))
			require.Equal(t, tt.kept, periodsOf(money.kept))
			require.EqualValues(t, int(tt.holds)-len(tt.kept), money.holds["ann"])
			require.Equal(t, tt.days, brief(w.list("ann", streaks.ByDay)))
			require.Equal(t, tt.iterations, brief(w.list("ann", streaks.ByIteration)))
		})
	}
}

// periodsOf returns the periods that charges of the daily streak of ann are for.
func periodsOf(charges []mechanic.Charge) []string {
	var periods []string
	for _, id := range idsOf(charges) {
		periods = append(periods, strings.TrimPrefix(id, "freeze:daily:ann:"))
	}
	return periods
}

func TestWhatWasLostIsNotSavedLater(t *testing.T) {
	t.Parallel()
	money := filled(map[string]int64{})
	w := newWorld(t)
	w.wallet = money
	w.publish(freezing(daily()))
	w.user("ann", "")
	w.act("ann", noons("2025-09-01")...)
	w.now = utc("2025-09-03T00:00:00Z")
	require.Equal(t, streaks.Broken, w.current("ann", "daily").Status)
	require.True(t, w.current("ann", "daily").Savable)
	w.advance(1)
	require.False(t, w.current("ann", "daily").Savable)
	money.holds["ann"] = 100
	w.advance(1)
	w.act("ann", noons("2025-09-04")...)
	require.Empty(t, money.charges)
	w.now = utc("2025-09-04T13:00:00Z")
	require.Equal(t, 2, w.current("ann", "daily").IterationID)
}

// Nobody pays while away: who is suspended loses the streak, and has paid nothing for it.
func TestASuspendedUserPaysForNothing(t *testing.T) {
	t.Parallel()
	money := filled(map[string]int64{"ann": 100})
	w := newWorld(t)
	w.wallet = money
	w.publish(freezing(daily()))
	w.user("ann", "")
	w.act("ann", noons("2025-09-01")...)
	w.now = utc("2025-09-03T12:00:00Z")
	w.advance(1)
	require.Equal(t, []string{"2025-09-02"}, periodsOf(money.kept))
	_, err := w.users.Suspend(w.ctx, "ann")
	require.NoError(t, err)
	w.now = utc("2025-09-20T12:00:00Z")
	w.advance(1)
	_, err = w.users.Resume(w.ctx, "ann")
	require.NoError(t, err)
	require.Equal(t, []string{"REGULAR 2025-09-20 #2 1 ACTIVE"}, tell(w.act("ann", w.now)))
	require.Len(t, money.charges, 1)
	require.Empty(t, money.kept)
	require.EqualValues(t, 100, money.holds["ann"])
}

func TestAFrozenPeriodIsNotPerfect(t *testing.T) {
	t.Parallel()
	rule := freezing(daily())
	rule.PerfectWeekEnabled = true
	w := newWorld(t)
	w.wallet = filled(map[string]int64{"ann": 1})
	w.publish(rule)
	w.user("ann", "")
	w.act("ann", noons("2025-09-01", "2025-09-02", "2025-09-03", "2025-09-05", "2025-09-06", "2025-09-07")...)
	w.now = utc("2025-09-08T00:00:00Z")
	require.Equal(t, []string{"2025-W36 6 COMPLETED"}, brief(w.list("ann", streaks.ByWeek)))
	require.Equal(t, 6, w.current("ann", "daily").Count)
}

func TestFrozenWeek(t *testing.T) {
	t.Parallel()
	money := filled(map[string]int64{"ann": 9})
	w := newWorld(t)
	w.wallet = money
	w.publish(freezing(weekly(streaks.Weeks)))
	w.user("ann", "")
	w.act("ann", noons("2025-09-03")...)
	w.now = utc("2025-09-14T23:59:59Z")
	w.advance(1)
	require.Empty(t, money.charges)
	w.now = utc("2025-09-15T00:00:00Z")
	w.advance(1)
	w.act("ann", noons("2025-09-18")...)
	require.Equal(t, []string{"2025-W36 1 COMPLETED", "2025-W37 0 FREEZE COMPLETED", "2025-W38 1 COMPLETED"}, brief(w.list("ann", streaks.ByWeek)))
	require.Len(t, w.list("ann", streaks.ByDay), 2)
	require.Equal(t, 2, w.current("ann", "weekly").Count)
	require.Equal(t, []string{"freeze:weekly:ann:2025-09-08"}, idsOf(money.kept))
}

func TestFreezeCost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		cost     string
		charged  []string
		frozen   int
		problems int
	}{
		{"null is 1", `null`, []string{"1", "1"}, 2, 0},
		{"it reads the streak", `{"+": [{"var": "streak.count"}, {"*": [10, {"var": "streak.frozen"}]}]}`, []string{"2", "12"}, 2, 0},
		{"it reads the user", `{"if": [{"==": [{"var": "user.userId"}, "ann"]}, 2.5, 1]}`, []string{"2.5", "2.5"}, 2, 0},
		{"0 is free", `0`, nil, 2, 0},
		{"negative", `{"-": [{"var": "streak.frozen"}, 1]}`, nil, 0, 1},
		{"no number", `{"var": "user.nickname"}`, nil, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rule := freezing(daily())
			rule.FreezeCostExpression = []byte(tt.cost)
			money := filled(map[string]int64{"ann": 100})
			w := newWorld(t)
			w.wallet = money
			w.publish(rule)
			w.user("ann", "")
			w.act("ann", noons("2025-08-31", "2025-09-01", "2025-09-04")...)
			var charged []string
			for _, c := range money.charges {
				require.Equal(t, "gems", c.CurrencyID)
				require.Equal(t, "daily", c.RuleID)
				charged = append(charged, c.Amount.String())
			}
			require.Equal(t, tt.charged, charged)
			require.Len(t, w.problems, tt.problems)
			require.Len(t, w.list("ann", streaks.ByDay), 3+tt.frozen)
			if tt.problems > 0 {
				require.Equal(t, "StreakRule/daily", w.problems[0].Source)
				require.Equal(t, "freezeCostExpression", w.problems[0].Field)
			}
		})
	}
}

func TestAChargeIsDatedWhenThePeriodWasOver(t *testing.T) {
	t.Parallel()
	money := filled(map[string]int64{"ann": 1})
	w := newWorld(t)
	w.wallet = money
	w.publish(freezing(daily()))
	w.user("ann", "America/New_York")
	w.act("ann", utc("2025-09-01T16:00:00Z"))
	w.now = utc("2025-09-03T03:59:59Z")
	w.advance(10)
	require.Empty(t, money.charges)
	w.now = utc("2025-09-05T00:00:00Z")
	w.advance(10)
	require.Len(t, money.charges, 1)
	require.Equal(t, utc("2025-09-03T04:00:00Z"), money.charges[0].At)
}

func TestFreezesEndWithTheRule(t *testing.T) {
	t.Parallel()
	rule := freezing(daily())
	rule.Type, rule.EndsAt = timeframe.Range, new(utc("2025-09-04T12:00:00Z"))
	money := filled(map[string]int64{"ann": 100})
	w := newWorld(t)
	w.wallet = money
	w.publish(rule)
	w.user("ann", "")
	w.act("ann", noons("2025-09-01")...)
	w.now = utc("2026-01-01T00:00:00Z")
	w.advance(10)
	require.Equal(t, []string{"2025-09-02", "2025-09-03"}, periodsOf(money.kept))
	require.Equal(t, streaks.Ended, w.current("ann", "daily").Status)
}

func TestFreezesAreBounded(t *testing.T) {
	t.Parallel()
	money := filled(map[string]int64{"ann": 10_000})
	w := newWorld(t)
	w.wallet = money
	w.publish(freezing(daily()))
	w.user("ann", "")
	w.act("ann", noons("2020-09-01", "2025-09-01")...)
	require.Len(t, money.charges, streaks.MaxFrozen)
	require.Empty(t, money.kept)
	require.Equal(t, 2, w.current("ann", "daily").IterationID)
}

func TestAnArchivedRuleFreezesNothing(t *testing.T) {
	t.Parallel()
	money := filled(map[string]int64{"ann": 100})
	w := newWorld(t)
	w.wallet = money
	w.publish(freezing(daily()))
	w.user("ann", "")
	w.act("ann", noons("2025-09-01")...)
	_, err := w.service.Rules.Archive(w.ctx, "daily")
	require.NoError(t, err)
	w.now = utc("2025-10-01T00:00:00Z")
	w.advance(1)
	require.Empty(t, money.charges)
}

// However often, and by however many at once, the clock is served, a missed period costs one charge.
func TestOneChargeForEachPeriod(t *testing.T) {
	t.Parallel()
	users := []string{"ann", "bob", "cid", "dan", "eve"}
	money := filled(map[string]int64{"ann": 100, "bob": 3, "cid": 0, "dan": 7, "eve": 100})
	w := newWorld(t)
	w.wallet = money
	w.publish(freezing(daily()))
	for i, u := range users {
		w.user(u, []string{"", "Asia/Tokyo", "Pacific/Pago_Pago"}[i%3])
		w.act(u, noons("2025-09-01")...)
	}
	program := func(tx *session.Tx) mechanic.Mechanic[streaks.Change] {
		p, err := w.program(w.ctx, tx)
		if err != nil {
			panic(err)
		}
		return p
	}
	for d := date("2025-09-01"); d < date("2025-09-10"); d++ {
		w.now = d.Start(time.UTC).Add(12 * time.Hour)
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() {
				for more := true; more && errs[i] == nil; {
					errs[i] = w.run.Update(w.ctx, func(tx *session.Tx) (err error) {
						more, err = program(tx).Advance(w.ctx, tx, 2)
						return err
					})
				}
			})
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
	seen := map[string]bool{}
	for _, id := range idsOf(money.charges) {
		require.False(t, seen[id], id)
		seen[id] = true
	}
	require.Len(t, seen, 7+3+0+7+7)
	for u, frozen := range map[string]int{"ann": 7, "bob": 0, "cid": 0, "dan": 7, "eve": 7} {
		require.Len(t, w.list(u, streaks.ByDay), 1+frozen, u)
	}
}

// A day that is over at midnight is over before the user moves at midnight to where it is not: its freeze is told, and
// thawed by an act of the same moment, whether the clock was served before the move or not.
func TestWhoMovesAtMidnightIsJudgedByTheClockOfBefore(t *testing.T) {
	t.Parallel()
	for _, served := range []bool{true, false} {
		w := newWorld(t)
		w.publish(freezing(daily()))
		w.wallet = filled(map[string]int64{"ann": 5})
		w.user("ann", "UTC")
		w.act("ann", utc("2025-09-01T12:00:00Z"))
		midnight := utc("2025-09-03T00:00:00Z")
		w.now = midnight
		if served {
			w.advance(1)
		}
		w.move("America/Sao_Paulo")
		w.act("ann", midnight)
		var told []string
		for _, c := range w.told {
			told = append(told, string(c.Kind)+" "+c.Day.String())
		}
		require.Equal(t, []string{"REGULAR 2025-09-01", "FREEZE 2025-09-02", "REGULAR 2025-09-02"}, told)
		require.True(t, w.told[2].Thawed)
	}
}
