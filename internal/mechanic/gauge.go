package mechanic

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Gauge tells how far users are with what documents ask of them. Some of the mechanics are gauges.
type Gauge interface {
	// Gauge returns how much of what is needed a user has done of the document of a kind and an id. It knows nothing of documents that are another
	// mechanic's, or which ask nothing of the user now.
	Gauge(ctx context.Context, tx *session.Tx, u *tenancy.User, kind, id string) (done, needed decimal.Decimal, known bool, err error)
}
