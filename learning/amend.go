package learning

import (
	"context"
	"reflect"
	"slices"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// Amend adds to changes the logs and assignments of the user that are others after the fold was folded again, or are so since other moments.
func (p *program) Amend(ctx context.Context, tx *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	for _, d := range a.Rows {
		var c Change
		switch d.Table {
		case logs.Schema().Name:
			was, _ := d.Was.(row)
			now, there := d.Now.(row)
			alike := there && was.Progress == now.Progress && was.Outcome == now.Outcome
			if alike && was.StartedAt.Equal(now.StartedAt) && was.CompletedAt.Equal(now.CompletedAt) && was.Parent == now.Parent && was.Difficulty == now.Difficulty {
				continue
			}
			of := now
			if !there {
				of = was
			}
			c = p.changed(&of, of.Progress, of.Outcome)
			c.Moved = alike
			c.Undone, c.Gone = !there || was.Progress.beyond(now.Progress), !there
		case assignments.Schema().Name:
			was, had := d.Was.(Assignment)
			now, there := d.Now.(Assignment)
			if had && there && was.Visibility == now.Visibility {
				continue
			}
			of := now
			if !there {
				of = was
			}
			c = of.change(0)
			c.RuleID, c.RuleVersion = of.RuleID, of.RuleVersion
			c.Undone, c.Gone = !there || now.Visibility == Locked && had, !there
			c.Unlocked = had && there && now.UnlockedByRuleID != ""
			c.Assigned = !c.Unlocked && there
			if c.Unlocked {
				c.RuleID, c.RuleVersion = now.UnlockedByRuleID, 0
			}
		default:
			continue
		}
		if !slices.ContainsFunc(changes, func(told Change) bool { return reflect.DeepEqual(told, c) }) {
			changes = append(changes, c)
		}
	}
	for _, d := range a.Told { // by an event that takes the place of another, which had come farther
		was, _ := d.Was.(row)
		now, there := d.Now.(row)
		if d.Table != logs.Schema().Name || !there || !was.Progress.beyond(now.Progress) {
			continue
		}
		of := p.changed(&now, now.Progress, now.Outcome)
		for i := range changes {
			if changes[i].sameLog(&of) {
				changes[i].Undone = true
			}
		}
	}
	return p.standing(ctx, tx, changes)
}

// sameLog tells whether two changes are of one log.
func (c *Change) sameLog(o *Change) bool {
	return c.AssignmentID == "" && o.AssignmentID == "" && c.UserID == o.UserID && c.Context == o.Context && c.ItemType == o.ItemType && c.ItemID == o.ItemID
}

// standing adds to changes of quizzes that tell of an answer behind which another one counts what the log says because of that.
func (p *program) standing(ctx context.Context, tx *session.Tx, changes []Change) ([]Change, error) {
	for i := range changes {
		c := &changes[i]
		if c.ItemType != ItemQuiz || c.Gone {
			continue
		}
		r, there, err := logs.Get(ctx, tx, logKey(c.UserID, c.Context, itemKey{c.ItemType, c.ItemID}))
		if err != nil {
			return nil, err
		}
		if !there || r.Progress != c.Progress || r.Outcome == c.Outcome || slices.ContainsFunc(changes[i+1:], func(told Change) bool { return told.sameLog(c) }) {
			continue
		}
		now := p.changed(&r, r.Progress, r.Outcome)
		now.Moved, now.Undone = true, c.Undone
		changes = append(changes, now)
	}
	return changes, nil
}
