package proof_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// crowd gives a world n tags, users, activities, rules that read them, and paths that hold them. Each carries all tags of a sort.
func (w *world) crowd(t testing.TB, n int) (ids []string) {
	t.Helper()
	ctx := t.Context()
	docs := []content.Document{guerdontest.Currency("coins"), guerdontest.Tag("sort", "crowded"), guerdontest.Tag("sort", "many")}
	for i := range n {
		id := fmt.Sprint("of-many-", i)
		ids = append(ids, id)
		docs = append(docs, guerdontest.Activity(id))
	}
	for _, id := range ids {
		docs = append(docs, guerdontest.RewardRule(id, guerdontest.Doing(id), "coins", `{"if": [{"==": [{"var": "event.entityId"}, "`+id+`"]}, 1, 2]}`),
			guerdontest.Path(id, guerdontest.Activity(id)))
	}
	bundle, err := guerdon.Bundle(docs...)
	require.NoError(t, err)
	_, err = w.Import(ctx, bundle)
	require.NoError(t, err)
	for _, id := range ids {
		_, err = w.Users.Create(ctx, tenancy.NewUser{ID: id, Email: id + "@many.test"})
		require.NoError(t, err)
		_, err = w.Activities.AssignTags(ctx, id, tenancy.Tagging{TagID: "many", Priority: 2}, tenancy.Tagging{TagID: "crowded"})
		require.NoError(t, err)
		_, err = w.Learning.Assign(ctx, learning.NewAssignment{PathID: id, UserID: id})
		require.NoError(t, err)
	}
	return ids
}

// What is asked of many at once is what is asked of each.
func TestManyAtOnceAreAsOneByOne(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		ids := w.crowd(t, 5)
		asked := append([]string{ids[3], "nobody", "eve"}, ids[:3]...)
		tags, err := w.Activities.AssignedTagsOf(ctx, asked...)
		require.NoError(t, err)
		require.Len(t, tags, 4)
		docs, err := w.Activities.GetMany(ctx, asked...)
		require.NoError(t, err)
		people, err := w.Users.GetMany(ctx, asked...)
		require.NoError(t, err)
		principals, err := w.Users.Principals(ctx, asked...)
		require.NoError(t, err)
		require.Len(t, principals, 4, "eve has no e-mail")
		learners, err := w.Learning.LearnersOf(ctx, asked...)
		require.NoError(t, err)
		require.Len(t, learners, 4)
		for i, id := range append([]string{ids[3]}, ids[:3]...) {
			own, _, err := w.Activities.AssignedTags(ctx, id, store.Page{Ascending: true})
			require.NoError(t, err)
			require.Equal(t, own, tags[id])
			doc, err := w.Activities.Get(ctx, id)
			require.NoError(t, err)
			require.Equal(t, doc, docs[i])
			u, err := w.Users.Get(ctx, id)
			require.NoError(t, err)
			require.Contains(t, people, u)
			p, err := w.Users.Principal(ctx, id)
			require.NoError(t, err)
			require.Equal(t, p, principals[id])
			l, _, err := w.Learning.Learners(ctx, id, learning.LearnerFilter{}, store.Page{})
			require.NoError(t, err)
			require.Equal(t, l, learners[id])
		}
		require.Len(t, people, 5)
		paths, err := w.Learning.Paths.ReferringToAny(ctx, "Activity", asked...)
		require.NoError(t, err)
		require.Len(t, paths, 4)
		own, _, err := w.Learning.Paths.ReferringTo(ctx, "Activity", ids[2], store.Page{})
		require.NoError(t, err)
		require.Equal(t, own, paths[ids[2]])
		_, err = w.Learning.Paths.ReferringToAny(ctx, "Activity", make([]string, store.MaxPage+1)...)
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = w.Learning.Paths.ReferringToAny(ctx, "Nothing", asked...)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.Equal(t, ids[3], people[0].ID, "in the order that is asked for")

		_, err = w.Activities.AssignedTagsOf(ctx, make([]string, store.MaxPage+1)...)
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = w.Activities.GetMany(ctx, make([]string, content.MaxItems+1)...)
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = w.Users.GetMany(ctx, make([]string, tenancy.MaxUsers+1)...)
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = w.Users.Principals(ctx, make([]string, tenancy.MaxUsers+1)...)
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = w.Learning.LearnersOf(ctx, make([]string, store.MaxPage+1)...)
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

// What is asked of many at once costs as many round trips as of few, and so does a list of documents whose warnings have to be
// looked for in others.
func TestManyCostAsManyRoundTripsAsFew(t *testing.T) {
	w, counter := newTripsWorld(t)
	ids := w.crowd(t, 40)
	cost := func(n int) int64 {
		some := ids[:n]
		calls := []func(context.Context, *guerdon.Workspace) error{
			func(ctx context.Context, ws *guerdon.Workspace) error {
				_, err := ws.Activities.AssignedTagsOf(ctx, some...)
				return err
			},
			func(ctx context.Context, ws *guerdon.Workspace) error {
				_, err := ws.Activities.GetMany(ctx, some...)
				return err
			},
			func(ctx context.Context, ws *guerdon.Workspace) error {
				_, err := ws.Users.GetMany(ctx, some...)
				return err
			},
			func(ctx context.Context, ws *guerdon.Workspace) error {
				_, err := ws.Users.Principals(ctx, some...)
				return err
			},
			func(ctx context.Context, ws *guerdon.Workspace) error {
				_, err := ws.Learning.LearnersOf(ctx, some...)
				return err
			},
			func(ctx context.Context, ws *guerdon.Workspace) error {
				_, err := ws.Learning.Paths.ReferringToAny(ctx, "Activity", some...)
				return err
			},
			func(ctx context.Context, ws *guerdon.Workspace) error {
				rules, _, err := ws.Economy.RewardRules.List(ctx, content.Filter{}, store.Page{Limit: n})
				require.Len(t, rules, n)
				return err
			},
		}
		before := counter.Count()
		for _, call := range calls {
			require.NoError(t, w.View(t.Context(), call))
		}
		return counter.Count() - before
	}
	cost(40) // statements are prepared
	require.Equal(t, cost(2), cost(40))
}

// The learners of a path are those whose assignments are in a state and visible, or not; and a user's assignments those of a path.
func TestLearnersByStateAndVisibility(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.academy(t)
		now := *w.now.Load()
		for user, n := range map[string]learning.NewAssignment{
			"ada": {},
			"bob": {StartsAt: now.Add(1e9)},
			"eve": {Visibility: learning.Locked},
		} {
			n.PathID, n.UserID = "greece", user
			_, err := w.Learning.Assign(ctx, n)
			require.NoError(t, err)
		}
		for _, tt := range []struct {
			filter learning.LearnerFilter
			want   []string
		}{
			{learning.LearnerFilter{}, []string{"ada", "bob", "eve"}},
			{learning.LearnerFilter{State: timeframe.Active}, []string{"ada", "eve"}},
			{learning.LearnerFilter{State: timeframe.Active, Visibility: learning.Unlocked}, []string{"ada"}},
			{learning.LearnerFilter{State: timeframe.Pending}, []string{"bob"}},
			{learning.LearnerFilter{Visibility: learning.Locked}, []string{"eve"}},
		} {
			list, _, err := w.Learning.Learners(ctx, "greece", tt.filter, store.Page{Ascending: true})
			require.NoError(t, err)
			var got []string
			for _, l := range list {
				got = append(got, l.UserID)
			}
			require.Equal(t, tt.want, got, "%+v", tt.filter)
		}
		_, _, err := w.Learning.Learners(ctx, "greece", learning.LearnerFilter{State: "SOON"}, store.Page{})
		require.ErrorIs(t, err, fault.ErrInvalid)
		list, _, err := w.Learning.Assignments(ctx, "ada", learning.Query{PathID: "greece"}, store.Page{})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, "greece", list[0].Path.ID)
		list, _, err = w.Learning.Assignments(ctx, "ada", learning.Query{PathID: "nowhere"}, store.Page{})
		require.NoError(t, err)
		require.Empty(t, list)
		_, _, err = w.Learning.Assignments(ctx, "ada", learning.Query{PathID: "no where"}, store.Page{})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

// A path is made with all that it holds, or not at all.
func TestCreatePath(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		path := learning.Path{Title: "Fruit", EstimatedDuration: new(decimal.NewFromInt(5))}
		path.ID, path.DefaultLang, path.Translations = "fruit", "en", []learning.Title{{Lang: "en", Title: "Fruit"}}
		quiz, slide := guerdontest.Quiz("apples"), guerdontest.Slide("pears")
		inner := learning.NewGroup{Group: *guerdontest.Group("both"), Children: []learning.Child{{Quiz: quiz}, {Slide: slide}}}
		quiz.Translations[0].Question = ""
		_, err := w.Learning.CreatePath(ctx, learning.NewPath{Path: path, Children: []learning.Child{{Slide: guerdontest.Slide("first")}, {Group: &inner}}}, true)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "items[1].items[0].translations[0].question")
		_, err = w.Slides.Get(ctx, "first")
		require.ErrorIs(t, err, fault.ErrNotFound, "all or nothing")

		quiz.Translations[0].Question = "Which?"
		made, err := w.Learning.CreatePath(ctx, learning.NewPath{Path: path, Children: []learning.Child{{Group: &inner, Languages: []string{"en"}}}}, true)
		require.NoError(t, err)
		require.Equal(t, content.Published, made.Stage)
		require.Equal(t, []learning.Item{{ItemID: "both", ItemType: learning.ItemGroup, Languages: []string{"en"}}}, made.Items)
		group, err := w.Learning.Groups.Get(ctx, "both")
		require.NoError(t, err)
		require.Equal(t, content.Published, group.Stage)
		require.Len(t, group.Items, 2)
	})
}
