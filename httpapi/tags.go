package httpapi

import (
	"context"
	"slices"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A tagged service assigns tags to its entities. Documents and media are such, and users behind [userTags].
type tagged interface {
	AssignTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]content.TagAssignment, error)
	UpdateTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]content.TagAssignment, error)
	RemoveTags(ctx context.Context, id string, tagIDs ...string) error
	AssignedTags(ctx context.Context, id string, page store.Page) ([]content.TagAssignment, string, error)
	AssignedTag(ctx context.Context, id, tagID string) (content.TagAssignment, error)
}

// tagCodes are the statuses of assigning several tags, of assigning one, and of removing, which differ between entities.
type tagCodes struct{ several, one, remove []int }

var (
	// tagsAnswered are those of most: what was removed is told.
	tagsAnswered = tagCodes{codes(200, 400, 401, 404), codes(200, 400, 401, 404, 409), codes(200, 400, 401, 404)}
	// tagsSilent are those of activities, streak rules and users.
	tagsSilent = tagCodes{codes(200, 400, 401, 404), codes(200, 400, 401, 404), codes(204, 400, 401, 404)}
	// tagsMade are those of streak configurations.
	tagsMade = tagCodes{codes(201, 400, 401, 404), codes(201, 400, 401, 404, 409), codes(200, 400, 401, 404)}
)

// A tagRow is a tag that an entity carries.
type tagRow struct {
	content.TagAssignment
	envelope

	// Scope is that of a medium.
	Scope content.MediaScope `json:"scope,omitempty"`
	// Own is the entity's id under the name that it has in its own rows.
	Own map[string]string `wire:"flat"`
}

type (
	assignments struct {
		Assignments []struct {
			TagID    string `json:"tagId"`
			Priority int    `json:"priority,omitempty"`
		} `json:"assignments"`
	}
	tagsOf struct {
		ID string `path:"id"`
		paging
	}
	tagOf struct {
		ID    string `path:"id"`
		TagID string `path:"tagId"`
	}
	tagsGiven struct {
		ID   string      `path:"id"`
		Body assignments `body:"json"`
	}
	tagGiven struct {
		tagOf

		Body *priority `body:"json"`
	}
	priority struct {
		Priority int `json:"priority,omitempty"`
	}
	tagRows struct {
		Assignments []tagRow `json:"assignments"`
	}
	tagGone struct {
		TagID      string            `json:"tagId"`
		EntityType string            `json:"entityType"`
		EntityID   string            `json:"entityId"`
		Deleted    bool              `json:"deleted"`
		Own        map[string]string `wire:"flat"`
	}
	tagsGone struct {
		Assignments []tagGone `json:"assignments"`
	}
)

// tagging is the tag with the priority that the body says; without one it is 0.
func (in *tagGiven) tagging() tenancy.Tagging {
	t := tenancy.Tagging{TagID: in.TagID}
	if in.Body != nil {
		t.Priority = in.Body.Priority
	}
	return t
}

func (a *assignments) taggings() (all []tenancy.Tagging) {
	for _, t := range a.Assignments {
		all = append(all, tenancy.Tagging{TagID: t.TagID, Priority: t.Priority})
	}
	return all
}

func (a *assignments) ids() (all []string) {
	for _, t := range a.Assignments {
		all = append(all, t.TagID)
	}
	return all
}

// tagReads declares the reading of the tags of entities at a path.
func tagReads(one string, of func(*guerdon.Workspace) tagged) []*operation {
	return tagReadsOf(one, func(c *call) tagged { return of(c.ws) })
}

// tagReadsOf is tagReads for what depends on the request.
func tagReadsOf(one string, of func(*call) tagged) []*operation {
	return []*operation{
		declare("GET", one+"/tags", tenancy.ContentRead, "List the tags", codes(200, 401, 404), func(ctx context.Context, c *call, in *tagsOf) (list[tagRow], error) {
			found, next, err := of(c).AssignedTags(ctx, in.ID, in.page())
			return list[tagRow]{c.tagRows(found), next}, err
		}),
		declare("GET", one+"/tags/{tagId}", tenancy.ContentRead, "Get one of the tags", codes(200, 401, 404), func(ctx context.Context, c *call, in *tagOf) (tagRow, error) {
			t, err := of(c).AssignedTag(ctx, in.ID, in.TagID)
			return c.onlyTag([]content.TagAssignment{t}), err
		}),
	}
}

// tagWrites declares how entities at a path get tags and lose them.
func tagWrites(one, kind string, p tenancy.Permission, statuses tagCodes, of func(*guerdon.Workspace) tagged) []*operation {
	return tagWritesOf(one, kind, p, statuses, func(c *call) tagged { return of(c.ws) })
}

// tagWritesOf is tagWrites for what depends on the request.
func tagWritesOf(one, kind string, p tenancy.Permission, statuses tagCodes, of func(*call) tagged) []*operation {
	gone := func(c *call, in tagOf) tagGone { return tagGone{in.TagID, kind, in.ID, true, c.own(in.ID)} }
	return []*operation{
		declare("POST", one+"/tags", p, "Assign tags", statuses.several, func(ctx context.Context, c *call, in *tagsGiven) (tagRows, error) {
			made, err := of(c).AssignTags(ctx, in.ID, in.Body.taggings()...)
			return tagRows{c.tagRows(made)}, err
		}),
		declare("PATCH", one+"/tags", p, "Change priorities of tags", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *tagsGiven) (tagRows, error) {
			made, err := of(c).UpdateTags(ctx, in.ID, in.Body.taggings()...)
			return tagRows{c.tagRows(made)}, err
		}),
		declare("DELETE", one+"/tags", p, "Remove tags", statuses.remove, func(ctx context.Context, c *call, in *tagsGiven) (tagsGone, error) {
			err := of(c).RemoveTags(ctx, in.ID, in.Body.ids()...)
			var all []tagGone
			for _, id := range in.Body.ids() {
				all = append(all, gone(c, tagOf{in.ID, id}))
			}
			return tagsGone{all}, err
		}),
		declare("POST", one+"/tags/{tagId}", p, "Assign a tag", statuses.one, func(ctx context.Context, c *call, in *tagGiven) (tagRow, error) {
			made, err := of(c).AssignTags(ctx, in.ID, in.tagging())
			return c.onlyTag(made), err
		}),
		declare("PATCH", one+"/tags/{tagId}", p, "Change the priority of a tag", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *tagGiven) (tagRow, error) {
			made, err := of(c).UpdateTags(ctx, in.ID, in.tagging())
			return c.onlyTag(made), err
		}),
		declare("DELETE", one+"/tags/{tagId}", p, "Remove a tag", statuses.remove, func(ctx context.Context, c *call, in *tagOf) (tagGone, error) {
			err := of(c).RemoveTags(ctx, in.ID, in.TagID)
			return gone(c, *in), err
		}),
	}
}

// bare returns assignments of tags as rows have them where they are an expansion.
func bare(tags []content.TagAssignment) []tenancy.UserTag {
	all := make([]tenancy.UserTag, len(tags))
	for i, t := range tags {
		all[i] = tenancy.UserTag{TagID: t.TagID, Priority: t.Priority, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt}
	}
	return all
}

// tagsFor returns what gives each of some entities the tags that its row has, nil if they are not asked for; all are read at once.
func tagsFor[T any](
	ctx context.Context, of interface {
		AssignedTagsOf(ctx context.Context, ids ...string) (map[string][]content.TagAssignment, error)
	}, all []T, id func(*T) string, fields []string,
) (func(id string) *[]tenancy.UserTag, error) {
	if !slices.Contains(fields, "tags") {
		return func(string) *[]tenancy.UserTag { return nil }, nil
	}
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = id(&all[i])
	}
	slices.Sort(ids)
	found, err := of.AssignedTagsOf(ctx, slices.Compact(ids)...)
	return func(id string) *[]tenancy.UserTag { return new(bare(found[id])) }, err
}

func (c *call) tagRows(all []content.TagAssignment) []tagRow {
	rows := make([]tagRow, len(all))
	for i, t := range all {
		rows[i] = tagRow{t, c.envelope(), c.shelf, c.own(t.EntityID)}
	}
	return rows
}

func (c *call) onlyTag(all []content.TagAssignment) tagRow {
	if len(all) == 0 {
		return tagRow{}
	}
	return c.tagRows(all)[0]
}

// own returns an entity's id under the name that the operation's path has for it.
func (c *call) own(id string) map[string]string {
	for name := range pathParams(c.op.Path) {
		return map[string]string{name: id}
	}
	return nil
}
