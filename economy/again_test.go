package economy_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
)

// full is a grant that says all that it may.
func full(edit ...func(*economy.Grant)) economy.Grant {
	g := economy.Grant{
		ID: "full", GroupID: "both", CurrencyID: "gold", Amount: dec("2.5"), RedemptionMode: economy.Manual, DestinationUserID: "bob", SourceUserID: "ada",
		ExpiresAt: start.Add(time.Hour), AdditionalData: map[string]any{"order": json.Number("9007199254740993"), "km": 1.5, "of": []any{1, "x"}},
	}
	for _, fn := range edit {
		fn(&g)
	}
	return g
}

// plain is a grant that leaves out what it may.
func plain(edit ...func(*economy.Grant)) economy.Grant {
	g := economy.Grant{ID: "plain", CurrencyID: "gold", Amount: dec("3"), DestinationUserID: "bob"}
	for _, fn := range edit {
		fn(&g)
	}
	return g
}

// A grant is the same as one of its id if the same would be kept of it.
func TestAGrantAgain(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	require.NoError(t, err)
	for name, again := range map[string]economy.Grant{
		"as it was":   full(),
		"zone":        full(func(g *economy.Grant) { g.ExpiresAt = g.ExpiresAt.In(rome) }),
		"nanoseconds": full(func(g *economy.Grant) { g.ExpiresAt = g.ExpiresAt.Add(10) }),
		"amount":      full(func(g *economy.Grant) { g.Amount = dec("2.50") }),
		"scientific":  full(func(g *economy.Grant) { g.Amount = dec("25e-1") }),
		"numbers in data": full(func(g *economy.Grant) {
			g.AdditionalData["km"], g.AdditionalData["of"] = json.Number("15e-1"), []any{1.0, "x"}
		}),
		"integers in data":      full(func(g *economy.Grant) { g.AdditionalData["order"] = int64(9007199254740993) }),
		"left out":              plain(),
		"the default mode":      plain(func(g *economy.Grant) { g.RedemptionMode = economy.Auto }),
		"the default group":     plain(func(g *economy.Grant) { g.GroupID = "plain" }),
		"no data":               plain(func(g *economy.Grant) { g.AdditionalData = map[string]any{} }),
		"an amount with zeroes": plain(func(g *economy.Grant) { g.Amount = dec("3.000") }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBank(t)
			w.grant(t, "ada", "gold", "10")
			first := full()
			if again.ID == "plain" {
				first = plain()
			}
			rows, err := w.Grant(t.Context(), []economy.Grant{first})
			require.NoError(t, err)
			before := w.dump(t)
			w.now = start.Add(time.Minute)
			got, err := w.Grant(t.Context(), []economy.Grant{again})
			require.NoError(t, err)
			require.Equal(t, rows, got)
			require.Equal(t, before, w.dump(t))
			require.Len(t, w.events, len(rows)%2+1, "nothing happens again")
		})
	}
}

// The conflict names what is another, also if that is more than one field.
func TestAGrantOfAnotherContent(t *testing.T) {
	t.Parallel()
	for field, again := range map[string]economy.Grant{
		"amount":                    full(func(g *economy.Grant) { g.Amount = dec("2.500001") }),
		"virtualCurrencyId":         full(func(g *economy.Grant) { g.CurrencyID = "credit" }),
		"destinationUserId":         full(func(g *economy.Grant) { g.DestinationUserID = "eve" }),
		"sourceUserId":              full(func(g *economy.Grant) { g.SourceUserID = "eve" }),
		"redemptionMode":            full(func(g *economy.Grant) { g.RedemptionMode = economy.Auto; g.ExpiresAt = time.Time{} }),
		"expiresAt":                 full(func(g *economy.Grant) { g.ExpiresAt = g.ExpiresAt.Add(time.Microsecond) }),
		"virtualTransactionGroupId": full(func(g *economy.Grant) { g.GroupID = "" }),
		"additionalData":            full(func(g *economy.Grant) { g.AdditionalData["order"] = 9007199254740992 }),
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			w := newBank(t)
			w.grant(t, "ada", "gold", "10")
			_, err := w.Grant(t.Context(), []economy.Grant{full()})
			require.NoError(t, err)
			before := w.dump(t)
			_, err = w.Grant(t.Context(), []economy.Grant{gift(), again})
			require.ErrorIs(t, err, fault.ErrConflict)
			named, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok)
			require.Equal(t, "transactions[1]."+field, named.Field)
			require.Contains(t, named.Reason, `"full"`)
			require.Equal(t, before, w.dump(t))
		})
	}
	w := newBank(t)
	_, err := w.Grant(t.Context(), []economy.Grant{plain()})
	require.NoError(t, err)
	_, err = w.Grant(t.Context(), []economy.Grant{plain(from("ada"), func(g *economy.Grant) { g.Amount = dec("4") })})
	require.ErrorContains(t, err, "transactions[0].sourceUserId: ")
	require.ErrorContains(t, err, "transactions[0].amount: ")
}

// What has become of it since, and of who and what it is about, makes no difference: the first result is as it was.
func TestAGrantAgainWhateverHappenedSince(t *testing.T) {
	t.Parallel()
	for name, since := range map[string]func(*testing.T, *world){
		"redeemed": func(t *testing.T, w *world) {
			_, err := w.Redeem(t.Context(), "bob", "full")
			require.NoError(t, err)
		},
		"expired": func(t *testing.T, w *world) {
			w.now = start.Add(2 * time.Hour)
			w.advance(t)
		},
		"overdue": func(_ *testing.T, w *world) { w.now = start.Add(2 * time.Hour) },
		"reversed": func(t *testing.T, w *world) {
			_, err := w.Redeem(t.Context(), "bob", "full")
			require.NoError(t, err)
			w.now = start.Add(time.Minute)
			_, err = w.Reverse(t.Context(), "full", economy.Reversal{})
			require.NoError(t, err)
		},
		"suspended": func(t *testing.T, w *world) {
			w.put(t, "users", `{"userId": "ada", "role": "member", "status": "suspended"}`)
		},
		"deleted": func(t *testing.T, w *world) { w.put(t, "users", `{"userId": "bob", "status": "deleted"}`) },
		"archived": func(t *testing.T, w *world) {
			_, err := w.Currencies.Archive(t.Context(), "gold")
			require.NoError(t, err)
		},
		"spent": func(t *testing.T, w *world) {
			_, err := w.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "gold", Amount: dec("7.5")})
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBank(t)
			w.grant(t, "ada", "gold", "10")
			rows, err := w.Transfer(t.Context(), "ada", []economy.Grant{full()})
			require.NoError(t, err)
			since(t, w)
			before := w.dump(t)
			got, err := w.Transfer(t.Context(), "ada", []economy.Grant{full()})
			require.NoError(t, err)
			require.Equal(t, rows, got)
			require.Equal(t, before, w.dump(t))
		})
	}
}

// What is known of a bulk is left as it is, and what is new is done.
func TestABulkAgain(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	first := []economy.Grant{full(), plain(), gift()}
	rows, err := w.Grant(t.Context(), first)
	require.NoError(t, err)
	require.Len(t, rows, 4)

	again, err := w.Grant(t.Context(), first[:2])
	require.NoError(t, err)
	require.Equal(t, rows[:3], again)

	more, err := w.Grant(t.Context(), []economy.Grant{plain(), gift(func(g *economy.Grant) { g.ID = "new" }), full(), gift()})
	require.NoError(t, err)
	require.Len(t, more, 5)
	require.Equal(t, rows[2], more[0])
	require.Equal(t, "new", more[1].ID)
	require.Equal(t, rows[:2], more[2:4])
	require.NotEqual(t, rows[3].ID, more[4].ID, "one without an id is always new")
	require.Equal(t, "20.5/18", w.balance(t, "bob", "gold"))

	before := w.dump(t)
	_, err = w.Grant(t.Context(), []economy.Grant{plain(), gift(from("eve"))})
	require.ErrorIs(t, err, fault.ErrConflict, "all or nothing")
	require.ErrorContains(t, err, "transactions[1]: ")
	_, err = w.Grant(t.Context(), []economy.Grant{plain(), plain()})
	require.ErrorIs(t, err, fault.ErrInvalid, "twice in a bulk")
	w.now = start.Add(2 * time.Hour)
	_, err = w.Grant(t.Context(), []economy.Grant{full(), full(func(g *economy.Grant) { g.ID = "late" })})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, "transactions[1].expiresAt: has passed", "what is known may have expired")
	require.Equal(t, before, w.dump(t))
	require.True(t, w.verify(t).OK())
}

func TestASpendingAgain(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	order := economy.Spending{ID: "order", CurrencyID: "gold", Amount: dec("6"), AdditionalData: map[string]any{"hat": 1}}
	row, err := w.Spend(t.Context(), "ada", order)
	require.NoError(t, err)
	w.put(t, "users", `{"userId": "ada", "role": "member", "status": "suspended"}`)
	before := w.dump(t)
	again, err := w.Spend(t.Context(), "ada", economy.Spending{ID: "order", GroupID: "order", CurrencyID: "gold", Amount: dec("6.0"), AdditionalData: map[string]any{"hat": 1.0}})
	require.NoError(t, err)
	require.Equal(t, row, again)

	for field, try := range map[string]func(*economy.Spending) (who string){
		"amount":                    func(s *economy.Spending) string { s.Amount = dec("7"); return "ada" },
		"virtualCurrencyId":         func(s *economy.Spending) string { s.CurrencyID = "credit"; return "ada" },
		"virtualTransactionGroupId": func(s *economy.Spending) string { s.GroupID = "other"; return "ada" },
		"additionalData":            func(s *economy.Spending) string { s.AdditionalData = nil; return "ada" },
		"userId":                    func(*economy.Spending) string { return "bob" },
	} {
		other := order
		_, err := w.Spend(t.Context(), try(&other), other)
		require.ErrorIs(t, err, fault.ErrConflict, field)
		named, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok, field)
		require.Equal(t, field, named.Field)
	}
	require.Equal(t, before, w.dump(t))
}

// An id that something else has is a conflict that says what, and nothing of another user's.
func TestAnIDThatIsTaken(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.grant(t, "ada", "gold", "10")
	_, err := w.Grant(t.Context(), []economy.Grant{
		gift(func(g *economy.Grant) { g.ID = "granted" }), gift(from("ada"), func(g *economy.Grant) { g.ID = "moved"; g.Amount = dec("1") }),
	})
	require.NoError(t, err)
	_, err = w.Transfer(t.Context(), "ada", []economy.Grant{gift(func(g *economy.Grant) { g.ID = "sent"; g.Amount = dec("1") })})
	require.NoError(t, err)
	_, err = w.Spend(t.Context(), "ada", economy.Spending{ID: "spent", CurrencyID: "gold", Amount: dec("1")})
	require.NoError(t, err)
	template, err := w.Transaction(t.Context(), "granted")
	require.NoError(t, err)
	for id, edit := range map[string]func(*economy.Transaction){ // as nothing makes them today
		"paid": func(row *economy.Transaction) {
			row.InitiatorType, row.Initiator = economy.ByRewardRule, "rewardRuleId#r1"
		},
		"taken": func(row *economy.Transaction) { row.ReversedTransactionID, row.Direction = "granted", economy.Debit },
	} {
		row := template
		row.ID = id
		edit(&row)
		record, err := json.Marshal(row)
		require.NoError(t, err)
		w.put(t, "transactions", string(record))
	}
	before := w.dump(t)
	grant := func(id string) error {
		_, err := w.Grant(t.Context(), []economy.Grant{gift(func(g *economy.Grant) { g.ID = id })})
		return err
	}
	transfer := func(who, id string) error {
		_, err := w.Transfer(t.Context(), who, []economy.Grant{gift(func(g *economy.Grant) { g.ID, g.Amount = id, dec("1") })})
		return err
	}
	spend := func(who, id string) error {
		_, err := w.Spend(t.Context(), who, economy.Spending{ID: id, CurrencyID: "gold", Amount: dec("1")})
		return err
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{grant("paid"), `transactions[0].virtualTransactionId: "paid" is a CREDIT by REWARD_RULE`},
		{grant("taken"), `transactions[0].virtualTransactionId: "taken" takes back another transaction`},
		{grant("spent"), `transactions[0].virtualTransactionId: "spent" is a DEBIT by USER`},
		{grant("sent"), `transactions[0].virtualTransactionId: "sent" is a CREDIT by USER`},
		{transfer("ada", "granted"), `transactions[0].virtualTransactionId: "granted" is a CREDIT by ADMIN`},
		{transfer("ada", "moved"), `transactions[0].virtualTransactionId: "moved" is a CREDIT by ADMIN`},
		{transfer("ada", "spent"), `transactions[0].virtualTransactionId: "spent" is a DEBIT by USER`},
		{transfer("eve", "sent"), `transactions[0].sourceUserId: "sent" is another user's`},
		{spend("ada", "sent"), `virtualTransactionId: "sent" is a CREDIT by USER`},
		{spend("ada", "granted"), `virtualTransactionId: "granted" is a CREDIT by ADMIN`},
		{spend("bob", "spent"), `userId: "spent" is another user's`},
	} {
		require.ErrorIs(t, tt.err, fault.ErrConflict, tt.want)
		require.EqualError(t, tt.err, tt.want)
		require.NotContains(t, tt.err.Error(), "ada")
	}
	require.Equal(t, before, w.dump(t))
}

// Who grants is who acts; that another repeats it makes no difference.
func TestWhoGrants(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.actorType, w.actorID = "user", "grace"
	rows, err := w.Grant(t.Context(), []economy.Grant{plain()})
	require.NoError(t, err)
	require.Equal(t, []any{economy.ByAdmin, "grace"}, []any{rows[0].InitiatorType, rows[0].Initiator})
	require.Equal(t, "grace", w.events[0].Fields["initiator"])
	w.actorID = "linus"
	again, err := w.Grant(t.Context(), []economy.Grant{plain()})
	require.NoError(t, err)
	require.Equal(t, rows, again)

	w.actorType, w.actorID = "system", ""
	rows, err = w.Grant(t.Context(), []economy.Grant{gift()})
	require.NoError(t, err)
	require.Equal(t, "ADMIN", rows[0].Initiator)
	w.actorType, w.actorID = "user", "ada"
	spent, err := w.Spend(t.Context(), "bob", economy.Spending{CurrencyID: "gold", Amount: decimal.NewFromInt(1)})
	require.NoError(t, err)
	require.Equal(t, "bob", spent.Initiator, "who spends is who it is taken from")
}

// An actor whose id looks like a rule's is an actor nevertheless.
func TestWhoGrantsIsNoRule(t *testing.T) {
	t.Parallel()
	w := newBank(t)
	w.actorType, w.actorID = "m2m", "rewardRuleId#r1"
	rows, err := w.Grant(t.Context(), []economy.Grant{plain()})
	require.NoError(t, err)
	require.Equal(t, []any{economy.ByAdmin, "rewardRuleId#r1"}, []any{rows[0].InitiatorType, rows[0].Initiator})
}
