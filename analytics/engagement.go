package analytics

import (
	"context"
	"math"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// An Engagement is how often people come, as of today.
type Engagement struct {
	AsOf

	// DAU, WAU and MAU are how many users were active today, and on one of the 7 and 30 days that end today.
	DAU int64 `json:"dau"`
	WAU int64 `json:"wau"`
	MAU int64 `json:"mau"`
	// TotalUsers is how many users there are, those who are suspended included and those who are erased not.
	TotalUsers int64      `json:"totalUsers"`
	Stickiness Stickiness `json:"stickiness"`
	// ActivityOverTime has each day of the time range.
	ActivityOverTime []DayOfActivity `json:"activityOverTime"`
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

// Engagement returns how often people come, with a series over a time range that [Reader.Last] reads, such as "90d". It returns what that
// does.
func (r Reader) Engagement(ctx context.Context, timeRange string) (out Engagement, err error) {
	in, err := r.Last(timeRange)
	if err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		all, err := daysIn(ctx, tx, in)
		today := all[len(all)-1].Active
		out = Engagement{
			AsOf: at.asOf(), DAU: today[0], WAU: today[1], MAU: today[2], TotalUsers: at.Users,
			Stickiness: Stickiness{percent(today[0], today[1]), percent(today[0], today[2]), percent(today[1], today[2])},
		}
		for _, d := range all {
			out.ActivityOverTime = append(out.ActivityOverTime, DayOfActivity{d.Day, d.Active[0], d.Activities})
		}
		return err
	})
	return out, err
}

// percent returns a share of a whole in percent with two places.
func percent(share, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(float64(share)/float64(whole)*10_000) / 100
}
