package tenancy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Bounds on tags.
const (
	MaxAssignments = 25  // tags in one call
	MaxUserTags    = 100 // tags of one user
)

// A Tagging is a tag to be given to a user or a document, with its priority.
type Tagging struct {
	TagID string `json:"tagId"`
	// Priority is 0 or more; what shows tags shows those with the highest first.
	Priority int `json:"priority"`
}

// Tags returns the tags of a user, ordered by id; [fault.ErrNotFound] if there is no such user.
func (s Users) Tags(ctx context.Context, userID string) ([]UserTag, error) {
	u, err := s.Get(ctx, userID)
	return u.Tags, err
}

// AssignTags gives 1 to 25 tags to a user, all or none, and returns them as assigned. It returns
// [fault.ErrInvalid] for every assignment at fault, [fault.ErrNotFound] if there is no such user or no
// such tag is published, [fault.ErrExists] if one of the tags is assigned to the user, and no document has taken it since, and
// [fault.ErrConflict] if the user is deleted or would have more than 100.
func (s Users) AssignTags(ctx context.Context, userID string, tags ...Tagging) ([]UserTag, error) {
	return s.editTags(ctx, userID, tags, func(tx *session.Tx, u *User, i int) error {
		at, found := u.findTag(tags[i].TagID)
		now, err := u.seen(ctx, tx)
		switch {
		case err != nil:
			return err
		case found && now.HasTag(tags[i].TagID):
			return fault.Exists("tagId", "user %q carries %q", userID, tags[i].TagID)
		case found: // a document has taken it
			u.Tags = slices.Delete(u.Tags, at, at+1)
		case len(u.Tags) >= MaxUserTags:
			return fault.Conflict("tagId", "user %q carries %d tags, which is the most", userID, len(u.Tags))
		}
		if err := s.checkTag(ctx, tx, tags[i].TagID); err != nil {
			return err
		}
		u.Tags = slices.Insert(u.Tags, at, UserTag{TagID: tags[i].TagID, Priority: tags[i].Priority, CreatedAt: tx.Now, UpdatedAt: tx.Now})
		return nil
	})
}

// checkTags refuses tags that are not published.
func (s Users) checkTags(ctx context.Context, tx *session.Tx, tags []Tagging) error {
	for i, t := range tags {
		if err := s.checkTag(ctx, tx, t.TagID); err != nil {
			return fault.In(tagField("tags", i), err)
		}
	}
	return nil
}

// checkTag refuses a tag that is not published.
func (s Users) checkTag(ctx context.Context, tx *session.Tx, tagID string) error {
	if s.tagged == nil {
		return nil
	}
	there, err := s.tagged(ctx, tx, tagID)
	if err == nil && !there {
		err = fault.NotFound("tagId", tagID)
	}
	return err
}

// UpdateTags changes the priorities of 1 to 25 tags of a user, all or none, and returns them. It
// returns [fault.ErrInvalid] for every assignment at fault, [fault.ErrNotFound] if there is no such
// user or the user lacks one of the tags, and [fault.ErrConflict] if the user is deleted or carries one because of a document alone.
func (s Users) UpdateTags(ctx context.Context, userID string, tags ...Tagging) ([]UserTag, error) {
	return s.editTags(ctx, userID, tags, func(tx *session.Tx, u *User, i int) error {
		at, found := u.findTag(tags[i].TagID)
		if !found {
			return u.lacks(ctx, tx, tags[i].TagID)
		}
		u.Tags[at].Priority, u.Tags[at].UpdatedAt = tags[i].Priority, tx.Now
		return nil
	})
}

// RemoveTags takes 1 to 25 tags from a user, all or none. It returns [fault.ErrInvalid] for every id
// at fault, [fault.ErrNotFound] if there is no such user or the user lacks one of the tags, and
// [fault.ErrConflict] if the user is deleted or carries one because of a document alone.
func (s Users) RemoveTags(ctx context.Context, userID string, tagIDs ...string) error {
	tags := make([]Tagging, len(tagIDs))
	for i, id := range tagIDs {
		tags[i].TagID = id
	}
	_, err := s.editTags(ctx, userID, tags, func(tx *session.Tx, u *User, i int) error {
		at, found := u.findTag(tagIDs[i])
		if !found {
			return u.lacks(ctx, tx, tagIDs[i])
		}
		if u.Tags = slices.Delete(u.Tags, at, at+1); len(u.Tags) == 0 {
			u.Tags = nil // as it is read back
		}
		return nil
	})
	return err
}

// lacks returns the error of who changes the assignment of a tag that is not assigned to the user.
func (u *User) lacks(ctx context.Context, tx *session.Tx, tagID string) error {
	now, err := u.seen(ctx, tx)
	if err != nil {
		return err
	}
	if at, carried := now.findTag(tagID); carried {
		return fault.Conflict("tagId", "%q is given to user %q by %s, and not assigned", tagID, u.ID, now.Tags[at].By)
	}
	return fault.NotFound("tagId", tagID)
}

// Tagged returns the users who take part and carry a tag in the order of their ids, the last first unless the page
// is ascending, and the token of the next page, "" if there is none.
func (s Users) Tagged(ctx context.Context, tagID string, page store.Page) (list []User, next string, err error) {
	if err := ident.Check("tagId", tagID); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, s.run, func(tx *session.Tx) ([]User, string, error) {
		active := map[string]User{}
		found, next, err := carriers.PageAfter(ctx, tx, store.By("present", store.Text(tagID)), page, func(some []carrier) ([]carrier, error) {
			ids := make([]string, len(some))
			for i := range some {
				ids[i] = some[i].UserID
			}
			them, err := users.GetMany(ctx, tx, ids...)
			err = errors.Join(err, allSeen(ctx, tx, them))
			for i := range them {
				if them[i].Status == Active && them[i].HasTag(tagID) { // documents may have taken it
					active[them[i].ID] = them[i]
				}
			}
			return slices.DeleteFunc(slices.Clone(some), func(c carrier) bool {
				u := active[c.UserID]
				return u.ID == "" || c.Earned != nil && !u.earned(tagID) // it is there in its own row
			}), err
		})
		for i := range found {
			list = append(list, active[found[i].UserID])
		}
		return list, next, err
	})
}

// editTags applies change to the user for each of the tags, and returns those that the user then
// carries. Errors name the place of the tag.
func (s Users) editTags(ctx context.Context, userID string, tags []Tagging, change func(tx *session.Tx, u *User, i int) error) ([]UserTag, error) {
	if err := CheckAssignments(tags); err != nil {
		return nil, err
	}
	u, err := s.edit(ctx, userID, func(tx *session.Tx, u *User) error {
		for i := range tags {
			if err := change(tx, u, i); err != nil {
				return fault.In(tagField(assignmentsField, i), err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var changed []UserTag
	for _, a := range tags {
		if at, found := u.findTag(a.TagID); found {
			changed = append(changed, u.Tags[at])
		}
	}
	return changed, nil
}

// tagField names a tag of a call.
func tagField(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }

const assignmentsField = "assignments"

// CheckAssignments refuses tags that cannot be given in one call: fewer than one, or more than
// [MaxAssignments], or those that [CheckTaggings] refuses. Errors name "assignments".
func CheckAssignments(tags []Tagging) error {
	if n := len(tags); n == 0 || n > MaxAssignments {
		return fault.Invalid(assignmentsField, "are %d; allowed are 1 to %d", n, MaxAssignments)
	}
	return CheckTaggings(assignmentsField, tags, MaxAssignments)
}

// CheckTaggings returns every fault of the tags in a field: more than most, an id that is none or occurs twice, and
// a priority that is less than 0.
func CheckTaggings(field string, tags []Tagging, most int) error {
	if n := len(tags); n > most {
		return fault.Invalid(field, "are %d, at most %d are allowed", n, most)
	}
	var faults []error
	for i, a := range tags {
		err := ident.Check("tagId", a.TagID)
		if a.Priority < 0 {
			err = errors.Join(err, fault.Invalid("priority", "is %d; it must be 0 or more", a.Priority))
		}
		if slices.ContainsFunc(tags[:i], func(b Tagging) bool { return b.TagID == a.TagID }) {
			err = errors.Join(err, fault.Invalid("tagId", "%q occurs twice", a.TagID))
		}
		faults = append(faults, fault.In(tagField(field, i), err))
	}
	return errors.Join(faults...)
}
