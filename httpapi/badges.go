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
