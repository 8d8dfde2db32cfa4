package httpapi

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A userRow is a user in the Dashboard.
type userRow struct {
	PrincipalID string             `json:"principalId"` // "" of who has no e-mail
	Tags        *[]tenancy.UserTag `json:"tags,omitempty"`
	Principal   *tenancy.Principal `json:"principal,omitempty"`
	Stats       *userStats         `json:"stats,omitempty"`
	AccountID   string             `json:"accountId"`
	WorkspaceID string             `json:"workspaceId"`

	tenancy.User
}

// userStats are what a user has learned.
type userStats struct {
	CompletedPaths int `json:"completedPaths"`
	// QuizSuccessRate is which part of the user's answers was correct, in per cent.
	QuizSuccessRate decimal.Decimal `json:"quizSuccessRate"`
	LearningMinutes decimal.Decimal `json:"learningMinutes"`
	TotalActivities int             `json:"totalActivities"`
}

// stats returns what a user has learned.
func (c *call) stats(ctx context.Context, userID string) (*userStats, error) {
	s, err := c.ws.Learning.Stats(ctx, userID)
	if err != nil {
		return nil, err
	}
	return &userStats{s.CompletedPaths, s.QuizSuccessRate.Shift(2), s.LearningMinutes, s.TotalActivities}, nil
}

// userRows returns users as rows, with the expansions that are asked for, which are read at once.
func (c *call) userRows(ctx context.Context, all []tenancy.User, fields []string) ([]userRow, error) {
	var principals map[string]tenancy.Principal
	if slices.Contains(fields, "principal") {
		ids := make([]string, len(all))
		for i := range all {
			ids[i] = all[i].ID
		}
		var err error
		if principals, err = c.ws.Users.Principals(ctx, ids...); err != nil {
			return nil, err
		}
	}
	at := c.ws.Scope()
	rows := make([]userRow, len(all))
	for i, u := range all {
		rows[i] = userRow{PrincipalID: u.PrincipalID, AccountID: at.Account, WorkspaceID: at.Workspace, User: u}
		if slices.Contains(fields, "tags") {
			rows[i].Tags = &u.Tags
		}
		if p, is := principals[u.ID]; is {
			rows[i].Principal = &p
		}
	}
	return rows, nil
}

// userRow returns a user as a row, with the expansions that are asked for.
func (c *call) userRow(ctx context.Context, u tenancy.User, fields []string) (userRow, error) {
	rows, err := c.userRows(ctx, []tenancy.User{u}, fields)
	if err != nil {
		return userRow{}, err
	}
	if slices.Contains(fields, "stats") {
		if rows[0].Stats, err = c.stats(ctx, u.ID); err != nil {
			return userRow{}, err
		}
	}
	return rows[0], nil
}

// there returns a user, unless it is deleted: what remains of such a one is for the history alone.
func there(ctx context.Context, ws *guerdon.Workspace, id string) (tenancy.User, error) {
	u, err := ws.Users.Get(ctx, id)
	if err == nil && u.Status == tenancy.Deleted {
		err = fault.NotFound("user", id)
	}
	return u, err
}

// userTags assigns tags to users as they are assigned to documents.
type userTags struct{ ws *guerdon.Workspace }

func assignmentsOfUser(id string, tags []tenancy.UserTag) []content.TagAssignment {
	all := make([]content.TagAssignment, len(tags))
	for i, t := range tags {
		all[i] = content.TagAssignment{TagID: t.TagID, EntityType: "User", EntityID: id, Priority: t.Priority, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt}
	}
	return all
}

func (t userTags) AssignTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]content.TagAssignment, error) {
	made, err := t.ws.Users.AssignTags(ctx, id, tags...)
	return assignmentsOfUser(id, made), err
}

func (t userTags) UpdateTags(ctx context.Context, id string, tags ...tenancy.Tagging) ([]content.TagAssignment, error) {
	made, err := t.ws.Users.UpdateTags(ctx, id, tags...)
	return assignmentsOfUser(id, made), err
}

func (t userTags) RemoveTags(ctx context.Context, id string, tagIDs ...string) error {
	return t.ws.Users.RemoveTags(ctx, id, tagIDs...)
}

func (t userTags) AssignedTags(ctx context.Context, id string, page store.Page) ([]content.TagAssignment, string, error) {
	u, err := there(ctx, t.ws, id)
	if err != nil {
		return nil, "", err
	}
	if !page.Ascending {
		slices.Reverse(u.Tags)
	}
	limit := int64(page.Limit)
	if limit == 0 {
		limit = store.DefaultPage
	}
	return inMemory(assignmentsOfUser(u.ID, u.Tags), &paging{Limit: &limit, NextToken: page.Token})
}

func (t userTags) AssignedTag(ctx context.Context, id, tagID string) (content.TagAssignment, error) {
	u, err := there(ctx, t.ws, id)
	if err != nil {
		return content.TagAssignment{}, err
	}
	for _, own := range assignmentsOfUser(u.ID, u.Tags) {
		if own.TagID == tagID {
			return own, nil
		}
	}
	return content.TagAssignment{}, fault.NotFound("tagId", tagID)
}

type (
	userList struct {
		paging

		Fields []string `enum:"tags,principal"   query:"fields"`
		// Status picks those who are suspended; absent is active.
		Status string `enum:"active,suspended" query:"status"`
	}
	oneUser struct {
		ID     string   `path:"id"`
		Fields []string `enum:"tags,principal,stats" query:"fields"`
	}
	externalUser struct {
		ID     string   `path:"id"`
		Fields []string `enum:"tags,principal" query:"fields"`
	}
	oneself struct {
		Fields []string `enum:"tags,principal,stats" query:"fields"`
	}
	newUser struct {
		Body struct {
			Email        string `json:"email"`
			FirstName    string `json:"firstName,omitempty"`
			LastName     string `json:"lastName,omitempty"`
			ExternalID   string `json:"externalId,omitempty"`
			Nickname     string `json:"nickname,omitempty"`
			ProfileImage string `json:"profileImage,omitempty"`
			Lang         string `json:"lang,omitempty"`
			Timezone     string `json:"timezone,omitempty"`
		} `body:"json"`
	}
	userPatch struct {
		ID   string `path:"id"`
		Body struct {
			ExternalID   cleared `json:"externalId,omitzero"`
			Nickname     cleared `json:"nickname,omitzero"`
			ProfileImage cleared `json:"profileImage,omitzero"`
			Lang         cleared `json:"lang,omitzero"`
			Timezone     cleared `json:"timezone,omitzero"`
		} `body:"json"`
	}
	merging struct {
		UserID string `path:"userId"`
		Body   struct {
			guerdon.Correction

			// IntoUserID is the user who stays.
			IntoUserID string `json:"intoUserId"`
			// DryRun tells what it would do, and keeps nothing.
			DryRun bool `json:"dryRun,omitempty"`
		} `body:"json"`
	}
	userGone struct {
		UserID  string `json:"userId"`
		Deleted bool   `json:"deleted"`
	}
)

// cleared is a text that a patch may leave out, give, or clear with null or "".
type cleared struct{ text *string }

// UnmarshalJSON reads a text or null.
func (c *cleared) UnmarshalJSON(b []byte) error {
	c.text = new("")
	return json.Unmarshal(b, c.text)
}

func dashboardUsers(f *forms) []*operation {
	shapeOf[tenancy.User](f, shape{hidden: []string{"changedAt", "mergedInto"}})
	const base, one = "/users", "/users/{userId}"
	all := []*operation{
		declare("POST", base, tenancy.UsersManage, "Create a user", codes(201, 400, 401), func(ctx context.Context, c *call, in *newUser) (row userRow, err error) {
			b := &in.Body
			if b.Email == "" {
				return row, fault.Invalid("email", "is missing")
			}
			u, err := c.ws.Users.Create(ctx, tenancy.NewUser{
				Email: b.Email, FirstName: b.FirstName, LastName: b.LastName, ExternalID: b.ExternalID, Nickname: b.Nickname,
				ProfileImage: b.ProfileImage, Lang: b.Lang, Timezone: b.Timezone,
			})
			if err != nil {
				return row, err
			}
			return c.userRow(ctx, u, nil)
		}),
		declare("GET", base, tenancy.ContentRead, "List users", codes(200, 401), func(ctx context.Context, c *call, in *userList) (list[userRow], error) {
			found, next, err := c.ws.Users.List(ctx, tenancy.UserFilter{Status: tenancy.Status(in.Status)}, in.page())
			if err != nil {
				return list[userRow]{}, err
			}
			rows, err := c.userRows(ctx, found, in.Fields)
			return list[userRow]{rows, next}, err
		}),
		declare("GET", base+"/by-external-id/{externalId}", tenancy.ContentRead, "Get the user whom the host calls so", codes(200, 401, 404), func(ctx context.Context, c *call, in *externalUser) (row userRow, err error) {
			u, err := c.ws.Users.ByExternalID(ctx, in.ID)
			if err != nil {
				return row, err
			}
			return c.userRow(ctx, u, in.Fields)
		}),
		declare("GET", base+"/me", Anyone, "Get oneself", codes(200, 401), func(ctx context.Context, c *call, in *oneself) (row userRow, err error) {
			return c.userRow(ctx, *c.user, in.Fields)
		}),
		declare("GET", base+"/me/principal", Anyone, "Get the identity behind oneself", codes(200, 401), func(ctx context.Context, c *call, _ *nothing) (tenancy.Principal, error) {
			return c.ws.Users.Principal(ctx, c.user.ID)
		}),
		declare("GET", one, tenancy.ContentRead, "Get a user", codes(200, 401, 404), func(ctx context.Context, c *call, in *oneUser) (row userRow, err error) {
			u, err := there(ctx, c.ws, in.ID)
			if err != nil {
				return row, err
			}
			return c.userRow(ctx, u, in.Fields)
		}),
		declare("PATCH", one, tenancy.UsersManage, "Change a user", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *userPatch) (row userRow, err error) {
			if _, err := there(ctx, c.ws, in.ID); err != nil {
				return row, err
			}
			b := &in.Body
			u, err := c.ws.Users.Update(ctx, in.ID, tenancy.UserPatch{
				ExternalID: b.ExternalID.text, Nickname: b.Nickname.text, ProfileImage: b.ProfileImage.text, Lang: b.Lang.text, Timezone: b.Timezone.text,
			})
			if err != nil {
				return row, err
			}
			return c.userRow(ctx, u, nil)
		}),
		declare("DELETE", one, tenancy.UsersManage, "Delete a user: nothing that identifies one remains", codes(200, 401, 404), func(ctx context.Context, c *call, in *oneUser) (userGone, error) {
			if _, err := there(ctx, c.ws, in.ID); err != nil {
				return userGone{}, err
			}
			_, err := c.ws.Users.Anonymise(ctx, in.ID)
			return userGone{in.ID, true}, err
		}),
		declare("POST", one+"/merge", tenancy.UsersManage, "Give a user's id up for that of another, who is the same person", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *merging) (guerdon.Merged, error) {
			if _, err := there(ctx, c.ws, in.UserID); err != nil {
				return guerdon.Merged{}, err
			}
			merge := c.ws.Merge
			if in.Body.DryRun {
				merge = c.ws.DryMerge
			}
			return merge(ctx, in.UserID, in.Body.IntoUserID, in.Body.Correction)
		}),
	}
	of := func(ws *guerdon.Workspace) tagged { return userTags{ws} }
	all = append(all, tagReads(one, of)...)
	return append(all, tagWrites(one, "User", tenancy.UsersManage, tagsSilent, of)...)
}
