package content

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A TagAssignment says that an entity carries a tag.
type TagAssignment struct {
	TagID      string `json:"tagId"`
	EntityType string `json:"entityType"`
	EntityID   string `json:"entityId"`
	// Priority orders tags for clients; 0 or more.
	Priority  int       `json:"priority"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// assignment is what is kept of a tag that an entity carries, or carried once. A tag is not forgotten, as
// an event carries those that its entity had when it happened.
type assignment struct {
	TagAssignment
	Until  time.Time `json:"until,omitzero"` // exclusive; zero: the entity carries it
	Former []span    `json:"former,omitempty"`
}

// span is a time in which an entity carried a tag before it was assigned anew.
type span struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"` // exclusive
}

// assignments has the tags that an entity carries in its index, in the order of their ids.
var assignments = store.Define("tag_assignments",
	func(a *assignment) string { return assignmentKey(a.EntityType, a.EntityID, a.TagID) },
	[]store.Field[assignment]{
		{Name: "entity", Kind: store.KindText, Of: func(a *assignment) store.Value {
			if !a.Until.IsZero() {
				return store.Value{}
			}
			return store.Text(recordKey(a.EntityType, a.EntityID))
		}},
	},
	store.Index{Name: "present", Columns: []string{"entity"}},
)

func assignmentKey(kind, id, tagID string) string { return assignedTo(kind, id) + tagID }

// assignedTo is how the keys of all that is kept of an entity's tags begin.
func assignedTo(kind, id string) string { return recordKey(kind, id) + "/" }

// taggable is what carries tags in one workspace: the entities of one type. Services embed it.
type taggable struct {
	run        session.Runner
	entityType string
	find       func(ctx context.Context, tx *session.Tx, id string) error // fault.ErrNotFound if there is none
}

// carriedBy describes the tags that an entity carries.
func carriedBy(kind, id string) store.Query {
	return store.By("present", store.Text(recordKey(kind, id)))
}

// assign returns the assignment of a tag from now on; a is what is kept of it, zero if it is the first.
func (a assignment) assign(to TagAssignment, now time.Time) assignment {
	to.CreatedAt, to.UpdatedAt = now, now
	if a.TagID == "" {
		return assignment{TagAssignment: to}
	}
	return assignment{TagAssignment: to, Former: append(slices.Clip(a.Former), span{a.CreatedAt, a.Until})}
}

// prioritise returns the assignment with another priority.
func (a assignment) prioritise(priority int, now time.Time) assignment {
	a.Priority, a.UpdatedAt = priority, now
	return a
}

// remove returns the assignment of a tag that is carried no more.
func (a assignment) remove(now time.Time) assignment {
	a.Until = now
	return a
}

// at tells whether the tag was carried at a moment.
func (a *assignment) at(moment time.Time) bool {
	inside := func(s span) bool {
		return !moment.Before(s.From) && (s.Until.IsZero() || moment.Before(s.Until))
	}
	return inside(span{a.CreatedAt, a.Until}) || slices.ContainsFunc(a.Former, inside)
}

// changes returns the moments at which the tag was assigned or removed.
func (a *assignment) changes() []time.Time {
	var all []time.Time
	for _, s := range append(slices.Clip(a.Former), span{a.CreatedAt, a.Until}) {
		if all = append(all, s.From); !s.Until.IsZero() {
			all = append(all, s.Until)
		}
	}
	return all
}

// outward returns assignments as callers see them.
func outward(rows []assignment) []TagAssignment {
	return each(rows, func(a assignment) TagAssignment { return a.TagAssignment })
}

// AssignedTags returns the tags that the entity carries, by the tag's id, and the token of the next
// page.
func (e taggable) AssignedTags(ctx context.Context, id string, page store.Page) (tags []TagAssignment, next string, err error) {
	return session.ReadPage(ctx, e.run, func(tx *session.Tx) ([]TagAssignment, string, error) {
		if err := e.find(ctx, tx, id); err != nil {
			return nil, "", err
		}
		rows, next, err := assignments.PageOf(ctx, tx, carriedBy(e.entityType, id), page)
		return outward(rows), next, err
	})
}

// AssignedTagsOf returns the tags that each of up to [store.MaxPage] entities carries, by the entities' ids and for each by the tags'
// ids. An entity that carries none, or is not there, has no entry. It is one round trip, however many there are.
func (e taggable) AssignedTagsOf(ctx context.Context, ids ...string) (map[string][]TagAssignment, error) {
	if len(ids) > store.MaxPage {
		return nil, fault.Invalid("ids", "are %d, at most %d are allowed", len(ids), store.MaxPage)
	}
	return session.Read(ctx, e.run, func(tx *session.Tx) (map[string][]TagAssignment, error) {
		queries := each(ids, func(id string) store.Query { return carriedBy(e.entityType, id) })
		if err := tx.Prefetch(ctx, each(queries, assignments.Rows)...); err != nil {
			return nil, err
		}
		all := map[string][]TagAssignment{}
		for i, id := range ids {
			rows, err := assignments.List(ctx, tx, queries[i])
			if err != nil {
				return nil, err
			}
			if len(rows) > 0 {
				all[id] = outward(rows)
			}
		}
		return all, nil
	})
}

// AssignedTag returns the assignment of one tag; [fault.ErrNotFound] if the entity does not carry it.
func (e taggable) AssignedTag(ctx context.Context, id, tagID string) (TagAssignment, error) {
	return session.Read(ctx, e.run, func(tx *session.Tx) (TagAssignment, error) {
		if err := e.find(ctx, tx, id); err != nil {
			return TagAssignment{}, err
		}
		a, found, err := assignments.Get(ctx, tx, assignmentKey(e.entityType, id, tagID))
		if err != nil || !found || !a.Until.IsZero() {
			return TagAssignment{}, notFound(err, "tagId", tagID)
		}
		return a.TagAssignment, nil
	})
}

// AssignTags makes the entity carry 1 to 25 tags from now on, all or none. What happened to it before is
// not tagged by it, unless it is a document that was not published yet: what happened before its first
// publish sees the tags that it had then. It returns [fault.ErrNotFound] for a tag that is not published,
// and [fault.ErrExists] for one that the entity carries already.
func (e taggable) AssignTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]TagAssignment, error) {
	return e.tag(ctx, id, tags, func(tx *session.Tx, old assignment, carried bool, t tenancy.Tagging) (assignment, error) {
		if carried {
			return assignment{}, fault.Exists("tagId", "%q is assigned already", t.TagID)
		}
		if live, err := published(ctx, tx, Tags.name, t.TagID); err != nil || !live {
			return assignment{}, notFound(err, "tagId", t.TagID)
		}
		return old.assign(TagAssignment{TagID: t.TagID, EntityType: e.entityType, EntityID: id, Priority: t.Priority}, tx.Now), nil
	})
}

// UpdateTags changes the priorities of 1 to 25 tags that the entity carries, all or none. It returns
// [fault.ErrNotFound] for one that it does not carry.
func (e taggable) UpdateTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]TagAssignment, error) {
	return e.tag(ctx, id, tags, func(tx *session.Tx, old assignment, carried bool, t tenancy.Tagging) (assignment, error) {
		if !carried {
			return assignment{}, fault.NotFound("tagId", t.TagID)
		}
		return old.prioritise(t.Priority, tx.Now), nil
	})
}

// RemoveTags takes 1 to 25 tags from the entity, all or none; what happened while it carried them keeps
// them. It returns [fault.ErrNotFound] for one that it does not carry.
func (e taggable) RemoveTags(ctx context.Context, id string, tagIDs ...string) error {
	tags := each(tagIDs, func(tagID string) tenancy.Tagging { return tenancy.Tagging{TagID: tagID} })
	_, err := e.tag(ctx, id, tags, func(tx *session.Tx, old assignment, carried bool, t tenancy.Tagging) (assignment, error) {
		if !carried {
			return assignment{}, fault.NotFound("tagId", t.TagID)
		}
		return old.remove(tx.Now), nil
	})
	return err
}

// untag forgets all tags of an entity that goes.
func (e taggable) untag(ctx context.Context, tx *session.Tx, id string) error {
	list, err := assignments.List(ctx, tx, store.Prefix(assignedTo(e.entityType, id)))
	if err != nil || len(list) == 0 {
		return err
	}
	keys := each(list, func(a assignment) string { return assignmentKey(a.EntityType, a.EntityID, a.TagID) })
	return errors.Join(assignments.Delete(ctx, tx, keys...), touch(ctx, tx))
}

// tag writes what decide makes of each tagging, and of what is kept of the tag and whether it is carried.
func (e taggable) tag(
	ctx context.Context, id string, tags []tenancy.Tagging, decide func(*session.Tx, assignment, bool, tenancy.Tagging) (assignment, error),
) ([]TagAssignment, error) {
	if err := tenancy.CheckAssignments(tags); err != nil {
		return nil, err
	}
	return session.Write(ctx, e.run, func(tx *session.Tx) ([]TagAssignment, error) {
		if err := e.find(ctx, tx, id); err != nil {
			return nil, err
		}
		written := make([]assignment, len(tags))
		for i, t := range tags {
			old, found, err := assignments.Get(ctx, tx, assignmentKey(e.entityType, id, t.TagID))
			if err != nil {
				return nil, err
			}
			if written[i], err = decide(tx, old, found && old.Until.IsZero(), t); err != nil {
				return nil, fault.In(fmt.Sprintf("assignments[%d]", i), err)
			}
		}
		if err := assignments.Put(ctx, tx, written...); err != nil {
			return nil, err
		}
		return outward(written), touch(ctx, tx)
	})
}

// TagPublished tells whether a tag is in force.
func TagPublished(ctx context.Context, tx *session.Tx, tagID string) (bool, error) {
	return published(ctx, tx, Tags.name, tagID)
}

// published tells whether a document is in force.
func published(ctx context.Context, tx *session.Tx, kind, id string) (bool, error) {
	r, ok, err := documents.Get(ctx, tx, recordKey(kind, id))
	return ok && r.Live != nil, err
}

// notFound returns err, or that something does not exist.
func notFound(err error, noun, id string) error {
	if err != nil {
		return err
	}
	return fault.NotFound(noun, id)
}
