package people

import (
	"context"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// seenUser says that a user did something in the step that wrote it, or before.
type seenUser struct {
	UserID string `json:"userId"`
}

// seen are rows of users' folds. There are those of users who did something while a document asked for the first time of it.
var seen = store.Define("users_seen", func(s *seenUser) string { return s.UserID }, nil)

// archivedSeen are rows of no fold: those of users who did something that is archived.
var archivedSeen = store.Define("users_seen_archived", func(s *seenUser) string { return s.UserID }, nil)

// did tells whether an occasion is something that a user did, and that counts. Of groups and paths nobody does anything but by what is in them.
func did(o *mechanic.Occasion) bool {
	if o.Nth > 0 || len(o.Keys) == 0 {
		return false
	}
	switch o.Event.Type {
	case event.Activity, event.Quiz, event.Slide, event.Story, event.MobilityTracking:
		return true
	case event.LearningGroup, event.LearningPath, event.Mission, event.Streak, event.VirtualTransaction, event.User, event.Clock,
		event.MobilityMilestone, event.Badge, event.Level, event.Retraction:
	}
	return false
}

// see tells that the user does something for the first time, if somebody asks for that and there is nothing before it in the user's fold.
func (p *program) see(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	if !did(o) || !p.asked().firstSeen {
		return nil
	}
	_, before, err := seen.Get(ctx, tx, o.User.ID)
	if err != nil || before {
		return err
	}
	if _, before, err = archivedSeen.Get(ctx, tx, o.User.ID); err != nil {
		return err
	}
	if !before {
		if before, err = p.before(ctx, tx, o); err != nil {
			return err
		}
	}
	if !before {
		tx.Cause(o.User.Seen(o.Event.At))
	}
	return seen.Put(ctx, tx, seenUser{o.User.ID})
}

// before tells whether the user's fold has something that the user did before an occasion. It looks no further than the first such thing.
func (p *program) before(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) (bool, error) {
	for earlier, err := range p.past(ctx, tx, o.User.ID, time.Time{}, time.Time{}) {
		if err != nil || earlier.Event.ID != o.Event.ID && did(earlier) {
			return err == nil, err
		}
	}
	return false, nil
}

// Settle notes who has done something that is archived: nobody could know it later.
func (*program) Settle(ctx context.Context, tx *session.Tx, gone []*mechanic.Occasion) error {
	i := slices.IndexFunc(gone, did) // all are one user's
	if i < 0 {
		return nil
	}
	_, known, err := archivedSeen.Get(ctx, tx, gone[i].User.ID)
	if err != nil || known {
		return err
	}
	return archivedSeen.Put(ctx, tx, seenUser{gone[i].User.ID})
}
