package content_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

func ids[T any](docs []T, id func(T) string) []string {
	var all []string
	for _, d := range docs {
		all = append(all, id(d))
	}
	return all
}

func boxID(b box) string { return b.ID }

func TestWhatOthersReferToIsNotArchived(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	s.fill(t, newBox("one", "common", "common", "one"), newBox("two", "common"), newBox("common"), newBox("draft", "common"))
	for _, id := range []string{"one", "two"} {
		_, err := s.boxes.Publish(ctx, id, content.Cascade)
		require.NoError(t, err)
	}
	_, err := s.boxes.Archive(ctx, "common")
	require.ErrorIs(t, err, fault.ErrConflict)
	require.EqualError(t, err, `Box: "common" is named by Box "one", Box "two"; publish or archive these first`)
	naming, next, err := s.boxes.ReferringTo(ctx, "Box", "common", store.Page{Limit: 1, Ascending: true})
	require.NoError(t, err)
	require.Equal(t, []string{"one"}, ids(naming, boxID))
	naming, next, err = s.boxes.ReferringTo(ctx, "Box", "common", store.Page{Limit: 1, Ascending: true, Token: next})
	require.NoError(t, err)
	require.Equal(t, []string{"two"}, ids(naming, boxID))
	require.Empty(t, next)

	_, err = s.boxes.Archive(ctx, "one")
	require.NoError(t, err, "a document does not keep itself")
	_, err = s.boxes.Update(ctx, newBox("two"))
	require.NoError(t, err)
	_, err = s.boxes.Archive(ctx, "common")
	require.ErrorIs(t, err, fault.ErrConflict, "it is the version in force that counts")
	naming, _, err = s.boxes.ReferringTo(ctx, "Box", "common", store.Page{})
	require.NoError(t, err)
	require.Equal(t, content.Published, naming[0].Stage, "and that is shown")
	_, err = s.boxes.Publish(ctx, "two")
	require.NoError(t, err)
	_, err = s.boxes.Archive(ctx, "common")
	require.NoError(t, err)
	naming, _, err = s.boxes.ReferringTo(ctx, "Box", "common", store.Page{})
	require.NoError(t, err)
	require.Empty(t, naming)

	_, _, err = s.boxes.ReferringTo(ctx, "Box", "nope", store.Page{})
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, _, err = s.boxes.ReferringTo(ctx, "Nope", "common", store.Page{})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestQuizzesOfAStory(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	_, err := s.stories.Create(ctx, story())
	require.NoError(t, err)
	for _, id := range []string{"q1", "q2", "q3"} {
		q := quiz(id)
		if q.Source = "an orchard"; id != "q2" {
			q.StoryID = "pears"
		}
		_, err = s.quizzes.Create(ctx, q)
		require.NoError(t, err)
		_, err = s.quizzes.Publish(ctx, id, content.Cascade)
		require.NoError(t, err)
	}
	quizzes, _, err := s.quizzes.ReferringTo(ctx, "Story", "pears", store.Page{Ascending: true})
	require.NoError(t, err)
	require.Equal(t, []string{"q1", "q3"}, ids(quizzes, func(q content.Quiz) string { return q.ID }))
}

// What a document expects of others holds whichever of them is published last.
func TestExpectationsOfOtherDocuments(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	parent, child := newBox("parent", "child"), newBox("child")
	parent.Size, child.Size = 2, 1
	s.fill(t, parent, child)
	_, err := s.boxes.Publish(ctx, "parent", content.Cascade)
	require.NoError(t, err)

	child.Size = 3
	_, err = s.boxes.Update(ctx, child)
	require.NoError(t, err)
	_, err = s.boxes.Publish(ctx, "child")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, `Box/parent.holds[0]: is larger than its box`)
	_, err = s.importBundle(t, bundleOf(t, child))
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, `documents[0].Box/parent.holds[0]: is larger than its box`)

	parent.Size = 4
	_, err = s.boxes.Update(ctx, parent)
	require.NoError(t, err)
	_, err = s.boxes.Publish(ctx, "parent", content.Cascade)
	require.NoError(t, err, "both at once")
	parent.Size = 1
	_, err = s.importBundle(t, bundleOf(t, parent))
	require.EqualError(t, err, `documents[0].holds[0]: is larger than its box`)
}

// Whatever is published and archived, what is in force can be exported, and imported elsewhere.
func TestEveryProgramCanBeCopied(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	rapid.Check(t, func(rt *rapid.T) {
		s := newShelf(t)
		for _, id := range names {
			_, err := s.boxes.Create(s.ctx, newBox(id))
			require.NoError(rt, err)
		}
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			id := rapid.SampledFrom(names).Draw(rt, "id")
			switch rapid.SampledFrom([]string{"update", "publish", "archive", "unarchive"}).Draw(rt, "step") {
			case "update":
				b := newBox(id, rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(rt, "holds")...)
				b.Outlives = rapid.Bool().Draw(rt, "outlives")
				_, _ = s.boxes.Update(s.ctx, b) // it may be archived
			case "publish":
				_, _ = s.boxes.Publish(s.ctx, id) // it may be published, archived, or refer to what is not
			case "archive":
				_, _ = s.boxes.Archive(s.ctx, id) // it may be referred to
			case "unarchive":
				_, _ = s.boxes.Unarchive(s.ctx, id) // it may not be archived
			}
		}
		bundle, other := s.export(t), newShelf(t)
		_, err := other.importBundle(t, bundle)
		require.NoError(rt, err)
		require.Equal(rt, bundle, other.export(t))
		for _, b := range content.Live(s.load(t), boxes) {
			whole := !slices.ContainsFunc(b.Holds, func(id string) bool { return content.Find(s.load(t), boxes, id) == nil })
			require.True(rt, whole || b.Outlives, b.ID)
		}
	})
}
