package learning

import (
	"context"
	"reflect"
	"slices"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// Amend adds to changes the logs and assignments of the user that are others after the fold was folded again, or are so since other moments.
func (p *program) Amend(_ context.Context, _ *session.Tx, a mechanic.Amendment, changes []Change) ([]Change, error) {
	for _, d := range a.Rows {
		var c Change
		switch d.Table {
		case logs.Schema().Name:
			was, _ := d.Was.(row)
			now, there := d.Now.(row)
			alike := there && was.Progress == now.Progress && was.Outcome == now.Outcome
			if alike && was.StartedAt.Equal(now.StartedAt) && was.CompletedAt.Equal(now.CompletedAt) {
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
			if c := &changes[i]; c.AssignmentID == "" && c.UserID == of.UserID && c.Context == of.Context && c.ItemType == of.ItemType && c.ItemID == of.ItemID {
				c.Undone = true
			}
		}
	}
	return changes, nil
}
