package missions

import (
	"context"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Gauge implements [mechanic.Gauge] for configurations: the missions of one that a user or the user's groups have, of which one that is active comes before
// one that is not, and of several the one that ends last.
func (*program) Gauge(ctx context.Context, tx *session.Tx, u *tenancy.User, kind, id string) (done, needed decimal.Decimal, known bool, err error) {
	if kind != Configurations.Name() {
		return done, needed, false, nil
	}
	var best *Mission
	for _, owner := range owners(u) {
		all, err := missionTable.List(ctx, tx, store.By("owner", store.Text(owner)))
		if err != nil {
			return done, needed, false, err
		}
		for _, m := range slices.Backward(all) {
			m = m.at(tx.Now, tx.Now)
			better := best == nil || best.State != timeframe.Active && m.State == timeframe.Active
			if m.ConfigurationID == id && m.TargetAmount != nil && better {
				best = &m
			}
		}
	}
	if best == nil {
		return done, needed, false, nil
	}
	return best.CurrentAmount, *best.TargetAmount, true, nil
}
