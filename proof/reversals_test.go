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
	"github.com/guerdonhq/guerdon/store/memory"
)

// back takes back so much of a transaction, 0 for all that is left, in the name of an admin.
func (w *world) back(t tester, id string, n int64, upTo bool) (taken string, err error) {
	t.Helper()
	rows, err := w.Economy.Reverse(t.Context(), id, economy.Reversal{Amount: decimal.NewFromInt(n), UpTo: upTo, Reason: "It was not so."})
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		require.Equal(t, economy.ByReversal, row.InitiatorType)
		require.Equal(t, "It was not so.", row.Reason)
		of, err := w.Economy.Transaction(t.Context(), row.ReversedTransactionID)
		require.NoError(t, err)
		require.Equal(t, []any{of.UserID, of.CurrencyID, of.GroupID, of.Direction.Opposite()}, []any{row.UserID, row.CurrencyID, row.GroupID, row.Direction})
	}
	return rows[0].Amount.String(), nil
}

// stands shows a transaction and how much of it was taken back.
func (w *world) stands(t tester, id string) string {
	t.Helper()
	x, err := w.Economy.Transaction(t.Context(), id)
	if errors.Is(err, fault.ErrNotFound) {
		return "none"
	}
	require.NoError(t, err)
	return fmt.Sprintf("%s %s - %s", x.State, x.Amount, x.ReversedAmount)
}

// A part of a transaction is taken back, or what is pending is voided.
func TestAPartIsTakenBack(t *testing.T) {
	spend := func(t *testing.T, w *world, user string, n int64) {
		_, err := w.Economy.Spend(t.Context(), user, economy.Spending{ID: fmt.Sprint("order-", n), CurrencyID: "points", Amount: decimal.NewFromInt(n)})
		require.NoError(t, err)
	}
	send := func(t *testing.T, w *world, n int64) {
		w.grant(t, "ada", 100, economy.Auto)
		_, err := w.Economy.Transfer(t.Context(), "ada", []economy.Grant{{
			ID: "gift", CurrencyID: "points", Amount: decimal.NewFromInt(n), DestinationUserID: "bob", RedemptionMode: economy.Manual,
		}})
		require.NoError(t, err)
	}
	for name, tt := range map[string]struct {
		do     func(t *testing.T, w *world)
		id     string
		stands string
		has    map[string]string // what is available
	}{
		"one of two items comes back, then the other": {
			do: func(t *testing.T, w *world) {
				w.grant(t, "ada", 50, economy.Auto)
				spend(t, w, "ada", 20)
				taken, err := w.back(t, "order-20", 8, false)
				require.NoError(t, err)
				require.Equal(t, "8", taken)
				require.Equal(t, "COMPLETED 20 - 8", w.stands(t, "order-20"))
				require.EqualValues(t, 38, w.points(t, "ada"))
				_, err = w.back(t, "order-20", 13, false)
				require.ErrorIs(t, err, fault.ErrConflict)
				require.ErrorContains(t, err, `of "order-20" 12 is left`)
				taken, err = w.back(t, "order-20", 13, true)
				require.NoError(t, err)
				require.Equal(t, "12", taken, "as much as there is")
				_, err = w.back(t, "order-20", 0, false)
				require.ErrorIs(t, err, fault.ErrConflict)
				_, err = w.back(t, "order-20", 0, true)
				require.ErrorIs(t, err, fault.ErrConflict)
			},
			id: "order-20", stands: "COMPLETED 20 - 20", has: map[string]string{"ada": "50"},
		},
		"a reward of 21 of which 20 are spent": {
			do: func(t *testing.T, w *world) {
				_, err := w.Import(t.Context(), bundle(t, payingRule("swims", variable("value"), nil)))
				require.NoError(t, err)
				_, err = w.Record(t.Context(), swim("won", start, 21))
				require.NoError(t, err)
				spend(t, w, "eve", 20)
				_, err = w.back(t, "won:swims:0", 0, false)
				bound, is := errors.AsType[*economy.BoundError](err)
				require.True(t, is, "%v", err)
				require.Equal(t, "1", bound.Have.String())
				require.Equal(t, "COMPLETED 21 - 0", w.stands(t, "won:swims:0"))
				taken, err := w.back(t, "won:swims:0", 0, true)
				require.NoError(t, err)
				require.Equal(t, "1", taken)
				_, err = w.back(t, "won:swims:0", 0, true)
				require.ErrorAs(t, err, &bound, "nothing of it is there")
				w.grant(t, "eve", 5, economy.Auto)
				_, err = w.back(t, "won:swims:0", 3, false)
				require.NoError(t, err)
			},
			id: "won:swims:0", stands: "COMPLETED 21 - 4", has: map[string]string{"eve": "2"},
		},
		"a gift of 60 to somebody who left": {
			do: func(t *testing.T, w *world) {
				send(t, w, 60)
				require.EqualValues(t, 40, w.points(t, "ada"))
				_, err := w.Users.Anonymise(t.Context(), "bob")
				require.NoError(t, err)
				x, err := w.Economy.Transaction(t.Context(), "gift:debit")
				require.NoError(t, err)
				require.Equal(t, []any{"ADMIN", "the user was deleted", *w.now.Load()}, []any{x.VoidedBy, x.Reason, x.VoidedAt})
			},
			id: "gift", stands: "REJECTED 60 - 0", has: map[string]string{"ada": "100", "bob": "0"},
		},
		"a reward that waits for somebody who left": {
			do: func(t *testing.T, w *world) {
				gift := w.grant(t, "bob", 7, economy.Manual)
				w.grant(t, "bob", 2, economy.Auto)
				_, err := w.Users.Anonymise(t.Context(), "bob")
				require.NoError(t, err)
				require.Equal(t, "REJECTED 7 - 0", w.stands(t, gift.ID))
				system, err := w.Economy.System(t.Context(), "points")
				require.NoError(t, err)
				require.Equal(t, "-2", system.Amount.String())
			},
			id: "none", stands: "none", has: map[string]string{"bob": "2"},
		},
		"a gift of somebody who left is on its way": {
			do: func(t *testing.T, w *world) {
				send(t, w, 60)
				_, err := w.Users.Anonymise(t.Context(), "ada")
				require.NoError(t, err)
				_, err = w.Economy.Redeem(t.Context(), "bob", "gift")
				require.NoError(t, err)
			},
			id: "gift", stands: "COMPLETED 60 - 0", has: map[string]string{"ada": "40", "bob": "60"},
		},
		"a gift is withdrawn": {
			do: func(t *testing.T, w *world) {
				send(t, w, 60)
				_, err := w.Economy.Withdraw(t.Context(), "bob", "gift", "")
				require.ErrorIs(t, err, fault.ErrConflict, "it is not bob's to take back")
				_, err = w.Economy.Withdraw(t.Context(), "eve", "gift", "")
				require.ErrorIs(t, err, fault.ErrNotFound)
				rows, err := w.Economy.Withdraw(t.Context(), "ada", "gift", "It was for another.")
				require.NoError(t, err)
				require.Len(t, rows, 2)
				for _, row := range rows {
					require.Equal(t, []any{"ada", "It was for another."}, []any{row.VoidedBy, row.Reason})
				}
				_, err = w.Economy.Redeem(t.Context(), "bob", "gift")
				require.ErrorIs(t, err, fault.ErrConflict)
				_, err = w.Economy.Withdraw(t.Context(), "ada", "gift:debit", "")
				require.ErrorIs(t, err, fault.ErrConflict, "once")
			},
			id: "gift:debit", stands: "REJECTED 60 - 0", has: map[string]string{"ada": "100", "bob": "0"},
		},
		"a gift is voided": {
			do: func(t *testing.T, w *world) {
				send(t, w, 60)
				_, err := w.Economy.Void(t.Context(), "gift", strings.Repeat("x", economy.MaxReason+1))
				require.ErrorIs(t, err, fault.ErrInvalid)
				_, err = w.Economy.Void(t.Context(), "none", "")
				require.ErrorIs(t, err, fault.ErrNotFound)
				_, err = w.back(t, "gift", 1, true)
				require.ErrorIs(t, err, fault.ErrConflict, "what is pending is voided")
				_, err = w.Economy.Void(t.Context(), "gift:debit", "A test.")
				require.NoError(t, err)
				entries, err := w.Journal(t.Context(), 0)
				require.NoError(t, err)
				var told []string
				for _, e := range entries {
					if e.Event.Fields["state"] == "REJECTED" {
						told = append(told, e.Event.UserID+" "+e.Event.ID)
					}
				}
				require.ElementsMatch(t, []string{"ada gift:debit:voided", "bob gift:voided"}, told)
			},
			id: "gift", stands: "REJECTED 60 - 0", has: map[string]string{"ada": "100", "bob": "0"},
		},
		"a part of a gift comes back": {
			do: func(t *testing.T, w *world) {
				send(t, w, 60)
				_, err := w.Economy.Redeem(t.Context(), "bob", "gift")
				require.NoError(t, err)
				_, err = w.Economy.Void(t.Context(), "gift", "")
				require.ErrorIs(t, err, fault.ErrConflict, "what is completed is reversed")
				spend(t, w, "bob", 50)
				taken, err := w.back(t, "gift:debit", 20, true)
				require.NoError(t, err)
				require.Equal(t, "10", taken)
				require.Equal(t, "COMPLETED 60 - 10", w.stands(t, "gift:debit"))
			},
			id: "gift", stands: "COMPLETED 60 - 10", has: map[string]string{"ada": "50", "bob": "0"},
		},
		"a reversal is repeated": {
			do: func(t *testing.T, w *world) {
				w.grant(t, "ada", 50, economy.Auto)
				spend(t, w, "ada", 20)
				r := economy.Reversal{ID: "return-1", Amount: decimal.NewFromInt(8), Reason: "The cup was broken."}
				first, err := w.Economy.Reverse(t.Context(), "order-20", r)
				require.NoError(t, err)
				_, err = w.back(t, "order-20", 0, false)
				require.NoError(t, err)
				_, err = w.back(t, "return-1", 0, false) // a reversal is a transaction
				require.NoError(t, err)
				again, err := w.Economy.Reverse(t.Context(), "order-20", r)
				require.NoError(t, err)
				require.Equal(t, jsonOf(t, first), jsonOf(t, again))
				for field, edit := range map[string]func(*economy.Reversal){
					"amount": func(r *economy.Reversal) { r.Amount = decimal.NewFromInt(9) },
					"reason": func(r *economy.Reversal) { r.Reason = "" },
				} {
					other := r
					edit(&other)
					_, err := w.Economy.Reverse(t.Context(), "order-20", other)
					require.ErrorIs(t, err, fault.ErrConflict)
					require.ErrorContains(t, err, field+": ")
				}
				r.ID = "order-20"
				_, err = w.Economy.Reverse(t.Context(), "order-20", r)
				require.ErrorIs(t, err, fault.ErrConflict)
			},
			id: "return-1", stands: "COMPLETED 8 - 8", has: map[string]string{"ada": "42"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				tt.do(t, w)
				require.Equal(t, tt.stands, w.stands(t, tt.id))
				for user, has := range tt.has {
					b, err := w.Economy.Balance(t.Context(), user, "points")
					require.NoError(t, err)
					require.Equal(t, has+"/"+has, b.Amount.String()+"/"+b.AvailableAmount.String(), user)
				}
				w.requireBooks(t)
			})
		})
	}
}

// A reward of which a part was taken back is what it would be otherwise, as far as that is not less than what was taken back: however often, and in
// whatever order, it turns out what it was for.
func TestWhatWasTakenBackStays(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	noon := time.Date(2025, 10, 8, 0, 0, 0, 0, time.UTC)
	type put struct {
		value  int64 // less than 0: it did not happen
		at     time.Time
		stands string
		has    string
	}
	for name, tt := range map[string]struct {
		back []int64
		puts []put
	}{
		"less, and as much again":     {[]int64{4}, []put{{6, at, "COMPLETED 6 - 4", "2"}, {9, at, "COMPLETED 9 - 4", "5"}}},
		"less than was taken back":    {[]int64{4}, []put{{3, at, "COMPLETED 4 - 4", "0"}, {2, at, "COMPLETED 4 - 4", "0"}, {9, at, "COMPLETED 9 - 4", "5"}}},
		"less than the second":        {[]int64{2, 3}, []put{{3, at, "COMPLETED 5 - 5", "0"}, {6, at, "COMPLETED 6 - 5", "1"}, {1, at, "COMPLETED 5 - 5", "0"}}},
		"not at all":                  {[]int64{4}, []put{{-1, at, "COMPLETED 4 - 4", "0"}, {9, at, "COMPLETED 9 - 4", "5"}, {-1, at, "COMPLETED 4 - 4", "0"}}},
		"the whole, and then more":    {[]int64{0}, []put{{3, at, "COMPLETED 9 - 9", "0"}, {11, at, "COMPLETED 11 - 9", "2"}, {9, at, "COMPLETED 9 - 9", "0"}}},
		"after it was taken back":     {[]int64{4}, []put{{6, noon.Add(30 * time.Minute), "COMPLETED 6 - 4", "2"}, {6, at, "COMPLETED 6 - 4", "2"}, {-1, at, "COMPLETED 4 - 4", "0"}}},
		"between what was taken back": {[]int64{4, 3}, []put{{5, noon.Add(30 * time.Minute), "COMPLETED 7 - 7", "0"}, {9, noon.Add(90 * time.Minute), "COMPLETED 9 - 7", "2"}}},
		"after all, and less":         {[]int64{4, 3}, []put{{5, noon.Add(90 * time.Minute), "COMPLETED 7 - 7", "0"}, {1, at, "COMPLETED 7 - 7", "0"}, {8, at, "COMPLETED 8 - 7", "1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				_, err := w.Import(t.Context(), bundle(t, payingRule("swims", variable("value"), nil)))
				require.NoError(t, err)
				w.set(noon)
				_, err = w.Record(t.Context(), swim("two", at, 9))
				require.NoError(t, err)
				for _, n := range tt.back {
					_, err := w.back(t, "two:swims:0", n, false)
					require.NoError(t, err)
					w.set(w.now.Load().Add(time.Hour))
				}
				for i, p := range tt.puts {
					why := guerdon.Correction{Reason: "it was not so"}
					if p.value < 0 {
						_, err = w.Retract(t.Context(), "two", why)
					} else {
						_, err = w.Amend(t.Context(), swim("two", p.at, p.value), why)
					}
					require.NoError(t, err)
					require.Equal(t, p.stands, w.stands(t, "two:swims:0"), "after %d", i)
					require.Equal(t, p.has, w.earned(t, "eve"), "after %d", i)
					_, err = w.Record(t.Context(), swim(fmt.Sprint("early-", i), at.Add(-time.Duration(i+1)*time.Hour), 0)) // folds it again
					require.NoError(t, err)
					require.Equal(t, p.stands, w.stands(t, "two:swims:0"), "again after %d", i)
					require.Equal(t, p.has, w.earned(t, "eve"), "again after %d", i)
				}
			})
		})
	}
}

// What was redeemed or voided stays, also if what it was paid for turns out to have happened later than that.
func TestWhatWasDecidedStaysThoughItCameLater(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		decide func(w *world, t *testing.T) error
		stands string
		has    string
	}{
		"redeemed": {func(w *world, t *testing.T) error {
			_, err := w.Economy.Redeem(t.Context(), "eve", "two:swims:0")
			return err
		}, "COMPLETED 9 - 0", "9"},
		"voided": {func(w *world, t *testing.T) error {
			_, err := w.Economy.Void(t.Context(), "two:swims:0", "")
			return err
		}, "REJECTED 9 - 0", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				_, err := w.Import(t.Context(), bundle(t, payingRule("swims", nil, object{
					"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "MANUAL", "expression": variable("value")}},
				})))
				require.NoError(t, err)
				w.set(at.Add(24 * time.Hour))
				_, err = w.Record(t.Context(), swim("two", at, 9))
				require.NoError(t, err)
				require.NoError(t, tt.decide(w, t))
				w.set(at.Add(72 * time.Hour))
				for _, e := range []event.Event{swim("two", at.Add(48*time.Hour), 6), swim("two", at.Add(-time.Hour), 5), swim("two", at.Add(49*time.Hour), 7), swim("two", at, 9)} {
					_, err = w.Amend(t.Context(), e, guerdon.Correction{Reason: "it was not so"})
					require.NoError(t, err)
					require.Equal(t, tt.stands, w.stands(t, "two:swims:0"))
					require.Equal(t, tt.has, w.earned(t, "eve"))
				}
			})
		})
	}
}

// Whoever asks what somebody has ever earned can leave out what takes back something else.
func TestEverEarnedIsWhatItSays(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		log := func(id string, where object) []object {
			return weekly(id, object{"source": "virtual_transactions", "where": where, "score": object{"sum": variable("amount")}})
		}
		_, err := w.Import(t.Context(), bundle(t, append(
			log("earned", operation("and", operation("==", variable("direction"), "CREDIT"), operation("!", variable("reversalOf")))),
			log("returned", operation("==", variable("initiatorType"), "REVERSAL"))...)...))
		require.NoError(t, err)
		w.grant(t, "ada", 10, economy.Auto)
		spent, err := w.Economy.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(6)})
		require.NoError(t, err)
		_, err = w.back(t, spent.ID, 4, false)
		require.NoError(t, err)
		require.EqualValues(t, 8, w.points(t, "ada"))
		require.Equal(t, []string{"ada 10"}, w.week(t, "earned", *w.now.Load()))
		require.Equal(t, []string{"ada 4"}, w.week(t, "returned", *w.now.Load()))
	})
}

// What is taken back of rewards is so in whatever order they arrive, and however wrong they were at first: each is what it would be
// if nothing had been taken back, or what was taken back if that is more.
func TestReversalsDoNotDependOnTheOrderOfArrival(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		docs := bundle(rt, document("VirtualCurrency", "points", object{"minAllowedBalance": -1000}),
			payingRule("swims", variable("value"), object{"maxPerUser": rapid.IntRange(1, 3).Draw(rt, "limit"), "per": "DAY"}))
		w, straight := b.world(rt), found(rt, memory.New(), "acme")
		for _, of := range []*world{w, straight} {
			_, err := of.Import(rt.Context(), docs)
			require.NoError(rt, err)
		}
		type reward struct {
			is   event.Event
			gone bool
			back int64
		}
		var all []*reward
		w.set(start.AddDate(0, 0, 2))
		for range rapid.IntRange(2, 14).Draw(rt, "calls") {
			at := start.Add(time.Duration(rapid.IntRange(1, int(w.now.Load().Sub(start).Hours())).Draw(rt, "hour")) * time.Hour) // also after it was taken back
			value := rapid.Int64Range(0, 9).Draw(rt, "value")
			call := rapid.SampledFrom([]string{"record", "reverse", "amend", "retract"}).Draw(rt, "call")
			if len(all) == 0 {
				call = "record"
			}
			of := &reward{is: swim(fmt.Sprintf("e%02d", len(all)), at, value)}
			if call != "record" {
				of = rapid.SampledFrom(all).Draw(rt, "event")
			}
			var err error
			switch why := (guerdon.Correction{Reason: "it was not so"}); call {
			case "record":
				_, err = w.Record(rt.Context(), of.is)
				all = append(all, of)
			case "reverse":
				n := rapid.Int64Range(1, 5).Draw(rt, "amount")
				if _, refused := w.back(rt, of.is.ID+":swims:0", n, false); refused == nil {
					of.back += n
				} else {
					require.True(rt, errors.Is(refused, fault.ErrNotFound) || errors.Is(refused, fault.ErrConflict), "%v", refused)
				}
			case "amend":
				of.is.At, of.is.Value, of.gone = at, new(decimal.NewFromInt(value)), false
				_, err = w.Amend(rt.Context(), of.is, why)
			case "retract":
				of.gone = true
				_, err = w.Retract(rt.Context(), of.is.ID, why)
			}
			require.NoError(rt, err)
			w.set(w.now.Load().Add(5 * time.Hour))
			w.requireBooks(rt)
		}
		slices.SortFunc(all, func(x, y *reward) int { return cmp.Or(x.is.At.Compare(y.is.At), cmp.Compare(x.is.ID, y.is.ID)) })
		straight.set(*w.now.Load())
		sum := decimal.Decimal{}
		for _, of := range all {
			if !of.gone {
				_, err := straight.Record(rt.Context(), of.is)
				require.NoError(rt, err)
			}
			x, err := straight.Economy.Transaction(rt.Context(), of.is.ID+":swims:0")
			if err != nil {
				require.ErrorIs(rt, err, fault.ErrNotFound)
			}
			want, back := "none", decimal.NewFromInt(of.back)
			if n := decimal.Max(x.Amount, back); !n.IsZero() {
				want, sum = fmt.Sprintf("COMPLETED %s - %s", n, back), sum.Add(n.Sub(back))
			}
			require.Equal(rt, want, w.stands(rt, of.is.ID+":swims:0"))
		}
		require.Equal(rt, sum.String(), w.earned(rt, "eve"))
	})
}
