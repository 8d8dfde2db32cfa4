package tenancy

import (
	"context"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Platform is the service for accounts and their workspaces. The zero value refuses every call. It may
// be used concurrently.
type Platform struct {
	run  session.Runner
	gate holding.Gate
}

// NewPlatform returns the service. run runs transactions on the platform's scope.
func NewPlatform(run session.Runner, gate holding.Gate) Platform { return Platform{run, gate} }

// CreateAccount adds an account and its workspace "default", and returns the account. It returns
// [fault.ErrInvalid] for every field at fault, and [fault.ErrExists] if the id is taken.
func (p Platform) CreateAccount(ctx context.Context, a Account) (Account, error) {
	return session.Write(ctx, p.run, func(tx *session.Tx) (Account, error) {
		own := a // fn may run again
		if own.ID == "" {
			own.ID = shortID(tx.NewID())
		}
		own.CreatedAt, own.UpdatedAt = tx.Now, tx.Now
		if err := own.validate(); err != nil {
			return Account{}, err
		}
		_, taken, err := accounts.Get(ctx, tx, own.ID)
		if err == nil && taken {
			err = fault.Exists("accountId", "%q is taken", own.ID)
		}
		if err != nil {
			return Account{}, err
		}
		if err := accounts.Insert(ctx, tx, own); err != nil {
			return Account{}, err
		}
		_, err = p.addWorkspace(ctx, tx, Workspace{ID: DefaultWorkspace, AccountID: own.ID, Name: DefaultWorkspace})
		return own, err
	})
}

// Account returns the account with the given id; [fault.ErrNotFound] if there is none.
func (p Platform) Account(ctx context.Context, id string) (Account, error) {
	return session.Read(ctx, p.run, func(tx *session.Tx) (Account, error) { return findAccount(ctx, tx, "accountId", id) })
}

// Accounts returns accounts in the order of their last update, newest first, and the token of the next
// page, "" if there is none.
func (p Platform) Accounts(ctx context.Context, page store.Page) (list []Account, next string, err error) {
	return session.ReadPage(ctx, p.run, func(tx *session.Tx) ([]Account, string, error) {
		return accounts.PageOf(ctx, tx, store.By("updated"), page)
	})
}

// CreateWorkspace adds a workspace to the account that it names and returns it. It returns
// [fault.ErrInvalid] for every field at fault, [fault.ErrNotFound] if there is no such account, and
// [fault.ErrExists] if the id or the slug is taken.
func (p Platform) CreateWorkspace(ctx context.Context, w Workspace) (Workspace, error) {
	return session.Write(ctx, p.run, func(tx *session.Tx) (Workspace, error) {
		if _, err := findAccount(ctx, tx, "accountId", w.AccountID); err != nil {
			return Workspace{}, err
		}
		return p.addWorkspace(ctx, tx, w)
	})
}

// addWorkspace adds a workspace to an account that exists. What it refuses, it refuses before it writes.
func (p Platform) addWorkspace(ctx context.Context, tx *session.Tx, w Workspace) (Workspace, error) {
	if w.ID == "" {
		w.ID = shortID(tx.NewID())
	}
	w = w.withDefaults()
	w.Status = WorkspaceOpen
	w.CreatedAt, w.UpdatedAt = tx.Now, tx.Now
	if err := w.validate(); err != nil {
		return Workspace{}, err
	}
	if err := w.requireCatalogs(ctx, tx); err != nil {
		return Workspace{}, err
	}
	if err := w.requireNew(ctx, tx); err != nil {
		return Workspace{}, err
	}
	if err := workspaces.Insert(ctx, tx.In(accountScope(w.AccountID)), w); err != nil {
		return Workspace{}, err
	}
	return w, p.gate.Create(ctx, tx.In(w.Scope()))
}

// Workspace returns the workspace of a scope. It returns [fault.ErrNotFound] if there is none, and
// [fault.ErrInvalid] if the scope names none.
func (p Platform) Workspace(ctx context.Context, s store.Scope) (Workspace, error) {
	return session.Read(ctx, p.run, func(tx *session.Tx) (Workspace, error) {
		w, err := FindWorkspace(ctx, tx, s)
		if err != nil {
			return Workspace{}, err
		}
		return *w, nil
	})
}

// Workspaces returns the workspaces of an account in the order of their last update, newest first, and
// the token of the next page, "" if there is none. It returns [fault.ErrNotFound] if there is no such
// account.
func (p Platform) Workspaces(ctx context.Context, accountID string, page store.Page) (list []Workspace, next string, err error) {
	return session.ReadPage(ctx, p.run, func(tx *session.Tx) ([]Workspace, string, error) {
		if _, err := findAccount(ctx, tx, "accountId", accountID); err != nil {
			return nil, "", err
		}
		return workspaces.PageOf(ctx, tx.In(accountScope(accountID)), store.By("updated"), page)
	})
}

// WorkspacesByID returns those of an account's workspaces that have one of some ids, at most [store.MaxPage], in the order of these. What there is none
// of is left out. It returns [fault.ErrInvalid] for too many ids or one that is malformed.
func (p Platform) WorkspacesByID(ctx context.Context, accountID string, ids ...string) ([]Workspace, error) {
	faults := []error{ident.Check("accountId", accountID)}
	if len(ids) > store.MaxPage {
		faults = append(faults, fault.Invalid("workspaceId", "are %d, at most %d are allowed", len(ids), store.MaxPage))
	}
	for _, id := range ids {
		faults = append(faults, ident.Check("workspaceId", id))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return session.Read(ctx, p.run, func(tx *session.Tx) ([]Workspace, error) {
		return workspaces.GetMany(ctx, tx.In(accountScope(accountID)), ids...)
	})
}

// Principal returns a principal of an account, and the workspaces that it may enter, ordered by id. It returns [fault.ErrNotFound] if the account
// has no such principal, and [fault.ErrInvalid] for a malformed id.
func (p Platform) Principal(ctx context.Context, accountID, id string) (principal Principal, may []Membership, err error) {
	err = p.run.View(ctx, func(tx *session.Tx) error {
		if err := errors.Join(ident.Check("accountId", accountID), ident.Check("principalId", id)); err != nil {
			return err
		}
		found, ok, err := principals.Get(ctx, tx.In(accountScope(accountID)), id)
		if err == nil && !ok {
			err = fault.NotFound("principal", id)
		}
		principal, may = found.Principal, found.memberships(accountID)
		return err
	})
	return principal, may, err
}

// Principals returns the principals of an account in the order of their ids, the greatest first, and the token of the next page, "" if there is
// none. It returns [fault.ErrNotFound] if there is no such account.
func (p Platform) Principals(ctx context.Context, accountID string, page store.Page) (list []Principal, next string, err error) {
	return session.ReadPage(ctx, p.run, func(tx *session.Tx) ([]Principal, string, error) {
		if _, err := findAccount(ctx, tx, "accountId", accountID); err != nil {
			return nil, "", err
		}
		found, next, err := principals.PageOf(ctx, tx.In(accountScope(accountID)), store.Query{}, page)
		all := make([]Principal, len(found))
		for i := range found {
			all[i] = found[i].Principal
		}
		return all, next, err
	})
}

// RenameWorkspace gives the workspace another name. Its id and its slug stay.
func (p Platform) RenameWorkspace(ctx context.Context, s store.Scope, name string) (Workspace, error) {
	return p.edit(ctx, s, func(w *Workspace) { w.Name = name })
}

// A WorkspacePatch says what to change of a workspace; what is nil stays.
type WorkspacePatch struct {
	Plan     *Plan
	Type     *WorkspaceType
	Catalogs *[]string
}

// UpdateWorkspace changes the plan, the type or the catalogs of the workspace and returns it. It
// returns [fault.ErrInvalid] for every field at fault, also for a catalog that is no workspace of the
// account, and [fault.ErrNotFound].
func (p Platform) UpdateWorkspace(ctx context.Context, s store.Scope, patch WorkspacePatch) (Workspace, error) {
	return p.edit(ctx, s, func(w *Workspace) {
		if patch.Plan != nil {
			w.Plan = *patch.Plan
		}
		if patch.Type != nil {
			w.Type = *patch.Type
		}
		if patch.Catalogs != nil {
			w.Catalogs = slices.Clone(*patch.Catalogs)
		}
	})
}

func (p Platform) edit(ctx context.Context, s store.Scope, change func(*Workspace)) (Workspace, error) {
	return session.Write(ctx, p.run, func(tx *session.Tx) (Workspace, error) {
		w, err := findWhole(ctx, tx, s)
		if err != nil {
			return Workspace{}, err
		}
		catalogs := w.Catalogs
		change(w)
		w.UpdatedAt = tx.Now
		if err := w.validate(); err != nil {
			return Workspace{}, err
		}
		if !slices.Equal(w.Catalogs, catalogs) { // one that was deleted meanwhile does no harm
			if err := w.requireCatalogs(ctx, tx); err != nil {
				return Workspace{}, err
			}
		}
		return *w, workspaces.Put(ctx, tx.In(accountScope(s.Account)), *w)
	})
}

// findWhole returns a workspace all of which is there.
func findWhole(ctx context.Context, tx store.Tx, s store.Scope) (*Workspace, error) {
	w, err := FindWorkspace(ctx, tx, s)
	if err == nil {
		err = w.Whole()
	}
	return w, err
}

// CloseWorkspace lets nobody write to the workspace any more, and returns it: what a handle on it would write is
// [fault.ErrConflict], what it reads is there as before. It is what comes before the workspace is erased, or
// moves elsewhere, so that nothing is written that is lost. Closing twice is no error. It returns [fault.ErrNotFound] if there is no
// such workspace, and [fault.ErrConflict] while it is being restored or erased.
func (p Platform) CloseWorkspace(ctx context.Context, s store.Scope) (Workspace, error) {
	return p.setStatus(ctx, s, WorkspaceClosed)
}

// ReopenWorkspace lets the workspace be written to again, and returns it. Of one that is open it changes nothing. It returns
// [fault.ErrNotFound] if there is no such workspace, and [fault.ErrConflict] while it is being restored or erased.
func (p Platform) ReopenWorkspace(ctx context.Context, s store.Scope) (Workspace, error) {
	return p.setStatus(ctx, s, WorkspaceOpen)
}

func (p Platform) setStatus(ctx context.Context, s store.Scope, status WorkspaceStatus) (Workspace, error) {
	return session.Write(ctx, p.run, func(tx *session.Tx) (Workspace, error) {
		w, err := findWhole(ctx, tx, s)
		if err != nil {
			return Workspace{}, err
		}
		if w.Status == status {
			return *w, nil
		}
		w.Status = status
		return *w, errors.Join(p.gate.Close(ctx, tx.In(s), status == WorkspaceClosed), workspaces.Put(ctx, tx.In(accountScope(s.Account)), *w))
	})
}

// DeleteWorkspace removes a workspace that never had users and holds no documents or media; others, and
// the workspace "default", are [fault.ErrConflict]. What a handle on it would write is [fault.ErrNotFound]
// from then on. A workspace with all that it holds is deleted by Engine.EraseWorkspace.
func (p Platform) DeleteWorkspace(ctx context.Context, s store.Scope) error {
	return p.run.Update(ctx, func(tx *session.Tx) error {
		if _, err := findWhole(ctx, tx, s); err != nil {
			return err
		}
		if s.Workspace == DefaultWorkspace {
			return fault.Conflict("workspace", "%q cannot be deleted; every account has it", s)
		}
		inner := tx.In(s)
		if err := requireNobody(ctx, inner); err != nil {
			return err
		}
		return errors.Join(p.gate.Delete(ctx, inner), configurations.Delete(ctx, inner, configurationKey),
			workspaces.Delete(ctx, tx.In(accountScope(s.Account)), s.Workspace))
	})
}

// requireNobody refuses a workspace, which is tx's scope, that has or had users.
func requireNobody(ctx context.Context, tx store.Tx) error {
	known, err := users.Count(ctx, tx, store.Query{})
	if err == nil && known > 0 {
		err = fault.Conflict("workspace", "%q has %d users, deleted ones included", tx.Scope(), known)
	}
	return err
}

// SubTenants is what an account's workspaces are called by clients that call accounts tenants.
type SubTenants struct {
	TenantID     string   `json:"tenant_id"`
	SubTenantIDs []string `json:"sub_tenant_ids"`
	Count        int      `json:"count"`
	Message      string   `json:"message"`
}

// SubTenants returns the ids of all workspaces of an account, as they are now, ordered; "default" is
// always among them. It returns [fault.ErrNotFound] if there is no such account, and
// [fault.ErrInvalid] if the id is empty or malformed.
func (p Platform) SubTenants(ctx context.Context, accountID string) (SubTenants, error) {
	return session.Read(ctx, p.run, func(tx *session.Tx) (SubTenants, error) {
		if _, err := findAccount(ctx, tx, "tenant_id", accountID); err != nil {
			return SubTenants{}, err
		}
		all, err := workspaces.List(ctx, tx.In(accountScope(accountID)), store.Query{})
		if err != nil {
			return SubTenants{}, err
		}
		ids := make([]string, len(all))
		for i, w := range all {
			ids[i] = w.ID
		}
		return SubTenants{accountID, ids, len(ids), "sub-tenant ids as of now"}, nil
	})
}

// Memberships returns the workspaces of an account that whoever has this e-mail may enter, ordered by
// id, and the user that they are in each. It returns [fault.ErrNotFound] if the account or the e-mail
// is unknown.
func (p Platform) Memberships(ctx context.Context, accountID, email string) ([]Membership, error) {
	return session.Read(ctx, p.run, func(tx *session.Tx) ([]Membership, error) {
		if err := errors.Join(ident.Check("accountId", accountID), checkEmail("email", email)); err != nil {
			return nil, err
		}
		if _, err := findAccount(ctx, tx, "accountId", accountID); err != nil {
			return nil, err
		}
		found, ok, err := findIdentity(ctx, tx.In(accountScope(accountID)), email)
		if err == nil && !ok {
			err = fault.NotFound("principal", email)
		}
		if err != nil {
			return nil, err
		}
		return found.memberships(accountID), nil
	})
}
