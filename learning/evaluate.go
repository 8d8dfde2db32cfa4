package learning

import (
	"context"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// evaluate carries out a rule for a user in the period that contains a moment. ASSIGN is carried out once in
// a period, UNLOCK whenever something is locked. The conditions read vars; because is the event that asks
// for it, if one does.
func (p *program) evaluate(
	ctx context.Context, tx *session.Tx, pl *plan, u *tenancy.User, at time.Time, because string, vars mechanic.Values,
) ([]Change, error) {
	period, ok, err := pl.on.Unevaluated(ctx, tx, evaluations, pl.ID, mechanic.Owner{ID: u.ID}, u, at)
	if err != nil || !ok || !pl.event.Holds(tx, vars) {
		return nil, err
	}
	if pl.readsActive {
		active, err := activeAssignments(ctx, tx, u, at)
		if err != nil {
			return nil, err
		}
		vars["activeAssignments"] = active
		defer delete(vars, "activeAssignments")
	}
	if !pl.users.Holds(tx, vars) {
		return nil, nil
	}
	if pl.RuleType == Unlock {
		return p.unlock(ctx, tx, pl, u, at, because)
	}
	if period, ok, err = pl.on.Begun(ctx, tx, u, period, at); err != nil || !ok {
		return nil, err
	}
	return p.assign(ctx, tx, pl, u, period, at, because, vars)
}

// assign gives a user the paths that a rule picks, for a period.
func (p *program) assign(
	ctx context.Context, tx *session.Tx, pl *plan, u *tenancy.User, period timeframe.Period, at time.Time, because string, vars mechanic.Values,
) ([]Change, error) {
	done := mechanic.Evaluation{RuleID: pl.ID, PeriodID: period.ID, Owner: u.ID, At: tx.Now, When: at, Until: period.EndsAt, EventID: because}
	var made []*Assignment
	failed := false
	for i, path := range pl.candidates {
		visibility, wanted, ok := pl.pick(tx, vars, i, p.pathVars(path, at))
		failed = failed || !ok
		if wanted {
			made = append(made, pl.assignment(tx, u, path, period, visibility))
		}
	}
	if failed && len(made) == 0 {
		return nil, nil // once the author has mended it, it is tried again
	}
	for _, a := range made {
		done.Made = append(done.Made, a.ID)
	}
	if err := evaluations.Put(ctx, tx, done); err != nil {
		return nil, err
	}
	var changes []Change
	for _, a := range made {
		more, err := p.add(ctx, tx, u, a, at, because)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, nil
}

// pick tells whether a rule assigns a candidate, and with which visibility; ok is false if its expression
// for that gave none.
func (pl *plan) pick(tx *session.Tx, vars mechanic.Values, index int, path map[string]any) (v Visibility, wanted, ok bool) {
	v = Unlocked
	mechanic.With(vars, "learningPath", path, func() {
		if wanted = pl.paths.Holds(tx, vars); !wanted || !pl.visibility.Given() {
			ok = true
			return
		}
		mechanic.With(vars, "index", index, func() {
			var text string
			text, ok = pl.visibility.Of(tx, vars)
			v = Visibility(text)
		})
	})
	return v, wanted && ok, ok
}

// pathVars returns what a rule may read of a path that it could assign.
func (p *program) pathVars(path *Path, at time.Time) map[string]any {
	tags := []any{}
	for _, tag := range p.docs.EntityTags(Paths.Name(), path.ID, at) {
		tags = append(tags, tag)
	}
	v := map[string]any{"learningPathId": path.ID, "title": path.Title, "origin": string(path.Origin), "tags": tags}
	if path.EstimatedDuration != nil {
		v["estimatedDuration"] = amount.JSON(*path.EstimatedDuration)
	}
	return v
}

// assignment returns an assignment as a rule makes it.
func (pl *plan) assignment(tx *session.Tx, u *tenancy.User, path *Path, period timeframe.Period, v Visibility) *Assignment {
	a := &Assignment{
		ID: assignmentID(u.ID, pl.ID, path.ID, period.ID), PathID: path.ID, UserID: u.ID, RuleID: pl.ID, RuleVersion: pl.Version,
		GroupID: pl.GroupID, PeriodID: period.ID, Context: DefaultContext, TimeframeType: period.Type(), StartsAt: period.StartsAt, EndsAt: period.EndsAt,
		Visibility: v, CreatedAt: tx.Now, UpdatedAt: tx.Now,
	}
	if pl.Type == timeframe.Recurring {
		a.Context = period.ID
	}
	return a
}

// add keeps a new assignment, which counts what the user has done before, and returns what changed. If it
// is locked, what has already happened to other paths may open it.
func (p *program) add(
	ctx context.Context, tx *session.Tx, u *tenancy.User, a *Assignment, at time.Time, because string,
) ([]Change, error) {
	path := itemKey{ItemPath, a.PathID}
	r, begun, err := logs.Get(ctx, tx, logKey(u.ID, a.Context, path))
	if err != nil {
		return nil, err
	}
	if begun {
		a.follow(tx, &r)
	}
	if err := assignments.Put(ctx, tx, *a); err != nil {
		return nil, err
	}
	pin, _, err := p.pin(ctx, tx, path, a.versions())
	if err != nil {
		return nil, err
	}
	c := a.change(pin.Version)
	c.Assigned, c.RuleID, c.RuleVersion = true, a.RuleID, a.RuleVersion
	changes := []Change{c}
	if a.Visibility == Locked {
		opened, err := p.unlockByPast(ctx, tx, u, a.PathID, because)
		return append(changes, opened...), err
	}
	return changes, p.settleAssignment(ctx, tx, u, a, at, because)
}

// change returns that something happened to the assignment, whose path is of a version for the user.
func (a *Assignment) change(version int) Change {
	return Change{
		UserID: a.UserID, Context: a.Context, ItemType: ItemPath, ItemID: a.PathID, Version: version, Progress: a.Progress,
		Outcome: a.Outcome, AssignmentID: a.ID,
	}
}

// unlock opens what a user has locked of a rule's path, which then counts what the user has done before.
func (p *program) unlock(
	ctx context.Context, tx *session.Tx, pl *plan, u *tenancy.User, at time.Time, because string,
) ([]Change, error) {
	list, err := assignments.List(ctx, tx, endingAfter(u.ID, at))
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, a := range list {
		if a.PathID != pl.UnlockLearningPathID || a.Visibility != Locked {
			continue
		}
		a.Visibility, a.UnlockedAt, a.UnlockedByRuleID, a.UpdatedAt = Unlocked, at, pl.ID, tx.Now
		if err := assignments.Put(ctx, tx, a); err != nil {
			return nil, err
		}
		pin, _, err := p.pin(ctx, tx, itemKey{ItemPath, a.PathID}, a.versions())
		if err != nil {
			return nil, err
		}
		c := a.change(pin.Version)
		c.Unlocked, c.RuleID, c.RuleVersion = true, pl.ID, pl.Version
		changes = append(changes, c)
		if err := p.settleAssignment(ctx, tx, u, &a, at, because); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// unlockByPast evaluates the rules that open a path for what the user has reached in other paths: who has
// completed one cannot complete it again.
func (p *program) unlockByPast(ctx context.Context, tx *session.Tx, u *tenancy.User, pathID string, because string) ([]Change, error) {
	rules := p.unlocks[pathID]
	if len(rules) == 0 {
		return nil, nil
	}
	rows, err := logs.List(ctx, tx, store.Prefix(u.ID+"/"))
	if err != nil {
		return nil, err
	}
	var changes []Change
	for i := range rows {
		if rows[i].ItemType != ItemPath || rows[i].Progress == "" {
			continue
		}
		o := p.happened(&rows[i], u)
		for _, pl := range rules {
			if !slices.Contains(o.Keys, pl.on.Matcher.Key()) {
				continue
			}
			opened, err := p.evaluate(ctx, tx, pl, u, o.Event.At, because, o.Vars())
			if err != nil {
				return nil, err
			}
			changes = append(changes, opened...)
		}
	}
	return changes, nil
}

// happened returns the last move of a path as the event that it was.
func (p *program) happened(r *row, u *tenancy.User) *mechanic.Occasion {
	e := r.moved(nil)
	e.EntityTags = p.docs.EntityTags(string(event.LearningPath), r.ItemID, e.At)
	return mechanic.New(&e, u)
}

// activeAssignments returns the assignments that a user has at a moment, as rules see them.
func activeAssignments(ctx context.Context, tx *session.Tx, u *tenancy.User, at time.Time) ([]any, error) {
	running, err := assignments.List(ctx, tx, endingAfter(u.ID, at))
	if err != nil {
		return nil, err
	}
	list := []any{}
	for i := range running {
		if running[i].period().State(at) == timeframe.Active {
			list = append(list, running[i].vars())
		}
	}
	return list, nil
}

// Advance does what the clock alone causes: at the times of its schedule, a SCHEDULED_PUSH rule is carried
// out for every user. It looks at no more than limit users and returns whether there is more to do.
func (p *program) Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error) {
	for _, pl := range p.rules.Push {
		rule := mechanic.PushedRule{
			Kind: Rules.Name(), ID: pl.ID, Trigger: pl.on, PublishedAt: pl.UpdatedAt, Evaluations: evaluations,
			Owner: func(u *tenancy.User) (mechanic.Owner, bool) { return mechanic.Owner{ID: u.ID}, true },
		}
		done, err := rule.Carry(ctx, tx, pushes, &limit)
		if err != nil {
			return false, err
		}
		more = more || !done
	}
	return more, nil
}

// ticked is the kind of an event of the clock that is about an assignment: it was made by hand, or has begun.
const ticked = "LearningPathAssignment"

// reactToClock does what the time has come for: it carries out a rule, or lets an assignment count what the
// user has done before.
func (p *program) reactToClock(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if o.Ticks(ticked) {
		return p.begin(ctx, tx, o)
	}
	pl := p.rules.Find(o.Event.EntityID)
	if pl == nil || !o.Ticks(Rules.Name()) {
		return nil, nil
	}
	return p.evaluate(ctx, tx, pl, o.User, o.Event.At, o.Event.ID, o.Vars())
}

// begin lets an assignment begin that was made by hand just now, or before its time.
func (p *program) begin(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	a, found, err := assignments.Get(ctx, tx, o.Event.EntityID)
	if err != nil || !found {
		return nil, err
	}
	if a.CreatedAt.Equal(tx.Now) {
		return p.add(ctx, tx, o.User, &a, o.Event.At, o.Event.ID)
	}
	return nil, p.settleAssignment(ctx, tx, o.User, &a, o.Event.At, o.Event.ID)
}

// settleUser carries out the LAZY rules for a user, and lets what has begun by the clock count what the user
// had done before.
func (p *program) settleUser(ctx context.Context, tx *session.Tx, u *tenancy.User) error {
	list, err := assignments.List(ctx, tx, endingAfter(u.ID, tx.Now))
	if err != nil {
		return err
	}
	for i := range list {
		a := &list[i]
		if a.Progress != "" || !a.open(tx.Now) || !a.CreatedAt.Before(a.StartsAt) {
			continue
		}
		if err := mechanic.Tick(ctx, tx, ticked, a.ID, u.ID, tx.Now); err != nil {
			return err
		}
	}
	for _, pl := range p.rules.Lazy {
		if err := pl.on.TickDue(ctx, tx, evaluations, Rules.Name(), pl.ID, mechanic.Owner{ID: u.ID}, u); err != nil {
			return err
		}
	}
	return nil
}
