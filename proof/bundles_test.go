package proof_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
)

// needs names what the documents of the full game refer to, as far as they do.
var needs = map[string][]string{
	"three": {"run"}, "weekly": {"three", "run"}, "per-run": {"run", "points"}, "per-week": {"points"}, "daily": {"any"}, "all-time": {"earned"}, "monthly": {"earned"},
}

// drawBundle draws a bundle of some documents of the full game and those that they need, some of them changed or with a tag.
func drawBundle(rt *rapid.T) (bundled []byte, ids []string) {
	var game struct {
		Documents []object `json:"documents"`
	}
	require.NoError(rt, json.Unmarshal(fullGame(rt), &game))
	held := map[string]bool{}
	var hold func(id string)
	hold = func(id string) {
		held[id] = true
		for _, other := range needs[id] {
			hold(other)
		}
	}
	for _, doc := range game.Documents {
		if id := doc["id"].(string); rapid.Bool().Draw(rt, id) {
			hold(id)
		}
	}
	docs := slices.DeleteFunc(game.Documents, func(doc object) bool { return !held[doc["id"].(string)] })
	for _, doc := range docs {
		ids = append(ids, fmt.Sprint(doc["kind"], "/", doc["id"]))
		if doc["name"] != nil && rapid.IntRange(0, 3).Draw(rt, "other") == 0 {
			doc["name"] = rapid.SampledFrom([]string{"One", "Two"}).Draw(rt, "name")
		}
		if held["outdoor"] && doc["id"] != "outdoor" && rapid.IntRange(0, 3).Draw(rt, "tagged") == 0 {
			doc["tags"] = []object{{"tagId": "outdoor", "priority": 0}}
		}
	}
	return bundle(rt, docs...), ids
}

// Whatever is in force: a bundle that is imported as all there is, is what is exported then, and does nothing the second time. What was
// asked without doing it is what is done.
func TestPrunedWorkspaceIsItsBundle(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		ctx, w := rt.Context(), b.world(rt)
		for i := range rapid.IntRange(1, 3).Draw(rt, "bundles") {
			switch rapid.SampledFrom([]string{"", "", "archive", "draft", "tag"}).Draw(rt, "by hand") { // what is refused changes nothing
			case "archive":
				_, _ = w.Economy.RewardRules.Archive(ctx, "per-run")
			case "draft":
				if rule, err := w.Economy.RewardRules.Get(ctx, "per-week"); err == nil {
					rule.Name = "Draft"
					_, _ = w.Economy.RewardRules.Update(ctx, rule)
				}
			case "tag":
				_, _ = w.Activities.AssignTags(ctx, "run", tenancy.Tagging{TagID: "outdoor"})
			}
			before, err := w.Export(ctx)
			require.NoError(rt, err)
			rows := w.dump(rt, w.Scope())
			bundle, ids := drawBundle(rt)
			would, err := w.DryImport(ctx, bundle, content.Prune)
			require.NoError(rt, err)
			requireSameRows(rt, rows, w.dump(rt, w.Scope()))
			done, err := w.Import(ctx, bundle, content.Prune)
			require.NoError(rt, err)
			require.Equal(rt, would, done)

			d, err := guerdon.Diff(before, bundle)
			require.NoError(rt, err)
			sorted := func(lists ...[]string) []string { return slices.Sorted(slices.Values(slices.Concat(lists...))) }
			require.Equal(rt, sorted(d.Added), sorted(done.Created))
			require.Equal(rt, sorted(d.Removed), sorted(done.Archived))
			require.Subset(rt, done.Changed, d.Changed, "and drafts that are thrown away")
			require.Equal(rt, sorted(ids), sorted(done.Created, done.Changed, done.Unchanged))
			after, err := w.Export(ctx)
			require.NoError(rt, err)
			d, err = guerdon.Diff(after, bundle)
			require.NoError(rt, err)
			require.Equal(rt, content.Difference{}, d)
			_, err = w.Record(ctx, run(fmt.Sprint("e", i), "ada", start))
			require.Equal(rt, slices.Contains(ids, "Activity/run"), err == nil, "%v", err)

			rows = w.dump(rt, w.Scope())
			again, err := w.Import(ctx, bundle, content.Prune)
			require.NoError(rt, err)
			require.Empty(rt, slices.Concat(again.Created, again.Changed, again.Archived))
			require.Equal(rt, sorted(ids), sorted(again.Unchanged))
			requireSameRows(rt, rows, w.dump(rt, w.Scope()))
		}
	})
}

// A document that names one which the bundle does not hold is refused in its place, and nothing changes.
func TestPruningRefuses(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		before := w.dump(t, w.Scope())
		of := bundle(t, document("Activity", "run", nil), payingRule("per-run", nil, object{"matchEntityId": "run"}))
		for _, do := range []func() (content.Imported, error){
			func() (content.Imported, error) { return w.Import(ctx, of, content.Prune) },
			func() (content.Imported, error) { return w.DryImport(ctx, of, content.Prune) },
		} {
			_, err := do()
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, "documents[1].rewards[0].virtualCurrencyId: names VirtualCurrency \"points\", which is to be archived")
			requireSameRows(t, before, w.dump(t, w.Scope()))
		}
	})
}
