package sqltext

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// Script returns the statements that Prepare runs for the schemas, with their arguments in their places; none if there is nothing to
// do. They are run to find out, so the transaction must be rolled back. Columns that come from records are [fault.ErrConflict].
func (d *Dialect) Script(ctx context.Context, db DB, schemas []*store.Schema) ([]string, error) {
	s := &script{DB: db, dialect: d}
	err := d.Prepare(ctx, s, schemas)
	return s.lines, err
}

// A script is a DB that notes its statements.
type script struct {
	DB

	dialect *Dialect
	lines   []string
}

func (s *script) Exec(ctx context.Context, text string, args ...any) error {
	if strings.HasPrefix(text, "update ") || strings.Contains(text, " add column ") {
		return fault.Conflict("migration", "columns that come from records are to be filled, which Prepare does alone: %s", text)
	}
	literal, err := s.literally(text, args)
	if err != nil {
		return err
	}
	s.lines = append(s.lines, literal)
	return s.DB.Exec(ctx, text, args...)
}

// literally returns a statement with its arguments in their places, each of which it names once.
func (s *script) literally(text string, args []any) (string, error) {
	rest := ""
	for n := len(args); n > 0; n-- { // $10 before $1
		var literal string
		switch arg := args[n-1].(type) {
		case string:
			literal = "'" + strings.ReplaceAll(arg, "'", "''") + "'"
		case int64:
			literal = strconv.FormatInt(arg, 10)
		default:
			return "", errors.New("sqltext: a migration with an argument that is neither a text nor a number")
		}
		param := s.dialect.Param(n)
		at := strings.LastIndex(text, param)
		if at < 0 {
			return "", errors.New("sqltext: a migration that does not name its arguments in their order")
		}
		text, rest = text[:at], literal+text[at+len(param):]+rest
	}
	return text + rest, nil
}
