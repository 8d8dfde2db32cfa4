package streaks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

// The clock judges a streak at the moment at which the period after its last is over.
func TestDue(t *testing.T) {
	t.Parallel()
	ending := func(r streaks.Rule, at string) streaks.Rule {
		r.Type, r.EndsAt = timeframe.Range, new(utc(at))
		return r
	}
	fixed := daily()
	fixed.TimezoneType, fixed.Timezone = timeframe.Fixed, "Asia/Tokyo"
	for _, tt := range []struct {
		name  string
		zone  string
		rules []streaks.Rule
		holds int64
		acts  []string
		serve string // when the clock is served, if it is
		want  string
	}{
		{"nothing was done", "", []streaks.Rule{daily()}, 0, nil, "", ""},
		{"a day", "", []streaks.Rule{daily()}, 0, []string{"2025-09-01T12:00:00Z"}, "", "2025-09-03T00:00:00Z StreakRule/daily"},
		{"its first moment", "", []streaks.Rule{daily()}, 0, []string{"2025-09-01T00:00:00Z"}, "", "2025-09-03T00:00:00Z StreakRule/daily"},
		{"the next day", "", []streaks.Rule{daily()}, 0, []string{"2025-09-01T12:00:00Z", "2025-09-02T12:00:00Z"}, "", "2025-09-04T00:00:00Z StreakRule/daily"},
		{"in the user's zone", "America/New_York", []streaks.Rule{daily()}, 0, []string{"2025-09-01T12:00:00Z"}, "", "2025-09-03T04:00:00Z StreakRule/daily"},
		{"in the rule's zone", "America/New_York", []streaks.Rule{fixed}, 0, []string{"2025-09-01T12:00:00Z"}, "", "2025-09-02T15:00:00Z StreakRule/daily"},
		{"a date that never was", "Pacific/Apia", []streaks.Rule{daily()}, 0, []string{"2011-12-29T12:00:00Z"}, "", "2011-12-31T10:00:00Z StreakRule/daily"},
		{"a week", "", []streaks.Rule{weekly(streaks.Days)}, 0, []string{"2025-09-03T12:00:00Z"}, "", "2025-09-15T00:00:00Z StreakRule/weekly"},
		{"the earliest of several", "", []streaks.Rule{weekly(streaks.Weeks), daily()}, 0, []string{"2025-09-03T12:00:00Z"}, "", "2025-09-05T00:00:00Z StreakRule/daily"},
		{"the other when one is broken", "", []streaks.Rule{weekly(streaks.Weeks), daily()}, 0, []string{"2025-09-03T12:00:00Z"}, "2025-09-05T00:00:00Z", "2025-09-15T00:00:00Z StreakRule/weekly"},
		{"not over", "", []streaks.Rule{daily()}, 0, []string{"2025-09-01T12:00:00Z"}, "2025-09-02T23:59:59Z", "2025-09-03T00:00:00Z StreakRule/daily"},
		{"broken", "", []streaks.Rule{daily()}, 0, []string{"2025-09-01T12:00:00Z"}, "2025-09-03T00:00:00Z", ""},
		{"frozen", "", []streaks.Rule{freezing(daily())}, 1, []string{"2025-09-01T12:00:00Z"}, "2025-09-03T00:00:00Z", "2025-09-04T00:00:00Z StreakRule/daily"},
		{"frozen, then broken", "", []streaks.Rule{freezing(daily())}, 1, []string{"2025-09-01T12:00:00Z"}, "2025-09-04T00:00:00Z", ""},
		{"the rule ends at that moment", "", []streaks.Rule{ending(daily(), "2025-09-03T00:00:00Z")}, 0, []string{"2025-09-01T12:00:00Z"}, "", "2025-09-03T00:00:00Z StreakRule/daily"},
		{"the rule ends before", "", []streaks.Rule{ending(daily(), "2025-09-02T23:59:59Z")}, 0, []string{"2025-09-01T12:00:00Z"}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.wallet = filled(map[string]int64{"ann": tt.holds})
			w.publish(tt.rules...)
			w.user("ann", tt.zone)
			w.user("bob", "")
			for _, at := range tt.acts {
				w.act("ann", utc(at))
			}
			if tt.serve != "" {
				w.now = utc(tt.serve)
				w.advance(10)
			}
			require.Equal(t, tt.want, w.due("ann"))
			require.Empty(t, w.due("bob"))
		})
	}
}

// Who has moved west has more time, and the clock looks again when it is over there too.
func TestTheClockLooksAgainWhereTheUserIsNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(daily())
	w.user("ann", "Asia/Tokyo")
	w.act("ann", utc("2025-09-01T03:00:00Z"))
	require.Equal(t, "2025-09-02T15:00:00Z StreakRule/daily", w.due("ann"))
	w.now, w.told = utc("2025-09-02T12:00:00Z"), nil
	w.move("America/Los_Angeles")
	w.now = utc("2025-09-02T15:00:00Z")
	w.advance(1)
	require.Empty(t, w.told)
	require.Equal(t, "2025-09-03T07:00:00Z StreakRule/daily", w.due("ann"))
	require.Equal(t, streaks.Active, w.current("ann", "daily").Status)
	w.now = utc("2025-09-03T07:00:00Z")
	w.advance(1)
	require.Equal(t, []string{"MISSED 2025-09-02 #1 1 BROKEN"}, tell(w.told))
}

// The clock is no act: what is not over is not judged, and what is not followed or not in force is nothing.
func TestAnEventOfTheClockJudgesWhatIsOver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, kind, id, user, at string
		told                     []string
	}{
		{"over", "StreakRule", "daily", "ann", "2025-09-03T00:00:00Z", []string{"MISSED 2025-09-02 #1 1 BROKEN"}},
		{"not over", "StreakRule", "daily", "ann", "2025-09-02T23:59:59Z", nil},
		{"a rule that nobody knows", "StreakRule", "other", "ann", "2025-09-03T00:00:00Z", nil},
		{"a user who does not follow it", "StreakRule", "daily", "bob", "2025-09-03T00:00:00Z", nil},
		{"another kind", "MissionRule", "daily", "ann", "2025-09-03T00:00:00Z", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(daily())
			w.user("ann", "")
			w.user("bob", "")
			w.act("ann", noons("2025-09-01")...)
			w.told = nil
			tick := mechanic.Ticking(tt.kind, tt.id, tt.user, utc(tt.at))
			for range 2 { // once more changes nothing
				require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
					p, err := w.program(w.ctx, tx)
					if err == nil {
						_, err = w.react(w.ctx, tx, p, tick)
					}
					return err
				}))
			}
			require.Equal(t, tt.told, tell(w.told))
		})
	}
}

// Each act is at noon in UTC. The rule is published before the last one, or the streak has a user who is new.
func TestANewStreakCountsWhatWasBefore(t *testing.T) {
	t.Parallel()
	rule := func(change func(*streaks.Rule)) streaks.Rule {
		r := daily()
		r.GoalTargets = []int{2, 4}
		if change != nil {
			change(&r)
		}
		return r
	}
	for _, tt := range []struct {
		name   string
		rule   streaks.Rule
		before []string
		act    string
		told   []string
		caused []string // what the events are about
		rows   []string // of days
		runs   []string
	}{
		{
			"days in a row", rule(nil),
			[]string{"2025-09-01", "2025-09-02"},
			"2025-09-03",
			[]string{"REGULAR 2025-09-03 #1 3 ACTIVE"},
			[]string{"2025-09-03"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 1 COMPLETED", "2025-09-03 1 COMPLETED"},
			[]string{"#1 3 ACTIVE"},
		},
		{
			"a goal that this act reaches", rule(nil),
			[]string{"2025-09-01", "2025-09-02", "2025-09-03"},
			"2025-09-04",
			[]string{"REGULAR 2025-09-04 #1 4 ACTIVE"},
			[]string{"goal:4:1", "2025-09-04"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 1 COMPLETED", "2025-09-03 1 COMPLETED", "2025-09-04 1 COMPLETED"},
			[]string{"#1 4 ACTIVE"},
		},
		{
			"a day that counted already", rule(nil),
			[]string{"2025-09-01", "2025-09-02"},
			"2025-09-02",
			nil, nil,
			[]string{"2025-09-01 1 COMPLETED", "2025-09-02 1 COMPLETED"},
			[]string{"#1 2 ACTIVE"},
		},
		{
			"a break before", rule(nil),
			[]string{"2025-08-20", "2025-09-02"},
			"2025-09-03",
			[]string{"REGULAR 2025-09-03 #2 2 ACTIVE"},
			[]string{"goal:2:1", "2025-09-03"},
			[]string{"2025-08-20 1 COMPLETED", "2025-09-02 1 COMPLETED", "2025-09-03 1 COMPLETED"},
			[]string{"#1 1 BROKEN", "#2 2 ACTIVE"},
		},
		{
			"nobody pays for what was missed then", freezing(rule(nil)),
			[]string{"2025-09-01", "2025-09-03"},
			"2025-09-04",
			[]string{"REGULAR 2025-09-04 #2 2 ACTIVE"},
			[]string{"goal:2:1", "2025-09-04"},
			[]string{"2025-09-01 1 COMPLETED", "2025-09-03 1 COMPLETED", "2025-09-04 1 COMPLETED"},
			[]string{"#1 1 BROKEN", "#2 2 ACTIVE"},
		},
		{
			"before the timeframe", rule(func(r *streaks.Rule) { r.StartsAt = utc("2025-09-02T00:00:00Z") }),
			[]string{"2025-09-01", "2025-09-02"},
			"2025-09-03",
			[]string{"REGULAR 2025-09-03 #1 2 ACTIVE"},
			[]string{"goal:2:1", "2025-09-03"},
			[]string{"2025-09-02 1 COMPLETED", "2025-09-03 1 COMPLETED"},
			[]string{"#1 2 ACTIVE"},
		},
		{
			"nothing", rule(nil), nil, "2025-09-03",
			[]string{"REGULAR 2025-09-03 #1 1 ACTIVE"},
			[]string{"2025-09-03"},
			[]string{"2025-09-03 1 COMPLETED"},
			[]string{"#1 1 ACTIVE"},
		},
		{
			"users are as of then", rule(func(r *streaks.Rule) {
				r.UsersMatchCondition = []byte(`{"!=": [{"var": "user.timezone"}, "Asia/Tokyo"]}`)
			}),
			[]string{"tokyo", "2025-09-01", "home", "2025-09-02"},
			"2025-09-03",
			[]string{"REGULAR 2025-09-03 #1 2 ACTIVE"},
			[]string{"goal:2:1", "2025-09-03"},
			[]string{"2025-09-02 1 COMPLETED", "2025-09-03 1 COMPLETED"},
			[]string{"#1 2 ACTIVE"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			money := filled(map[string]int64{"ann": 100})
			w := newWorld(t)
			w.wallet = money
			w.publish() // no rule
			w.user("ann", "")
			w.user("bob", "")
			for _, day := range tt.before {
				switch day {
				case "tokyo":
					w.move("Asia/Tokyo")
				case "home":
					w.move("")
				default:
					w.now = noons(day)[0]
					require.Empty(t, w.act("ann", w.now))
					w.act("bob", w.now.AddDate(0, 0, -1)) // somebody else's
				}
			}
			w.publish(tt.rule)
			w.now = noons(tt.act)[0]
			require.Equal(t, tt.told, tell(w.act("ann", w.now)))
			var caused []string
			for _, e := range w.caused {
				require.Equal(t, event.Streak, e.Type)
				caused = append(caused, e.ID[len("streak:daily:ann:"):])
			}
			require.Equal(t, tt.caused, caused)
			require.Equal(t, tt.rows, brief(w.list("ann", streaks.ByDay)))
			require.Equal(t, tt.runs, brief(w.list("ann", streaks.ByIteration)))
			require.Empty(t, money.charges)

			require.Equal(t, w.now.Add(36*time.Hour).Format(time.RFC3339)+" StreakRule/daily", w.due("ann"))
			w.told = nil
			w.act("ann", w.now) // what was before is counted once
			require.Empty(t, w.told)
			require.Equal(t, tt.runs, brief(w.list("ann", streaks.ByIteration)))
		})
	}
}
