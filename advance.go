package guerdon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
)

// advanceStep bounds what one transaction of Advance does, in users, streaks or transactions.
const advanceStep = 200

// Advance does what the clock alone causes in the workspace: missions that a schedule assigns, streaks
// that break or are frozen, credits that expire, boards that close. Reads are right even if nobody
// calls it, except that a freeze is paid and a schedule assigns only here, or when the user's next
// event arrives. It may be called at any time, also by several processes at once: what is done is not
// done again. It works in small transactions; after an error, what they did remains.
func (ws *Workspace) Advance(ctx context.Context) error {
	for {
		more, err := session.Write(ctx, ws.run, func(tx *session.Tx) (bool, error) {
			p, err := ws.engine.program(ctx, tx)
			if err != nil {
				return false, err
			}
			return p.advance(ctx, tx)
		})
		if err != nil || !more {
			return err
		}
	}
}

// advance lets each mechanic take a step.
func (p *program) advance(ctx context.Context, tx *session.Tx) (more bool, err error) {
	for _, step := range []func(context.Context, *session.Tx, int) (bool, error){
		p.judgeStreaks, p.missions.Advance, p.economy.Advance, p.boards.Advance,
	} {
		again, err := step(ctx, tx, advanceStep)
		if err != nil {
			return false, err
		}
		more = more || again
	}
	return more, nil
}

func (p *program) judgeStreaks(ctx context.Context, tx *session.Tx, limit int) (bool, error) {
	return p.streaks.Advance(ctx, tx, wallet{p.economy}, limit)
}

// wallet lets streaks be paid for from the books.
type wallet struct{ economy *economy.Program }

func (w wallet) Charge(ctx context.Context, tx *session.Tx, c streaks.Charge) (bool, error) {
	return w.economy.Charge(ctx, tx, economy.Charge{
		ID: c.ID, UserID: c.UserID, CurrencyID: c.CurrencyID, Amount: c.Amount,
		InitiatorType: economy.ByStreakRule, Initiator: "streakRuleId#" + c.RuleID, RuleVersion: c.RuleVersion, At: c.At,
	})
}

// Advance does what the clock alone causes, in every workspace ([Workspace.Advance]). It goes on after
// an error in one of them and returns all errors joined.
func (e *Engine) Advance(ctx context.Context) error {
	var faults []error
	err := e.eachWorkspace(ctx, func(s store.Scope) {
		if err := e.workspace(s).Advance(ctx); err != nil {
			faults = append(faults, fmt.Errorf("guerdon: advancing %s: %w", s, err))
		}
	})
	return errors.Join(append(faults, err)...)
}

func (e *Engine) eachWorkspace(ctx context.Context, fn func(store.Scope)) error {
	for page := (store.Page{Limit: store.MaxPage}); ; {
		accounts, next, err := e.Platform.Accounts(ctx, page)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			names, err := e.Platform.SubTenants(ctx, a.ID)
			if err != nil {
				return err
			}
			for _, name := range names.SubTenantIDs {
				fn(store.Scope{Account: a.ID, Workspace: name})
			}
		}
		if next == "" {
			return nil
		}
		page.Token = next
	}
}

// Run calls [Engine.Advance] at once and then at every interval, until ctx ends, and returns nil then.
// Errors go to Options.Log. Hosts that have a scheduler call Advance from there instead. It returns
// [fault.ErrInvalid] for an interval that is not positive.
func (e *Engine) Run(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		return fault.Invalid("interval", "is %s; it must be more than 0", interval)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := e.Advance(ctx); err != nil && ctx.Err() == nil {
			e.log.LogAttrs(ctx, slog.LevelError, "guerdon: advance", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
