package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/missions"
)

// Nobody gets in without a token, with one for the Dashboard, or while suspended.
func TestWhoMayUseTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		_, err := g.ws.Users.Suspend(t.Context(), "admin")
		require.NoError(t, err)
		path := strings.NewReplacer(
			"{activityId}", "run", "{learningGroupId}", "seven", "{learningPathAssignmentId}", "none", "{ladderId}", "club", "{learningPathId}", "ancient", "{missionId}", "none",
			"{quizId}", "year", "{runtimeLeaderboardId}", "all-time", "{slideId}", "hill", "{storyId}", "rome", "{streakRuleId}", "daily", "{tagId}", "green", "{badgeConfigurationId}", "none",
			"{virtualCurrencyId}", "points", "{virtualTransactionId}", "none",
		)
		seen := 0
		for _, op := range g.handler.Operations() {
			if op.Context != httpapi.App {
				continue
			}
			seen++
			c := client{g.world, "", httpapi.App.Base(), http.Header{}}
			at := path.Replace(op.Path)
			require.NotContains(t, at, "{")
			require.Equal(t, httpapi.CodeInvalidToken, c.do(op.Method, at, "{}", 401)["code"], op.Path)
			c.token = "member default dashboard web"
			require.Equal(t, httpapi.CodeForbidden, c.do(op.Method, at, "{}", 403)["code"], op.Path)
			c.token = "admin default app web"
			require.Equal(t, httpapi.CodeForbidden, c.do(op.Method, at, "{}", 403)["code"], op.Path)
			c.token = "viewer default app web"
			if op.Method != http.MethodGet {
				require.Equal(t, httpapi.CodeForbidden, c.do(op.Method, at, "{}", 403)["code"], op.Path)
			}
		}
		require.Equal(t, 73, seen, "58 that clients know, four of badges, the items of a group, the places around one's own, two of freezes, two of levels, two that go on, what lapses, the boosts that are on, and taking back a gift")
	})
}

// What there is not, and what is another user's, is not found.
func TestNobodySeesWhatIsAnothers(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		g.other.do("GET", "/learning-paths", "", 200) // and its missions and paths are made
		g.other.do("GET", "/missions", "", 200)
		assignment := "manager:all:ancient:PERMANENT"
		transaction := g.grant("manager", "theirs", economy.Manual, 5)
		mission := "manager:weekly:three:2026-W10"
		g.other.do("GET", "/missions/"+mission, "", 200)
		group := g.mission(missions.NewMission{ConfigurationID: "together", GroupTagID: "green"})
		g.other.do("GET", "/missions/"+group, "", 404) // who does not carry the tag
		for _, path := range []string{
			"/learning-groups/none", "/learning-groups/none/tags", "/learning-groups/none/tags/green", "/learning-groups/none/translation", "/learning-groups/none/items",
			"/learning-groups/seven/tags/none", "/learning-paths/none", "/learning-paths/none/items", "/learning-paths/spare",
			"/quizzes/none", "/quizzes/none/tags", "/quizzes/none/tags/green", "/quizzes/none/translation", "/quizzes/year/tags/none",
			"/slides/none", "/slides/none/tags", "/slides/none/tags/green", "/slides/none/translation",
			"/stories/none", "/stories/none/tags", "/stories/none/tags/green", "/stories/none/translation",
			"/runtime-leaderboards/none", "/runtime-leaderboards/none/rankings", "/runtime-leaderboards/none/rankings/me", "/runtime-leaderboards/none/rankings/around",
			"/users/me/tags/none", "/virtual-balances/none",
			"/missions/none", "/missions/" + mission, "/missions/" + group + "?groupTagId=red",
			"/virtual-transactions/none", "/virtual-transactions/" + transaction,
			"/learning-path-assignments/none", "/learning-path-assignments/" + assignment, "/learning-path-assignments/" + assignment + "/items",
			"/learning-path-assignments/" + assignment + "/tags", "/learning-path-assignments/" + assignment + "/tags/green",
			"/learning-path-assignments/" + assignment + "/translation",
		} {
			refused := g.me.do("GET", path, "", 404)
			require.Equal(t, httpapi.CodeNotFound, refused["code"], path)
			for _, d := range refused["details"].([]any) {
				require.Regexp(t, "Id$", d.(map[string]any)["field"], path)
			}
		}
		g.me.do("POST", "/virtual-transactions/"+transaction+"/redeem", "", 404)
		g.me.do("POST", "/virtual-transactions/none/redeem", "", 404)
		g.other.do("POST", "/virtual-transactions/"+transaction+"/redeem", "", 200)
		for _, path := range []string{
			"/quizzes?limit=0", "/quizzes?fields=items", "/quizzes?order=up", "/missions?nextToken=!", "/virtual-balances?nextToken=!", "/virtual-transactions?nextToken=!",
			"/learning-paths?state=NOW", "/streaks", "/streaks?periodType=HOUR", "/streaks?periodType=DAY&from=today", "/streaks?periodType=DAY&goalId=1",
			"/runtime-leaderboards?state=NOW", "/runtime-leaderboards/all-time/rankings?limit=0", "/runtime-leaderboards/all-time/rankings?offset=-1",
			"/runtime-leaderboards/all-time/rankings/around?size=0", "/users/me?fields=translations",
		} {
			g.me.do("GET", path, "", 400)
		}
	})
}

// In a workspace that is closed what there is can be read, and nothing new is assigned.
func TestReadingAClosedWorkspace(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		g.me.do("GET", "/missions", "", 200)
		_, err := g.engine.Platform.CloseWorkspace(t.Context(), g.ws.Scope())
		require.NoError(t, err)
		require.Len(t, g.me.do("GET", "/missions", "", 200)["items"], 1)
		require.Empty(t, g.other.do("GET", "/missions", "", 200)["items"])
		require.Empty(t, g.me.do("GET", "/learning-paths", "", 200)["items"])
		g.me.do("POST", "/activity-logs", `{"activityId": "run"}`, 409)
	})
}
