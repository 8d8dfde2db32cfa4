package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/tenancy"
)

func badgeConfigurationKind() *kind[badges.Configuration, content.Label] {
	return &kind[badges.Configuration, content.Label]{
		name: "BadgeConfiguration", plural: "badge-configurations", id: "badgeConfigurationId", tags: tagsAnswered,
		of: func(ws *guerdon.Workspace) content.Documents[badges.Configuration] { return ws.Badges.Configurations },
	}
}

// A badgeRow is a badge as a user sees it. It is as old as the first award, or as the user where there is none.
type badgeRow struct {
	badges.View
	stamped
}

func (c *call) badgeRow(v badges.View, since time.Time) badgeRow {
	return badgeRow{v, stamped{c.envelope(), cmp.Or(v.FirstAt, since), cmp.Or(v.LastAt, since)}}
}

type (
	badgesAsked struct {
		paging

		// Earned asks for those that the user has.
		Earned bool `query:"earned"`
	}
	badgesOfUser struct {
		badgesAsked

		UserID string `path:"userId"`
	}
	badgeAsked struct {
		ID string `path:"badgeConfigurationId"`
	}
	credentialAsked struct {
		badgeAsked

		// AwardID is of the award; without it, it is the newest.
		AwardID string `query:"badgeAwardId"`
	}
	credentialRow struct {
		ConfigurationID string `json:"badgeConfigurationId"`
		// Credential is an OpenBadgeCredential of Open Badges 3.0 as a JWT, in the compact form of a JWS.
		Credential string `json:"credential"`
	}
	awarding struct {
		UserID string `path:"userId"`
		Body   struct {
			ID              string    `json:"badgeAwardId,omitempty"`
			ConfigurationID string    `json:"badgeConfigurationId"`
			Reason          string    `json:"reason"`
			At              time.Time `json:"assignedAt,omitzero"`
		} `body:"json"`
	}
	awardRow struct {
		badges.Award
		stamped
	}
)

// badgeRows returns the badges of a user, in pages.
func (c *call) badgeRows(ctx context.Context, u *tenancy.User, q badges.Query, p *paging) (out list[badgeRow], err error) {
	all, err := c.ws.Badges.List(ctx, u.ID, q)
	if err != nil {
		return out, err
	}
	slices.SortFunc(all, func(a, b badges.View) int { return strings.Compare(a.ConfigurationID, b.ConfigurationID) })
	page, err := sliced(all, func(v *badges.View) string { return v.ConfigurationID }, p)
	out = list[badgeRow]{make([]badgeRow, len(page.Items)), page.NextToken}
	for i := range page.Items {
		out.Items[i] = c.badgeRow(page.Items[i], u.CreatedAt)
	}
	return out, err
}

// appBadges declares the badges that the user has, and how far the user is from the others.
func appBadges() []*operation {
	return []*operation{
		declare("GET", "/badges", tenancy.ContentRead, "List the badges that there are, and how far one is", codes(200, 400, 401), func(ctx context.Context, c *call, in *badgesAsked) (list[badgeRow], error) {
			return c.badgeRows(ctx, c.user, badges.Query{Had: in.Earned, Lang: c.lang()}, &in.paging)
		}),
		declare("GET", "/badges/{badgeConfigurationId}", tenancy.ContentRead, "Get a badge, and how often one was awarded it", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *badgeAsked) (badgeRow, error) {
			v, err := c.ws.Badges.Badge(ctx, c.user.ID, in.ID, c.lang())
			return c.badgeRow(v, c.user.CreatedAt), err
		}),
		declare("GET", "/badges/{badgeConfigurationId}/credential", tenancy.ContentRead, "Get an award of a badge as a signed credential", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *credentialAsked) (credentialRow, error) {
			return c.credential(ctx, in)
		}),
	}
}

// A badgeConfigurationRow is a badge that there is, and how far the user is.
type badgeConfigurationRow struct {
	appRow[appBadgeConfiguration, content.Label]
	// Count is how often the user was awarded it.
	Count int `json:"count"`
	// Progress is how far the user is from the badge; absent if nothing shows that.
	Progress *badges.Progress `json:"progress,omitempty"`
}

type (
	appBadgeConfiguration badges.Configuration

	badgeConfigurationAsked struct {
		badgeAsked

		Fields []string `enum:"tags,translation" query:"fields"`
	}
)

var appBadgeConfigurationKind = &contentKind[badges.Configuration, content.Label, appBadgeConfiguration, content.Label]{
	plural: "badge-configurations", id: "badgeConfigurationId",
	of:    func(ws *guerdon.Workspace) content.Documents[badges.Configuration] { return ws.Badges.Configurations },
	texts: func(b *badges.Configuration) []content.Label { return b.Translations },
	doc:   func(b badges.Configuration) appBadgeConfiguration { return appBadgeConfiguration(b) },
	text:  func(l content.Label) content.Label { return l },
	shown: func(ctx context.Context, c *call, id string) error {
		_, err := c.ws.Badges.Badge(ctx, c.user.ID, id, c.lang())
		return err
	},
}

// appBadgeConfigurations declares the badges that there are, but for secret ones that the user does not have.
func appBadgeConfigurations(f *forms) []*operation {
	shapeFor[appBadgeConfiguration](f, "badgeConfigurationId", "catalogBadgeConfigurationId")
	return append(appBadgeConfigurationKind.declare(),
		declare("GET", "/badge-configurations", tenancy.ContentRead, "List the badges that are published, and how far one is", codes(200, 400, 401), listBadgeConfigurations),
		declare("GET", "/badge-configurations/{badgeConfigurationId}", tenancy.ContentRead, "Get a badge that is published, and how far one is", codes(200, 400, 401, 404), getBadgeConfiguration),
		declare("GET", "/badge-configurations/{badgeConfigurationId}/translation", tenancy.ContentRead, "Get what a badge is called", codes(200, 401, 404), appBadgeConfigurationKind.translation),
	)
}

func listBadgeConfigurations(ctx context.Context, c *call, in *contentPage) (out list[badgeConfigurationRow], err error) {
	all, err := c.ws.Badges.List(ctx, c.user.ID, badges.Query{Lang: c.lang()})
	if err != nil {
		return out, err
	}
	all = slices.DeleteFunc(all, func(v badges.View) bool { return !v.IsActive })
	slices.SortFunc(all, func(a, b badges.View) int { return strings.Compare(a.ConfigurationID, b.ConfigurationID) })
	page, err := sliced(all, func(v *badges.View) string { return v.ConfigurationID }, &in.paging)
	if err != nil {
		return out, err
	}
	out.NextToken = page.NextToken
	out.Items, err = c.badgeConfigurationRows(ctx, page.Items, in.Fields)
	return out, err
}

func getBadgeConfiguration(ctx context.Context, c *call, in *badgeConfigurationAsked) (badgeConfigurationRow, error) {
	v, err := c.ws.Badges.Badge(ctx, c.user.ID, in.ID, c.lang())
	if err == nil && !v.IsActive {
		err = fault.NotFound("badgeConfigurationId", in.ID)
	}
	if err != nil {
		return badgeConfigurationRow{}, err
	}
	rows, err := c.badgeConfigurationRows(ctx, []badges.View{v}, in.Fields)
	if err != nil {
		return badgeConfigurationRow{}, err
	}
	return rows[0], nil
}

// badgeConfigurationRows returns badges that are published as rows of their configurations.
func (c *call) badgeConfigurationRows(ctx context.Context, all []badges.View, fields []string) ([]badgeConfigurationRow, error) {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ConfigurationID
	}
	found, err := c.ws.Badges.Configurations.Live(ctx, ids...)
	if err != nil {
		return nil, err
	}
	docs := make([]badges.Configuration, len(all))
	for i, id := range ids {
		docs[i] = found[id]
	}
	shown, err := appBadgeConfigurationKind.rows(ctx, c, docs, fields, true)
	if err != nil {
		return nil, err
	}
	rows := make([]badgeConfigurationRow, len(all))
	for i := range all {
		rows[i] = badgeConfigurationRow{shown[i], all[i].Count, all[i].Progress}
	}
	return rows, nil
}

// credential returns an award of the user as a credential. What is wrong with its issuer is no fault of who asks.
func (c *call) credential(ctx context.Context, in *credentialAsked) (row credentialRow, err error) {
	var by *badges.Issuer
	if c.issuer != nil {
		by = c.issuer(c.ws)
	}
	if by == nil {
		return row, problem(http.StatusNotFound, CodeNotFound, "nobody issues credentials of the workspace")
	}
	if err := ident.Check("badgeConfigurationId", in.ID); err != nil { // which is the fault of who asks
		return row, err
	}
	row.ConfigurationID = in.ID
	row.Credential, err = c.ws.Badges.Credential(ctx, c.user.ID, in.ID, in.AwardID, *by)
	if errors.Is(err, fault.ErrInvalid) {
		return row, fmt.Errorf("credential of badge %s: %s", in.ID, err) //nolint:errorlint // it would be told as a fault of the request
	}
	return row, err
}

// dashboardBadges declares the badges of users.
func dashboardBadges() []*operation {
	return []*operation{
		declare("GET", "/users/{userId}/badges", tenancy.ContentRead, "List the badges that there are, and how far a user is", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *badgesOfUser) (list[badgeRow], error) {
			u, err := there(ctx, c.ws, in.UserID)
			if err != nil {
				return list[badgeRow]{}, err
			}
			return c.badgeRows(ctx, &u, badges.Query{Had: in.Earned, Secret: true, Lang: c.lang()}, &in.paging)
		}),
		declare("POST", "/users/{userId}/badges", tenancy.ContentUpdate, "Award a badge by hand", codes(201, 400, 401, 404, 409), func(ctx context.Context, c *call, in *awarding) (awardRow, error) {
			if _, err := there(ctx, c.ws, in.UserID); err != nil {
				return awardRow{}, err
			}
			b := &in.Body
			a, err := c.ws.Badges.Award(ctx, badges.NewAward{ID: b.ID, UserID: in.UserID, ConfigurationID: b.ConfigurationID, Reason: b.Reason, At: b.At})
			return awardRow{a, stamped{c.envelope(), a.At, a.At}}, err
		}),
	}
}
