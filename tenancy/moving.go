package tenancy

import (
	"context"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A Move is what becomes of a workspace whose rows are being added or removed in many transactions. Its methods are given
// transactions on the platform's scope.
type Move struct {
	// Scope is the workspace.
	Scope store.Scope
	// Was is the workspace before, nil if there was none.
	Was *Workspace
}

// BeginRestore marks a workspace as being restored, and makes it if there is none: as another one was, but for its ids. It
// returns [fault.ErrNotFound] if there is no such account, [fault.ErrConflict] if the workspace is closed or being erased,
// and [fault.ErrInvalid] if the other is not valid. Whether it is empty is for the caller to find out.
func BeginRestore(ctx context.Context, tx *session.Tx, s store.Scope, like Workspace) (Move, error) {
	like = like.as(s)
	if err := like.validate(); err != nil {
		return Move{}, err
	}
	if _, err := findAccount(ctx, tx, "accountId", s.Account); err != nil {
		return Move{}, err
	}
	account := tx.In(accountScope(s.Account))
	w, there, err := workspaces.Get(ctx, account, s.Workspace)
	if err != nil {
		return Move{}, err
	}
	m := Move{Scope: s}
	switch {
	case !there:
		if w, err = like.slugged(ctx, tx); err != nil {
			return Move{}, err
		}
	case w.Status == WorkspaceOpen || w.Status == WorkspaceRestoring:
		m.Was = new(w)
	case w.Status == WorkspaceClosed:
		return Move{}, fault.Conflict("workspace", "%q is closed", s)
	default:
		return Move{}, w.Whole()
	}
	w.Status = WorkspaceRestoring
	return m, workspaces.Put(ctx, account, w)
}

// as returns the workspace as one of another scope that is open.
func (w *Workspace) as(s store.Scope) Workspace {
	c := w.clone()
	c.ID, c.AccountID, c.Status = s.Workspace, s.Account, WorkspaceOpen
	c.Catalogs = slices.DeleteFunc(c.Catalogs, func(id string) bool { return id == c.ID })
	return c
}

// slugged returns the new workspace with the slug that it has or, if another one of the account has that, one made of its id.
func (w *Workspace) slugged(ctx context.Context, tx store.Tx) (Workspace, error) {
	err := w.requireNew(ctx, tx)
	if errors.Is(err, fault.ErrExists) {
		w.Slug = slugOf(w.ID)
		err = errors.Join(checkSlug("slug", w.Slug), w.requireNew(ctx, tx))
	}
	return *w, err
}

// CompleteRestore opens a workspace that was being restored, as another one was, but for its ids and its slug.
func (m Move) CompleteRestore(ctx context.Context, tx *session.Tx, like Workspace) error {
	w, err := FindWorkspace(ctx, tx, m.Scope)
	if err != nil {
		return err
	}
	like = like.as(m.Scope)
	like.Slug = w.Slug
	return workspaces.Put(ctx, tx.In(accountScope(m.Scope.Account)), like)
}

// CallOff makes the workspace what it was.
func (m Move) CallOff(ctx context.Context, tx *session.Tx) error {
	account := tx.In(accountScope(m.Scope.Account))
	if m.Was == nil {
		return workspaces.Delete(ctx, account, m.Scope.Workspace)
	}
	return workspaces.Put(ctx, account, *m.Was)
}

// BeginErasure marks a workspace as being erased. It returns [fault.ErrNotFound], and [fault.ErrConflict] if it is open.
func BeginErasure(ctx context.Context, tx *session.Tx, s store.Scope) (Move, error) {
	w, err := FindWorkspace(ctx, tx, s)
	if err == nil && w.Status == WorkspaceOpen {
		err = fault.Conflict("workspace", "%q is open; close it before", s)
	}
	if err != nil {
		return Move{}, err
	}
	m := Move{s, new(*w)}
	w.Status = WorkspaceErasing
	return m, workspaces.Put(ctx, tx.In(accountScope(s.Account)), *w)
}

// CompleteErasure removes a workspace that was being erased, and tells whether it is gone: every account has the workspace
// "default", which is as new.
func (m Move) CompleteErasure(ctx context.Context, tx *session.Tx) (gone bool, err error) {
	account := tx.In(accountScope(m.Scope.Account))
	if m.Scope.Workspace != DefaultWorkspace {
		return true, workspaces.Delete(ctx, account, m.Scope.Workspace)
	}
	fresh := (&Workspace{ID: m.Scope.Workspace, AccountID: m.Scope.Account, Name: DefaultWorkspace, Slug: m.Was.Slug}).withDefaults()
	fresh.CreatedAt, fresh.UpdatedAt = tx.Now, tx.Now
	return false, workspaces.Put(ctx, account, fresh)
}
