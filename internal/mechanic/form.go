package mechanic

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Mechanic is the documents in force of one room, compiled: it reacts to what happens to users, in the order in
// which it happened. It knows nothing of lateness: what turns out to have happened earlier takes the user's fold
// back, and the mechanic reacts anew to all that came later. C is what it changes.
type Mechanic[C any] interface {
	// Open brings in line with the documents what the mechanic counts of several users, and does nothing if it is. It
	// must run in an Update before any event that the journal does not hold yet, once after every change of the program.
	Open(ctx context.Context, tx *session.Tx) error
	// Reads names what React reads first.
	Reads(tx *session.Tx, o *Occasion) []store.Read
	// Heeds tells whether something may follow from a change of a user, whose event has the given match keys.
	Heeds(keys []string) bool
	// Awaits tells whether a document may ask for the end of something whose events have a type ([Occasion.Ends]).
	Awaits(t event.Type) bool
	// Hears tells whether a document asks for a change of users that nobody makes ([Condition.Hears]): since when one that is in force does as it is, zero for
	// none, and whether any version ever did.
	Hears(change string) (since time.Time, ever bool)
	// Foresee returns events like those that React can cause: enough for others to name what they will read for
	// them.
	Foresee(o *Occasion) []event.Event
	// Enact is asked before anybody reacts to what a user has done in a way that the mechanic knows, when that enters the user's fold and whenever
	// it is folded again: it changes the user's rows and returns the event that this is then, or nil if it is as it was. It refuses what cannot be done
	// only if nobody has accepted it before ([session.Tx.Accepted]).
	Enact(ctx context.Context, tx *session.Tx, o *Occasion) (*event.Event, error)
	// React lets follow from an occasion what the documents say, causes the events that follow and returns what
	// changed. A step that is made anew finds the rows of the user as they were before it.
	React(ctx context.Context, tx *session.Tx, o *Occasion) ([]C, error)
	// Present brings what others are shown of a user in line with whether the user takes part, of which the event of an
	// occasion says that it has changed. It is no step of a fold: what counts is how it is now.
	Present(ctx context.Context, tx *session.Tx, o *Occasion) ([]C, error)
	// Leave ends what waits for a user who has been deleted. It runs in the transaction of that, as a call does, before its event is
	// entered.
	Leave(ctx context.Context, tx *session.Tx, userID string) error
	// Join gives what is kept of a user and is no row of a fold to the user who stays of the two, and returns since when that one is judged otherwise
	// because of it; zero for never. It runs before what happened to the one has happened to the other.
	Join(ctx context.Context, tx *session.Tx, n Naming) (since time.Time, err error)
	// Joined is told when all that had happened to the one has happened to the other: what calls judge, and no fold, is judged anew. It returns what
	// changed because of it.
	Joined(ctx context.Context, tx *session.Tx, n Naming) ([]C, error)
	// Amend adds to changes what is different after a user's fold was folded again, and brings what the mechanic
	// counts of several users in line.
	Amend(ctx context.Context, tx *session.Tx, a Amendment, changes []C) ([]C, error)
	// Rewind takes back what the entry that is being made once more, and those after it, did to what belongs to several
	// users, of whom one is given.
	Rewind(ctx context.Context, tx *session.Tx, u *tenancy.User) error
	// Due returns when the clock does something next in a user's fold, as an event of the clock about a thing of a
	// kind; zero for never.
	Due(ctx context.Context, tx *session.Tx, userID string) (at time.Time, kind, id string, err error)
	// Recalls returns what tells of an event that a user caused before a moment whether something may ask for it again ([Past])
	// that happens at that moment or later; nil if nothing may.
	Recalls(ctx context.Context, tx *session.Tx, u *tenancy.User, before time.Time) (func(*Occasion) bool, error)
	// Settle is told of events for which nobody can ask any more, before they are dropped: what the mechanic counts of them
	// to count it again is kept in another way.
	Settle(ctx context.Context, tx *session.Tx, gone []*Occasion) error
	// Advance does what the clock alone causes outside of folds, for at most limit things, and returns whether there
	// is more to do.
	Advance(ctx context.Context, tx *session.Tx, limit int) (more bool, err error)
	// Explains tells whether documents of a kind are the mechanic's.
	Explains(kind string) bool
	// Explain asks of an occasion, before React, what React will ask of a document. conclude, if it is not nil, adds
	// what came of it to the verdict: by what React changed or, if that is not Folded, by what the journal says of all
	// the entry's events, of which it takes what is this one's.
	Explain(ctx context.Context, tx *session.Tx, o *Occasion, kind, id string) (v *Verdict, conclude func(*[]C, []event.Problem), err error)
	// Folded tells whether all that React changes are rows of the user's fold.
	Folded() bool
	// Moves tells whether a change is by a document.
	Moves(c *C, kind, id string) bool
}

// A Calendar is a mechanic of which something is due in a user's fold whatever happens to the user.
type Calendar interface {
	// DueSince returns since when a thing of a kind that is due is known, false for one that depends on what has happened before.
	DueSince(ctx context.Context, tx *session.Tx, userID, kind string) (at time.Time, known bool, err error)
}

// An Audience is all mechanics of a program, as one of them asks who listens.
type Audience interface {
	// Awaits tells whether somebody may ask for the end of something whose events have a type. What nobody asks for needs
	// no event.
	Awaits(t event.Type) bool
	// Hears tells since when somebody asks for a change of users that nobody makes, zero for nobody, and whether anybody ever did.
	Hears(change string) (since time.Time, ever bool)
}

// Plain is what most mechanics do in most ways: nothing. It is embedded.
type Plain[C any] struct{}

// Open does nothing.
func (Plain[C]) Open(context.Context, *session.Tx) error { return nil }

// Heeds returns false.
func (Plain[C]) Heeds([]string) bool { return false }

// Awaits returns false.
func (Plain[C]) Awaits(event.Type) bool { return false }

// Hears returns never.
func (Plain[C]) Hears(string) (since time.Time, ever bool) { return time.Time{}, false }

// Foresee returns no events.
func (Plain[C]) Foresee(*Occasion) []event.Event { return nil }

// Enact changes nothing.
func (Plain[C]) Enact(context.Context, *session.Tx, *Occasion) (*event.Event, error) { return nil, nil }

// Present shows nothing.
func (Plain[C]) Present(context.Context, *session.Tx, *Occasion) ([]C, error) { return nil, nil }

// Leave ends nothing.
func (Plain[C]) Leave(context.Context, *session.Tx, string) error { return nil }

// Join gives nothing.
func (Plain[C]) Join(context.Context, *session.Tx, Naming) (since time.Time, err error) {
	return time.Time{}, nil
}

// Joined judges nothing.
func (Plain[C]) Joined(context.Context, *session.Tx, Naming) ([]C, error) { return nil, nil }

// Amend adds nothing.
func (Plain[C]) Amend(_ context.Context, _ *session.Tx, _ Amendment, changes []C) ([]C, error) {
	return changes, nil
}

// Rewind takes nothing back.
func (Plain[C]) Rewind(context.Context, *session.Tx, *tenancy.User) error { return nil }

// Due returns never.
func (Plain[C]) Due(context.Context, *session.Tx, string) (at time.Time, kind, id string, err error) {
	return time.Time{}, "", "", nil
}

// Recalls asks for nothing again.
func (Plain[C]) Recalls(context.Context, *session.Tx, *tenancy.User, time.Time) (func(*Occasion) bool, error) {
	return nil, nil
}

// Settle keeps nothing.
func (Plain[C]) Settle(context.Context, *session.Tx, []*Occasion) error { return nil }

// Advance does nothing.
func (Plain[C]) Advance(context.Context, *session.Tx, int) (more bool, err error) { return false, nil }

// Folded returns true.
func (Plain[C]) Folded() bool { return true }
