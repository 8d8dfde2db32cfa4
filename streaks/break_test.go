package streaks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Each step is an act, or the clock that is served at noon of a day. What is told is the kind, day,
// iteration, count and status of each change.
func TestABreakIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		rule  streaks.Rule
		holds int64
		steps []string
		told  [][]string // by the step
	}{
		{
			"by the next event", daily(), 0,
			[]string{"act 2025-09-01", "act 2025-09-02", "act 2025-09-05"},
			[][]string{{"REGULAR 2025-09-01 #1 1 ACTIVE"}, {"REGULAR 2025-09-02 #1 2 ACTIVE"}, {"MISSED 2025-09-03 #1 2 BROKEN", "REGULAR 2025-09-05 #2 1 ACTIVE"}},
		},
		{
			"by the clock", daily(), 0,
			[]string{"act 2025-09-01", "advance 2025-09-02", "advance 2025-09-03", "advance 2025-09-04", "act 2025-09-05"},
			[][]string{{"REGULAR 2025-09-01 #1 1 ACTIVE"}, nil, {"MISSED 2025-09-02 #1 1 BROKEN"}, nil, {"REGULAR 2025-09-05 #2 1 ACTIVE"}},
		},
		{
			"a late day repairs it", daily(), 0,
			[]string{"act 2025-09-01", "advance 2025-09-03", "act 2025-09-02", "act 2025-09-03", "advance 2025-09-06"},
			[][]string{
				{"REGULAR 2025-09-01 #1 1 ACTIVE"},
				{"MISSED 2025-09-02 #1 1 BROKEN"},
				{"REGULAR 2025-09-02 #1 2 ACTIVE"},
				{"REGULAR 2025-09-03 #1 3 ACTIVE"},
				{"MISSED 2025-09-04 #1 3 BROKEN"},
			},
		},
		{
			"a late day joins two runs", daily(), 0,
			[]string{"act 2025-09-01", "act 2025-09-03", "act 2025-09-02", "advance 2025-09-04"},
			[][]string{
				{"REGULAR 2025-09-01 #1 1 ACTIVE"},
				{"MISSED 2025-09-02 #1 1 BROKEN", "REGULAR 2025-09-03 #2 1 ACTIVE"},
				{"REGULAR 2025-09-02 #1 3 ACTIVE late"},
				nil,
			},
		},
		{
			"after what could be frozen", freezing(daily()), 2,
			[]string{"act 2025-09-01", "advance 2025-09-05", "act 2025-09-06", "act 2025-09-03"},
			[][]string{
				{"REGULAR 2025-09-01 #1 1 ACTIVE"},
				{"FREEZE 2025-09-02 #1 1 ACTIVE", "FREEZE 2025-09-03 #1 1 ACTIVE", "MISSED 2025-09-04 #1 1 BROKEN"},
				{"REGULAR 2025-09-06 #2 1 ACTIVE"},
				{"REGULAR 2025-09-03 #1 2 BROKEN late thawed"},
			},
		},
		{
			"a week", weekly(streaks.Weeks), 0,
			[]string{"act 2025-09-03", "advance 2025-09-14", "advance 2025-09-15"},
			[][]string{{"REGULAR 2025-09-03 #1 1 ACTIVE"}, nil, {"MISSED 2025-09-08 #1 1 BROKEN"}},
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
				if what == "act" {
					w.told = w.act("ann", noons(day)...)
				} else {
					w.now = noons(day)[0]
					w.advance(1)
				}
				told = append(told, tell(w.told))
			}
			require.Equal(t, tt.told, told)
		})
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
	w.now = timeframe.Date(2025, 9, 4).Start(utc("2025-09-01T00:00:00Z").Location())
	w.advance(10)
	require.Equal(t, []string{"MISSED 2025-09-02 #1 1 BROKEN"}, tell(w.told))
	require.Len(t, w.problems, 1)
	require.Equal(t, "StreakRule/"+r.ID, w.problems[0].Source)
}
