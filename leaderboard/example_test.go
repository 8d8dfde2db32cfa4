package leaderboard_test

import (
	"fmt"
	"strconv"
	"time"

	"github.com/guerdonhq/guerdon/leaderboard"
)

// The first ten of a board, and the rows around somebody.
func Example() {
	w := newWorld(loud{})
	w.publish(loud{},
		configuration("points", `{"source": "activity_logs", "score": {"sum": {"var": "value"}}}`),
		board("all-time", "points", forever))
	for i := range 100 {
		w.did(loud{}, fmt.Sprintf("user-%02d", i), start, strconv.Itoa(100-i/2*2))
	}

	top, err := w.Top(w.ctx, "all-time", 10, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(top.Total, "users, the first", len(top.Rows), "from", top.Rows[0].EntityID, "to", top.Rows[9].EntityID)

	around, err := w.Around(w.ctx, "all-time", "user-41", 5, nil)
	if err != nil {
		panic(err)
	}
	for _, row := range around.Rows {
		fmt.Println(row.Rank, row.EntityID, row.Score)
	}

	me, err := w.Rank(w.ctx, "all-time", "user-99", nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(me.Rank, "of", me.Total)
	// Output:
	// 100 users, the first 10 from user-00 to user-09
	// 39 user-39 62
	// 41 user-40 60
	// 41 user-41 60
	// 43 user-42 58
	// 43 user-43 58
	// 99 of 100
}

// A board that begins anew every month. Each month can still be read.
func Example_monthly() {
	w := newWorld(loud{})
	w.publish(loud{},
		configuration("points", `{"source": "activity_logs", "score": {"sum": {"var": "value"}}, "rankStyle": "DENSE_RANK"}`),
		board("monthly", "points", monthly))
	w.did(loud{}, "ada", time.Date(2025, 8, 31, 23, 59, 0, 0, time.UTC), "30")
	w.did(loud{}, "ada", time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC), "5")
	w.did(loud{}, "bob", time.Date(2025, 9, 1, 9, 0, 0, 0, time.UTC), "7.5")

	periods, err := w.Periods(w.ctx, "monthly", 2, time.Time{})
	if err != nil {
		panic(err)
	}
	for _, p := range periods {
		top, err := w.Top(w.ctx, "monthly", 3, &leaderboard.At{Period: p.ID})
		if err != nil {
			panic(err)
		}
		fmt.Println(p.StartsAt.Format("January"), p.State, lines(top.Rows))
	}
	// Output:
	// September ACTIVE [1 bob 7.5 2 ada 5]
	// August ENDED [1 ada 30]
}
