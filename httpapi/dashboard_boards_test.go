package httpapi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/tenancy"
)

// pointsQuery is a query in the form in which it is answered.
const pointsQuery = `{"from": {"sources": [{"table": "activity_logs", "alias": "activity_logs"}], "where": {"==": [{"var": "activityId"}, "run"]}},
	"select": {"fields": [{"source": "userId", "alias": "entityId"}], "expressions": [{"name": "score", "expression": {"sum": [{"var": "value"}]}}]},
	"groupBy": {"columns": ["userId"]}, "orderBy": {"expressions": [{"expression": {"var": "score"}, "direction": "DESC"}], "window": {"function": "DENSE_RANK", "alias": "rank"}}}`

func configurationOf(id, query string) string {
	return `{"runtimeLeaderboardConfigurationId": "` + id + `", "name": "Points", "description": "Who runs", "query": ` + query + `, "showRank": false,
		"defaultLang": "en", "translations": [{"lang": "en", "label": "Points"}]}`
}

// A configuration is in force at once, its query as clients write it, and boards open on it.
func TestBoardConfigurations(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("manager", httpapi.Dashboard)
		c.stock()
		row := func(more string) string {
			return `{"runtimeLeaderboardConfigurationId": "points", "name": "Points", "description": "Who runs", "query": ` + pointsQuery + `, "displayTopN": ` + more + `, "showRank": false, "showScore": true,
				"origin": "CUSTOM", "defaultLang": "en", "langs": ["en"], "stage": "PUBLISHED", ` + whole + `}`
		}
		base, one := "/runtime-leaderboard-configurations", "/runtime-leaderboard-configurations/points"
		c.same("POST", base, configurationOf("points", pointsQuery), 201, row("10"))
		c.do("POST", base, configurationOf("points", pointsQuery), 409)
		c.same("GET", one, "", 200, row("10"))
		require.Equal(t, object(t, row("10")), items(c.do("GET", base, "", 200))[0])
		c.same("PUT", one, `{"name": "Points", "description": "Who runs", "query": `+pointsQuery+`, "showRank": false, "displayTopN": 3, "defaultLang": "en", "translations": [{"lang": "en", "label": "Points"}]}`, 200, row("3"))
		require.Contains(t, c.do("GET", one+"?fields=translations", "", 200), "translations")
		require.Equal(t, "Points", items(c.do("GET", one+"/translations", "", 200))[0]["label"])

		board := `{"runtimeLeaderboardConfigurationId": "points", "periodId": "DAILY-2026-03-02T00:00:00.000Z-2026-03-03T00:00:00.000Z", "timeframeType": "RECURRING", "recurrence": "DAILY",
			"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-03-01T00:00:00.000Z", "timeframeEndsAt": "2026-04-01T00:00:00.000Z", "state": "ACTIVE", ` + whole + `}`
		frame := `"timeframeType": "RECURRING", "recurrence": "DAILY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-03-01T00:00:00Z", "timeframeEndsAt": "2026-04-01T00:00:00Z"`
		made := c.same("POST", "/runtime-leaderboards", `{"runtimeLeaderboardConfigurationId": "points", `+frame+`}`, 201, board, "runtimeLeaderboardId")
		id := made["runtimeLeaderboardId"].(string)
		c.same("POST", one+"/instances", `{`+frame+`}`, 200, board, "runtimeLeaderboardId")
		c.same("GET", "/runtime-leaderboards/"+id, "", 200, board, "runtimeLeaderboardId")
		require.Len(t, items(c.do("GET", "/runtime-leaderboards?state=ACTIVE", "", 200)), 2)
		require.Empty(t, items(c.do("GET", "/runtime-leaderboards?state=ENDED", "", 200)))
		changed := c.do("PATCH", "/runtime-leaderboards/"+id, `{"timeframeEndsAt": "2026-03-02T08:00:00Z"}`, 200)
		require.Equal(t, "ENDED", changed["state"])
		require.Equal(t, "DAILY", changed["recurrence"])
		require.Equal(t, "recurrence", refusedField(t, c.do("PATCH", "/runtime-leaderboards/"+id, `{"timeframeType": "PERMANENT", "timeframeEndsAt": null}`, 400)))
		c.careless = true // null clears too
		permanent := c.do("PATCH", "/runtime-leaderboards/"+id, `{"timeframeType": "PERMANENT", "timeframeEndsAt": null, "recurrence": null}`, 200)
		require.NotContains(t, permanent, "timeframeEndsAt")
		require.Equal(t, "2026-03-01T00:00:00.000Z-", permanent["periodId"])
		c.do("POST", "/runtime-leaderboards", `{"runtimeLeaderboardConfigurationId": "nothing", `+frame+`}`, 400)
		c.do("POST", one+"/instances", `{"timeframeType": "ALWAYS"}`, 400)
	})
}

// A board and a mission that have ended and still take what is late are provisional wherever they are shown, and authors say how long they are.
func TestProvisional(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		c, me := w.as("manager", httpapi.Dashboard), w.as("member", httpapi.App)
		c.stock()
		c.do("POST", "/runtime-leaderboard-configurations", configurationOf("points", pointsQuery), 201)
		frame := func(end, grace string) string {
			return `{"runtimeLeaderboardConfigurationId": "points", "timeframeType": "RANGE", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC",
				"timeframeStartsAt": "2026-03-01T00:00:00Z", "timeframeEndsAt": "` + end + `", "graceMinutes": ` + grace + `}`
		}
		end := w.now.get().Add(time.Hour).UTC().Format(time.RFC3339)
		for body, field := range map[string]string{frame(end, "-1"): "graceMinutes", frame(end, "129601"): "graceMinutes", frame(end, "1.5"): "graceMinutes"} {
			require.Equal(t, field, refusedField(t, c.do("POST", "/runtime-leaderboards", body, 400)))
		}
		made := c.do("POST", "/runtime-leaderboards", frame(end, "90"), 201)
		require.InDelta(t, 90, made["graceMinutes"], 0)
		require.NotContains(t, made, "provisional")
		id := made["runtimeLeaderboardId"].(string)
		board := "/runtime-leaderboards/" + id
		require.Equal(t, "graceMinutes", refusedField(t, c.do("PATCH", board, `{"timeframeType": "PERMANENT", "timeframeEndsAt": null}`, 400)))
		c.do("PATCH", board, `{"graceMinutes": 120}`, 200)

		configuration := `{"missionConfigurationId": "twice", "name": "Twice", "missionType": "INDIVIDUAL", "matchType": "ENTITY", "matchEntity": "Activity", "matchCondition": true,
			"incrementExpression": 1, "targetAmountExpression": 2, "defaultLang": "en", "translations": [{"lang": "en", "label": "Twice"}]}`
		c.do("POST", "/mission-configurations", configuration, 201)
		c.do("POST", "/mission-configurations/twice/publish", "", 200)
		give := func(user, more string) string {
			return `{"missionType": "INDIVIDUAL", "missionConfigurationId": "twice", "userId": "` + user + `", "startsAt": "2026-03-02T09:00:00.000Z", ` + more + `}`
		}
		require.Equal(t, "graceMinutes", refusedField(t, c.do("POST", "/missions", give("member", `"timeframeType": "PERMANENT", "graceMinutes": 1`), 400)))
		mission := c.do("POST", "/missions", give("member", `"timeframeType": "RANGE", "endsAt": "`+end+`", "graceMinutes": 120`), 201)
		require.NotContains(t, mission, "provisional")

		is := func(want any) {
			t.Helper()
			app := func(path string) map[string]any { return me.do("GET", path, "", 200) }
			require.Equal(t, want, app("/missions/" + mission["missionId"].(string))["provisional"])
			require.Equal(t, want, app(board)["provisional"])
			require.Equal(t, want, items(app("/runtime-leaderboards"))[0]["provisional"])
			require.Equal(t, want, app(board + "/rankings/me")["provisional"])
			for _, path := range []string{"/rankings", "/rankings/around"} {
				require.Equal(t, want, app(board + path)["leaderboard"].(map[string]any)["provisional"])
			}
			require.Equal(t, want, c.do("GET", board, "", 200)["provisional"])
			require.Equal(t, want, items(c.do("GET", "/runtime-leaderboards", "", 200))[0]["provisional"])
			require.Equal(t, want, items(c.do("GET", board+"/periods", "", 200))[0]["provisional"])
			for _, path := range []string{"/rankings", "/rankings/member", "/rankings/around?entityId=member"} {
				require.Equal(t, want, c.do("GET", board+path, "", 200)["period"].(map[string]any)["provisional"])
			}
		}
		_, err := w.ws.Record(ctx, event.Event{UserID: "member", EntityID: "run"})
		require.NoError(t, err)
		is(nil)
		w.now.set(w.now.get().Add(2 * time.Hour))
		require.NoError(t, w.ws.Advance(ctx))
		is(true)
		w.now.set(w.now.get().Add(time.Hour))
		require.NoError(t, w.ws.Advance(ctx))
		is(nil)
	})
}

// What a query may be is read in every form in which clients write it, and answered in one; all else is refused, naming where it is and what there is.
func TestQueriesOfBoards(t *testing.T) {
	w := newWorld(t, openMemory())
	c := w.as("manager", httpapi.Dashboard)
	c.stock()
	for i, tt := range []struct{ query, want string }{
		{pointsQuery, pointsQuery},
		{
			`{"from": {"sources": [{"table": "activity_logs", "alias": "a", "joins": []}], "where": {"==": [{"var": "a.activityId"}, "run"]}}, "select": {"fields": [{"source": "a.userId", "alias": "entityId"}],
			"expressions": [{"name": "score", "expression": {"sum": {"var": ["a.value", 0]}}}]}, "groupBy": {"columns": ["a.userId"]}, "orderBy": {"expressions": [{"expression": "score", "direction": "ASC"}]}}`,
			`{"from": {"sources": [{"table": "activity_logs", "alias": "activity_logs"}], "where": {"==": [{"var": "activityId"}, "run"]}}, "select": {"fields": [{"source": "userId", "alias": "entityId"}],
			"expressions": [{"name": "score", "expression": {"sum": [{"var": ["value", 0]}]}}]}, "groupBy": {"columns": ["userId"]}, "orderBy": {"expressions": [{"expression": {"var": "score"}, "direction": "ASC"}], "window": {"function": "RANK", "alias": "rank"}}}`,
		},
		{
			`{"from": {"sources": [{"table": "virtual_transactions", "alias": "t"}]}, "select": {"fields": [{"source": "tags.team"}], "expressions": [{"name": "score", "expression": {"count": []}}]}, "groupBy": {"columns": ["entityId"]}}`,
			`{"from": {"sources": [{"table": "virtual_transactions", "alias": "virtual_transactions"}]}, "select": {"fields": [{"source": "tags.team", "alias": "entityId"}], "expressions": [{"name": "score", "expression": {"count": []}}]},
			"groupBy": {"columns": ["tags.team"]}, "orderBy": {"expressions": [{"expression": {"var": "score"}, "direction": "DESC"}], "window": {"function": "RANK", "alias": "rank"}}}`,
		},
		{`{"with": [{"name": "points", "query": {"from": {"sources": [{"table": "activity_logs", "alias": "a"}], "where": {"==": [{"var": "a.activityId"}, "run"]}},
			"select": {"fields": [{"source": "a.userId"}], "expressions": [{"name": "total", "expression": {"sum": [{"var": "a.value"}]}}]}, "groupBy": {"columns": ["a.userId"]}},
			"join": {"type": "INNER", "on": {"==": [{"var": "u.userId"}, {"var": "points.userId"}]}}}],
			"from": {"sources": [{"table": "users", "alias": "u"}]}, "select": {"fields": [{"source": "u.userId", "alias": "entityId"}], "expressions": [{"name": "score", "expression": {"var": "points.total"}}]},
			"orderBy": {"expressions": [{"expression": {"var": "score"}, "direction": "DESC"}], "window": {"function": "DENSE_RANK", "alias": "rank"}}}`, pointsQuery},
	} {
		id := []string{"a", "b", "c", "d"}[i]
		made := c.do("POST", "/runtime-leaderboard-configurations", configurationOf(id, tt.query), 201)
		require.Equal(t, object(t, tt.want), made["query"], tt.query)
		require.Equal(t, object(t, tt.want), c.do("PUT", "/runtime-leaderboard-configurations/"+id, configurationOf(id, tt.want), 200)["query"], "what is answered is taken")
	}
	const from, sel = `"from": {"sources": [{"table": "activity_logs", "alias": "a"}]}`, `"select": {"fields": [{"source": "userId"}], "expressions": [{"name": "score", "expression": {"count": []}}]}`
	for query, field := range map[string]string{
		`7`: "query",
		`{` + from + `, ` + sel + `, "limit": 3}`:                                                                                                               "query",
		`{"from": {"sources": []}, ` + sel + `}`:                                                                                                                "query.from.sources",
		`{"from": {"sources": [{"table": "users", "alias": "u"}]}, ` + sel + `}`:                                                                                "query.from.sources[0].table",
		`{"from": {"sources": [{"table": "activity_logs", "alias": "a", "joins": [{}]}]}, ` + sel + `}`:                                                         "query.from.sources[0].joins",
		`{"from": {"sources": [{"table": "activity_logs", "alias": "a"}], "where": {"nope": 1}}, ` + sel + `}`:                                                  "query.from.where",
		`{` + from + `, "select": {"fields": [], "expressions": []}}`:                                                                                           "query.select.fields",
		`{` + from + `, "select": {"fields": [{"source": "email"}], "expressions": [{"name": "score", "expression": {"count": []}}]}}`:                          "query.select.fields[0].source",
		`{` + from + `, "select": {"fields": [{"source": "userId", "alias": "who"}], "expressions": [{"name": "score", "expression": {"count": []}}]}}`:         "query.select.fields[0].alias",
		`{` + from + `, "select": {"fields": [{"source": "userId"}], "expressions": []}}`:                                                                       "query.select.expressions",
		`{` + from + `, "select": {"fields": [{"source": "userId"}], "expressions": [{"name": "points", "expression": {"count": []}}]}}`:                        "query.select.expressions[0].name",
		`{` + from + `, "select": {"fields": [{"source": "userId"}], "expressions": [{"name": "score", "expression": {"median": [1]}}]}}`:                       "query.select.expressions[0].expression",
		`{` + from + `, "select": {"fields": [{"source": "userId"}], "expressions": [{"name": "score", "expression": {"sum": [1, 2]}}]}}`:                       "query.select.expressions[0].expression",
		`{` + from + `, "select": {"fields": [{"source": "userId"}], "expressions": [{"name": "score", "expression": 3}]}}`:                                     "query.select.expressions[0].expression",
		`{` + from + `, ` + sel + `, "groupBy": {"columns": ["activityId"]}}`:                                                                                   "query.groupBy.columns",
		`{` + from + `, ` + sel + `, "orderBy": {"expressions": [{"expression": "userId", "direction": "ASC"}]}}`:                                               "query.orderBy.expressions[0].expression",
		`{` + from + `, ` + sel + `, "orderBy": {"expressions": []}}`:                                                                                           "query.orderBy.expressions",
		`{` + from + `, ` + sel + `, "orderBy": {"expressions": [{"expression": "score", "direction": "UP"}]}}`:                                                 "query.orderBy.expressions[0].direction",
		`{` + from + `, ` + sel + `, "orderBy": {"expressions": [{"expression": "score", "direction": "ASC"}], "window": {"function": "NTILE", "alias": "r"}}}`: "query.orderBy.window.function",
		`{` + from + `, ` + sel + `, "with": [{"name": "x", "query": {` + from + `, ` + sel + `}, "join": {"type": "INNER", "on": {}}}]}`:                       "query.from.sources",
		`{"from": {"sources": [{"table": "users", "alias": "u"}]}, "select": {"fields": [{"source": "u.userId"}], "expressions": [{"name": "score", "expression": {"var": "x.score"}}]}, "with": [{"name": "x", "query": {` + from + `, ` + sel + `}, "join": {"type": "INNER", "on": {"==": [1, 1]}}}]}`: "query.with[0].join.on",
		`{"from": {"sources": [{"table": "users", "alias": "u"}]}, "select": {"fields": [{"source": "u.userId"}], "expressions": [{"name": "score", "expression": {"var": "x.other"}}]}, "with": [{"name": "x", "query": {` + from + `, ` + sel + `}, "join": {"type": "INNER", "on": {}}}]}`:             "query.select.expressions[0].expression",
	} {
		require.Equal(t, field, refusedField(t, c.do("POST", "/runtime-leaderboard-configurations", configurationOf("bad", query), 400)), query)
	}
	c.do("GET", "/runtime-leaderboard-configurations/bad", "", 404)
	c.do("POST", "/runtime-leaderboard-configurations", `{"name": "None"}`, 400)
}

// A board that was made in Go is shown as one that clients have made; and ranks are read from the top, around somebody, and of somebody.
func TestRankings(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		c := w.as("viewer", httpapi.Dashboard)
		author := w.as("manager", httpapi.Dashboard)
		tagID := author.stock()
		conf := leaderboard.Configuration{Name: "Points", Query: leaderboard.Query{Source: leaderboard.ActivityLogs, Score: leaderboard.Score{Function: leaderboard.Count}}}
		conf.ID, conf.DefaultLang = "points", "en"
		conf.Translations = append(conf.Translations, label("Points"))
		for id, namespace := range map[string]string{"points": "", "teams": "team"} {
			conf.ID, conf.Query.EntityID.TagNamespace = id, namespace
			_, err := w.ws.Leaderboards.Configurations.Create(ctx, conf)
			require.NoError(t, err)
			_, err = w.ws.Leaderboards.Configurations.Publish(ctx, id)
			require.NoError(t, err)
			author.do("POST", "/runtime-leaderboard-configurations/"+id+"/instances", `{"timeframeType": "RECURRING", "recurrence": "DAILY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-03-01T00:00:00Z", "timeframeEndsAt": "2026-04-01T00:00:00Z"}`, 200)
		}
		require.Equal(t, "userId", items(c.do("GET", "/runtime-leaderboard-configurations?order=asc", "", 200))[0]["query"].(map[string]any)["groupBy"].(map[string]any)["columns"].([]any)[0])
		ids := map[string]string{}
		for _, b := range items(c.do("GET", "/runtime-leaderboards", "", 200)) {
			ids[b["runtimeLeaderboardConfigurationId"].(string)] = "/runtime-leaderboards/" + b["runtimeLeaderboardId"].(string)
		}
		_, err := w.ws.Users.Update(ctx, "owner", tenancy.UserPatch{Nickname: new("Ada"), ProfileImage: new("https://i.test/ada")})
		require.NoError(t, err)
		_, err = w.ws.Users.AssignTags(ctx, "owner", tenancy.Tagging{TagID: tagID})
		require.NoError(t, err)
		w.now.set(w.now.get().Add(time.Hour))
		for user, n := range map[string]int{"owner": 3, "admin": 2, "member": 1} {
			for range n {
				_, err := w.ws.Record(ctx, event.Event{UserID: user, EntityID: "run"})
				require.NoError(t, err)
			}
		}
		points := ids["points"]
		c.same("GET", points+"/rankings?limit=2&offset=0", "", 200, `{"totalCount": 3, "items": [
			{"rank": 1, "entityId": "owner", "entityType": "User", "score": 3, "reachedAt": "2026-03-02T10:00:00.000Z", "primaryEntityName": "Ada", "entityImageUrl": "https://i.test/ada"},
			{"rank": 2, "entityId": "admin", "entityType": "User", "score": 2, "reachedAt": "2026-03-02T10:00:00.000Z"}],
			"period": {"periodId": "DAILY-2026-03-02T00:00:00.000Z-2026-03-03T00:00:00.000Z", "timeframeStartsAt": "2026-03-02T00:00:00.000Z", "timeframeEndsAt": "2026-03-03T00:00:00.000Z", "state": "ACTIVE"}}`)
		require.Equal(t, "member", items(c.do("GET", points+"/rankings?offset=2", "", 200))[0]["entityId"])
		around := items(c.do("GET", points+"/rankings/around?entityId=member&limit=2", "", 200))
		require.Equal(t, []any{"admin", "member"}, []any{around[0]["entityId"], around[1]["entityId"]})
		mine := c.do("GET", points+"/rankings/admin", "", 200)
		require.Equal(t, []any{2.0, 2.0, 3.0}, []any{mine["rank"], mine["score"], mine["totalParticipants"]})
		none := c.do("GET", points+"/rankings/viewer", "", 200)
		require.Equal(t, []any{nil, nil, 3.0}, []any{none["rank"], none["score"], none["totalParticipants"]})
		require.Contains(t, none, "rank")
		teams := items(c.do("GET", ids["teams"]+"/rankings", "", 200))
		require.Equal(t, []any{"Tag", tagID, "Red", 3.0}, []any{teams[0]["entityType"], teams[0]["entityId"], teams[0]["primaryEntityName"], teams[0]["score"]})
		periods := items(c.do("GET", points+"/periods", "", 200))
		require.Len(t, periods, 2)
		before := c.do("GET", points+"/rankings?periodId="+periods[1]["periodId"].(string), "", 200)
		require.Equal(t, []any{}, before["items"])
		require.Len(t, items(c.do("GET", points+"/periods?before=2026-03-02T00:00:00Z&limit=1", "", 200)), 1)
		c.do("GET", points+"/rankings?periodId=never", "", 404)
		for at, want := range map[string]int{"2026-03-02T09:59:59Z": 0, "2026-03-02T10:00:00Z": 3} {
			was := c.do("GET", points+"/rankings?at="+at, "", 200)
			require.Len(t, was["items"], want)
			require.InDelta(t, want, was["totalCount"], 0)
			require.Len(t, items(c.do("GET", points+"/rankings/around?entityId=owner&at="+at, "", 200)), want)
			require.InDelta(t, want, c.do("GET", points+"/rankings/owner?at="+at, "", 200)["totalParticipants"], 0)
		}
		require.Equal(t, periods[1]["periodId"], c.do("GET", points+"/rankings?at=2026-03-01T12:00:00Z", "", 200)["period"].(map[string]any)["periodId"], "that of the moment")
		for path, field := range map[string]string{"/rankings?limit=0": "limit", "/rankings?offset=-1": "offset", "/rankings/around": "entityId", "/rankings?at=2026-03-02T10:00:01Z": "at", "/rankings/around?entityId=owner&at=noon": "at", "/rankings/owner?at=noon": "at", "/periods?before=noon": "before"} {
			require.Equal(t, field, refusedField(t, c.do("GET", points+path, "", 400)), path)
		}
	})
}
