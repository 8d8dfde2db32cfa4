package mechanic

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Remains are the rows of a kind that are over before a moment: whatever happens from then on, nothing changes them or asks
// for them. They can be written down elsewhere and dropped.
type Remains struct {
	Table *store.Schema
	// Over finds some that are over before a moment, at most limit if they do not belong together, behind a place, "" for the
	// beginning.
	Over func(ctx context.Context, tx *session.Tx, before time.Time, behind string, limit int) (Over, error)
}

// Over is rows that are over.
type Over struct {
	Rows []store.Row
	// Keep writes what is kept in their place, once they are dropped; nil keeps nothing.
	Keep func(context.Context, *session.Tx) error
	// Last is the place to go on from, "" at the end.
	Last string
}

// rowsAtOnce is how many rows are looked at, at most, to find some that are over.
const rowsAtOnce = 500

// Remaining returns the remains of a table whose rows are over one by one: which of some are, is tells in their order.
func Remaining[T any](
	table *store.Table[T], is func(ctx context.Context, tx *session.Tx, before time.Time, records []T) ([]bool, error),
) Remains {
	t := table.Schema()
	return Remains{t, func(ctx context.Context, tx *session.Tx, before time.Time, behind string, limit int) (o Over, err error) {
		rows, err := tx.List(ctx, t, holding.Behind(store.Query{}, behind, rowsAtOnce))
		if err != nil {
			return o, err
		}
		records := make([]T, len(rows))
		for i := range rows {
			records[i] = rows[i].Record.(T)
		}
		over, err := is(ctx, tx, before, records)
		if err != nil {
			return o, err
		}
		o.Last = holding.Last(rows, rowsAtOnce)
		for i := range rows {
			if !over[i] {
				continue
			}
			if len(o.Rows) == limit {
				o.Last = o.Rows[limit-1].Key
				break
			}
			o.Rows = append(o.Rows, rows[i])
		}
		return o, nil
	}}
}

// Each tells of records, one by one, whether they are over before a moment.
func Each[T any](is func(r *T, before time.Time) bool) func(context.Context, *session.Tx, time.Time, []T) ([]bool, error) {
	return func(_ context.Context, _ *session.Tx, before time.Time, records []T) ([]bool, error) {
		over := make([]bool, len(records))
		for i := range records {
			over[i] = is(&records[i], before)
		}
		return over, nil
	}
}
