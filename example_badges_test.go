package guerdon_test

import (
	"context"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/event"
)

// What can a user show for it? A badge is a document, and a reward rule awards it: here for each week of three runs. How far a user is who does not
// have it yet, the mission says. A badge by hand needs a reason, and is secret until somebody has it, if it says so.
func Example_badges() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
  {"kind": "BadgeConfiguration", "id": "runner", "name": "Runner", "image": "https://example.org/runner.png",
   "progressSourceEntityType": "MissionConfiguration", "progressSourceEntityId": "three",
   "defaultLang": "en", "translations": [{"lang": "en", "label": "Runner", "description": "Three runs in a week"}]},
  {"kind": "BadgeConfiguration", "id": "helper", "name": "Helper", "image": "https://example.org/helper.png", "isSecret": true,
   "defaultLang": "en", "translations": [{"lang": "en", "label": "A good soul"}]},
  {"kind": "RewardRule", "id": "runner", "name": "Runner", "ruleType": "INSTANCE", "matchEntity": "Mission", "matchEntityId": "three", "applicationMode": "ALWAYS",
   "rewards": [{"rewardType": "BADGE", "badgeConfigurationId": "runner"}],
   "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`))
	check(err)
	show := func() {
		list, err := ws.Badges.List(ctx, "ada", badges.Query{})
		check(err)
		for _, b := range list {
			switch {
			case b.Progress != nil && b.Count == 0:
				fmt.Printf("%s: %s of %s\n", b.Label, b.Progress.Done, b.Progress.Needed)
			default:
				fmt.Printf("%s: %d times\n", b.Label, b.Count)
			}
		}
	}
	run := func() {
		now = now.Add(time.Hour)
		_, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
		check(err)
	}
	run()
	run()
	show()
	run()
	_, err = ws.Badges.Award(ctx, badges.NewAward{UserID: "ada", ConfigurationID: "helper", Reason: "She waited for the slowest."})
	check(err)
	show()
	// Output:
	// Runner: 2 of 3
	// Runner: 1 times
	// A good soul: 1 times
}
