package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
)

// Each line of a batch is answered, as an array or as lines: what can be recorded is, in the order in which it happened, and what cannot
// is told why.
func TestBatchOfEvents(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("manager", httpapi.Dashboard)
		c.stock()
		lines := []string{
			`{"id": "one", "entityId": "run", "userId": "member", "completedAt": "2026-03-02T08:00:00Z", "value": 2.5}`,
			`{"id": "two", "entityId": "run", "userId": "nobody"}`,
			`{"id": "three", "entityId": "run", "userId": "member", "completedAt": "2027-03-02T08:00:00Z"}`,
			`{"id": 4}`,
			`{"id": "five", "entityId": "run", "userId": "member", "completedAt": "2026-03-02T07:00:00Z"}`,
			`{"entityId": "run", "userId": "viewer"}`,
		}
		check := func(answer map[string]any) {
			t.Helper()
			require.Equal(t, []any{3.0, 3.0}, []any{answer["recorded"], answer["refused"]})
			rows := items(answer)
			var got []any
			for _, row := range rows {
				got = append(got, []any{row["line"], row["status"], row["code"]})
			}
			require.Equal(t, []any{
				[]any{1.0, 200.0, nil},
				[]any{2.0, 404.0, "resource/not_found"},
				[]any{3.0, 400.0, "validation/invalid_input"},
				[]any{4.0, 400.0, "validation/invalid_input"},
				[]any{5.0, 200.0, nil},
				[]any{6.0, 200.0, nil},
			}, got)
			require.Equal(t, "completedAt", rows[2]["details"].([]any)[0].(map[string]any)["field"])
			require.Equal(t, "five", rows[4]["outcome"].(map[string]any)["eventId"])
			require.NotEmpty(t, rows[5]["eventId"])
		}
		c.careless = true // one of the lines is no event, and lines are no array
		check(c.do("POST", "/events/batch", "["+strings.Join(lines, ",")+"]", 200))
		journal := items(c.do("GET", "/journal", "", 200))
		require.Equal(t, "five", journal[len(journal)-3]["event"].(map[string]any)["id"], "in the order in which it happened")
		before := len(journal)
		lines[5] = `{"id": "six", "entityId": "run", "userId": "viewer"}`
		c.header.Set("Content-Type", "application/x-ndjson; charset=utf-8")
		check(c.do("POST", "/events/batch", strings.Join(lines, "\n")+"\n\n", 200))
		require.Len(t, items(c.do("GET", "/journal", "", 200)), before+1, "what is known is not recorded again")
		c.do("POST", "/events/batch", strings.Repeat("7\n", 10_001), 400)
		c.header.Del("Content-Type")
		for _, body := range []string{`{"events": []}`, `[`, `[] []`, ``} {
			require.Equal(t, "body", refusedField(t, c.do("POST", "/events/batch", body, 400)), body)
		}
		require.Empty(t, items(c.do("POST", "/events/batch", `[]`, 200)))
		c.do("POST", "/events/batch", `["`+strings.Repeat("x", 8<<20)+`"]`, 413)
	})
}

// More lines than are recorded at once are all answered in their places.
func TestLongBatch(t *testing.T) {
	w := newWorld(t, openMemory())
	c := w.as("manager", httpapi.Dashboard)
	c.stock()
	var lines []string
	for i := range 450 {
		user := "member"
		if i%100 == 7 {
			user = "nobody"
		}
		lines = append(lines, fmt.Sprintf(`{"id": "e%d", "entityId": "run", "userId": %q}`, i, user))
	}
	answer := c.do("POST", "/events/batch", "["+strings.Join(lines, ",")+"]", 200)
	require.Equal(t, []any{445.0, 5.0}, []any{answer["recorded"], answer["refused"]})
	for i, row := range items(answer) {
		require.Equal(t, fmt.Sprint("e", i), row["eventId"])
		require.Equal(t, []any{map[bool]float64{true: 404, false: 200}[i%100 == 7]}, []any{row["status"]})
	}
}

// The journal is followed by its numbers, and a user's part of it is listed.
func TestJournalAndHistory(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("viewer", httpapi.Dashboard)
		w.as("manager", httpapi.Dashboard).stock()
		head := c.do("GET", "/journal?limit=1000", "", 200)["next"].(float64)
		for i := range 3 {
			w.as("manager", httpapi.Dashboard).do("POST", "/events/batch", fmt.Sprintf(`[{"id": "e%d", "entityId": "run", "userId": "member", "value": 1.5, "additionalData": {"km": 3}}]`, i), 200)
		}
		page := c.do("GET", fmt.Sprintf("/journal?after=%.0f&limit=2", head), "", 200)
		entry := items(page)[0]
		require.Equal(t, object(t, `{"id": "e0", "type": "Activity", "entityId": "run", "userId": "member", "completedAt": "2026-03-02T09:00:00.000Z", "value": 1.5, "progress": "COMPLETE", "additionalData": {"km": 3}}`), entry["event"])
		require.Equal(t, []any{head + 2, head + 1}, []any{page["next"], entry["outcome"].(map[string]any)["seq"]})
		require.NotContains(t, entry["user"], "nickname")
		rest := c.do("GET", fmt.Sprintf("/journal?after=%.0f", page["next"]), "", 200)
		require.Len(t, rest["items"], 1)
		end := c.do("GET", fmt.Sprintf("/journal?after=%.0f", rest["next"]), "", 200)
		require.Equal(t, []any{[]any{}, rest["next"]}, []any{end["items"], end["next"]})
		for query, field := range map[string]string{"limit=0": "limit", "after=-1": "after", "after=x": "after"} {
			require.Equal(t, field, refusedField(t, c.do("GET", "/journal?"+query, "", 400)))
		}

		past := c.do("GET", "/users/member/history?type=Activity&entityId=run&limit=2", "", 200)
		require.Equal(t, "e2", items(past)[0]["event"].(map[string]any)["id"])
		require.Len(t, items(c.do("GET", "/users/member/history?type=Activity&limit=2&nextToken="+past["nextToken"].(string), "", 200)), 1)
		require.Empty(t, items(c.do("GET", "/users/member/history?until=2026-03-02T08:00:00Z", "", 200)))
		for query, field := range map[string]string{"from=noon": "from", "type=Nothing": "type"} {
			require.Equal(t, field, refusedField(t, c.do("GET", "/users/member/history?"+query, "", 400)))
		}
		c.do("GET", "/users/nobody/history", "", 404)
	})
}

// What an event would do is told before it happens, and why it did what it did after.
func TestDryRunAndExplain(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("manager", httpapi.Dashboard)
		c.stock()
		rule := c.do("POST", "/reward-rules", `{"name": "Far", "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "matchCondition": {">": [{"var": "event.value"}, 5]}, "applicationMode": "ALWAYS",
			"rewards": [{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "expression": {"*": [2, {"var": "event.value"}]}}], "defaultLang": "en", "translations": [{"lang": "en"}]}`, 201)
		id := rule["rewardRuleId"].(string)
		c.do("POST", "/reward-rules/"+id+"/publish", "", 200)
		head := c.do("GET", "/journal?limit=1000", "", 200)["next"]
		would := c.do("POST", "/dry-run", `{"id": "far", "entityId": "run", "userId": "member", "value": 7.5}`, 200)
		paid := would["transactions"].([]any)[0].(map[string]any)
		require.Equal(t, []any{id, 15.0, "COMPLETED"}, []any{paid["rewardRuleId"], paid["amount"], paid["state"]})
		require.Equal(t, head, c.do("GET", "/journal?limit=1000", "", 200)["next"], "nothing is kept")
		require.Equal(t, "userId", refusedField(t, c.do("POST", "/dry-run", `{"entityId": "run"}`, 400)))
		c.do("POST", "/dry-run", `{"entityId": "run", "userId": "nobody"}`, 404)
		c.do("POST", "/dry-run", `{"entityId": 7}`, 400)

		c.do("POST", "/events/batch", `[{"id": "near", "entityId": "run", "userId": "member", "value": 3}]`, 200)
		why := c.do("POST", "/explain", `{"eventId": "near", "kind": "RewardRule", "id": "`+id+`"}`, 200)
		require.Equal(t, []any{false, "near", 1.0}, []any{why["moved"], why["eventId"], why["version"]})
		checks := why["checks"].([]any)
		last := checks[len(checks)-1].(map[string]any)
		require.Equal(t, []any{"matchCondition", false}, []any{last["name"], last["holds"]})
		require.Equal(t, object(t, `{"pointer": "", "op": ">", "value": false, "args": [
			{"pointer": "/>/0", "op": "var", "path": "event.value", "value": 3}, {"pointer": "/>/1", "value": 5}]}`), last["trace"])
		c.do("POST", "/explain", `{"eventId": "nothing", "kind": "RewardRule", "id": "`+id+`"}`, 404)
		c.do("POST", "/explain", `{"eventId": "near", "kind": "RewardRule", "id": "nothing"}`, 404)
		c.do("POST", "/explain", `{"eventId": "near", "kind": "Activity", "id": "run"}`, 400)
	})
}

// What was wrong is put right and taken back, and who did it is known.
func TestCorrecting(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("manager", httpapi.Dashboard)
		c.stock()
		c.do("POST", "/events/batch", `[{"id": "ride", "entityId": "run", "userId": "member", "value": 42}]`, 200)
		require.Equal(t, "reason", refusedField(t, c.do("POST", "/events/ride/retract", `{}`, 400)))
		require.Equal(t, "spent", refusedField(t, c.do("POST", "/events/ride/retract", `{"reason": "no ride", "spent": "LOSE"}`, 400)))
		require.Equal(t, "userId", refusedField(t, c.do("POST", "/events/ride/amend", `{"reason": "no ride", "event": {"entityId": "run", "userId": "owner"}}`, 400)))
		c.do("POST", "/events/ride/amend", `{"reason": "it was 24", "event": {"entityId": "run", "userId": "member", "value": 24}}`, 200)
		c.do("POST", "/events/ride/retract", `{"reason": "no ride"}`, 200)
		past := c.do("GET", "/events/ride/corrections", "", 200)["items"].([]any)
		require.Len(t, past, 2)
		why := past[1].(map[string]any)["correction"].(map[string]any)
		require.Equal(t, []any{true, "no ride", "manager"}, []any{why["retracted"], why["reason"], why["actor"].(map[string]any)["actorId"]})
		require.InDelta(t, 24, why["was"].(map[string]any)["value"], 0)
		w.as("member", httpapi.Dashboard).do("POST", "/events/ride/retract", `{"reason": "no ride"}`, 403)
	})
}

// Two users are merged, and whoever is still known by the id that was given up goes on as the other.
func TestMergingUsers(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c, member := w.as("owner", httpapi.Dashboard), w.as("member", httpapi.App)
		c.stock()
		c.do("POST", "/events/batch", `[{"id": "walk", "entityId": "run", "userId": "member"}, {"id": "ride", "entityId": "run", "userId": "viewer"}]`, 200)
		require.Equal(t, "reason", refusedField(t, c.do("POST", "/users/member/merge", `{"intoUserId": "viewer"}`, 400)))
		require.Equal(t, "intoUserId", refusedField(t, c.do("POST", "/users/member/merge", `{"intoUserId": "member", "reason": "two phones"}`, 400)))
		would := c.do("POST", "/users/member/merge", `{"intoUserId": "viewer", "reason": "two phones", "dryRun": true}`, 200)
		require.Equal(t, "member", member.do("GET", "/users/me", "", 200)["userId"])
		merged := c.do("POST", "/users/member/merge", `{"intoUserId": "viewer", "reason": "two phones"}`, 200)
		require.Equal(t, would["facts"], merged["facts"])
		require.InDelta(t, 1, merged["facts"], 0)
		require.Equal(t, "viewer", member.do("GET", "/users/me", "", 200)["userId"])
		require.Equal(t, "viewer", c.do("GET", "/users/member", "", 200)["userId"])
		require.Len(t, c.do("GET", "/users/member/history?type=Activity", "", 200)["items"], 2)
		w.as("manager", httpapi.Dashboard).do("POST", "/users/admin/merge", `{"intoUserId": "viewer", "reason": "two phones"}`, 403)
	})
}

// The documents in force leave a workspace as a bundle, are compared with it, and come to another.
func TestBundles(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("manager", httpapi.Dashboard)
		c.stock()
		answer := c.send("GET", "/bundle", "")
		require.Equal(t, 200, answer.Code)
		bundle := strings.TrimSpace(answer.Body.String())
		own, err := w.ws.Export(t.Context())
		require.NoError(t, err)
		require.JSONEq(t, string(own), bundle)
		c.same("POST", "/bundle/diff", bundle, 200, `{"added": [], "changed": [], "removed": []}`)
		c.same("POST", "/bundle/diff", strings.Replace(bundle, "{", `{"$schema": "bundle.json", `, 1), 200, `{"added": [], "changed": [], "removed": []}`)
		var parsed struct {
			Documents []map[string]any `json:"documents"`
		}
		require.NoError(t, json.Unmarshal([]byte(bundle), &parsed))
		var all []string
		for _, d := range parsed.Documents {
			all = append(all, fmt.Sprint(d["kind"], "/", d["id"]))
		}
		list := func(keys []string) string {
			text, err := json.Marshal(append([]string{}, keys...))
			require.NoError(t, err)
			return string(text)
		}
		told := func(created, changed, archived []string) string { // the others are unchanged
			unchanged := slices.DeleteFunc(slices.Clone(all), func(key string) bool {
				return slices.Contains(slices.Concat(created, changed, archived), key)
			})
			return fmt.Sprintf(`{"created": %s, "changed": %s, "unchanged": %s, "archived": %s, "warnings": []}`,
				list(created), list(changed), list(unchanged), list(archived))
		}
		c.same("POST", "/bundle", bundle, 200, told(nil, nil, nil))
		for _, d := range parsed.Documents {
			if d["kind"] == "Activity" {
				d["name"] = "Running"
			}
		}
		changed, err := json.Marshal(parsed)
		require.NoError(t, err)
		c.same("POST", "/bundle/diff", string(changed), 200, `{"added": [], "changed": ["Activity/run"], "removed": []}`)
		run := []string{"Activity/run"}
		c.same("POST", "/bundle?dryRun=true", string(changed), 200, told(nil, run, nil))
		require.Equal(t, "Run", c.do("GET", "/activities/run", "", 200)["name"])
		c.same("POST", "/bundle", string(changed), 200, told(nil, run, nil))
		require.Equal(t, "Running", c.do("GET", "/activities/run", "", 200)["name"])

		there := w.as("manager", httpapi.Dashboard)
		there.token = "manager other dashboard web"
		there.same("POST", "/bundle", bundle, 200, told(all, nil, nil))
		require.JSONEq(t, bundle, there.send("GET", "/bundle", "").Body.String())
		there.same("POST", "/bundle/diff", `{"documents": []}`, 200, fmt.Sprintf(`{"added": [], "changed": [], "removed": %s}`, list(slices.Sorted(slices.Values(all)))))
		there.same("POST", "/bundle?prune=true&dryRun=true", `{"documents": []}`, 200, told(nil, nil, all))
		require.JSONEq(t, bundle, there.send("GET", "/bundle", "").Body.String())
		there.same("POST", "/bundle?prune=true", `{"documents": []}`, 200, told(nil, nil, all))
		require.JSONEq(t, `{"documents": []}`, there.send("GET", "/bundle", "").Body.String())
		for body, field := range map[string]string{
			`{"documents": [{"kind": "Activity", "id": "x", "defaultLang": "en"}]}`: "documents[0].translations",
			`{"documents": [{"kind": "Nothing"}]}`:                                  "documents[0].kind",
			`{"documents"`:                                                          "body",
		} {
			require.Equal(t, field, refusedField(t, c.do("POST", "/bundle", body, 400)), body)
		}
		c.do("POST", "/bundle/diff", `7`, 400)
		w.as("viewer", httpapi.Dashboard).do("POST", "/bundle/diff", bundle, 200)
	})
}
