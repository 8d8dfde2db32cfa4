package tenancy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// was is what rules may read of a user, as text.
func was(u *tenancy.User) string {
	words := []string{u.Lang, u.Timezone, string(u.Role), string(u.Status)}
	for _, tag := range u.Tags {
		words = append(words, tag.TagID)
	}
	return strings.Join(words, " ")
}

// at returns the user u1 as it was at a moment.
func (w *world) at(t require.TestingT, at time.Time) (u *tenancy.User) {
	require.NoError(t, w.store.View(context.Background(), acme, func(tx store.Tx) error {
		now, err := tenancy.FindUser(context.Background(), tx, "u1")
		require.NoError(t, err)
		u, err = now.At(context.Background(), tx, at)
		return err
	}))
	return u
}

// Whatever happens to a user, at any later time it is known what the user was at every moment.
func TestUserOfThen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		w, err := newWorld(ctx)
		require.NoError(rt, err)
		users := w.users(acme)
		first, err := users.Create(ctx, tenancy.NewUser{ID: "u1", Tags: []tenancy.Tagging{{TagID: "b"}}})
		require.NoError(rt, err)
		moments, want := []time.Time{first.CreatedAt}, []string{was(&first)}
		carried := map[string]time.Time{} // until when
		for i := range rapid.IntRange(0, 12).Draw(rt, "steps") {
			tag := tenancy.Tagging{TagID: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "tag"), Priority: i}
			switch rapid.IntRange(0, 7).Draw(rt, "step") {
			case 0:
				_, err = users.Update(ctx, "u1", tenancy.UserPatch{Timezone: new(rapid.SampledFrom([]string{"", "Asia/Tokyo"}).Draw(rt, "zone"))})
			case 1:
				_, err = users.Update(ctx, "u1", tenancy.UserPatch{Nickname: new(fmt.Sprint("Nick", i))})
			case 2:
				_, err = users.SetRole(ctx, "u1", rapid.SampledFrom([]tenancy.Role{tenancy.Member, tenancy.Admin}).Draw(rt, "role"))
			case 3:
				_, err = users.Suspend(ctx, "u1")
			case 4:
				_, _ = users.UpdateTags(ctx, "u1", tag) // refused if it is not there
			case 5, 6:
				_, _ = users.AssignTags(ctx, "u1", tag)
			default:
				_ = users.RemoveTags(ctx, "u1", tag.TagID)
			}
			require.NoError(rt, err)
			u, err := users.Get(ctx, "u1")
			require.NoError(rt, err)
			before := w.at(rt, u.UpdatedAt.Add(-time.Microsecond))
			for _, tag := range before.Tags {
				if !u.HasTag(tag.TagID) {
					carried[tag.TagID] = u.UpdatedAt
				}
			}
			moments, want = append(moments, u.UpdatedAt), append(want, was(&u))
		}
		now, err := users.Get(ctx, "u1")
		require.NoError(rt, err)
		for i, moment := range moments {
			for _, at := range []time.Time{moment, moment.Add(300 * time.Millisecond)} {
				then := w.at(rt, at)
				require.Equal(rt, want[i], was(then))
				require.Equal(rt, now.Nickname, then.Nickname)
			}
		}
		require.Equal(rt, want[0], was(w.at(rt, first.CreatedAt.AddDate(-9, 0, 0))), "before there was a user")
		require.NoError(rt, w.store.View(ctx, acme, func(tx store.Tx) error {
			for _, tag := range []string{"a", "b", "c"} {
				until, once := carried[tag]
				for _, after := range moments {
					ids, err := tenancy.Carriers(ctx, tx, tag, after)
					require.NoError(rt, err)
					require.Equal(rt, now.HasTag(tag) || once && until.After(after), slices.Contains(ids, "u1"))
				}
			}
			return nil
		}))
	})
}

// What a user becomes in the moment of its creation, it was from the beginning.
func TestUserIsMadeInOneMoment(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	require.NoError(t, w.runner(acme).Update(ctx, func(tx *session.Tx) error {
		join := func(_ context.Context, fn session.Func) error { return fn(tx) }
		users := tenancy.NewUsers(session.NewRunner(join, join), nil)
		_, err := users.Create(ctx, tenancy.NewUser{ID: "u1"})
		require.NoError(t, err)
		_, err = users.AssignTags(ctx, "u1", tenancy.Tagging{TagID: "red"}, tenancy.Tagging{TagID: "blue"})
		require.NoError(t, err)
		return users.RemoveTags(ctx, "u1", "blue")
	}))
	require.Equal(t, "  member active red", was(w.at(t, epoch.AddDate(-1, 0, 0))))
	u, err := w.users(acme).Get(ctx, "u1")
	require.NoError(t, err)
	require.Zero(t, u.ChangedAt, "it never was another")
}

func TestCreateWithTags(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	there := func(_ context.Context, _ *session.Tx, tagID string) (bool, error) { return tagID != "gone", nil }
	users := tenancy.NewUsers(w.runner(acme), there)
	red, blue := tenancy.Tagging{TagID: "red", Priority: 3}, tenancy.Tagging{TagID: "blue"}
	u, err := users.Create(ctx, tenancy.NewUser{ID: "u1", Tags: []tenancy.Tagging{red, blue}})
	require.NoError(t, err)
	require.Equal(t, []tenancy.UserTag{
		{TagID: "blue", CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt}, {TagID: "red", Priority: 3, CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt},
	}, u.Tags)
	require.Equal(t, []string{"blue", "red"}, w.caused[0].EntityTags)
	tagged, _, err := users.Tagged(ctx, "red", store.Page{})
	require.NoError(t, err)
	require.Equal(t, []tenancy.User{u}, tagged)

	before := w.records(t, acme)
	for name, tt := range map[string]struct {
		tags  []tenancy.Tagging
		kind  error
		field string
	}{
		"26":       {assignments(26), fault.ErrInvalid, "tags"},
		"twice":    {[]tenancy.Tagging{red, blue, red}, fault.ErrInvalid, "tags[2].tagId"},
		"priority": {[]tenancy.Tagging{{TagID: "red", Priority: -1}}, fault.ErrInvalid, "tags[0].priority"},
		"id":       {[]tenancy.Tagging{{}}, fault.ErrInvalid, "tags[0].tagId"},
		"no tag":   {[]tenancy.Tagging{red, {TagID: "gone"}}, fault.ErrNotFound, "tags[1].tagId"},
	} {
		_, err := users.Create(ctx, tenancy.NewUser{ID: "u2", Tags: tt.tags})
		requireFault(t, err, tt.kind, tt.field)
		require.Equal(t, before, w.records(t, acme), name)
	}
}

// Nothing of what a user was outlives its deletion.
func TestAnonymiseForgetsThePast(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx := t.Context()
	users := w.users(acme)
	made := w.create(t, acme, tenancy.NewUser{ID: "u1", Lang: "sc", Timezone: "Europe/Vaduz", Tags: []tenancy.Tagging{{TagID: "left-handed"}}})
	require.NoError(t, users.RemoveTags(ctx, "u1", "left-handed"))
	_, err := users.Update(ctx, "u1", tenancy.UserPatch{Lang: new("it"), Timezone: new("Europe/Rome")})
	require.NoError(t, err)
	_, err = users.Anonymise(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, "   deleted", was(w.at(t, made.CreatedAt)))
	for _, record := range w.records(t, acme) {
		for _, value := range []string{"Vaduz", "Rome", "left-handed"} {
			require.NotContains(t, record, value)
		}
	}
}
