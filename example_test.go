package guerdon_test

import (
	"context"
	"fmt"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// One point for every run, and 10 for the first three of a week.
const game = `{"documents": [
 {"kind": "Activity", "id": "run", "name": "Run", "defaultLang": "en", "translations": [{"lang": "en", "label": "Run"}]},
 {"kind": "VirtualCurrency", "id": "points", "name": "Points", "defaultLang": "en", "translations": [{"lang": "en", "label": "Points"}]},
 {"kind": "MissionConfiguration", "id": "three", "name": "Three runs", "missionType": "INDIVIDUAL",
  "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "targetAmountExpression": 3,
  "defaultLang": "en", "translations": [{"lang": "en", "label": "Run three times"}]},
 {"kind": "MissionRule", "id": "weekly", "name": "Every week", "missionType": "INDIVIDUAL",
  "timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
  "assignmentMode": "EVENT", "eventMatchType": "INSTANCE", "eventMatchEntity": "Activity", "eventMatchEntityId": "run",
  "defaultLang": "en", "translations": [{"lang": "en"}]},
 {"kind": "RewardRule", "id": "per-run", "name": "Each run", "applicationMode": "ALWAYS",
  "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
  "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 1}],
  "defaultLang": "en", "translations": [{"lang": "en"}]},
 {"kind": "RewardRule", "id": "per-week", "name": "Each full week", "applicationMode": "ALWAYS",
  "ruleType": "ENTITY", "matchEntity": "Mission",
  "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 10}],
  "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`

func Example() {
	ctx := context.Background()
	eng, err := guerdon.New(ctx, memory.New(), nil)
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	_, err = ws.Import(ctx, []byte(game))
	check(err)
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
	check(err)
	for _, id := range []string{"mon", "wed", "fri", "fri"} { // the same event twice counts once
		out, err := ws.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "run"})
		check(err)
		for _, m := range out.Missions {
			fmt.Println(id, m.ConfigurationID, m.CurrentAmount, "of", m.TargetAmount)
		}
	}
	balance, err := ws.Economy.Balance(ctx, "ada", "points")
	check(err)
	fmt.Println("points:", balance.Amount)
	// Output:
	// mon three 1 of 3
	// wed three 2 of 3
	// fri three 3 of 3
	// fri three 3 of 3
	// points: 13
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
