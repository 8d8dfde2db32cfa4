package tenancy_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

func assignments(n int) []tenancy.Tagging {
	all := make([]tenancy.Tagging, n)
	for i := range all {
		all[i] = tenancy.Tagging{TagID: fmt.Sprintf("t%02d", i), Priority: i}
	}
	return all
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	users := w.users(acme)
	w.create(t, acme, tenancy.NewUser{ID: "u1"})

	given, err := users.AssignTags(ctx, "u1", tenancy.Tagging{TagID: "red", Priority: 2}, tenancy.Tagging{TagID: "blue"})
	require.NoError(t, err)
	require.Equal(t, "red", given[0].TagID) // as asked
	require.Equal(t, 2, given[0].Priority)
	require.Equal(t, given[0].CreatedAt, given[0].UpdatedAt)

	updated, err := users.UpdateTags(ctx, "u1", tenancy.Tagging{TagID: "red", Priority: 7})
	require.NoError(t, err)
	require.Equal(t, 7, updated[0].Priority)
	require.Equal(t, given[0].CreatedAt, updated[0].CreatedAt)
	require.True(t, updated[0].UpdatedAt.After(given[0].UpdatedAt))

	list, err := users.Tags(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, []tenancy.UserTag{given[1], updated[0]}, list) // by id
	list[0].TagID = "spoilt"                                        // the caller's copy

	require.NoError(t, users.RemoveTags(ctx, "u1", "red"))
	list, err = users.Tags(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, []tenancy.UserTag{given[1]}, list)
	_, err = users.Tags(ctx, "nobody")
	requireFault(t, err, fault.ErrNotFound, "user")
}

func TestTagsAreAllOrNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	users := w.users(acme)
	w.create(t, acme, tenancy.NewUser{ID: "u1"})
	_, err := users.AssignTags(ctx, "u1", tenancy.Tagging{TagID: "red"})
	require.NoError(t, err)
	before := w.records(t, acme)

	blue, red := tenancy.Tagging{TagID: "blue"}, tenancy.Tagging{TagID: "red"}
	for _, tt := range []struct {
		name  string
		call  func() error
		kind  error
		field string
	}{
		{"assigned", func() error { _, err := users.AssignTags(ctx, "u1", blue, red); return err }, fault.ErrExists, "assignments[1].tagId"},
		{"none", func() error { _, err := users.AssignTags(ctx, "u1"); return err }, fault.ErrInvalid, "assignments"},
		{"26", func() error { _, err := users.AssignTags(ctx, "u1", assignments(26)...); return err }, fault.ErrInvalid, "assignments"},
		{"twice", func() error { _, err := users.AssignTags(ctx, "u1", blue, blue); return err }, fault.ErrInvalid, "assignments[1].tagId"},
		{"id", func() error { _, err := users.AssignTags(ctx, "u1", blue, tenancy.Tagging{}); return err }, fault.ErrInvalid, "assignments[1].tagId"},
		{"priority", func() error {
			_, err := users.AssignTags(ctx, "u1", tenancy.Tagging{TagID: "blue", Priority: -1})
			return err
		}, fault.ErrInvalid, "assignments[0].priority"},
		{"user", func() error { _, err := users.AssignTags(ctx, "nobody", blue); return err }, fault.ErrNotFound, "user"},
		{"update what is not there", func() error { _, err := users.UpdateTags(ctx, "u1", red, blue); return err }, fault.ErrNotFound, "assignments[1].tagId"},
		{"remove what is not there", func() error { return users.RemoveTags(ctx, "u1", "red", "blue") }, fault.ErrNotFound, "assignments[1].tagId"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			requireFault(t, tt.call(), tt.kind, tt.field)
			require.Equal(t, before, w.records(t, acme))
		})
	}
}

func TestMostTags(t *testing.T) {
	t.Parallel()
	w := open(t)
	users := w.users(acme)
	w.create(t, acme, tenancy.NewUser{ID: "u1"})
	for batch := range slices.Chunk(assignments(tenancy.MaxUserTags), tenancy.MaxAssignments) {
		_, err := users.AssignTags(t.Context(), "u1", batch...)
		require.NoError(t, err)
	}
	_, err := users.AssignTags(t.Context(), "u1", tenancy.Tagging{TagID: "last"})
	requireFault(t, err, fault.ErrConflict, "assignments[0].tagId")
}

// Whatever is assigned and removed, a tag's users are those whose tags hold it.
func TestTaggedAgreesWithTags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		w, err := newWorld(ctx)
		require.NoError(rt, err)
		users := w.users(acme)
		ids, tags := []string{"u1", "u2", "u3"}, []string{"a", "a-b", "b"}
		for _, id := range ids {
			_, err := users.Create(ctx, tenancy.NewUser{ID: id})
			require.NoError(rt, err)
		}
		carried := map[string]map[string]bool{"u1": {}, "u2": {}, "u3": {}}
		for range rapid.IntRange(0, 20).Draw(rt, "steps") {
			user, tag := rapid.SampledFrom(ids).Draw(rt, "user"), rapid.SampledFrom(tags).Draw(rt, "tag")
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				_, err = users.Anonymise(ctx, user)
				require.NoError(rt, err)
				carried[user] = nil
			case 1, 2, 3:
				if err := users.RemoveTags(ctx, user, tag); err == nil {
					delete(carried[user], tag)
				}
			default:
				if _, err := users.AssignTags(ctx, user, tenancy.Tagging{TagID: tag}); err == nil {
					carried[user][tag] = true
				}
			}
		}
		for _, id := range ids {
			list, err := users.Tags(ctx, id)
			require.NoError(rt, err)
			require.Len(rt, list, len(carried[id]))
		}
		for _, tag := range tags {
			var want []string
			for _, id := range slices.Sorted(maps.Keys(carried)) {
				if carried[id][tag] {
					want = append(want, id)
				}
			}
			var got []string
			for page := (store.Page{Limit: 2, Ascending: true}); ; {
				list, next, err := users.Tagged(ctx, tag, page)
				require.NoError(rt, err)
				for _, u := range list {
					require.True(rt, u.HasTag(tag))
					got = append(got, u.ID)
				}
				if page.Token = next; next == "" {
					break
				}
			}
			require.Equal(rt, want, got)
		}
	})
}
