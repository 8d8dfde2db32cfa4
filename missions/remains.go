package missions

import (
	"context"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

// remains are missions that have ended, with what they counted and the evaluations that assigned them, and what was kept of
// groups for who explains entries that are archived.
func remains() []mechanic.Remains {
	return []mechanic.Remains{
		mechanic.Remaining(logTable, logsOver),
		mechanic.Remaining(missionTable, mechanic.Each((*Mission).over)),
		mechanic.RemainingEvaluations(evaluationTable),
		evaluationHistory.remains(), logHistory.remains(), missionHistory.remains(),
	}
}

// over tells whether the mission had ended before a moment.
func (m *Mission) over(before time.Time) bool { return !m.EndsAt.IsZero() && m.EndsAt.Before(before) }

// logsOver tells of contributions whether their missions are over.
func logsOver(ctx context.Context, tx *session.Tx, before time.Time, logs []Log) ([]bool, error) {
	var ids []string
	for i := range logs {
		ids = append(ids, logs[i].MissionID)
	}
	missions, err := missionTable.GetMany(ctx, tx, slices.Compact(ids)...) // those of a mission are next to one another
	if err != nil {
		return nil, err
	}
	ended := map[string]bool{}
	for i := range missions {
		ended[missions[i].ID] = missions[i].over(before)
	}
	over := make([]bool, len(logs))
	for i := range logs {
		over[i] = ended[logs[i].MissionID]
	}
	return over, nil
}

// remains are what rows were before entries of the journal that are archived.
func (h history[T]) remains() mechanic.Remains {
	return mechanic.Remaining(h.before, func(ctx context.Context, tx *session.Tx, _ time.Time, all []former[T]) ([]bool, error) {
		_, archived, err := tx.Horizon(ctx)
		over := make([]bool, len(all))
		for i := range all {
			over[i] = all[i].Until <= archived
		}
		return over, err
	})
}

// Recalls tells of events that missions may count which are assigned at a moment or later, in a period that began before.
func (p *program) Recalls(ctx context.Context, tx *session.Tx, u *tenancy.User, before time.Time) (func(*mechanic.Occasion) bool, error) {
	type pending struct {
		owner, match string
		since        time.Time
	}
	var all []pending
	for pl := range p.rules.All() {
		owner, _ := pl.owner(u) // also of a group that the user was in, or will be
		since, ok, err := pl.on.Pending(ctx, tx, evaluationTable, pl.ID, owner, u, before)
		if err != nil {
			return nil, err
		}
		waiting := []string{}
		if !ok && slices.ContainsFunc(pl.aims, func(a *aim) bool { return len(a.Requires) > 0 }) {
			if since, waiting, err = pl.on.Waiting(ctx, tx, evaluationTable, pl.ID, owner, u, before); err != nil {
				return nil, err
			}
		}
		for _, a := range pl.aims {
			for i := 0; (ok || len(waiting) > 0 && len(a.Requires) > 0) && i < len(a.goals); i++ {
				all = append(all, pending{owner.ID, a.goals[i].key, since})
			}
		}
	}
	running, err := missionTable.List(ctx, tx, owned(u.ID, before)) // by rules or configurations of before, perhaps
	if err != nil {
		return nil, err
	}
	for i := range running {
		m := &running[i]
		if !m.StartsAt.Before(before) || m.keeps() {
			continue
		}
		e, found, err := evaluationTable.Get(ctx, tx, mechanic.EvaluationKey(mechanic.Owner{ID: u.ID}, m.RuleID, m.PeriodID))
		if err != nil {
			return nil, err
		}
		if found && (!e.When.Before(before) || m.After != position{}) { // it may have waited until later
			for _, key := range m.keys() {
				all = append(all, pending{u.ID, key, m.StartsAt})
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return func(o *mechanic.Occasion) bool {
		return slices.ContainsFunc(all, func(p pending) bool {
			return !o.Event.At.Before(p.since) && slices.Contains(owners(o.User), p.owner) && slices.Contains(o.Keys, p.match)
		})
	}, nil
}
