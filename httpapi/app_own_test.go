package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/tenancy"
)

const (
	gems   = `"virtualCurrency": {"virtualCurrencyId": "gems", "name": "Gems", "origin": "CUSTOM", "defaultLang": "en", "langs": ["en"], $when}`
	points = `"virtualCurrency": {"virtualCurrencyId": "points", "name": "Points", "maxAllowedBalance": 100, "icon": "https://x.test/p.png", "origin": "CUSTOM", "defaultLang": "en", "langs": ["en", "it"], $when}`
)

// A balance is as old as its first movement happened; one without any is as old as the user.
func TestBalancesOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		g.tick()
		none := `{"userId": "member", "virtualCurrencyId": "gems", "amount": 0, "availableAmount": 0, "isActive": true, $when, ` + gems + `}`
		g.me.sees("/virtual-balances?limit=1", `{"items": [`+none+`], "nextToken": "Z2Vtcw"}`)
		g.me.sees("/virtual-balances/gems", none)
		g.me.do("POST", "/activity-logs", `{"activityId": "run", "userId": "member", "value": 1.5, "completedAt": "2026-02-27T09:00:00Z"}`, 201)
		g.me.do("POST", "/activity-logs", `{"activityId": "run", "userId": "member", "completedAt": "2026-02-25T09:00:00Z"}`, 201) // known later, and earlier
		g.grant("member", "pending", economy.Manual, 4)
		some := `"userId": "member", "virtualCurrencyId": "points", "amount": 6.5, "availableAmount": 2.5, "isActive": true,
			"createdAt": "2026-02-25T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:01.000Z", ` + points
		g.me.sees("/virtual-balances?limit=1&nextToken=Z2Vtcw", `{"items": [{`+some+`}]}`)
		g.italian().sees("/virtual-balances/points?fields=translation", `{`+some+`, "translation": {"lang": "it", "label": "Punti"}}`)
		all := g.me.do("GET", "/virtual-balances?order=desc&fields=translation", "", 200)["items"].([]any)
		require.Equal(t, map[string]any{"lang": "en", "label": "Points"}, all[0].(map[string]any)["translation"])

		for at, want := range map[string]float64{"2026-02-25T08:59:59Z": 0, "2026-02-25T10:00:00%2B01:00": 1, "2026-03-02T09:00:00Z": 2.5, "2026-03-02T09:00:01Z": 6.5} {
			require.InDelta(t, want, g.me.do("GET", "/virtual-balances/points?at="+at, "", 200)["amount"], 0, at)
		}
		for _, at := range []string{"2026-03-02T09:00:02Z", "yesterday"} {
			require.Equal(t, "at", refusedField(t, g.me.do("GET", "/virtual-balances/points?at="+at, "", 400)))
		}
		g.me.do("GET", "/virtual-balances/none?at=2026-02-25T08:59:59Z", "", 404)

		_, err := g.ws.Economy.RewardRules.Archive(t.Context(), "per-run")
		require.NoError(t, err)
		_, err = g.ws.Economy.Currencies.Archive(t.Context(), "points")
		require.NoError(t, err)
		retired := g.me.do("GET", "/virtual-balances/points?fields=translation", "", 200)
		require.Equal(t, false, retired["isActive"])
		require.NotContains(t, retired, "virtualCurrency")
	})
}

func TestTransactionsOfTheApp(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		id := g.grant("member", "gift", economy.Manual, 5)
		gift := `"virtualTransactionId": "gift", "virtualTransactionGroupId": "gift", "redemptionGroupId": "gift", "userId": "member", "virtualCurrencyId": "points",
			"redemptionMode": "MANUAL", "direction": "CREDIT", "amount": 5, "initiatorType": "ADMIN", "initiator": "ADMIN", "counterpartType": "SYSTEM", "counterpart": "SYSTEM"`
		g.me.sees("/virtual-transactions", `{"items": [{`+gift+`, "state": "PENDING", $when}]}`)
		g.me.sees("/virtual-transactions/"+id, `{`+gift+`, "state": "PENDING", $when}`)
		g.tick()
		redeemed := gift + `, "state": "COMPLETED", "createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:01.000Z", "redeemedAt": "2026-03-02T09:00:01.000Z"`
		g.me.answers("POST", "/virtual-transactions/"+id+"/redeem", "", 200, `{"transactions": [{`+redeemed+`, $where}]}`)
		require.Equal(t, httpapi.CodeOperation, g.me.do("POST", "/virtual-transactions/"+id+"/redeem", "", 400)["code"])
		g.me.sees("/virtual-transactions?limit=1", `{"items": [{`+redeemed+`}]}`)

		body := `{"transactions": [{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "amount": 1.25, "destinationUserId": "manager", "virtualTransactionGroupId": "thanks", "additionalData": {"n": 1}}]}`
		made := g.me.do("POST", "/virtual-transactions", body, 201)["transactions"].([]any)
		require.Len(t, made, 2)
		credit := made[1].(map[string]any)
		want := map[string]any{
			"virtualTransactionId": credit["virtualTransactionId"], "virtualTransactionGroupId": "thanks", "userId": "manager", "virtualCurrencyId": "points",
			"redemptionMode": "AUTO", "state": "COMPLETED", "direction": "CREDIT", "amount": 1.25, "initiatorType": "USER", "initiator": "member",
			"counterpartType": "USER", "counterpart": "member", "additionalData": map[string]any{"n": 1.0},
			"createdAt": "2026-03-02T09:00:01.000Z", "updatedAt": "2026-03-02T09:00:01.000Z",
		}
		require.Equal(t, want, credit)
		require.Equal(t, want, g.other.do("GET", "/virtual-transactions/"+credit["virtualTransactionId"].(string), "", 200))
		require.Len(t, g.me.do("GET", "/virtual-transactions", "", 200)["items"], 2)

		waits := strings.Replace(body, "AUTO", "MANUAL", 1)
		sent := g.me.do("POST", "/virtual-transactions", waits, 201)["transactions"].([]any)[1].(map[string]any)["virtualTransactionId"].(string)
		g.other.do("POST", "/virtual-transactions/"+sent+"/void", `{}`, 409) // who was to get it
		back := g.me.do("POST", "/virtual-transactions/"+sent+"/void", `{"reason": "for another"}`, 200)["transactions"].([]any)
		require.Len(t, back, 2)
		require.Equal(t, []any{"REJECTED", "member", "for another"}, []any{back[0].(map[string]any)["state"], back[0].(map[string]any)["voidedBy"], back[0].(map[string]any)["reason"]})
		g.me.do("POST", "/virtual-transactions/"+sent+"/void", `{}`, 409)
		g.me.do("POST", "/virtual-transactions/none/void", `{}`, 404)

		for _, tt := range []struct {
			body   string
			status int
			field  string
		}{
			{`{"transactions": []}`, 400, "transactions"},
			{`{"transactions": [{"virtualCurrencyId": "points", "amount": 0, "destinationUserId": "manager"}]}`, 400, "transactions[0].amount"},
			{`{"transactions": [{"virtualCurrencyId": "points", "amount": -1, "destinationUserId": "manager"}]}`, 400, "transactions[0].amount"},
			{`{"transactions": [{"virtualCurrencyId": "points", "amount": 1, "destinationUserId": "member"}]}`, 400, "transactions[0].sourceUserId"},
			{`{"transactions": [{"virtualCurrencyId": "points", "amount": 1, "destinationUserId": "nobody"}]}`, 400, "transactions[0].destinationUserId"},
			{`{"transactions": [{"virtualCurrencyId": "none", "amount": 1, "destinationUserId": "manager"}]}`, 400, "transactions[0].virtualCurrencyId"},
			{`{"transactions": [{"virtualCurrencyId": "points", "amount": 90, "destinationUserId": "manager"}]}`, 409, ""},
		} {
			refused := g.me.do("POST", "/virtual-transactions", tt.body, tt.status)
			if tt.field != "" {
				require.Equal(t, tt.field, refused["details"].([]any)[0].(map[string]any)["field"], "%s: %v", tt.body, refused)
			}
		}
		require.Len(t, g.me.do("GET", "/virtual-transactions", "", 200)["items"], 3, "what is refused changes nothing")
	})
}

func TestOneself(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		p, err := g.ws.Users.Principal(t.Context(), "member")
		require.NoError(t, err)
		me := `"userId": "member", "principalId": "` + p.ID + `", "nickname": "Ada", "profileImage": "https://x.test/ada.png", "timezone": "Pacific/Auckland",
			"accountId": "acme", "workspaceId": "default", $when`
		principal := `{"principalId": "` + p.ID + `", "sub": "` + p.ID + `", "email": "member@default.test", "firstName": "Ada", "lastName": "Byron", $when}`
		stats := `{"completedPaths": 0, "quizSuccessRate": 0, "learningMinutes": 0, "totalActivities": 0}`
		tag := `{"tagId": "green", "priority": 1, $when}`
		g.me.sees("/users/me", `{`+me+`}`)
		g.me.sees("/users/me?fields=tags,principal,stats", `{`+me+`, "tags": [`+tag+`], "principal": `+principal+`, "stats": `+stats+`}`)
		g.me.sees("/users/me/principal", principal)
		g.me.sees("/users/me/stats", stats)
		g.me.sees("/users/me/tags", `{"items": [`+tag+`]}`)
		g.me.sees("/users/me/tags/green", tag)
		g.other.sees("/users/me/tags", `{"items": []}`)
		require.Equal(t, []any{}, g.other.do("GET", "/users/me?fields=tags", "", 200)["tags"])
		g.me.do("POST", "/quizzes/year/submit", `{"answer": "opt2"}`, 200)
		g.me.do("POST", "/quizzes/year/submit", `{"answer": "opt1", "context": "2"}`, 200)
		g.me.sees("/users/me/stats", `{"completedPaths": 0, "quizSuccessRate": 50, "learningMinutes": 0, "totalActivities": 2}`)

		g.tick()
		g.me.answers("PATCH", "/users/me", `{"nickname": "Bea", "profileImage": "", "lang": "it", "timezone": "Europe/Rome", "externalId": "mine"}`, 200,
			`{"userId": "member", "principalId": "`+p.ID+`", "nickname": "Bea", "lang": "it", "timezone": "Europe/Rome", "accountId": "acme", "workspaceId": "default",
				"createdAt": "2026-03-02T09:00:00.000Z", "updatedAt": "2026-03-02T09:00:01.000Z"}`)
		require.Equal(t, "Sette colli", g.me.do("GET", "/learning-groups/seven", "", 200)["title"], "the user's own language, where the token says none")
		for body, field := range map[string]string{
			`{"nickname": "x"}`: "nickname", `{"lang": "xx-none"}`: "lang", `{"timezone": "Mars/Base"}`: "timezone", `{"profileImage": "ada.png"}`: "profileImage", `{"nickname": 7}`: "nickname",
		} {
			require.Equal(t, field, g.me.do("PATCH", "/users/me", body, 400)["details"].([]any)[0].(map[string]any)["field"], body)
		}

		_, err = g.ws.Users.Create(t.Context(), tenancy.NewUser{ID: "plain"})
		require.NoError(t, err)
		plain := g.as("plain", httpapi.App)
		require.Empty(t, plain.do("GET", "/users/me?fields=principal", "", 200)["principalId"])
		plain.do("GET", "/users/me/principal", "", 404)
	})
}

// Who logs an activity logs it once, and a user only for itself; a machine for whoever there is.
func TestActivityLogs(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		body := `{"activityLogId": "l1", "activityId": "run", "userId": "member", "outcome": "SUCCESS", "value": 2.5, "tags": ["x"], "additionalData": {"km": 3}, "completedAt": "2026-03-02T08:00:00Z"}`
		row := `{"activityLogId": "l1", "activityId": "run", "userId": "member", "outcome": "SUCCESS", "value": 2.5, "tags": ["x"], "additionalData": {"km": 3},
			"completedAt": "2026-03-02T08:00:00.000Z", $when, $where}`
		g.me.answers("POST", "/activity-logs", body, 201, row)
		g.tick()
		g.me.answers("POST", "/activity-logs", body, 201, row)
		g.me.do("POST", "/activity-logs", `{"activityLogId": "l1", "activityId": "run", "userId": "member"}`, 409)
		short := g.me.do("POST", "/activity-logs", `{"activityId": "run"}`, 201)
		require.InDelta(t, 1, short["value"], 0)
		require.Equal(t, "member", short["userId"])
		require.Equal(t, "2026-03-02T09:00:01.000Z", short["completedAt"])
		g.me.do("POST", "/activity-logs", `{"activityId": "run", "userId": "manager"}`, 403)
		for body, field := range map[string]string{
			`{"activityId": "none", "userId": "member"}`: "activityId", `{"userId": "member"}`: "activityId", `{"activityId": "run", "outcome": "MAYBE"}`: "outcome",
			`{"activityId": "run", "completedAt": "2027-01-01T00:00:00Z"}`: "completedAt", `{"activityId": "run", "activityLogId": "a b"}`: "activityLogId", `{"activityId": "run", "value": "x"}`: "body",
		} {
			require.Equal(t, field, g.me.do("POST", "/activity-logs", body, 400)["details"].([]any)[0].(map[string]any)["field"], body)
		}
		machine := client{g.world, "manager default app m2m", httpapi.App.Base(), http.Header{}}
		require.Equal(t, "member", machine.do("POST", "/activity-logs", `{"activityId": "run", "userId": "member"}`, 201)["userId"])
		machine.do("POST", "/activity-logs", `{"activityId": "run", "userId": "nobody"}`, 400)
		machine.header.Set("X-User-Id", "member")
		require.Equal(t, "member", machine.do("GET", "/users/me", "", 200)["userId"])
	})
}

func TestTheWorkspacesConfiguration(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		features := `"features": {"activities": true, "leaderboards": true, "learningPaths": true, "mediaLibrary": true, "missions": true, "mobility": true, "rewardRules": true,
			"streak": true, "tags": true, "users": true, "virtualCurrencies": true, "virtualTransactions": true}`
		rest := `"workspaceConfigurationId": "default", "workspaceId": "default", "layout": {}, "theme": {}, "languages": {"defaultLanguage": "en", "supportedLanguages": ["en"]}, "networking": {}`
		g.as("viewer", httpapi.App).sees("/workspace-configuration", `{`+rest+`, "branding": {}, `+features+`, $when}`)
		_, err := g.ws.Settings.Put(t.Context(), tenancy.Configuration{Branding: tenancy.Branding{Name: "Acme"}})
		require.NoError(t, err)
		require.Equal(t, map[string]any{}, g.me.do("GET", "/workspace-configuration", "", 200)["branding"], "a draft is not in force")
		_, err = g.ws.Settings.Publish(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string]any{"name": "Acme"}, g.me.do("GET", "/workspace-configuration", "", 200)["branding"])
	})
}
