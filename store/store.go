// Package store is the contract between guerdon and the place where its records live.
//
// Four nouns: a [Store] runs transactions; a [Scope] says whose records they see; a [Tx] reads and
// writes rows; a [Table] gives a Go type a key, columns and indexes, so that a domain works with its
// own type and a backend with nothing but rows.
//
// A backend knows nothing of missions or money. It implements [Store] and [Tx], and is right when
// [github.com/guerdonhq/guerdon/store/storetest] passes. Three come with guerdon: store/memory,
// store/sqlite and store/postgres.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/guerdonhq/guerdon/fault"
)

// A Scope says whose records a transaction sees. There are three levels: a workspace (both names
// set), an account (only Account set: its workspaces and principals), and the platform (the zero
// Scope: its accounts). Records of one scope are invisible from every other.
type Scope struct {
	Account   string
	Workspace string
}

// ParseScope is the inverse of [Scope.String].
func ParseScope(name string) Scope {
	account, workspace, _ := strings.Cut(name, "/")
	return Scope{Account: account, Workspace: workspace}
}

// String returns "account/workspace", which is unique among scopes because names hold no slash.
func (s Scope) String() string { return s.Account + "/" + s.Workspace }

// A Store keeps the records of every scope and runs transactions on them. All methods may be called
// concurrently.
type Store interface {
	// Prepare creates what the tables lack: tables, columns, indexes. It fills new columns from the
	// records that are there. It may be called again, also by several processes at once. A table that
	// was written by a newer version is refused with a [*NewerError], and nothing is changed.
	Prepare(ctx context.Context, tables ...*Schema) error

	// View runs fn on one consistent snapshot: commits that happen meanwhile stay unseen. Writing in
	// a View is an error. View returns what fn returns.
	View(ctx context.Context, s Scope, fn func(Tx) error) error

	// Update runs fn in a transaction whose effect is as if the transactions of a scope ran one after
	// another. It commits if fn returns nil; what fn wrote is then durable as far as the backend
	// promises durability. If fn returns an error or panics, nothing of it remains, and Update returns
	// the error or passes the panic on. fn may be run again after a conflict with another process, so
	// it must have no effects but on the Tx. If a newer version of the program has prepared tables meanwhile, nothing is
	// committed, and Update returns a [*NewerError]. The Tx must not be used by several goroutines, and returns
	// [ErrOver] after fn has returned. Calling Update inside fn waits for itself until ctx ends.
	Update(ctx context.Context, s Scope, fn func(Tx) error) error

	// Rehearse runs fn once in a transaction that is never committed: it sees one consistent snapshot and what it writes
	// itself, and nothing of it remains. It waits for no Update, and none waits for it. Rehearse returns what fn
	// returns.
	Rehearse(ctx context.Context, s Scope, fn func(Tx) error) error

	// Close waits for running transactions and releases what the store holds. Closing again does
	// nothing; all else returns [ErrClosed] then.
	Close() error
}

// Ahead is implemented by a [Store] to which every read is a trip, and which reads for callers who wait for one another
// together.
type Ahead interface {
	Store

	// UpdateAhead is Update for a function of which look can tell what it is going to read. While the call waits for its turn,
	// look may be called, any number of times or not at all, on another goroutine, but never while fn runs nor after
	// UpdateAhead has returned. Its Tx refuses writes, and returns an error where something is read that is not known
	// yet; look should return then, and must have no effects. An error or panic of look is lost. fn may read other
	// answers than look, because transactions before it may write in between. A look that is nil is never called.
	UpdateAhead(ctx context.Context, s Scope, look, fn func(Tx) error) error
}

// UpdateAhead is that of st if st is [Ahead], otherwise Update. A store that wraps another one passes looks on with it.
func UpdateAhead(ctx context.Context, st Store, s Scope, look, fn func(Tx) error) error {
	if ahead, ok := st.(Ahead); ok {
		return ahead.UpdateAhead(ctx, s, look, fn)
	}
	return st.Update(ctx, s, fn)
}

// Heir is implemented by a [Store] that may hold what an earlier version of the program kept, and can take it over. One that
// wraps another and is none refuses such tables when it prepares.
type Heir interface {
	Store

	// Inherit takes over what is kept in the tables of a former layout, if Prepare returns an [*OlderError] and no others are
	// there. At once it sets them aside, so that older programs write nothing any more, and prepares tables. Then it calls move
	// with some rows after another: tables in the order of former, and of each the rows of one scope after another, in the order
	// of their keys. Each call is a transaction, at whose end the rows are gone from where they were set aside. What was
	// interrupted goes on there when it is called again, also by several processes at once. move may run again after a
	// conflict. Where nothing is to be taken over, Inherit only prepares tables.
	Inherit(ctx context.Context, tables []*Schema, former []string, move func(ctx context.Context, tx Tx, table string, rows []Former) error) error
}

// Surveyor is implemented by a [Store] that can look at all scopes at once, as the three of guerdon can. Who follows many
// workspaces needs one.
type Surveyor interface {
	Store

	// Survey returns the rows of a table in all scopes, of one snapshot, and a mark of that moment. It is meant for tables that
	// have few rows in each scope. Rows of a scope come together, in the order of their keys. With a mark that an earlier call on this
	// Store returned, it may leave out scopes that nobody has committed anything to since, whatever process: where there are none
	// others, a call costs next to nothing. With nil it returns all. If some rows cannot be read, it returns the others and the
	// [DamagedError] of the first.
	Survey(ctx context.Context, t *Schema, since Mark) (found []Surveyed, mark Mark, err error)
}

// A Mark is a moment of a [Surveyor]; what it holds is the store's affair. Marks are comparable: two that are equal say that nothing was
// committed in between.
type Mark any

// A Surveyed is a row and the scope that it is in.
type Surveyed struct {
	Scope Scope
	Row   Row
}

// A Former is a row of a former layout.
type Former struct {
	Key    string
	Record []byte // as it was kept
}

// A Tx is the rows of one scope inside a transaction. It sees its own writes. Every method takes
// many rows at once, so that a backend behind a network can answer in one round trip.
//
// Rows that a Tx returns or is given must not be modified afterwards: a backend may keep them.
type Tx interface {
	// Scope returns the scope whose rows this Tx sees.
	Scope() Scope

	// In returns the same transaction on another scope's rows. It commits or rolls back with this one.
	In(s Scope) Tx

	// Get returns the rows with the given keys that exist, in the order of keys. A key given twice
	// gives its row twice.
	Get(ctx context.Context, t *Schema, keys ...string) ([]Row, error)

	// List returns the rows that q describes, in the order of its index. If some of them cannot be read, it returns the others and
	// the [DamagedError] of the first.
	List(ctx context.Context, t *Schema, q Query) ([]Row, error)

	// Count returns how many rows List would return if q had no limit.
	Count(ctx context.Context, t *Schema, q Query) (int, error)

	// Insert adds rows. If a key, or an entry of a unique index, is taken, it returns the error of
	// [Taken], none of the rows is added, and the transaction stays usable.
	Insert(ctx context.Context, t *Schema, rows ...Row) error

	// Put adds rows or replaces those of the same key. An entry of a unique index that another row
	// has taken is refused as by Insert. The rows of one call are judged together, by what they leave
	// behind: two rows may swap their entries, and of several rows with one key the last counts.
	Put(ctx context.Context, t *Schema, rows ...Row) error

	// Delete removes the rows with the given keys; a key that is not there is no error.
	Delete(ctx context.Context, t *Schema, keys ...string) error

	// Prefetch reads what the caller is about to Get or List in as few round trips as the backend
	// can. It changes no answer, only how long the answers take.
	Prefetch(ctx context.Context, reads ...Read) error
}

// Near is implemented by a [Tx] whose rows are all in the process: nobody needs to name rows to Prefetch.
type Near interface {
	Tx
	// Near does nothing.
	Near()
}

// Crowded is implemented by a [Tx] that knows who waits for it, so that long work can be done in portions that end when somebody
// comes.
type Crowded interface {
	Tx
	// Crowded tells whether another Update waits for this one to end, also that of another process where the backend can tell.
	// It changes from one moment to the next. Nobody waits for what is not committed, nor for a part of the host's transaction.
	Crowded() bool
}

// A Read names rows for [Tx.Prefetch]: those with Keys, or those that Query describes if it is set.
type Read struct {
	Table *Schema
	Keys  []string
	Query *Query
	// Scope is the scope that they are of; nil is that of the transaction.
	Scope *Scope
}

// In returns r of another scope than that of the transaction.
func (r Read) In(s Scope) Read { r.Scope = &s; return r }

// A Query describes a run of rows in the order of one index. The zero Query is every row by key.
type Query struct {
	// Index is the name of an index, or "" for the order of keys. A row that lacks a value for a
	// column of the index is not in it.
	Index string
	// Equal fixes the leading columns of the index.
	Equal []Value
	// From and Until bound the column after those, or the key where none is left: From ≤ v < Until.
	// An absent Value is no bound.
	From, Until Value
	// Descending reverses the order. Rows that are equal in the index's columns are ordered by key,
	// which Descending reverses too.
	Descending bool
	// After continues behind a position: only rows beyond it, in the order of the query.
	After *Position
	// Limit is the greatest number of rows to return; 0 is no limit.
	Limit int
}

// By returns the rows of an index whose leading columns have the given values.
func By(index string, equal ...Value) Query { return Query{Index: index, Equal: equal} }

// Prefix returns the rows whose key begins with the given text, in the order of keys.
func Prefix(prefix string) Query {
	q := Query{From: Text(prefix)}
	// The end is the prefix with its last character raised: UTF-8 orders texts by code point.
	for rest := prefix; rest != ""; {
		r, n := utf8.DecodeLastRuneInString(rest)
		rest = rest[:len(rest)-n]
		if r++; r == 0xd800 { // surrogates are no characters
			r = 0xe000
		}
		if r <= utf8.MaxRune {
			q.Until = Text(rest + string(r))
			break
		}
	}
	return q
}

// First returns q with a limit.
func (q Query) First(n int) Query { q.Limit = n; return q }

// Between returns q with bounds on the column after the fixed ones: from ≤ v < until.
func (q Query) Between(from, until Value) Query { q.From, q.Until = from, until; return q }

// Reverse returns q in the opposite order.
func (q Query) Reverse() Query { q.Descending = !q.Descending; return q }

// Taken returns the error for a row that cannot be added because a key (index "") or an entry of a
// unique index belongs to another row. It is a [fault.ErrExists] whose field names the table and index.
func Taken(t *Schema, index string, row Row) error {
	if index == "" {
		return fault.Exists(t.Name, "%q exists already", row.Key)
	}
	return fault.Exists(t.Name+"."+index, "another row than %q has this value", row.Key)
}

// ErrReadOnly is returned by the writing methods of a Tx inside a View.
var ErrReadOnly = fmt.Errorf("store: writing in a view: %w", fault.ErrForbidden)

// ErrClosed is returned by a store that has been closed.
var ErrClosed = errors.New("store: closed")

// ErrOver is returned by the methods of a Tx whose function has returned.
var ErrOver = errors.New("store: the transaction is over: its handle was used after its function had returned")

// A DamagedError says that a row is there and its record cannot be read: something else than the program has written it, or
// the disk has lost it. It is the error of whoever asked for the row; others who share the transaction go on.
type DamagedError struct {
	Table, Key string
	Err        error
}

// Error names the table and the key.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("store: the row %q of table %q cannot be read: %v", e.Key, e.Table, e.Err)
}

// Unwrap returns what was wrong with the record.
func (e *DamagedError) Unwrap() error { return e.Err }

// Damaged returns the [DamagedError] that an error is or wraps, nil if it is another one: then it is not only that of who asked for
// the row.
func Damaged(err error) *DamagedError {
	damaged, _ := errors.AsType[*DamagedError](err)
	return damaged
}

// An OlderError says that a table was kept by an earlier version of the program, in a form that this one does not read. It
// matches [fault.ErrConflict].
type OlderError struct{ Table string }

// Error names the table.
func (e *OlderError) Error() string {
	return fmt.Sprintf("store: table %q was kept by an earlier version of the program, in a form that this one does not read", e.Table)
}

// Unwrap returns [fault.ErrConflict].
func (*OlderError) Unwrap() error { return fault.ErrConflict }

// A NewerError says that a table was prepared by a version of the program that is newer than this
// one. It matches [fault.ErrConflict].
type NewerError struct {
	Table      string
	Have, Want int // the table's version in the store, and the newest this program knows
}

// Error names the table and both versions.
func (e *NewerError) Error() string {
	return fmt.Sprintf("store: table %q has version %d, this program knows %d: a newer version wrote it", e.Table, e.Have, e.Want)
}

// Unwrap returns [fault.ErrConflict].
func (*NewerError) Unwrap() error { return fault.ErrConflict }
