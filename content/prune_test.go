package content_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

// Whatever is in force, and whatever a bundle holds: imported as all there is, it is what is exported then, and nothing is left to do the second
// time; or it is refused, and nothing has changed.
func TestPrunedIsWhatTheBundleHolds(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	drawn := func(rt *rapid.T, id string, of []string) box {
		b := newBox(id, rapid.SliceOfN(rapid.SampledFrom(of), 0, 2).Draw(rt, "holds")...)
		b.Outlives = rapid.Bool().Draw(rt, "outlives")
		return b
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := newShelf(t)
		for _, id := range names {
			_, err := s.boxes.Create(s.ctx, newBox(id))
			require.NoError(rt, err)
		}
		for range rapid.IntRange(0, 20).Draw(rt, "steps") { // what is refused changes nothing
			id := rapid.SampledFrom(names).Draw(rt, "id")
			switch rapid.SampledFrom([]string{"update", "publish", "publish", "archive", "unarchive"}).Draw(rt, "step") {
			case "update":
				_, _ = s.boxes.Update(s.ctx, drawn(rt, id, names))
			case "publish":
				_, _ = s.boxes.Publish(s.ctx, id, content.Cascade)
			case "archive":
				_, _ = s.boxes.Archive(s.ctx, id)
			case "unarchive":
				_, _ = s.boxes.Unarchive(s.ctx, id)
			}
		}
		held := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID[string]).Draw(rt, "held")
		known := names
		if len(held) > 0 && rapid.IntRange(0, 3).Draw(rt, "whole") > 0 {
			known = held
		}
		var docs []box
		for _, id := range held {
			docs = append(docs, drawn(rt, id, known))
		}
		bundle := bundleOf(t, each(docs)...)
		before := s.export(t)
		would, err := content.NewLibrary(boxes).Diff([]byte(before), []byte(bundle))
		require.NoError(rt, err)
		said, err := s.importWith(t, bundle, content.Prune)
		if err != nil {
			require.True(rt, errors.Is(err, fault.ErrInvalid) || errors.Is(err, fault.ErrConflict), "%v", err)
			require.Equal(rt, before, s.export(t))
			return
		}
		after := s.export(t)
		d, err := library.Diff([]byte(after), []byte(bundle))
		require.NoError(rt, err)
		require.Equal(rt, content.Difference{}, d)
		require.Subset(rt, said.Archived, would.Removed)
		require.Subset(rt, would.Added, said.Created)
		require.Subset(rt, slices.Concat(said.Changed, said.Created), would.Changed)
		all := slices.Sorted(slices.Values(slices.Concat(said.Created, said.Changed, said.Unchanged)))
		require.Equal(rt, slices.Sorted(slices.Values(ids(docs, func(b box) string { return "Box/" + b.ID }))), all)
		for _, key := range said.Archived {
			b, err := s.boxes.Get(s.ctx, key[len("Box/"):])
			require.NoError(rt, err)
			require.Equal(rt, content.Archived, b.Stage)
		}
		again, err := s.importWith(t, bundle, content.Prune)
		require.NoError(rt, err)
		require.Empty(rt, slices.Concat(again.Created, again.Changed, again.Archived))
		require.Equal(rt, after, s.export(t))
	})
}

// Those that name one another go together. What a document in force needs that could not be exported is kept, and nothing is done.
func TestPruning(t *testing.T) {
	s := newShelf(t)
	one, two := newBox("one", "two"), newBox("two", "one")
	_, err := s.importBundle(t, bundleOf(t, one, two))
	require.NoError(t, err)
	said, err := s.importWith(t, bundleOf(t, newBox("three")), content.Prune)
	require.NoError(t, err)
	require.Equal(t, content.Imported{Created: []string{"Box/three"}, Archived: []string{"Box/one", "Box/two"}}, said)
	said, err = s.importWith(t, bundleOf(t, one, two, newBox("three")))
	require.NoError(t, err)
	require.Equal(t, content.Imported{Created: []string{"Box/one", "Box/two"}, Unchanged: []string{"Box/three"}}, said, "they are in force again")

	before := s.export(t)
	_, err = s.importWith(t, bundleOf(t, one), content.Prune)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, `documents[0].holds[0]: names Box "two", which is to be archived`)
	_, err = s.importWith(t, bundleOf(t, one), "all")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.Equal(t, before, s.export(t))

	// What outlives what it names cannot be exported, nor can what names it, which goes on.
	left, inner := newBox("left", "gone"), newBox("inner", "left", "three")
	left.Outlives = true
	_, err = s.importWith(t, bundleOf(t, newBox("gone"), left, inner))
	require.NoError(t, err)
	_, err = s.boxes.Archive(s.ctx, "gone")
	require.NoError(t, err)
	_, err = s.importWith(t, bundleOf(t, one, two), content.Prune)
	require.ErrorIs(t, err, fault.ErrConflict)
	require.EqualError(t, err, `Box: "three" is named by Box "inner"; publish or archive these first`)
	require.Equal(t, before, s.export(t))
	said, err = s.importWith(t, bundleOf(t, one, two, newBox("three"), newBox("gone")), content.Prune)
	require.NoError(t, err)
	require.Equal(t, []string{"Box/left", "Box/inner"}, said.Archived, "which could be exported again")

	// A draft that was never published is none of a bundle.
	s.fill(t, newBox("draft"))
	// Tags are a part of what the bundle says.
	tag := content.Tag{Header: content.Header{ID: "red", DefaultLang: "en"}, Namespace: "colour", Variant: "red"}
	tag.Translations = []content.Label{{Lang: "en", Label: "Red"}}
	text, err := library.Bundle(&tag, &one, &two)
	require.NoError(t, err)
	said, err = s.importWith(t, string(text))
	require.NoError(t, err)
	require.Equal(t, []string{"Tag/red"}, said.Created)
	var parsed struct {
		Documents []map[string]any `json:"documents"`
	}
	require.NoError(t, json.Unmarshal(text, &parsed))
	parsed.Documents[1]["tags"] = []map[string]any{{"tagId": "red", "priority": 0}}
	carrying, err := json.Marshal(parsed)
	require.NoError(t, err)
	said, err = s.importWith(t, string(carrying), content.Prune)
	require.NoError(t, err)
	require.Equal(t, content.Imported{Changed: []string{"Box/one"}, Unchanged: []string{"Tag/red", "Box/two"}, Archived: []string{"Box/three", "Box/gone"}}, said)
	said, err = s.importWith(t, string(text))
	require.NoError(t, err)
	require.Empty(t, said.Changed, "it does not say which tags")
	said, err = s.importWith(t, string(text), content.Prune)
	require.NoError(t, err)
	require.Equal(t, []string{"Box/one"}, said.Changed)
	draft, err := s.boxes.Get(s.ctx, "draft")
	require.NoError(t, err)
	require.Equal(t, content.Draft, draft.Stage)
}

func each(docs []box) []any {
	var all []any
	for _, d := range docs {
		all = append(all, d)
	}
	return all
}
