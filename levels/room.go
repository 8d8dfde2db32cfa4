package levels

import (
	"context"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Room is the engine's way in. Hosts reach the levels of a workspace through its field Levels.
func Room(e room.Engine[Change]) room.Room[Change, Service] {
	return room.New([]*store.Schema{places.Schema()}, []mechanic.Part{mechanic.Rows(places, func(s *state) string { return s.UserID })},
		func(ctx context.Context, tx *session.Tx, s room.Setting) (*program, error) {
			ever, err := content.Ever(ctx, tx, Ladders)
			if err != nil {
				return nil, err
			}
			return compile(s.Documents, ever, e.Past)
		},
		func(run session.Runner, current room.Current[*program]) Service {
			return newService(run, e.Library, current)
		})
}
