package economy

import (
	"context"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Room is the engine's way in. Hosts reach the economy of a workspace through its field Economy.
func Room(e room.Engine[Change]) room.Room[Change, Service] {
	return room.New(tables(), parts(),
		func(ctx context.Context, tx *session.Tx, s room.Setting) (*program, error) {
			return compile(ctx, tx, s.Documents)
		},
		func(run session.Runner, current room.Current[*program]) Service {
			return newService(run, e.Library, current)
		}).Leaving(
		mechanic.Remaining(tallies, mechanic.Each((*tally).over)), mechanic.Remaining(recents, mechanic.Each((*recent).over)),
		mechanic.Remaining(reviews, mechanic.Each((*review).over)), mechanic.Remaining(budgets, mechanic.Each((*drawn).over)),
		mechanic.Remaining(allotments, mechanic.Each((*allotment).over)))
}

// move lets the transaction be another user's.
func (t *Transaction) move(n mechanic.Naming) {
	t.UserID, t.Initiator, t.Counterpart = n.User(t.UserID), n.User(t.Initiator), n.User(t.Counterpart)
	for _, id := range []*string{&t.ID, &t.GroupID, &t.RedemptionGroupID, &t.CounterpartTransactionID, &t.ReversedTransactionID} {
		*id = n.Derived(*id)
	}
}

// tables are all that the package keeps.
func tables() []*store.Schema {
	return []*store.Schema{
		transactions.Schema(), accounts.Schema(), tallies.Schema(), tagEnds.Schema(), recents.Schema(), reviews.Schema(), budgets.Schema(), allotments.Schema(), lots.Schema(), lotSums.Schema(), takings.Schema(),
	}
}

// parts are the tables that hold rows of users' folds. An account is a sum: what a step added to it is taken back,
// whatever others have added since, and so is what it took from SYSTEM's.
func parts() []mechanic.Part {
	return append(lotParts(), []mechanic.Part{
		mechanic.Moving(mechanic.Rows(transactions, func(t *Transaction) string { return t.UserID }), transactions, (*Transaction).move).Decided(
			func(ctx context.Context, tx *session.Tx, now, was, then any) (mechanic.Decision, error) {
				var t *Transaction
				if now, there := now.(Transaction); there {
					t = &now
				}
				return decide(ctx, tx, t, was.(Transaction), then.(Transaction))
			}),
		mechanic.Rows(tallies, func(t *tally) string { return t.UserID }),
		mechanic.Rows(tagEnds, func(e *tagEnd) string { return e.UserID }),
		mechanic.Rows(recents, func(r *recent) string { return r.UserID }),
		mechanic.Moving(mechanic.Sums(accounts, func(a *account) string { return a.UserID }, (*account).sum), accounts,
			func(a *account, n mechanic.Naming) { a.UserID = n.User(a.UserID) }),
	}...)
}
