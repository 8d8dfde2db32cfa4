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
	"github.com/guerdonhq/guerdon/learning"
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

// Where do people leave a path, and who stands there? Each item says how many have begun it, completed it, and gone no further.
func ExampleReader_Path() {
	slide, quiz, walk := guerdontest.Slide("flour"), guerdontest.Quiz("water"), guerdontest.Activity("walk")
	bread := guerdontest.Path("bread", slide, quiz, walk)
	ws, count := club(slide, quiz, walk, bread, guerdontest.PathRule("everybody", bread))
	ctx := context.Background()
	for _, id := range []string{"ada", "bob", "eve"} {
		_, err := ws.Learning.Evaluate(ctx, id)
		check(err)
		who := learning.Submission{UserID: id}
		_, err = ws.Learning.SubmitSlide(ctx, learning.SlideSubmission{Submission: who, SlideID: "flour", Progress: learning.Complete})
		check(err)
		if id == "eve" {
			continue
		}
		_, err = ws.Learning.SubmitQuiz(ctx, learning.QuizSubmission{Submission: who, QuizID: "water", Answer: "opt1"})
		check(err)
	}
	_, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "walk"})
	check(err)
	check(count.CatchUp(ctx, ws))

	r := count.Of(ws)
	in, err := r.Last("30d")
	check(err)
	path, err := r.Path(ctx, "bread", in)
	check(err)
	fmt.Println("started:", path.Started, "completed:", path.Completed)
	for _, s := range path.Steps {
		fmt.Println(s.Item, "reached:", s.Reached, "completed:", s.Completed, "stopped:", s.Stopped)
	}
	who, err := r.Stopped(ctx, "bread", analytics.Item{ItemType: learning.ItemSlide, ItemID: "flour"}, in, store.Page{})
	check(err)
	fmt.Println(who.Learners[0].UserID, "since", who.Learners[0].Since)
	// Output:
	// started: 3 completed: 1
	// slide/flour reached: 3 completed: 3 stopped: 1
	// quiz/water reached: 2 completed: 2 stopped: 1
	// activity/walk reached: 1 completed: 1 stopped: 0
	// eve since 2026-03-18
}

// How rare is a badge? It is the share of all users who have it now: not of those who were awarded it in some days, and not with those who are deleted. What is taken back is had
// no more.
func ExampleReader_Badges() {
	ws, count := club(guerdontest.Badge("runner"), guerdontest.AwardRule("runner", guerdontest.Doing("run"), "runner"))
	ctx := context.Background()
	rarity := func() {
		check(count.CatchUp(ctx, ws))
		r := count.Of(ws)
		in, err := r.Last("7d")
		check(err)
		all, err := r.Badges(ctx, in)
		check(err)
		for _, b := range all.Badges {
			fmt.Printf("%s: awarded %d times in 7 days, had by %d of %d: %.2f%%\n", b.ConfigurationID, b.Awards, b.Holders, all.TotalUsers, b.Rarity)
		}
	}
	run(ws, "ada", 1)
	run(ws, "ada", 0)
	run(ws, "bob", 40)
	rarity()
	_, err := ws.Record(ctx, event.Event{ID: "mistake", UserID: "eve", EntityID: "run"})
	check(err)
	rarity()
	_, err = ws.Retract(ctx, "mistake", guerdon.Correction{Reason: "It was somebody else."})
	check(err)
	_, err = ws.Users.Anonymise(ctx, "bob")
	check(err)
	rarity()
	// Output:
	// runner: awarded 2 times in 7 days, had by 2 of 3: 66.67%
	// runner: awarded 3 times in 7 days, had by 3 of 3: 100.00%
	// runner: awarded 2 times in 7 days, had by 1 of 2: 50.00%
}

// What does a dashboard begin with, who comes each day, and who has got most?
func ExampleReader_Overview() {
	ws, count := club(guerdontest.Currency("points"), guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "5"))
	for _, daysAgo := range []int{3, 2, 1} {
		run(ws, "ada", daysAgo)
	}
	run(ws, "bob", 0)
	run(ws, "bob", 40)
	ctx := context.Background()
	check(count.CatchUp(ctx, ws))

	r := count.Of(ws)
	in, err := r.Last("30d") // a request's timeRange
	check(err)
	all, err := r.Overview(ctx, in)
	check(err)
	fmt.Println("active today:", all.Engagement.DAU, "in 7 days:", all.Engagement.WAU)
	fmt.Println("points:", all.Economy.TotalPointsAwarded, "to", all.Economy.Users)
	streaks, err := r.Gamification(ctx)
	check(err)
	for _, u := range streaks.TopUsers {
		fmt.Println(u.UserID, "came on so many days in a row:", u.CurrentStreak)
	}
	first, err := r.Earners(ctx, "points", "rewardRuleId#pays", store.Page{Limit: 1})
	check(err)
	fmt.Println("most has got:", first.Users[0].UserID, first.Users[0].Issued)
	ada, err := r.User(ctx, "ada", in)
	check(err)
	fmt.Println("active on days:", ada.ActiveDays, "completed paths:", ada.Learning.CompletedPaths)
	// Output:
	// active today: 1 in 7 days: 2
	// points: 20 to 2
	// ada came on so many days in a row: 3
	// bob came on so many days in a row: 1
	// most has got: ada 15
	// active on days: 3 completed paths: 0
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
