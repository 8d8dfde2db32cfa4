package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A portal is what is known of a call of the Portal.
type portal struct {
	principal tenancy.Principal
	may       []tenancy.Membership
	// owner says that the caller is an owner of the account: who is one of its workspace "default", which every account has.
	owner bool
	// workspace is the workspace that the path names, "" for none.
	workspace string
	// foreign says that what the caller names is there, perhaps, and none of the caller's: who is told that there is none was refused.
	foreign bool
}

// enterPortal finds out which principal calls, and whether that one may. In a workspace that the path names, what a principal may do is what the
// role of its user there allows; an owner of the account may do all in each. What is about the account is asked of its workspace "default".
func (c *call) enterPortal(ctx context.Context) (err error) {
	c.portal.principal, c.portal.may, err = c.platform.Principal(ctx, c.caller.Account, c.caller.Principal)
	if errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrInvalid) {
		return problem(http.StatusForbidden, CodeForbidden, "the token is for no principal that there is")
	}
	if err != nil {
		return err
	}
	home, err := c.userIn(ctx, tenancy.DefaultWorkspace)
	if err != nil {
		return err
	}
	c.portal.owner = home != nil && home.Can(tenancy.WorkspaceManage)
	if c.portal.workspace = c.path["workspaceId"]; c.portal.workspace == "" {
		c.user = home
	} else if err := c.enterWorkspace(ctx); err != nil {
		return err
	}
	if p := c.op.Permission; p != Anyone && !c.may(p) {
		return problem(http.StatusForbidden, CodeForbidden, "your role does not allow %s", p)
	}
	if c.ws != nil {
		id := c.portal.principal.ID
		if c.user != nil {
			id = c.user.ID
		}
		c.ws = c.ws.As(c.actor(id))
	}
	return nil
}

// enterWorkspace finds the workspace that the path names. To who has no user there it is as if there were none.
func (c *call) enterWorkspace(ctx context.Context) (err error) {
	s := store.Scope{Account: c.caller.Account, Workspace: c.portal.workspace}
	if c.user, err = c.userIn(ctx, s.Workspace); err != nil {
		return err
	}
	_, err = c.platform.Workspace(ctx, s)
	switch {
	case errors.Is(err, fault.ErrNotFound) && c.op.apart && c.portal.owner: // it may be its own doing, that comes again
		return nil
	case errors.Is(err, fault.ErrInvalid):
		err = fault.NotFound("workspace", s.Workspace)
	case err == nil && c.user == nil && !c.portal.owner:
		err = c.foreign("workspace", s.Workspace)
	}
	if err != nil {
		c.portal.workspace = ""
		return err
	}
	c.ws, err = c.engine.Workspace(ctx, s)
	if errors.Is(err, fault.ErrConflict) && c.op.apart { // what is half gone can be deleted
		return nil
	}
	return err
}

// foreign says that there is none of what is not the caller's, and that the caller was refused.
func (c *call) foreign(kind, id string) error {
	c.portal.foreign = true
	return fault.NotFound(kind, id)
}

// userIn returns the active user whom the principal is in a workspace, nil for none.
func (c *call) userIn(ctx context.Context, workspaceID string) (*tenancy.User, error) {
	i := slices.IndexFunc(c.portal.may, func(m tenancy.Membership) bool { return m.WorkspaceID == workspaceID })
	if i < 0 {
		return nil, nil
	}
	ws, err := c.engine.Workspace(ctx, store.Scope{Account: c.caller.Account, Workspace: workspaceID})
	if errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrConflict) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	u, err := ws.Users.Get(ctx, c.portal.may[i].UserID)
	if errors.Is(err, fault.ErrNotFound) || err == nil && u.Status != tenancy.Active {
		return nil, nil
	}
	return &u, err
}

// may tells whether a caller of the Portal may do something where it is.
func (c *call) may(p tenancy.Permission) bool {
	return (c.portal.owner || c.user != nil && c.user.Can(p)) && c.bounded(p)
}

// requireCovers refuses a role that allows what the caller may not do: nobody gives what they have not.
func (c *call) requireCovers(r tenancy.Role) error {
	for p, allowed := range tenancy.Permissions(r) {
		if allowed && !c.may(p) {
			return problem(http.StatusForbidden, CodeForbidden, "the role %s may do more than you", r)
		}
	}
	return nil
}

// requireUser refuses, under a name, a user who is not active in the workspace.
func (c *call) requireUser(ctx context.Context, field, id string) error {
	u, err := c.ws.Users.Get(ctx, id)
	if errors.Is(err, fault.ErrNotFound) || err == nil && u.Status != tenancy.Active {
		return fault.Invalid(field, "%q is no active user of the workspace", id)
	}
	return err
}

// portalOperations declare what the Portal serves.
func portalOperations() []*operation {
	return slices.Concat(accountOperations(), workspaceOperations(), principalOperations(), memberOperations(), apiKeyOperations(), []*operation{
		declare("GET", "/audit-logs", tenancy.WorkspaceManage, "List who was refused, and what was changed, in no one workspace", codes(200, 400, 401, 403),
			func(ctx context.Context, c *call, in *auditing) (page list[auditLog], err error) {
				err = c.engine.Store().View(ctx, store.Scope{Account: c.caller.Account}, func(tx store.Tx) error {
					page, err = in.list(ctx, tx)
					return err
				})
				return page, err
			}),
		subTenants(),
	})
}

type accountNamed struct {
	AccountID string `path:"accountId"`
}

// accountOperations declare what is told of accounts: that of the caller is all there is.
func accountOperations() []*operation {
	return []*operation{
		declare("GET", "/accounts", Anyone, "List the accounts that you may enter", codes(200, 400, 401, 403),
			func(ctx context.Context, c *call, _ *paging) (list[tenancy.Account], error) {
				a, err := c.platform.Account(ctx, c.caller.Account)
				return list[tenancy.Account]{Items: []tenancy.Account{a}}, err
			}),
		declare("GET", "/accounts/{accountId}", Anyone, "Get an account", codes(200, 401, 403, 404),
			func(ctx context.Context, c *call, in *accountNamed) (tenancy.Account, error) {
				if in.AccountID != c.caller.Account {
					return tenancy.Account{}, c.foreign("account", in.AccountID)
				}
				return c.platform.Account(ctx, c.caller.Account)
			}),
	}
}

type (
	newWorkspace struct {
		Body struct {
			ID       string                `json:"workspaceId,omitempty"`
			Name     string                `json:"name"`
			Slug     string                `json:"slug,omitempty"`
			Plan     tenancy.Plan          `json:"plan,omitempty"`
			Type     tenancy.WorkspaceType `json:"type,omitempty"`
			Catalogs []string              `json:"catalogs,omitempty"`
		} `body:"json"`
	}
	renaming struct {
		inWorkspace

		Body struct {
			Name string `json:"name"`
		} `body:"json"`
	}
	workspaceGone struct {
		ID      string `json:"workspaceId"`
		Deleted bool   `json:"deleted"`
	}
)

// workspaceOperations declare how workspaces are made, listed, renamed and deleted.
func workspaceOperations() []*operation {
	const all, one = "/workspaces", "/workspaces/{workspaceId}"
	return []*operation{
		declare("GET", all, Anyone, "List the workspaces that you may enter", codes(200, 400, 401, 403),
			func(ctx context.Context, c *call, in *paging) (list[tenancy.Workspace], error) {
				if c.portal.owner {
					found, next, err := c.platform.Workspaces(ctx, c.caller.Account, in.page())
					return list[tenancy.Workspace]{found, next}, err
				}
				some, next := entered(c.portal.may, in.page())
				found, err := c.platform.WorkspacesByID(ctx, c.caller.Account, some...)
				return list[tenancy.Workspace]{found, next}, err
			}),
		declare("POST", all, tenancy.WorkspaceManage, "Make a workspace", codes(201, 400, 401, 403, 409),
			func(ctx context.Context, c *call, in *newWorkspace) (tenancy.Workspace, error) {
				b := in.Body
				return c.platform.CreateWorkspace(ctx, tenancy.Workspace{
					AccountID: c.caller.Account, ID: b.ID, Name: b.Name, Slug: b.Slug, Plan: b.Plan, Type: b.Type, Catalogs: b.Catalogs,
				})
			}).onPlatform(),
		declare("GET", one, Anyone, "Get a workspace", codes(200, 401, 403, 404),
			func(ctx context.Context, c *call, _ *inWorkspace) (tenancy.Workspace, error) {
				return c.platform.Workspace(ctx, c.ws.Scope())
			}),
		declare("PATCH", one, tenancy.WorkspaceManage, "Rename a workspace", codes(200, 400, 401, 403, 404),
			func(ctx context.Context, c *call, in *renaming) (tenancy.Workspace, error) {
				return c.platform.RenameWorkspace(ctx, store.Scope{Account: c.caller.Account, Workspace: in.WorkspaceID}, in.Body.Name)
			}).onPlatform(),
		declare("DELETE", one, tenancy.WorkspaceManage, "Delete a workspace with all that it holds", codes(200, 400, 401, 403, 404),
			func(ctx context.Context, c *call, in *inWorkspace) (workspaceGone, error) {
				s := store.Scope{Account: c.caller.Account, Workspace: in.WorkspaceID}
				gone := workspaceGone{in.WorkspaceID, true}
				if in.WorkspaceID == tenancy.DefaultWorkspace { // whose owners are the account's
					return gone, fault.Conflict("workspaceId", "%q cannot be deleted; every account has it", in.WorkspaceID)
				}
				w, err := c.platform.Workspace(ctx, s)
				if err == nil && w.Status == tenancy.WorkspaceOpen {
					_, err = c.platform.CloseWorkspace(ctx, s)
				}
				if err == nil {
					err = c.forgetAPIKeys(ctx, s)
				}
				if err == nil {
					err = c.engine.EraseWorkspace(ctx, s)
				}
				return gone, err
			}).byItself().onPlatform(),
	}
}

// entered returns a page of the workspaces of memberships, in the order of their ids, and the token of the next.
func entered(may []tenancy.Membership, page store.Page) (ids []string, next string) {
	for _, m := range may {
		ids = append(ids, m.WorkspaceID)
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return id <= page.Token })
	limit := page.Limit
	if limit == 0 {
		limit = store.DefaultPage
	}
	if len(ids) > limit {
		ids = ids[:limit]
		next = ids[limit-1]
	}
	return ids, next
}

type (
	principalNamed struct {
		// PrincipalID is "me" for the caller.
		PrincipalID string `path:"principalId"`
	}
	principalsOf struct {
		principalNamed
		paging
	}
	// A membershipRow is a workspace that a principal may enter.
	membershipRow struct {
		tenancy.Membership

		Name string `json:"name"`
	}
)

// principalOperations declare what is told of principals: of all to owners of the account, of oneself to everybody.
func principalOperations() []*operation {
	return []*operation{
		declare("GET", "/principals", tenancy.WorkspaceManage, "List principals", codes(200, 400, 401, 403),
			func(ctx context.Context, c *call, in *paging) (list[tenancy.Principal], error) {
				found, next, err := c.platform.Principals(ctx, c.caller.Account, in.page())
				return list[tenancy.Principal]{found, next}, err
			}),
		declare("GET", "/principals/{principalId}", Anyone, "Get a principal", codes(200, 401, 403, 404),
			func(ctx context.Context, c *call, in *principalNamed) (tenancy.Principal, error) {
				p, _, err := c.principalOf(ctx, in.PrincipalID)
				return p, err
			}),
		declare("GET", "/principals/{principalId}/workspaces", Anyone, "List the workspaces that a principal may enter", codes(200, 400, 401, 403, 404),
			func(ctx context.Context, c *call, in *principalsOf) (rows list[membershipRow], err error) {
				_, may, err := c.principalOf(ctx, in.PrincipalID)
				if err != nil {
					return rows, err
				}
				ids, next := entered(may, in.page())
				found, err := c.platform.WorkspacesByID(ctx, c.caller.Account, ids...)
				rows.NextToken = next
				for _, m := range may {
					if i := slices.IndexFunc(found, func(w tenancy.Workspace) bool { return w.ID == m.WorkspaceID }); i >= 0 {
						rows.Items = append(rows.Items, membershipRow{m, found[i].Name})
					}
				}
				return rows, err
			}),
	}
}

// principalOf returns a principal of whom the caller may know.
func (c *call) principalOf(ctx context.Context, id string) (tenancy.Principal, []tenancy.Membership, error) {
	switch {
	case id == "me" || id == c.portal.principal.ID:
		return c.portal.principal, c.portal.may, nil
	case !c.may(tenancy.WorkspaceManage):
		return tenancy.Principal{}, nil, c.foreign("principal", id)
	}
	return c.platform.Principal(ctx, c.caller.Account, id)
}

type (
	membersOf struct {
		inWorkspace
		paging

		Role   string `enum:"owner,admin,manager,member,viewer" query:"role"`
		Status string `enum:"active,suspended,deleted"          query:"status"`
	}
	memberOf struct {
		inWorkspace

		UserID string `path:"userId"`
	}
	newMember struct {
		inWorkspace

		Body struct {
			Email     string       `json:"email"`
			FirstName string       `json:"firstName,omitempty"`
			LastName  string       `json:"lastName,omitempty"`
			Role      tenancy.Role `json:"role,omitempty"`
		} `body:"json"`
	}
	memberChange struct {
		memberOf

		Body struct {
			Role   *tenancy.Role   `json:"role,omitempty"`
			Status *tenancy.Status `json:"status,omitempty"`
		} `body:"json"`
	}
	// A memberRow is a user as the Portal shows it.
	memberRow struct {
		UserID      string         `json:"userId"`
		WorkspaceID string         `json:"workspaceId"`
		PrincipalID string         `json:"principalId,omitempty"`
		Role        tenancy.Role   `json:"role,omitempty"`
		Status      tenancy.Status `json:"status"`
		CreatedAt   time.Time      `json:"createdAt"`
		UpdatedAt   time.Time      `json:"updatedAt"`
	}
)

func (c *call) member(u *tenancy.User) memberRow {
	return memberRow{u.ID, c.ws.Scope().Workspace, u.PrincipalID, u.Role, u.Status, u.CreatedAt, u.UpdatedAt}
}

// memberOperations declare how users come into workspaces, get roles, and leave.
func memberOperations() []*operation {
	const all, one = "/workspaces/{workspaceId}/users", "/workspaces/{workspaceId}/users/{userId}"
	return []*operation{
		declare("GET", all, tenancy.UsersManage, "List users", codes(200, 400, 401, 403, 404),
			func(ctx context.Context, c *call, in *membersOf) (rows list[memberRow], err error) {
				found, next, err := c.ws.Users.List(ctx, tenancy.UserFilter{Role: tenancy.Role(in.Role), Status: tenancy.Status(in.Status)}, in.page())
				rows.NextToken = next
				for i := range found {
					rows.Items = append(rows.Items, c.member(&found[i]))
				}
				return rows, err
			}),
		declare("POST", all, tenancy.UsersManage, "Let a principal into the workspace, by e-mail", codes(201, 400, 401, 403, 404, 409),
			func(ctx context.Context, c *call, in *newMember) (memberRow, error) {
				b := in.Body
				if b.Email == "" {
					return memberRow{}, fault.Invalid("email", "is empty")
				}
				if b.Role == "" {
					b.Role = tenancy.Member
				}
				if err := errors.Join(b.Role.Check("role"), c.requireCovers(b.Role)); err != nil {
					return memberRow{}, err
				}
				u, err := c.ws.Users.Create(ctx, tenancy.NewUser{Email: b.Email, FirstName: b.FirstName, LastName: b.LastName, Role: b.Role})
				return c.member(&u), err
			}),
		declare("GET", one, tenancy.UsersManage, "Get a user", codes(200, 401, 403, 404),
			func(ctx context.Context, c *call, in *memberOf) (memberRow, error) {
				u, err := c.ws.Users.Get(ctx, in.UserID)
				return c.member(&u), err
			}),
		declare("PATCH", one, tenancy.UsersManage, "Give a user a role, suspend or resume", codes(200, 400, 401, 403, 404), changeMember),
		declare("DELETE", one, tenancy.UsersManage, "Delete a user", codes(200, 400, 401, 403, 404),
			func(ctx context.Context, c *call, in *memberOf) (memberRow, error) {
				u, err := c.subordinate(ctx, in.UserID)
				if err == nil {
					u, err = c.ws.Users.Anonymise(ctx, in.UserID)
				}
				return c.member(&u), err
			}),
	}
}

// subordinate returns a user who may do nothing that the caller may not, and is another one.
func (c *call) subordinate(ctx context.Context, id string) (tenancy.User, error) {
	u, err := c.ws.Users.Get(ctx, id)
	switch {
	case err != nil:
		return u, err
	case c.user != nil && c.user.ID == id:
		return u, fault.Conflict("userId", "is yourself")
	}
	return u, c.requireCovers(u.Role)
}

func changeMember(ctx context.Context, c *call, in *memberChange) (memberRow, error) {
	u, err := c.subordinate(ctx, in.UserID)
	if err != nil {
		return memberRow{}, err
	}
	if role := in.Body.Role; role != nil {
		if err := errors.Join(role.Check("role"), c.requireCovers(*role)); err != nil {
			return memberRow{}, err
		}
		if u, err = c.ws.Users.SetRole(ctx, in.UserID, *role); err != nil {
			return memberRow{}, err
		}
	}
	if status := in.Body.Status; status != nil {
		switch *status {
		case tenancy.Active:
			u, err = c.ws.Users.Resume(ctx, in.UserID)
		case tenancy.Suspended:
			u, err = c.ws.Users.Suspend(ctx, in.UserID)
		default:
			err = fault.Invalid("status", "%q is none of active, suspended", *status)
		}
	}
	return c.member(&u), err
}

type (
	tenantAsked struct {
		TenantID string `query:"tenant_id"`
	}
	// A tenantRefusal is what a client of sub-tenants is refused with.
	tenantRefusal struct {
		Detail struct {
			Success bool   `json:"success"`
			Message string `json:"message"`
			Code    string `json:"error_code"`
		} `json:"detail"`
	}
)

// subTenants declares what clients ask that call accounts tenants and workspaces sub-tenants.
func subTenants() *operation {
	o := declare("GET", "/tenant/sub_tenant_ids", Anyone, "List the ids of the workspaces of an account", codes(200, 400, 401, 403, 404),
		func(ctx context.Context, c *call, in *tenantAsked) (tenancy.SubTenants, error) {
			err := ident.Check("tenant_id", in.TenantID)
			if err == nil && in.TenantID != c.caller.Account {
				err = c.foreign("tenant", in.TenantID)
			}
			if err != nil {
				return tenancy.SubTenants{}, err
			}
			return c.platform.SubTenants(ctx, in.TenantID)
		})
	o.refused = func(p *Problem) any {
		said := tenantRefusal{}
		said.Detail.Message = p.Message
		switch p.Status {
		case http.StatusBadRequest:
			said.Detail.Code = "INVALID_TENANT_ID"
		case http.StatusUnauthorized:
			said.Detail.Code = "UNAUTHORIZED"
		case http.StatusForbidden:
			said.Detail.Code = "FORBIDDEN"
		case http.StatusNotFound:
			said.Detail.Code = "TENANT_NOT_FOUND"
		case http.StatusTooManyRequests:
			said.Detail.Code = "RATE_LIMITED"
		default:
			said.Detail.Code = "INTERNAL_ERROR"
		}
		return said
	}
	return o
}
