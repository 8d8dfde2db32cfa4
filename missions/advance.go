package missions

import (
	"context"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// assignByClock evaluates a rule for a user because its time has come.
func (p *Program) assignByClock(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	pl := p.rules.Find(o.Event.EntityID)
	if pl == nil {
		return nil, nil
	}
	return p.assign(ctx, tx, []*plan{pl}, o)
}

// tickedMission is the kind of an event of the clock that is about a mission which has begun.
const tickedMission = "Mission"

// begin fixes the target of a mission that was made before it began.
func (p *Program) begin(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	m, found, err := missionTable.Get(ctx, tx, o.Event.EntityID)
	if err != nil || !found {
		return err
	}
	g, err := p.goalOf(&m)
	if err != nil || !activate(tx, g, &m, o.Vars) {
		return err
	}
	return missionTable.Put(ctx, tx, m)
}

var pushTable = mechanic.DefinePushes("mission_pushes")

// Advance does what the clock alone causes: at the times of its schedule, a SCHEDULED_PUSH rule is
// evaluated for every user. It looks at no more than limit users and returns whether there is more to
// do. A schedule begins when its rule is published, also anew; times that passed since while nobody called
// Advance are made up for, and a user is evaluated once in a period however often the schedule fires in it.
func (p *Program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	for _, pl := range p.rules.Push {
		rule := mechanic.PushedRule{Kind: Rules.Name(), ID: pl.ID, Trigger: pl.on, PublishedAt: pl.UpdatedAt}
		done, err := rule.Carry(ctx, tx, pushTable, &limit)
		if err != nil {
			return false, err
		}
		more = more || !done
	}
	return more, nil
}
