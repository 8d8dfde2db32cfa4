package learning

import (
	"context"
	"errors"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Gauge implements [mechanic.Gauge] for paths: how many of a path's items a user has done, by the assignment that [Service.AssignmentOf] shows.
func (p *program) Gauge(ctx context.Context, tx *session.Tx, u *tenancy.User, kind, id string) (done, needed decimal.Decimal, known bool, err error) {
	if kind != Paths.Name() {
		return done, needed, false, nil
	}
	a, err := p.assignmentOf(ctx, tx, u, id, "", false)
	if errors.Is(err, fault.ErrNotFound) {
		return done, needed, false, nil
	}
	return decimal.NewFromInt(int64(a.Progress.Completed)), decimal.NewFromInt(int64(a.Progress.Total)), err == nil, err
}
