package content

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Heritage moves what was kept before users were folds. Versions come before the program: since each of them there was another.
func Heritage() []mechanic.Former {
	return []mechanic.Former{
		{Table: versions.Schema().Name, Move: moveVersion},
		{Table: editions.Schema().Name, Move: moveEdition},
	}
}

func moveVersion(ctx context.Context, tx *session.Tx, record []byte, _ mechanic.Told) error {
	var v version
	if err := json.Unmarshal(record, &v); err != nil {
		return err
	}
	return errors.Join(versions.Put(ctx, tx, v), formerEditions.Put(ctx, tx, edition{ID: store.KeyTime(v.At), At: v.At}))
}

func moveEdition(ctx context.Context, tx *session.Tx, record []byte, _ mechanic.Told) error {
	var e edition
	if err := json.Unmarshal(record, &e); err != nil {
		return err
	}
	now, _, err := editions.Get(ctx, tx, programKey)
	if err != nil {
		return err
	}
	if _, e.At, err = EditionAt(ctx, tx, forever); err != nil {
		return err
	}
	if !e.At.IsZero() {
		err = formerEditions.Put(ctx, tx, edition{ID: e.ID, At: e.At})
	}
	e.Settled = now.Settled
	return errors.Join(err, editions.Put(ctx, tx, e))
}

// Settle says that what has happened in a workspace by now stays as it is, and returns since when that is so, if it was said
// before.
func Settle(ctx context.Context, tx store.Tx, now time.Time) (time.Time, error) {
	e, _, err := editions.Get(ctx, tx, programKey)
	if err != nil || !e.Settled.IsZero() {
		return e.Settled, err
	}
	e.Settled = now
	return e.Settled, editions.Put(ctx, tx, e)
}
