package sqlite

import (
	"context"
	"errors"
	"strings"

	"github.com/guerdonhq/guerdon/store"
)

// Migration returns the SQL that Prepare would run now for tables, as one transaction, or "" if there is nothing to do, for who
// wants to see it before:
//
//	script, err := st.Migration(ctx, guerdon.Tables()...)
//
// It changes nothing; to find out, it runs the statements and takes them back, so others that write wait meanwhile.
//
// Columns that a table lacks are added and filled by Prepare alone, because their values come from the records: then Migration
// returns [fault.ErrConflict]. So it does, as a [*store.OlderError], for a database that [Store.Inherit] is to take over.
func (s *Store) Migration(ctx context.Context, tables ...*store.Schema) (string, error) {
	var script []string
	err := s.prepare(ctx, nil, func(c *conn) error {
		if err := s.line.begin(ctx, func() error { return c.exec(ctx, "begin immediate") }); err != nil {
			return s.wrap(err)
		}
		var err error
		script, err = dialect.Script(ctx, c, tables)
		return errors.Join(s.wrap(err), c.exec(context.WithoutCancel(ctx), "rollback"))
	})
	if err != nil || len(script) == 0 {
		return "", err
	}
	return strings.Join(append(append([]string{"begin immediate"}, script...), "commit"), ";\n") + ";\n", nil
}
