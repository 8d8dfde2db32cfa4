package content

import (
	"context"
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

var assignments = store.Define("tag_assignments",
	func(a *TagAssignment) string { return assignmentKey(a.EntityType, a.EntityID, a.TagID) }, nil)

func assignmentKey(kind, id, tagID string) string { return recordKey(kind, id) + "/" + tagID }

// AssignedTags returns the tags that the document carries, by the tag's id, and the token of the next
// page.
func (d Documents[T]) AssignedTags(ctx context.Context, id string, page store.Page) (tags []TagAssignment, next string, err error) {
	return session.ReadPage(ctx, d.run, func(tx *session.Tx) ([]TagAssignment, string, error) {
		if _, err := find(ctx, tx, d.kind, id); err != nil {
			return nil, "", err
		}
		return assignments.PageOf(ctx, tx, store.Prefix(recordKey(d.kind.name, id)+"/"), page)
	})
}

// AssignTags makes the document carry 1 to 25 tags, all or none. It returns [fault.ErrNotFound] for a
// tag that is not published, and [fault.ErrExists] for one that the document carries already.
func (d Documents[T]) AssignTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]TagAssignment, error) {
	return d.tag(ctx, id, tags, func(tx *session.Tx, old *TagAssignment, t tenancy.Tagging) (TagAssignment, error) {
		if old != nil {
			return TagAssignment{}, fault.Exists("tagId", "%q is assigned already", t.TagID)
		}
		if live, err := published(ctx, tx, Tags.name, t.TagID); err != nil || !live {
			return TagAssignment{}, notFound(err, "tagId", t.TagID)
		}
		return TagAssignment{
			TagID: t.TagID, EntityType: d.kind.name, EntityID: id, Priority: t.Priority, CreatedAt: tx.Now, UpdatedAt: tx.Now,
		}, nil
	})
}

// UpdateTags changes the priorities of 1 to 25 tags that the document carries, all or none. It returns
// [fault.ErrNotFound] for one that it does not carry.
func (d Documents[T]) UpdateTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]TagAssignment, error) {
	return d.tag(ctx, id, tags, func(tx *session.Tx, old *TagAssignment, t tenancy.Tagging) (TagAssignment, error) {
		if old == nil {
			return TagAssignment{}, fault.NotFound("tagId", t.TagID)
		}
		changed := *old
		changed.Priority, changed.UpdatedAt = t.Priority, tx.Now
		return changed, nil
	})
}

// RemoveTags takes 1 to 25 tags from the document, all or none. It returns [fault.ErrNotFound] for one
// that it does not carry.
func (d Documents[T]) RemoveTags(ctx context.Context, id string, tagIDs ...string) error {
	return d.run.Update(ctx, func(tx *session.Tx) error {
		taggings := make([]tenancy.Tagging, len(tagIDs))
		keys := make([]string, len(tagIDs))
		for i, tag := range tagIDs {
			taggings[i].TagID, keys[i] = tag, assignmentKey(d.kind.name, id, tag)
		}
		old, err := d.carried(ctx, tx, id, taggings)
		if err != nil {
			return err
		}
		for i, tag := range tagIDs {
			if old[i] == nil {
				return fault.NotFound("tagId", tag)
			}
		}
		if err := assignments.Delete(ctx, tx, keys...); err != nil {
			return err
		}
		return touch(ctx, tx)
	})
}

// tag writes what decide makes of each tagging and of the assignment that there is, nil if there is none.
func (d Documents[T]) tag(
	ctx context.Context, id string, tags []tenancy.Tagging, decide func(*session.Tx, *TagAssignment, tenancy.Tagging) (TagAssignment, error),
) ([]TagAssignment, error) {
	return session.Write(ctx, d.run, func(tx *session.Tx) ([]TagAssignment, error) {
		old, err := d.carried(ctx, tx, id, tags)
		if err != nil {
			return nil, err
		}
		written := make([]TagAssignment, len(tags))
		for i, t := range tags {
			field := fmt.Sprintf("assignments[%d]", i)
			if t.Priority < 0 {
				return nil, fault.Invalid(field+".priority", "is %d; it must be 0 or more", t.Priority)
			}
			if written[i], err = decide(tx, old[i], t); err != nil {
				return nil, fault.In(field, err)
			}
		}
		if err := assignments.Put(ctx, tx, written...); err != nil {
			return nil, err
		}
		return written, touch(ctx, tx)
	})
}

// carried returns the assignments of the given tags to the document, nil for those it does not carry.
func (d Documents[T]) carried(ctx context.Context, tx *session.Tx, id string, tags []tenancy.Tagging) ([]*TagAssignment, error) {
	if n := len(tags); n == 0 || n > tenancy.MaxAssignments {
		return nil, fault.Invalid("assignments", "are %d; allowed are 1 to %d", n, tenancy.MaxAssignments)
	}
	if _, err := find(ctx, tx, d.kind, id); err != nil {
		return nil, err
	}
	found := make([]*TagAssignment, len(tags))
	for i, t := range tags {
		if slices.ContainsFunc(tags[:i], func(o tenancy.Tagging) bool { return o.TagID == t.TagID }) {
			return nil, fault.Invalid(fmt.Sprintf("assignments[%d].tagId", i), "%q occurs twice", t.TagID)
		}
		a, ok, err := assignments.Get(ctx, tx, assignmentKey(d.kind.name, id, t.TagID))
		if err != nil {
			return nil, err
		}
		if ok {
			found[i] = &a
		}
	}
	return found, nil
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
