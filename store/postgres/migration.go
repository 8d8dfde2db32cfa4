package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/guerdonhq/guerdon/fault"
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
	m := &migration{preparation: preparation{tx}}
	var schema string
	err = m.begin(ctx)
	if err == nil {
		err = tx.QueryRow(ctx, "select current_schema()::text").Scan(&schema)
	}
	if err == nil {
		err = dialect.Prepare(ctx, m, tables)
	}
	if err != nil || len(m.script) == 0 {
		return "", wrap(err)
	}
	lines := append([]string{"begin", "set local search_path = " + pgx.Identifier{schema}.Sanitize()}, m.script...)
	return strings.Join(append(lines, "commit"), ";\n") + ";\n", nil
}

// A migration is a preparation that notes its statements.
type migration struct {
	preparation

	script []string
}

func (m *migration) Exec(ctx context.Context, text string, args ...any) error {
	if strings.HasPrefix(text, "update ") || strings.Contains(text, " add column ") {
		return fault.Conflict("migration", "columns that come from records are to be filled, which Prepare does alone: %s", text)
	}
	literal, err := literally(text, args)
	if err != nil {
		return err
	}
	m.script = append(m.script, literal)
	return m.preparation.Exec(ctx, text, args...)
}

// literally returns a statement with its arguments in their places.
func literally(text string, args []any) (string, error) {
	for i, arg := range slices.Backward(args) { // $10 before $1
		var literal string
		switch arg := arg.(type) {
		case string:
			literal = "'" + strings.ReplaceAll(arg, "'", "''") + "'"
		case int64:
			literal = strconv.FormatInt(arg, 10)
		default:
			return "", errors.New("postgres: a migration with an argument that is neither a text nor a number")
		}
		text = strings.ReplaceAll(text, fmt.Sprintf("$%d", i+1), literal)
	}
	return text, nil
}
