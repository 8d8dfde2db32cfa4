package guerdon_test

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/tenancy"
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

// Who stands on gold carries the tag "vip". A rule doubles what a vip is paid.
const perks = `{"documents": [
 {"kind": "Tag", "id": "vip", "namespace": "club", "variant": "vip", "defaultLang": "en", "translations": [{"lang": "en", "label": "VIP"}]},
 {"kind": "Ladder", "id": "club", "name": "The club", "measure": {"type": "EARNED", "virtualCurrencyId": "points"},
  "steps": [{"id": "silver", "name": "Silver", "threshold": 1}, {"id": "gold", "name": "Gold", "threshold": 4, "perks": ["vip"]}],
  "defaultLang": "en", "translations": [{"lang": "en", "name": "The club"}]},
 {"kind": "RewardRule", "id": "double", "name": "As much again for VIPs", "applicationMode": "ALWAYS",
  "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "matchCondition": {"in": ["vip", {"var": "user.tags"}]},
  "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 2}],
  "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`

// How do I treat members of gold otherwise? With a perk: a tag that a user carries while on the step, which conditions read, and boards of tags know. Who falls
// from the step carries it no longer; and what turns out to have happened earlier is judged by the tags of then.
func Example_perks() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(perks))
	check(err)
	for range 4 {
		out, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
		check(err)
		for _, c := range out.Tags {
			fmt.Println(c.TagID, "by", c.By)
		}
		b, err := ws.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println(b.Amount, "points")
	}
	// Output:
	// 1 points
	// 2 points
	// vip by Ladder/club
	// 13 points
	// 16 points
}

// A rule that pays when a user is created, and one that gives a tag for a month.
const welcome = `{"documents": [
 {"kind": "Tag", "id": "new", "namespace": "club", "variant": "new", "defaultLang": "en", "translations": [{"lang": "en", "label": "New"}]},
 {"kind": "RewardRule", "id": "welcome", "name": "Welcome", "applicationMode": "ALWAYS",
  "ruleType": "ENTITY", "matchEntity": "User", "matchCondition": {"==": [{"var": "change"}, "JOINED"]},
  "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 10}],
  "defaultLang": "en", "translations": [{"lang": "en"}]},
 {"kind": "RewardRule", "id": "first", "name": "New for a month from the first run", "applicationMode": "ALWAYS", "maxPerUser": 1,
  "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
  "rewards": [{"rewardType": "TAG", "tagId": "new", "tagMinutes": 43200}],
  "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`

// How do I greet a newcomer? With a rule that matches users: the event says that the user joined, or which tags were gained or lost. A reward may be a tag, for a time.
func Example_newcomers() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(welcome))
	check(err)
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "grace"})
	check(err)
	b, err := ws.Economy.Balance(ctx, "grace", "points")
	check(err)
	fmt.Println("welcome:", b.Amount)
	_, err = ws.Record(ctx, event.Event{UserID: "grace", EntityID: "run"})
	check(err)
	for _, days := range []int{0, 30} {
		now = monday.AddDate(0, 0, days)
		check(ws.Advance(ctx))
		u, err := ws.Users.Get(ctx, "grace")
		check(err)
		fmt.Printf("after %d days: new %t\n", days, u.HasTag("new"))
	}
	// Output:
	// welcome: 10
	// after 0 days: new true
	// after 30 days: new false
}

// Ten points for the first thing that somebody does, and as many as years for an anniversary.
const greetings = `{"documents": [
 {"kind": "RewardRule", "id": "first", "name": "Nice to see you", "applicationMode": "ALWAYS",
  "ruleType": "ENTITY", "matchEntity": "User", "matchCondition": {"==": [{"var": "change"}, "FIRST_SEEN"]},
  "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": 10}],
  "defaultLang": "en", "translations": [{"lang": "en"}]},
 {"kind": "RewardRule", "id": "years", "name": "Another year", "applicationMode": "ALWAYS",
  "ruleType": "ENTITY", "matchEntity": "User", "matchCondition": {"==": [{"var": "change"}, "ANNIVERSARY"]},
  "rewards": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": {"*": [{"var": "years"}, 100]}}],
  "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`

// How do I greet who comes for the first time? With a rule that matches users whose change is FIRST_SEEN: it follows from the first thing that they did, whenever that is known.
// Each run is a point besides.
func Example_firstSeen() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	_, err := ws.Import(ctx, []byte(greetings))
	check(err)
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "grace"}) // who joins is not seen yet
	check(err)
	for _, id := range []string{"first", "second"} {
		now = now.AddDate(0, 0, 1)
		_, err = ws.Record(ctx, event.Event{ID: id, UserID: "grace", EntityID: "run"})
		check(err)
		b, err := ws.Economy.Balance(ctx, "grace", "points")
		check(err)
		fmt.Println(b.Amount)
	}
	// Output:
	// 11
	// 12
}

// How do I reward an anniversary? With a rule that matches users whose change is ANNIVERSARY: the clock tells it on the day, where the user lives.
func Example_anniversary() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	_, err := ws.Import(ctx, []byte(greetings))
	check(err)
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "grace", Timezone: "Pacific/Auckland"})
	check(err)
	for years := range 3 {
		now = monday.AddDate(years, 0, 0)
		check(ws.Advance(ctx))
		b, err := ws.Economy.Balance(ctx, "grace", "points")
		check(err)
		fmt.Println(now.Year(), b.Amount)
	}
	// Output:
	// 2025 0
	// 2026 100
	// 2027 300
}
