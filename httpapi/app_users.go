package httpapi

import (
	"context"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
)

type (
	appUser tenancy.User
	// appPrincipal is the identity behind the user.
	appPrincipal tenancy.Principal
)

// A meRow is the user who asks.
type meRow struct {
	User appUser `wire:"inline"`
	// PrincipalID is empty for who has no e-mail.
	PrincipalID string             `json:"principalId"`
	AccountID   string             `json:"accountId"`
	WorkspaceID string             `json:"workspaceId"`
	Tags        *[]tenancy.UserTag `json:"tags,omitempty"`
	Principal   *appPrincipal      `json:"principal,omitempty"`
	Stats       *userStats         `json:"stats,omitempty"`
}

type (
	paged struct{ paging }

	meAsked struct {
		Fields []string `enum:"tags,principal,stats" query:"fields"`
	}
	mePatched struct {
		Body struct {
			Nickname     *string `json:"nickname,omitempty"`
			ProfileImage *string `json:"profileImage,omitempty"`
			Lang         *string `json:"lang,omitempty"`
			Timezone     *string `json:"timezone,omitempty"`
		} `body:"json"`
	}
	myTag struct {
		TagID string `path:"tagId"`
	}
)

// appUsers declares what is about the user who asks.
func appUsers(f *forms) []*operation {
	called[appPrincipal](f, "Principal")
	hide[appUser](f, "principalId", "role", "status", "tags", "changedAt")
	return []*operation{
		declare("GET", "/users/me", Anyone, "Get oneself", codes(200, 401), getMe),
		declare("PATCH", "/users/me", tenancy.SelfUpdate, "Change oneself", codes(200, 400, 401), patchMe),
		declare("GET", "/users/me/principal", Anyone, "Get one's identity", codes(200, 401), getMyPrincipal),
		declare("GET", "/users/me/stats", Anyone, "Get what one has learned", codes(200, 401, 404), getMyStats),
		declare("GET", "/users/me/tags", Anyone, "List one's tags", codes(200, 401), listMyTags),
		declare("GET", "/users/me/tags/{tagId}", Anyone, "Get one of one's tags", codes(200, 401, 404), getMyTag),
	}
}

func (c *call) me(u tenancy.User) meRow {
	at := c.ws.Scope()
	return meRow{User: appUser(u), PrincipalID: u.PrincipalID, AccountID: at.Account, WorkspaceID: at.Workspace}
}

func getMe(ctx context.Context, c *call, in *meAsked) (row meRow, err error) {
	u, err := c.ws.Users.Get(ctx, c.user.ID)
	if err != nil {
		return row, err
	}
	row = c.me(u)
	if slices.Contains(in.Fields, "tags") {
		row.Tags = new(slices.Clip(u.Tags))
	}
	if slices.Contains(in.Fields, "stats") {
		if row.Stats, err = c.stats(ctx, u.ID); err != nil {
			return row, err
		}
	}
	if slices.Contains(in.Fields, "principal") {
		switch p, err := c.ws.Users.Principal(ctx, u.ID); {
		case err == nil:
			row.Principal = new(appPrincipal(p))
		case !errors.Is(err, fault.ErrNotFound): // who has no e-mail has none
			return row, err
		}
	}
	return row, nil
}

func patchMe(ctx context.Context, c *call, in *mePatched) (meRow, error) {
	b := &in.Body
	u, err := c.ws.Users.Update(ctx, c.user.ID, tenancy.UserPatch{Nickname: b.Nickname, ProfileImage: b.ProfileImage, Lang: b.Lang, Timezone: b.Timezone})
	return c.me(u), err
}

func getMyPrincipal(ctx context.Context, c *call, _ *nothing) (appPrincipal, error) {
	p, err := c.ws.Users.Principal(ctx, c.user.ID)
	return appPrincipal(p), err
}

func getMyStats(ctx context.Context, c *call, _ *nothing) (*userStats, error) {
	return c.stats(ctx, c.user.ID)
}

func listMyTags(ctx context.Context, c *call, in *paged) (list[tenancy.UserTag], error) {
	tags, err := c.ws.Users.Tags(ctx, c.user.ID)
	if err != nil {
		return list[tenancy.UserTag]{}, err
	}
	return sliced(tags, func(t *tenancy.UserTag) string { return t.TagID }, &in.paging)
}

func getMyTag(ctx context.Context, c *call, in *myTag) (tenancy.UserTag, error) {
	tags, err := c.ws.Users.Tags(ctx, c.user.ID)
	if err != nil {
		return tenancy.UserTag{}, err
	}
	i := slices.IndexFunc(tags, func(t tenancy.UserTag) bool { return t.TagID == in.TagID })
	if i < 0 {
		return tenancy.UserTag{}, fault.NotFound("tagId", in.TagID)
	}
	return tags[i], nil
}
