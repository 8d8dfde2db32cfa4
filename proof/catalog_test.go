package proof_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// catalog returns a catalog with the full game, and a workspace that lists it.
func (w *world) catalog(t tester) (catalog, ws *guerdon.Workspace) {
	ctx := t.Context()
	for _, made := range []tenancy.Workspace{
		{AccountID: "acme", ID: "catalog", Name: "Catalog", Type: tenancy.TypeCatalog},
		{AccountID: "acme", ID: "school", Name: "School", Catalogs: []string{"catalog", "default"}},
	} {
		_, err := w.engine.Platform.CreateWorkspace(ctx, made)
		require.NoError(t, err)
	}
	catalog, err := w.engine.Workspace(ctx, store.Scope{Account: "acme", Workspace: "catalog"})
	require.NoError(t, err)
	_, err = catalog.Import(ctx, fullGame(t))
	require.NoError(t, err)
	ws, err = w.engine.Workspace(ctx, store.Scope{Account: "acme", Workspace: "school"})
	require.NoError(t, err)
	return catalog, ws
}

// inForce returns the documents in force, by kind and id.
func inForce(t tester, ws *guerdon.Workspace) []string {
	bundle, err := ws.Export(t.Context())
	require.NoError(t, err)
	d, err := guerdon.Diff([]byte(`{"documents":[]}`), bundle)
	require.NoError(t, err)
	return d.Added
}

func TestCloneTakesWhatADocumentNeeds(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		catalog, ws := w.catalog(t)
		_, err := catalog.Activities.AssignTags(ctx, "run", tenancy.Tagging{TagID: "outdoor", Priority: 3})
		require.NoError(t, err)
		rule, err := ws.Missions.Rules.Clone(ctx, "catalog", "weekly")
		require.NoError(t, err)
		require.Equal(t, content.Published, rule.Stage)
		require.Equal(t, content.Catalog, rule.Origin)
		require.Equal(t, []any{"weekly", "catalog", 1}, []any{rule.CatalogID, rule.CatalogWorkspaceID, rule.CatalogVersion})
		require.Equal(t, []string{"Activity/run", "MissionConfiguration/three", "MissionRule/weekly", "Tag/outdoor"}, inForce(t, ws))
		tags, _, err := ws.Activities.AssignedTags(ctx, "run", store.Page{})
		require.NoError(t, err)
		require.Equal(t, 3, tags[0].Priority)

		// It plays.
		_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
		require.NoError(t, err)
		out, err := ws.Record(ctx, run("e1", "ada", start))
		require.NoError(t, err)
		require.Len(t, out.Missions, 1)

		_, err = ws.Missions.Rules.Clone(ctx, "catalog", "weekly")
		require.ErrorIs(t, err, fault.ErrExists)
		_, err = ws.Economy.RewardRules.Clone(ctx, "catalog", "per-run")
		require.NoError(t, err, "what was cloned before stays")
		_, err = ws.Economy.RewardRules.Clone(ctx, "catalog", "nope")
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = ws.Economy.RewardRules.Clone(ctx, "catalog", "per-week", "deep")
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

func TestCloneRefusesWhatIsTaken(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, memory.New())
	_, ws := w.catalog(t)
	_, err := ws.Import(ctx, bundle(t, document("Activity", "run", nil)))
	require.NoError(t, err)
	_, err = ws.Missions.Rules.Clone(ctx, "catalog", "weekly")
	require.ErrorIs(t, err, fault.ErrExists)
	require.ErrorContains(t, err, `Activity: "run"`)
	require.Equal(t, []string{"Activity/run"}, inForce(t, ws))
}

// A tag of the same namespace and variant is the workspace's own.
func TestCloneMatchesTags(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, memory.New())
	catalog, ws := w.catalog(t)
	_, err := catalog.Import(ctx, bundle(t, document("RewardRule", "fresh", object{
		"applicationMode": "ALWAYS", "ruleType": "TAG", "matchEntity": "Tag", "matchEntityId": "outdoor",
		"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 1.25}},
	})))
	require.NoError(t, err)
	_, err = ws.Import(ctx, bundle(t, document("Tag", "outside", object{"namespace": "place", "variant": "outdoor"})))
	require.NoError(t, err)
	rule, err := ws.Economy.RewardRules.Clone(ctx, "catalog", "fresh")
	require.NoError(t, err)
	require.Equal(t, "outside", rule.MatchEntityID)
	require.JSONEq(t, "1.25", string(rule.Rewards[0].Expression))
	require.Equal(t, []string{"RewardRule/fresh", "Tag/outside", "VirtualCurrency/points"}, inForce(t, ws))
}

func TestCatalogsAreForThoseWhoListThem(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, memory.New())
	catalog, ws := w.catalog(t)
	rules, next, err := ws.Economy.RewardRules.CatalogList(ctx, "catalog", store.Page{Limit: 1})
	require.NoError(t, err)
	more, _, err := ws.Economy.RewardRules.CatalogList(ctx, "catalog", store.Page{Limit: 1, Token: next})
	require.NoError(t, err)
	require.Equal(t, []string{"per-week", "per-run"}, []string{rules[0].ID, more[0].ID})

	draft, err := catalog.Activities.Get(ctx, "run")
	require.NoError(t, err)
	draft.Name = "Not yet"
	_, err = catalog.Activities.Update(ctx, draft)
	require.NoError(t, err)
	seen, err := ws.Activities.CatalogGet(ctx, "catalog", "run")
	require.NoError(t, err)
	require.Equal(t, "Run", seen.Name)
	require.Equal(t, content.Published, seen.Stage)
	_, err = ws.Activities.CatalogGet(ctx, "catalog", "nope")
	require.ErrorIs(t, err, fault.ErrNotFound)

	for name, tt := range map[string]struct {
		ws      *guerdon.Workspace
		catalog string
		want    error
	}{
		"not listed":    {w.Workspace, "catalog", fault.ErrForbidden},
		"no catalog":    {ws, "default", fault.ErrForbidden},
		"unknown":       {ws, "nowhere", fault.ErrForbidden},
		"itself":        {catalog, "catalog", fault.ErrForbidden},
		"not an id":     {ws, "a/b", fault.ErrInvalid},
		"other account": {w.neighbour(t, store.Scope{Account: "other", Workspace: "default"}), "catalog", fault.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.ws.Activities.CatalogGet(ctx, tt.catalog, "run")
			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, "catalogWorkspaceId: ")
			_, _, err = tt.ws.Activities.CatalogList(ctx, tt.catalog, store.Page{})
			require.ErrorIs(t, err, tt.want)
			_, err = tt.ws.Tags.Clone(ctx, tt.catalog, "outdoor")
			require.Error(t, err)
		})
	}
}

func TestClonesFollowTheirCatalog(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		catalog, ws := w.catalog(t)
		_, err := ws.Economy.RewardRules.Clone(ctx, "catalog", "per-run", content.Sync)
		require.NoError(t, err)
		_, err = ws.Missions.Configurations.Clone(ctx, "catalog", "three")
		require.NoError(t, err)
		version := func() string {
			r, err := ws.Economy.RewardRules.Version(ctx, "per-run", 0)
			require.NoError(t, err)
			return fmt.Sprintf("%d on %d: %s pays %s", r.Number, r.Document.CatalogVersion, r.Document.Name, r.Document.Rewards[0].CurrencyID)
		}
		publish := func(name, currency string) {
			r, err := catalog.Economy.RewardRules.Get(ctx, "per-run")
			require.NoError(t, err)
			r.Name, r.Rewards[0].CurrencyID = name, currency
			_, err = catalog.Economy.RewardRules.Update(ctx, r)
			require.NoError(t, err)
			_, err = catalog.Economy.RewardRules.Publish(ctx, "per-run")
			require.NoError(t, err)
		}
		require.NoError(t, ws.Advance(ctx))
		require.Equal(t, "1 on 1: Each run pays points", version())

		publish("Gems", "gems") // which the workspace lacks
		publish("More gems", "gems")
		require.NoError(t, ws.Advance(ctx))
		require.NoError(t, ws.Advance(ctx))
		require.Equal(t, "2 on 3: More gems pays gems", version())

		own, err := ws.Economy.RewardRules.Get(ctx, "per-run")
		require.NoError(t, err)
		_, err = ws.Economy.RewardRules.Update(ctx, own)
		require.NoError(t, err)
		publish("Points again", "points")
		require.NoError(t, ws.SyncWithCatalogs(ctx))
		require.Equal(t, "2 on 3: More gems pays gems", version(), "it has a draft of its own")
		_, err = ws.Economy.RewardRules.Publish(ctx, "per-run")
		require.NoError(t, err)
		require.NoError(t, ws.SyncWithCatalogs(ctx))
		require.Equal(t, "4 on 4: Points again pays points", version())

		own, err = ws.Economy.RewardRules.Get(ctx, "per-run")
		require.NoError(t, err)
		own.SyncWithCatalog = false
		_, err = ws.Economy.RewardRules.Update(ctx, own)
		require.NoError(t, err)
		_, err = ws.Economy.RewardRules.Publish(ctx, "per-run")
		require.NoError(t, err)
		publish("Unheard", "points")
		require.NoError(t, ws.SyncWithCatalogs(ctx))
		require.Equal(t, "5 on 4: Points again pays points", version())
	})
}

// What cannot be taken over is reported, and keeps nothing else from following.
func TestSyncGoesOnAfterAFault(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, memory.New())
	catalog, ws := w.catalog(t)
	_, err := ws.Import(ctx, bundle(t, document("VirtualCurrency", "gems", nil)))
	require.NoError(t, err)
	for _, id := range []string{"per-run", "per-week"} {
		_, err = ws.Economy.RewardRules.Clone(ctx, "catalog", id, content.Sync)
		require.NoError(t, err)
		r, err := catalog.Economy.RewardRules.Get(ctx, id)
		require.NoError(t, err)
		if r.Name = "New"; id == "per-run" {
			r.Rewards[0].CurrencyID = "gems"
		}
		_, err = catalog.Economy.RewardRules.Update(ctx, r)
		require.NoError(t, err)
		_, err = catalog.Economy.RewardRules.Publish(ctx, id)
		require.NoError(t, err)
	}
	err = ws.SyncWithCatalogs(ctx)
	require.ErrorIs(t, err, fault.ErrExists)
	require.ErrorContains(t, err, `RewardRule/per-run.VirtualCurrency: "gems" exists already`)
	for id, want := range map[string]string{"per-run": "Each run", "per-week": "New"} {
		v, err := ws.Economy.RewardRules.Version(ctx, id, 0)
		require.NoError(t, err)
		require.Equal(t, want, v.Document.Name)
	}
	_, err = ws.Activities.Create(ctx, content.Activity{
		Header: content.Header{ID: "own", DefaultLang: "en", SyncWithCatalog: true}, Name: "Own",
		Labels: content.Labels{Translations: []content.Label{{Lang: "en", Label: "Own"}}},
	})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "syncWithCatalog: ")
}

// A clone brings exactly what the document needs, with the same content.
func TestCloneBringsWhatIsNeeded(t *testing.T) {
	sparsely(t, "memory", func(rt *rapid.T) {
		w := newWorld(t, memory.New())
		catalog, ws := w.catalog(t)
		ctx := context.Background()
		currencies := []string{"points", "gems"}
		pays := rapid.SliceOfN(rapid.SampledFrom(currencies), 1, 3).Draw(rt, "pays")
		entity := rapid.SampledFrom([]string{"run", "swim"}).Draw(rt, "entity")
		var rewards []object
		for _, c := range pays {
			rewards = append(rewards, object{"virtualCurrencyId": c, "redemptionMode": economy.Auto, "expression": 0.1})
		}
		w.set(start.Add(time.Hour))
		_, err := catalog.Import(ctx, bundle(rt, document("RewardRule", "drawn", object{
			"applicationMode": "ALWAYS", "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": entity, "rewards": rewards,
		})))
		require.NoError(rt, err)
		cloned, err := ws.Economy.RewardRules.Clone(ctx, "catalog", "drawn")
		require.NoError(rt, err)
		want := []string{"Activity/" + entity, "RewardRule/drawn"}
		for _, c := range pays {
			if name := "VirtualCurrency/" + c; !slices.Contains(want, name) {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		require.Equal(rt, want, inForce(rt, ws))
		original, err := catalog.Economy.RewardRules.Get(ctx, "drawn")
		require.NoError(rt, err)
		cloned.Header, original.Header = content.Header{}, content.Header{}
		require.JSONEq(rt, jsonOf(t, original), jsonOf(t, cloned))
	})
}
