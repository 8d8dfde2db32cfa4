package people

import (
	"context"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Service offers nothing: hosts ask the users of a workspace.
type Service struct{}

// Room is the engine's way in.
func Room(e room.Engine[Change]) room.Room[Change, Service] {
	carriers, owner := tenancy.CarrierRows()
	return room.New([]*store.Schema{seen.Schema(), archivedSeen.Schema(), years.Schema(), walks.Schema()},
		[]mechanic.Part{
			{Table: carriers, Owner: owner},
			mechanic.Rows(seen, func(s *seenUser) string { return s.UserID }), mechanic.Rows(years, func(a *anniversary) string { return a.UserID }),
		},
		func(_ context.Context, _ *session.Tx, s room.Setting) (*program, error) {
			return compile(s.Audience, e.Past), nil
		},
		func(session.Runner, room.Current[*program]) Service { return Service{} })
}
