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
	// Done is the moment up to which every fire has reached every user, or would have done nothing.
	Done time.Time `json:"done"`
	// Fire is the one under way, zero if there is none, After the last user it has reached, and Idle the moment up
	// to which other fires do nothing for those whom it has reached.
	Fire  time.Time `json:"fire,omitzero"`
	After string    `json:"after,omitempty"`
	Idle  time.Time `json:"idle,omitzero"`
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
	// Evaluations are those of the rule. Owner returns whose the rule makes because of a user; ok is false if the
	// user is none for whom it is evaluated.
	Evaluations *store.Table[Evaluation]
	Owner       func(*tenancy.User) (owner Owner, ok bool)
}

// Carry carries out the schedule as far as limit users allow, which it counts down, and returns whether
// all that was due is done. The table says how far it had come. Of fires that are made up for, it looks only at those
// in which something can come: once the rule is evaluated for everybody, the next is in somebody's next period.
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
		s.Fire, s.After, s.Idle = at, "", tx.Now
		return true
	}
	return false
}

// some evaluates the rule for the next users.
func (r *PushedRule) some(ctx context.Context, tx *session.Tx, s *Push, limit *int) error {
	users, err := tenancy.UsersAfter(ctx, tx, s.After, *limit, tx.Unread)
	if err != nil {
		return err
	}
	asOf, err := r.asOf(ctx, tx, s.Fire, users)
	if err != nil {
		return err
	}
	for i := range users {
		s.After = users[i].ID
		if users[i].Status != tenancy.Active {
			continue
		}
		if err := tx.For(users[i].ID, func() error { return r.reach(ctx, tx, s, asOf[i]) }); err != nil {
			return err
		}
		if s.Fire.Before(users[i].ChangedAt) { // and may be in another period since, or in the rule's group
			s.Idle = s.Fire
		}
	}
	if len(users) < *limit {
		*s = Push{RuleID: s.RuleID, Done: r.done(s)}
	}
	*limit -= len(users)
	return nil
}

// asOf returns the users as they were at a moment, and reads at once for which of them the rule was evaluated.
func (r *PushedRule) asOf(ctx context.Context, tx *session.Tx, at time.Time, users []tenancy.User) ([]*tenancy.User, error) {
	asOf := make([]*tenancy.User, len(users))
	var keys []string
	for i := range users {
		err := tx.For(users[i].ID, func() (err error) {
			asOf[i], err = users[i].At(ctx, tx, at)
			return err
		})
		if err != nil {
			return nil, err
		}
		u := asOf[i]
		if u == nil {
			continue
		}
		owner, ok := r.Owner(u)
		period, in, err := r.Trigger.PeriodAt(tx, u, at)
		if err == nil && ok && in { // otherwise reach says what is wrong
			keys = append(keys, EvaluationKey(owner, r.ID, period.ID))
		}
	}
	return asOf, tx.Prefetch(ctx, r.Evaluations.Keys(keys...))
}

// reach lets the rule's time come for a user as of the fire. If it was evaluated, it rests until the period is over.
func (r *PushedRule) reach(ctx context.Context, tx *session.Tx, s *Push, u *tenancy.User) error {
	owner, ok := r.Owner(u)
	if !ok {
		return nil
	}
	period, due, err := r.Trigger.Unevaluated(ctx, tx, r.Evaluations, r.ID, owner, u, s.Fire)
	switch {
	case err != nil:
		return err
	case due:
		s.Idle = s.Fire
		return Tick(ctx, tx, r.Kind, r.ID, u.ID, s.Fire)
	case period.ID == "":
		s.Idle = s.Fire
	case !period.EndsAt.IsZero() && !period.EndsAt.After(s.Idle):
		s.Idle = period.EndsAt.Add(-time.Microsecond)
	}
	return nil
}

// done returns how far the schedule has come when a fire has reached everybody. A rule that was published since may
// have other periods.
func (r *PushedRule) done(s *Push) time.Time {
	if s.Idle.Before(s.Fire) || r.PublishedAt.After(s.Fire) {
		return s.Fire
	}
	return s.Idle
}
