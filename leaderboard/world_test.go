package leaderboard_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// start is a Monday.
var start = time.Date(2025, 9, 1, 10, 0, 0, 0, time.UTC)

// A world is a workspace on a memory store with a journal, and a clock that the test holds.
type world struct {
	leaderboard.Service
	// Stored asks the store, where Service asks the index.
	Stored leaderboard.Service

	ctx    context.Context
	room   room.Room[leaderboard.Change, leaderboard.Service]
	run    session.Runner
	lib    *content.Library
	zones  timeframe.Zones
	users  map[string]tenancy.User
	within *session.Tx // that all calls are part of

	mu       sync.Mutex
	now      time.Time
	ids      int
	problems []event.Problem
	closed   []string // what the journal was told of the clock
	edition  string   // of the program compiled last
	compiled mechanic.Mechanic[leaderboard.Change]

	meanwhile map[string]func() // runs once, before rows of a table are listed
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

// entry is an entry of the journal.
type entry struct {
	Seq     int64                `json:"seq"`
	Changes []leaderboard.Change `json:"changes"`
}

var journal = store.Define("journal", func(e *entry) string { return fmt.Sprintf("%09d", e.Seq) }, nil)

// fact is something that happened, as far as it is known.
type fact struct {
	Event event.Event  `json:"event"`
	User  tenancy.User `json:"user"`
}

var facts = store.Define("facts", func(f *fact) string { return f.Event.ID }, nil)

func newWorld(t failer) *world {
	w := &world{ctx: context.Background(), now: start, users: map[string]tenancy.User{}}
	w.lib = content.NewLibrary(content.Tags, leaderboard.Configurations, leaderboard.Boards)
	engine := room.Engine[leaderboard.Change]{Library: w.lib, Past: w.past, History: w.history, Follow: w.follow}
	w.room = leaderboard.Room(engine)
	st := memory.New()
	require.NoError(t, st.Prepare(w.ctx, append(tenancy.Tables(), content.Tables()...)...))
	require.NoError(t, st.Prepare(w.ctx, w.room.Tables...))
	require.NoError(t, st.Prepare(w.ctx, journal.Schema(), facts.Schema()))
	scope := store.Scope{Account: "acme", Workspace: "default"}
	with := func(in func(context.Context, store.Scope, func(store.Tx) error) error, committed bool) func(context.Context, session.Func) error {
		return func(ctx context.Context, fn session.Func) error {
			if w.within != nil {
				return fn(w.within)
			}
			return in(ctx, scope, func(tx store.Tx) error { return w.session(tx, committed, fn) })
		}
	}
	w.run = session.NewRunner(with(st.View, true), with(st.Update, false))
	w.Service = w.room.Service(w.run, w.program)
	engine.Follow = nil
	w.Stored = leaderboard.Room(engine).Service(w.run, w.program)
	return w
}

func (w *world) session(inner store.Tx, committed bool, fn session.Func) error {
	w.mu.Lock()
	tx := &session.Tx{Tx: interrupted{inner, w}, Now: w.now, NewID: w.newID, Zones: &w.zones, Committed: committed}
	w.mu.Unlock()
	tx.Enter = func(_ context.Context, e event.Event) error { // as it is told: who closes a period does so once
		w.closed = append(w.closed, e.ID)
		return nil
	}
	err := fn(tx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, tx.Problems()...)
	return err
}

// transaction lets all that fn does happen in one transaction, which is committed or rolled back.
func (w *world) transaction(t failer, commit bool, fn func()) {
	undo := errors.New("rolled back")
	err := w.run.Update(w.ctx, func(tx *session.Tx) error {
		w.within = tx
		defer func() { w.within = nil }()
		fn()
		if !commit {
			return undo
		}
		return nil
	})
	if !commit {
		require.ErrorIs(t, err, undo)
		return
	}
	require.NoError(t, err)
}

// An interrupted transaction lets other things happen meanwhile.
type interrupted struct {
	store.Tx
	w *world
}

func (tx interrupted) List(ctx context.Context, t *store.Schema, q store.Query) ([]store.Row, error) {
	tx.w.mu.Lock()
	fn := tx.w.meanwhile[t.Name]
	delete(tx.w.meanwhile, t.Name)
	tx.w.mu.Unlock()
	if fn != nil {
		fn()
	}
	return tx.Tx.List(ctx, t, q)
}

func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("id%04d", w.ids)
}

func (w *world) program(ctx context.Context, tx *session.Tx) (mechanic.Mechanic[leaderboard.Change], error) {
	edition, err := content.Edition(ctx, tx)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	p, known := w.compiled, w.edition
	w.mu.Unlock()
	if p != nil && known == edition {
		return p, nil
	}
	docs, err := w.lib.Load(ctx, tx)
	if err != nil {
		return nil, err
	}
	p, err = w.room.Compile(ctx, tx, room.Setting{Documents: docs})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.compiled, w.edition = p, edition
	return p, err
}

// follow is the index's way into the journal.
func (w *world) follow(ctx context.Context, tx *session.Tx, after int64, apply func(int64, []leaderboard.Change) error) (int64, error) {
	last, err := journal.List(ctx, tx, store.Query{}.Reverse().First(1))
	if err != nil || len(last) == 0 || after >= last[0].Seq {
		return head(last), err
	}
	news, err := journal.List(ctx, tx, store.Query{From: store.Text(fmt.Sprintf("%09d", after+1))})
	for _, e := range news {
		if err := apply(e.Seq, e.Changes); err != nil {
			return 0, err
		}
	}
	return head(last), err
}

func head(last []entry) int64 {
	if len(last) == 0 {
		return 0
	}
	return last[0].Seq
}

// history is what all did, in one portion.
func (w *world) history(
	ctx context.Context, tx *session.Tx, of event.Type, within mechanic.Within, _ string, _ int, add func(*mechanic.Occasion) error,
) (string, error) {
	for o, err := range happened(ctx, tx, within.From, within.Until, func(e *event.Event) bool { return e.Type == of }) {
		if err == nil {
			err = add(o)
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// past is what a user did.
func (w *world) past(ctx context.Context, tx *session.Tx, userID string, from, until time.Time) iter.Seq2[*mechanic.Occasion, error] {
	return happened(ctx, tx, from, until, func(e *event.Event) bool { return e.UserID == userID })
}

func happened(ctx context.Context, tx *session.Tx, from, until time.Time, wanted func(*event.Event) bool) iter.Seq2[*mechanic.Occasion, error] {
	return func(yield func(*mechanic.Occasion, error) bool) {
		all, err := facts.List(ctx, tx, store.Query{})
		if err != nil {
			yield(nil, err)
			return
		}
		for i := range all {
			e := &all[i].Event
			inside := !e.At.Before(from) && (until.IsZero() || e.At.Before(until))
			if inside && wanted(e) && !yield(mechanic.New(e, &all[i].User), nil) {
				return
			}
		}
	}
}

// open opens what was published.
func (w *world) open(t failer) {
	require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
		p, err := w.program(w.ctx, tx)
		if err != nil {
			return err
		}
		return p.Open(w.ctx, tx)
	}))
}

// publish puts documents into force; each is JSON.
func (w *world) publish(t failer, documents ...string) {
	require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
		_, err := w.lib.Import(w.ctx, tx, []byte(`{"documents": [`+strings.Join(documents, ",")+`]}`))
		return err
	}))
	w.open(t)
}

// user adds somebody who carries tags.
func (w *world) user(id, zone string, tags ...string) {
	u := tenancy.User{ID: id, Timezone: zone, Role: tenancy.Member, Status: tenancy.Active}
	for _, tag := range tags {
		u.Tags = append(u.Tags, tenancy.UserTag{TagID: tag})
	}
	w.users[id] = u
}

// did records that a user did something of a certain value, and returns what changed.
func (w *world) did(t failer, user string, at time.Time, value string) []leaderboard.Change {
	return w.record(t, event.Event{UserID: user, At: at, Value: new(decimal.RequireFromString(value))})
}

// record makes boards react to an event and adds it to the journal.
func (w *world) record(t failer, e event.Event) []leaderboard.Change {
	return w.amend(t, &e, nil)
}

// amend makes boards react to an event, if there is one, and tells them that others, of which the ids are given, did
// not happen and that some happened, as they are or as others than before. It adds what changed to the journal.
func (w *world) amend(t failer, e *event.Event, gone []string, come ...event.Event) []leaderboard.Change {
	changes, err := session.Write(w.ctx, w.run, func(tx *session.Tx) ([]leaderboard.Change, error) {
		p, err := w.program(w.ctx, tx)
		if err != nil {
			return nil, err
		}
		var changes []leaderboard.Change
		if e != nil {
			o, err := w.occasion(tx, *e)
			if err != nil {
				return nil, err
			}
			if err := tx.Prefetch(w.ctx, p.Reads(tx, o)...); err != nil {
				return nil, err
			}
			if changes, err = p.React(w.ctx, tx, o); err != nil {
				return nil, err
			}
		}
		a, err := w.amendment(tx, gone, come)
		if err != nil {
			return nil, err
		}
		if changes, err = p.Amend(w.ctx, tx, a, changes); err != nil {
			return nil, err
		}
		n, err := journal.Count(w.ctx, tx, store.Query{})
		if err != nil {
			return nil, err
		}
		return changes, journal.Put(w.ctx, tx, entry{Seq: int64(n) + 1, Changes: changes})
	})
	require.NoError(t, err)
	return changes
}

// occasion lets an event have happened.
func (w *world) occasion(tx *session.Tx, e event.Event) (*mechanic.Occasion, error) {
	if e.ID == "" {
		e.ID = w.newID()
	}
	if e.Type == "" {
		e.Type = event.Activity
	}
	u := w.users[e.UserID]
	u.ID = e.UserID
	return mechanic.New(&e, &u), facts.Put(w.ctx, tx, fact{e, u})
}

func (w *world) amendment(tx *session.Tx, gone []string, come []event.Event) (a mechanic.Amendment, err error) {
	for _, e := range come {
		if _, known, err := facts.Get(w.ctx, tx, e.ID); err != nil {
			return a, err
		} else if known {
			gone = append(gone, e.ID)
		}
	}
	was, err := facts.GetMany(w.ctx, tx, gone...)
	if err != nil {
		return a, err
	}
	for i := range was {
		a.Gone = append(a.Gone, mechanic.New(&was[i].Event, &was[i].User))
	}
	if err := facts.Delete(w.ctx, tx, gone...); err != nil {
		return a, err
	}
	for _, e := range come {
		o, err := w.occasion(tx, e)
		if err != nil {
			return a, err
		}
		a.Come = append(a.Come, o)
	}
	return a, nil
}

// advance sets the clock and freezes what has ended.
func (w *world) advance(t failer, now time.Time) {
	w.now = now
	for more := true; more; {
		require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
			p, err := w.program(w.ctx, tx)
			if err == nil {
				more, err = p.Advance(w.ctx, tx, 2)
			}
			return err
		}))
	}
}

// configuration returns a configuration as JSON.
func configuration(id, query string) string {
	return fmt.Sprintf(`{"kind": "RuntimeLeaderboardConfiguration", "id": %q, "name": "Points", "defaultLang": "en",
		"translations": [{"lang": "en", "label": "Points"}], "query": %s}`, id, query)
}

const points = `{"source": "activity_logs", "entityId": "userId", "score": {"sum": {"var": "value"}}}`

// board returns a board as JSON; frame is the rest of it.
func board(id, configuration, frame string) string {
	return fmt.Sprintf(`{"kind": "RuntimeLeaderboard", "id": %q, "runtimeLeaderboardConfigurationId": %q, %s}`, id, configuration, frame)
}

const (
	forever = `"timeframeType": "PERMANENT", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-01-01T00:00:00Z"`
	daily   = `"timeframeType": "RECURRING", "recurrence": "DAILY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "Europe/Rome", "timeframeStartsAt": "2025-01-01T00:00:00Z"`
	monthly = `"timeframeType": "RECURRING", "recurrence": "MONTHLY", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-01-01T00:00:00Z"`
)

// lines shows rows as "rank entity score".
func lines(rows []leaderboard.Row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = fmt.Sprintf("%d %s %s", r.Rank, r.EntityID, r.Score)
	}
	return out
}
