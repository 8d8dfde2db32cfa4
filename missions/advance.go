package missions

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// push is how far the schedule of a SCHEDULED_PUSH rule has been carried out.
type push struct {
	RuleID string `json:"missionRuleId"`
	// Done is the last fire that has reached every user.
	Done time.Time `json:"done"`
	// Fire is the one under way, zero if there is none, and After the last user it has reached.
	Fire  time.Time `json:"fire,omitzero"`
	After string    `json:"after,omitempty"`
}

var pushTable = store.Define("mission_pushes", func(p *push) string { return p.RuleID }, nil)

// Advance does what the clock alone causes: at the times of its schedule, a SCHEDULED_PUSH rule is
// evaluated for every user. It looks at no more than limit users and returns whether there is more to
// do. A schedule begins when its rule is published, also anew; times that passed since while nobody called Advance are
// made up for, and a user is evaluated once in a period however often the schedule fires in it.
func (p *Program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	for _, pl := range p.push {
		done, err := p.pushRule(ctx, tx, pl, &limit)
		if err != nil {
			return false, err
		}
		more = more || !done
	}
	return more, nil
}

// pushRule carries out the schedule of one rule as far as limit users allow, which it counts down.
func (p *Program) pushRule(ctx context.Context, tx *session.Tx, pl *plan, limit *int) (done bool, err error) {
	state, begun, err := pushTable.Get(ctx, tx, pl.ID)
	if err != nil {
		return false, err
	}
	if !begun || state.Fire.IsZero() && state.Done.Before(pl.UpdatedAt) {
		state = push{RuleID: pl.ID, Done: pl.UpdatedAt} // it was published, perhaps after a rest
	}
	before := state
	for state.due(tx, pl) {
		if *limit <= 0 {
			return false, pushTable.Put(ctx, tx, state)
		}
		if err := p.pushSome(ctx, tx, pl, &state, limit); err != nil {
			return false, err
		}
	}
	if state == before {
		return true, nil
	}
	return true, pushTable.Put(ctx, tx, state)
}

// due finds the fire that is to be carried out, if there is one by now.
func (s *push) due(tx *session.Tx, pl *plan) bool {
	if !s.Fire.IsZero() {
		return true
	}
	// A schedule has a zone of its own if it is FIXED, otherwise it fires by UTC for everyone.
	schedule, err := pl.In(time.UTC, tx.Zones)
	if err != nil {
		tx.Report(Rules.Name()+"/"+pl.ID, "timeframeTimezone", err.Error())
		return false
	}
	for at := range schedule.Fires(s.Done, tx.Now) {
		s.Fire, s.After = at, ""
		return true
	}
	return false
}

// pushSome evaluates the rule for the next users.
func (p *Program) pushSome(ctx context.Context, tx *session.Tx, pl *plan, s *push, limit *int) error {
	users, err := tenancy.UsersAfter(ctx, tx, s.After, *limit)
	if err != nil {
		return err
	}
	for i := range users {
		u := &users[i]
		s.After = u.ID
		if u.Status != tenancy.Active {
			continue
		}
		assigned, err := p.evaluate(ctx, tx, pl, u, s.Fire, mechanic.Mark{}, map[string]any{"user": u.Vars()})
		if err != nil {
			return err
		}
		if _, err := p.catchUp(ctx, tx, u, assigned, ""); err != nil {
			return err
		}
	}
	if len(users) < *limit {
		*s = push{RuleID: s.RuleID, Done: s.Fire}
	}
	*limit -= len(users)
	return nil
}
