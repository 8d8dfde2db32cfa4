package proof_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// What is read together is what is read one by one.
func TestReadingManyTogether(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.academy(t)
		w.paths(t, "ada")
		one := func(v any, err error) any {
			t.Helper()
			require.NoError(t, err)
			return v
		}

		users, err := w.Users.GetMany(ctx, "bob", "nobody", "ada", "bob")
		require.NoError(t, err)
		byID := map[string]tenancy.User{}
		for _, u := range users {
			byID[u.ID] = u
		}
		require.Len(t, byID, 2)
		require.Equal(t, one(w.Users.Get(ctx, "ada")), byID["ada"])

		run := one(w.Activities.Get(ctx, "run")).(content.Activity)
		run.Name = "Jog"
		_, err = w.Activities.Update(ctx, run)
		require.NoError(t, err)
		live, err := w.Activities.Live(ctx, "swim", "run", "none")
		require.NoError(t, err)
		require.Len(t, live, 2)
		require.Equal(t, one(w.Activities.Version(ctx, "run", 0)).(content.Version[content.Activity]).Document, live["run"], "a draft is not in force")
		_, err = w.Activities.Publish(ctx, "run")
		require.NoError(t, err)
		versions, err := w.Activities.Versions(ctx, content.Pin{ID: "run", Version: 2}, content.Pin{ID: "run", Version: 1}, content.Pin{ID: "run", Version: 2})
		require.NoError(t, err)
		for i, number := range []int{2, 1, 2} {
			require.Equal(t, one(w.Activities.Version(ctx, "run", number)).(content.Version[content.Activity]).Document, versions[i])
		}
		_, err = w.Activities.Versions(ctx, content.Pin{ID: "run", Version: 3})
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = w.Activities.AssignTags(ctx, "run", tenancy.Tagging{TagID: "outdoor", Priority: 3})
		require.NoError(t, err)
		tags, err := w.Activities.AssignedTagsOf(ctx, "run", "swim", "none")
		require.NoError(t, err)
		own, _, err := w.Activities.AssignedTags(ctx, "run", store.Page{})
		require.NoError(t, err)
		require.Equal(t, map[string][]content.TagAssignment{"run": own}, tags)

		evaluated, err := w.Missions.Evaluate(ctx, "ada")
		require.NoError(t, err)
		require.Equal(t, any(evaluated), one(w.Missions.Current(ctx, "ada")))
		_, err = w.Missions.Current(ctx, "nobody")
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.IsType(t, []missions.Mission{}, evaluated)

		w.answer(t, "ada", "hills", content.Option1)
		var items []learning.Item
		var want []learning.AssignedItem
		groups, _, err := w.Learning.Groups.List(ctx, content.Filter{InForce: true}, store.Page{})
		require.NoError(t, err)
		for _, g := range groups {
			items = append(items, learning.Item{ItemID: g.ID, ItemType: learning.ItemGroup})
			item, err := w.Learning.Group(ctx, "ada", g.ID, "", "it")
			require.NoError(t, err)
			require.Equal(t, len(item.Items), item.Overview.Total)
			want = append(want, item)
		}
		for _, id := range []string{"hills", "forum"} {
			items = append(items, learning.Item{ItemID: id, ItemType: map[string]learning.ItemType{"hills": learning.ItemQuiz, "forum": learning.ItemSlide}[id]})
		}
		quiz, err := w.Learning.Quiz(ctx, "ada", "hills", "", "it")
		require.NoError(t, err)
		slide, err := w.Learning.Slide(ctx, "ada", "forum", "", "it")
		require.NoError(t, err)
		require.Equal(t, jsonOf(t, append(want, quiz, slide)), jsonOf(t, one(w.Learning.Items(ctx, "ada", "", "it", items...))))
		_, err = w.Learning.Items(ctx, "ada", "", "it", learning.Item{ItemID: "none", ItemType: learning.ItemQuiz})
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.Empty(t, one(w.Learning.Items(ctx, "ada", "", "it")))
	})
}

// Of a user's assignments of a path, the one that may be worked on counts, then one in its time, then the one that ends last.
func TestTheAssignmentOfAPath(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.academy(t)
		_, err := w.Learning.AssignmentOf(ctx, "bob", "rome", "")
		require.ErrorIs(t, err, fault.ErrNotFound)
		assign := func(n learning.NewAssignment) string {
			n.UserID, n.PathID = "bob", "rome"
			a, err := w.Learning.Assign(ctx, n)
			require.NoError(t, err)
			return a.ID
		}
		is := func(want string) {
			t.Helper()
			a, err := w.Learning.AssignmentOf(ctx, "bob", "rome", "")
			require.NoError(t, err)
			require.Equal(t, want, a.Assignment.ID)
			seen, err := w.Learning.Assignment(ctx, want, "")
			require.NoError(t, err)
			require.Equal(t, jsonOf(t, seen), jsonOf(t, a))
		}
		is(assign(learning.NewAssignment{StartsAt: start.AddDate(3, 0, 0), EndsAt: start.AddDate(9, 0, 0)}))
		is(assign(learning.NewAssignment{Visibility: learning.Locked}))
		is(assign(learning.NewAssignment{EndsAt: start.AddDate(0, 0, 10)}))
		is(assign(learning.NewAssignment{StartsAt: start.AddDate(0, 0, -1), EndsAt: start.AddDate(0, 0, 20)}))
		list, _, err := w.Learning.Assignments(ctx, "bob", learning.Query{PathID: "greece"}, store.Page{})
		require.NoError(t, err)
		require.Empty(t, list)
		list, _, err = w.Learning.Assignments(ctx, "bob", learning.Query{PathID: "rome"}, store.Page{})
		require.NoError(t, err)
		require.Len(t, list, 4)
		_, err = w.Learning.AssignmentOf(ctx, "bob", "a b", "")
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}
