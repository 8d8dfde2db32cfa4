package learning

import (
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// An ItemProgress is how far a user is with an item of a path or a group.
type ItemProgress struct {
	ItemID   string        `json:"itemId"`
	ItemType ItemType      `json:"itemType"`
	Progress Progress      `json:"progress,omitempty"`
	Outcome  event.Outcome `json:"outcome,omitempty"`
	// StartedAt is when the item was begun, MovedAt when its progress moved last.
	StartedAt time.Time `json:"startedAt,omitzero"`
	MovedAt   time.Time `json:"movedAt,omitzero"`
}

// A standing is how far a user is with something that has items.
type standing struct {
	progress  Progress
	outcome   event.Outcome
	startedAt time.Time // of the item that was begun first
	movedAt   time.Time // of the item that moved last
}

// fold returns how far a user is who is that far with the items.
func (j *judgement) fold(tx *session.Tx, user map[string]any, items []ItemProgress) standing {
	s := fold(items)
	vars := mechanic.Values{"user": user}
	if j.start.Given() || j.completion.Given() || j.outcome.Given() { // otherwise nobody reads them
		vars["items"] = itemVars(items)
	}
	complete := s.progress == Complete
	if j.completion.Given() {
		complete = j.completion.Holds(tx, vars)
	}
	if s.progress == Complete {
		s.progress = InProgress
	}
	if j.start.Given() {
		switch begun := j.start.Holds(tx, vars); {
		case !begun:
			s.progress = ""
		case s.progress == "":
			s.progress = Start
		}
	}
	s.outcome = ""
	if !complete {
		return s
	}
	s.progress, s.outcome = Complete, outcomeOf(items)
	if j.outcome.Given() {
		outcome, _ := j.outcome.Of(tx, vars)
		s.outcome = event.Outcome(outcome)
	}
	return s
}

// fold returns how far a user is by the rules that apply where an author has none: it is begun when an
// item is, under way when an item is, and complete when every item is.
func fold(items []ItemProgress) standing {
	var s standing
	all := len(items) > 0
	for _, i := range items {
		all = all && i.Progress == Complete
		switch {
		case i.Progress == "":
			continue
		case i.Progress == Start && s.progress == "":
			s.progress = Start
		case i.Progress != Start:
			s.progress = InProgress
		}
		if s.startedAt.IsZero() || i.StartedAt.Before(s.startedAt) {
			s.startedAt = i.StartedAt
		}
		if i.MovedAt.After(s.movedAt) {
			s.movedAt = i.MovedAt
		}
	}
	if all {
		s.progress, s.outcome = Complete, outcomeOf(items)
	}
	return s
}

// begun tells whether an item is.
func begun(items []ItemProgress) bool {
	return slices.ContainsFunc(items, func(i ItemProgress) bool { return i.Progress != "" })
}

// outcomeOf returns the outcome of what is complete: it has failed if an item has.
func outcomeOf(items []ItemProgress) event.Outcome {
	if slices.ContainsFunc(items, func(i ItemProgress) bool { return i.Outcome == event.Fail }) {
		return event.Fail
	}
	return event.Success
}

// itemVars returns the items as rules see them.
func itemVars(items []ItemProgress) []any {
	list := make([]any, len(items))
	for n, i := range items {
		v := map[string]any{"itemId": i.ItemID, "itemType": string(i.ItemType), "progress": nil, "outcome": nil}
		if i.Progress != "" {
			v["progress"] = string(i.Progress)
		}
		if i.Outcome != "" {
			v["outcome"] = string(i.Outcome)
		}
		list[n] = v
	}
	return list
}

// current returns the item that a user is at: the first that is under way, otherwise the first that is
// not begun, nil if there is none.
func current(items []ItemProgress) *ItemProgress {
	for _, at := range [][]Progress{{Start, InProgress}, {""}} {
		i := slices.IndexFunc(items, func(i ItemProgress) bool { return slices.Contains(at, i.Progress) })
		if i >= 0 {
			return &items[i]
		}
	}
	return nil
}
