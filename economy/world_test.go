package economy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

var start = time.Date(2025, 9, 1, 10, 0, 0, 0, time.UTC)

// A world is a workspace on a memory store, with a clock and ids that the test holds.
type world struct {
	economy.Service

	ctx        context.Context
	room       room.Room[economy.Change, economy.Service]
	run        session.Runner
	activities content.Documents[content.Activity]
	lib        *content.Library
	zones      *timeframe.Zones

	mu       sync.Mutex
	now      time.Time
	ids      int
	events   []event.Event // caused by what was committed
	programs map[string]mechanic.Mechanic[economy.Change]

	actorType, actorID string // who acts
}

// failer is what a test, a benchmark, a rapid check or an example fails by.
type failer interface {
	Errorf(format string, args ...any)
	FailNow()
}

// loud is the failer of examples.
type loud struct{}

func (loud) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (loud) FailNow()                          {}

// newWorld returns a world with the users "ada", "bob" and "eve" and no currency.
func newWorld(t failer) *world {
	w := &world{ctx: context.Background(), now: start, zones: &timeframe.Zones{}, programs: map[string]mechanic.Mechanic[economy.Change]{}}
	w.lib = content.NewLibrary(content.Activities, content.Tags, economy.Currencies, economy.RewardRules)
	w.room = economy.Room(room.Engine[economy.Change]{Library: w.lib})
	st := memory.New()
	for _, tables := range [][]*store.Schema{tenancy.Tables(), content.Tables(), w.room.Tables} {
		require.NoError(t, st.Prepare(w.ctx, tables...))
	}
	scope := store.Scope{Account: "acme", Workspace: "default"}
	w.run = session.NewRunner(
		func(ctx context.Context, fn session.Func) error {
			return st.View(ctx, scope, func(tx store.Tx) error { return fn(w.tx(tx)) })
		},
		func(ctx context.Context, fn session.Func) error {
			var caused []event.Event
			err := st.Update(ctx, scope, func(inner store.Tx) error {
				tx := w.tx(inner)
				err := fn(tx)
				caused = tx.Caused()
				return err
			})
			if err == nil {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.events = append(w.events, caused...)
			}
			return err
		})
	w.activities = content.NewDocuments(w.run, w.lib, content.Activities)
	w.Service = w.room.Service(w.run, w.program)
	for _, id := range []string{"ada", "bob", "eve"} {
		w.put(t, "users", fmt.Sprintf(`{"userId": %q, "role": "member", "status": "active"}`, id))
	}
	return w
}

func (w *world) tx(inner store.Tx) *session.Tx {
	w.mu.Lock()
	defer w.mu.Unlock()
	tx := &session.Tx{Tx: inner, Now: w.now, NewID: w.newID, Zones: w.zones, ActorType: w.actorType, ActorID: w.actorID}
	tx.Wake = func(ctx context.Context, userID string) error { return w.wake(ctx, tx, userID) }
	return tx
}

// wake lets what is due for a user happen, as the engine does.
func (w *world) wake(ctx context.Context, tx *session.Tx, userID string) error {
	p, err := w.program(ctx, tx)
	if err != nil {
		return err
	}
	for {
		at, kind, id, err := p.Due(ctx, tx, userID)
		if err != nil {
			return err
		}
		if at.IsZero() || at.After(tx.Now) {
			if len(tx.Rouse) == 0 {
				return nil
			}
			userID, tx.Rouse = tx.Rouse[0], tx.Rouse[1:]
			continue
		}
		ev := mechanic.Ticking(kind, id, userID, at)
		if _, err := p.React(ctx, tx, mechanic.New(&ev, &tenancy.User{ID: userID})); err != nil {
			return err
		}
	}
}

func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("id%04d", w.ids)
}

func (w *world) program(ctx context.Context, tx *session.Tx) (mechanic.Mechanic[economy.Change], error) {
	edition, err := content.Edition(ctx, tx)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	p := w.programs[edition]
	w.mu.Unlock()
	if p != nil {
		return p, nil
	}
	docs, err := w.lib.Load(ctx, tx)
	if err != nil {
		return nil, err
	}
	if p, err = w.room.Compile(ctx, tx, room.Setting{Documents: docs}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.programs[edition] = p
	return p, nil
}

// put writes a record into a table behind everybody's back.
func (w *world) put(t failer, table, record string) {
	for _, s := range append(tenancy.Tables(), w.room.Tables...) {
		if s.Name != table {
			continue
		}
		row, err := s.ParseJSON([]byte(record))
		require.NoError(t, err)
		require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error { return tx.Put(w.ctx, s, row) }))
		return
	}
	require.FailNow(t, "no such table", table)
}

// dump returns all that the package keeps, as JSON.
func (w *world) dump(t failer) string {
	var all strings.Builder
	require.NoError(t, w.run.View(w.ctx, func(tx *session.Tx) error {
		for _, s := range w.room.Tables {
			rows, err := tx.List(w.ctx, s, store.Query{})
			if err != nil {
				return err
			}
			for _, row := range rows {
				b, err := json.Marshal(row.Record)
				if err != nil {
					return err
				}
				fmt.Fprintln(&all, s.Name, row.Key, string(b))
			}
		}
		return nil
	}))
	return all.String()
}

// reread checks that all that the package keeps is the same after it was written and read.
func (w *world) reread(t failer) {
	before := w.dump(t)
	require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
		for _, s := range w.room.Tables {
			rows, err := tx.List(w.ctx, s, store.Query{})
			if err != nil {
				return err
			}
			for i := range rows {
				record, err := s.Encode(rows[i])
				if err != nil {
					return err
				}
				again, err := s.Decode(rows[i].Key, record)
				if err != nil {
					return err
				}
				require.Equal(t, rows[i].Values, again.Values)
				rows[i] = again
			}
			if err := tx.Put(w.ctx, s, rows...); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Equal(t, before, w.dump(t))
}

// coin publishes a currency; low and high are "" for none.
func (w *world) coin(t failer, id, low, high string) {
	c := economy.Currency{Name: id, MinAllowedBalance: optional(low), MaxAllowedBalance: optional(high)}
	c.ID, c.DefaultLang, c.Translations = id, "en", []content.Label{{Lang: "en", Label: id}}
	_, err := w.Currencies.Create(w.ctx, c)
	require.NoError(t, err)
	_, err = w.Currencies.Publish(w.ctx, id)
	require.NoError(t, err)
}

func optional(amount string) *decimal.Decimal {
	if amount == "" {
		return nil
	}
	d := decimal.RequireFromString(amount)
	return &d
}

// rewardRule returns a rule that pays 1 gold for every activity.
func rewardRule(id string, edit ...func(*economy.RewardRule)) economy.RewardRule {
	r := economy.RewardRule{
		Name: id, RuleType: event.MatchEntity, MatchEntity: "Activity", ApplicationMode: economy.Always,
		Rewards: []economy.Reward{{CurrencyID: "gold", RedemptionMode: economy.Auto}},
	}
	r.ID, r.DefaultLang, r.Translations = id, "en", []content.Description{{Lang: "en"}}
	for _, fn := range edit {
		fn(&r)
	}
	return r
}

func (w *world) rule(t failer, id string, edit ...func(*economy.RewardRule)) {
	_, err := w.RewardRules.Create(w.ctx, rewardRule(id, edit...))
	require.NoError(t, err)
	_, err = w.RewardRules.Publish(w.ctx, id)
	require.NoError(t, err)
}

// activity returns an event of the activity "commit".
func activity(id, userID string, at time.Time) event.Event {
	return event.Event{ID: id, Type: event.Activity, EntityID: "commit", UserID: userID, At: at, Value: new(decimal.NewFromInt(1)), Progress: event.Complete}
}

func (w *world) occasion(tx *session.Tx, e *event.Event) (*mechanic.Occasion, error) {
	u, err := tenancy.FindUser(w.ctx, tx, e.UserID)
	if err != nil {
		return nil, err
	}
	return mechanic.New(e, u), nil
}

// record lets the program react to an event.
func (w *world) record(t failer, e event.Event) (changes []economy.Change, problems []event.Problem) {
	require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
		p, err := w.program(w.ctx, tx)
		if err != nil {
			return err
		}
		o, err := w.occasion(tx, &e)
		if err != nil {
			return err
		}
		if err := tx.Prefetch(w.ctx, p.Reads(tx, o)...); err != nil {
			return err
		}
		changes, err = p.React(w.ctx, tx, o)
		problems = tx.Problems()
		return err
	}))
	return changes, problems
}

// advance marks what has expired, a few at a time.
func (w *world) advance(t failer) {
	for more := true; more; {
		require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
			p, err := w.program(w.ctx, tx)
			if err != nil {
				return err
			}
			more, err = p.Advance(w.ctx, tx, 2)
			return err
		}))
	}
}

func (w *world) grant(t failer, userID, currencyID, amount string) economy.Transaction {
	rows, err := w.Grant(w.ctx, []economy.Grant{{DestinationUserID: userID, CurrencyID: currencyID, Amount: dec(amount)}})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	return rows[0]
}

// balance returns "amount/available".
func (w *world) balance(t failer, userID, currencyID string) string {
	b, err := w.Balance(w.ctx, userID, currencyID)
	require.NoError(t, err)
	return b.Amount.String() + "/" + b.AvailableAmount.String()
}

func (w *world) verify(t failer) economy.Report {
	r, err := w.Verify(w.ctx)
	require.NoError(t, err)
	return r
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func expr(s string) json.RawMessage { return json.RawMessage(s) }

func pays(currencyID, amount string) func(*economy.RewardRule) {
	return func(r *economy.RewardRule) {
		r.Rewards = []economy.Reward{{CurrencyID: currencyID, RedemptionMode: economy.Auto, Expression: expr(amount)}}
	}
}

func mode(m economy.ApplicationMode) func(*economy.RewardRule) {
	return func(r *economy.RewardRule) { r.ApplicationMode = m }
}

func when(condition string) func(*economy.RewardRule) {
	return func(r *economy.RewardRule) { r.MatchCondition = expr(condition) }
}

func TestZeroService(t *testing.T) {
	t.Parallel()
	_, err := economy.Service{}.Balances(t.Context(), "ada")
	require.ErrorContains(t, err, "zero value")
}
