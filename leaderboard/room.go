package leaderboard

import (
	"context"

	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Room is the engine's way in. Hosts reach the boards of a workspace through its field Leaderboards.
func Room(e room.Engine[Change]) room.Room[Change, Service] {
	ranks := newIndexes(e.Follow)
	return room.New(tables(), nil,
		func(ctx context.Context, tx *session.Tx, s room.Setting) (*program, error) {
			return loadProgram(ctx, tx, s.Documents, &e)
		},
		func(run session.Runner, current room.Current[*program]) Service {
			return newService(run, e.Library, current, ranks)
		}).Inheriting(heritage()...).Leaving(remains(scores, (*score).key), remains(values, (*value).key), remains(parts, (*part).key), remains(bases, (*score).key))
}

// tables are all that the package keeps.
func tables() []*store.Schema {
	return []*store.Schema{openings.Schema(), formerOpenings.Schema(), scores.Schema(), values.Schema(), parts.Schema(), bases.Schema()}
}
