package proof_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// What was done of a call whose answer was lost is done once, on every store: nothing is written again, and the answer is the first.
func TestMovementsAreRepeated(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.grant(t, "ada", 10, economy.Auto)
		grants := []economy.Grant{
			{ID: "one", CurrencyID: "points", Amount: decimal.RequireFromString("1.50"), DestinationUserID: "bob", AdditionalData: map[string]any{"order": int64(9007199254740993), "of": []any{1, 2.5}}},
			{
				ID: "two", CurrencyID: "points", Amount: decimal.NewFromInt(2), DestinationUserID: "bob", SourceUserID: "ada", RedemptionMode: economy.Manual,
				ExpiresAt: start.Add(time.Hour + 7),
			},
		}
		grace, linus := w.As(content.Actor{Type: content.ByPrincipal, ID: "grace"}), w.As(content.Actor{Type: content.ByPrincipal, ID: "linus"})
		granted, err := grace.Economy.Grant(ctx, grants)
		require.NoError(t, err)
		sent, err := w.Economy.Transfer(ctx, "ada", []economy.Grant{{ID: "three", CurrencyID: "points", Amount: decimal.NewFromInt(1), DestinationUserID: "eve"}})
		require.NoError(t, err)
		spent, err := w.Economy.Spend(ctx, "ada", economy.Spending{ID: "four", CurrencyID: "points", Amount: decimal.NewFromInt(3)})
		require.NoError(t, err)

		before := w.dump(t, w.Scope())
		w.set(start.Add(time.Minute))
		again, err := linus.Economy.Grant(ctx, grants)
		require.NoError(t, err)
		require.JSONEq(t, jsonOf(t, granted), jsonOf(t, again))
		again, err = w.Economy.Transfer(ctx, "ada", []economy.Grant{{ID: "three", CurrencyID: "points", Amount: decimal.NewFromInt(1), DestinationUserID: "eve", SourceUserID: "ada"}})
		require.NoError(t, err)
		require.JSONEq(t, jsonOf(t, sent), jsonOf(t, again))
		row, err := w.Economy.Spend(ctx, "ada", economy.Spending{ID: "four", CurrencyID: "points", Amount: decimal.NewFromInt(3)})
		require.NoError(t, err)
		require.JSONEq(t, jsonOf(t, spent), jsonOf(t, row))
		_, err = w.Economy.Spend(ctx, "ada", economy.Spending{ID: "four", CurrencyID: "points", Amount: decimal.NewFromInt(4)})
		require.ErrorIs(t, err, fault.ErrConflict)
		requireSameRows(t, before, w.dump(t, w.Scope()))

		history, _, err := w.Economy.History(ctx, "bob", store.Page{})
		require.NoError(t, err)
		for _, row := range history {
			require.Equal(t, []any{economy.ByAdmin, "grace"}, []any{row.InitiatorType, row.Initiator})
		}
		entries, err := w.Journal(ctx, w.first)
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(entries, func(e guerdon.Entry) bool { return e.Event.Fields["initiator"] == "grace" }))
	})
}

// Movements that are sent as often as one likes, alone or together with others, in any order, make the same books as each sent once.
func TestMovementsSentOftenMakeTheSameBooks(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		once, often := &sender{T: rt, world: b.world(rt)}, &sender{T: rt, world: b.world(rt)}
		moves := make([]sending, rapid.IntRange(1, 8).Draw(rt, "movements"))
		var order []int
		for i := range moves {
			moves[i] = drawSending(rt, i)
			for range rapid.IntRange(1, 3).Draw(rt, "times") {
				order = append(order, i)
			}
		}
		for _, w := range []*sender{once, often} {
			w.first = make([][]string, len(moves))
			for _, user := range []string{"ada", "bob", "eve"} { // nothing is refused, so that the order makes no difference
				_, err := w.Economy.Grant(rt.Context(), []economy.Grant{{ID: "for-" + user, CurrencyID: "points", Amount: decimal.NewFromInt(1000), DestinationUserID: user}})
				require.NoError(rt, err)
			}
		}
		for i := range moves {
			once.send(moves, i)
		}
		order = rapid.Permutation(order).Draw(rt, "order")
		for len(order) > 0 {
			n := 1 // how many are sent together: grants of an admin, each once
			for n < len(order) && moves[order[0]].together(&moves[order[n]]) && !slices.Contains(order[:n], order[n]) && rapid.Bool().Draw(rt, "together") {
				n++
			}
			often.send(moves, order[:n]...)
			order = order[n:]
		}
		require.JSONEq(rt, once.books(), often.books())
	})
}

// A sending is a movement that somebody asks for by its id.
type sending struct {
	economy.Grant

	by      string // "" is an admin
	spends  bool
	redeems bool // the first time
}

func drawSending(t *rapid.T, i int) sending {
	users := rapid.SampledFrom([]string{"ada", "bob", "eve"})
	m := sending{
		Grant: economy.Grant{
			ID: fmt.Sprint("m", i), CurrencyID: "points", Amount: decimal.New(rapid.Int64Range(1, 999).Draw(t, "amount"), -2),
			DestinationUserID: users.Draw(t, "to"), SourceUserID: users.Draw(t, "from"),
		},
		redeems: rapid.Bool().Draw(t, "redeems"),
	}
	if rapid.Bool().Draw(t, "manual") {
		m.RedemptionMode = economy.Manual
	}
	switch kind := rapid.IntRange(0, 2).Draw(t, "kind"); {
	case kind == 0:
		m.by, m.spends = m.DestinationUserID, true
	case m.SourceUserID == m.DestinationUserID:
		m.SourceUserID = ""
	case kind == 1:
		m.by = m.SourceUserID
	}
	return m
}

// together tells whether two movements may be asked for in one call.
func (m *sending) together(o *sending) bool { return !m.spends && !o.spends && m.by == o.by }

// sender sends movements in a world, and remembers the first answers.
type sender struct {
	*rapid.T
	*world

	first [][]string
}

// send sends movements of a list in one call, and requires the first answers again.
func (s *sender) send(moves []sending, which ...int) {
	s.Helper()
	ctx := s.Context()
	m := &moves[which[0]]
	grants := make([]economy.Grant, len(which))
	for i, n := range which {
		grants[i] = moves[n].Grant
	}
	var made []economy.Transaction
	var err error
	switch {
	case m.spends:
		made = make([]economy.Transaction, 1)
		made[0], err = s.Economy.Spend(ctx, m.by, economy.Spending{ID: m.ID, CurrencyID: m.CurrencyID, Amount: m.Amount})
	case m.by != "":
		made, err = s.Economy.Transfer(ctx, m.by, grants)
	default:
		made, err = s.Economy.Grant(ctx, grants)
	}
	require.NoError(s.T, err)
	for _, n := range which {
		sides := 1
		if !moves[n].spends && moves[n].SourceUserID != "" {
			sides = 2
		}
		var answer []string
		for _, row := range made[:sides] {
			answer = append(answer, jsonOf(s.T, row))
		}
		made = made[sides:]
		if s.first[n] == nil {
			s.first[n] = answer
			if m := &moves[n]; m.redeems && !m.spends && m.RedemptionMode == economy.Manual {
				_, err := s.Economy.Redeem(ctx, m.DestinationUserID, m.ID)
				require.NoError(s.T, err)
			}
		}
		require.Equal(s.T, s.first[n], answer)
	}
	require.Empty(s.T, made)
}

// books are all transactions and balances, and what is found in them, as JSON.
func (s *sender) books() string {
	s.Helper()
	report, err := s.Economy.Verify(s.Context())
	require.NoError(s.T, err)
	require.True(s.T, report.OK(), "%+v", report)
	system, err := s.Economy.System(s.Context(), "points")
	require.NoError(s.T, err)
	all := map[string]any{"report": report, "SYSTEM": system}
	for _, user := range []string{"ada", "bob", "eve"} {
		balances, err := s.Economy.Balances(s.Context(), user)
		require.NoError(s.T, err)
		all[user+" has"] = balances
		for _, row := range pages(s.T, func(p store.Page) ([]economy.Transaction, string, error) {
			return s.Economy.History(s.Context(), user, p)
		}) {
			all[row.ID] = row
		}
	}
	return jsonOf(s.T, all)
}
