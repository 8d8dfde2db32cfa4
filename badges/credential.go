package badges

import (
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// An Issuer is who says in credentials what users were awarded, to those who do not know the workspace.
type Issuer struct {
	// ID is the URI of the issuer: "https://example.org/issuer", "did:web:example.org".
	ID string
	// Name is the issuer's, for people to read.
	Name string
	// Key signs, by EdDSA if it is one of Ed25519, by ES256 if it is of ECDSA on P-256, and by RS256 if it is of RSA with 2048 bits or more; the last is what
	// every verifier of Open Badges must know. It is called concurrently, and given no source of randomness: what of the standard library needs none signs the
	// same in the same way.
	Key crypto.Signer
	// KeyID is the URI at which verifiers find the public key, as a JWK or, in a DID, as a verification method.
	KeyID string
	// Achievements is the URI of a badge but for the id of its configuration at the end: "https://example.org/badges/". No two workspaces may have
	// the same, unless a badge is the same in both.
	Achievements string
	// Subject returns the URI by which others know a user, such as a DID or "mailto:ada@example.org". An error of it is returned as it is.
	Subject func(context.Context, tenancy.User) (string, error)
}

// Validate returns every fault of the issuer's fields, joined.
func (i Issuer) Validate() error {
	_, _, err := algorithm(i.Key)
	if i.Subject == nil {
		err = errors.Join(err, fault.Invalid("subject", "is nil"))
	}
	return fault.In("issuer", errors.Join(
		uri("id", i.ID), text.Required("name", i.Name), uri("keyId", i.KeyID), uri("achievements", i.Achievements), err,
	))
}

func uri(field, s string) error { return cmp.Or(text.Required(field, s), text.URI(field, s)) }

// The properties of a credential that Open Badges 3.0 gives a meaning to, as they are named there.
type (
	credential struct {
		Context   []string    `json:"@context"`
		ID        string      `json:"id"`
		Type      []string    `json:"type"`
		Name      string      `json:"name"`
		Issuer    profile     `json:"issuer"`
		ValidFrom time.Time   `json:"validFrom"`
		Subject   achievement `json:"credentialSubject"`

		// The claims of a JWT repeat what is said above.
		Iss string `json:"iss"`
		Jti string `json:"jti"`
		Nbf int64  `json:"nbf"`
		Sub string `json:"sub"`
	}
	profile struct {
		ID   string   `json:"id"`
		Type []string `json:"type"`
		Name string   `json:"name"`
	}
	achievement struct {
		ID          string   `json:"id"`
		Type        []string `json:"type"`
		Achievement class    `json:"achievement"`
	}
	class struct {
		ID          string   `json:"id"`
		Type        []string `json:"type"`
		Name        string   `json:"name"`
		Description string   `json:"description"`
		Criteria    criteria `json:"criteria"`
		Image       image    `json:"image"`
	}
	criteria struct {
		Narrative string `json:"narrative"`
	}
	image struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
)

// Credential returns an award as a credential that the user can show elsewhere: of Open Badges 3.0, as a JWT that the issuer signs (a compact JWS). awardID
// is the [Award].ID; empty means the newest award of the badge, one that was kept included. What the badge is called and what it is for is the configuration's text
// in the language of the user, for the description the label, and for the label the name, if there is none; the description is what the criteria say
// too. It is valid from when what it is for happened, in whole seconds. The same award gives a credential of the same id.
//
// Nothing is written. Who has a credential has it for good: the engine keeps no list of those that hold no longer, so an award that is gone later is one that
// still can be shown.
//
// It returns [fault.ErrInvalid] for every field of the issuer at fault and for a subject that is no URI, [fault.ErrNotFound] for an unknown user, for an award
// that the user does not have, or not any more, and for a badge that is not published, as nobody says any more what it is, and [fault.ErrForbidden] if the
// user is not active. An error of the key is returned wrapped.
func (s Service) Credential(ctx context.Context, userID, badgeID, awardID string, by Issuer) (string, error) {
	if err := errors.Join(ident.Check("badgeConfigurationId", badgeID), by.Validate()); err != nil {
		return "", err
	}
	c, err := session.Read(ctx, s.run, func(tx *session.Tx) (certified, error) {
		return s.certified(ctx, tx, userID, badgeID, awardID)
	})
	if err != nil {
		return "", err
	}
	subject, err := by.Subject(ctx, c.User)
	if err != nil {
		return "", err
	}
	if err := uri("subject", subject); err != nil {
		return "", err
	}
	payload, err := json.Marshal(c.credential(&by, subject))
	if err != nil {
		return "", err
	}
	return sign(by.Key, by.KeyID, payload)
}

// certified is what a credential tells of.
type certified struct {
	User  tenancy.User
	Badge View
	Award Award
}

// certified returns what a credential tells of an award, the newest if none is named.
func (s Service) certified(ctx context.Context, tx *session.Tx, userID, badgeID, awardID string) (c certified, err error) {
	p, err := s.program(ctx, tx)
	if err != nil {
		return c, err
	}
	u, err := tenancy.FindActive(ctx, tx, "userId", userID)
	if err != nil {
		return c, err
	}
	of := store.Prefix(awardsOf(u.ID, badgeID))
	if awardID == "" {
		of = of.Reverse().First(1)
	}
	had, err := held(ctx, tx, of)
	if err != nil {
		return c, err
	}
	i := slices.IndexFunc(had, func(a Award) bool { return awardID == "" || a.ID == awardID })
	conf := content.Find(p.docs, Configurations, badgeID)
	switch {
	case i < 0 && awardID != "":
		return c, fault.NotFound("badgeAwardId", awardID)
	case i < 0 || conf == nil:
		return c, fault.NotFound("badge", badgeID)
	}
	c.User, c.Award = *u, had[i]
	c.Badge, err = labelled(u, conf, Badge{}, "")
	return c, err
}

// credential returns what is to be signed.
func (c *certified) credential(by *Issuer, subject string) credential {
	b := &c.Badge
	name := cmp.Or(b.Label, b.Name)
	is := class{
		ID: by.Achievements + c.Award.ConfigurationID, Type: []string{"Achievement"},
		Name: name, Description: cmp.Or(b.Description, name), Image: image{b.Image, "Image"},
	}
	is.Criteria.Narrative = is.Description
	id, from := credentialID(by.ID, is.ID, subject, c.Award.ID), c.Award.At.Truncate(time.Second)
	return credential{
		Context: []string{"https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"},
		ID:      id, Type: []string{"VerifiableCredential", "OpenBadgeCredential"}, Name: name,
		Issuer: profile{by.ID, []string{"Profile"}, by.Name}, ValidFrom: from, Subject: achievement{subject, []string{"AchievementSubject"}, is},
		Iss: by.ID, Jti: id, Nbf: from.Unix(), Sub: subject,
	}
}

// credentialID returns the id of a credential: a UUID of version 8, made of what makes it another than others. It does not show an award's id, in which a user's is.
func credentialID(of ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
