package economy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
)

// counts returns an edit that lets a rule count the events of the last so many minutes each.
func counts(all ...economy.Count) func(*economy.RewardRule) {
	return func(r *economy.RewardRule) { r.Counts = all }
}

// review returns an edit that lets the first reward be held for review.
func review(condition string) func(*economy.RewardRule) {
	return func(r *economy.RewardRule) { r.Rewards[0].ReviewCondition = json.RawMessage(condition) }
}

// A rule reads how many of its events happened within so many minutes, whether it paid for them or not.
func TestCounts(t *testing.T) {
	t.Parallel()
	ten, hour := economy.Count{Name: "fast", Minutes: 10}, economy.Count{Name: "h-1", Minutes: 60}
	const minute = time.Minute
	for _, tt := range []struct {
		name  string
		edits []func(*economy.RewardRule)
		after []time.Duration
		want  string // of each event: what is paid, in parentheses what is held for review, - for nothing
	}{
		{"what it counts", edits{counts(ten), pays("gold", `{"var": "recent.fast"}`)}, []time.Duration{0, 0, minute, 10*minute - 1, 10 * minute, 60 * minute}, "1 2 3 4 3 1"},
		{"two counts", edits{counts(ten, hour), pays("gold", `{"+": [{"*": [100, {"var": "recent.h-1"}]}, {"var": "recent.fast"}]}`)}, []time.Duration{0, 20 * minute, 25 * minute, 61 * minute}, "101 201 302 301"},
		{"a limit", edits{counts(ten), pays("gold", "5"), when(`{"<=": [{"var": "recent.fast"}, 2]}`)}, []time.Duration{0, 1, 2, 3, 10*minute + 1, 10*minute + 2}, "5 5 - - - -"},
		{"a limit that is not renewed by what is late", edits{counts(ten), pays("gold", "5"), when(`{"<=": [{"var": "recent.fast"}, 2]}`)}, []time.Duration{0, 9 * minute, 9 * minute, 20 * minute}, "5 5 - 5"},
		{"a review", edits{counts(ten), pays("gold", "5"), review(`{">": [{"var": "recent.fast"}, 1]}`)}, []time.Duration{0, minute, 11 * minute}, "5 (5) 5"},
		{"a review by the event", edits{pays("gold", "5"), review(`{">": [{"var": "value"}, 3]}`)}, []time.Duration{0}, "(5)"},
		{"a review that is for others", edits{pays("gold", "5"), review(`{">": [{"var": "value"}, 4]}`)}, []time.Duration{0}, "5"},
		{"no review", edits{pays("gold", "5"), review(`null`)}, []time.Duration{0}, "5"},
		{"held counts for a cap", edits{pays("gold", "5"), review(`{">": [{"var": "value"}, 3]}`), most("7", "", economy.PayPart)}, []time.Duration{0, 1, 2}, "(5) (2) -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.coin(t, "gold", "", "")
			w.rule(t, "r1", tt.edits...)
			var got []string
			for i, after := range tt.after {
				e := activity(fmt.Sprint("e", i), "ada", start.Add(after))
				e.Value = optional("4")
				changes, problems := w.record(t, e)
				require.Empty(t, problems)
				switch {
				case len(changes) == 0 || changes[0].State == economy.Rejected:
					got = append(got, "-")
				case changes[0].HeldForReview:
					require.Equal(t, economy.Pending, changes[0].State)
					got = append(got, "("+changes[0].Amount.String()+")")
				default:
					got = append(got, changes[0].Amount.String())
				}
			}
			require.Equal(t, tt.want, strings.Join(got, " "))
			require.True(t, w.verify(t).OK())
		})
	}
}

// A count goes no further than it is kept, and others' events are not counted.
func TestCountsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.coin(t, "gold", "", "")
	w.rule(t, "r1", counts(economy.Count{Name: "fast", Minutes: economy.MaxCountMinutes}), pays("gold", `{"var": "recent.fast"}`))
	for i := range economy.MaxCounted + 5 {
		changes, _ := w.record(t, activity(fmt.Sprint("e", i), "ada", start.Add(time.Duration(i)*time.Second)))
		require.EqualValues(t, min(i+1, economy.MaxCounted), changes[0].Amount.IntPart())
	}
	changes, _ := w.record(t, activity("bobs", "bob", start.Add(time.Hour)))
	require.Equal(t, "1", changes[0].Amount.String())
}

func TestCountsRefuse(t *testing.T) {
	t.Parallel()
	fast := economy.Count{Name: "fast", Minutes: 10}
	for want, edit := range map[string]func(*economy.RewardRule){
		"counts: are 6; a rule has at most 5":                              counts(fast, fast, fast, fast, fast, fast),
		"counts[0].name: is empty":                                         counts(economy.Count{Minutes: 1}),
		`counts[0].name: holds '.'`:                                        counts(economy.Count{Name: "a.b", Minutes: 1}),
		`counts[1].name: "fast" occurs twice`:                              counts(fast, economy.Count{Name: "fast", Minutes: 20}),
		"counts[0].minutes: is 0; allowed are 1 to 1440":                   counts(economy.Count{Name: "fast"}),
		"counts[0].minutes: is 1441":                                       counts(economy.Count{Name: "fast", Minutes: 1441}),
		"recent is read by RewardRule, by the names of its counts":         when(`{"var": "recent.fast"}`),
		"rewards[0].reviewCondition: makes the condition always false":     review("false"),
		`rewards[0].reviewCondition: is for another rewardType than BADGE`: badgeHeld,
		`rewards[0].reviewCondition/>/0/var: unknown path "recent.fats"; did you mean "recent.fast"?`: func(r *economy.RewardRule) {
			counts(fast)(r)
			review(`{">": [{"var": "recent.fats"}, 1]}`)(r)
		},
	} {
		r := rewardRule("r1", edit)
		err := r.Validate()
		require.ErrorIs(t, err, fault.ErrInvalid, want)
		require.ErrorContains(t, err, want)
	}
}

func badgeHeld(r *economy.RewardRule) {
	r.Rewards[0] = economy.Reward{Type: economy.BadgeReward, BadgeID: "gold", ReviewCondition: json.RawMessage("true")}
}
