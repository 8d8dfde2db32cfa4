package proof_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

func boost(id string, factor any, stacking string, fields object) object {
	return document("Boost", id, merge(object{"rewardRulesPool": "ALL", "factor": factor, "stacking": stacking}, fields))
}

// added says what a transaction was without boosts, and what each has added.
func added(x economy.Transaction) (all []string) {
	if len(x.Boosts) == 0 {
		return nil
	}
	all = append(all, x.BaseAmount.String())
	for _, b := range x.Boosts {
		all = append(all, b.BoostID+" "+b.Amount.String())
	}
	return all
}

// Boosts add, multiply, or are the greatest: in this order, whatever the order of the documents.
func TestBoostsStack(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		boosts []object
		amount string
		added  []string
	}{
		"none": {nil, "10", nil},
		"two that add": {
			[]object{boost("a", 2, "ADD", nil), boost("b", 2, "ADD", nil)}, "30", []string{"10", "a 10", "b 10"},
		},
		"two that multiply": {
			[]object{boost("a", 2, "MULTIPLY", nil), boost("b", 1.5, "MULTIPLY", nil)}, "30", []string{"10", "a 10", "b 10"},
		},
		"the greatest of two": {
			[]object{boost("a", 2, "GREATEST", nil), boost("b", 3, "GREATEST", nil), boost("c", 3, "GREATEST", nil)}, "30", []string{"10", "b 20"},
		},
		"all kinds": {
			[]object{boost("a", 3, "GREATEST", nil), boost("b", 2, "MULTIPLY", nil), boost("c", 1.5, "ADD", nil), boost("d", 1.2, "ADD", nil)},
			"102",
			[]string{"10", "c 5", "d 2", "b 17", "a 68"},
		},
		"what is finer than an amount is cut": {
			[]object{boost("a", "1.000001", "MULTIPLY", nil), boost("b", "1.000001", "MULTIPLY", nil)}, "10.00002", []string{"10", "a 0.00001", "b 0.00001"},
		},
		"other rules, other currencies, other times, other users": {
			[]object{
				boost("a", 2, "ADD", object{"rewardRulesPool": []string{"runs"}}), boost("b", 2, "ADD", object{"virtualCurrencyId": "gems"}),
				boost("c", 2, "ADD", object{"timeframe": object{
					"timeframeType": "RANGE", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2025-10-01T00:00:00Z", "timeframeEndsAt": "2025-10-06T10:00:00Z",
				}}),
				boost("d", 2, "ADD", object{"matchCondition": isRed()}),
			}, "10", nil,
		},
		"what meets them": {
			[]object{
				boost("a", 2, "ADD", object{"rewardRulesPool": []string{"runs", "swims"}}), boost("b", 2, "ADD", object{"virtualCurrencyId": "points"}),
				boost("c", 2, "ADD", object{"timeframe": object{
					"timeframeType": "RANGE", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2025-10-06T10:00:00Z", "timeframeEndsAt": "2025-10-06T11:00:00Z",
				}}),
				boost("d", 2, "ADD", object{"matchCondition": operation("!", isRed())}),
			}, "50", []string{"10", "a 10", "b 10", "c 10", "d 10"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				ctx := t.Context()
				_, err := w.Import(ctx, bundle(t, append([]object{payingRule("swims", 10, nil), payingRule("runs", 0, nil)}, c.boosts...)...))
				require.NoError(t, err)
				w.set(at.Add(time.Hour))
				out, err := w.Record(ctx, swim("s", at, 1))
				require.NoError(t, err)
				require.Len(t, out.Transactions, 1)
				x, err := w.Economy.Transaction(ctx, "s:swims:0")
				require.NoError(t, err)
				require.Equal(t, c.amount, x.Amount.String())
				require.Equal(t, c.added, added(x))
				require.Equal(t, x.Boosts, out.Transactions[0].Boosts)
			})
		})
	}
}

// A boost is explained, and so is what it did to a reward.
func TestBoostsAreExplained(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, document("Tag", "red", object{"namespace": "colour", "variant": "red"}), payingRule("swims", 10, object{"rewards": []object{
			{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 10, "maxAmountPerUser": 35, "whenExceeded": "PART"},
		}}), boost("gold", 2, "ADD", object{"matchCondition": isRed()}), boost("happy", 1.5, "GREATEST", object{"timeframe": object{
			"timeframeType": "RANGE", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2025-10-06T10:00:00Z", "timeframeEndsAt": "2025-10-06T12:00:00Z",
		}})))
		require.NoError(t, err)
		_, err = w.Users.AssignTags(ctx, "eve", tenancy.Tagging{TagID: "red"})
		require.NoError(t, err)
		w.set(at.Add(3 * time.Hour))
		for _, e := range []event.Event{swim("s1", at, 1), swim("s2", at.Add(2*time.Hour), 1), swimBy("bob", "s3", at, 1)} {
			_, err := w.Record(ctx, e)
			require.NoError(t, err)
		}
		for _, c := range []struct {
			event, kind, id string
			moved           bool
			says            string
		}{
			{"s1", "RewardRule", "swims", true, "paid 30 points (10, and 10 by gold, 10 by happy)"},
			{"s1", "Boost", "gold", true, "raised 10 of 30 points by swims"},
			{"s1", "Boost", "happy", true, "raised 10 of 30 points by swims"},
			{"s2", "RewardRule", "swims", true, "paid 5 points (10, and 10 by gold), and had paid user eve 30 of at most 35"},
			{"s2", "Boost", "happy", false, "timeframe: it happened outside the time of the boost"},
			{"s3", "Boost", "gold", false, "matchCondition: "},
		} {
			x, err := w.Explain(ctx, c.event, c.kind, c.id)
			require.NoError(t, err)
			require.Equal(t, c.moved, x.Moved, "%s", x)
			require.Contains(t, x.String(), c.says)
		}
	})
}

// A late event is paid with the boosts of its moment, and what follows from it anew as it was.
func TestBoostsAreOfTheirTime(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, payingRule("swims", 10, nil), boost("happy", 2, "ADD", object{"timeframe": object{
			"timeframeType": "RANGE", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2025-10-06T09:00:00Z", "timeframeEndsAt": "2025-10-06T11:00:00Z",
		}})))
		require.NoError(t, err)
		w.set(at.Add(3 * time.Hour))
		_, err = w.Record(ctx, swim("after", at.Add(2*time.Hour), 1))
		require.NoError(t, err)
		_, err = w.Record(ctx, swim("within", at, 1))
		require.NoError(t, err)
		w.set(at.Add(4 * time.Hour))
		_, err = w.Economy.Boosts.Archive(ctx, "happy")
		require.NoError(t, err)
		_, err = w.Record(ctx, swim("late", at.Add(-time.Minute), 1)) // it is paid by what is in force now, the others by what was
		require.NoError(t, err)
		require.EqualValues(t, 40, w.points(t, "eve"))
	})
}

func TestBoostsThatAreNone(t *testing.T) {
	w := newWorld(t, memory.New())
	for says, doc := range map[string]object{
		"factor: is -1; it must be more than 1, and at most 1000":          boost("b", -1, "ADD", nil),
		"factor: is 1; it must be more than 1":                             boost("b", 1, "ADD", nil),
		"factor: is 1001; it must be more than 1, and at most 1000":        boost("b", 1001, "ADD", nil),
		"factor: is finer than 0.000001":                                   boost("b", "1.0000001", "ADD", nil),
		`stacking: "" is none of ADD, MULTIPLY, GREATEST`:                  boost("b", 2, "", nil),
		"rewardRulesPool: is none; name the rules that pay more":           boost("b", 2, "ADD", object{"rewardRulesPool": []string{}}),
		`rewardRulesPool[0]: names RewardRule "none"`:                      boost("b", 2, "ADD", object{"rewardRulesPool": []string{"none"}}),
		`rewardRulesPool[0]: names RewardRule "swims", which pays no gems`: boost("b", 2, "ADD", object{"rewardRulesPool": []string{"swims"}, "virtualCurrencyId": "gems"}),
		"virtualCurrencyId: names VirtualCurrency \"none\"":                boost("b", 2, "ADD", object{"virtualCurrencyId": "none"}),
		"matchCondition":          boost("b", 2, "ADD", object{"matchCondition": "gold"}),
		"timeframe.timeframeType": boost("b", 2, "ADD", object{"timeframe": object{}}),
	} {
		_, err := w.Import(t.Context(), bundle(t, payingRule("swims", 10, nil), doc))
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "documents[1]."+says)
	}
	for says, budget := range map[string]object{
		"budget.max: is 0; it must be more than 0":             {"max": 0},
		"budget.max: is 1.5; a rule pays whole times":          {"max": 1.5},
		`budget.per: "HOUR" is none of DAY, WEEK, MONTH, YEAR`: {"max": 1, "per": "HOUR"},
		"budget.timezone: needs per":                           {"max": 1, "timezone": "UTC"},
		"budget.timezone: ":                                    {"max": 1, "per": "DAY", "timezone": "Rome"},
	} {
		_, err := w.Import(t.Context(), bundle(t, payingRule("swims", 10, object{"budget": budget})))
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "documents[0]."+says)
	}
}
