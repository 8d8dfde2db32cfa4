package badges

import (
	"context"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Room is the engine's way in. Hosts reach the badges of a workspace through its field Badges.
func Room(e room.Engine[Change]) room.Room[Change, Service] {
	return room.New([]*store.Schema{badges.Schema(), awards.Schema(), kept.Schema()},
		[]mechanic.Part{
			mechanic.Rows(badges, func(b *Badge) string { return b.UserID }),
			mechanic.Rows(awards, func(a *Award) string { return a.UserID }),
		},
		func(ctx context.Context, tx *session.Tx, s room.Setting) (*program, error) {
			ever, err := content.Ever(ctx, tx, Configurations)
			if err != nil {
				return nil, err
			}
			p := &program{docs: s.Documents, gauge: s.Gauge, keeps: map[string]bool{}}
			for _, c := range ever { // the last version of each is the last one
				p.keeps[c.ID] = !c.revocable()
			}
			return p, nil
		},
		func(run session.Runner, current room.Current[*program]) Service {
			return newService(run, e.Library, current)
		})
}
