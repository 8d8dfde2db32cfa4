package missions

import (
	"context"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Room is the engine's way in. Hosts reach the missions of a workspace through its field Missions.
func Room(e room.Engine[Change]) room.Room[Change, Service] {
	return room.New(tables(), parts(),
		func(ctx context.Context, tx *session.Tx, s room.Setting) (*program, error) {
			ever, err := content.Ever(ctx, tx, Configurations)
			if err != nil {
				return nil, err
			}
			were, err := content.Ever(ctx, tx, Rules)
			if err != nil {
				return nil, err
			}
			return compile(s.Documents, ever, were, e.Past, s.Audience)
		},
		func(run session.Runner, current room.Current[*program]) Service {
			return newService(run, e.Library, current)
		}).Inheriting(heritage()...).Leaving(remains()...)
}

// tables are all that the package keeps.
func tables() []*store.Schema {
	return []*store.Schema{
		missionTable.Schema(), evaluationTable.Schema(), logTable.Schema(), pushTable.Schema(), firstTable.Schema(),
		evaluationHistory.before.Schema(), logHistory.before.Schema(), missionHistory.before.Schema(),
	}
}

// parts are the tables that hold rows of users' folds. What belongs to a group is nobody's alone.
func parts() []mechanic.Part {
	return []mechanic.Part{
		mechanic.Moving(mechanic.Rows(missionTable, func(m *Mission) string { return m.UserID }), missionTable, func(m *Mission, n mechanic.Naming) {
			m.ID, m.UserID = n.Derived(m.ID), n.User(m.UserID)
		}),
		mechanic.Rows(evaluationTable, (*mechanic.Evaluation).User),
		mechanic.Rows(logTable, (*Log).owner),
		mechanic.Rows(firstTable, (*first).owner),
	}
}
