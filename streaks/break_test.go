package streaks_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/streaks"
)

// Each step is an act at noon of a day, or the clock that is served at noon of a day. What is told is the kind, day,
// iteration, count and status of each change, and the ids of events that are about a break.
func TestABreakIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		rule   streaks.Rule
		holds  int64
		steps  []string
		told   [][]string // by the step
		breaks []string
	}{
		{
			"by the next event", daily(), 0,
			[]string{"act 2025-09-01", "act 2025-09-02", "act 2025-09-05"},
			[][]string{{"REGULAR 2025-09-01 #1 1 ACTIVE"}, {"REGULAR 2025-09-02 #1 2 ACTIVE"}, {"MISSED 2025-09-03 #1 2 BROKEN", "REGULAR 2025-09-05 #2 1 ACTIVE"}},
			[]string{"broken:2025-09-03 2025-09-04T00:00:00Z"},
		},
		{
			"by the clock", daily(), 0,
			[]string{"act 2025-09-01", "advance 2025-09-02", "advance 2025-09-03", "advance 2025-09-04", "act 2025-09-05"},
			[][]string{{"REGULAR 2025-09-01 #1 1 ACTIVE"}, nil, {"MISSED 2025-09-02 #1 1 BROKEN"}, nil, {"REGULAR 2025-09-05 #2 1 ACTIVE"}},
			[]string{"broken:2025-09-02 2025-09-03T00:00:00Z"},
		},
		{
			"each time", daily(), 0,
			[]string{"act 2025-09-01", "act 2025-09-03", "advance 2025-09-30"},
			[][]string{{"REGULAR 2025-09-01 #1 1 ACTIVE"}, {"MISSED 2025-09-02 #1 1 BROKEN", "REGULAR 2025-09-03 #2 1 ACTIVE"}, {"MISSED 2025-09-04 #2 1 BROKEN"}},
			[]string{"broken:2025-09-02 2025-09-03T00:00:00Z", "broken:2025-09-04 2025-09-05T00:00:00Z"},
		},
		{
			"after what could be frozen", freezing(daily()), 2,
			[]string{"act 2025-09-01", "advance 2025-09-05", "act 2025-09-06"},
			[][]string{
				{"REGULAR 2025-09-01 #1 1 ACTIVE"},
				{"FREEZE 2025-09-02 #1 1 ACTIVE", "FREEZE 2025-09-03 #1 1 ACTIVE", "MISSED 2025-09-02 #1 1 BROKEN"},
				{"REGULAR 2025-09-06 #2 1 ACTIVE"},
			},
			[]string{"broken:2025-09-02 2025-09-05T00:00:00Z"},
		},
		{
			"a week", weekly(streaks.Weeks), 0,
			[]string{"act 2025-09-03", "advance 2025-09-14", "advance 2025-09-15"},
			[][]string{{"REGULAR 2025-09-03 #1 1 ACTIVE"}, nil, {"MISSED 2025-09-08 #1 1 BROKEN"}},
			[]string{"broken:2025-09-08 2025-09-15T00:00:00Z"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.wallet = filled(map[string]int64{"ann": tt.holds})
			w.publish(tt.rule)
			w.user("ann", "")
			var told [][]string
			for _, step := range tt.steps {
				what, day, _ := strings.Cut(step, " ")
				w.told = nil
				if w.now = noons(day)[0]; what == "act" {
					w.act("ann", w.now)
				} else {
					w.advance(1)
					w.advance(1)
				}
				told = append(told, tell(w.told))
			}
			require.Equal(t, tt.told, told)
			var breaks []string
			for _, e := range w.caused {
				if about, ok := strings.CutPrefix(e.ID, "streak:"+tt.rule.ID+":ann:"); ok && e.Fields["status"] == string(streaks.Broken) {
					breaks = append(breaks, about+" "+e.At.Format(time.RFC3339))
				}
			}
			require.Equal(t, tt.breaks, breaks)
		})
	}
}

// Others of the game learn of a break as of a growth.
func TestTheEventOfABreak(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(weekly(streaks.Days))
	w.user("ann", "Asia/Tokyo")
	w.act("ann", noons("2025-09-02", "2025-09-03")...)
	w.caused = nil
	w.now = utc("2025-10-01T00:00:00Z")
	w.advance(10)
	require.Equal(t, []event.Event{{
		ID: "streak:weekly:ann:broken:2025-09-08", Type: event.Streak, EntityID: "reading", UserID: "ann", At: utc("2025-09-14T15:00:00Z"),
		Value: new(decimal.NewFromInt(0)),
		Fields: map[string]any{
			"streakRuleId": "weekly", "streakConfigurationId": "reading", "periodId": "2025-W37", "iterationId": 1.0, "count": 0.0, "status": "BROKEN",
		},
	}}, w.caused)
}

// A rule that rested has judged nobody: the next event does, at its own moment.
func TestARuleThatRestedJudgesAtTheNextEvent(t *testing.T) {
	t.Parallel()
	for holds, want := range map[int64]struct {
		told []string
		kept int
	}{
		2: {[]string{"FREEZE 2025-09-02 #1 1 ACTIVE", "FREEZE 2025-09-03 #1 1 ACTIVE", "REGULAR 2025-09-04 #1 2 ACTIVE"}, 2},
		1: {[]string{"MISSED 2025-09-02 #1 1 BROKEN", "REGULAR 2025-09-04 #2 1 ACTIVE"}, 0},
	} {
		money := filled(map[string]int64{"ann": holds})
		w := newWorld(t)
		w.wallet = money
		w.publish(freezing(daily()))
		w.user("ann", "")
		w.act("ann", noons("2025-09-01")...)
		_, err := w.service.Rules.Archive(w.ctx, "daily")
		require.NoError(t, err)
		w.now = utc("2025-09-04T00:00:00Z")
		w.advance(1)
		_, err = w.service.Rules.Unarchive(w.ctx, "daily")
		require.NoError(t, err)
		w.publish(freezing(daily()))
		require.Equal(t, want.told, tell(w.act("ann", noons("2025-09-04")...)))
		require.Len(t, money.kept, want.kept)
		require.Equal(t, holds-int64(want.kept), money.holds["ann"])
	}
}

// tell writes changes in short.
func tell(changes []streaks.Change) []string {
	var all []string
	for _, c := range changes {
		text := fmt.Sprintf("%s %s #%d %d %s", c.Kind, c.Day, c.IterationID, c.Count, c.Status)
		if c.Late {
			text += " late"
		}
		if c.Thawed {
			text += " thawed"
		}
		all = append(all, text)
	}
	return all
}

// The price of a freeze that is no amount is a problem, also when the clock asks for it.
func TestThePriceThatIsNoneIsAProblemOfTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := freezing(daily())
	r.FreezeCostExpression = []byte(`{"var": "user.nickname"}`)
	w.publish(r)
	w.user("ann", "")
	w.act("ann", noons("2025-09-01")...)
	w.now, w.told = utc("2025-09-04T00:00:00Z"), nil
	w.advance(10)
	require.Equal(t, []string{"MISSED 2025-09-02 #1 1 BROKEN"}, tell(w.told))
	require.Len(t, w.problems, 1)
	require.Equal(t, "StreakRule/"+r.ID, w.problems[0].Source)
}
