package learning

import (
	"context"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Room is the engine's way in. Hosts reach the learning of a workspace through its field Learning.
func Room(e room.Engine[Change]) room.Room[Change, Service] {
	return room.New(tables(), parts(),
		func(ctx context.Context, tx *session.Tx, s room.Setting) (*program, error) {
			were, err := content.Ever(ctx, tx, Rules)
			if err != nil {
				return nil, err
			}
			return compile(s.Documents, were, e.Library, e.Past)
		},
		func(run session.Runner, current room.Current[*program]) Service {
			return newService(run, e.Library, current)
		}).Leaving(mechanic.Remaining(assignments, mechanic.Each((*Assignment).over)), mechanic.RemainingEvaluations(evaluations))
}

// tables are all that the package keeps.
func tables() []*store.Schema {
	return []*store.Schema{logs.Schema(), assignments.Schema(), evaluations.Schema(), pushes.Schema(), statistics.Schema()}
}

// parts are the tables that hold rows of users' folds. Statistics are sums: calls and steps add to them.
func parts() []mechanic.Part {
	return []mechanic.Part{
		mechanic.Moving(mechanic.Rows(logs, func(r *row) string { return r.UserID }), logs, func(r *row, n mechanic.Naming) { r.UserID = n.User(r.UserID) }),
		mechanic.Moving(mechanic.Rows(assignments, func(a *Assignment) string { return a.UserID }), assignments, func(a *Assignment, n mechanic.Naming) {
			a.ID, a.UserID = n.Derived(a.ID), n.User(a.UserID)
		}),
		mechanic.Rows(evaluations, (*mechanic.Evaluation).User),
		mechanic.Moving(mechanic.Sums(statistics, func(t *tally) string { return t.UserID }, (*tally).sum), statistics,
			func(t *tally, n mechanic.Naming) { t.UserID = n.User(t.UserID) }),
	}
}
