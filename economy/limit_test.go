package economy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/timeframe"
)

// most returns an edit that bounds what the first reward pays a user.
func most(n string, per timeframe.Calendar, exceeded economy.WhenExceeded) func(*economy.RewardRule) {
	return func(r *economy.RewardRule) {
		r.Rewards[0].Cap = economy.Cap{MaxAmountPerUser: optional(n), Per: per, WhenExceeded: exceeded}
	}
}

// A reward pays as much as its cap and the currency let, in the order in which things happened.
func TestCap(t *testing.T) {
	t.Parallel()
	const hour, day = time.Hour, 24 * time.Hour
	twice := func(r *economy.RewardRule) { r.Rewards = append(r.Rewards, r.Rewards[0]) }
	october := func(r *economy.RewardRule) {
		r.Rewards[0].Cap = economy.Cap{MaxAmountPerUser: optional("5"), Timeframe: &timeframe.Timeframe{
			Type: timeframe.Range, TimezoneType: timeframe.User, StartsAt: start, EndsAt: new(start.Add(3 * hour)),
		}}
	}
	for _, tt := range []struct {
		name    string
		ceiling string
		edits   []func(*economy.RewardRule)
		after   []time.Duration
		want    string // of each event, the amounts; in parentheses what is rejected
	}{
		{"for ever", "", edits{pays("gold", "4"), most("10", "", "")}, []time.Duration{0, hour, 40 * day, 80 * day}, "4 4 (4) (4)"},
		{"what is smaller fits yet", "", edits{pays("gold", `{"var": "value"}`), most("10", "", "")}, []time.Duration{0, 7, 8, 3, 1}, "4 4 (4) (4) (4)"},
		{"a part", "", edits{pays("gold", "4"), most("10", "", economy.PayPart)}, []time.Duration{0, hour, 40 * day, 80 * day}, "4 4 2 (4)"},
		{"a small part", "", edits{pays("gold", "4"), most("4.000001", "", economy.PayPart)}, []time.Duration{0, hour, 2 * hour}, "4 0.000001 (4)"},
		{"a day", "", edits{pays("gold", "4"), most("5", timeframe.ByDay, economy.PayPart)}, []time.Duration{0, hour, 14*hour - 1, 14 * hour}, "4 1 (4) 4"},
		{"a week", "", edits{pays("gold", "4"), most("4", timeframe.ByWeek, "")}, []time.Duration{0, 6 * day, 7 * day}, "4 (4) 4"},
		{"a year", "", edits{pays("gold", "4"), most("4", timeframe.ByYear, "")}, []time.Duration{0, 121 * day, 122 * day}, "4 (4) 4"},
		{"a month", "", edits{pays("gold", "4"), most("4", timeframe.ByMonth, "")}, []time.Duration{0, 29 * day, 30 * day}, "4 (4) 4"},
		{"a timeframe, and nothing outside of it", "", edits{pays("gold", "4"), october}, []time.Duration{-hour, 0, hour, 3*hour - 1, 3 * hour, 4 * hour}, "4 4 (4) (4) 4 4"},
		{"two rewards share it", "", edits{pays("gold", "4"), most("10", "", economy.PayPart), twice}, []time.Duration{0, hour}, "4 4 2 (4)"},
		{"the ceiling", "10", edits{pays("gold", "4"), most("100", "", "")}, []time.Duration{0, hour, 2 * hour}, "4 4 (4)"},
		{"a part up to the ceiling", "10", edits{pays("gold", "4"), most("100", "", economy.PayPart)}, []time.Duration{0, hour, 2 * hour, 3 * hour}, "4 4 2 (4)"},
		{"a part up to the ceiling alone", "9", edits{pays("gold", "4"), func(r *economy.RewardRule) { r.Rewards[0].WhenExceeded = economy.PayPart }}, []time.Duration{0, hour, 2 * hour, 3 * hour}, "4 4 1 (4)"},
		{"what is smaller: the cap", "9", edits{pays("gold", "4"), most("5", "", economy.PayPart)}, []time.Duration{0, hour, 2 * hour}, "4 1 (4)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.coin(t, "gold", "", tt.ceiling)
			w.rule(t, "r1", tt.edits...)
			var got []string
			for i, after := range tt.after {
				e := activity(fmt.Sprint("e", i), "ada", start.Add(after))
				e.Value = optional("4")
				changes, _ := w.record(t, e)
				for _, c := range changes {
					text := c.Amount.String()
					if c.State == economy.Rejected {
						text = "(" + text + ")"
					}
					got = append(got, text)
				}
			}
			require.Equal(t, tt.want, strings.Join(got, " "))
			require.True(t, w.verify(t).OK())
		})
	}
}

// A cap is each user's own, and what was reversed goes on to count.
func TestCapIsOnWhatWasPaidFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.coin(t, "gold", "", "")
	w.rule(t, "r1", pays("gold", "4"), most("4", "", ""))
	_, problems := w.record(t, activity("e1", "ada", start))
	require.Empty(t, problems)
	_, err := w.Reverse(t.Context(), "e1:r1:0", economy.Reversal{})
	require.NoError(t, err)
	changes, problems := w.record(t, activity("e2", "ada", start))
	require.Equal(t, economy.Rejected, changes[0].State)
	require.Empty(t, problems, "the cap is meant")
	changes, _ = w.record(t, activity("e3", "bob", start))
	require.Equal(t, economy.Completed, changes[0].State)
}

func TestCapRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.coin(t, "gold", "", "")
	frame := timeframe.Timeframe{Type: timeframe.Permanent, TimezoneType: timeframe.User, StartsAt: start}
	for field, of := range map[string]economy.Cap{
		"maxAmountPerUser":        {MaxAmountPerUser: optional("0")},
		"maxAmountPerUser ":       {MaxAmountPerUser: optional("-1")},
		"maxAmountPerUser  ":      {MaxAmountPerUser: optional("0.0000001")},
		"per":                     {Per: timeframe.ByDay},
		"per ":                    {MaxAmountPerUser: optional("1"), Per: "HOUR"},
		"timeframe":               {Timeframe: &frame},
		"timeframe ":              {MaxAmountPerUser: optional("1"), Per: timeframe.ByDay, Timeframe: &frame},
		"timeframe.timeframeType": {MaxAmountPerUser: optional("1"), Timeframe: &timeframe.Timeframe{TimezoneType: timeframe.User, StartsAt: start}},
		"whenExceeded":            {WhenExceeded: "ALL"},
		"whenExceeded ":           {WhenExceeded: "PENDING"},
	} {
		r := economy.RewardRule{}
		r.Rewards = []economy.Reward{{CurrencyID: "gold", RedemptionMode: economy.Auto, Cap: of}}
		err := r.Validate()
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "rewards[0]."+strings.TrimSpace(field)+":")
	}
}
