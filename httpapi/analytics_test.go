package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
)

// What is counted is what was done, as of the entry that the answer names, for the days that are asked for.
func TestAnalytics(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		admin := g.as("admin", httpapi.Dashboard)
		require.EqualValues(t, 0, admin.do("GET", "/analytics/overview", "", http.StatusOK)["seq"], "nothing is counted yet")
		g.me.do("POST", "/activity-logs", `{"activityId": "run", "value": 3}`, http.StatusCreated)
		g.now.set(g.now.get().AddDate(0, 0, 10))
		g.me.do("POST", "/activity-logs", `{"activityId": "run", "value": 4}`, http.StatusCreated)
		g.other.do("POST", "/activity-logs", `{"activityId": "run", "value": 5}`, http.StatusCreated)
		g.me.do("GET", "/learning-paths", "", http.StatusOK)
		assigned := "?parentEntity=LEARNING_PATH&parentEntityId=ancient"
		g.me.do("POST", "/quizzes/year/submit"+assigned, `{"answer": "opt1"}`, http.StatusOK)
		g.me.do("POST", "/slides/hill/submit"+assigned, `{"progress": "COMPLETE"}`, http.StatusOK)
		require.NoError(t, g.counts.CatchUp(t.Context(), g.ws))

		seen := func(path string, want map[string]any) {
			t.Helper()
			got := admin.do("GET", path, "", http.StatusOK)
			require.Positive(t, got["seq"], path)
			for name, value := range want {
				require.Equal(t, value, got[name], "%s %s", path, name)
			}
		}
		type object = map[string]any
		seen("/analytics/overview", object{"economy": object{"totalPointsAwarded": 12.0, "users": 2.0}, "engagement": object{"dau": 2.0, "wau": 2.0, "mau": 2.0}})
		seen("/analytics/overview?timeRange=7d", object{"economy": object{"totalPointsAwarded": 9.0, "users": 2.0}})
		seen("/analytics/economy?timeRange=7d", object{
			"summary":    object{"totalTransactions": 2.0, "users": 2.0, "totalPointsAwarded": 9.0, "avgPointsPerTransaction": 4.5},
			"topEarners": []any{object{"userId": "member", "totalEarned": 7.0, "transactions": 2.0}, object{"userId": "manager", "totalEarned": 5.0, "transactions": 1.0}},
		})
		require.Len(t, admin.do("GET", "/analytics/economy", "", http.StatusOK)["pointsOverTime"], 30)
		seen("/analytics/engagement", object{"totalUsers": 5.0, "stickiness": object{"dauWau": 100.0, "dauMau": 100.0, "wauMau": 100.0}})
		seen("/analytics/gamification", object{"summary": object{"totalUsers": 5.0, "activeStreaks": 2.0, "avgStreakLength": 1.0, "maxStreak": 1.0}})
		seen("/analytics/quiz", object{"totalAttempts": 1.0, "successRate": 0.0, "uniqueUsers": 1.0})
		seen("/analytics/content", object{"totalSlides": 1.0, "slidesStarted": 1.0, "slidesCompleted": 1.0, "completionRate": 100.0, "uniqueUsers": 1.0})
		seen("/analytics/learning", object{"totalLearners": 1.0, "completedAtLeastOne": 0.0})
		require.EqualValues(t, 5, g.me.do("GET", "/analytics/community", "", http.StatusOK)["totalUsers"])

		for _, wrong := range []string{"7", "0d", "a%20week", "9999d"} {
			refused := admin.do("GET", "/analytics/quiz?timeRange="+wrong, "", http.StatusBadRequest)
			require.Equal(t, "timeRange", refused["details"].([]any)[0].(object)["field"], wrong)
		}
		g.as("member", httpapi.Dashboard).do("GET", "/analytics/quiz", "", http.StatusForbidden)

		var err error
		g.handler, err = httpapi.New(g.engine, &httpapi.Options{Authenticate: authenticate})
		require.NoError(t, err)
		require.Equal(t, httpapi.CodeNotFound, admin.do("GET", "/analytics/overview", "", http.StatusNotFound)["code"])
		require.Equal(t, httpapi.CodeNotFound, g.me.do("GET", "/analytics/community", "", http.StatusNotFound)["code"])
	})
}
