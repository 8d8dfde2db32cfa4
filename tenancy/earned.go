package tenancy

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// An EarnedTag is what documents say of one of a user's tags: that the user carries it, or does not, whatever somebody has assigned before.
type EarnedTag struct {
	TagID string `json:"tagId"`
	// By is the document that says so, as "Ladder/club".
	By string `json:"by"`
	// Since is when it said so.
	Since time.Time `json:"since"`
	// Taken says that the user does not carry the tag, unless it was assigned since.
	Taken bool `json:"taken,omitempty"`
}

// Same tells whether two say the same.
func (t EarnedTag) Same(o EarnedTag) bool {
	return t.TagID == o.TagID && t.By == o.By && t.Taken == o.Taken && t.Since.Equal(o.Since)
}

// earned is what documents have said of a tag that a user carries or lacks because of them.
type earned struct {
	// Held are the documents that give it as long as something holds, such as that the user is on a step of a ladder.
	Held []holder `json:"held,omitempty"`
	// Last is what a document has decided last, once and for a time or for good.
	Last *verdict `json:"last,omitempty"`
}

type holder struct {
	By    string    `json:"by"`
	Since time.Time `json:"since"`
}

type verdict struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Taken bool      `json:"taken,omitempty"`
}

// says returns what follows for the user, false for nothing.
func (c *carrier) says() (EarnedTag, bool) {
	switch e := c.Earned; {
	case e == nil:
	case len(e.Held) > 0:
		return EarnedTag{TagID: c.TagID, By: e.Held[0].By, Since: e.Held[0].Since}, true
	case e.Last != nil:
		return EarnedTag{TagID: c.TagID, By: e.Last.By, Since: e.Last.At, Taken: e.Last.Taken}, true
	}
	return EarnedTag{}, false
}

// CarrierRows is the table of who carries which tags. Its rows of what documents give are rows of users' folds.
func CarrierRows() (table *store.Schema, owner func(record any) string) {
	return carriers.Schema(), func(record any) string {
		if c := record.(carrier); c.Earned != nil {
			return c.UserID
		}
		return ""
	}
}

// Earned returns what documents say of a user's tags as it is in the user's fold, in the order of the tags.
func Earned(ctx context.Context, tx store.Tx, userID string) ([]EarnedTag, error) {
	rows, err := carriers.List(ctx, tx, store.By("user", store.Text(userID)))
	return earnedIn(rows), err
}

// earnedIn returns what the rows of a user say, in the order of the tags.
func earnedIn(rows []carrier) (all []EarnedTag) {
	for i := range rows {
		if t, says := rows[i].says(); says {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b EarnedTag) int { return strings.Compare(a.TagID, b.TagID) })
	return all
}

// Carrying returns the user with what documents say of the tags, on top of those that are assigned.
func (u *User) Carrying(tags []EarnedTag) *User {
	if len(tags) == 0 && !u.earns {
		return u
	}
	c := u.bare()
	base := c.Tags
	for _, t := range tags {
		at, carried := c.findTag(t.TagID)
		switch {
		case t.Taken && carried && !c.Tags[at].CreatedAt.After(t.Since):
			c.Tags = slices.Delete(slices.Clone(c.Tags), at, at+1)
		case !t.Taken && !carried:
			c.Tags = slices.Insert(slices.Clone(c.Tags), at, UserTag{TagID: t.TagID, CreatedAt: t.Since, UpdatedAt: t.Since, By: t.By})
		}
	}
	if len(c.Tags) == 0 {
		c.Tags = nil
	}
	c.assigned, c.earns = base, true
	return &c
}

// earned tells whether the user carries a tag because of a document alone.
func (u *User) earned(tagID string) bool {
	at, carried := u.findTag(tagID)
	return carried && u.Tags[at].By != ""
}

// AssignedTags returns the tags that somebody has assigned to the user, whatever documents make of them. They must not be modified.
func (u *User) AssignedTags() []UserTag {
	if u.earns {
		return u.assigned
	}
	return u.Tags
}

// HasAssigned tells whether somebody has assigned a tag to the user.
func (u *User) HasAssigned(tagID string) bool {
	return slices.ContainsFunc(u.AssignedTags(), func(t UserTag) bool { return t.TagID == tagID })
}

// bare returns the user with the tags that are assigned, and no others.
func (u *User) bare() User {
	c := *u
	if c.earns {
		c.Tags, c.assigned, c.earns = c.assigned, nil, false
	}
	return c
}

// seen returns the user with what documents say of the tags now. It reads nothing unless they ever said something.
func (u *User) seen(ctx context.Context, tx store.Tx) (*User, error) {
	if !u.TagsEarned {
		return u, nil
	}
	tags, err := Earned(ctx, tx, u.ID)
	return u.Carrying(tags), err
}

// allSeen is [User.seen] of several.
func allSeen(ctx context.Context, tx store.Tx, list []User) error {
	for i := range list {
		u, err := list[i].seen(ctx, tx)
		if err != nil {
			return err
		}
		list[i] = *u
	}
	return nil
}

// A TagWord is what a document says of a user's tags.
type TagWord struct {
	// By is the document, as "Ladder/club", and At the moment.
	By string
	At time.Time
	// Holds says that the document gives the tags in Held from now on, and no others, until it says otherwise.
	Holds bool
	Held  []string
	// TagID is a tag that it gives, or takes if Taken is set. Over says that what it said of that is over.
	TagID       string
	Taken, Over bool
}

// Earn keeps in a user's fold what a document says of the tags, and returns the user as it is since, with the tags that it gained and lost.
func Earn(ctx context.Context, tx *session.Tx, u *User, w TagWord) (now *User, gained, lost []string, err error) {
	if err := mark(ctx, tx, u.ID); err != nil {
		return nil, nil, nil, err
	}
	rows, err := carriers.List(ctx, tx, store.By("user", store.Text(u.ID)))
	if err != nil {
		return nil, nil, nil, err
	}
	rows = slices.Clone(rows) // they may be the store's
	was := u.Carrying(earnedIn(rows))
	for _, id := range w.about(rows) {
		at := slices.IndexFunc(rows, func(c carrier) bool { return c.Earned != nil && c.TagID == id })
		if at < 0 {
			at, rows = len(rows), append(rows, carrier{TagID: id, UserID: u.ID, Earned: &earned{}})
		}
		e := *rows[at].Earned
		w.change(&e, id)
		c := carrier{TagID: id, UserID: u.ID, Earned: &e}
		if says, there := c.says(); !there || says.Taken {
			c.Until = w.At
		}
		if err := carriers.Put(ctx, tx, c); err != nil {
			return nil, nil, nil, err
		}
		rows[at] = c
	}
	now = u.Carrying(earnedIn(rows))
	return now, was.gains(now), now.gains(was), nil
}

// about returns the tags that it says something of, where rows are what is kept of the user.
func (w *TagWord) about(rows []carrier) []string {
	if !w.Holds {
		return []string{w.TagID}
	}
	ids := slices.Clone(w.Held)
	for i := range rows {
		if e := rows[i].Earned; e != nil && e.heldBy(w.By) >= 0 {
			ids = append(ids, rows[i].TagID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// change lets what documents have said of a tag be what they say since.
func (w *TagWord) change(e *earned, tagID string) {
	at, held := e.heldBy(w.By), slices.Contains(w.Held, tagID)
	switch {
	case w.Over:
		e.Last = nil
	case !w.Holds:
		e.Last = &verdict{w.By, w.At, w.Taken}
	case held && at < 0:
		e.Held = append(slices.Clone(e.Held), holder{w.By, w.At})
	case !held && at >= 0:
		e.Held = slices.Delete(slices.Clone(e.Held), at, at+1)
	}
}

// heldBy returns the place of a document among those that give the tag, -1 if it does not.
func (e *earned) heldBy(document string) int {
	return slices.IndexFunc(e.Held, func(h holder) bool { return h.By == document })
}

// CarriesBy tells which tag a record of [CarrierRows] is about, or else another one of the same tag where it is nil, whether a user carries it by what the
// record says, and which document says so.
func CarriesBy(u *User, record, other any) (tagID string, carries bool, by string) {
	c, there := record.(carrier)
	if !there {
		c.TagID = other.(carrier).TagID
	}
	now := new(u.bare())
	if t, says := c.says(); says {
		now, by = now.Carrying([]EarnedTag{t}), t.By
	}
	return c.TagID, now.HasTag(c.TagID), by
}

// gains returns the tags that another state of the user has and this one has not.
func (u *User) gains(then *User) (ids []string) {
	for _, t := range then.Tags {
		if !u.HasTag(t.TagID) {
			ids = append(ids, t.TagID)
		}
	}
	return ids
}

// mark notes that documents say something of a user's tags, for good: whoever reads the user asks them since.
func mark(ctx context.Context, tx *session.Tx, userID string) error {
	u, found, err := users.Get(ctx, tx, userID)
	if err != nil || !found || u.TagsEarned {
		return err
	}
	u.TagsEarned = true
	return users.Put(ctx, tx, u)
}
