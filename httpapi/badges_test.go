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
