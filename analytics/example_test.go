package analytics_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// club returns a workspace in which people run, and what counts them.
func club(docs ...content.Document) (*guerdon.Workspace, *analytics.Analytics) {
	ctx, st, now := context.Background(), memory.New(), func() time.Time { return start }
	eng, err := guerdon.New(ctx, st, &guerdon.Options{Now: now, Tables: analytics.Tables()})
	check(err)
	count, err := analytics.New(eng, nil)
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	bundle, err := guerdon.Bundle(append([]content.Document{guerdontest.Activity("run")}, docs...)...)
	check(err)
	_, err = ws.Import(ctx, bundle)
	check(err)
	for _, id := range []string{"ada", "bob", "eve"} {
		_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: id})
		check(err)
	}
	return ws, count
}

// run records that somebody ran days ago.
func run(ws *guerdon.Workspace, userID string, daysAgo int) {
	_, err := ws.Record(context.Background(), event.Event{UserID: userID, EntityID: "run", At: start.AddDate(0, 0, -daysAgo)})
	check(err)
}

// Which missions are completed, and which rules issue the points? Ask for a range of days.
func ExampleReader_Points() {
	ws, count := club(append(threeRuns(), guerdontest.Currency("points"), guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "5"))...)
	ctx := context.Background()
	for _, daysAgo := range []int{0, 1, 2} {
		run(ws, "ada", daysAgo)
	}
	run(ws, "bob", 1)
	_, err := ws.Economy.Spend(ctx, "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(4)})
	check(err)
	check(count.CatchUp(ctx, ws))

	r := count.Of(ws)
	in, err := r.Last("7d")
	check(err)
	done, err := r.Missions(ctx, in)
	check(err)
	for _, m := range done.Missions {
		fmt.Println(m.ConfigurationID, "assigned:", m.Assigned, "completed:", m.Completed)
	}
	who, err := r.CompletedUsers(ctx, "three", in, store.Page{})
	check(err)
	fmt.Println("by", who.Users[0].UserID, "on", who.Users[0].Day)
	points, err := r.Points(ctx, in)
	check(err)
	for _, p := range points.Points {
		fmt.Println(p.CurrencyID, "by", p.Source, "issued:", p.Issued, "spent:", p.Spent)
	}
	// Output:
	// three assigned: 2 completed: 1
	// by ada on 2026-03-18
	// points by USER issued: 0 spent: 4
	// points by rewardRuleId#pays issued: 20 spent: 0
}

// Who is active, do they come back, and who has stopped? Let analytics follow the journal, here by catching up, and ask.
func Example() {
	ws, count := club()
	ctx := context.Background()
	run(ws, "ada", 20)
	run(ws, "ada", 10)
	run(ws, "ada", 1)
	run(ws, "bob", 18)
	run(ws, "bob", 0)
	run(ws, "eve", 16)
	check(count.CatchUp(ctx, ws)) // a service lets count.Run follow

	r := count.Of(ws)
	in, err := r.Last("2d")
	check(err)
	activity, err := r.Activity(ctx, in)
	check(err)
	for _, d := range activity.Days {
		fmt.Println(d.Day, "active:", d.ActiveUsers, "in 7 days:", d.Active7, "in 30 days:", d.Active30)
	}
	in, err = r.Last("30d")
	check(err)
	retention, err := r.Retention(ctx, in)
	check(err)
	for _, c := range retention.Cohorts {
		fmt.Println("began in the week of", c.Week, "and came back:", c.Active)
	}
	stopped, err := r.InactiveUsers(ctx, 7, store.Page{})
	check(err)
	for _, p := range stopped.People {
		fmt.Println(p.UserID, "was active on", p.Last, "at last")
	}
	fmt.Println("as of entry", stopped.Seq)
	// Output:
	// 2026-03-17 active: 1 in 7 days: 1 in 30 days: 3
	// 2026-03-18 active: 1 in 7 days: 2 in 30 days: 3
	// began in the week of 2026-02-23 and came back: [2 1 0 2]
	// began in the week of 2026-03-02 and came back: [1]
	// eve was active on 2026-03-02 at last
	// as of entry 9
}
