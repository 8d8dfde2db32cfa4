package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A file is announced, sent, noticed when it is asked for, described, tagged and deleted.
func TestMedia(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		tagID := c.stock()
		upload := c.do("GET", "/media/upload-url?fileName=cat.png&contentType=image/png&fileType=image&fileSize=5", "", 200)
		id := upload["mediaId"].(string)
		require.Equal(t, []any{900.0, id}, []any{upload["expiresIn"], upload["mediaId"]})
		c.do("GET", "/media/"+id, "", 404) // nothing has come
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, upload["uploadUrl"].(string), strings.NewReader("bytes"))
		for name, value := range upload["metadataHeaders"].(map[string]any) {
			r.Header.Set(name, value.(string))
		}
		sent := httptest.NewRecorder()
		blobs.ServeHTTP(sent, r)
		require.Less(t, sent.Code, 300, sent.Body)
		one := "/media/" + id
		got := c.do("GET", one, "", 200)
		for _, name := range []string{"url", "key", "fileName"} {
			require.NotEmpty(t, got[name])
			got = without(got, name)
		}
		require.Equal(t, object(t, `{"mediaId": "`+id+`", "originalFileName": "cat.png", "contentType": "image/png", "fileType": "image", "fileSize": 5, "scope": "workspace", `+whole+`}`), got)
		require.Len(t, items(c.do("GET", "/media?fileType=image&scope=workspace&fields=tags,translations", "", 200)), 1)
		require.Empty(t, items(c.do("GET", "/media?fileType=video", "", 200)))
		named := c.do("PATCH", one, `{"translations": [{"lang": "en", "label": "Cat"}, {"lang": "it", "label": "Gatto"}]}`, 200)
		texts := c.do("GET", one+"/translations", "", 200)["items"].([]any)
		require.Equal(t, object(t, `{"lang": "en", "label": "Cat", "mediaId": "`+id+`", `+whole+`}`), texts[0])
		require.Equal(t, texts, named["translations"])
		require.Equal(t, texts[:1], c.do("GET", one+"/translations?limit=1", "", 200)["items"])
		require.NotContains(t, c.do("GET", one, "", 200), "translations")

		row := `{"tagId": "` + tagID + `", "entityType": "Media", "entityId": "` + id + `", "mediaId": "` + id + `", "scope": "workspace", "priority": 2, ` + whole + `}`
		c.same("POST", one+"/tags", `{"assignments": [{"tagId": "`+tagID+`", "priority": 2}]}`, 200, `{"assignments": [`+row+`]}`)
		c.do("POST", one+"/tags/"+tagID, "", 409)
		c.same("GET", one+"/tags/"+tagID, "", 200, row)
		c.same("GET", one+"/tags?scope=workspace", "", 200, `{"items": [`+row+`]}`)
		c.same("PATCH", one+"/tags/"+tagID, `{"priority": 5}`, 200, strings.Replace(row, `"priority": 2`, `"priority": 5`, 1))
		c.same("DELETE", one+"/tags/"+tagID, "", 200, `{"tagId": "`+tagID+`", "entityType": "Media", "entityId": "`+id+`", "mediaId": "`+id+`", "deleted": true}`)
		for _, path := range []string{"", "/translations", "/tags"} {
			c.do("GET", one+path+"?scope=common", "", 404)
			require.Equal(t, "scope", refusedField(t, c.do("GET", one+path+"?scope=mine", "", 400)))
		}
		c.do("DELETE", one+"?scope=common", "", 404)
		for query, field := range map[string]string{
			"fileName=&contentType=image/png&fileSize=5":                   "fileName",
			"fileName=a.png&contentType=x/y&fileSize=5":                    "contentType",
			"fileName=a.png&contentType=image/png":                         "fileSize",
			"fileName=a.png&contentType=image/png&fileSize=big":            "fileSize",
			"fileName=a.png&contentType=image/png&fileSize=5&fileType=cat": "fileType",
		} {
			require.Equal(t, field, refusedField(t, c.do("GET", "/media/upload-url?"+query, "", 400)), query)
		}
		c.do("PATCH", one, `{"translations": [{"lang": "en", "label": ""}]}`, 400)
		c.same("DELETE", one, "", 200, `{"mediaId": "`+id+`", "deleted": true}`)
		c.do("GET", one, "", 404)
		c.do("DELETE", one, "", 404)
	})
}

// Users are made, found in every way, changed, tagged in silence, and deleted for good.
func TestUsers(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("admin", httpapi.Dashboard)
		tagID := c.stock()
		made := c.do("POST", "/users", `{"userId": "mine", "role": "owner", "email": "kim@kim.test", "firstName": "Kim", "lastName": "Lee", "externalId": "e 1", "nickname": "Kim", "lang": "it", "timezone": "Europe/Rome"}`, 201)
		id, principal := made["userId"].(string), made["principalId"].(string)
		const when = `"accountId": "acme", "workspaceId": "default", "createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:00.000Z"`
		row := `"userId": "` + id + `", "principalId": "` + principal + `", "externalId": "e 1", "nickname": "Kim", "lang": "it", "timezone": "Europe/Rome", "role": "member", "status": "active", ` + when
		require.Equal(t, object(t, `{`+row+`}`), made, "nobody chooses an id or a role")
		one := "/users/" + id
		c.same("GET", one, "", 200, `{`+row+`}`)
		c.same("GET", "/users/by-external-id/e%201", "", 200, `{`+row+`}`)
		c.same("GET", one+"?fields=tags,principal,stats", "", 200, `{`+row+`, "tags": [], "stats": {"completedPaths": 0, "quizSuccessRate": 0, "learningMinutes": 0, "totalActivities": 0},
			"principal": {"principalId": "`+principal+`", "sub": "`+principal+`", "email": "kim@kim.test", "firstName": "Kim", "lastName": "Lee", "createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:00.000Z"}}`)
		listed := items(c.do("GET", "/users?fields=principal,tags", "", 200))
		require.Len(t, listed, 6)
		for _, u := range listed {
			require.Equal(t, u["principalId"], u["principal"].(map[string]any)["principalId"])
			require.Empty(t, u["tags"])
		}
		require.Equal(t, "fields", refusedField(t, c.do("GET", "/users?fields=stats", "", 400)))
		c.do("POST", "/users", `{"email": "kim@kim.test"}`, 409)
		for body, field := range map[string]string{`{"nickname": "Kim"}`: "email", `{"email": "no"}`: "email", `{"email": "a@b.test", "lang": "xx"}`: "lang", `{"email": 7}`: "email"} {
			require.Equal(t, field, refusedField(t, c.do("POST", "/users", body, 400)), body)
		}
		c.careless = true // null clears too
		changed := c.do("PATCH", one, `{"externalId": null, "nickname": "", "lang": "en"}`, 200)
		require.NotContains(t, changed, "externalId")
		require.NotContains(t, changed, "nickname")
		require.Equal(t, []any{"en", "Europe/Rome"}, []any{changed["lang"], changed["timezone"]})
		c.careless = false
		c.do("PATCH", one, `{"timezone": "Rome"}`, 400)
		c.do("GET", "/users/by-external-id/e%201", "", 404)

		tag := `"tagId": "` + tagID + `", "entityType": "User", "entityId": "` + id + `", "userId": "` + id + `"`
		c.same("POST", one+"/tags/"+tagID, `{"priority": 1}`, 200, `{`+tag+`, "priority": 1, `+whole+`}`)
		c.do("POST", one+"/tags/"+tagID, "", 409)
		c.same("GET", one+"/tags", "", 200, `{"items": [{`+tag+`, "priority": 1, `+whole+`}]}`)
		c.same("GET", one+"/tags/"+tagID, "", 200, `{`+tag+`, "priority": 1, `+whole+`}`)
		require.Len(t, c.do("GET", one+"?fields=tags", "", 200)["tags"], 1)
		c.do("PATCH", one+"/tags", `{"assignments": [{"tagId": "`+tagID+`", "priority": 4}]}`, 200)
		require.Empty(t, c.send("DELETE", one+"/tags", `{"assignments": [{"tagId": "`+tagID+`"}]}`).Body.String())
		c.do("DELETE", one+"/tags/"+tagID, "", 404)

		me := w.as("viewer", httpapi.Dashboard)
		require.Equal(t, "viewer", me.do("GET", "/users/me?fields=stats", "", 200)["userId"])
		require.Equal(t, "viewer@default.test", me.do("GET", "/users/me/principal", "", 200)["email"])
		_, err := w.ws.Users.Create(t.Context(), tenancy.NewUser{ID: "nomail"})
		require.NoError(t, err)
		me = w.as("nomail", httpapi.Dashboard)
		require.Empty(t, me.do("GET", "/users/me", "", 200)["principalId"])
		me.do("GET", "/users/me/principal", "", 404)

		c.same("DELETE", one, "", 200, `{"userId": "`+id+`", "deleted": true}`)
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			c.do(method, one, "{}", 404)
		}
		c.do("GET", one+"/tags", "", 404)
		c.do("GET", one+"/history", "", 404)
	})
}

// The rate of quizzes is in per cent.
func TestStatsAreInPerCent(t *testing.T) {
	w := newWorld(t, openMemory())
	c := w.as("admin", httpapi.Dashboard)
	c.stock()
	_, err := w.ws.Learning.SubmitQuiz(t.Context(), learning.QuizSubmission{Submission: learning.Submission{UserID: "member"}, QuizID: "hills", Answer: content.Option2})
	require.NoError(t, err)
	require.Equal(t, object(t, `{"completedPaths": 0, "quizSuccessRate": 100, "learningMinutes": 0, "totalActivities": 1}`), c.do("GET", "/users/member?fields=stats", "", 200)["stats"])
}

// Missions are given, and currencies, all at once or nothing.
func TestMissionsAndTransactions(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("manager", httpapi.Dashboard)
		tagID := c.stock()
		give := `"missionType": "INDIVIDUAL", "missionConfigurationId": "thrice", "userId": "member", "startsAt": "2026-03-02T09:00:00.000Z", "timeframeType": "RANGE", "endsAt": "2026-03-09T09:00:00.000Z"`
		c.same("POST", "/missions", `{`+give+`, "currentAmount": 1}`, 201, `{`+give+`, "periodId": "2026-03-02T09:00:00", "state": "ACTIVE", "matchType": "ENTITY", "matchEntity": "Activity",
			"matchCondition": {"if": [true]}, "incrementExpression": {"if": [1]}, "targetAmountExpression": {"if": [3]}, "currentAmount": 1, "targetAmount": 3, "defaultLang": "en", `+whole+`}`, "missionId")
		c.do("POST", "/missions", `{`+give+`}`, 409)
		later := strings.Replace(strings.Replace(give, "2026-03-02", "2026-03-05", 1), `"endsAt": "2026-03-09T`, `"endsAt": "2026-03-12T`, 1)
		given := c.do("POST", "/missions", `{`+later+`, "targetAmount": 7.5}`, 201)
		require.Equal(t, []any{7.5, 0.0}, []any{given["targetAmount"], given["currentAmount"]})
		for body, field := range map[string]string{
			strings.Replace(give, "INDIVIDUAL", "SOLO", 1):                                                        "missionType",
			strings.Replace(give, "INDIVIDUAL", "GROUP", 1):                                                       "groupTagId",
			give + `, "groupTagId": "x"`:                                                                          "userId",
			strings.Replace(give, "RANGE", "PERMANENT", 1):                                                        "endsAt",
			strings.Replace(give, "RANGE", "RECURRING", 1):                                                        "timeframeType",
			strings.Replace(give, `"INDIVIDUAL"`, `"GROUP"`, 1) + `, "userId": "", "groupTagId": "` + tagID + `"`: "missionType",
		} {
			c.do("POST", "/missions", `{`+body+`}`, 400)
			require.NotEmpty(t, field)
			require.Contains(t, []string{field, "userId", "groupTagId"}, refusedField(t, c.do("POST", "/missions", `{`+body+`}`, 400)), body)
		}
		c.do("POST", "/missions", `{`+strings.Replace(give, "thrice", "nothing", 1)+`}`, 404)
		c.do("POST", "/missions", `{`+strings.Replace(give, "member", "nobody", 1)+`}`, 404)

		made := c.do("POST", "/virtual-transactions", `{"transactions": [{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": 2.5, "destinationUserId": "member", "virtualTransactionGroupId": "gift", "additionalData": {"why": 1}},
			{"virtualCurrencyId": "coins", "redemptionMode": "MANUAL", "amount": 1, "destinationUserId": "viewer", "sourceUserId": "member", "expiresAt": "2026-04-01T00:00:00Z"}]}`, 201)["transactions"].([]any)
		require.Len(t, made, 3, "a transfer has two sides")
		first := made[0].(map[string]any)
		require.Equal(t, object(t, `{"userId": "member", "virtualCurrencyId": "coins", "virtualTransactionGroupId": "gift", "redemptionMode": "AUTO", "state": "COMPLETED", "direction": "CREDIT", "amount": 2.5,
			"initiatorType": "ADMIN", "initiator": "manager", "counterpartType": "SYSTEM", "counterpart": "SYSTEM", "additionalData": {"why": 1}, `+whole+`}`), without(first, "virtualTransactionId"))
		require.Equal(t, []any{"PENDING", "2026-04-01T00:00:00.000Z"}, []any{made[2].(map[string]any)["state"], made[2].(map[string]any)["expiresAt"]})
		path := "/virtual-transactions/" + first["virtualTransactionId"].(string)
		back := c.do("POST", path+"/reverse", `{"virtualTransactionId": "back", "amount": 5, "upTo": true, "reason": "too much"}`, 201)["transactions"].([]any)[0].(map[string]any)
		require.Equal(t, []any{"back", 1.5, "DEBIT", "REVERSAL", "manager", first["virtualTransactionId"], "too much"}, []any{
			back["virtualTransactionId"], back["amount"], back["direction"],
			back["initiatorType"], back["initiator"], back["reversedTransactionId"], back["reason"],
		}, "what is not on its way to another")
		require.Equal(t, "amount", refusedField(t, c.do("POST", path+"/reverse", `{"amount": 2}`, 409)))
		require.Equal(t, "amount", refusedField(t, c.do("POST", path+"/reverse", `{"amount": -2}`, 400)))
		c.do("POST", path+"/reverse", `{"amount": 1}`, 409)
		require.Equal(t, "virtualTransactionId", refusedField(t, c.do("POST", path+"/void", `{}`, 409)), "it is completed")
		sent := "/virtual-transactions/" + made[2].(map[string]any)["virtualTransactionId"].(string)
		for _, row := range c.do("POST", sent+"/void", `{"reason": "a mistake"}`, 200)["transactions"].([]any) {
			row := row.(map[string]any)
			require.Equal(t, []any{"REJECTED", "manager", "a mistake", 1.0}, []any{row["state"], row["voidedBy"], row["reason"], row["amount"]})
		}
		c.do("POST", path+"/reverse", `{"amount": 1}`, 201)
		w.as("member", httpapi.Dashboard).do("POST", path+"/reverse", `{}`, 403)
		for body, status := range map[string]int{
			`{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": 100, "destinationUserId": "viewer", "sourceUserId": "member"}`:          409,
			`{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": 0, "destinationUserId": "viewer"}`:                                      400,
			`{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": 1, "destinationUserId": "nobody"}`:                                      400,
			`{"virtualCurrencyId": "nothing", "redemptionMode": "AUTO", "amount": 1, "destinationUserId": "viewer"}`:                                    400,
			`{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": 1, "destinationUserId": "viewer", "expiresAt": "2026-04-01T00:00:00Z"}`: 400,
			`{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": 1, "destinationUserId": "viewer", "virtualTransactionId": "mine"}`:      400,
			`{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": "much", "destinationUserId": "viewer"}`:                                 400,
		} {
			refused := c.do("POST", "/virtual-transactions", `{"transactions": [`+body+`]}`, status)
			if status == 400 && !strings.Contains(body, "mine") && !strings.Contains(body, "much") {
				require.Contains(t, refusedField(t, refused), "transactions[0]", body)
			}
		}
		past := `{"virtualCurrencyId": "coins", "redemptionMode": %q, "amount": 1, "destinationUserId": "viewer", "at": %q}`
		gave := c.do("POST", "/virtual-transactions", `{"transactions": [`+fmt.Sprintf(past, "AUTO", "2026-02-02T00:00:00+01:00")+`]}`, 201)["transactions"].([]any)[0].(map[string]any)
		transaction, err := w.ws.Economy.Transaction(t.Context(), gave["virtualTransactionId"].(string))
		require.NoError(t, err)
		require.Equal(t, time.Date(2026, time.February, 1, 23, 0, 0, 0, time.UTC), transaction.At)
		for _, body := range []string{fmt.Sprintf(past, "MANUAL", "2026-02-02T00:00:00Z"), fmt.Sprintf(past, "AUTO", "2027-02-02T00:00:00Z")} {
			require.Equal(t, "transactions[0].at", refusedField(t, c.do("POST", "/virtual-transactions", `{"transactions": [`+body+`]}`, 400)))
		}
	})
}

// The workspace says what it is, and its configuration is drafted, published and dropped by its owner.
func TestWorkspaceAndConfiguration(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		c := w.as("owner", httpapi.Dashboard)
		got := c.do("GET", "/workspace", "", 200)
		require.Equal(t, c.do("GET", "/workspace-configuration", "", 200), got["configuration"])
		require.Equal(t, object(t, `{"workspaceId": "default", "accountId": "acme", "name": "default", "slug": "default", "plan": "STANDARD", "type": "CUSTOM", "catalogs": [], "sourceRegion": "eu-west-1",
			"createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:00.000Z"}`), without(got, "configuration"))
		conf := got["configuration"].(map[string]any)
		require.Equal(t, []any{"default", "PUBLISHED", "2026-03-02T09:00:00.000Z"}, []any{conf["workspaceConfigurationId"], conf["stage"], conf["createdAt"]})
		require.Equal(t, true, conf["features"].(map[string]any)["missions"])
		require.NotContains(t, conf, "security")

		const put = `{"branding": {"name": "Acme"}, "layout": {}, "theme": {"light": {"primary": "#fff"}}, "languages": {"defaultLanguage": "it", "supportedLanguages": ["it", "en"]},
			"features": {"missions": {"enabled": false}, "streak": true}, "networking": {"allowedOrigins": ["https://app.test"]}`
		c.careless = true // a feature is a boolean, or says whether it is enabled
		c.do("PUT", "/workspace-configuration", put+`, "security": {"signupMode": "OPEN", "defaultUserRole": "viewer"}}`, 200)
		draft := c.do("PUT", "/workspace-configuration", put+`}`, 200)
		require.Equal(t, "DRAFT", draft["stage"])
		require.Equal(t, false, draft["features"].(map[string]any)["missions"])
		require.Equal(t, conf, c.do("GET", "/workspace-configuration", "", 200), "what is in force")
		published := c.do("POST", "/workspace-configuration/publish", "", 200)
		require.Equal(t, "PUBLISHED", published["stage"])
		require.Equal(t, published, c.do("GET", "/workspace-configuration", "", 200))
		kept, err := w.ws.Settings.Get(t.Context())
		require.NoError(t, err)
		require.Equal(t, tenancy.Viewer, kept.Security.DefaultUserRole, "what a body lacks stays")
		c.do("POST", "/workspace-configuration/publish", "", 404)
		require.Equal(t, "theme", refusedField(t, c.do("PUT", "/workspace-configuration", strings.Replace(put, "theme", "topic", 1)+`}`, 400)))
		require.Contains(t, refusedField(t, c.do("PUT", "/workspace-configuration", strings.Replace(put, `"it"`, `"xx"`, 1)+`}`, 400)), "languages")
		c.same("DELETE", "/workspace-configuration", "", 200, `{"workspaceConfigurationId": "default", "deleted": true}`)
		c.do("DELETE", "/workspace-configuration", "", 404)
	})
}

// seer is a provider that sees nobody.
type seer struct{}

func (seer) Name() string { return "seer" }

func (seer) Status(context.Context) (mobility.ProviderStatus, error) {
	return mobility.ProviderStatus{Enabled: true}, nil
}

func (seer) Token(_ context.Context, userID string) (string, error) { return "token of " + userID, nil }

func (seer) Trackings(context.Context, []byte) ([]mobility.Tracking, error) { return nil, nil }

// Mobility is about whoever asks: tracking is turned on and off, trackings and milestones are listed, and milestones redeemed once.
func TestMobility(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		c := w.as("member", httpapi.Dashboard)
		c.same("GET", "/mobility/motiontag/status", "", 200, `{"enabled": false}`)
		c.same("GET", "/mobility/motiontag/token", "", 200, `{"token": null}`)
		tracked, err := httpapi.New(w.engine, &httpapi.Options{Authenticate: authenticate, Tracker: seer{}})
		require.NoError(t, err)
		w.handler = tracked
		c.same("GET", "/mobility/motiontag/status", "", 200, `{"enabled": true}`)
		c.same("GET", "/mobility/motiontag/token", "", 200, `{"token": null}`)
		require.Equal(t, "off", c.do("GET", "/mobility/activation", "", 200)["status"])
		c.same("POST", "/mobility/activations", `{"status": "on"}`, 201, `{"userId": "member", "provider": "seer", "status": "on", `+whole+`}`)
		require.Equal(t, "on", c.do("GET", "/mobility/activation", "", 200)["status"])
		c.same("GET", "/mobility/motiontag/token", "", 200, `{"token": "token of member"}`)
		require.Len(t, items(c.do("GET", "/mobility/activations", "", 200)), 1)
		require.Equal(t, "status", refusedField(t, c.do("POST", "/mobility/activations", `{"status": "maybe"}`, 400)))
		require.Equal(t, "on", c.do("PUT", "/mobility/activation", `{"status": "on"}`, 200)["status"])

		goals := mobility.Goals{Name: "Every day", Metrics: []mobility.MetricGoals{{
			Metric: mobility.Kilometres, TransportTypes: []mobility.Mode{mobility.Walk}, Goals: []decimal.Decimal{decimal.NewFromInt(1), decimal.NewFromInt(100)},
		}}}
		goals.ID = "daily"
		_, err = w.ws.Mobility.Goals.Create(ctx, goals)
		require.NoError(t, err)
		_, err = w.ws.Mobility.Goals.Publish(ctx, "daily")
		require.NoError(t, err)
		_, err = w.ws.Mobility.Track(ctx, []mobility.Tracking{{
			ProviderID: "1", UserID: "member", Provider: "seer", Status: mobility.Track, Type: mobility.Walk, Length: 2500,
			StartsAt: start.Add(-3600e9), EndsAt: start.Add(-1200e9),
		}})
		require.NoError(t, err)
		row := items(c.do("GET", "/mobility/trackings?date=2026-03-02", "", 200))[0]
		require.Equal(t, object(t, `{"date": "2026-03-02", "userId": "member", "userTimezone": "UTC", "provider": "seer", "status": "track", "type": "walk", "length": 2500, "misdetectedCompletely": false, "suspicious": false,
			"startsAt": "2026-03-02T08:00:00.000Z", "startsAtTimezone": "UTC", "endsAt": "2026-03-02T08:40:00.000Z", "endsAtTimezone": "UTC", "co2Emitted": 0, "co2Avoided": 0, "geometry": "",
			"accountId": "acme", "workspaceId": "default", "sourceRegion": "eu-west-1", "createdAt": "2026-03-02T08:40:00.000Z", "updatedAt": "2026-03-02T08:40:00.000Z"}`), without(row, "mobilityTrackingId"))
		w.now.set(start.Add(1e9))
		_, err = w.ws.Mobility.Review(ctx, row["mobilityTrackingId"].(string), mobility.Released, "seen")
		require.NoError(t, err)
		reviewed := items(c.do("GET", "/mobility/trackings", "", 200))[0]
		require.Equal(t, []any{row["createdAt"], "2026-03-02T09:00:01.000Z"}, []any{reviewed["createdAt"], reviewed["updatedAt"]})
		w.now.set(start)
		require.Empty(t, items(c.do("GET", "/mobility/trackings?dateStart=2026-03-03", "", 200)))
		require.Len(t, items(c.do("GET", "/mobility/trackings?dateStart=2026-03-01&dateEnd=2026-03-02", "", 200)), 1)
		require.Equal(t, "dateEnd", refusedField(t, c.do("GET", "/mobility/trackings?dateEnd=yesterday", "", 400)))
		stones := items(c.do("GET", "/mobility/milestones", "", 200))
		require.Len(t, stones, 2)
		require.Equal(t, object(t, `{"date": "2026-03-02", "userId": "member", "userTimezone": "UTC", "metric": "km", "target": "target0", "transportTypes": ["walk"], "goal": 1, "userAmount": 2.5, "reached": true,
			"reachedAt": "2026-03-02T08:40:00.000Z", "reachedAtT": 1772440800, "redeemed": false, "accountId": "acme", "workspaceId": "default", "sourceRegion": "eu-west-1",
			"createdAt": "2026-03-02T00:00:00.000Z", "updatedAt": "2026-03-02T08:40:00.000Z"}`), without(stones[0], "mobilityMilestoneId"))
		one := "/mobility/milestones/" + stones[0]["mobilityMilestoneId"].(string)
		require.Equal(t, stones[0], c.do("GET", one, "", 200))
		w.as("admin", httpapi.Dashboard).do("GET", one, "", 404)
		w.as("admin", httpapi.Dashboard).do("POST", one+"/redeem", "", 404)
		redeemed := c.do("POST", one+"/redeem", "", 200)
		require.Equal(t, []any{true, 1772442000.0, redeemed["redeemedAt"]}, []any{redeemed["redeemed"], redeemed["redeemedAtT"], redeemed["updatedAt"]})
		c.do("POST", one+"/redeem", "", 400)
		c.do("POST", "/mobility/milestones/"+stones[1]["mobilityMilestoneId"].(string)+"/redeem", "", 400)
	})
}
