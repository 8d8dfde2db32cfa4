package guerdon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// How do rules get from where they were tried out to where they count? As a bundle, which can also be
// kept in a repository: the same documents give the same bytes.
func ExampleWorkspace_Import() {
	ctx, now := context.Background(), monday
	staging, live := play(ctx, &now), play(ctx, &now)
	_, err := staging.Import(ctx, []byte(`{"documents": [
	  {"kind": "Activity", "id": "swim", "name": "Swim", "defaultLang": "en", "translations": [{"lang": "en", "label": "Swim"}]}
	]}`))
	check(err)
	bundle, err := staging.Export(ctx)
	check(err)
	for range 2 {
		done, err := live.Import(ctx, bundle)
		check(err)
		fmt.Println("created", done.Created, "changed", done.Changed, "as they were:", len(done.Unchanged))
	}
	// Output:
	// created [Activity/swim] changed [] as they were: 6
	// created [] changed [] as they were: 7
}

// How do I make a workspace the image of a repository? What the bundle does not hold is archived. DryImport says what that
// would be.
func ExampleWorkspace_DryImport() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	bundle := []byte(`{"documents": [
	  {"kind": "Activity", "id": "run", "name": "Run far", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run far"}]},
	  {"kind": "Activity", "id": "swim", "name": "Swim", "defaultLang": "en", "translations": [{"lang": "en", "label": "Swim"}]}
	]}`)
	would, err := ws.DryImport(ctx, bundle, content.Prune)
	check(err)
	fmt.Println("would create", would.Created, "and change", would.Changed)
	fmt.Println("would archive", would.Archived)
	_, err = ws.Import(ctx, bundle, content.Prune)
	check(err)
	exported, err := ws.Export(ctx)
	check(err)
	d, err := guerdon.Diff(exported, bundle)
	check(err)
	fmt.Println("differs:", d.Added, d.Changed, d.Removed)
	// Output:
	// would create [Activity/swim] and change [Activity/run]
	// would archive [VirtualCurrency/points MissionConfiguration/three MissionRule/weekly RewardRule/per-run RewardRule/per-week]
	// differs: [] [] []
}

// How do I write documents in Go and publish them together?
func ExampleBundle() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	swim := &content.Activity{Header: content.Header{ID: "swim", DefaultLang: "en"}, Name: "Swim"}
	swim.Translations = []content.Label{{Lang: "en", Label: "Swim"}}
	pay := &economy.RewardRule{
		Header: content.Header{ID: "per-swim", DefaultLang: "en"}, Name: "Each swim", ApplicationMode: economy.Always,
		RuleType: event.MatchInstance, MatchEntity: string(event.Activity), MatchEntityID: swim.ID,
		Rewards: []economy.Reward{{CurrencyID: "points", RedemptionMode: economy.Auto, Expression: json.RawMessage("3")}},
	}
	pay.Translations = []content.Description{{Lang: "en"}}
	bundle, err := guerdon.Bundle(pay, swim) // the order does not matter
	check(err)
	done, err := ws.Import(ctx, bundle)
	check(err)
	fmt.Println("created", done.Created)
	// Output: created [RewardRule/per-swim Activity/swim]
}

// What if a rule is wrong? It is refused when it is written, with the place and the reason.
func ExampleWorkspace_Import_faults() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "RewardRule", "id": "far", "name": "Far", "applicationMode": "ALWAYS",
	   "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
	   "matchCondition": {">=": [{"var": "event.valu"}, 10]},
	   "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": {"time": [{"var": "event.value"}, 2]}}],
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	fmt.Println(err)
	// Output:
	// documents[0].matchCondition/>=/0/var: unknown path "event.valu"; did you mean "event.value"?
	// documents[0].rewards[0].expression: unknown operator "time"
}

// What if a rule is valid, and yet hardly meant? It is published with a warning, which lists show too. DryImport
// shows the warnings of a bundle before it is imported.
func ExampleWorkspace_Import_warnings() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	bundle := []byte(`{"documents": [
	  {"kind": "RewardRule", "id": "quick", "name": "Quick", "applicationMode": "ALWAYS",
	   "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
	   "matchCondition": {"<": [{"var": "additionalData.minutes"}, 30]},
	   "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": {"/": [{"var": "value"}, 3]}}],
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`)
	would, err := ws.DryImport(ctx, bundle)
	check(err)
	for _, w := range would.Warnings {
		fmt.Println(w.Field)
		fmt.Println("  ", w.Reason)
	}
	_, err = ws.Import(ctx, bundle)
	check(err)
	rule, err := ws.Economy.RewardRules.Get(ctx, "quick")
	check(err)
	fmt.Println(rule.Stage, "with", len(rule.Header.Warnings), "warnings")
	// Output:
	// documents[0].matchCondition
	//    an absent additionalData.minutes passes this comparison, because it counts as 0; unless that is meant, guard it: {"and": [{"!=": [{"var": "additionalData.minutes"}, null]}, …]}
	// documents[0].rewards[0].expression
	//    "/" gives what is finer than 0.000001, and so no amount, for most inputs; round the result with floor, ceil or round
	// PUBLISHED with 2 warnings
}

// How do I keep wrong data out? By declaring what the events of an activity carry.
func Example_declaredData() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	run, err := ws.Activities.Get(ctx, "run")
	check(err)
	run.AdditionalData = []content.DataField{{Name: "minutes", Type: content.NumberData, Required: true}}
	_, err = ws.Activities.Update(ctx, run)
	check(err)
	_, err = ws.Activities.Publish(ctx, "run")
	check(err)

	_, err = ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run", Data: map[string]any{"minutes": "29"}})
	fmt.Println(err)
	rule, err := ws.Economy.RewardRules.Get(ctx, "per-run")
	check(err)
	rule.MatchCondition = []byte(`{"<": [{"var": "additionalData.minuts"}, 30]}`)
	_, err = ws.Economy.RewardRules.Update(ctx, rule)
	check(err)
	_, err = ws.Economy.RewardRules.Publish(ctx, "per-run")
	fmt.Println(err)
	// Output:
	// additionalData.minutes: must be a NUMBER, as the activity declares it
	// matchCondition/</0/var: unknown path "additionalData.minuts"; did you mean "additionalData.minutes"?
}

// How do I change a document? In a draft: what is published stays in force until the draft is.
func Example_versions() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	rule, err := ws.Economy.RewardRules.Get(ctx, "per-run")
	check(err)
	rule.Name = "Two for each run"
	rule.Rewards[0].Expression = []byte("2")
	rule, err = ws.Economy.RewardRules.Update(ctx, rule)
	check(err)
	fmt.Println(rule.Stage, "of version", rule.Version)
	live, err := ws.Economy.RewardRules.Version(ctx, "per-run", 0)
	check(err)
	fmt.Println("in force:", live.Document.Name)

	_, err = ws.Economy.RewardRules.Publish(ctx, "per-run")
	check(err)
	history, _, err := ws.Economy.RewardRules.History(ctx, "per-run", store.Page{})
	check(err)
	for _, v := range history {
		fmt.Println(v.Number, v.Document.Name)
	}
	// Output:
	// DRAFT of version 1
	// in force: Each run
	// 2 Two for each run
	// 1 Each run
}

// Who changed this rule, and when? Say on whose behalf you publish, and its history knows.
func ExampleWorkspace_As() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	now = now.Add(time.Hour)
	_, err := ws.As(content.Actor{Type: content.ByUser, ID: "ann"}).Economy.RewardRules.Archive(ctx, "per-run")
	check(err)
	history, _, err := ws.Economy.RewardRules.History(ctx, "per-run", store.Page{})
	check(err)
	for _, v := range history {
		fmt.Println(v.At.Format(time.TimeOnly), v.Stage, "by", v.Type, v.ID)
	}
	// Output:
	// 10:00:00 ARCHIVED by user ann
	// 09:00:00 PUBLISHED by system
}

// Which boards are open? Lists pick by the state of the timeframe.
func Example_filter() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "RuntimeLeaderboardConfiguration", "id": "runs", "name": "Runs",
	   "query": {"source": "activity_logs", "entityId": "userId", "score": {"count": true}},
	   "defaultLang": "en", "translations": [{"lang": "en", "label": "Runs"}]},
	  {"kind": "RuntimeLeaderboard", "id": "weekly", "runtimeLeaderboardConfigurationId": "runs", "timeframeType": "RECURRING", "recurrence": "WEEKLY",
	   "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-01-01T00:00:00Z"},
	  {"kind": "RuntimeLeaderboard", "id": "season", "runtimeLeaderboardConfigurationId": "runs", "timeframeType": "RANGE",
	   "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-12-01T00:00:00Z", "timeframeEndsAt": "2026-03-01T00:00:00Z"}
	]}`))
	check(err)
	for _, state := range []timeframe.State{timeframe.Active, timeframe.Pending} {
		boards, _, err := ws.Leaderboards.Boards.List(ctx, content.Filter{State: state}, store.Page{})
		check(err)
		for _, b := range boards {
			fmt.Println(b.ID, b.TimeframeState, b.PeriodID)
		}
	}
	// Output:
	// weekly ACTIVE WEEKLY-2025-09-29T00:00:00.000Z-2025-10-06T00:00:00.000Z
	// season PENDING 2025-12-01T00:00:00.000Z-2026-03-01T00:00:00.000Z
}

// How do several workspaces share content? A catalog holds it, and those that list the catalog clone from it.
// Clones that are synced follow what the catalog publishes later.
func Example_catalog() {
	ctx, now := context.Background(), monday
	eng, err := guerdon.New(ctx, memory.New(), &guerdon.Options{Now: func() time.Time { return now }})
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	open := func(w tenancy.Workspace) *guerdon.Workspace {
		w.AccountID, w.Name = "acme", w.ID
		_, err := eng.Platform.CreateWorkspace(ctx, w)
		check(err)
		ws, err := eng.Workspace(ctx, w.Scope())
		check(err)
		return ws
	}
	catalog := open(tenancy.Workspace{ID: "shared", Type: tenancy.TypeCatalog})
	school := open(tenancy.Workspace{ID: "school", Catalogs: []string{"shared"}})
	_, err = catalog.Import(ctx, []byte(game))
	check(err)

	rule, err := school.Economy.RewardRules.Clone(ctx, "shared", "per-run", content.Sync)
	check(err)
	fmt.Println(rule.Name, "is version", rule.CatalogVersion, "of", rule.CatalogWorkspaceID)
	_, err = school.Activities.Get(ctx, "run") // what the rule needs came with it
	check(err)

	rule, err = catalog.Economy.RewardRules.Get(ctx, "per-run")
	check(err)
	rule.Name = "Every single run"
	_, err = catalog.Economy.RewardRules.Update(ctx, rule)
	check(err)
	_, err = catalog.Economy.RewardRules.Publish(ctx, "per-run")
	check(err)
	check(school.Advance(ctx)) // or SyncWithCatalogs, at once
	rule, err = school.Economy.RewardRules.Get(ctx, "per-run")
	check(err)
	fmt.Println(rule.Name, "is version", rule.CatalogVersion, "of", rule.CatalogWorkspaceID)
	// Output:
	// Each run is version 1 of shared
	// Every single run is version 2 of shared
}

// What if two authors change the same document? The second has read what is no longer there, and is told what differs.
func Example_authors() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	ann := ws.As(content.Actor{Type: content.ByPrincipal, ID: "ann"})
	hers, err := ann.Activities.Get(ctx, "run")
	check(err)
	his, err := ws.Activities.Get(ctx, "run")
	check(err)
	hers.Name = "Run or jog"
	_, err = ann.Activities.Update(ctx, hers)
	check(err)

	his.DefaultLang, his.Translations = "it", []content.Label{{Lang: "it", Label: "Corri"}}
	_, err = ws.Activities.Update(ctx, his)
	fmt.Println(err)
	if stale, is := errors.AsType[*content.StaleError](err); is {
		fmt.Println(stale.By.ID, "changed", stale.Fields)
	}
	// Output:
	// Activity "run" has changed since it was read, by principal ann at 2025-09-29T09:00:00Z: name
	// ann changed [name]
}

// How do I take a rule out of use? Archived it pays nothing; its history stays, and it can come back as a
// draft.
func Example_archive() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Economy.RewardRules.Archive(ctx, "per-run")
	check(err)
	out, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	check(err)
	fmt.Println(len(out.Transactions), "rewards")
	rule, err := ws.Economy.RewardRules.Unarchive(ctx, "per-run")
	check(err)
	fmt.Println(rule.Stage)
	// Output:
	// 0 rewards
	// DRAFT
}

// Which language does a user read?
func Example_translations() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	_, err := ws.Activities.Create(ctx, content.Activity{
		Header: content.Header{ID: "swim", DefaultLang: "en"}, Name: "Swim",
		Labels: content.Labels{Translations: []content.Label{
			{Lang: "en", Label: "Swim"}, {Lang: "it", Label: "Nuotare"}, {Lang: "pt", Label: "Nadar"},
		}},
	})
	check(err)
	_, err = ws.Activities.Publish(ctx, "swim")
	check(err)
	for _, asked := range []string{"it-CH", "pt-BR", "ja"} {
		activity, err := ws.Activities.Localized(ctx, "swim", asked)
		check(err)
		fmt.Println(asked, "reads", activity.Translations[0].Label)
	}
	// Output:
	// it-CH reads Nuotare
	// pt-BR reads Nadar
	// ja reads Swim
}

// How do rules speak of many activities at once? By a tag that they carry.
func Example_tags() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "Tag", "id": "outdoor", "namespace": "place", "variant": "outdoor", "defaultLang": "en", "translations": [{"lang": "en", "label": "Outdoor"}]},
	  {"kind": "RewardRule", "id": "fresh-air", "name": "Fresh air", "applicationMode": "ALWAYS",
	   "ruleType": "TAG", "matchEntity": "Tag", "matchEntityId": "outdoor",
	   "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 5}],
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	_, err = ws.Activities.AssignTags(ctx, "run", tenancy.Tagging{TagID: "outdoor"})
	check(err)
	out, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	check(err)
	for _, t := range out.Transactions {
		fmt.Println(t.RewardRuleID, t.Amount)
	}
	// Output:
	// fresh-air 5
	// per-run 1
}

// How do I reward some users only? By a tag that they carry, as any rule can read.
func Example_userTags() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob")
	_, err := ws.Import(ctx, []byte(`{"documents": [
	  {"kind": "Tag", "id": "beta", "namespace": "group", "variant": "beta", "defaultLang": "en", "translations": [{"lang": "en", "label": "Beta"}]},
	  {"kind": "RewardRule", "id": "thanks", "name": "Thanks for testing", "applicationMode": "ALWAYS",
	   "ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": {"in": ["beta", {"var": "user.tags"}]},
	   "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 100}],
	   "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	_, err = ws.Users.AssignTags(ctx, "bob", tenancy.Tagging{TagID: "beta"})
	check(err)
	for _, id := range []string{"ada", "bob"} {
		out, err := ws.Record(ctx, event.Event{UserID: id, EntityID: "run"})
		check(err)
		fmt.Println(id, "is paid by", len(out.Transactions), "rules")
	}
	// Output:
	// ada is paid by 1 rules
	// bob is paid by 2 rules
}

// How do I publish a document together with what it needs? Cascading: all of it is published, or nothing.
func Example_cascade() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	story := content.Story{Header: content.Header{ID: "orchard", DefaultLang: "en"}}
	story.Translations = []content.StoryText{
		{Lang: "en", Title: "The orchard", Image: "https://example.org/orchard.png", Slides: []content.Page{{Background: "green"}}},
	}
	_, err := ws.Stories.Create(ctx, story)
	check(err)
	quiz := content.Quiz{
		Header: content.Header{ID: "fruit", DefaultLang: "en"}, StoryID: "orchard",
		Difficulty: content.Easy, Placement: content.InStory, CorrectAnswer: content.Option2,
	}
	quiz.Translations = []content.Question{{Lang: "en", Question: "Which is a fruit?", Opt1: "Leek", Opt2: "Pear"}}
	_, err = ws.Quizzes.Create(ctx, quiz)
	check(err)

	_, err = ws.Quizzes.Publish(ctx, "fruit")
	fmt.Println(err)
	quiz, err = ws.Quizzes.Publish(ctx, "fruit", content.Cascade)
	check(err)
	story, err = ws.Stories.Get(ctx, "orchard")
	check(err)
	fmt.Println(quiz.Stage, story.Stage)
	// Output:
	// storyId: names Story "orchard", which is not published
	// PUBLISHED PUBLISHED
}
