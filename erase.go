package guerdon

import (
	"context"
	"errors"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// EraseWorkspace deletes a workspace for good, with all that it holds: every row of it in every table, and the principals who
// have no user elsewhere in the account. The workspace has to be closed before ([tenancy.Platform.CloseWorkspace]), so that
// what is destroyed was meant; one whose restore was interrupted may be erased as it is.
//
// It works in transactions that hold up others for a moment each. Until all is gone the workspace has the status ERASING and
// nobody gets a handle on it, also when EraseWorkspace was interrupted: it is called again. What a handle from before would
// write is [fault.ErrNotFound].
//
// Then the name may be used again, by a workspace that has nothing of this one. The workspace "default" stays, as new and
// open, because every account has it. The files of its media, common ones included, are deleted by the next
// [Workspace.Advance] of any workspace of the account, as soon as no URL is left to write them anew. What remains is the name,
// and what copies the host has: backups, and what a database keeps of deleted rows until it is vacuumed.
//
// It returns [fault.ErrNotFound] if there is no such workspace, also if another call has erased it meanwhile, and
// [fault.ErrConflict] if it is open.
func (e *Engine) EraseWorkspace(ctx context.Context, s store.Scope) error {
	if err := e.apart(ctx, nil); err != nil {
		return err
	}
	var move tenancy.Move
	var life int
	err := e.platform.Update(ctx, func(tx *session.Tx) (err error) {
		if move, err = tenancy.BeginErasure(ctx, tx, s); err != nil {
			return err
		}
		life, err = e.gate.BeginErasure(ctx, tx.In(s))
		return err
	})
	if err != nil {
		return err
	}
	mine := func(ctx context.Context, tx store.Tx) error { return e.gate.Erasing(ctx, tx, life) }
	if err := e.wipe(ctx, s, mine); err != nil {
		return err
	}
	err = e.platform.Update(ctx, func(tx *session.Tx) error {
		inner := tx.In(s)
		if err := mine(ctx, inner); err != nil {
			return err
		}
		gone, err := move.CompleteErasure(ctx, tx)
		if !gone {
			err = errors.Join(err, e.gate.Create(ctx, inner))
		}
		return err
	})
	if err == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.spaces, s)
	}
	return err
}

// wipe removes all that a workspace holds, a portion in a transaction, as long as mine lets it.
func (e *Engine) wipe(ctx context.Context, s store.Scope, mine func(context.Context, store.Tx) error) error {
	for _, h := range e.holdings {
		for more := h.Drop != nil; more; {
			err := e.apply(ctx, s, func(tx store.Tx) error {
				if err := mine(ctx, tx); err != nil {
					return err
				}
				rows, _, err := h.List(ctx, tx, "", rowsAtOnce)
				if more = len(rows) == rowsAtOnce; err != nil || len(rows) == 0 {
					return err
				}
				return h.Drop(ctx, tx, rows...)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
