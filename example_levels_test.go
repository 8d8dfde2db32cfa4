package guerdon_test

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
)

// Bronze, silver and gold for what somebody has ever got of the points, and a bonus for whoever comes to another of them.
const medals = `{"documents": [
 {"kind": "Ladder", "id": "medals", "name": "Medals", "measure": {"type": "EARNED", "virtualCurrencyId": "points"},
  "steps": [{"id": "bronze", "name": "Bronze", "threshold": 2}, {"id": "silver", "name": "Silver", "threshold": 20}, {"id": "gold", "name": "Gold", "threshold": 100}],
  "defaultLang": "en", "translations": [{"lang": "en", "name": "Medals"}]},
 {"kind": "RewardRule", "id": "medal", "name": "Five points for each medal", "applicationMode": "ALWAYS",
  "ruleType": "INSTANCE", "matchEntity": "Level", "matchEntityId": "medals",
  "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": {"*": [{"var": "event.number"}, 5]}}],
  "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`

// How do I make bronze, silver and gold? With a ladder, which says what is measured and how much of it each step takes. Whoever comes to another step
// causes an event, for which a rule may pay.
func Example_levels() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(medals))
	check(err)
	for range 5 {
		out, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
		check(err)
		for _, c := range out.Levels {
			if c.Direction != "" {
				fmt.Printf("%s: %q to %q with %s points\n", c.Direction, c.From, c.To, c.Measure)
			}
		}
	}
	s, err := ws.Levels.Level(ctx, "ada", "medals")
	check(err)
	fmt.Println(s.Step.Name, "and", s.Share.Mul(decimal.NewFromInt(100)), "% of the way to", s.Next.Name, "with", s.Missing, "to go")
	// Output:
	// UP: "" to "bronze" with 2 points
	// UP: "bronze" to "silver" with 20 points
	// Silver and 12.5 % of the way to Gold with 70 to go
}
