package mobility

import (
	"context"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Room is the engine's way in. Hosts reach the mobility of a workspace through its field Mobility.
func Room(e room.Engine[Change]) room.Room[Change, Service] {
	return room.New(tables(), parts(),
		func(_ context.Context, _ *session.Tx, s room.Setting) (*program, error) {
			return compile(s.Documents), nil
		},
		func(run session.Runner, current room.Current[*program]) Service {
			return newService(run, e.Library, current)
		}).Leaving(remains()...)
}

// tables are all that the package keeps.
func tables() []*store.Schema {
	return []*store.Schema{activations.Schema(), trackings.Schema(), shapes.Schema(), days.Schema(), redemptions.Schema()}
}

// parts are the tables that hold rows of users' folds. Whether a user is tracked is of now, and a geometry decides nothing.
func parts() []mechanic.Part {
	return []mechanic.Part{
		mechanic.Rows(trackings, func(t *Tracking) string { return t.UserID }),
		mechanic.Rows(days, func(d *day) string { return d.UserID }),
		mechanic.Moving(mechanic.Rows(redemptions, func(m *Milestone) string { return m.UserID }), redemptions, func(m *Milestone, n mechanic.Naming) {
			m.ID, m.UserID = n.Derived(m.ID), n.User(m.UserID)
		}),
	}
}
