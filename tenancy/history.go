package tenancy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// former is what a user was until a moment. Whoever asks what the user was at a time finds the first
// row that ends after it.
type former struct {
	User  User      `json:"user"`  // as [User.Remembered]
	Until time.Time `json:"until"` // exclusive
}

var formers = store.Define("user_history", func(f *former) string { return formerKey(f.User.ID, f.Until) }, nil).Version(3)

func formerKey(userID string, until time.Time) string {
	return userID + "/" + store.KeyTime(until)
}

// formerAt describes the row that says what a user was at a moment, if the user has changed since.
func formerAt(userID string, at time.Time) store.Query {
	q := store.Prefix(userID + "/").First(1)
	q.From = store.Text(formerKey(userID, at.Add(time.Microsecond)))
	return q
}

// At returns the user as it was at a moment: the language, time zone, role, status and tags are those of
// then. What may identify a person is not kept, so that the nickname and the like are those of u. For a
// moment before the user was created, it is what the user was at first; of a deleted user nothing is
// known any more. It reads nothing if the user has not changed since, otherwise one row. The tags must
// not be modified.
func (u *User) At(ctx context.Context, tx store.Tx, at time.Time) (*User, error) {
	if !at.Before(u.ChangedAt) {
		return u, nil
	}
	found, err := formers.List(ctx, tx, formerAt(u.ID, at))
	if err != nil || len(found) == 0 {
		return u, err
	}
	return u.Was(found[0].User), nil
}

// recent is how old an event may be without what its user was being read in advance: few users have
// changed since.
const recent = 10 * time.Minute

// ReadingUserAt names what [FindUser] and [User.At] read, for a prefetch. Now is the moment of the
// transaction.
func ReadingUserAt(id string, at, now time.Time) []store.Read {
	reads := []store.Read{ReadingUsers(id)}
	if at.Before(now.Add(-recent)) {
		reads = append(reads, formers.Rows(formerAt(id, at)))
	}
	return reads
}

// Remembered returns what is kept of a user at a moment, in the journal and in the history of users:
// what rules may read, but nothing that may identify a person.
func (u *User) Remembered() User {
	return User{
		ID: u.ID, Lang: u.Lang, Timezone: u.Timezone, Role: u.Role, Status: u.Status, Tags: slices.Clone(u.AssignedTags()),
		ChangedAt: u.ChangedAt, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

// Was returns the user as remembered at an earlier moment, with what is not remembered as it is now.
func (u *User) Was(then User) *User {
	then.PrincipalID, then.ExternalID, then.Nickname, then.ProfileImage, then.TagsEarned = u.PrincipalID, u.ExternalID, u.Nickname, u.ProfileImage, u.TagsEarned
	return &then
}

// alike tells whether rules cannot tell the user from what it was.
func (u *User) alike(old *User) bool {
	return u.Lang == old.Lang && u.Timezone == old.Timezone && u.Role == old.Role && u.Status == old.Status &&
		slices.EqualFunc(u.Tags, old.Tags, func(a, b UserTag) bool { return a.TagID == b.TagID && a.CreatedAt.Equal(b.CreatedAt) })
}

// remember keeps what the user was until now if rules can tell the difference. What it was for no time,
// because it changes twice in one transaction, is not kept.
func (u *User) remember(ctx context.Context, tx *session.Tx, old *User) error {
	if u.ChangedAt = old.ChangedAt; u.alike(old) || !tx.Now.After(old.ChangedAt) || !tx.Now.After(old.CreatedAt) {
		return nil
	}
	u.ChangedAt = tx.Now
	return formers.Put(ctx, tx, former{old.Remembered(), tx.Now})
}

// forget removes what is kept of what a user was and carried; what documents gave, only if it is not taken back in any case.
func forget(ctx context.Context, tx *session.Tx, userID string, alsoEarned bool) error {
	were, err := formers.List(ctx, tx, store.Prefix(userID+"/"))
	if err != nil {
		return err
	}
	carried, err := carriers.List(ctx, tx, store.By("user", store.Text(userID)))
	if err != nil {
		return err
	}
	states, tags := make([]string, len(were)), make([]string, 0, len(carried))
	for i := range were {
		states[i] = formerKey(userID, were[i].Until)
	}
	for i := range carried {
		if carried[i].Earned == nil || alsoEarned {
			tags = append(tags, carried[i].key())
		}
	}
	return errors.Join(formers.Delete(ctx, tx, states...), carriers.Delete(ctx, tx, tags...))
}

// carrier says that a user carries a tag, or carried it once, so that the users of a tag are found. It
// is kept in step with the tags of the user by [save].
type carrier struct {
	TagID  string    `json:"tagId"`
	UserID string    `json:"userId"`
	Until  time.Time `json:"until,omitzero"` // exclusive; zero: the user carries it
	// Earned is what documents have said of it, in a row beside that of who has assigned it.
	Earned *earned `json:"earned,omitempty"`
}

func (c *carrier) key() string {
	if c.Earned != nil {
		return earnedKey(c.TagID, c.UserID)
	}
	return carrierKey(c.TagID, c.UserID)
}

func carrierKey(tagID, userID string) string { return tagID + "/" + userID }

func earnedKey(tagID, userID string) string { return carrierKey(tagID, userID) + "/+" }

var carriers = store.Define("user_tags", (*carrier).key,
	[]store.Field[carrier]{
		{Name: "tag_id", Kind: store.KindText, Of: func(c *carrier) store.Value {
			if !c.Until.IsZero() {
				return store.Value{}
			}
			return store.Text(c.TagID)
		}},
		{Name: "user_id", Kind: store.KindText, Of: func(c *carrier) store.Value { return store.Text(c.UserID) }},
	},
	store.Index{Name: "present", Columns: []string{"tag_id"}}, // in the order of the users' ids
	store.Index{Name: "user", Columns: []string{"user_id"}},
).Version(2)

// carry brings the users of tags in line with what a user carries now and has carried.
func carry(ctx context.Context, tx *session.Tx, old, u *User) error {
	var changed []carrier
	for _, t := range u.Tags {
		if !old.HasTag(t.TagID) {
			changed = append(changed, carrier{TagID: t.TagID, UserID: u.ID})
		}
	}
	for _, t := range old.Tags {
		if !u.HasTag(t.TagID) {
			changed = append(changed, carrier{TagID: t.TagID, UserID: u.ID, Until: tx.Now})
		}
	}
	return carriers.Put(ctx, tx, changed...)
}

// Carriers returns the ids of the users to whom a tag is assigned, or was at some time after the given
// one, in their order. Deleted users are not among them.
func Carriers(ctx context.Context, tx store.Tx, tagID string, after time.Time) ([]string, error) {
	all, err := carriers.List(ctx, tx, store.Prefix(carrierKey(tagID, "")))
	var ids []string
	for _, c := range all {
		if c.Earned == nil && (c.Until.IsZero() || c.Until.After(after)) {
			ids = append(ids, c.UserID)
		}
	}
	return ids, err
}

// userTags returns tags as a user gets them at a moment.
func userTags(tags []Tagging, now time.Time) (carried []UserTag) {
	for _, t := range tags {
		carried = append(carried, UserTag{TagID: t.TagID, Priority: t.Priority, CreatedAt: now, UpdatedAt: now})
	}
	slices.SortFunc(carried, func(a, b UserTag) int { return strings.Compare(a.TagID, b.TagID) })
	return carried
}
