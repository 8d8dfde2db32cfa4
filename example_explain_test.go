package guerdon_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

func ExampleWorkspace_Explain() {
	ctx := context.Background()
	noon := time.Date(2025, 9, 29, 12, 0, 0, 0, time.UTC)
	eng, err := guerdon.New(ctx, memory.New(), &guerdon.Options{Now: func() time.Time { return noon }})
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	_, err = ws.Import(ctx, []byte(`{"documents": [
	 {"kind": "Activity", "id": "run", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]},
	 {"kind": "VirtualCurrency", "id": "points", "name": "Points", "defaultLang": "en", "translations": [{"lang": "en", "label": "Points"}]},
	 {"kind": "RewardRule", "id": "far", "name": "A long run", "applicationMode": "ALWAYS",
	  "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
	  "matchCondition": {"and": [{"==": [{"var": "event.additionalData.surface"}, "trail"]}, {">=": [{"var": "event.value"}, 10]}]},
	  "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": {"var": "event.value"}}],
	  "defaultLang": "en", "translations": [{"lang": "en"}]}
	]}`))
	check(err)
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
	check(err)
	for id, km := range []int64{8, 12} {
		_, err = ws.Record(ctx, event.Event{
			ID: fmt.Sprint("run-", id), UserID: "ada", EntityID: "run",
			Value: new(decimal.NewFromInt(km)), Data: map[string]any{"surface": "trail"},
		})
		check(err)
		why, err := ws.Explain(ctx, fmt.Sprint("run-", id), "RewardRule", "far")
		check(err)
		fmt.Println(why)
	}
	// Output:
	// event run-0 did not move RewardRule far (version 1)
	//   yes  matchEntityId: the event is about Activity run
	//   yes  applicationMode: it is ALWAYS
	//   no   matchCondition: event.value >= 10 is false: event.value is 8
	// event run-1 moved RewardRule far (version 1)
	//   yes  matchEntityId: the event is about Activity run
	//   yes  applicationMode: it is ALWAYS
	//   yes  matchCondition: event.additionalData.surface == "trail" is true: event.additionalData.surface is "trail"; event.value >= 10 is true: event.value is 12
	//   yes  rewards[0].expression: event.value is 12
	//   yes  maxAllowedBalance: paid 12 points
}

// What did an event do, and what could it have done and did not? Each document that it met says what decided.
func ExampleWorkspace_ExplainAll() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	long := guerdontest.RewardRule("long", guerdontest.Doing("ride"), "points", `100`)
	long.MatchCondition = []byte(`{">": [{"var": "value"}, 50]}`)
	b, err := guerdon.Bundle(guerdontest.Activity("ride"), guerdontest.Activity("walk"), long,
		guerdontest.RewardRule("rides", guerdontest.Doing("ride"), "points", `{"var": "value"}`),
		guerdontest.RewardRule("walks", guerdontest.Doing("walk"), "points", `1`))
	check(err)
	_, err = ws.Import(ctx, b)
	check(err)
	_, err = ws.Record(ctx, event.Event{ID: "ride-1", UserID: "ada", EntityID: "ride", Value: new(decimal.NewFromInt(20))})
	check(err)
	all, err := ws.ExplainAll(ctx, "ride-1")
	check(err)
	for _, x := range all {
		fmt.Println(x.Kind, x.ID, x.Moved, "-", x.Checks[len(x.Checks)-1].Reason)
	}
	// Output:
	// RewardRule long false - value > 50 is false: value is 20
	// RewardRule rides true - paid 20 points
}
