package mechanic

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A Part is a table that holds rows of users' folds. Every step of a fold keeps what such rows were before it, so
// that the engine can go back and fold again when something turns out to have happened earlier.
type Part struct {
	Table *store.Schema
	// Owner returns whose fold a record is a row of, "" if it is nobody's alone.
	Owner func(record any) string
	// Sum is set of a table whose records are sums: it returns what a record becomes when one of the changes that
	// made it, from a record to another, is made on top of it. Either may be nil. Going back does not restore such a
	// record but takes back what a step added, because others add to it too; records of nobody alone are included.
	Sum func(now, from, to any) store.Row
	// Decide is called before a change of a record, from one to another, is made again that a call made, because somebody decided
	// so. It brings the record, nil if there is none, to where the change can be made, and returns what that makes of it. Nil leaves all
	// to the change.
	Decide func(ctx context.Context, tx *session.Tx, now, was, then any) (Decision, error)
	// Move returns the row that a record of a user becomes if it is another's. Nil if no call writes such records: what follows in a fold is made
	// anew.
	Move func(record any, n Naming) store.Row
}

// A Naming gives what is one user's to another.
type Naming struct{ From, Into string }

// User returns the id of the one who stays for that which is given up, and any other text as it is.
func (n Naming) User(id string) string {
	if id == n.From {
		return n.Into
	}
	return id
}

// Derived returns an id that begins with the user's as it begins with that of the one who stays, and any other as it is. No id that
// a caller gives holds a colon.
func (n Naming) Derived(id string) string {
	if rest, derived := strings.CutPrefix(id, n.From+":"); derived {
		return n.Into + ":" + rest
	}
	return id
}

// Event returns what happened to the one as it happened to the other. It keeps its id.
func (n Naming) Event(e event.Event) event.Event {
	e.UserID = n.User(e.UserID)
	if e.Type == event.Clock {
		e.EntityID = n.Derived(e.EntityID)
	}
	e.Fields = maps.Clone(e.Fields)
	for name, v := range e.Fields {
		switch text, is := v.(string); {
		case !is:
		case slices.Contains(parties, name):
			e.Fields[name] = n.User(text)
		default:
			e.Fields[name] = n.Derived(text)
		}
	}
	return e
}

// parties are the fields of events that name users.
var parties = []string{"initiator", "counterpart"}

// A Decision is what becomes of a record about which somebody has decided.
type Decision struct {
	// Row is what the decision makes of it.
	Row store.Row
	// Problem says that it had to be brought there, nil if it had not.
	Problem *event.Problem
}

// Decided returns the part with what is called before a change is made again that somebody decided.
func (p Part) Decided(decide func(ctx context.Context, tx *session.Tx, now, was, then any) (Decision, error)) Part {
	p.Decide = decide
	return p
}

// Rows returns the part of a table that holds rows of their owners.
func Rows[T any](table *store.Table[T], owner func(*T) string) Part {
	return Part{Table: table.Schema(), Owner: ownerOf(owner)}
}

// Moving returns the part of a table whose rows calls write with what lets a record be another user's.
func Moving[T any](p Part, table *store.Table[T], move func(*T, Naming)) Part {
	p.Move = func(record any, n Naming) store.Row {
		t := record.(T)
		move(&t, n)
		return table.Row(t)
	}
	return p
}

// Sums returns the part of a table that holds sums.
func Sums[T any](table *store.Table[T], owner func(*T) string, sum func(now, from, to *T) T) Part {
	record := func(v any) *T {
		if v == nil {
			return nil
		}
		t := v.(T)
		return &t
	}
	return Part{Table: table.Schema(), Owner: ownerOf(owner), Sum: func(now, from, to any) store.Row {
		return table.Row(sum(record(now), record(from), record(to)))
	}}
}

func ownerOf[T any](owner func(*T) string) func(any) string {
	return func(record any) string {
		t := record.(T)
		return owner(&t)
	}
}

// A Difference is a row that is another after folding again than it was before. Either record may be nil.
type Difference struct {
	Table    string
	Key      string
	Was, Now any
}

// An Amendment is what is different after a part of a user's fold was folded again.
type Amendment struct {
	// UserID is whose fold was folded again.
	UserID string
	// Gone are events that no longer follow, as they were; Come are those that follow now. An event that is
	// another now is in both.
	Gone, Come []*Occasion
	// Stay are events of the same ids as some that are gone, which another step causes: they have been counted.
	Stay []*Occasion
	// Rows are those of the user that are not as they were; Told are others that a new step has written last, whose
	// outcome tells of them.
	Rows, Told []Difference
	// New tells whether there is a new step: the changes so far of the user are its own, as of where it stands.
	New bool
}

// Lost returns those of the events that are gone which follow no more, from whatever step.
func (a *Amendment) Lost() (lost []*Occasion) {
	for _, o := range a.Gone {
		is := func(other *Occasion) bool { return other.Event.ID == o.Event.ID }
		if !slices.ContainsFunc(a.Stay, is) && !slices.ContainsFunc(a.Come, is) {
			lost = append(lost, o)
		}
	}
	return lost
}

// Give gives the rows of one user, whose keys have a prefix, to another, unless that one has such a row already, and returns them as they were.
func Give[T any](ctx context.Context, tx *session.Tx, table *store.Table[T], prefix string, move func(*T)) ([]T, error) {
	rows, err := table.List(ctx, tx, store.Prefix(prefix))
	if err != nil {
		return nil, err
	}
	for i := range rows {
		now := rows[i]
		if err := table.Delete(ctx, tx, table.Row(now).Key); err != nil {
			return nil, err
		}
		move(&now)
		_, taken, err := table.Get(ctx, tx, table.Row(now).Key)
		if err == nil && !taken {
			err = table.Put(ctx, tx, now)
		}
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}
