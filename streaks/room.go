package streaks

import (
	"context"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Room is the engine's way in. Hosts reach the streaks of a workspace through its field Streaks.
func Room(e room.Engine[Change]) room.Room[Change, Service] {
	return room.New(tables(), parts(),
		func(_ context.Context, _ *session.Tx, s room.Setting) (*program, error) {
			return compile(s.Documents, s.Wallet, e.Past)
		},
		func(run session.Runner, current room.Current[*program]) Service {
			return newService(run, e.Library, current)
		}).Inheriting(heritage()...).Leaving(mechanic.Remains{Table: dayTable.Schema(), Over: daysOver}, mechanic.Remaining(consents, outspoken))
}

// tables are all that the package keeps.
func tables() []*store.Schema {
	return []*store.Schema{stateTable.Schema(), dayTable.Schema(), baseTable.Schema(), consents.Schema()}
}

// parts are the tables that hold rows of users' folds.
func parts() []mechanic.Part {
	return []mechanic.Part{
		mechanic.Rows(stateTable, func(s *state) string { return s.UserID }),
		mechanic.Rows(dayTable, func(d *dayRow) string { return d.UserID }),
	}
}
