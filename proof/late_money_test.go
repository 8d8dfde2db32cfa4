package proof_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// paying is a reward rule for every swim.
func payingRule(id string, amount any, fields object) object {
	all := object{
		"applicationMode": "ALWAYS", "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "swim",
		"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": amount}},
	}
	maps.Copy(all, fields)
	return document("RewardRule", id, all)
}

// weekly returns a board of weeks.
func weekly(id string, query object) []object {
	return []object{
		document("RuntimeLeaderboardConfiguration", id, object{"query": query}),
		document("RuntimeLeaderboard", id, object{
			"runtimeLeaderboardConfigurationId": id, "timeframeType": "RECURRING", "recurrence": "WEEKLY",
			"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-01-06T00:00:00Z",
		}),
	}
}

// twice is a mission of a month to swim twice, and boards of what was won and completed in each week.
func twice(t tester) []byte {
	return bundle(t, slices.Concat([]object{
		document("MissionConfiguration", "two", object{
			"missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "swim", "targetAmountExpression": 2,
		}),
		document("MissionRule", "months", object{
			"missionType": "INDIVIDUAL", "missionConfigurationsPool": []string{"two"}, "assignmentMode": "EVENT",
			"eventMatchType": "INSTANCE", "eventMatchEntity": "Activity", "eventMatchEntityId": "swim",
			"timeframeType": "RECURRING", "recurrence": "MONTHLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-01-01T00:00:00Z",
		}),
	},
		weekly("completed", object{"source": "mission_logs", "where": object{"==": []any{variable("progress"), "COMPLETE"}}, "score": object{"count": nil}}),
		weekly("won", object{"source": "virtual_transactions", "score": object{"sum": variable("amount")}}),
		weekly("in-places", object{"source": "virtual_transactions", "entityId": object{"tagNamespace": "place"}, "score": object{"sum": variable("amount")}}),
	)...)
}

func swim(id string, at time.Time, value int64) event.Event {
	return event.Event{ID: id, UserID: "eve", EntityID: "swim", At: at, Value: new(decimal.NewFromInt(value))}
}

// week shows a week of a board as "entity score".
func (w *world) week(t tester, id string, at time.Time) (rows []string) {
	t.Helper()
	top, err := w.Leaderboards.Top(t.Context(), id, 10, &leaderboard.At{Time: at})
	require.NoError(t, err)
	for _, r := range top.Rows {
		rows = append(rows, r.EntityID+" "+r.Score.String())
	}
	return rows
}

// paid shows what an outcome says of payments.
func paid(o guerdon.Outcome) (all []string) {
	for _, c := range o.Transactions {
		text := fmt.Sprintf("%s %s %s", c.TransactionID, c.Amount, c.State)
		if c.Undone {
			text = fmt.Sprintf("%s %s undone", c.TransactionID, c.Amount)
		}
		all = append(all, text)
	}
	return all
}

// history shows what somebody was paid, in the order of when it happened.
func (w *world) history(t tester, userID string) (all []string) {
	t.Helper()
	rows, _, err := w.Economy.History(t.Context(), userID, store.Page{Limit: store.MaxPage})
	require.NoError(t, err)
	for _, row := range rows {
		all = append(all, fmt.Sprintf("%s %s %s %s %s", row.At.Format(time.RFC3339), row.ID, row.Direction, row.Amount, row.State))
	}
	slices.Sort(all)
	return all
}

func (w *world) earned(t tester, userID string) string {
	t.Helper()
	b, err := w.Economy.Balance(t.Context(), userID, "points")
	require.NoError(t, err)
	report, err := w.Economy.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, report.OK(), report)
	return b.Amount.String()
}

// A mission that turns out to have been completed a week earlier is paid for once, then; and the boards of users and
// of tags have the points in the week of then.
func TestALateEventMovesWhatWasPaid(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, twice(t))
		require.NoError(t, err)
		_, err = w.Users.AssignTags(ctx, "eve", tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
		first := time.Date(2025, 10, 6, 9, 0, 0, 0, time.UTC) // a Monday
		second := first.AddDate(0, 0, 7)
		w.set(second.AddDate(0, 0, 1))
		_, err = w.Record(ctx, swim("one", first, 1))
		require.NoError(t, err)
		_, err = w.Record(ctx, swim("two", second, 1))
		require.NoError(t, err)
		require.Equal(t, "10", w.earned(t, "eve"))
		require.Equal(t, []string{"eve 1"}, w.week(t, "completed", second))
		require.Equal(t, []string{"eve 10"}, w.week(t, "won", second))
		require.Equal(t, []string{"outdoor 10"}, w.week(t, "in-places", second))

		out, err := w.Record(ctx, swim("late", first.Add(24*time.Hour), 1))
		require.NoError(t, err)
		const reward = "eve:months:two:2025-10:completed:per-week:0"
		require.Equal(t, []string{reward + " 10 COMPLETED"}, paid(out))
		require.Equal(t, "10", w.earned(t, "eve"), "it is not paid twice")
		require.Equal(t, []string{"2025-10-07T09:00:00Z " + reward + " CREDIT 10 COMPLETED"}, w.history(t, "eve"))
		for board, want := range map[string]string{"completed": "eve 1", "won": "eve 10", "in-places": "outdoor 10"} {
			require.Equal(t, []string{want}, w.week(t, board, first), board)
			require.Empty(t, w.week(t, board, second), board)
			var told []string
			for _, c := range out.Scores {
				if c.BoardID == board {
					told = append(told, fmt.Sprint(c.PeriodID[7:17], " ", c.EntityID, " ", c.Score, " ", c.Gone))
				}
			}
			who, score, _ := strings.Cut(want, " ")
			require.ElementsMatch(t, []string{
				fmt.Sprintf("2025-10-06 %s %s false", who, score), fmt.Sprintf("2025-10-13 %s %s true", who, score),
			}, told)
		}
		again, err := w.Record(ctx, swim("late", first.Add(24*time.Hour), 1))
		require.NoError(t, err)
		require.JSONEq(t, jsonOf(t, out), jsonOf(t, again))
		require.Equal(t, "10", w.earned(t, "eve"))
	})
}

// What is closed for good stays as it is, and the outcome says so; money moves nevertheless.
func TestALateEventLeavesFrozenBoards(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, twice(t))
		require.NoError(t, err)
		first := time.Date(2025, 10, 6, 9, 0, 0, 0, time.UTC)
		second := first.AddDate(0, 0, 7)
		for _, e := range []event.Event{swim("one", first, 1), swim("two", second, 1)} {
			w.set(e.At)
			_, err = w.Record(ctx, e)
			require.NoError(t, err)
		}
		require.NoError(t, w.engine.Advance(ctx))
		out, err := w.Record(ctx, swim("late", first.Add(24*time.Hour), 1))
		require.NoError(t, err)
		var problems []string
		for _, p := range out.Problems {
			problems = append(problems, p.Source+" "+p.Field+": "+p.Reason)
		}
		const closed = " periodId: WEEKLY-2025-10-06T00:00:00.000Z-2025-10-13T00:00:00.000Z has ended and is closed for good"
		require.ElementsMatch(t, []string{"RuntimeLeaderboard/completed" + closed, "RuntimeLeaderboard/won" + closed}, problems)
		for _, board := range []string{"completed", "won"} {
			require.Empty(t, w.week(t, board, first))
			require.Empty(t, w.week(t, board, second), "it was not completed then")
		}
		require.Equal(t, "10", w.earned(t, "eve"))
	})
}

// Which events are the first that a limit or a bound leaves room for is decided by when they happened.
func TestALateEventIsTheFirstToBePaid(t *testing.T) {
	for name, tt := range map[string]struct {
		docs    []object
		late    []string // what its outcome says
		history []string
		points  string
	}{
		"once a day": {
			docs:    []object{payingRule("swims", variable("value"), object{"maxPerUser": 1, "per": "DAY"})},
			late:    []string{"late:swims:0 3 COMPLETED", "two:swims:0 5 undone"},
			history: []string{"2025-10-06T09:00:00Z late:swims:0 CREDIT 3 COMPLETED", "2025-10-07T10:00:00Z next:swims:0 CREDIT 1 COMPLETED"},
			points:  "4",
		},
		"twice ever": {
			docs:    []object{payingRule("swims", variable("value"), object{"maxPerUser": 2})},
			late:    []string{"late:swims:0 3 COMPLETED", "next:swims:0 1 undone"},
			history: []string{"2025-10-06T09:00:00Z late:swims:0 CREDIT 3 COMPLETED", "2025-10-06T10:00:00Z two:swims:0 CREDIT 5 COMPLETED"},
			points:  "8",
		},
		"otherwise the fallback": {
			docs: []object{
				payingRule("swims", variable("value"), object{"maxPerUser": 1, "per": "DAY"}),
				payingRule("rest", 7, object{"applicationMode": "FALLBACK"}),
			},
			late: []string{"late:swims:0 3 COMPLETED", "two:swims:0 5 undone", "two:rest:0 7 COMPLETED"},
			history: []string{
				"2025-10-06T09:00:00Z late:swims:0 CREDIT 3 COMPLETED", "2025-10-06T10:00:00Z two:rest:0 CREDIT 7 COMPLETED",
				"2025-10-07T10:00:00Z next:swims:0 CREDIT 1 COMPLETED",
			},
			points: "11",
		},
		"a full account": {
			docs: []object{
				document("VirtualCurrency", "points", object{"maxAllowedBalance": 7}), payingRule("swims", variable("value"), nil),
			},
			late: []string{"late:swims:0 3 COMPLETED", "two:swims:0 5 REJECTED"},
			history: []string{
				"2025-10-06T09:00:00Z late:swims:0 CREDIT 3 COMPLETED", "2025-10-06T10:00:00Z two:swims:0 CREDIT 5 REJECTED",
				"2025-10-07T10:00:00Z next:swims:0 CREDIT 1 COMPLETED",
			},
			points: "4",
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				_, err := w.Import(t.Context(), bundle(t, append(tt.docs, weekly("won", object{"source": "virtual_transactions", "score": object{"sum": variable("amount")}})...)...))
				require.NoError(t, err)
				w.set(time.Date(2025, 10, 8, 0, 0, 0, 0, time.UTC))
				var out guerdon.Outcome
				for _, e := range []event.Event{
					swim("two", time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC), 5),
					swim("next", time.Date(2025, 10, 7, 10, 0, 0, 0, time.UTC), 1),
					swim("late", time.Date(2025, 10, 6, 9, 0, 0, 0, time.UTC), 3),
				} {
					out, err = w.Record(t.Context(), e)
					require.NoError(t, err)
				}
				require.ElementsMatch(t, tt.late, paid(out))
				require.Equal(t, tt.history, w.history(t, "eve"))
				require.Equal(t, tt.points, w.earned(t, "eve"))
				require.Equal(t, []string{"eve " + tt.points}, w.week(t, "won", start.AddDate(0, 0, 7)))
			})
		})
	}
}

// Who redeemed or took back a reward decided so: it stays as it was then, also if it turns out that it had not been due.
func TestWhatWasDecidedAboutARewardStays(t *testing.T) {
	for name, tt := range map[string]struct {
		mode    string
		decide  func(t *testing.T, w *world, id string) error
		problem string
		history []string
		points  string
	}{
		"redeemed": {
			mode: "MANUAL",
			decide: func(t *testing.T, w *world, id string) error {
				_, err := w.Economy.Redeem(t.Context(), "eve", id)
				return err
			},
			problem: "transaction two:swims:0 stays as it was when it was decided about",
			history: []string{"2025-10-06T09:00:00Z late:swims:0 CREDIT 3 PENDING", "2025-10-06T10:00:00Z two:swims:0 CREDIT 5 COMPLETED"},
			points:  "8",
		},
		"taken back": {
			mode: "AUTO",
			decide: func(t *testing.T, w *world, id string) error {
				_, err := w.Economy.Reverse(t.Context(), id, economy.Reversal{ID: "back"})
				return err
			},
			problem: "transaction two:swims:0 stays as far as it was reversed",
			history: []string{
				"2025-10-06T09:00:00Z late:swims:0 CREDIT 3 COMPLETED", "2025-10-06T10:00:00Z two:swims:0 CREDIT 5 COMPLETED",
				"2025-10-08T00:00:00Z back DEBIT 5 COMPLETED",
			},
			points: "3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				ctx := t.Context()
				_, err := w.Import(ctx, bundle(t, payingRule("swims", nil, object{
					"maxPerUser": 1, "per": "DAY", "rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": tt.mode, "expression": variable("value")}},
				})))
				require.NoError(t, err)
				w.set(time.Date(2025, 10, 8, 0, 0, 0, 0, time.UTC))
				_, err = w.Record(ctx, swim("two", time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC), 5))
				require.NoError(t, err)
				require.NoError(t, tt.decide(t, w, "two:swims:0"))
				out, err := w.Record(ctx, swim("late", time.Date(2025, 10, 6, 9, 0, 0, 0, time.UTC), 3))
				require.NoError(t, err)
				require.Len(t, out.Problems, 1)
				require.Contains(t, out.Problems[0].Reason, tt.problem)
				require.Equal(t, tt.history, w.history(t, "eve"))
				require.Equal(t, tt.points, w.earned(t, "eve"))
			})
		})
	}
}

// What happened before a user was known, such as what a host brings along, is told of once: by the outcome of the
// event that it follows from, whether events are recorded one by one or together.
func TestWhatIsBroughtAlongIsToldOnce(t *testing.T) {
	one, two := newWorld(t, memory.New()), newWorld(t, memory.New())
	week := time.Date(2025, 9, 22, 9, 0, 0, 0, time.UTC) // the one before
	var all []event.Event
	for i := range 4 {
		all = append(all, run(fmt.Sprint("e", i), "eve", week.Add(time.Duration(i)*time.Hour)))
	}
	told := func(out guerdon.Outcome) (lines []string) {
		for _, c := range out.Missions {
			lines = append(lines, fmt.Sprintf("%s: %s, assigned %t, completed %t", c.MissionID, c.CurrentAmount, c.Assigned, c.Completed))
		}
		return append(lines, paid(out)...)
	}
	together, err := two.RecordBatch(t.Context(), all)
	require.NoError(t, err)
	const mission = "eve:weekly:three:2025-W39"
	for i, want := range [][]string{
		{mission + ": 1, assigned true, completed false", "e0:per-run:0 1 COMPLETED"},
		{mission + ": 2, assigned false, completed false", "e1:per-run:0 1 COMPLETED"},
		{mission + ": 3, assigned false, completed true", "e2:per-run:0 1 COMPLETED", mission + ":completed:per-week:0 10 COMPLETED"},
		{"e3:per-run:0 1 COMPLETED"},
	} {
		out, err := one.Record(t.Context(), all[i])
		require.NoError(t, err)
		require.Equal(t, want, told(out), all[i].ID)
		require.Equal(t, want, told(together[i]), all[i].ID)
	}
	require.JSONEq(t, one.picture(t), two.picture(t))
}

// In whatever order events arrive, one by one or together, everybody has been paid for the same things at the same
// time, and the boards of weeks say so.
func TestMoneyDoesNotDependOnTheOrderOfArrival(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		docs := append([]object{
			document("VirtualCurrency", "points", object{"maxAllowedBalance": rapid.SampledFrom([]any{nil, 12, 30}).Draw(rt, "bound")}),
			payingRule("swims", variable("value"), object{
				"maxPerUser": rapid.IntRange(1, 3).Draw(rt, "limit"), "per": rapid.SampledFrom([]any{nil, "DAY", "WEEK"}).Draw(rt, "per"),
			}),
			payingRule("rest", 1, object{"applicationMode": "FALLBACK"}),
			payingRule("long", 2, object{"ruleType": "ENTITY", "matchEntity": "Streak", "matchEntityId": nil, "matchCondition": object{"==": []any{variable("status"), "BROKEN"}}}),
		}, weekly("won", object{"source": "virtual_transactions", "score": object{"sum": variable("amount")}})...)
		var all []event.Event
		for i := range rapid.IntRange(1, 12).Draw(rt, "events") {
			e := swim(fmt.Sprintf("e%02d", i), start.Add(time.Duration(rapid.IntRange(1, 16*8).Draw(rt, "hours"))*3*time.Hour), rapid.Int64Range(0, 6).Draw(rt, "value"))
			e.UserID = rapid.SampledFrom([]string{"ada", "eve"}).Draw(rt, "user")
			e.EntityID = rapid.SampledFrom([]string{"swim", "swim", "run"}).Draw(rt, "activity")
			all = append(all, e)
		}
		slices.SortStableFunc(all, func(a, b event.Event) int { return a.At.Compare(b.At) })
		one, two := found(rt, memory.New(), "acme"), b.world(rt)
		for _, w := range []*world{one, two} {
			_, err := w.Import(rt.Context(), bundle(rt, docs...))
			require.NoError(rt, err)
		}
		for _, e := range all {
			one.set(e.At)
			_, err := one.Record(rt.Context(), e)
			require.NoError(rt, err)
		}
		end := start.AddDate(0, 0, 20)
		one.set(end)
		two.set(end)
		for left := rapid.Permutation(all).Draw(rt, "arrival"); len(left) > 0; {
			n := rapid.IntRange(1, min(4, len(left))).Draw(rt, "together")
			_, err := two.RecordBatch(rt.Context(), left[:n])
			require.NoError(rt, err)
			left = left[n:]
		}
		for _, w := range []*world{one, two} { // what the clock does
			_, err := w.RecordBatch(rt.Context(), []event.Event{run("last-ada", "ada", end), run("last-eve", "eve", end)})
			require.NoError(rt, err)
		}
		for _, user := range []string{"ada", "eve"} {
			require.Equal(rt, one.history(rt, user), two.history(rt, user))
			require.Equal(rt, one.earned(rt, user), two.earned(rt, user))
		}
		for n := range 4 {
			at := start.AddDate(0, 0, 7*n)
			require.Equal(rt, one.week(rt, "won", at), two.week(rt, "won", at))
		}
	})
}
