package unit

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/store"
)

// A unit is a unit of work on one session.
type unit struct {
	db       Session
	readOnly bool
	tables   map[place]*table
	order    []*table // those of tables, in the order of their first use
	undo     []undo   // what the function that runs has set, oldest first

	// fleeting says that the unit ends without a commit, and so may forget what it has read.
	fleeting bool
	learned  int // how many rows it has read since it forgot

	// shielded lets no caller's context end a call to the database, because others depend on it.
	shielded bool
	// others adds to what is about to be read what others will read; nil if there are none.
	others func(*wish)
	// crowded tells whether somebody waits for the unit to end; nil if nobody does.
	crowded func() bool
	// failed is the first error of the database. After it the session is of no use. It is joint if it may come from what was
	// read for others.
	failed error
	joint  bool

	// sum is what the unit has asked of the session, and told what of it was the functions' before the one that runs.
	sum, told tally
	// cost is where what that function costs is to be told; nil if nobody asks.
	cost *store.Cost
	sent int // the rows of the commit
}

// A tally is what was asked of a session.
type tally struct{ trips, statements, rows int }

// A place is a table of a scope.
type place struct {
	scope store.Scope
	table string
}

// An undo says what a key's pending state was.
type undo struct {
	table *table
	key   string
	row   *store.Row
	dirty bool
}

func newUnit(db Session, readOnly bool) *unit {
	return &unit{db: db, readOnly: readOnly, tables: map[place]*table{}}
}

// maxLearned is how many rows a unit that is not committed has read before it forgets them, so that a walk through all that
// there is takes no more memory than that.
const maxLearned = 10_000

// fleetingUnit returns a unit that is not going to be committed.
func fleetingUnit(db Session, readOnly bool) *unit {
	u := newUnit(db, readOnly)
	u.fleeting = true
	return u
}

// forget forgets what was read, if that is much and nothing is pending.
func (u *unit) forget() {
	if !u.fleeting || u.learned < maxLearned || slices.ContainsFunc(u.order, func(t *table) bool { return len(t.dirty) > 0 }) {
		return
	}
	u.tables, u.order, u.learned = map[place]*table{}, nil, 0
}

// View runs fn on a session and rolls the session back. Writing is refused.
func View(ctx context.Context, db Session, s store.Scope, fn func(store.Tx) error) error {
	defer db.Rollback(context.WithoutCancel(ctx))
	return fleetingUnit(db, true).run(ctx, s, fn)
}

// Rehearse runs fn on a session and rolls the session back. What fn writes stays pending, and is not sent.
func Rehearse(ctx context.Context, db Session, s store.Scope, fn func(store.Tx) error) error {
	defer db.Rollback(context.WithoutCancel(ctx))
	return fleetingUnit(db, false).run(ctx, s, fn)
}

// Update runs fn on a session and commits it, or rolls it back if fn or the commit fails.
func Update(ctx context.Context, db Session, s store.Scope, fn func(store.Tx) error) error {
	u := newUnit(db, false)
	committed := false
	defer func() {
		if !committed {
			db.Rollback(context.WithoutCancel(ctx))
		}
	}()
	if err := u.run(ctx, s, fn); err != nil {
		return err
	}
	if err := u.commit(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	committed = true
	return nil
}

// run calls fn. If fn does not succeed, nothing of what it wrote stays pending.
func (u *unit) run(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	over, kept := false, false
	u.cost = nil
	defer func() {
		over = true
		u.sum.statements = u.db.Statements()
		switch {
		case !kept:
			u.revert(0)
		case u.cost != nil:
			*u.cost = store.Cost{
				Trips: u.sum.trips - u.told.trips, Statements: u.sum.statements - u.told.statements,
				RowsRead: u.sum.rows - u.told.rows, RowsWritten: len(u.undo),
			}
		}
		u.told = u.sum
		u.undo = u.undo[:0]
	}()
	if err := fn(&tx{u: u, scope: s, over: &over}); err != nil {
		return err
	}
	if err := cmp.Or(ctx.Err(), u.failed); err != nil {
		return err
	}
	kept = true
	return nil
}

// commit writes what is pending and ends the transaction.
func (u *unit) commit(ctx context.Context) error {
	var all []Change
	for _, t := range u.order {
		c, err := t.changes()
		if err != nil {
			return err
		}
		if n := len(c.Delete) + len(c.Put) + len(c.Record); n > 0 {
			all = append(all, c)
			u.sent += n
		}
	}
	return u.db.Commit(ctx, all)
}

// table returns the unit's table for a schema.
func (u *unit) table(s store.Scope, schema *store.Schema) *table {
	at := place{s, schema.Name}
	t := u.tables[at]
	if t == nil {
		t = newTable(s, schema)
		u.tables[at] = t
		u.order = append(u.order, t)
	}
	return t
}

// set makes r the pending state of a key, so that revert can take it back.
func (u *unit) set(t *table, key string, r *store.Row) {
	old, dirty := t.dirty[key]
	u.undo = append(u.undo, undo{t, key, old, dirty})
	t.set(key, r)
}

// revert takes back what was set since the undo list had n entries.
func (u *unit) revert(n int) {
	for _, was := range slices.Backward(u.undo[n:]) {
		if was.dirty {
			was.table.set(was.key, was.row)
		} else {
			was.table.unset(was.key)
		}
	}
	u.undo = u.undo[:n]
}

// read sends asks to the database, if there are any.
func (u *unit) read(ctx context.Context, asks []Ask) ([]Answer, error) {
	if len(asks) == 0 {
		return nil, nil
	}
	if u.failed != nil {
		return nil, u.failed
	}
	call := ctx
	if u.shielded {
		call = context.WithoutCancel(ctx)
	}
	u.sum.trips++
	answers, err := u.db.Read(call, asks)
	if err != nil {
		u.failed = cmp.Or(call.Err(), err)
		return nil, u.failed
	}
	return answers, nil
}

// A wish gathers what must be asked so that the tables know it.
type wish struct {
	u    *unit
	asks []Ask
	then []func(Answer)
	// made are the rows and queries that it asks for already; nil if nobody wishes twice.
	made map[wished]bool
	// ahead says that it is granted when all who look ahead have wished, and lacks that one of them needs what is not known
	// before then.
	ahead, lacks bool
	// sound are the rows of an answer of which others could not be read.
	sound []store.Row
}

// errAhead is what a function that looks ahead is told where it needs what is not known yet.
var errAhead = errors.New("store: the row will be read before the function is run")

// wished is a row, by its key, or a query, by its name.
type wished struct {
	table *table
	name  string
	query bool
}

// again tells whether the wish has been made before, and notes it.
func (w *wish) again(of wished) bool {
	if w.made == nil || w.made[of] {
		return w.made != nil
	}
	w.made[of] = true
	return false
}

// rows wishes to know the rows with the given keys.
func (w *wish) rows(t *table, keys []string) {
	var missing []string
	for _, key := range keys {
		if _, ok := t.known[key]; ok {
			continue
		}
		w.lacks = true
		if !w.again(wished{t, key, false}) {
			missing = append(missing, key)
		}
	}
	if len(missing) == 0 {
		return
	}
	w.ask(Ask{Scope: t.scope, Table: t.schema, Keys: missing}, func(a Answer) {
		for _, key := range missing {
			t.known[key] = nil
		}
		t.learn(a.Rows)
	})
}

// run wishes to know the answer to a query.
func (w *wish) run(t *table, q store.Query) {
	if t.answer(q) != nil {
		return
	}
	w.lacks = true
	if w.again(wished{t, nameOf(q), true}) {
		return
	}
	w.ask(Ask{Scope: t.scope, Table: t.schema, Query: &q}, func(a Answer) {
		t.learn(a.Rows)
		t.keep(q, &run{rows: a.Rows, end: q.Limit == 0 || len(a.Rows) < q.Limit})
	})
}

// entries wishes to know who has the entries that are claimed.
func (w *wish) entries(t *table, claims []claim) {
	for index, claims := range byIndex(claims) {
		var missing [][]store.Value
		for _, c := range claims {
			if t.runs[nameOf(c.entry)] == nil {
				missing = append(missing, c.entry.Equal)
			}
		}
		if len(missing) == 0 {
			continue
		}
		w.ask(Ask{Scope: t.scope, Table: t.schema, Index: index, Entries: missing}, func(a Answer) {
			t.learn(a.Rows)
			for _, values := range missing {
				t.keep(store.By(index, values...), &run{end: true})
			}
			_, at := t.schema.Find(index)
			for _, r := range a.Rows {
				if found := t.runs[nameOf(store.By(index, r.Position(at).Values...))]; found != nil {
					found.rows = []store.Row{r}
				}
			}
		})
	}
}

// more wishes for the rows behind a run.
func (w *wish) more(t *table, q store.Query, r *run) {
	w.lacks = true
	if w.ahead {
		return // that others need the same could not be told
	}
	if n := len(r.rows); n > 0 {
		_, at := t.schema.Find(q.Index)
		q.After = new(r.rows[n-1].Position(at))
	}
	w.ask(Ask{Scope: t.scope, Table: t.schema, Query: &q}, func(a Answer) {
		t.learn(a.Rows)
		r.rows = append(r.rows, a.Rows...)
		r.end = len(a.Rows) < q.Limit
	})
}

// count wishes to know how many rows a query has.
func (w *wish) count(t *table, q store.Query) {
	name := nameOf(q)
	if _, ok := t.counts[name]; ok {
		return
	}
	w.lacks = true
	w.ask(Ask{Scope: t.scope, Table: t.schema, Query: &q, Count: true}, func(a Answer) {
		put(&t.counts, name, a.Count)
	})
}

func (w *wish) ask(a Ask, then func(Answer)) {
	w.asks = append(w.asks, a)
	w.then = append(w.then, then)
}

// grant asks the database, unless the wish is of somebody who looks ahead. What cannot be read stays unknown.
func (w *wish) grant(ctx context.Context) error {
	if w.ahead {
		if w.lacks {
			return errAhead
		}
		return nil
	}
	own := len(w.asks)
	if own > 0 && w.u.others != nil && w.u.failed == nil && len(w.u.undo) == 0 { // what a function has written in part is for nobody to see
		if w.made == nil {
			w.made = map[wished]bool{}
		}
		w.ahead = true
		w.u.others(w)
		w.ahead = false
	}
	answers, err := w.u.read(ctx, w.asks)
	if err != nil {
		w.u.joint = w.u.joint || len(w.asks) > own
		return err
	}
	for i, a := range answers {
		if a.Damaged == nil {
			w.u.learned += len(a.Rows)
			w.u.sum.rows += len(a.Rows)
			w.then[i](a)
		} else if err == nil && i < own { // whoever else needs the row is told
			err, w.sound = a.Damaged, a.Rows
		}
	}
	return err
}
