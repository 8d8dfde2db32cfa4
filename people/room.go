package people

import (
	"context"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Service offers nothing: hosts ask the users of a workspace.
type Service struct{}

// Room is the engine's way in.
func Room(room.Engine[Change]) room.Room[Change, Service] {
	carriers, owner := tenancy.CarrierRows()
	return room.New(nil, []mechanic.Part{{Table: carriers, Owner: owner}},
		func(context.Context, *session.Tx, room.Setting) (*program, error) { return &program{}, nil },
		func(session.Runner, room.Current[*program]) Service { return Service{} })
}
