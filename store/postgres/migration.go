package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/guerdonhq/guerdon/store"
)

// Migration returns the SQL that Prepare would run now for tables, as one transaction to be run in another session, or "" if
// there is nothing to do. It changes nothing; to find out, it runs the statements and takes them back, so its role needs the
// rights that they take, and it locks what they change meanwhile. What a service then may not do itself:
//
//	script, err := st.Migration(ctx, guerdon.Tables()...)
//
// Columns that a table lacks are added and filled by Prepare alone, because their values come from the records: then Migration
// returns [fault.ErrConflict]; let a role that may alter the table call Prepare. So it does, as a [*store.OlderError], for a
// database that [Store.Inherit] is to take over.
func (s *Store) Migration(ctx context.Context, tables ...*store.Schema) (string, error) {
	if err := s.gate.Enter(); err != nil {
		return "", err
	}
	defer s.gate.Leave()
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return "", &serverError{err}
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	p := preparation{tx}
	var schema string
	var script []string
	err = p.begin(ctx)
	if err == nil {
		err = tx.QueryRow(ctx, "select current_schema()::text").Scan(&schema)
	}
	if err == nil {
		script, err = dialect.Script(ctx, p, tables)
	}
	if err != nil || len(script) == 0 {
		return "", wrap(err)
	}
	lines := append([]string{"begin", "set local search_path = " + pgx.Identifier{schema}.Sanitize()}, script...)
	return strings.Join(append(lines, "commit"), ";\n") + ";\n", nil
}
