package mechanic

import (
	"context"

	"github.com/guerdonhq/guerdon/internal/session"
)

// A Former moves the rows of a table that was kept before users were folds. A table without one has kept what it keeps now.
type Former struct {
	// Table is its name, then and now.
	Table string
	Move
}

// Move writes what is kept now of a record as it was kept then.
type Move func(ctx context.Context, tx *session.Tx, record []byte, told Told) error

// Told returns one of the events of the entry of the journal that has a number: with its place, and without its user. It
// returns nil if there is none.
type Told func(ctx context.Context, tx *session.Tx, seq int64, eventID string) (*Occasion, error)
