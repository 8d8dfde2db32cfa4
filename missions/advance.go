package missions

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

var pushTable = mechanic.DefinePushes("mission_pushes")

// Advance does what the clock alone causes: at the times of its schedule, a SCHEDULED_PUSH rule is
// evaluated for every user. It looks at no more than limit users and returns whether there is more to
// do. A schedule begins when its rule is published, also anew; times that passed since while nobody called Advance are
// made up for, and a user is evaluated once in a period however often the schedule fires in it.
func (p *Program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	for _, pl := range p.rules.Push {
		rule := mechanic.PushedRule{
			ID: pl.ID, Source: Rules.Name() + "/" + pl.ID, Trigger: pl.trigger(), PublishedAt: pl.UpdatedAt,
			Evaluate: func(u *tenancy.User, at time.Time) error { return p.push(ctx, tx, pl, u, at) },
		}
		done, err := rule.Carry(ctx, tx, pushTable, &limit)
		if err != nil {
			return false, err
		}
		more = more || !done
	}
	return more, nil
}

// push evaluates a rule for a user at a time of its schedule.
func (p *Program) push(ctx context.Context, tx *session.Tx, pl *plan, u *tenancy.User, at time.Time) error {
	assigned, err := p.evaluate(ctx, tx, pl, u, at, mechanic.Mark{}, map[string]any{"user": u.Vars()})
	if err != nil {
		return err
	}
	_, err = p.catchUp(ctx, tx, u, assigned, "")
	return err
}
