package proof_test

import (
	"cmp"
	"errors"
	"fmt"
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
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
)

// reviewed is a rule that holds for review what is more than two swims within ten minutes, with more fields.
func reviewed(mode string, fields object) object {
	return payingRule("swims", nil, merge(object{
		"counts": []object{{"name": "fast", "minutes": 10}},
		"rewards": []object{{
			"virtualCurrencyId": "points", "redemptionMode": mode, "expression": variable("value"),
			"reviewCondition": operation(">", variable("recent.fast"), 2),
		}},
	}, fields))
}

// waiting are the ids of what is held for review.
func (w *world) waiting(t tester) (ids []string) {
	t.Helper()
	for _, x := range pages(t, func(p store.Page) ([]economy.Transaction, string, error) {
		p.Limit = 2
		return w.Economy.HeldForReview(t.Context(), p)
	}) {
		require.True(t, x.HeldForReview)
		require.Equal(t, economy.Pending, x.State)
		ids = append(ids, x.ID)
	}
	return ids
}

// What is too fast is held for review: it waits, nobody can redeem it, and nothing follows from it before somebody has released it.
func TestWhatIsTooFastIsHeldForReview(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, append(weekly("won", object{"source": "virtual_transactions", "score": object{"sum": variable("amount")}}), reviewed("AUTO", nil))...))
		require.NoError(t, err)
		w.set(at.Add(time.Hour))
		for i := range 5 {
			out, err := w.Record(ctx, swim(fmt.Sprint("s", i), at.Add(time.Duration(i)*time.Minute), 3))
			require.NoError(t, err)
			require.Len(t, out.Transactions, 1)
			require.Equal(t, i > 1, out.Transactions[0].HeldForReview, "%d", i)
			require.Equal(t, i > 1, out.Transactions[0].State == economy.Pending, "%d", i)
		}
		require.Equal(t, []string{"s2:swims:0", "s3:swims:0", "s4:swims:0"}, w.waiting(t))
		require.Equal(t, []string{"eve 6"}, w.week(t, "won", at))
		x, err := w.Explain(ctx, "s2", "RewardRule", "swims")
		require.NoError(t, err)
		require.True(t, x.Moved)
		require.Contains(t, x.String(), "paid 3 points, held for review: rewards[0].reviewCondition: recent.fast > 2 is true: recent.fast is 3")

		_, err = w.Economy.Redeem(ctx, "eve", "s2:swims:0")
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "is held for review")
		for name, ids := range map[string][]string{
			`virtualTransactionIds[1]: virtualTransaction "s1:swims:0" is not held for review`: {"s2:swims:0", "s1:swims:0"},
			`virtualTransactionIds[1]: "s2:swims:0" occurs twice`:                              {"s2:swims:0", "s2:swims:0"},
			"virtualTransactionIds: are 0; allowed are 1 to 100":                               nil,
			"virtualTransactionIds: are 101; allowed are 1 to 100":                             make([]string, 101),
			"virtualTransactionIds[0]":                                                         {"none"},
		} {
			for _, decide := range []func() error{
				func() error { _, err := w.Economy.Release(ctx, ids, ""); return err },
				func() error { _, err := w.Economy.VoidAll(ctx, ids, ""); return err },
			} {
				err := decide()
				require.Error(t, err, name)
				if !strings.Contains(name, "not held") {
					require.ErrorContains(t, err, name)
				}
			}
		}
		require.Len(t, w.waiting(t), 3, "all or none")
		_, err = w.Economy.Release(ctx, []string{"s2:swims:0"}, strings.Repeat("x", economy.MaxReason+1))
		require.ErrorIs(t, err, fault.ErrInvalid)

		w.set(at.Add(2 * time.Hour))
		done, err := w.Economy.Release(ctx, []string{"s2:swims:0", "s3:swims:0"}, "A relay.")
		require.NoError(t, err)
		require.Equal(t, []any{economy.Completed, true, *w.now.Load(), "ADMIN", "A relay."}, []any{done[1].State, done[1].HeldForReview, done[1].ReleasedAt, done[1].ReleasedBy, done[1].Reason})
		require.Equal(t, []string{"eve 12"}, w.week(t, "won", at))
		before, err := w.Economy.BalanceAt(ctx, "eve", "points", at.Add(90*time.Minute))
		require.NoError(t, err)
		require.Equal(t, "6", before.AvailableAmount.String())
		_, err = w.Economy.Release(ctx, []string{"s3:swims:0"}, "")
		require.ErrorContains(t, err, "was released already")
		_, err = w.Economy.VoidAll(ctx, []string{"s4:swims:0"}, "A bot.")
		require.NoError(t, err)
		_, err = w.Economy.Release(ctx, []string{"s4:swims:0"}, "")
		require.ErrorContains(t, err, "is REJECTED")
		require.Empty(t, w.waiting(t))
		require.Equal(t, "12", w.earned(t, "eve"))
	})
}

// A reward that is to be redeemed can be, once it is released; and what waits for somebody who is deleted is voided.
func TestWhatIsReleasedCanBeRedeemed(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, bundle(t, reviewed("MANUAL", object{"maxPerUser": 9})))
		require.NoError(t, err)
		w.set(at.Add(time.Hour))
		for i := range 4 {
			_, err := w.Record(ctx, swim(fmt.Sprint("s", i), at.Add(time.Duration(i)*time.Second), 3))
			require.NoError(t, err)
		}
		_, err = w.Economy.Redeem(ctx, "eve", "s2:swims:0")
		require.ErrorContains(t, err, "is held for review")
		_, err = w.Economy.Release(ctx, []string{"s2:swims:0"}, "")
		require.NoError(t, err)
		require.Equal(t, "PENDING 3 - 0", w.stands(t, "s2:swims:0"))
		_, err = w.Economy.Release(ctx, []string{"s2:swims:0"}, "")
		require.ErrorContains(t, err, "was released already")
		_, err = w.Record(ctx, swim("early", at.Add(-time.Second), 1)) // folds it again
		require.NoError(t, err)
		require.Equal(t, []string{"s1:swims:0", "s3:swims:0"}, w.waiting(t))
		_, err = w.Economy.Redeem(ctx, "eve", "s2:swims:0")
		require.NoError(t, err)
		require.Equal(t, "COMPLETED 3 - 0", w.stands(t, "s2:swims:0"))
		_, err = w.Users.Anonymise(ctx, "eve")
		require.NoError(t, err)
		require.Empty(t, w.waiting(t))
		require.Equal(t, "REJECTED 3 - 0", w.stands(t, "s3:swims:0"))
		w.requireBooks(t)
	})
}

// Whatever comes late, is taken back or put right, and whatever is decided meanwhile: a reward is held for review exactly if it is too fast by what is
// known, or was when somebody decided about it; boards count what is completed, once; the books are right; and folding again changes nothing.
func TestWhatIsHeldFollowsFromWhatIsKnown(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	checkStores(t, func(rt *rapid.T, b *backend) {
		w, ctx := b.world(rt), rt.Context()
		mode := rapid.SampledFrom([]string{"AUTO", "AUTO", "MANUAL"}).Draw(rt, "mode")
		_, err := w.Import(ctx, bundle(rt, append(weekly("won", object{"source": "virtual_transactions", "where": object{"!": variable("reversalOf")}, "score": object{"sum": variable("amount")}}), reviewed(mode, nil), document("Activity", "sit", nil))...))
		require.NoError(rt, err)
		w.set(at.Add(24 * time.Hour))
		told, known := map[string]event.Event{}, map[string]bool{} // what was taken back is known, and not recorded again
		decided := map[string]bool{}                               // whether it was held
		reversed := map[string]bool{}
		id := func() string { return fmt.Sprint("s", rapid.IntRange(0, 5).Draw(rt, "event")) }
		ignore := func(err error) bool {
			require.True(rt, err == nil || errors.Is(err, fault.ErrConflict) || errors.Is(err, fault.ErrNotFound), "%v", err)
			return err == nil
		}
		drawn := func(id string) event.Event {
			return swim(id, at.Add(time.Duration(rapid.IntRange(0, 14).Draw(rt, "minute"))*time.Minute), int64(rapid.IntRange(1, 2).Draw(rt, "value")))
		}
		decide := func(id string, err error) {
			if ignore(err) {
				if _, before := decided[id]; !before {
					x, err := w.Economy.Transaction(ctx, id+":swims:0")
					require.NoError(rt, err)
					decided[id] = x.HeldForReview
				}
			}
		}
		actions := map[string]func(*rapid.T){
			"record": func(*rapid.T) {
				ev := drawn(id())
				if known[ev.ID] {
					return
				}
				known[ev.ID] = true
				_, err := w.Record(ctx, ev)
				require.NoError(rt, err)
				told[ev.ID] = ev
			},
			"amend": func(*rapid.T) {
				ev := drawn(id())
				if _, there := told[ev.ID]; !there {
					return
				}
				if _, err := w.Amend(ctx, ev, guerdon.Correction{Reason: "It was not so."}); ignore(err) {
					told[ev.ID] = ev
				}
			},
			"retract": func(*rapid.T) {
				id := id()
				if _, err := w.Retract(ctx, id, guerdon.Correction{Reason: "It was not so."}); ignore(err) {
					delete(told, id)
				}
			},
			"release": func(*rapid.T) {
				id := id()
				_, err := w.Economy.Release(ctx, []string{id + ":swims:0"}, "")
				decide(id, err)
			},
			"void": func(*rapid.T) {
				id := id()
				held := slices.Contains(w.waiting(rt), id+":swims:0")
				_, err := w.Economy.VoidAll(ctx, []string{id + ":swims:0"}, "")
				if held {
					decide(id, err)
				} else {
					ignore(err)
				}
			},
			"redeem": func(*rapid.T) {
				_, err := w.Economy.Redeem(ctx, "eve", id()+":swims:0")
				ignore(err)
			},
			"reverse": func(*rapid.T) {
				id := id()
				_, err := w.Economy.Reverse(ctx, id+":swims:0", economy.Reversal{Amount: decimal.NewFromInt(1)})
				if decide(id, err); err == nil {
					reversed[id] = true
				}
			},
		}
		names := []string{"record", "record", "record", "release", "void", "amend", "retract", "redeem", "reverse"}
		for range rapid.IntRange(1, 24).Draw(rt, "actions") {
			w.set(w.now.Load().Add(time.Minute))
			actions[rapid.SampledFrom(names).Draw(rt, "action")](rt)

			w.requireBooks(rt)
			order := make([]event.Event, 0, len(told))
			for _, ev := range told {
				order = append(order, ev)
			}
			slices.SortFunc(order, func(a, b event.Event) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
			for i, ev := range order {
				n := 0
				for _, other := range order[:i+1] {
					if other.At.After(ev.At.Add(-10 * time.Minute)) {
						n++
					}
				}
				want := n > 2
				if was, known := decided[ev.ID]; known {
					want = was
				}
				x, err := w.Economy.Transaction(ctx, ev.ID+":swims:0")
				require.NoError(rt, err)
				if x.ReleasedAt.IsZero() && x.VoidedAt.IsZero() && (x.RedeemedAt.IsZero() || x.HeldForReview) {
					require.Equal(rt, want, x.HeldForReview, "%s with %d", ev.ID, n)
				}
				if !want && x.ReleasedAt.IsZero() && x.VoidedAt.IsZero() && x.RedeemedAt.IsZero() {
					require.Equal(rt, decimal.Max(*ev.Value, x.ReversedAmount).String(), x.Amount.String(), "%s is what it is paid now", ev.ID)
				}
				if want && x.HeldForReview && x.ReleasedAt.IsZero() && x.VoidedAt.IsZero() {
					require.Contains(rt, w.waiting(rt), x.ID)
				}
			}
			sum, whole := decimal.Decimal{}, len(reversed) == 0
			for _, x := range w.transactions(rt, "eve") {
				if x.State == economy.Completed && x.ReversedTransactionID == "" {
					sum = sum.Add(x.Amount)
				}
			}
			top, err := w.Leaderboards.Top(ctx, "won", 10, &leaderboard.At{Time: at})
			require.NoError(rt, err)
			if whole { // what was reversed is kept though nothing pays it any more
				var score decimal.Decimal
				for _, r := range top.Rows {
					score = score.Add(r.Score)
				}
				require.Equal(rt, sum.String(), score.String(), "boards count what is completed")
			}
		}
		before := w.transactions(rt, "eve")
		_, err = w.Record(ctx, event.Event{ID: "sit", UserID: "eve", EntityID: "sit", At: at.Add(-time.Minute)})
		require.NoError(rt, err)
		require.Equal(rt, before, w.transactions(rt, "eve"))
	})
}

// transactions is the history of a user.
func (w *world) transactions(t tester, userID string) []economy.Transaction {
	t.Helper()
	return pages(t, func(p store.Page) ([]economy.Transaction, string, error) {
		return w.Economy.History(t.Context(), userID, p)
	})
}
