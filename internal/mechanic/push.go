package mechanic

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Push is how far the schedule of a SCHEDULED_PUSH rule has been carried out.
type Push struct {
	RuleID string `json:"ruleId"`
	// Done is the last fire that has reached every user.
	Done time.Time `json:"done"`
	// Fire is the one under way, zero if there is none, and After the last user it has reached.
	Fire  time.Time `json:"fire,omitzero"`
	After string    `json:"after,omitempty"`
}

// DefinePushes declares a table of pushes.
func DefinePushes(name string) *store.Table[Push] {
	return store.Define(name, func(p *Push) string { return p.RuleID }, nil)
}

// A PushedRule is a rule whose time comes for every active user at the times of its schedule ([Tick]). The
// schedule begins when the rule is published, also anew; times that passed since are made up for.
type PushedRule struct {
	Kind, ID    string // of the document
	Trigger     Trigger
	PublishedAt time.Time
}

// Carry carries out the schedule as far as limit users allow, which it counts down, and returns whether
// all that was due is done. The table says how far it had come.
func (r *PushedRule) Carry(ctx context.Context, tx *session.Tx, table *store.Table[Push], limit *int) (done bool, err error) {
	state, begun, err := table.Get(ctx, tx, r.ID)
	if err != nil {
		return false, err
	}
	if !begun || state.Fire.IsZero() && state.Done.Before(r.PublishedAt) {
		state = Push{RuleID: r.ID, Done: r.PublishedAt} // it was published, perhaps after a rest
	}
	before := state
	for r.due(tx, &state) {
		if *limit <= 0 {
			return false, table.Put(ctx, tx, state)
		}
		if err := r.some(ctx, tx, &state, limit); err != nil {
			return false, err
		}
	}
	if state == before {
		return true, nil
	}
	return true, table.Put(ctx, tx, state)
}

// due finds the fire that is to be carried out, if there is one by now.
func (r *PushedRule) due(tx *session.Tx, s *Push) bool {
	if !s.Fire.IsZero() {
		return true
	}
	// A schedule has a zone of its own if it is FIXED, otherwise it fires by UTC for everyone.
	schedule, err := r.Trigger.In(time.UTC, tx.Zones)
	if err != nil {
		tx.Report(r.Kind+"/"+r.ID, "timeframeTimezone", err.Error())
		return false
	}
	for at := range schedule.Fires(s.Done, tx.Now) {
		s.Fire, s.After = at, ""
		return true
	}
	return false
}

// some evaluates the rule for the next users.
func (r *PushedRule) some(ctx context.Context, tx *session.Tx, s *Push, limit *int) error {
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
		if err := Tick(ctx, tx, r.Kind, r.ID, u.ID, s.Fire); err != nil {
			return err
		}
	}
	if len(users) < *limit {
		*s = Push{RuleID: s.RuleID, Done: s.Fire}
	}
	*limit -= len(users)
	return nil
}
