package httpapi_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Who plays sees the badges that are published, how far they are, and secret ones that they have.
func TestBadgeConfigurations(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		ctx := t.Context()
		g.me.sees("/badge-configurations", `{"items": []}`)
		_, err := g.ws.Import(ctx, []byte(`{"documents": [
			{"kind": "BadgeConfiguration", "id": "runner", "name": "Runner", "image": "https://example.org/runner.png", "isRevocable": false,
				"progressSourceEntityType": "MissionConfiguration", "progressSourceEntityId": "three", "tags": [{"tagId": "green"}],
				"defaultLang": "en", "translations": [{"lang": "en", "label": "Runner"}, {"lang": "it", "label": "Corridore", "description": "Tre corse"}]},
			{"kind": "BadgeConfiguration", "id": "secret", "name": "Helper", "image": "https://example.org/helper.png", "isSecret": true,
				"defaultLang": "en", "translations": [{"lang": "en", "label": "A good soul"}]},
			{"kind": "BadgeConfiguration", "id": "old", "name": "Old", "image": "https://example.org/old.png",
				"defaultLang": "en", "translations": [{"lang": "en", "label": "Old"}]}]}`))
		require.NoError(t, err)
		give := func(badgeID string) {
			_, err := g.ws.Badges.Award(ctx, badges.NewAward{UserID: "member", ConfigurationID: badgeID, Reason: "for helping"})
			require.NoError(t, err)
		}
		give("old")
		_, err = g.ws.Badges.Configurations.Archive(ctx, "old")
		require.NoError(t, err)

		ids := func(of client, query string) (ids []string) {
			for _, row := range of.do("GET", "/badge-configurations"+query, "", 200)["items"].([]any) {
				ids = append(ids, row.(map[string]any)["badgeConfigurationId"].(string))
			}
			return ids
		}
		require.Equal(t, []string{"runner"}, ids(g.me, ""))
		paths := []string{"", "/translation", "/tags", "/tags/green"}
		for _, path := range paths {
			for _, id := range []string{"secret", "old", "none"} {
				g.me.do("GET", "/badge-configurations/"+id+path, "", 404)
			}
		}
		g.me.do("GET", "/missions", "", 200) // and they are assigned
		runner := g.italian().do("GET", "/badge-configurations/runner?fields=translation,tags", "", 200)
		require.Equal(t, "Corridore", runner["translation"].(map[string]any)["label"])
		require.Equal(t, "green", runner["tags"].([]any)[0].(map[string]any)["tagId"])
		require.Equal(t, map[string]any{"done": 0.0, "needed": 3.0, "share": 0.0}, runner["progress"])
		require.Equal(t, []any{0.0, "Runner", "https://example.org/runner.png"}, []any{runner["count"], runner["name"], runner["image"]})
		require.NotContains(t, runner, "stage")
		require.NotContains(t, runner, "translations")
		g.italian().do("GET", "/badge-configurations/runner/tags/green", "", 200)

		g.me.do("POST", "/activity-logs", `{"activityId": "run", "outcome": "SUCCESS"}`, 201)
		give("secret")
		require.Equal(t, []string{"runner", "secret"}, ids(g.me, ""))
		require.Equal(t, []string{"runner"}, ids(g.me, "?limit=1"))
		require.Equal(t, []string{"secret", "runner"}, ids(g.me, "?order=desc"))
		require.Equal(t, []string{"runner"}, ids(g.other, ""), "they are the member's")
		secret := g.me.do("GET", "/badge-configurations/secret", "", 200)
		require.EqualValues(t, 1, secret["count"])
		require.NotContains(t, secret, "progress")
		require.Equal(t, "A good soul", g.me.do("GET", "/badge-configurations/secret/translation", "", 200)["label"])
		g.other.do("GET", "/badge-configurations/secret", "", 404)
		progress := g.me.do("GET", "/badge-configurations/runner", "", 200)["progress"].(map[string]any)
		require.Positive(t, progress["done"])

		require.NoError(t, g.counts.CatchUp(ctx, g.ws))
		rare := g.as("admin", httpapi.Dashboard).do("GET", "/analytics/badges?timeRange=7d", "", 200)
		require.EqualValues(t, 5, rare["totalUsers"])
		require.Equal(t, map[string]any{"badgeConfigurationId": "secret", "awards": 1.0, "users": 1.0, "totalAwards": 1.0, "holders": 1.0, "rarity": 20.0}, rare["badges"].([]any)[1])
		require.Len(t, rare["awardsOverTime"], 7)
	})
}

// What a user was awarded is given as a credential, if the host says who issues it. What is wrong with the issuer is not told as a fault of the request.
func TestCredentials(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		ctx := t.Context()
		b, err := guerdon.Bundle(guerdontest.Badge("helper"))
		require.NoError(t, err)
		_, err = g.ws.Import(ctx, b)
		require.NoError(t, err)
		g.me.do("GET", "/badges/helper/credential", "", 404)
		for _, id := range []string{"a1", "a2"} {
			_, err = g.ws.Badges.Award(ctx, badges.NewAward{ID: id, UserID: "member", ConfigurationID: "helper", Reason: "for helping"})
			require.NoError(t, err)
		}
		by := *issuer(g.ws)
		for query, award := range map[string]string{"": "a2", "?badgeAwardId=a1": "a1"} {
			row := g.me.do("GET", "/badges/helper/credential"+query, "", 200)
			want, err := g.ws.Badges.Credential(ctx, "member", "helper", award, by)
			require.NoError(t, err)
			require.Equal(t, map[string]any{"badgeConfigurationId": "helper", "credential": want}, row)
			parts := strings.Split(want, ".")
			signature, err := base64.RawURLEncoding.DecodeString(parts[2])
			require.NoError(t, err)
			require.True(t, ed25519.Verify(by.Key.Public().(ed25519.PublicKey), []byte(parts[0]+"."+parts[1]), signature))
		}
		g.me.do("GET", "/badges/helper/credential?badgeAwardId=a3", "", 404)
		g.other.do("GET", "/badges/helper/credential?badgeAwardId=a1", "", 404) // it is the member's

		with := func(of func(*guerdon.Workspace) *badges.Issuer) client {
			own := *g.world
			own.handler, err = httpapi.New(g.engine, &httpapi.Options{Authenticate: authenticate, Issuer: of})
			require.NoError(t, err)
			c := g.me
			c.world = &own
			return c
		}
		with(nil).do("GET", "/badges/helper/credential", "", 404)
		with(func(*guerdon.Workspace) *badges.Issuer { return nil }).do("GET", "/badges/helper/credential", "", 404)
		with(func(*guerdon.Workspace) *badges.Issuer { return &badges.Issuer{} }).do("GET", "/badges/helper/credential", "", 500)
		with(func(*guerdon.Workspace) *badges.Issuer {
			it := by
			it.Subject = func(context.Context, tenancy.User) (string, error) { return "ada", nil }
			return &it
		}).do("GET", "/badges/helper/credential", "", 500)
	})
}
