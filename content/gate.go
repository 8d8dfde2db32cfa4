package content

import (
	"context"
	"errors"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/store"
)

// Gate returns the gate of workspaces. It is part of the edition, which every transaction that writes reads.
func Gate() holding.Gate {
	return holding.Gate{
		Create: openWorkspace, Delete: deleteWorkspace, Close: shutWorkspace,
		BeginRestore: beginRestore, Restoring: restoring, CompleteRestore: completeRestore,
		BeginErasure: beginErasure, Erasing: erasing,
	}
}

// openWorkspace makes a workspace ready for documents, also if one of the same id was deleted before.
func openWorkspace(ctx context.Context, tx store.Tx) error {
	e, _, err := editions.Get(ctx, tx, programKey)
	switch {
	case err != nil:
		return err
	case e.Life == 0:
		return editions.Delete(ctx, tx, programKey)
	}
	return editions.Put(ctx, tx, edition{Life: e.Life})
}

// shutWorkspace lets nobody write to a workspace, or everybody again.
func shutWorkspace(ctx context.Context, tx store.Tx, shut bool) error {
	e, err := present(ctx, tx)
	if err != nil {
		return err
	}
	e.Shut = shut
	return editions.Put(ctx, tx, e)
}

// deleteWorkspace ends a workspace that is deleted: whoever asks for its program is told so, and every
// transaction that writes does. It returns [fault.ErrConflict] if the workspace holds documents, or
// media, common ones included.
func deleteWorkspace(ctx context.Context, tx store.Tx) error {
	n, err := documents.Count(ctx, tx, store.Query{})
	switch {
	case err != nil:
		return err
	case n > 0:
		return fault.Conflict("workspace", "%q holds %d documents", tx.Scope(), n)
	}
	for _, in := range shelves(tx) {
		n, err := media.Count(ctx, in, store.By("owner", store.Text(tx.Scope().Workspace)))
		switch {
		case err != nil:
			return err
		case n > 0:
			return fault.Conflict("workspace", "%q holds %d media", tx.Scope(), n)
		}
	}
	e, _, err := editions.Get(ctx, tx, programKey)
	return errors.Join(err, editions.Put(ctx, tx, edition{Closed: true, Life: e.Life}))
}

// beginRestore lets nobody but a restore, which is named, write to the workspace.
func beginRestore(ctx context.Context, tx store.Tx, name string) error {
	e, _, err := editions.Get(ctx, tx, programKey)
	if err != nil {
		return err
	}
	return editions.Put(ctx, tx, edition{Shut: true, Holder: name, Life: e.Life})
}

func restoring(ctx context.Context, tx store.Tx, name string) error {
	e, _, err := editions.Get(ctx, tx, programKey)
	if err == nil && (e.Closed || e.Holder != name) {
		err = fault.Conflict("workspace", "%q is being restored or erased by another call", tx.Scope())
	}
	return err
}

func completeRestore(ctx context.Context, tx store.Tx) error {
	e, _, err := editions.Get(ctx, tx, programKey)
	if err != nil {
		return err
	}
	e.Shut, e.Holder = false, ""
	if e == (edition{}) {
		return editions.Delete(ctx, tx, programKey)
	}
	return editions.Put(ctx, tx, e)
}

// beginErasure ends the life of the workspace.
func beginErasure(ctx context.Context, tx store.Tx) (life int, err error) {
	e, _, err := editions.Get(ctx, tx, programKey)
	if err != nil || e.Closed {
		return e.Life, err
	}
	return e.Life + 1, editions.Put(ctx, tx, edition{Closed: true, Life: e.Life + 1})
}

func erasing(ctx context.Context, tx store.Tx, life int) error {
	e, _, err := editions.Get(ctx, tx, programKey)
	if err == nil && (!e.Closed || e.Life != life) {
		err = fault.NotFound("workspace", tx.Scope().String())
	}
	return err
}
