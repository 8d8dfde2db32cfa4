package learning

import (
	"context"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
)

// Explains tells whether documents of a kind are rules of learning or paths.
func (p *program) Explains(kind string) bool { return kind == Rules.Name() || kind == Paths.Name() }

// Moves tells whether a change is by a rule, which assigned or unlocked, or one of a path.
func (p *program) Moves(c *Change, kind, id string) bool {
	if kind == Rules.Name() {
		return c.RuleID == id && (c.Assigned || c.Unlocked)
	}
	return c.ItemType == ItemPath && c.ItemID == id && c.AssignmentID == ""
}

// Explain asks of an occasion what React will ask of a rule or a path, in its order.
func (p *program) Explain(
	ctx context.Context, tx *session.Tx, o *mechanic.Occasion, kind, id string,
) (*mechanic.Verdict, func(*[]Change, []event.Problem), error) {
	if kind == Paths.Name() {
		x := pathCase{Occasion: o, tx: tx, program: p, path: itemKey{ItemPath, id}}
		err := x.explain(ctx)
		return &x.v, nil, err
	}
	v := &mechanic.Verdict{}
	pl := p.rules.Find(id)
	if pl == nil {
		v.Unpublished()
		return v, nil, nil
	}
	v.Version = pl.Version
	conclude, err := p.explainPlan(ctx, tx, o, pl, v)
	return v, func(changes *[]Change, problems []event.Problem) {
		if conclude != nil {
			conclude(changes, problems)
		}
		i := slices.IndexFunc(*changes, func(c Change) bool { return c.RuleID == id && c.Unlocked })
		if i >= 0 && !v.Holds() { // not because of what the event is about
			v.Checks = nil
			v.Ask("unlockLearningPathId", true, "assignment %s was made locked, and what opens it had happened before", (*changes)[i].AssignmentID)
		}
	}, err
}

// explainPlan asks what [program.evaluate] asks.
func (p *program) explainPlan(
	ctx context.Context, tx *session.Tx, o *mechanic.Occasion, pl *plan, v *mechanic.Verdict,
) (func(*[]Change, []event.Problem), error) {
	if !v.Evaluated(o, Rules.Name(), pl.ID, pl.on, "paths") {
		return nil, nil
	}
	period, _, err := pl.on.PeriodAt(tx, o.User, o.Event.At) // an active timeframe has one
	if err != nil || !v.Within(pl.Timeframe, o.Event.At) {
		return nil, err
	}
	if pl.RuleType == Assign {
		if ok, err := v.Unevaluated(ctx, tx, evaluations, pl.ID, mechanic.Owner{ID: o.User.ID}, period.ID); err != nil || !ok {
			return nil, err
		}
	}
	if o.Vars()["activeAssignments"], err = activeAssignments(ctx, tx, o.User, o.Event.At); err != nil {
		return nil, err
	}
	defer delete(o.Vars(), "activeAssignments")
	if !v.Condition(pl.event, o.Vars(), tx.Moment()) || !v.Condition(pl.users, o.Vars(), tx.Moment()) {
		return nil, nil
	}
	if pl.RuleType == Unlock {
		why, err := p.explainLocks(ctx, tx, o, pl)
		return func(changes *[]Change, _ []event.Problem) {
			i := slices.IndexFunc(*changes, func(c Change) bool { return c.RuleID == pl.ID && c.Unlocked })
			if i >= 0 {
				why = "assignment " + (*changes)[i].AssignmentID + " was locked"
			}
			v.Ask("unlockLearningPathId", i >= 0, "%s", why)
		}, err
	}
	if _, ok, err := v.Begun(ctx, tx, o, pl.on, period); err != nil || !ok {
		return nil, err
	}
	p.explainCandidates(tx, o, pl, v)
	return nil, nil
}

// explainLocks says why the user has nothing that a rule could unlock.
func (p *program) explainLocks(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, pl *plan) (string, error) {
	why := "no assignment of path " + pl.UnlockLearningPathID + " had been made for user " + o.User.ID
	list, err := assignments.List(ctx, tx, endingAfter(o.User.ID, o.Event.At))
	for _, a := range list {
		switch {
		case a.PathID != pl.UnlockLearningPathID:
		case a.Visibility == Locked:
			why = "assignment " + a.ID + " is locked still"
		case a.UnlockedAt.IsZero():
			why = "assignment " + a.ID + " was not locked when it was made"
		default:
			why = fmt.Sprintf("assignment %s was unlocked at %s by rule %s", a.ID, mechanic.Stamp(a.UnlockedAt), a.UnlockedByRuleID)
		}
	}
	return why, err
}

// explainCandidates asks whether the rule picks at least one of its candidates.
func (p *program) explainCandidates(tx *session.Tx, c *mechanic.Occasion, pl *plan, v *mechanic.Verdict) {
	v.Picks("learningPathsPool", "no published path is a candidate", len(pl.candidates), func(i int) (id string, asked rule.Check) {
		path := pl.candidates[i]
		c.With("learningPath", p.pathVars(path, c.Event.At), func() { asked = pl.paths.Check(c.Vars(), tx.Moment()) })
		return path.ID, asked
	})
}
