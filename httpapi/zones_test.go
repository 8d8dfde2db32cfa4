package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A zone that a request names in another way is kept under the name that clients know, wherever it may be said; one that they do not know is
// refused.
func TestZonesAreKeptAsClientsKnowThem(t *testing.T) {
	w := newWorld(t, openMemory())
	c := w.as("admin", httpapi.Dashboard)
	c.stock()
	c.careless = true // the schema lists the names that clients know, and aliases are taken too
	const board = `{"runtimeLeaderboardConfigurationId": "all", "name": "All", "query": {"from": {"sources": [{"table": "activity_logs", "alias": "a"}]},
		"select": {"fields": [{"source": "a.userId", "alias": "entityId"}], "expressions": [{"name": "score", "expression": {"count": [1]}}]}}, "defaultLang": "en", "translations": [{"lang": "en", "label": "All"}]}`
	c.do("POST", "/runtime-leaderboard-configurations", board, 201)
	const frame = `"timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeStartsAt": "2026-03-01T00:00:00Z", "timeframeTimezone": "ZONE"`
	const described = `"defaultLang": "en", "translations": [{"lang": "en", "name": "It", "description": "It is."}], ` + frame
	for _, tt := range []struct {
		in                 httpapi.Context
		method, path, body string
		status             int
	}{
		{httpapi.Dashboard, "POST", "/users", `{"email": "kim@kim.test", "timezone": "ZONE"}`, 201},
		{httpapi.Dashboard, "PATCH", "/users/member", `{"nickname": "Kim", "timezone": "ZONE"}`, 200},
		{httpapi.App, "PATCH", "/users/me", `{"timezone": "ZONE", "lang": "it"}`, 200},
		{httpapi.Dashboard, "POST", "/learning-path-rules", `{"learningPathRuleId": "x", "ruleType": "ASSIGN", "name": "X", "learningPathsMatchCondition": {"==": [1, 1]}, "assignmentMode": "LAZY", ` + described + `}`, 201},
		{httpapi.Dashboard, "PUT", "/learning-path-rules/x", `{"learningPathRuleId": "x", "ruleType": "ASSIGN", "name": "X", "learningPathsMatchCondition": {"==": [1, 1]}, "assignmentMode": "LAZY", ` + described + `}`, 200},
		{httpapi.Dashboard, "POST", "/mission-rules", `{"missionType": "INDIVIDUAL", "name": "X", "usersMatchCondition": {"==": [1, 1]}, "missionsMatchCondition": null, "assignmentMode": "LAZY", ` + described + `}`, 201},
		{httpapi.Dashboard, "POST", "/streak-rules", `{"name": "X", "streakConfigurationId": "daily", "cadence": "DAY", "metric": "DAYS", "freezeEnabled": false, ` + described + `}`, 201},
		{httpapi.Dashboard, "POST", "/runtime-leaderboards", `{"runtimeLeaderboardConfigurationId": "all", ` + frame + `}`, 201},
		{httpapi.Dashboard, "POST", "/runtime-leaderboard-configurations/all/instances", `{` + frame + `}`, 200},
	} {
		c := w.as("admin", tt.in)
		c.careless = true
		field := "timezone"
		if strings.Contains(tt.body, "timeframeTimezone") {
			field = "timeframeTimezone"
		}
		for _, zone := range []string{"Mars/Base", "Etc/GMT+5", "Local", "asia/kolkata"} {
			require.Equal(t, field, refusedField(t, c.do(tt.method, tt.path, strings.ReplaceAll(tt.body, "ZONE", zone), 400)), "%s %s", tt.path, zone)
		}
		require.Equal(t, "Asia/Kolkata", c.do(tt.method, tt.path, strings.ReplaceAll(tt.body, "ZONE", "Asia/Calcutta"), tt.status)[field], tt.path)
	}
	u, err := w.ws.Users.Get(t.Context(), "member")
	require.NoError(t, err)
	require.Equal(t, []string{"Asia/Kolkata", "Kim"}, []string{u.Timezone, u.Nickname})
	for said, kept := range map[string]string{
		"Europe/Kiev": "Europe/Kyiv", "Europe/Kyiv": "Europe/Kyiv", "US/Pacific": "America/Los_Angeles", "UTC": "UTC", "Etc/UTC": "UTC", "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
		"Europe/Rome": "Europe/Rome", "America/Godthab": "America/Nuuk", "Europe/Oslo": "Europe/Oslo",
	} {
		require.Equal(t, kept, c.do("PATCH", "/users/member", `{"timezone": "`+said+`"}`, 200)["timezone"], said)
	}
	for _, none := range []string{`null`, `""`} {
		require.NotContains(t, c.do("PATCH", "/users/member", `{"timezone": `+none+`}`, 200), "timezone")
	}
	require.Equal(t, "timezone", refusedField(t, c.do("PATCH", "/users/member", `{"timezone": 7}`, 400)))
}

// A zone that a host has stored is told under the name that clients know; one that they do not know, as it is.
func TestZonesAreToldAsClientsKnowThem(t *testing.T) {
	w := newWorld(t, openMemory())
	ctx := t.Context()
	c, me := w.as("admin", httpapi.Dashboard), w.as("member", httpapi.App)
	for stored, told := range map[string]string{"Asia/Calcutta": "Asia/Kolkata", "US/Pacific": "America/Los_Angeles", "Europe/Kiev": "Europe/Kyiv", "UTC": "UTC"} {
		_, err := w.ws.Users.Update(ctx, "member", tenancy.UserPatch{Timezone: new(stored)})
		require.NoError(t, err)
		require.Equal(t, told, c.do("GET", "/users/member", "", 200)["timezone"])
		require.Equal(t, told, me.do("GET", "/users/me", "", 200)["timezone"])
	}
	_, err := w.ws.Mobility.Activate(ctx, mobility.Activation{UserID: "member", Provider: "seer", Status: mobility.On})
	require.NoError(t, err)
	_, err = w.ws.Mobility.Track(ctx, []mobility.Tracking{{
		ProviderID: "1", UserID: "member", Provider: "seer", Status: mobility.Track, Type: mobility.Walk, Length: 2500,
		StartsAt: start.Add(-time.Hour), StartsAtTimezone: "US/Pacific", EndsAt: start, EndsAtTimezone: "US/Mountain",
	}})
	require.NoError(t, err)
	tracking := items(w.as("member", httpapi.Dashboard).do("GET", "/mobility/trackings", "", 200))[0]
	require.Equal(t, []any{"America/Los_Angeles", "America/Denver", "America/Los_Angeles"}, []any{tracking["startsAtTimezone"], tracking["endsAtTimezone"], tracking["userTimezone"]})

	_, err = w.ws.Users.Update(ctx, "member", tenancy.UserPatch{Timezone: new("Etc/GMT+5")})
	require.NoError(t, err)
	var user map[string]any
	require.NoError(t, json.Unmarshal(unchecked(c, "/users/member"), &user)) // the schema lists the names that clients know
	require.Equal(t, "Etc/GMT+5", user["timezone"])
}

// Clients find all names of zones in one place.
func TestDocumentsListZones(t *testing.T) {
	w := newWorld(t, openMemory())
	for _, in := range []httpapi.Context{httpapi.App, httpapi.Dashboard} {
		var doc struct {
			Components struct {
				Schemas map[string]struct{ Enum []string }
			}
		}
		require.NoError(t, json.Unmarshal(w.handler.OpenAPI(in), &doc))
		zones := doc.Components.Schemas["Timezone"].Enum
		require.Len(t, zones, 418)
		require.Subset(t, zones, []string{"UTC", "Asia/Kolkata", "Europe/Kyiv", "America/Nuuk"})
		require.NotContains(t, zones, "Asia/Calcutta")
		for _, zone := range zones {
			_, err := time.LoadLocation(zone)
			require.NoError(t, err)
		}
	}
}

// unchecked returns the answer to a GET, which need not be as the document says.
func unchecked(c client, path string) []byte {
	r := httptest.NewRequestWithContext(c.Context(), http.MethodGet, c.base+path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer := httptest.NewRecorder()
	c.handler.ServeHTTP(answer, r)
	return answer.Body.Bytes()
}
