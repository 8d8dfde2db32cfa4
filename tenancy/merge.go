package tenancy

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

// Merge gives up the id of a user who is the same person as another: whoever names it from now on means the user who stays, whom it
// returns as that one is since. The user who stays keeps what it has, and gets what it lacks: the external id, the nickname, the image, the
// e-mail with its principal, and the tags. It returns [fault.ErrConflict] if these would be too many.
func Merge(ctx context.Context, tx *session.Tx, from, into *User) (*User, error) {
	was := into.bare() // what documents give follows from what happened
	u := was.clone()
	for _, t := range from.AssignedTags() {
		if at, carried := u.findTag(t.TagID); !carried {
			u.Tags = slices.Insert(u.Tags, at, UserTag{TagID: t.TagID, Priority: t.Priority, CreatedAt: t.CreatedAt, UpdatedAt: tx.Now})
		}
	}
	if n := len(u.Tags); n > MaxUserTags {
		return nil, fault.Conflict("tagId", "user %q would carry %d tags, at most %d are allowed", u.ID, n, MaxUserTags)
	}
	u.ExternalID, u.Nickname, u.ProfileImage = cmp.Or(u.ExternalID, from.ExternalID), cmp.Or(u.Nickname, from.Nickname), cmp.Or(u.ProfileImage, from.ProfileImage)
	u.UpdatedAt = tx.Now
	given := User{ID: from.ID, Status: Deleted, MergedInto: u.ID, CreatedAt: from.CreatedAt, UpdatedAt: tx.Now}
	if err := errors.Join(users.Put(ctx, tx, given), forget(ctx, tx, from.ID, false), u.inherit(ctx, tx, from.PrincipalID)); err != nil {
		return nil, err
	}
	if err := save(ctx, tx, &was, &u); err != nil {
		return nil, err
	}
	return u.seen(ctx, tx)
}

// inherit gives the user the principal of another, "" for none, or lets it go if the user has one.
func (u *User) inherit(ctx context.Context, tx *session.Tx, principalID string) error {
	switch {
	case principalID == "":
		return nil
	case u.PrincipalID != "":
		return leave(ctx, tx, principalID)
	}
	account := tx.In(accountScope(tx.Scope().Account))
	p, there, err := principals.Get(ctx, account, principalID)
	if err != nil || !there {
		return err
	}
	u.PrincipalID, p.Users = p.ID, p.with(tx.Scope().Workspace, u.ID)
	return principals.Put(ctx, account, p)
}

// FieldMerged is where the event of a user says which id was given up for the user's.
const FieldMerged = "merged"

// Merged is the event that the id of another user was given up for the user's.
func (u *User) Merged(tx *session.Tx, givenUp string) event.Event {
	ev := u.saved(tx, u, "")
	ev.Fields = map[string]any{FieldMerged: givenUp}
	return ev
}
