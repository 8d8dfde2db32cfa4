package proof_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/tenancy"
)

// issuer returns an issuer that signs with a key; users are known by their e-mail, or by a DID.
func issuer(key crypto.Signer) badges.Issuer {
	return badges.Issuer{
		ID: "https://example.com/issuers/876543", Name: "Example Corp", Key: key, KeyID: "https://example.com/keys#1", Achievements: "https://example.com/achievements/",
		Subject: func(_ context.Context, u tenancy.User) (string, error) { return "did:example:" + u.ID, nil },
	}
}

// aKey returns a key of Ed25519, of which there are no two.
func aKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

// standard is the minimal credential of Open Badges 3.0 ("Sample OpenBadgeCredential") in its properties, with other texts.
const standard = `{
  "@context": ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],
  "id": "http://example.com/credentials/3527",
  "type": ["VerifiableCredential", "OpenBadgeCredential"],
  "issuer": {"id": "https://example.com/issuers/876543", "type": ["Profile"], "name": "Example Corp"},
  "validFrom": "2024-01-02T12:00:00Z",
  "name": "Teamwork",
  "credentialSubject": {
    "id": "did:example:ada",
    "type": ["AchievementSubject"],
    "achievement": {
      "id": "https://example.com/achievements/runner",
      "type": ["Achievement"],
      "criteria": {"narrative": "Peers nominate who works well with others."},
      "description": "Peers nominate who works well with others.",
      "name": "Teamwork"
    }
  }
}`

// teamwork returns a game in which ada has been awarded a badge that is called as in the standard.
func teamwork(t *testing.T, keeps bool) (g *game, done guerdon.Outcome) {
	t.Helper()
	docs := runner(keeps)
	badge, ok := docs[2].(*badges.Configuration)
	require.True(t, ok)
	badge.Translations[0].Label, badge.Translations[0].Description = "Teamwork", "Peers nominate who works well with others."
	g = play(t, docs...)
	return g, g.runs("ada", january(1), january(2))
}

// opened returns what a compact JWS says, unverified, and the two parts of it that are signed.
func opened(t *testing.T, jws string) (header, payload map[string]any, signed, signature []byte) {
	t.Helper()
	parts := strings.Split(jws, ".")
	require.Len(t, parts, 3)
	var raw [3][]byte
	for i, part := range parts {
		b, err := base64.RawURLEncoding.DecodeString(part)
		require.NoError(t, err)
		raw[i] = b
	}
	require.NoError(t, json.Unmarshal(raw[0], &header))
	require.NoError(t, json.Unmarshal(raw[1], &payload))
	return header, payload, []byte(parts[0] + "." + parts[1]), raw[2]
}

// A credential has every property of the standard's own, with what is the award's, besides the picture and the claims of a JWT, which say the same again.
func TestCredentialIsWhatOpenBadgesSay(t *testing.T) {
	t.Parallel()
	g, _ := teamwork(t, false)
	jws, err := g.Badges.Credential(t.Context(), "ada", "runner", "", issuer(aKey()))
	require.NoError(t, err)
	header, c, _, _ := opened(t, jws)
	require.Equal(t, map[string]any{"alg": "EdDSA", "kid": "https://example.com/keys#1", "typ": "JWT"}, header, "no other header is allowed")

	id, ok := c["id"].(string)
	require.True(t, ok)
	require.Regexp(t, `^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
	require.Equal(t, id, c["jti"])
	require.Equal(t, "https://example.com/issuers/876543", c["iss"])
	require.Equal(t, "did:example:ada", c["sub"])
	from, err := time.Parse(time.RFC3339, c["validFrom"].(string))
	require.NoError(t, err)
	require.InDelta(t, from.Unix(), c["nbf"], 0)

	var want map[string]any
	require.NoError(t, json.Unmarshal([]byte(standard), &want))
	want["id"] = id
	for _, claim := range []string{"iss", "jti", "nbf", "sub"} {
		delete(c, claim)
	}
	is := c["credentialSubject"].(map[string]any)["achievement"].(map[string]any)
	require.Equal(t, map[string]any{"id": "https://example.org/badge.png", "type": "Image"}, is["image"])
	delete(is, "image")
	require.Equal(t, want, c)
}

// What did not happen at a whole second is valid from the second in which it did, in the property as in the claim.
func TestCredentialIsValidFromAWholeSecond(t *testing.T) {
	t.Parallel()
	g := play(t, guerdontest.Badge("helper"))
	_, err := g.Badges.Award(t.Context(), badges.NewAward{ID: "a1", UserID: "ada", ConfigurationID: "helper", Reason: "she waited", At: january(0).Add(1_999_999 * time.Microsecond)})
	require.NoError(t, err)
	jws, err := g.Badges.Credential(t.Context(), "ada", "helper", "a1", issuer(aKey()))
	require.NoError(t, err)
	_, c, _, _ := opened(t, jws)
	require.Equal(t, january(0).Add(time.Second).Format(time.RFC3339), c["validFrom"])
	require.InDelta(t, january(0).Unix()+1, c["nbf"], 0)
	is := c["credentialSubject"].(map[string]any)["achievement"].(map[string]any)
	require.NotEmpty(t, is["description"], "which the standard wants, though the badge has only a label")
	require.Equal(t, map[string]any{"narrative": is["description"]}, is["criteria"])
	require.NotContains(t, jws, base64.RawURLEncoding.EncodeToString([]byte("she waited")), "a reason is for those who read the journal")
	require.NotContains(t, jsonOf(t, c), "waited")
}

// Each key signs so that others than who signed agree: crypto of the standard library by hand, and a library for JOSE.
func TestCredentialIsSigned(t *testing.T) {
	t.Parallel()
	g, _ := teamwork(t, false)
	ec, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	rs, err := rsa.GenerateKey(nil, 2048)
	require.NoError(t, err)
	for alg, tt := range map[string]struct {
		key    crypto.Signer
		verify func(signed, signature []byte) bool
	}{
		"EdDSA": {aKey(), func(signed, signature []byte) bool {
			return ed25519.Verify(aKey().Public().(ed25519.PublicKey), signed, signature)
		}},
		"ES256": {ec, func(signed, signature []byte) bool {
			sum := sha256.Sum256(signed)
			return len(signature) == 64 && ecdsa.Verify(&ec.PublicKey, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
		}},
		"RS256": {rs, func(signed, signature []byte) bool {
			sum := sha256.Sum256(signed)
			return rsa.VerifyPKCS1v15(&rs.PublicKey, crypto.SHA256, sum[:], signature) == nil
		}},
	} {
		t.Run(alg, func(t *testing.T) {
			by := issuer(tt.key)
			jws, err := g.Badges.Credential(t.Context(), "ada", "runner", "", by)
			require.NoError(t, err)
			header, _, signed, signature := opened(t, jws)
			require.Equal(t, alg, header["alg"])
			require.True(t, tt.verify(signed, signature))
			require.False(t, tt.verify(bytes.ToUpper(signed), signature))
			parsed, err := jose.ParseSigned(jws, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			require.NoError(t, err)
			_, err = parsed.Verify(tt.key.Public())
			require.NoError(t, err)
			again, err := g.Badges.Credential(t.Context(), "ada", "runner", "", by)
			require.NoError(t, err)
			require.Equal(t, jws, again, "nothing in it is by chance")
		})
	}
}

// The numbers of a signature of ECDSA are written in 32 bytes each, also where fewer would do.
func TestSignaturesOfShortNumbers(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	g := play(t, guerdontest.Badge("helper"))
	_, err = g.Badges.Award(t.Context(), badges.NewAward{UserID: "ada", ConfigurationID: "helper", Reason: "x"})
	require.NoError(t, err)
	der := func(r, s *big.Int) []byte {
		b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		require.NoError(t, err)
		return b
	}
	one, two := big.NewInt(1), big.NewInt(2)
	for name, tt := range map[string]struct {
		der  []byte
		want string
	}{
		"short":    {der(one, two), ""},
		"long":     {der(new(big.Int).Lsh(one, 256), two), "none of ECDSA"},
		"zero":     {der(one, new(big.Int)), "none of ECDSA"},
		"negative": {der(big.NewInt(-1), two), "none of ECDSA"},
		"more":     {append(der(one, two), 0), "none of ECDSA"},
		"none":     {nil, "signing by https://example.com/keys#1"},
	} {
		t.Run(name, func(t *testing.T) {
			by := issuer(forger{key, tt.der})
			jws, err := g.Badges.Credential(t.Context(), "ada", "helper", "", by)
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				return
			}
			require.NoError(t, err)
			_, _, _, signature := opened(t, jws)
			require.Equal(t, slices.Concat(make([]byte, 31), []byte{1}, make([]byte, 31), []byte{2}), signature)
		})
	}
}

// A forger signs everything alike.
type forger struct {
	crypto.Signer

	with []byte
}

func (f forger) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return f.with, nil }

// A broken key cannot sign.
type broken struct{ crypto.Signer }

var errAway = errors.New("the module is away")

func (broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errAway }

// There is a credential for what the user has, and of each award another.
func TestCredentialsAreOfWhatAUserHas(t *testing.T) {
	for name, keeps := range map[string]bool{"revocable": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, by := t.Context(), issuer(aKey())
			g, done := teamwork(t, keeps)
			award := g.badge("ada", "runner").Awards[0].ID
			first, err := g.Badges.Credential(ctx, "ada", "runner", award, by)
			require.NoError(t, err)
			g.runs("ada", january(8), january(9))
			newest, err := g.Badges.Credential(ctx, "ada", "runner", "", by)
			require.NoError(t, err)
			require.NotEqual(t, first, newest)
			again, err := g.Badges.Credential(ctx, "ada", "runner", award, by)
			require.NoError(t, err)
			require.Equal(t, first, again)
			_, a, _, _ := opened(t, first)
			_, b, _, _ := opened(t, newest)
			require.NotEqual(t, a["id"], b["id"])

			_, err = g.Retract(ctx, done.EventID, guerdon.Correction{Reason: "the watch was wrong"})
			require.NoError(t, err)
			again, err = g.Badges.Credential(ctx, "ada", "runner", award, by)
			if !keeps {
				require.EqualError(t, err, `badgeAwardId: "`+award+`" not found`)
				require.ErrorIs(t, err, fault.ErrNotFound)
			} else {
				require.NoError(t, err)
				require.Equal(t, first, again)
			}
		})
	}
}

func TestCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	ctx, good := t.Context(), issuer(aKey())
	g, _ := teamwork(t, false)
	award := g.badge("ada", "runner").Awards[0].ID
	wide, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), bytes.Repeat([]byte{7}, 48))
	require.NoError(t, err)
	refused := func(want string, kind error, user, badge, award string, by badges.Issuer) {
		t.Helper()
		jws, err := g.Badges.Credential(ctx, user, badge, award, by)
		require.ErrorContains(t, err, want)
		require.ErrorIs(t, err, kind)
		require.Empty(t, jws)
	}
	refused(`userId: "nobody" not found`, fault.ErrNotFound, "nobody", "runner", "", good)
	refused(`badge: "nothing" not found`, fault.ErrNotFound, "ada", "nothing", "", good)
	refused(`badge: "runner" not found`, fault.ErrNotFound, "bob", "runner", "", good)
	refused(`badgeAwardId: "`+award+`" not found`, fault.ErrNotFound, "bob", "runner", award, good)
	refused("badgeConfigurationId: is empty", fault.ErrInvalid, "ada", "", "", good)
	for want, broke := range map[string]func(*badges.Issuer){
		"issuer.id: is empty":                         func(i *badges.Issuer) { i.ID = "" },
		"issuer.id: is not an absolute URI":           func(i *badges.Issuer) { i.ID = "us" },
		"issuer.name: is empty":                       func(i *badges.Issuer) { i.Name = "" },
		"issuer.keyId: is empty":                      func(i *badges.Issuer) { i.KeyID = "" },
		"issuer.achievements: is not an absolute URI": func(i *badges.Issuer) { i.Achievements = "/badges/" },
		"issuer.subject: is nil":                      func(i *badges.Issuer) { i.Subject = nil },
		"issuer.key: is nil":                          func(i *badges.Issuer) { i.Key = nil },
		"issuer.key: is none of Ed25519":              func(i *badges.Issuer) { i.Key = wide },
		"subject: is not an absolute URI": func(i *badges.Issuer) {
			i.Subject = func(context.Context, tenancy.User) (string, error) { return "ada", nil }
		},
	} {
		by := good
		broke(&by)
		refused(want, fault.ErrInvalid, "ada", "runner", award, by)
	}
	require.NoError(t, good.Validate())
	require.Len(t, strings.Split(badges.Issuer{}.Validate().Error(), "\n"), 6, "all that is wrong is told")

	by := good
	by.Key = broken{aKey()}
	refused("signing by https://example.com/keys#1: the module is away", errAway, "ada", "runner", "", by)
	by.Subject = func(context.Context, tenancy.User) (string, error) { return "", errAway }
	refused("the module is away", errAway, "ada", "runner", "", by)

	_, err = g.Users.Suspend(ctx, "ada")
	require.NoError(t, err)
	refused("is suspended", fault.ErrForbidden, "ada", "runner", award, good)
	_, err = g.Users.Resume(ctx, "ada")
	require.NoError(t, err)
	_, err = g.Economy.RewardRules.Archive(ctx, "award")
	require.NoError(t, err)
	_, err = g.Badges.Configurations.Archive(ctx, "runner")
	require.NoError(t, err)
	refused(`badge: "runner" not found`, fault.ErrNotFound, "ada", "runner", award, good)
	_, err = badges.Service{}.Credential(ctx, "ada", "runner", "", good)
	require.Error(t, err)
}
