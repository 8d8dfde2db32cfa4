package analytics

import (
	"context"
	"math"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// An Engagement is how often people come.
type Engagement struct {
	AsOf
	Windows

	// TotalUsers is how many users there are, those who are suspended included and those who are erased not.
	TotalUsers int64      `json:"totalUsers"`
	Stickiness Stickiness `json:"stickiness"`
	// ActivityOverTime has each day of the range.
	ActivityOverTime []DayOfActivity `json:"activityOverTime"`
}

// Windows are how many users were active on the last day of a range, and on one of the 7 and 30 days that end with it.
type Windows struct {
	DAU int64 `json:"dau"`
	WAU int64 `json:"wau"`
	MAU int64 `json:"mau"`
}

// Stickiness is how many of those who were active in a longer window were so in a shorter one, in percent with two places; 0 if nobody was.
type Stickiness struct {
	DAUWAU float64 `json:"dauWau"`
	DAUMAU float64 `json:"dauMau"`
	WAUMAU float64 `json:"wauMau"`
}

// A DayOfActivity is how many users were active on a day, and how many things they did.
type DayOfActivity struct {
	Day         timeframe.Day `json:"date"`
	ActiveUsers int64         `json:"activeUsers"`
	Activities  int64         `json:"activities"`
}

// Engagement returns how often people come, with a series over a range.
func (r Reader) Engagement(ctx context.Context, in Range) (out Engagement, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		all, err := daysIn(ctx, tx, in)
		w := windowsOf(all)
		out = Engagement{
			AsOf: at.asOf(), Windows: w, TotalUsers: at.Users,
			Stickiness: Stickiness{percent(w.DAU, w.WAU), percent(w.DAU, w.MAU), percent(w.WAU, w.MAU)},
		}
		for _, d := range all {
			out.ActivityOverTime = append(out.ActivityOverTime, DayOfActivity{d.Day, d.Active[0], d.Activities})
		}
		return err
	})
	return out, err
}

// windowsOf returns the windows that end with the last of days.
func windowsOf(all []day) Windows {
	last := all[len(all)-1].Active
	return Windows{last[0], last[1], last[2]}
}

// An Overview is what a dashboard begins with.
type Overview struct {
	AsOf

	Engagement   Windows `json:"engagement"`
	Learning     Learned `json:"learning"`
	Gamification Streaks `json:"gamification"`
	Economy      Awarded `json:"economy"`
}

// Learned is how many users began a path, and how many percent of them have completed one of those since, as of [Reader.Learning].
type Learned struct {
	TotalLearners  int64   `json:"totalLearners"`
	CompletionRate float64 `json:"completionRate"`
}

// Streaks is how many streaks are active today, and how long they are on average, as of [Reader.Gamification].
type Streaks struct {
	ActiveStreaks   int64   `json:"activeStreaks"`
	AvgStreakLength float64 `json:"avgStreakLength"`
}

// Awarded is how much users got of all currencies, and how many they are, as of [Reader.Economy].
type Awarded struct {
	TotalPointsAwarded decimal.Decimal `json:"totalPointsAwarded"`
	Users              int64           `json:"users"`
}

// Overview returns the first figures of [Reader.Engagement], [Reader.Learning] and [Reader.Economy], of a range, and of [Reader.Gamification], of one
// moment.
func (r Reader) Overview(ctx context.Context, in Range) (out Overview, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		all, err := daysIn(ctx, tx, Range{in.To, in.To})
		if err != nil {
			return err
		}
		learners, completed, err := learners(ctx, tx, in)
		if err != nil {
			return err
		}
		streaks, _, _, err := running(ctx, tx, at, r.today()-1)
		if err != nil {
			return err
		}
		points, _, err := awarded(ctx, tx, "", in)
		out = Overview{
			AsOf: at.asOf(), Engagement: windowsOf(all), Learning: Learned{learners.users, percent(completed.users, learners.users)},
			Gamification: Streaks{streaks.ActiveStreaks, streaks.AvgStreakLength}, Economy: Awarded{points.TotalPointsAwarded, points.Users},
		}
		return err
	})
	return out, err
}

// A Community is what all users of a workspace have come to so far.
type Community struct {
	AsOf

	// TotalUsers is that of [Engagement].
	TotalUsers int64 `json:"totalUsers"`
	// TotalLearners is how many users have begun a path, PathsCompleted how many of them have completed one.
	TotalLearners  int64 `json:"totalLearners"`
	PathsCompleted int64 `json:"pathsCompleted"`
	// QuizSuccessRate is how many answers were correct, in percent with two places.
	QuizSuccessRate float64 `json:"quizSuccessRate"`
}

// Community returns what all users have come to so far. Who is suspended or erased since stays counted, but for TotalUsers.
func (r Reader) Community(ctx context.Context) (out Community, err error) {
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		var totals [4]topicTotal
		for i, of := range []topic{onPath, onPath.of(string(learning.Complete)), answered, succeeded} {
			if totals[i], err = soFar(ctx, tx, of); err != nil {
				return err
			}
		}
		out = Community{at.asOf(), at.Users, totals[0].Users, totals[1].Users, percent(totals[3].Count, totals[2].Count)}
		return nil
	})
	return out, err
}

// percent returns a share of a whole in percent with two places.
func percent(share, whole int64) float64 { return average(100*share, whole) }

// average returns a sum divided by a number, with two places; 0 if the number is.
func average(sum, n int64) float64 {
	if n == 0 {
		return 0
	}
	return math.Round(float64(sum)/float64(n)*100) / 100
}
