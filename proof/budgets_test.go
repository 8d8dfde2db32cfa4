package proof_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// budgeted pays points for swims, as many as their value, with more fields of the rule and of the reward.
func budgeted(fields, ofReward object) object {
	return payingRule("swims", nil, merge(object{
		"rewards": []object{merge(object{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": variable("value")}, ofReward)},
	}, fields))
}

func swimBy(user, id string, at time.Time, n int64) event.Event {
	e := swim(id, at, n)
	e.UserID = user
	return e
}

// The first two are paid, whoever they are, and nobody else. Who turns out not to have swum makes room for the next who comes, and not for who was
// refused.
func TestTheFirstArePaid(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, budgeted(object{"budget": object{"max": 2}}, nil)))
		require.NoError(t, err)
		w.set(at.Add(time.Hour))
		paid := func(e event.Event) int {
			out, err := w.Record(ctx, e)
			require.NoError(t, err)
			return len(out.Transactions)
		}
		require.Equal(t, 1, paid(swimBy("ada", "a", at, 3)))
		require.Equal(t, 1, paid(swimBy("bob", "b", at, 3)))
		require.Equal(t, 0, paid(swimBy("eve", "e", at, 3)))
		x, err := w.Explain(ctx, "e", "RewardRule", "swims")
		require.NoError(t, err)
		require.Contains(t, x.String(), "it had paid as often as it may: at most 2 in all")
		x, err = w.Explain(ctx, "a", "RewardRule", "swims")
		require.NoError(t, err)
		require.True(t, x.Moved, x.String())

		_, err = w.Retract(ctx, "a", guerdon.Correction{Reason: "did not swim"})
		require.NoError(t, err)
		_, err = w.Record(ctx, swimBy("eve", "before", at.Add(-time.Minute), 0)) // who was refused is judged anew
		require.NoError(t, err)
		require.Zero(t, w.points(t, "eve"))
		require.Equal(t, 1, paid(swimBy("eve", "e2", at.Add(time.Minute), 3)), "there is room for one who comes")
		require.Equal(t, 0, paid(swimBy("ada", "a2", at.Add(time.Minute), 3)))
		_, err = w.Economy.Verify(ctx)
		require.NoError(t, err)
	})
}

// A budget of points is spent to the last, in its own days.
func TestABudgetIsSpentToTheLast(t *testing.T) {
	at := time.Date(2025, 10, 6, 21, 30, 0, 0, time.UTC) // half an hour before the day is over in Rome
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		daily := object{"max": 10, "per": "DAY", "timezone": "Europe/Rome"}
		_, err := w.Import(ctx, bundle(t, budgeted(nil, object{"budget": daily, "whenExceeded": "PART"})))
		require.NoError(t, err)
		w.set(at.Add(24 * time.Hour))
		for _, e := range []event.Event{swimBy("ada", "a", at, 6), swimBy("bob", "b", at, 6), swimBy("eve", "e", at, 6), swimBy("eve", "next", at.Add(time.Hour), 6)} {
			_, err := w.Record(ctx, e)
			require.NoError(t, err)
		}
		require.Equal(t, []int64{6, 4, 6}, []int64{w.points(t, "ada"), w.points(t, "bob"), w.points(t, "eve")})
		for id, says := range map[string]string{
			"b": "paid 4 points, as there was 4 left of at most 10 in all in 2025-10-06",
			"e": "rejected: 6 points, as there was 0 left of at most 10 in all in 2025-10-06",
		} {
			x, err := w.Explain(ctx, id, "RewardRule", "swims")
			require.NoError(t, err)
			require.Contains(t, x.String(), says)
		}

		_, err = w.Import(ctx, bundle(t, budgeted(nil, object{"budget": object{"max": 5, "per": "DAY", "timezone": "Europe/Rome"}})))
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "documents[0].rewards[0].budget.max: is 5, and 6 was paid already in 2025-10-07")
		_, err = w.Import(ctx, bundle(t, budgeted(nil, object{"budget": object{"max": 6, "per": "DAY", "timezone": "Europe/Rome"}})))
		require.NoError(t, err, "of days that are over, more may have been paid")
	})
}

// What is spent or voided has been paid; what is refused by a bound has not.
func TestWhatCountsForABudget(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, document("VirtualCurrency", "gems", object{"maxAllowedBalance": 6}),
			budgeted(nil, object{"virtualCurrencyId": "gems", "redemptionMode": "MANUAL", "budget": object{"max": 8}, "maxAmountPerUser": 7})))
		require.NoError(t, err)
		w.set(at.Add(time.Hour))
		record := func(e event.Event) string {
			out, err := w.Record(ctx, e)
			require.NoError(t, err)
			require.Len(t, out.Transactions, 1)
			return string(out.Transactions[0].State)
		}
		require.Equal(t, "REJECTED", record(swimBy("ada", "much", at, 7)), "it is more than one may have")
		require.Equal(t, "PENDING", record(swimBy("ada", "a", at, 5)))
		_, err = w.Economy.Void(ctx, "a:swims:0", "spam")
		require.NoError(t, err)
		require.Equal(t, "REJECTED", record(swimBy("bob", "b", at, 4)), "what was voided had been paid")
		require.Equal(t, "PENDING", record(swimBy("ada", "early", at.Add(-time.Minute), 1)), "and the others are judged anew")
		require.Equal(t, "REJECTED", record(swimBy("ada", "last", at.Add(time.Minute), 2)), "what was voided goes on to count for the cap of the user")
		require.Equal(t, "REJECTED", record(swimBy("bob", "b2", at, 3)), "and for the budget")
	})
}

// What an event has drawn stays with it: nothing that comes late takes it, and neither does a version with another budget.
func TestWhatWasDrawnStays(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	part := func(most int) object { return object{"budget": object{"max": most}, "whenExceeded": "PART"} }
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		record := func(e event.Event) {
			_, err := w.Record(ctx, e)
			require.NoError(t, err)
		}
		w.set(at.Add(time.Hour))
		_, err := w.Import(ctx, bundle(t, budgeted(nil, part(10))))
		require.NoError(t, err)
		record(swimBy("ada", "a1", at, 6))
		record(swimBy("ada", "a2", at.Add(time.Minute), 4))
		record(swimBy("ada", "late", at.Add(-time.Minute), 6))
		require.EqualValues(t, 10, w.points(t, "ada"))
		x, err := w.Economy.Transaction(ctx, "a1:swims:0")
		require.NoError(t, err)
		require.Equal(t, "6", x.Amount.String())
		_, err = w.Retract(ctx, "late", guerdon.Correction{Reason: "was none"})
		require.NoError(t, err)
		require.EqualValues(t, 10, w.points(t, "ada"))

		w.set(at.Add(2 * time.Hour))
		_, err = w.Import(ctx, bundle(t, budgeted(nil, part(100))))
		require.NoError(t, err)
		w.set(at.Add(3 * time.Hour))
		record(swimBy("bob", "b", at, 50))
		record(swimBy("ada", "late-too", at.Add(-time.Minute), 0))
		require.EqualValues(t, 10, w.points(t, "ada"), "by a budget of 10, when 60 of 100 were drawn")

		_, err = w.Economy.Reverse(ctx, "a1:swims:0", economy.Reversal{ID: "back", Amount: decimal.NewFromInt(6)})
		require.NoError(t, err)
		_, err = w.Retract(ctx, "a1", guerdon.Correction{Reason: "was none"})
		require.NoError(t, err)
		record(swimBy("eve", "e", at, 100))
		require.EqualValues(t, 40, w.points(t, "eve"), "what was taken back goes on to count")
		states, err := w.Economy.Budgets(ctx, "swims")
		require.NoError(t, err)
		require.Len(t, states, 1)
		require.Equal(t, "100", states[0].Paid.String())
	})
}

// What the budget of a rule let once it lets again when all is judged anew: no other rule pays instead, and nothing is overdrawn.
func TestWhatARuleWasLetStays(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, budgeted(object{"budget": object{"max": 2}}, object{"maxAmountPerUser": 7}),
			payingRule("consoles", 1, object{"applicationMode": "FALLBACK"})))
		require.NoError(t, err)
		w.set(at.Add(time.Hour))
		record := func(e event.Event) {
			_, err := w.Record(ctx, e)
			require.NoError(t, err)
		}
		ofAda := func() (all []string) {
			for _, x := range w.allHistory(t, "ada") {
				if x.Initiator == "rewardRuleId#per-run" { // which pays for what only makes all be judged anew
					continue
				}
				all = append(all, fmt.Sprint(x.ID, " ", x.Amount, " ", x.State))
			}
			return slices.Sorted(slices.Values(all))
		}
		left := func() string {
			states, err := w.Economy.Budgets(ctx, "swims")
			require.NoError(t, err)
			return states[0].Left.String()
		}
		record(swimBy("ada", "a1", at, 5))
		record(swimBy("ada", "a2", at.Add(time.Minute), 5))
		want := []string{"a1:swims:0 5 COMPLETED", "a2:swims:0 5 REJECTED"}
		require.Equal(t, want, ofAda(), "it is more than a user is paid")
		record(swimBy("bob", "b", at, 5))
		record(event.Event{ID: "early", UserID: "ada", EntityID: "run", At: at.Add(-time.Minute)})
		require.Equal(t, want, ofAda())

		_, err = w.Amend(ctx, swimBy("ada", "a1", at, 2), guerdon.Correction{Reason: "counted twice"})
		require.NoError(t, err)
		require.Equal(t, []string{"a1:swims:0 2 COMPLETED", "a2:swims:0 5 REJECTED"}, ofAda(), "a user may have it now, and it has been paid as often as it is")
		x, err := w.Explain(ctx, "a2", "RewardRule", "swims")
		require.NoError(t, err)
		require.Contains(t, x.String(), "rejected: 5 points, as")
		require.Equal(t, "0", left())

		_, err = w.Retract(ctx, "b", guerdon.Correction{Reason: "did not swim"})
		require.NoError(t, err)
		record(event.Event{ID: "earlier", UserID: "ada", EntityID: "run", At: at.Add(-2 * time.Minute)})
		require.Equal(t, []string{"a1:swims:0 2 COMPLETED", "a2:swims:0 5 REJECTED"}, ofAda(), "who was refused is refused again")
		require.Equal(t, "1", left())
	})
}

// Rewards of one rule that share a budget do not overdraw it when one of them is to be more.
func TestRewardsThatShareABudget(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		part := object{
			"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": variable("value"), "budget": object{"max": 10}, "whenExceeded": "PART",
		}
		_, err := w.Import(t.Context(), bundle(t, payingRule("swims", nil, object{"rewards": []object{part, part}})))
		require.NoError(t, err)
		w.set(at.Add(time.Hour))
		_, err = w.Record(t.Context(), swimBy("ada", "a", at, 5))
		require.NoError(t, err)
		for _, n := range []int64{10, 2, 5} {
			_, err = w.Amend(t.Context(), swimBy("ada", "a", at, n), guerdon.Correction{Reason: "miscounted"})
			require.NoError(t, err)
			paid := min(10, 2*n)
			require.Equal(t, paid, w.points(t, "ada"))
			left := strconv.FormatInt(10-paid, 10)
			require.Equal(t, []string{left, left}, w.left(t))
		}
	})
}

// left is what is left of the budgets of the rule.
func (w *world) left(t tester) (left []string) {
	t.Helper()
	states, err := w.Economy.Budgets(t.Context(), "swims")
	require.NoError(t, err)
	for _, s := range states {
		left = append(left, s.Left.String())
	}
	return left
}

// What follows no longer is there again, whatever has become of the rule since, and what follows is not.
func TestWhatFollowsNoLongerIsThereAgain(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	both := budgeted(object{"budget": object{"max": 2}}, object{"budget": object{"max": 10}})
	badge := budgeted(object{"budget": object{"max": 2}, "rewards": []object{{"rewardType": "BADGE", "badgeConfigurationId": "gold"}}}, nil)
	wrong := guerdon.Correction{Reason: "was none"}
	archive := func(t *testing.T, w *world) {
		_, err := w.Economy.RewardRules.Archive(t.Context(), "swims")
		require.NoError(t, err)
	}
	retract := func(t *testing.T, w *world) {
		_, err := w.Retract(t.Context(), "a", wrong)
		require.NoError(t, err)
	}
	amend := func(activity string, n int64) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			e := swimBy("ada", "a", at, n)
			e.EntityID = activity
			_, err := w.Amend(t.Context(), e, wrong)
			require.NoError(t, err)
		}
	}
	publish := func(doc object) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			_, err := w.Import(t.Context(), bundle(t, doc))
			require.NoError(t, err)
		}
	}
	reverse := func(t *testing.T, w *world) {
		_, err := w.Economy.Reverse(t.Context(), "a:swims:0", economy.Reversal{ID: "back", Amount: decimal.NewFromInt(2)})
		require.NoError(t, err)
	}
	for name, c := range map[string]struct {
		rule object
		then []func(*testing.T, *world)
		left []string
	}{
		"the rule is archived meanwhile": {both, []func(*testing.T, *world){archive, retract, publish(both)}, []string{"2", "10"}},
		"its event is one for another version": {
			both, []func(*testing.T, *world){publish(merge(object{}, both, object{"matchEntityId": "run"})), amend("run", 6)}, []string{"2", "10"},
		},
		"a part had been reversed":           {both, []func(*testing.T, *world){reverse, retract}, []string{"1", "8"}},
		"a badge of a rule that is archived": {badge, []func(*testing.T, *world){archive, amend("swim", 7), publish(badge)}, []string{"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				_, err := w.Import(t.Context(), bundle(t, document("BadgeConfiguration", "gold", object{"image": "https://example.org/badge.png"}), c.rule))
				require.NoError(t, err)
				now := at.Add(time.Hour)
				w.set(now)
				_, err = w.Record(t.Context(), swimBy("ada", "a", at, 6))
				require.NoError(t, err)
				for _, then := range c.then {
					now = now.Add(time.Hour)
					w.set(now)
					then(t, w)
				}
				require.Equal(t, c.left, w.left(t))
			})
		})
	}
}

// What two users have been paid once each for what one can have but once is there again when they turn out to be one.
func TestWhoAreOneDrawOnce(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	for name, matcher := range map[string]object{
		"a mission": {"ruleType": "ENTITY", "matchEntity": "Mission", "matchEntityId": ""},
		"the first deed": {
			"ruleType": "ENTITY", "matchEntity": "User", "matchEntityId": "", "matchCondition": operation("==", variable("change"), "FIRST_SEEN"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				_, err := w.Import(t.Context(), bundle(t, budgeted(merge(object{"budget": object{"max": 5}}, matcher), object{"expression": 7, "budget": object{"max": 100}})))
				require.NoError(t, err)
				w.set(at.Add(time.Hour))
				for _, user := range []string{"ada", "bob"} {
					for i := range 3 {
						_, err := w.Record(t.Context(), run(fmt.Sprint(user, i), user, at.Add(time.Duration(i)*time.Minute)))
						require.NoError(t, err)
					}
				}
				require.Equal(t, []string{"3", "86"}, w.left(t))
				_, err = w.Merge(t.Context(), "bob", "ada", guerdon.Correction{Reason: "are one"})
				require.NoError(t, err)
				require.Equal(t, []string{"4", "93"}, w.left(t))
			})
		})
	}
}

// What somebody has decided about stays drawn, also if its rule would not pay for it any more.
func TestWhatIsDecidedStaysDrawn(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, budgeted(object{"maxPerUser": 1, "budget": object{"max": 2}}, object{"redemptionMode": "MANUAL", "budget": object{"max": 10}})))
		require.NoError(t, err)
		w.set(at.Add(time.Hour))
		record := func(e event.Event) {
			_, err := w.Record(ctx, e)
			require.NoError(t, err)
		}
		record(swimBy("ada", "a", at, 5))
		_, err = w.Economy.Redeem(ctx, "ada", "a:swims:0")
		require.NoError(t, err)
		record(swimBy("ada", "early", at.Add(-time.Minute), 5))
		record(swimBy("bob", "b", at, 5))
		paid, times := w.drawn(t, "swims")
		require.Equal(t, "10", paid.String())
		require.Equal(t, 2, times)
	})
}

// However many record at once, no budget is overdrawn.
func TestBudgetsHoldForWhoComesAtOnce(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		_, err := w.Import(t.Context(), bundle(t, budgeted(object{"budget": object{"max": 7}}, object{"budget": object{"max": 16}, "whenExceeded": "PART"})))
		require.NoError(t, err)
		w.set(at.Add(time.Hour))
		var all sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			all.Go(func() {
				for j := range 5 {
					user := people[(i+j)%len(people)]
					if _, err := w.Record(t.Context(), swimBy(user, fmt.Sprintf("s%d-%d", i, j), at.Add(time.Duration(j)*time.Minute), 3)); err != nil {
						errs[i] = err
						return
					}
				}
			})
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		paid, times := w.drawn(t, "swims")
		require.Equal(t, "16", paid.String())
		require.LessOrEqual(t, times, 7)
	})
}

// allHistory is all transactions of a user.
func (w *world) allHistory(t tester, user string) []economy.Transaction {
	t.Helper()
	return pages(t, func(p store.Page) ([]economy.Transaction, string, error) {
		return w.Economy.History(t.Context(), w.as(user), p)
	})
}

// drawn is what a rule has paid to all, and how often.
func (w *world) drawn(t tester, ruleID string) (paid decimal.Decimal, times int) {
	t.Helper()
	for _, user := range people {
		for _, x := range w.allHistory(t, user) {
			if x.Initiator == "rewardRuleId#"+ruleID && x.State != economy.Rejected {
				paid, times = paid.Add(x.Amount), times+1
			}
		}
	}
	return paid, times
}

// Whatever happens, in whatever order it arrives, no budget is overdrawn.
func TestNoBudgetIsOverdrawn(t *testing.T) {
	f := features{missions: true, streaks: true, rewards: true, levels: true, groups: true, fed: true, limits: true, badges: true, tags: true, times: true, moves: true, budgets: true}
	checkStores(t, func(rt *rapid.T, b *backend) {
		s, w := scenarios(f).Draw(rt, "scenario"), b.empty(rt, founding)
		w.enact(rt, s, s.orders().Draw(rt, "order"), w.records(rt))
		for _, user := range people {
			for _, x := range w.allHistory(rt, user) {
				var err error
				switch {
				case x.InitiatorType != economy.ByRewardRule || !rapid.Bool().Draw(rt, "decided"):
				case x.State == economy.Pending:
					_, err = w.Economy.Redeem(rt.Context(), user, x.ID)
				case x.State == economy.Completed:
					_, err = w.Economy.Reverse(rt.Context(), x.ID, economy.Reversal{ID: "back-" + strings.NewReplacer(":", "-", "+", "-").Replace(x.ID), Amount: x.Amount})
				}
				if err != nil {
					require.ErrorIs(rt, err, fault.ErrConflict)
				}
			}
			_, err := w.Record(rt.Context(), event.Event{ID: "late-" + user, UserID: user, EntityID: "run", At: founding.Add(time.Second), Value: new(decimal.NewFromInt(3))})
			require.NoError(rt, err)
		}
		if len(s.events) > 0 {
			gone := rapid.SampledFrom(s.events).Draw(rt, "gone")
			_, err := w.Retract(rt.Context(), gone.ID, guerdon.Correction{Reason: "was none"})
			require.NoError(rt, err)
		}
		for _, doc := range slices.Concat(s.docs, s.late) {
			if doc["kind"] == "RewardRule" {
				w.checkBudgets(rt, doc)
			}
		}
	})
}

// checkBudgets compares what a rule has paid with its budgets that are for ever.
func (w *world) checkBudgets(rt *rapid.T, doc object) {
	id := doc["id"].(string)
	most := func(of object) (decimal.Decimal, bool) {
		budget, is := of["budget"].(object)
		if !is || budget["per"] != nil {
			return decimal.Decimal{}, false
		}
		return decimal.NewFromInt(int64(budget["max"].(int))), true
	}
	rewards := doc["rewards"].([]object)
	if times, is := most(doc); is && len(rewards) == 1 {
		_, paid := w.drawn(rt, id)
		require.LessOrEqual(rt, paid, int(times.IntPart()), "%s", id)
	}
	if all, is := most(rewards[0]); is && len(rewards) == 1 {
		paid, _ := w.drawn(rt, id)
		require.False(rt, paid.GreaterThan(all), "%s has paid %s of %s", id, paid, all)
	}
}
