package streaks_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

var (
	scope = store.Scope{Account: "acme", Workspace: "default"}
	kinds = content.NewLibrary(content.Tags, content.Activities, streaks.Configurations, streaks.Rules)
	epoch = utc("2000-01-01T00:00:00Z")
)

func utc(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func date(s string) timeframe.Day {
	d, err := timeframe.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

// A tester is what a world tells about what goes wrong: a test, a property, or an example.
type tester interface {
	require.TestingT
	Helper()
}

// fatal is the tester of examples.
type fatal struct{}

func (fatal) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (fatal) FailNow()                          {}
func (fatal) Helper()                           {}

// A world is a workspace with a clock that stands still until it is moved.
type world struct {
	t        tester
	ctx      context.Context
	store    *memory.Store
	zones    timeframe.Zones
	ids      atomic.Int64
	now      time.Time
	run      session.Runner
	users    tenancy.Users
	room     room.Room[streaks.Change, streaks.Service]
	service  streaks.Service
	compiled atomic.Pointer[edition]
	wallet   mechanic.Wallet      // of what is compiled from then on
	happened []*mechanic.Occasion // in its order; a new streak counts it
	caused   []event.Event
	problems []event.Problem
	told     []streaks.Change
}

type edition struct {
	name    string
	program mechanic.Mechanic[streaks.Change]
}

func newWorld(t tester) *world {
	w := &world{t: t, ctx: context.Background(), store: memory.New(), now: epoch}
	w.room = streaks.Room(room.Engine[streaks.Change]{Library: kinds, Past: w.past})
	require.NoError(t, w.store.Prepare(w.ctx, append(append(content.Tables(), tenancy.Tables()...), w.room.Tables...)...))
	platform := tenancy.NewPlatform(w.runner(store.Scope{}), content.Gate())
	_, err := platform.CreateAccount(w.ctx, tenancy.Account{ID: scope.Account})
	require.NoError(t, err)
	w.run = w.runner(scope)
	w.users = tenancy.NewUsers(w.run, nil)
	w.service = w.room.Service(w.run, w.program)
	return w
}

func (w *world) runner(s store.Scope) session.Runner {
	in := func(fn session.Func) func(store.Tx) error {
		return func(raw store.Tx) error {
			tx := &session.Tx{Tx: raw, Now: w.now, NewID: func() string { return fmt.Sprintf("id-%d", w.ids.Add(1)) }, Zones: &w.zones}
			tx.Wake = func(ctx context.Context, userID string) error {
				p, err := w.program(ctx, tx)
				if err != nil {
					return err
				}
				return w.clock(ctx, tx, p, userID, tx.Now)
			}
			return fn(tx)
		}
	}
	return session.NewRunner(
		func(ctx context.Context, fn session.Func) error { return w.store.View(ctx, s, in(fn)) },
		func(ctx context.Context, fn session.Func) error { return w.store.Update(ctx, s, in(fn)) })
}

// program compiles what is published, once for each edition.
func (w *world) program(ctx context.Context, tx *session.Tx) (mechanic.Mechanic[streaks.Change], error) {
	name, err := content.Edition(ctx, tx)
	if err != nil {
		return nil, err
	}
	if e := w.compiled.Load(); e != nil && e.name == name {
		return e.program, nil
	}
	docs, err := kinds.Load(ctx, tx)
	if err != nil {
		return nil, err
	}
	p, err := w.room.Compile(ctx, tx, room.Setting{Documents: docs, Wallet: w.wallet})
	w.compiled.Store(&edition{name, p})
	return p, err
}

// configuration returns one that counts every activity.
func configuration() streaks.Configuration {
	return streaks.Configuration{
		Header: content.Header{ID: "reading", DefaultLang: "en"},
		Labels: content.Labels{Translations: []content.Label{{Lang: "en", Label: "Reading"}}},
		Name:   "Reading", MatchType: event.MatchEntity, MatchEntity: string(event.Activity),
	}
}

// daily returns a rule for every day in UTC, without freezes.
func daily() streaks.Rule {
	return streaks.Rule{
		Header:    content.Header{ID: "daily", DefaultLang: "en"},
		Texts:     content.Texts[streaks.Text]{Translations: []streaks.Text{{Lang: "en", Name: "Every day"}}},
		Timeframe: timeframe.Timeframe{Type: timeframe.Permanent, TimezoneType: timeframe.User, StartsAt: epoch.AddDate(-100, 0, 0)},
		Name:      "Every day", StreakConfigurationID: "reading",
		Cadence: streaks.Daily, Metric: streaks.Days, FreezeEnabled: new(false),
	}
}

func weekly(m streaks.Metric) streaks.Rule {
	r := daily()
	r.ID, r.Cadence, r.Metric = "weekly", streaks.Weekly, m
	return r
}

// freezing returns the rule with freezes.
func freezing(r streaks.Rule) streaks.Rule {
	r.FreezeEnabled, r.FreezeVirtualCurrencyID = nil, "gems"
	return r
}

// publish makes the rule one in force.
func (w *world) publish(rules ...streaks.Rule) {
	w.t.Helper()
	if _, err := w.service.Configurations.Get(w.ctx, "reading"); err != nil {
		_, err := w.service.Configurations.Create(w.ctx, configuration())
		require.NoError(w.t, err)
		_, err = w.service.Configurations.Publish(w.ctx, "reading")
		require.NoError(w.t, err)
	}
	for _, r := range rules {
		_, err := w.service.Rules.Create(w.ctx, r)
		if err != nil {
			_, err = w.service.Rules.Update(w.ctx, r)
		}
		require.NoError(w.t, err)
		_, err = w.service.Rules.Publish(w.ctx, r.ID)
		require.NoError(w.t, err)
	}
}

func (w *world) user(id, zone string) {
	w.t.Helper()
	_, err := w.users.Create(w.ctx, tenancy.NewUser{ID: id, Timezone: zone})
	require.NoError(w.t, err)
}

// move lets ann live in another zone.
func (w *world) move(zone string) {
	w.t.Helper()
	_, err := w.users.Update(w.ctx, "ann", tenancy.UserPatch{Timezone: &zone})
	require.NoError(w.t, err)
}

// act lets the user do something at each moment. Moments come in their order.
func (w *world) act(userID string, at ...time.Time) (changes []streaks.Change) {
	w.t.Helper()
	for _, at := range at {
		changes = append(changes, w.record(event.Event{ID: w.id(), Type: event.Activity, EntityID: "read", UserID: userID, At: at})...)
	}
	return changes
}

func (w *world) id() string { return fmt.Sprintf("event-%d", w.ids.Add(1)) }

// record lets streaks react to an event, as the engine does: the clock comes first.
func (w *world) record(e event.Event) []streaks.Change {
	w.t.Helper()
	before := len(w.told)
	require.NoError(w.t, w.run.Update(w.ctx, func(tx *session.Tx) error {
		p, err := w.program(w.ctx, tx)
		if err != nil {
			return err
		}
		if err := w.clock(w.ctx, tx, p, e.UserID, e.At); err != nil {
			return err
		}
		o, err := w.react(w.ctx, tx, p, e)
		w.happened = append(w.happened, o)
		return err
	}))
	return w.told[before:]
}

// clock lets the clock do in a user's streaks what it does by itself up to a moment.
func (w *world) clock(ctx context.Context, tx *session.Tx, p mechanic.Mechanic[streaks.Change], userID string, until time.Time) error {
	before := time.Time{}
	for {
		at, kind, id, err := p.Due(ctx, tx, userID)
		if err != nil || at.IsZero() || at.After(until) {
			return err
		}
		require.False(w.t, at.Before(before), "the clock goes on")
		before = at
		if _, err := w.react(ctx, tx, p, mechanic.Ticking(kind, id, userID, at)); err != nil {
			return err
		}
	}
}

// react lets streaks react to an event of a user, who is as of then.
func (w *world) react(ctx context.Context, tx *session.Tx, p mechanic.Mechanic[streaks.Change], e event.Event) (*mechanic.Occasion, error) {
	u, err := tenancy.FindUser(ctx, tx, e.UserID)
	if err == nil {
		u, err = u.At(ctx, tx, e.At)
	}
	if err != nil {
		return nil, err
	}
	o := mechanic.New(&e, u)
	if err := tx.Prefetch(ctx, p.Reads(tx, o)...); err != nil {
		return nil, err
	}
	changes, err := p.React(ctx, tx, o)
	w.told = append(w.told, changes...)
	w.caused = append(w.caused, tx.Caused()...)
	w.problems = append(w.problems, tx.Problems()...)
	return o, err
}

// past is what has happened to a user, for streaks that are new.
func (w *world) past(_ context.Context, _ *session.Tx, userID string, from, until time.Time) iter.Seq2[*mechanic.Occasion, error] {
	return func(yield func(*mechanic.Occasion, error) bool) {
		for _, o := range w.happened {
			if o.User.ID == userID && !o.Event.At.Before(from) && o.Event.At.Before(until) && !yield(o, nil) {
				return
			}
		}
	}
}

// due returns when the clock judges one of the user's streaks next, and of which rule; "" if it does not.
func (w *world) due(userID string) string {
	w.t.Helper()
	var text string
	require.NoError(w.t, w.run.View(w.ctx, func(tx *session.Tx) error {
		p, err := w.program(w.ctx, tx)
		if err != nil {
			return err
		}
		at, kind, id, err := p.Due(w.ctx, tx, userID)
		if !at.IsZero() {
			text = fmt.Sprintf("%s %s/%s", at.Format(time.RFC3339), kind, id)
		}
		return err
	}))
	return text
}

// advance does what the clock causes, in steps of the given size.
func (w *world) advance(limit int) {
	w.t.Helper()
	for more := true; more; {
		require.NoError(w.t, w.run.Update(w.ctx, func(tx *session.Tx) error {
			p, err := w.program(w.ctx, tx)
			if err != nil {
				return err
			}
			more, err = p.Advance(w.ctx, tx, limit)
			return err
		}))
	}
}

func (w *world) current(userID, ruleID string) streaks.Standing {
	w.t.Helper()
	s, err := w.service.Current(w.ctx, userID, ruleID)
	require.NoError(w.t, err)
	return s
}

// list returns all rows, the oldest first.
func (w *world) list(userID string, t streaks.PeriodType) []streaks.Streak {
	w.t.Helper()
	var all []streaks.Streak
	for page := (store.Page{Limit: store.MaxPage, Ascending: true}); ; {
		rows, next, err := w.service.Streaks(w.ctx, userID, streaks.Query{PeriodType: t}, page)
		require.NoError(w.t, err)
		all = append(all, rows...)
		if next == "" {
			return all
		}
		page.Token = next
	}
}

// brief writes rows in short: their period, count, kind unless REGULAR or ANY, status, and "perfect".
func brief(rows []streaks.Streak) []string {
	var out []string
	for _, r := range rows {
		name := r.PeriodID
		switch r.PeriodType {
		case streaks.ByIteration:
			name = fmt.Sprintf("#%d", r.IterationID)
		case streaks.ByGoal:
			name = fmt.Sprintf("%d/%d", r.GoalID, r.Target)
		case streaks.ByDay, streaks.ByWeek, streaks.ByMonth, streaks.ByYear:
		}
		words := []string{name, strconv.Itoa(r.Count)}
		if r.Kind == streaks.Freeze {
			words = append(words, string(r.Kind))
		}
		words = append(words, string(r.Status))
		for _, p := range []*bool{r.PerfectWeek, r.PerfectMonth, r.PerfectYear} {
			if p != nil && *p {
				words = append(words, "perfect")
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

// dump returns every record of the package as text. It requires that each record survives being written and read
// back.
func (w *world) dump() []string {
	w.t.Helper()
	var all []string
	require.NoError(w.t, w.store.View(w.ctx, scope, func(tx store.Tx) error {
		for _, schema := range w.room.Tables {
			rows, err := tx.List(w.ctx, schema, store.Query{})
			require.NoError(w.t, err)
			for _, row := range rows {
				b, err := schema.Encode(row)
				require.NoError(w.t, err)
				back, err := schema.Decode(row.Key, b)
				require.NoError(w.t, err)
				require.Equal(w.t, row, back, schema.Name)
				all = append(all, schema.Name+" "+row.Key+" "+string(b))
			}
		}
		return nil
	}))
	return all
}

// A purse is a wallet that holds so much for each user.
type purse struct {
	mu      sync.Mutex
	holds   map[string]int64
	charges []mechanic.Charge
	kept    []mechanic.Charge // that were not given back
}

func filled(amounts map[string]int64) *purse { return &purse{holds: amounts} }

func (p *purse) Charge(_ context.Context, _ *session.Tx, c mechanic.Charge) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := decimal.NewFromInt(p.holds[c.UserID]).Sub(c.Amount)
	if left.IsNegative() {
		return false, nil
	}
	p.holds[c.UserID] = left.IntPart()
	p.charges, p.kept = append(p.charges, c), append(p.kept, c)
	return true, nil
}

func (p *purse) Refund(_ context.Context, _ *session.Tx, _ time.Time, ids ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = slices.DeleteFunc(p.kept, func(c mechanic.Charge) bool {
		back := slices.Contains(ids, c.ID)
		if back {
			p.holds[c.UserID] = decimal.NewFromInt(p.holds[c.UserID]).Add(c.Amount).IntPart()
		}
		return back
	})
	return nil
}

// idsOf returns what charges are for.
func idsOf(charges []mechanic.Charge) []string {
	var ids []string
	for _, c := range charges {
		ids = append(ids, c.ID)
	}
	return ids
}

// allZones returns the names of the time zone database.
func allZones(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("../timeframe/testdata/zones.txt")
	require.NoError(t, err)
	var names []string
	for name := range strings.FieldsSeq(string(b)) {
		if timeframe.CheckZone(name) == nil {
			names = append(names, name)
		}
	}
	return names
}
