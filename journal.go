package guerdon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/people"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// An Outcome is all that followed from an event, that of the events it caused included.
type Outcome struct {
	// EventID is the event's id.
	EventID string `json:"eventId"`
	// Seq is the event's number in the journal: events of a workspace are numbered 1, 2, … in the order
	// in which they were committed.
	Seq int64 `json:"seq"`
	// Missions, Transactions, Badges, Streaks, Scores, Learning, Mobility, Levels and Tags are what changed, in the order in which it did.
	Missions     []missions.Change    `json:"missions,omitempty"`
	Transactions []economy.Change     `json:"transactions,omitempty"`
	Badges       []badges.Change      `json:"badges,omitempty"`
	Streaks      []streaks.Change     `json:"streaks,omitempty"`
	Scores       []leaderboard.Change `json:"scores,omitempty"`
	Learning     []learning.Change    `json:"learning,omitempty"`
	Mobility     []mobility.Change    `json:"mobility,omitempty"`
	Levels       []levels.Change      `json:"levels,omitempty"`
	Tags         []people.Change      `json:"tags,omitempty"`
	// Problems are what could not be done although the event stands.
	Problems []event.Problem `json:"problems,omitempty"`
}

// changes returns how much changed.
func (o *Outcome) changes() int {
	return len(o.Missions) + len(o.Transactions) + len(o.Streaks) + len(o.Scores) + len(o.Learning) + len(o.Mobility) + len(o.Badges) + len(o.Levels) + len(o.Tags)
}

// add adds what another outcome says.
func (o *Outcome) add(other *Outcome) {
	o.Missions, o.Transactions = append(o.Missions, other.Missions...), append(o.Transactions, other.Transactions...)
	o.Streaks, o.Scores = append(o.Streaks, other.Streaks...), append(o.Scores, other.Scores...)
	o.Learning, o.Mobility = append(o.Learning, other.Learning...), append(o.Mobility, other.Mobility...)
	o.Badges, o.Levels, o.Tags = append(o.Badges, other.Badges...), append(o.Levels, other.Levels...), append(o.Tags, other.Tags...)
	o.Problems = append(o.Problems, other.Problems...)
}

// An Entry is one thing that happened, in the journal: an event from outside, or one that a call or
// the clock caused; and all that followed from it. One of type [event.Clock] that has no user says that a period of a board is closed
// ([Workspace.Advance]), or holds problems of documents that nobody's event has met.
type Entry struct {
	Event event.Event `json:"event"`
	// User is the event's user as it was when the event happened and as rules saw it, without what may
	// identify a person: of the fields that rules read, the nickname and the external id are missing.
	User tenancy.User `json:"user"`
	// RecordedAt is when it was recorded, by the engine's clock; if that had gone back, when the program came in force
	// that judged it. What the clock does by itself for a user is recorded as of when it was due and known to be: by the
	// rules of then it is judged, however late the clock is asked.
	RecordedAt time.Time `json:"recordedAt"`
	// Caused are the events that followed, each with the id of its cause, in the order in which they
	// were reacted to.
	Caused []event.Event `json:"caused,omitempty"`
	// Outcome is what changed, with the versions of the documents that decided.
	Outcome Outcome `json:"outcome"`
	// Correction says that the entry takes an event back or puts it right, nil for all others. The event of one that takes back is of type
	// [event.Retraction], that of one that puts right is the event as it happened, under its own id. It counts as recorded when that was.
	Correction *Corrected `json:"correction,omitempty"`
}

// ID returns the id of the entry: that of its event or, of a correction, one of its own.
func (e *Entry) ID() string {
	if e.Correction != nil {
		return e.Correction.entryID()
	}
	return e.Event.ID
}

// moved tells whether the entry says that what had happened to one user has happened to another.
func (e *Entry) moved() bool {
	return e.Correction != nil && e.Correction.Was != nil && e.Correction.Was.UserID != e.Event.UserID
}

// happened returns the event as the entry has it, nil if it says that it did not happen.
func (e *Entry) happened() *event.Event {
	if e.Correction != nil && e.Correction.Retracted {
		return nil
	}
	return &e.Event
}

// journal is everything that happened in a workspace. It is append-only.
var journal = store.Define("journal", (*Entry).ID,
	[]store.Field[Entry]{
		{Name: "seq", Kind: store.KindInt, Of: func(e *Entry) store.Value { return store.Int(e.Outcome.Seq) }},
		{Name: "aside", Kind: store.KindText, Of: func(e *Entry) store.Value {
			if !e.idle() {
				return store.Value{}
			}
			return store.Text(placeOf(e.Event.UserID, e.Event.At, inside(e.Outcome.Seq)))
		}},
	},
	store.Index{Name: "seq", Columns: []string{"seq"}},
	store.Index{Name: "aside", Columns: []string{"aside"}}, // few: what may be no step of its user's fold
).Packed().Large().Version(12)

// idle tells whether nothing followed from the entry, and it says only that its user has changed: it may be no step of a fold.
func (e *Entry) idle() bool {
	return e.Event.Type == event.User && e.Event.UserID != "" && e.Outcome.changes()+len(e.Caused) == 0
}

// head is the number of the newest entry of the journal, and what is settled.
type head struct {
	Seq int64 `json:"seq"`
	// Horizon is the moment before which nothing happens any more.
	Horizon time.Time `json:"horizon,omitzero"`
	// SettledAt is when that became the horizon; zero is not known.
	SettledAt time.Time `json:"settledAt,omitzero"`
	// Archived is the number of the last entry that is archived.
	Archived int64 `json:"archived,omitempty"`
}

const headKey = "journal"

var heads = store.Define("heads", func(*head) string { return headKey }, nil).Version(3)

// horizon returns the moment before which nothing happens any more, and the number of the last entry that is archived.
func horizon(ctx context.Context, tx store.Tx) (time.Time, int64, error) {
	h, _, err := heads.Get(ctx, tx, headKey)
	return h.Horizon, h.Archived, err
}

// unsettled refuses what happens before the workspace's horizon.
func unsettled(ctx context.Context, tx store.Tx, at time.Time) error {
	settled, _, err := horizon(ctx, tx)
	if err == nil && at.Before(settled) {
		err = fault.Conflict("completedAt", "is %s; what happened before %s, the workspace's horizon, is settled",
			at.Format(time.RFC3339Nano), settled.Format(time.RFC3339Nano))
	}
	return err
}

// maxEntries is how many entries one reading of the journal has.
const maxEntries = 1000

// after describes the entries behind a number.
func after(seq int64, limit int) store.Query {
	return store.By("seq").Between(store.Int(seq+1), store.Value{}).First(limit)
}

// Journal returns up to 1,000 entries whose number is greater than after, in order. Draining it with
// the number of the last entry as the next call's after misses nothing and repeats nothing, whatever
// is recorded meanwhile, so a host can use it as an outbox. An empty result means that the end is
// reached for now. Entries that are archived ([Workspace.Archive]) are passed over: there is no other gap in the numbers.
//
// It stops before an entry that cannot be read: those before it are returned first, and then a [*DamagedEntryError]. Whoever
// decides to do without that entry goes on with the number that the error names as after.
func (ws *Workspace) Journal(ctx context.Context, after int64) ([]Entry, error) {
	if after < 0 || after == math.MaxInt64 {
		return nil, fault.Invalid("after", "is %d, which no entry has", after)
	}
	return session.Read(ctx, ws.run, func(tx *session.Tx) ([]Entry, error) { return entriesAfter(ctx, tx, after, maxEntries) })
}

// Entry returns the journal's entry of an event from outside or one that a call caused, such as that of a
// log's EventID; [fault.ErrNotFound] if there is none, and a [*store.DamagedError] if it cannot be read.
func (ws *Workspace) Entry(ctx context.Context, eventID string) (Entry, error) {
	return session.Read(ctx, ws.run, func(tx *session.Tx) (Entry, error) { return entryOf(ctx, tx, eventID) })
}

func entryOf(ctx context.Context, tx *session.Tx, eventID string) (Entry, error) {
	e, found, err := journal.Get(ctx, tx, eventID)
	if err == nil && !found {
		err = fault.NotFound("event", eventID)
	}
	return e, err
}

// Head returns the number of the last entry that was recorded, 0 for none, also if it is archived: what [Workspace.Journal] is asked with for what
// comes from now on.
func (ws *Workspace) Head(ctx context.Context) (int64, error) {
	return session.Read(ctx, ws.run, func(tx *session.Tx) (int64, error) {
		h, _, err := heads.Get(ctx, tx, headKey)
		return h.Seq, err
	})
}

// A DamagedEntryError says that an entry of the journal is there and cannot be read. [Workspace.Journal] goes past it with Seq
// as after. It is an error of who asks for the entry, or for what followed from it: its user's past.
type DamagedEntryError struct {
	// Seq is the number of the entry.
	Seq int64
	// Err names its table and its key, which is the event's id.
	Err *store.DamagedError
}

// Error names the number, the table and the key.
func (e *DamagedEntryError) Error() string {
	return fmt.Sprintf("guerdon: entry %d of the journal: %v", e.Seq, e.Err)
}

// Unwrap returns the [store.DamagedError].
func (e *DamagedEntryError) Unwrap() error { return e.Err }

// entriesAfter returns up to limit of the entries behind a number, up to one that cannot be read.
func entriesAfter(ctx context.Context, tx *session.Tx, seq int64, limit int) ([]Entry, error) {
	for ; ; limit /= 2 {
		entries, err := journal.List(ctx, tx, after(seq, limit))
		damaged := store.Damaged(err)
		switch {
		case damaged == nil:
			return entries, err
		case limit == 1: // the next one, as numbers leave no gaps
			_, archived, err := horizon(ctx, tx)
			return nil, errors.Join(err, &DamagedEntryError{max(seq, archived) + 1, damaged})
		}
	}
}

// events returns the entry's event and those that followed, in the order in which they were reacted to.
func (e *Entry) events() []event.Event { return append([]event.Event{e.Event}, e.Caused...) }

// judged returns one of the entry's events as it was judged: with its user as of then, and with what documents said of the user's tags.
func (e *Entry) judged(ctx context.Context, tx *session.Tx, ev *event.Event, earned []tenancy.EarnedTag) (*mechanic.Occasion, error) {
	if ev.UserID == "" { // the clock's, about nobody
		return mechanic.New(ev, &tenancy.User{}), nil
	}
	user, err := tenancy.FindUser(ctx, tx, ev.UserID)
	switch {
	case err != nil:
		return nil, fmt.Errorf("event %q: %w", ev.ID, err)
	case ev.UserID == e.User.ID && ev.At.Equal(e.Event.At):
		user = user.Was(e.User)
	case ev.At.After(e.RecordedAt): // what the user would become was not known
		user, err = user.At(ctx, tx, e.RecordedAt)
	default:
		user, err = user.At(ctx, tx, ev.At)
	}
	if err != nil {
		return nil, err
	}
	return mechanic.New(ev, user).Carrying(earned), nil
}

// history implements [mechanic.History], as it is now known what happened.
func (e *Engine) history(
	ctx context.Context, tx *session.Tx, of event.Type, within mechanic.Within, mark string, portion int, add func(*mechanic.Occasion) error,
) (next string, err error) {
	q := store.Query{Limit: min(maxEntries-1, portion) + 1}
	if mark != "" {
		q.From = store.Text(mark)
	}
	wanted := func(ev *event.Event) bool { return ev.Type == of && within.Has(ev.At) }
	for seen, last := 0, ""; ; {
		list, err := readableSteps(ctx, tx, q)
		if err != nil {
			return "", err
		}
		more := len(list) == q.Limit
		if more {
			q.After = steps.At(q.Index, list[len(list)-1])
		}
		for i := range list {
			if userID := list[i].UserID; userID != last && seen >= portion {
				next, list = mechanic.MarkAfter(last), list[:i]
				break
			}
			seen, last = seen+1, list[i].UserID
		}
		list = slices.DeleteFunc(list, func(s step) bool { return !within.Has(s.At) })
		list, entries, err := readable(ctx, tx, list)
		if err != nil {
			return "", err
		}
		var wrong error
		happened(ctx, tx, list, entries, wanted, func(o *mechanic.Occasion, err error) bool {
			if wrong = err; err == nil {
				wrong = add(o)
			}
			return wrong == nil
		})
		if wrong != nil || next != "" || !more {
			return next, wrong
		}
	}
}

// readableSteps returns the steps of a query that can be read, and reports the others.
func readableSteps(ctx context.Context, tx *session.Tx, q store.Query) ([]step, error) {
	return session.Readable(ctx, tx, steps, q, func(damaged *store.DamagedError) {
		user, _, _ := strings.Cut(damaged.Key, "/")
		tx.Report("User/"+user, "", "what was not counted before leaves it out: "+damaged.Error())
	})
}

// readable returns the steps whose entries can be read, with the entries, and reports the others.
func readable(ctx context.Context, tx *session.Tx, list []step) ([]step, map[string]*Entry, error) {
	entries, err := entriesOf(ctx, tx, list)
	if store.Damaged(err) == nil {
		return list, entries, err
	}
	var found []step
	entries = map[string]*Entry{}
	for i := range list {
		own, err := entriesOf(ctx, tx, list[i:i+1])
		if store.Damaged(err) != nil {
			tx.Report("Journal/"+list[i].EventID, "", "what was not counted before leaves it out: "+err.Error())
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		maps.Copy(entries, own)
		found = append(found, list[i])
	}
	return found, entries, nil
}

// past yields the events that a user caused within a time, and those that followed from them. While a step of the
// user's fold is made, they are those of the steps before it, or of all others, and what of the step has been reacted to.
func (e *Engine) past(ctx context.Context, tx *session.Tx, userID string, from, until time.Time) iter.Seq2[*mechanic.Occasion, error] {
	q := placesFrom(placeOf(userID, from, "")).First(maxEntries)
	own, end := strings.HasPrefix(tx.Place, userID+"/"), ""
	if own && !tx.Whole {
		end = tx.Place
	}
	within := func(ev *event.Event) bool {
		return ev.UserID == userID && ev.Type != event.Clock && ev.Type != event.Retraction && !ev.At.Before(from) && (until.IsZero() || ev.At.Before(until))
	}
	return func(yield func(*mechanic.Occasion, error) bool) {
		p, err := e.program(ctx, tx)
		if err != nil {
			yield(nil, err)
			return
		}
		if !until.IsZero() {
			at, rank := p.stand(until, "")
			if last := placeOf(userID, at, rank); end == "" || last < end {
				end = last
			}
		}
		if end != "" {
			q.Until = store.Text(end)
		}
		for {
			var list []step
			var err error
			if own {
				list, err = steps.List(ctx, tx, q)
			} else { // nobody is refused for what another's past lacks
				list, err = readableSteps(ctx, tx, q)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			more := len(list) == maxEntries
			if more {
				q.After = steps.At(q.Index, list[len(list)-1])
			}
			list = slices.DeleteFunc(slices.Clone(list), func(s step) bool { return own && s.key() == tx.Place })
			var entries map[string]*Entry
			if own {
				entries, err = entriesOf(ctx, tx, list)
			} else {
				list, entries, err = readable(ctx, tx, list)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !happened(ctx, tx, list, entries, within, yield) {
				return
			}
			if !more {
				break
			}
		}
		for i := 0; own && i < len(recorderOf(tx).earlier); i++ { // of the step itself
			if o := recorderOf(tx).earlier[i]; within(o.Event) && !yield(o, nil) {
				return
			}
		}
	}
}

// happened yields the events of steps, with their entries, that are wanted, and tells whether to go on.
func happened(
	ctx context.Context, tx *session.Tx, list []step, entries map[string]*Entry, wanted func(*event.Event) bool,
	yield func(*mechanic.Occasion, error) bool,
) bool {
	for i := range list {
		s := &list[i]
		if s.Void > 0 || tx.Asking && s.from(tx.Seq) {
			continue
		}
		entry := entries[s.EventID]
		if entry == nil {
			entry = &Entry{RecordedAt: s.RecordedAt}
		}
		events := s.Events
		if events == nil && s.EventID != "" {
			events = entry.events()
		}
		for j := range events {
			if !wanted(&events[j]) {
				continue
			}
			o, err := entry.judged(ctx, tx, &events[j], s.Earned)
			if err == nil {
				o.Place, o.Nth, o.RecordedAt = s.key(), j, s.RecordedAt
			}
			if !yield(o, err) {
				return false
			}
		}
	}
	return true
}

// errArchived is why an entry cannot be read that is archived.
var errArchived = errors.New("is archived")

// follow returns what reads from the journal what a mechanic changed, which is in a list of the outcome.
func follow[C any](list func(*Outcome) *[]C) room.Follow[C] {
	return func(ctx context.Context, tx *session.Tx, after int64, apply func(int64, []C) error) (int64, error) {
		h, _, err := heads.Get(ctx, tx, headKey)
		if err == nil && after < h.Archived { // nobody knows what they changed
			err = &store.DamagedError{Table: journal.Schema().Name, Key: strconv.FormatInt(after+1, 10), Err: errArchived}
		}
		for err == nil && after < h.Seq {
			var entries []Entry
			if entries, err = entriesAfter(ctx, tx, after, maxEntries); err != nil {
				break
			}
			for i := range entries {
				after = entries[i].Outcome.Seq
				if err := apply(after, *list(&entries[i].Outcome)); err != nil {
					return 0, err
				}
			}
		}
		return h.Seq, err
	}
}
