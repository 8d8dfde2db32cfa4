package content

import (
	"context"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/store"
)

// Holdings returns what a workspace holds of what the package keeps. What nothing refers to any more is the account's.
func Holdings() []holding.Holding {
	return []holding.Holding{
		holding.Of(documents.Schema()), holding.Of(versions.Schema()), holding.Of(formerEditions.Schema()), holding.Of(links.Schema()),
		holding.Of(assignments.Schema()), ownMedia(WorkspaceScope), ownMedia(CommonScope),
		{Name: editions.Schema().Name, Table: editions.Schema(), List: listEdition, Put: putEdition},
	}
}

// listEdition returns the edition as others may know it: what closes this workspace is none of their business.
func listEdition(ctx context.Context, tx store.Tx, _ string, _ int) ([]store.Row, string, error) {
	e, _, err := editions.Get(ctx, tx, programKey)
	if err != nil || e.ID == "" && e.Settled.IsZero() {
		return nil, "", err
	}
	return []store.Row{editions.Row(edition{ID: e.ID, At: e.At, Settled: e.Settled})}, "", nil
}

// putEdition makes an edition that of a workspace which is being restored.
func putEdition(ctx context.Context, tx store.Tx, rows ...store.Row) error {
	now, _, err := editions.Get(ctx, tx, programKey)
	if err != nil {
		return err
	}
	for i := range rows {
		e := rows[i].Record.(edition)
		if e.ID == "" && e.Settled.IsZero() || now.ID != "" || !now.Settled.IsZero() {
			return fault.Invalid(editions.Schema().Name, "has no id, or there are two of it")
		}
		now.ID, now.At, now.Settled = e.ID, e.At, e.Settled
	}
	return editions.Put(ctx, tx, now)
}

// ownMedia are the media of a scope that a workspace has uploaded. As they leave it they name no workspace, and no folder
// of their files.
func ownMedia(scope MediaScope) holding.Holding {
	h := holding.Holding{Name: media.Schema().Name, Table: media.Schema()}
	if scope == CommonScope {
		h.Name = string(scope) + "_" + h.Name
	}
	h.List = func(ctx context.Context, tx store.Tx, behind string, limit int) ([]store.Row, string, error) {
		q := holding.Behind(store.By("owner", store.Text(tx.Scope().Workspace)), behind, limit)
		rows, err := shelf(tx, scope).List(ctx, media.Schema(), q)
		leaving := make([]store.Row, len(rows))
		for i := range rows {
			m := rows[i].Record.(medium)
			m.WorkspaceID = ""
			m.rename(func(key string) string { return strings.TrimPrefix(key, folder(tx.Scope(), scope)) })
			leaving[i] = media.Row(m)
		}
		return leaving, holding.Last(rows, limit), err
	}
	h.Put = func(ctx context.Context, tx store.Tx, rows ...store.Row) error {
		for i := range rows {
			m := rows[i].Record.(medium)
			if err := m.portable(scope); err != nil {
				return err
			}
			_, there, err := media.Get(ctx, shelf(tx, scope), m.ID)
			if err != nil {
				return err
			}
			if there && scope == CommonScope { // the account has it already
				continue
			}
			m.WorkspaceID = tx.Scope().Workspace
			m.rename(func(name string) string { return folder(tx.Scope(), scope) + name })
			if err := media.Insert(ctx, shelf(tx, scope), m); err != nil {
				return err
			}
		}
		return nil
	}
	h.Drop = func(ctx context.Context, tx store.Tx, rows ...store.Row) error {
		all, err := media.GetMany(ctx, shelf(tx, scope), holding.Keys(rows)...)
		if err != nil {
			return err
		}
		for i := range all {
			m := &all[i]
			if m.there() {
				if err := discard(ctx, tx, waste{m.Key, m.Writable}); err != nil {
					return err
				}
			}
			if err := m.dropPending(ctx, tx); err != nil {
				return err
			}
		}
		return media.Delete(ctx, shelf(tx, scope), holding.Keys(rows)...)
	}
	return h
}

// rename gives the medium's files other keys.
func (m *medium) rename(other func(string) string) {
	if m.there() {
		m.Key = other(m.Key)
	}
	if m.Pending != nil {
		next := *m.Pending
		next.Key = other(next.Key)
		m.Pending = &next
	}
}

// portable returns an error unless the medium is as one leaves a workspace.
func (m *medium) portable(scope MediaScope) error {
	files := []string{m.Key}
	if m.Pending != nil {
		files = append(files, m.Pending.Key)
	}
	for _, name := range files {
		if strings.ContainsAny(name, `/\`) || name == "." || name == ".." {
			return fault.Invalid("key", "is %.80q; it must be the name of a file without a folder", name)
		}
	}
	if m.WorkspaceID != "" || m.Scope != scope || m.there() == m.Writable.IsZero() {
		return fault.Invalid("media", "%q is not as one leaves a workspace", m.ID)
	}
	return nil
}
