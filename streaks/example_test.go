package streaks_test

import (
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
)

// In Cairo the clock goes from midnight to one o'clock on 24 April 2026: that day has no midnight, and
// 23 hours. The streak goes on.
func Example_clockChange() {
	w := newWorld(fatal{})
	w.publish(daily())
	w.user("ann", "Africa/Cairo")
	cairo, err := time.LoadLocation("Africa/Cairo")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, at := range []time.Time{
		time.Date(2026, 4, 23, 23, 59, 59, 0, cairo),
		time.Date(2026, 4, 24, 1, 0, 0, 0, cairo),
		time.Date(2026, 4, 25, 0, 0, 0, 0, cairo),
	} {
		for _, c := range w.act("ann", at.UTC()) {
			fmt.Println(c.Day, c.Count)
		}
	}
	// Output:
	// 2026-04-23 1
	// 2026-04-24 2
	// 2026-04-25 3
}

// A day that was missed is paid for when it is over. It does not count, but the streak goes on.
func Example_freeze() {
	gems := filled(map[string]int64{"ann": 1})
	w := newWorld(fatal{})
	w.wallet = gems
	w.publish(freezing(daily()))
	w.user("ann", "Europe/Rome")
	w.act("ann", utc("2025-09-01T10:00:00Z"), utc("2025-09-02T10:00:00Z"))

	w.now = utc("2025-09-03T22:00:00Z") // midnight in Rome
	w.advance(100)
	for _, c := range gems.charges {
		fmt.Println(c.ID, c.Amount, c.CurrencyID)
	}
	w.act("ann", utc("2025-09-04T10:00:00Z"))
	fmt.Println(w.current("ann", "daily").Count)

	w.now = utc("2025-09-05T22:00:00Z") // and there is no gem left
	w.advance(100)
	fmt.Println(w.current("ann", "daily").Status)
	// Output:
	// freeze:daily:ann:2025-09-03 1 gems
	// 3
	// BROKEN
}

func ExampleService_Streaks() {
	rule := daily()
	rule.GoalTargets = []int{2, 5}
	w := newWorld(fatal{})
	w.publish(rule)
	w.user("ann", "")
	w.act("ann", utc("2025-09-01T10:00:00Z"), utc("2025-09-02T10:00:00Z"), utc("2025-09-03T10:00:00Z"))
	w.now = utc("2025-09-03T12:00:00Z")
	rows, _, err := w.service.Streaks(w.ctx, "ann", streaks.Query{PeriodType: streaks.ByGoal}, store.Page{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range rows {
		fmt.Println(r.GoalID, r.Target, r.Count, r.Status)
	}
	// Output:
	// 1 5 3 ACTIVE
	// 1 2 2 COMPLETED
}
