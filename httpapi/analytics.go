package httpapi

import (
	"context"
	"net/http"

	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/tenancy"
)

// counting is for which days something is counted.
type counting struct {
	// TimeRange is a number of days that end with today, such as 7d; absent is 30d.
	TimeRange string `query:"timeRange"`
}

// dashboardAnalytics declares what is counted of the workspace.
func dashboardAnalytics() []*operation {
	return []*operation{
		counted("badges", "Get how often badges are awarded, and how rare they are", analytics.Reader.Badges),
		counted("content", "Get how slides are read", analytics.Reader.Content),
		counted("economy", "Get what users have got", func(r analytics.Reader, ctx context.Context, in analytics.Range) (analytics.Economy, error) {
			return r.Economy(ctx, "", in)
		}),
		counted("engagement", "Get how often people come", analytics.Reader.Engagement),
		counted("gamification", "Get for how long people have come each day", func(r analytics.Reader, ctx context.Context, _ analytics.Range) (analytics.Gamification, error) {
			return r.Gamification(ctx)
		}),
		counted("learning", "Get how far people are on their paths", analytics.Reader.Learning),
		counted("overview", "Get what a dashboard begins with", analytics.Reader.Overview),
		counted("quiz", "Get how quizzes are answered", analytics.Reader.Quiz),
	}
}

// counted declares an operation that returns what is counted of some days.
func counted[Out any](what, summary string, read func(analytics.Reader, context.Context, analytics.Range) (Out, error)) *operation {
	return declare("GET", "/analytics/"+what, tenancy.AnalyticsRead, summary, codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *counting) (out Out, err error) {
		r, err := c.counts()
		if err != nil {
			return out, err
		}
		days, err := r.Last(in.TimeRange)
		if err != nil {
			return out, err
		}
		return read(r, ctx, days)
	})
}

// getCommunity returns what all users have come to.
func getCommunity(ctx context.Context, c *call, _ *nothing) (out analytics.Community, err error) {
	r, err := c.counts()
	if err != nil {
		return out, err
	}
	return r.Community(ctx)
}

// counts returns what reads what is counted of the workspace.
func (c *call) counts() (analytics.Reader, error) {
	if c.analytics == nil {
		return analytics.Reader{}, problem(http.StatusNotFound, CodeNotFound, "nothing is counted of the workspace")
	}
	return c.analytics.Of(c.ws), nil
}
