package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/httpapi"
)

const climbed = `{"documents": [{"kind": "Ladder", "id": "club", "name": "Club", "measure": {"type": "EARNED", "virtualCurrencyId": "points"},
	"steps": [{"id": "bronze", "threshold": 1, "name": "Bronze", "translations": [{"lang": "en", "name": "Bronze"}, {"lang": "it", "name": "Bronzo"}]},
		{"id": "silver", "threshold": 5.5, "name": "Silver"}],
	"defaultLang": "en", "translations": [{"lang": "en", "name": "Club"}, {"lang": "it", "name": "Circolo"}]}]}`

// Who plays sees where they stand, in their language, and so does who manages them.
func TestLevels(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		g.me.sees("/levels", `{"items": []}`)
		_, err := g.ws.Import(t.Context(), []byte(climbed))
		require.NoError(t, err)
		below := g.me.do("GET", "/levels/club", "", 200)
		require.NotContains(t, below, "step")
		require.InDelta(t, 1, below["missing"], 0)
		g.me.do("POST", "/activity-logs", `{"activityId": "run", "userId": "member", "value": 2.5, "completedAt": "2026-02-27T09:00:00Z"}`, 201)
		bronze := `{"id": "bronze", "threshold": 1, "name": "Bronze", "translations": [{"lang": "it", "name": "Bronzo"}]}`
		row := `{"ladderId": "club", "ladderVersion": 1, "userId": "member", "step": ` + bronze + `, "since": "2026-02-27T09:00:00.000Z", "measure": 2.5,
			"next": {"id": "silver", "threshold": 5.5, "name": "Silver"}, "missing": 3, "share": 0.333333, "highest": ` + bronze + `,
			"name": "Club", "translation": {"lang": "it", "name": "Circolo"}}`
		g.italian().sees("/levels/club?fields=translation", row)
		g.italian().sees("/levels?fields=translation", `{"items": [`+row+`]}`)
		all := g.me.do("GET", "/levels", "", 200)["items"].([]any)
		require.Len(t, all, 1)
		require.NotContains(t, all[0], "translation")
		g.me.do("GET", "/levels/none", "", 404)
	})
}

// Who has been deleted is not there, whatever is asked for.
func TestWhoIsDeletedHasNothing(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		_, err := g.ws.Users.Anonymise(t.Context(), "member")
		require.NoError(t, err)
		for _, path := range []string{"badges", "levels", "missions"} {
			g.as("admin", httpapi.Dashboard).do("GET", "/users/member/"+path, "", 404)
		}
	})
}
