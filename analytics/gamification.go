package analytics

import (
	"context"
	"slices"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// runRanges are the shortest runs of each range of a distribution, in days.
var runRanges = [...]int{1, 8, 15, 31}

// rangeNames are the names of the ranges.
var rangeNames = [len(runRanges)]string{"1-7", "8-14", "15-30", "30+"}

func runRange(length int) int {
	for i := range slices.Backward(runRanges[:]) {
		if length >= runRanges[i] {
			return i
		}
	}
	return 0
}

// A Gamification is for how long people have come each day, as of today.
type Gamification struct {
	AsOf

	Summary StreakSummary `json:"summary"`
	// Distribution has the ranges of 1-7, 8-14, 15-30, and more than 30 days.
	Distribution []StreakRange `json:"distribution"`
	// TopUsers are the ten whose active streaks are the longest.
	TopUsers []StreakUser `json:"topUsers"`
}

// A StreakSummary says how many streaks are active, how long they are on average, with two places, and how long the longest is that anybody
// ever had, in days.
type StreakSummary struct {
	TotalUsers      int64   `json:"totalUsers"`
	ActiveStreaks   int64   `json:"activeStreaks"`
	AvgStreakLength float64 `json:"avgStreakLength"`
	MaxStreak       int     `json:"maxStreak"`
}

// A StreakRange is how many users have active streaks of a length.
type StreakRange struct {
	Range string `json:"range"`
	Users int64  `json:"users"`
}

// A StreakUser is a user with an active streak, and the longest the user ever had, in days.
type StreakUser struct {
	UserID        string `json:"userId"`
	CurrentStreak int    `json:"currentStreak"`
	MaxStreak     int    `json:"maxStreak"`
}

// Gamification returns for how long people have come each day. A streak here is a run of days on each of which a user was active, whatever
// rules there are, and it is active if the user was so today or yesterday: what documents of streaks count, freeze and pay for is read from
// [guerdon.Workspace.Streaks]. TotalUsers is that of [Reader.Engagement]; for all else, who is suspended or erased has no streak.
func (r Reader) Gamification(ctx context.Context) (out Gamification, err error) {
	yesterday := r.today() - 1
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		out = Gamification{AsOf: at.asOf(), Distribution: make([]StreakRange, len(runRanges)), TopUsers: []StreakUser{}}
		var lengths [len(runRanges)]int64
		var last []timeframe.Day
		if out.Summary, lengths, last, err = running(ctx, tx, at, yesterday); err != nil {
			return err
		}
		for i := range lengths {
			out.Distribution[i] = StreakRange{rangeNames[i], lengths[i]}
		}
		first, err := people.List(ctx, tx, store.By("longest").Reverse().First(1))
		if err != nil {
			return err
		}
		if len(first) > 0 {
			out.Summary.MaxStreak = first[0].Longest
		}
		for _, on := range last {
			some, err := people.List(ctx, tx, store.By("run", store.Int(int64(on))).Reverse().First(top))
			if err != nil {
				return err
			}
			for i := range some {
				out.TopUsers = append(out.TopUsers, StreakUser{some[i].UserID, some[i].Run, some[i].Longest})
			}
		}
		slices.SortStableFunc(out.TopUsers, func(a, b StreakUser) int { return b.CurrentStreak - a.CurrentStreak })
		out.TopUsers = out.TopUsers[:min(top, len(out.TopUsers))]
		return nil
	})
	return out, err
}

// running sums up the streaks of those who were active at last on a day or later, and returns how many there are in each range and the days, the
// last first.
func running(ctx context.Context, tx store.Tx, at *state, since timeframe.Day) (
	sum StreakSummary, lengths [len(runRanges)]int64, last []timeframe.Day, err error,
) {
	rows, err := days.List(ctx, tx, store.Query{From: store.Text(since.String()), Descending: true})
	total := int64(0)
	for _, d := range rows {
		before := sum.ActiveStreaks
		for i, n := range d.Runs {
			lengths[i] += n
			sum.ActiveStreaks += n
		}
		if total += d.Lengths; sum.ActiveStreaks > before {
			last = append(last, d.Day)
		}
	}
	sum.TotalUsers = at.Users
	sum.AvgStreakLength = average(total, sum.ActiveStreaks)
	return sum, lengths, last, err
}

// ActiveStreaks returns who has an active streak: those who were active last come first, the longest streaks first among them, unless the
// page says otherwise. It returns [fault.ErrInvalid] for a limit or a token that is none.
func (r Reader) ActiveStreaks(ctx context.Context, page store.Page) (People, error) {
	q := store.By("run").Between(store.Int(int64(r.today()-1)), store.Value{})
	return r.list(ctx, q, page, func(*person) bool { return true })
}
