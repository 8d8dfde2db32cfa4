package guerdon_test

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/mobility"
)

// ways is what a day's ways may come to, and what a milestone pays.
const ways = `{"documents": [
  {"kind": "MobilityFactors", "id": "co2", "name": "Made up", "source": "an example", "year": 2025, "licence": "CC0-1.0", "baseline": "car",
   "factors": [{"type": "car", "gramsPerPersonKm": 170}, {"type": "bus", "gramsPerPersonKm": 100}, {"type": "walk", "gramsPerPersonKm": 0}]},
  {"kind": "MobilityGoals", "id": "daily", "name": "Every day", "metrics": [
   {"metric": "km", "transportTypes": ["walk", "bicycle", "bus"], "goals": [2, 5]},
   {"metric": "co2", "transportTypes": ["walk", "bicycle", "bus"], "goals": [0.5]}]},
  {"kind": "RewardRule", "id": "milestone", "name": "A milestone", "applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": "MobilityMilestone",
   "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 20}], "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`

// tracked returns a workspace in which a provider tracks ada.
func tracked(ctx context.Context) *guerdon.Workspace {
	now := monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(ways))
	check(err)
	_, err = ws.Mobility.Activate(ctx, mobility.Activation{UserID: "ada", Provider: "phone", Status: mobility.On})
	check(err)
	return ws
}

// way is a track of metres that took twenty minutes and began some hours before.
func way(id string, mode mobility.Mode, hours int, metres int64) mobility.Tracking {
	begun := monday.Add(-time.Duration(hours) * time.Hour)
	return mobility.Tracking{
		ProviderID: id, UserID: "ada", Provider: "phone", Status: mobility.Track, Type: mode, Length: metres,
		StartsAt: begun, StartsAtTimezone: "UTC", EndsAt: begun.Add(20 * time.Minute),
	}
}

// How do I reward that people walk? Tell what a provider saw, in whatever order it comes; what a day has come to can be
// redeemed once, and a rule pays for that.
func ExampleWorkspace_mobility() {
	ctx := context.Background()
	ws := tracked(ctx)
	for _, t := range []mobility.Tracking{way("b", mobility.Bus, 1, 4000), way("a", mobility.Walk, 3, 1500)} {
		told, err := ws.Mobility.Track(ctx, []mobility.Tracking{t})
		check(err)
		entry, err := ws.Entry(ctx, told[0].EventID)
		check(err)
		for _, c := range entry.Outcome.Mobility {
			fmt.Println(c.Date, c.CurrentAmount, c.Metric, "reached", c.Reached)
		}
	}
	m, err := ws.Mobility.Redeem(ctx, "ada", "ada:2025-09-29:km:target1")
	check(err)
	balance, err := ws.Economy.Balance(ctx, "ada", "points")
	check(err)
	fmt.Println(m.Target, "of", m.Goal, m.Metric, "redeemed:", m.Redeemed, "points:", balance.Amount)
	// Output:
	// 2025-09-29 4 km reached [target0]
	// 2025-09-29 0.28 co2 reached []
	// 2025-09-29 5.5 km reached [target1]
	// 2025-09-29 0.535 co2 reached [target0]
	// target1 of 5 km redeemed: true points: 20
}

// What if the provider was wrong? What is told again under the same id takes the place of what was told before.
func ExampleWorkspace_mobilityCorrected() {
	ctx := context.Background()
	ws := tracked(ctx)
	t := way("a", mobility.Walk, 3, 2500)
	told, err := ws.Mobility.Track(ctx, []mobility.Tracking{t})
	check(err)
	t.Length = 900
	again, err := ws.Mobility.Track(ctx, []mobility.Tracking{t})
	check(err)
	entry, err := ws.Entry(ctx, again[0].EventID)
	check(err)
	fmt.Println(told[0].Result, again[0].Result)
	for _, c := range entry.Outcome.Mobility {
		fmt.Println(c.Amount, "→", c.CurrentAmount, c.Metric, "not reached any more:", c.Undone)
	}
	// Output:
	// RECORDED CORRECTED
	// 2.5 → 0.9 km not reached any more: [target0]
	// 0.425 → 0.153 co2 not reached any more: []
}

// Why was a milestone not reached? The explanation has all of the day's tracks, and what each of them lacks.
func ExampleWorkspace_mobilityExplained() {
	ctx := context.Background()
	ws := tracked(ctx)
	_, err := ws.Mobility.Track(ctx, []mobility.Tracking{
		way("a", mobility.Walk, 4, 1500), way("b", mobility.Walk, 3, 133_000), way("c", mobility.Car, 2, 9000),
	})
	check(err)
	x, err := ws.Mobility.Explain(ctx, "ada:2025-09-29:km:target0")
	check(err)
	fmt.Println("missing:", x.Missing, x.Milestone.Metric)
	for _, t := range x.Trackings {
		fmt.Println(t.TrackingID, t.Amount, cmp.Or(t.Reason, "all of it"))
	}
	// Output:
	// missing: 0.5 km
	// ada:phone:a 1.5 all of it
	// ada:phone:b 0 it is suspicious: it is faster than 25 km/h
	// ada:phone:c 0 car is none of the transport types [walk bicycle bus]
}

// What if a track is suspected and is true, or is not and is none? Somebody has the last word, and says why; everything follows anew.
func ExampleWorkspace_mobilityReviewed() {
	ctx := context.Background()
	ws := tracked(ctx)
	bus, walk := way("bus", mobility.Bus, 3, 4000), way("walk", mobility.Walk, 3, 1500)
	walk.StartsAt = walk.StartsAt.Add(5 * time.Minute)
	_, err := ws.Mobility.Track(ctx, []mobility.Tracking{walk, bus}) // ada cannot have been on both
	check(err)
	admin := ws.As(content.Actor{Type: content.ByPrincipal, ID: "grace"})
	_, err = admin.Mobility.Review(ctx, "ada:phone:bus", mobility.Rejected, "Her bag went by bus.")
	check(err)
	x, err := ws.Mobility.Explain(ctx, "ada:2025-09-29:km:target0")
	check(err)
	for _, t := range x.Trackings {
		fmt.Println(t.TrackingID, t.Amount, cmp.Or(t.Reason, "all of it"))
	}
	// Output:
	// ada:phone:bus 0 it is suspicious: principal grace has rejected it: Her bag went by bus.
	// ada:phone:walk 1.5 all of it
}
