package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A mission is made when the user asks for missions, and in the language that the caller wants.
func TestMissionsOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		weekly := `"missionId": "member:weekly:three:2026-W10", "missionType": "INDIVIDUAL", "missionConfigurationId": "three", "missionRuleId": "weekly",
			"periodId": "2026-W10", "userId": "member", "timeframeType": "RANGE", "startsAt": "2026-03-02T00:00:00.000Z", "endsAt": "2026-03-09T00:00:00.000Z",
			"state": "ACTIVE", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "matchCondition": {"==": [{"var": "event.outcome"}, "SUCCESS"]},
			"incrementExpression": null, "targetAmountExpression": {"if": [3]}, "targetAmount": 3, "defaultLang": "en", $when`
		g.as("viewer", httpapi.App).sees("/missions", `{"items": []}`)
		g.me.do("GET", "/missions/member:weekly:three:2026-W10", "", 404)
		g.me.sees("/missions", `{"items": [{`+weekly+`, "currentAmount": 0}]}`)
		g.italian().sees("/missions/member:weekly:three:2026-W10?fields=translation", `{`+weekly+`, "currentAmount": 0, "translation": {"lang": "it", "label": "Corri tre volte"}}`)

		group := g.mission(missions.NewMission{ConfigurationID: "together", GroupTagID: "green"})
		first := g.me.do("GET", "/missions?limit=1", "", 200)
		require.Equal(t, "member:weekly:three:2026-W10", first["items"].([]any)[0].(map[string]any)["missionId"], "what ends first is first")
		second := g.me.do("GET", "/missions?limit=1&fields=translation&nextToken="+first["nextToken"].(string), "", 200)
		require.NotContains(t, second, "nextToken")
		row := second["items"].([]any)[0].(map[string]any)
		require.Equal(t, group, row["missionId"])
		require.Equal(t, "green", row["groupTagId"])
		require.Equal(t, map[string]any{"lang": "en", "label": "Together"}, row["translation"])
		require.Equal(t, group, g.me.do("GET", "/missions/"+group+"?groupTagId=green", "", 200)["missionId"])
		require.Equal(t, group, g.me.do("GET", "/missions?limit=1&order=desc", "", 200)["items"].([]any)[0].(map[string]any)["missionId"])

		for range 3 {
			g.me.do("POST", "/activity-logs", `{"activityId": "run", "userId": "member", "outcome": "SUCCESS"}`, 201)
		}
		g.me.sees("/missions/member:weekly:three:2026-W10", `{`+weekly+`, "currentAmount": 3, "isCompleted": true, "completedAt": "2026-03-02T09:00:00.000Z"}`)
		g.me.sees("/missions/member:weekly:three:2026-W10?at=2026-03-02T08:59:59Z", `{`+weekly+`, "currentAmount": 0}`)
		require.Equal(t, "at", refusedField(t, g.me.do("GET", "/missions/member:weekly:three:2026-W10?at=2026-03-02T09:00:01Z", "", 400)))
		g.other.do("GET", "/missions/member:weekly:three:2026-W10?at=2026-03-02T08:59:59Z", "", 404)

		later := g.mission(missions.NewMission{ConfigurationID: "three", UserID: "member", StartsAt: start.Add(time.Hour)})
		pending := g.me.do("GET", "/missions/"+later, "", 200)
		require.Equal(t, "PENDING", pending["state"])
		require.InDelta(t, 3, pending["targetAmount"], 0, "a constant is known before it is fixed")
	})
}

// Days are those of the user's own zone, wherever the moments come from.
func TestStreaksOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		config := `"streakConfiguration": {"streakConfigurationId": "any", "name": "Any", "matchType": "ENTITY", "matchEntity": "Activity", "matchCondition": {"if": [true]},
			"origin": "CUSTOM", "defaultLang": "en", "langs": ["en", "it"], $when}`
		g.me.sees("/streaks?periodType=ITERATION", `{"items": [{"streakId": "daily:member:ITERATION:000001:DAY:ANY", "userId": "member", "streakRuleId": "daily",
			"status": "ACTIVE", "kind": "ANY", "cadence": "DAY", "metric": "DAYS", "count": 0, "periodType": "ITERATION", "iterationId": 1, `+config+`}]}`)
		g.me.do("POST", "/activity-logs", `{"activityId": "run", "userId": "member", "completedAt": "2026-03-01T22:00:00Z"}`, 201) // the 2nd in Auckland
		day := `"streakId": "daily:member:DAY:2026-03-02:DAY:REGULAR", "userId": "member", "streakRuleId": "daily", "periodId": "2026-03-02", "status": "COMPLETED",
			"kind": "REGULAR", "cadence": "DAY", "metric": "DAYS", "count": 1, "periodType": "DAY", "lastContributingDay": "2026-03-02", "timezone": "Pacific/Auckland",
			"createdAt": "2026-03-01T22:00:00.000Z", "updatedAt": "2026-03-01T22:00:00.000Z", ` + config
		g.me.sees("/streaks?periodType=DAY", `{"items": [{`+day+`}]}`)
		g.italian().sees("/streaks?periodType=DAY&fields=translation&streakRuleId=daily&from=2026-03-01T12:00:00Z&to=2026-03-02T10:59:59Z",
			`{"items": [{`+day+`, "translation": {"lang": "it", "label": "Attivo"}}]}`)
		starts := func(query string) []any {
			return g.me.do("GET", "/streaks?periodType=DAY&"+query, "", 200)["items"].([]any)
		}
		periods := func(rows []any) (all []any) {
			for _, row := range rows {
				all = append(all, row.(map[string]any)["periodId"])
			}
			return all
		}
		require.NotContains(t, periods(starts("from=2026-03-02T12:00:00Z")), "2026-03-02", "which is the 3rd in Auckland")
		require.Contains(t, periods(starts("from=2026-03-02")), "2026-03-02")
		goals := g.me.do("GET", "/streaks?periodType=GOAL&goalId=1&target=2", "", 200)["items"].([]any)
		require.InDelta(t, 1, goals[0].(map[string]any)["goalId"], 0)
		require.InDelta(t, 2, goals[0].(map[string]any)["target"], 0)
	})
}

// Somebody says whether a streak is frozen, and takes it back; nobody else has said anything.
func TestFreezeConsentsOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		g.me.sees("/streaks/freeze-consents", `{"items": []}`)
		require.Equal(t, true, g.me.do("PUT", "/streaks/daily/freeze-consent", `{"agreed": true}`, 200)["agreed"])
		require.Equal(t, false, g.me.do("PUT", "/streaks/daily/freeze-consent", `{"agreed": false}`, 200)["agreed"])
		all := g.me.do("GET", "/streaks/freeze-consents", "", 200)["items"].([]any)
		require.Len(t, all, 1)
		row := all[0].(map[string]any)
		require.Equal(t, false, row["agreed"])
		require.Equal(t, "daily", row["streakRuleId"])
		require.Equal(t, "member", row["userId"])
		g.other.sees("/streaks/freeze-consents", `{"items": []}`)
		g.me.do("PUT", "/streaks/monthly/freeze-consent", `{"agreed": true}`, 404)
		g.me.do("PUT", "/streaks/daily/freeze-consent", `{}`, 400)
	})
}

// The zone of the token goes before that of the user.
func TestTheZoneOfTheToken(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		zone := "America/New_York"
		handler, err := httpapi.New(g.engine, &httpapi.Options{Authenticate: func(r *http.Request) (httpapi.Caller, error) {
			c, err := authenticate(r)
			c.Zone = zone
			return c, err
		}})
		require.NoError(t, err)
		own := *g.world
		own.handler = handler
		c := client{&own, g.me.token, g.me.base, http.Header{}}
		c.do("POST", "/activity-logs", `{"activityId": "run", "userId": "member", "completedAt": "2026-03-01T22:00:00Z"}`, 201) // the 2nd where the user lives
		query := "/streaks?periodType=DAY&from=2026-03-03T03:00:00Z"
		require.Equal(t, "2026-03-02", c.do("GET", query, "", 200)["items"].([]any)[0].(map[string]any)["periodId"], "it is the 2nd in New York")
		zone = "Local"
		require.Equal(t, "timezone", c.do("GET", query, "", 400)["details"].([]any)[0].(map[string]any)["field"])
	})
}

func TestBoardsOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		allTime := `"runtimeLeaderboardId": "all-time", "runtimeLeaderboardConfigurationId": "earned", "periodId": "2026-01-01T00:00:00.000Z-", "timeframeType": "PERMANENT",
			"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-01-01T00:00:00.000Z", "state": "ACTIVE", $when`
		monthly := `"runtimeLeaderboardId": "monthly", "runtimeLeaderboardConfigurationId": "teams", "periodId": "MONTHLY-2026-03-01T00:00:00.000Z-2026-04-01T00:00:00.000Z",
			"timeframeType": "RECURRING", "recurrence": "MONTHLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-01-01T00:00:00.000Z", "state": "ACTIVE", $when`
		g.me.sees("/runtime-leaderboards?order=asc", `{"items": [{`+allTime+`}, {`+monthly+`}]}`)
		g.me.sees("/runtime-leaderboards?state=ENDED", `{"items": []}`)
		called := `"translation": {"runtimeLeaderboardConfigurationId": "earned", "lang": "it", "label": "Punti presi", $when}`
		g.italian().sees("/runtime-leaderboards?state=ACTIVE&limit=1&order=asc&fields=translation", `{"items": [{`+allTime+`, `+called+`}], "nextToken": "`+
			g.me.do("GET", "/runtime-leaderboards?limit=1&order=asc", "", 200)["nextToken"].(string)+`"}`)
		g.italian().sees("/runtime-leaderboards/all-time?fields=translation", `{`+allTime+`, `+called+`}`)

		head := `"leaderboard": {"runtimeLeaderboardId": "all-time", "name": "Earned", "description": "Points earned", "displayTopN": 10, "showScore": false}`
		g.me.sees("/runtime-leaderboards/all-time/rankings", `{"items": [], "totalCount": 0, `+head+`}`)
		g.me.sees("/runtime-leaderboards/all-time/rankings/me", `{"rank": null, "score": null, "totalParticipants": 0}`)
		g.me.sees("/runtime-leaderboards/all-time/rankings/around", `{"items": [], "totalCount": 0, `+head+`}`)
		for user, value := range map[string]string{"manager": "3", "member": "2.5", "owner": "1"} {
			g.as(user, httpapi.App).do("POST", "/activity-logs", `{"activityId": "run", "userId": "`+user+`", "value": `+value+`}`, 201)
		}
		first := `{"rank": 1, "entityId": "manager", "entityType": "User", "score": 3}`
		mine := `{"rank": 2, "entityId": "member", "entityType": "User", "primaryEntityName": "Ada", "entityImageUrl": "https://x.test/ada.png", "score": 2.5}`
		third := `{"rank": 3, "entityId": "owner", "entityType": "User", "score": 1}`
		g.me.sees("/runtime-leaderboards/all-time/rankings", `{"items": [`+first+`, `+mine+`, `+third+`], "totalCount": 3, "currentEntityRank": `+mine+`, `+head+`}`)
		g.me.sees("/runtime-leaderboards/all-time/rankings?limit=1&offset=2", `{"items": [`+third+`], "totalCount": 3, "currentEntityRank": `+mine+`, `+head+`}`)
		g.me.sees("/runtime-leaderboards/all-time/rankings?limit=1000&offset=null", `{"items": [`+first+`, `+mine+`, `+third+`], "totalCount": 3, "currentEntityRank": `+mine+`, `+head+`}`)
		g.me.sees("/runtime-leaderboards/all-time/rankings/around?size=1", `{"items": [`+mine+`], "totalCount": 3, "currentEntityRank": `+mine+`, `+head+`}`)
		g.me.sees("/runtime-leaderboards/all-time/rankings/me", `{"rank": 2, "score": 2.5, "totalParticipants": 3}`)
		viewer := g.as("viewer", httpapi.App)
		viewer.sees("/runtime-leaderboards/all-time/rankings/me", `{"rank": null, "score": null, "totalParticipants": 3}`)

		team := `{"rank": 1, "entityId": "green", "entityType": "Tag", "primaryEntityName": "Verdi", "secondaryEntityName": "team", "score": 1}`
		teams := `"leaderboard": {"runtimeLeaderboardId": "monthly", "name": "Teams", "displayTopN": 5, "showScore": true}`
		g.italian().sees("/runtime-leaderboards/monthly/rankings", `{"items": [`+team+`], "totalCount": 1, "currentEntityRank": `+team+`, `+teams+`}`)
		g.italian().sees("/runtime-leaderboards/monthly/rankings/around?size=3", `{"items": [`+team+`], "totalCount": 1, "currentEntityRank": `+team+`, `+teams+`}`)
		g.me.sees("/runtime-leaderboards/monthly/rankings/me", `{"rank": 1, "score": 1, "totalParticipants": 1}`)
		viewer.sees("/runtime-leaderboards/monthly/rankings/me", `{"rank": null, "score": null, "totalParticipants": 1}`)

		_, err := g.ws.Leaderboards.Configurations.Archive(t.Context(), "teams")
		require.NoError(t, err)
		require.Equal(t, "Teams", g.me.do("GET", "/runtime-leaderboards/monthly/rankings", "", 200)["leaderboard"].(map[string]any)["name"], "what is open goes on")
		require.NotContains(t, g.me.do("GET", "/runtime-leaderboards/monthly?fields=translation", "", 200), "translation")
	})
}

// Of several tags that a user carries, the best place counts.
func TestTheBestOfSeveralTags(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		ctx := t.Context()
		_, err := g.ws.Import(ctx, []byte(`{"documents": [
			{"kind": "Tag", "id": "blue", "namespace": "team", "variant": "blue", "defaultLang": "en", "translations": [{"lang": "en", "label": "Blue"}]},
			{"kind": "Tag", "id": "old", "namespace": "age", "variant": "old", "defaultLang": "en", "translations": [{"lang": "en", "label": "Old"}]}
		]}`))
		require.NoError(t, err)
		for user, tag := range map[string]string{"member": "blue", "owner": "blue"} {
			_, err = g.ws.Users.AssignTags(ctx, user, tenancy.Tagging{TagID: tag}, tenancy.Tagging{TagID: "old"})
			require.NoError(t, err)
		}
		g.me.do("POST", "/activity-logs", `{"activityId": "run", "userId": "member"}`, 201)
		g.as("owner", httpapi.App).do("POST", "/activity-logs", `{"activityId": "run", "userId": "owner"}`, 201)
		all := g.me.do("GET", "/runtime-leaderboards/monthly/rankings", "", 200)
		require.Len(t, all["items"], 2)
		require.Equal(t, "blue", all["currentEntityRank"].(map[string]any)["entityId"])
		around, err := g.ws.Leaderboards.Around(ctx, "monthly", "blue", 0, nil)
		require.NoError(t, err)
		require.True(t, around.Rows[0].Score.Equal(decimal.NewFromInt(2)))
	})
}
