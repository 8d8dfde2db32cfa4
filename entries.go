package guerdon

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// An EntryFilter picks entries of the journal. The zero EntryFilter is all of them.
type EntryFilter struct {
	// UserID is whose entries they are.
	UserID string
	// Type and EntityID are those of the entry's event, or of one that followed from it: with [event.Mission] and the id of a
	// configuration, what advanced that mission to its end.
	Type     event.Type
	EntityID string
	// From and Until bound when it happened: From ≤ at < Until. Zero is no bound.
	From, Until time.Time
}

func (f *EntryFilter) keeps(e *Entry) bool {
	if !f.within(e.Event.At) {
		return false
	}
	return f.Type == "" && f.EntityID == "" || slices.ContainsFunc(e.events(), func(ev event.Event) bool {
		return (f.Type == "" || ev.Type == f.Type) && (f.EntityID == "" || ev.EntityID == f.EntityID)
	})
}

func (f *EntryFilter) within(at time.Time) bool {
	return !at.Before(f.From) && (f.Until.IsZero() || at.Before(f.Until))
}

// maxLooked is how many entries are looked at for one page, and atOnce how many are read at once.
const (
	maxLooked = 1000
	atOnce    = 100
)

// Entries returns what happened, the newest first unless the page says otherwise, and the token of the next page, "" if there is
// none. With UserID, it is the history of a user, in the order in which it happened, and a page costs the same however long that
// is; what the clock did, such as a streak that broke, is left out where that has turned out otherwise. Without, it is the history of the
// workspace, in the order in which it was recorded. For a page up to 1,000 entries are looked at: where
// the filter picks few of them, it may have fewer entries than its limit, or none, and still a token. An entry says what was
// true when it was recorded; what a later one has changed of that is in the outcome of the later one.
//
// If an entry cannot be read, the others of the page are returned, and the [store.DamagedError] of the first beside them. It
// returns [fault.ErrInvalid] for a type that there is not, a time range that is none, a limit or a token that is none.
func (ws *Workspace) Entries(ctx context.Context, filter EntryFilter, page store.Page) (list []Entry, next string, err error) {
	if filter.UserID != "" {
		if err := ident.Check("userId", filter.UserID); err != nil {
			return nil, "", err
		}
	}
	switch {
	case filter.Type != "" && !slices.Contains(event.Types(), filter.Type):
		return nil, "", fault.Invalid("type", "%q is none of %v", filter.Type, event.Types())
	case !filter.Until.IsZero() && !filter.From.Before(filter.Until):
		return nil, "", fault.Invalid("until", "is not after from")
	}
	q, err := page.Query(store.Query{})
	if err != nil {
		return nil, "", err
	}
	var w walk
	list, err = session.Read(ctx, ws.run, func(tx *session.Tx) ([]Entry, error) {
		filter := filter
		var err error
		if filter.UserID != "" {
			if filter.UserID, err = tenancy.Standing(ctx, tx, filter.UserID); err != nil {
				return nil, err
			}
		}
		begin, err := parseWalk(filter.UserID, page.Token)
		if err != nil {
			return nil, err
		}
		w = walk{EntryFilter: filter, limit: q.Limit, descending: q.Descending, behind: begin}
		some := w.recorded
		if filter.UserID != "" {
			p, err := ws.engine.program(ctx, tx)
			if err != nil {
				return nil, err
			}
			w.program, some = p, w.lived
		}
		for w.looked < maxLooked && len(w.kept) < w.limit && !w.ended {
			if err := some(ctx, tx); err != nil {
				return nil, err
			}
		}
		return w.kept, nil
	})
	if err != nil {
		return nil, "", err
	}
	return list, w.next(), w.damaged
}

// A walk collects entries for a page.
type walk struct {
	EntryFilter

	limit      int
	descending bool
	behind     string // the place or the number to go on from, "" for the beginning
	program    *program

	looked  int
	kept    []Entry
	ended   bool
	damaged error // of the first that cannot be read
}

// next returns the token of the next page.
func (w *walk) next() string {
	if w.ended {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(w.behind))
}

// parseWalk returns where the walk of a token goes on, through the history of a user or, without one, of the workspace.
func parseWalk(userID, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil && userID == "" {
		_, err = strconv.ParseInt(string(b), 10, 64)
	}
	if err != nil || userID != "" && !strings.HasPrefix(string(b), userID+"/") {
		return "", fault.Invalid("token", "is none of this list")
	}
	return string(b), nil
}

// take looks at an entry, and tells whether the page has room for more.
func (w *walk) take(e *Entry, behind string) (more bool) {
	w.looked++
	w.behind = behind
	if w.keeps(e) {
		w.kept = append(w.kept, *e)
	}
	return len(w.kept) < w.limit
}

// damage notes that something cannot be read; other errors it returns.
func (w *walk) damage(err error) error {
	if store.Damaged(err) == nil {
		return err
	}
	if w.damaged == nil {
		w.damaged = err
	}
	return nil
}

// recorded looks at the next entries in the order of their numbers, which have no gaps.
func (w *walk) recorded(ctx context.Context, tx *session.Tx) error {
	h, _, err := heads.Get(ctx, tx, headKey)
	if err != nil {
		return err
	}
	at, _ := strconv.ParseInt(w.behind, 10, 64)
	from, until := max(at, h.Archived)+1, h.Seq+1
	if w.descending {
		from = h.Archived + 1
		if w.behind != "" {
			until = min(at, until)
		}
	}
	if from >= until {
		w.ended = true
		return nil
	}
	q := store.By("seq")
	if last := until - from; last > atOnce && w.descending {
		from = until - atOnce
	} else if last > atOnce {
		until = from + atOnce
	}
	q.From, q.Until, q.Descending = store.Int(from), store.Int(until), w.descending
	list, err := journal.List(ctx, tx, q)
	if err := w.damage(err); err != nil {
		return err
	}
	for i := range list {
		if !w.take(&list[i], strconv.FormatInt(list[i].Outcome.Seq, 10)) {
			return nil
		}
	}
	w.looked = max(w.looked, 1)
	if w.behind = strconv.FormatInt(until-1, 10); w.descending {
		w.behind = strconv.FormatInt(from, 10)
	}
	return nil
}

// lived looks at the next entries of a user in the order in which they happened: those of the steps of the user's fold, and
// those that are none.
func (w *walk) lived(ctx context.Context, tx *session.Tx) error {
	span := store.Prefix(w.UserID + "/")
	if !w.From.IsZero() {
		span.From = store.Text(placeOf(w.UserID, w.From, ""))
	}
	if !w.Until.IsZero() {
		at, rank := w.program.stand(w.Until, "")
		span.Until = store.Text(placeOf(w.UserID, at, rank))
	}
	switch {
	case w.behind != "" && w.descending:
		span.Until = store.Text(w.behind)
	case w.behind != "":
		span.From = store.Text(w.behind + "\x01") // no place goes on with that
	}
	span.Descending, span.Limit = w.descending, atOnce
	list, err := steps.List(ctx, tx, span)
	if err := w.damage(err); err != nil {
		return err
	}
	full := len(list) == atOnce || store.Damaged(err) != nil // what cannot be read is not in the list
	if len(list) == 0 && full {
		w.looked, w.behind = w.looked+1, store.Damaged(err).Key
		return nil
	}
	index := span
	index.Index = "aside"
	others, err := journal.List(ctx, tx, index)
	if err := w.damage(err); err != nil {
		return err
	}
	found := make([]placed, 0, len(list)+len(others))
	for i := range list {
		found = append(found, placed{list[i].key(), list[i].EventID, nil})
	}
	// What lies beyond the last of a list that is full may have others before it.
	end := ""
	if full {
		end = list[len(list)-1].key()
	}
	for i := range others {
		place := placeOf(w.UserID, others[i].Event.At, inside(others[i].Outcome.Seq))
		found = append(found, placed{place, others[i].Event.ID, &others[i]})
		if i == atOnce-1 && (end == "" || w.before(place, end)) {
			end = place
		}
	}
	slices.SortStableFunc(found, func(a, b placed) int {
		if w.descending {
			a, b = b, a
		}
		return strings.Compare(a.place, b.place)
	})
	entries, err := w.entries(ctx, tx, found)
	if err != nil {
		return err
	}
	for i, f := range found {
		switch {
		case end != "" && w.before(end, f.place):
			return nil
		case i > 0 && f.place == found[i-1].place: // it is a step too
			continue
		}
		entry := entries[f.eventID]
		if entry == nil { // nothing came of it, or it cannot be read
			w.looked, w.behind = w.looked+1, f.place
			continue
		}
		if !w.take(entry, f.place) {
			return nil
		}
	}
	w.ended = end == ""
	return nil
}

// placed is what stands in a user's fold, or beside it.
type placed struct {
	place, eventID string
	entry          *Entry // nil if it is to be read
}

// before tells whether a place comes before another one.
func (w *walk) before(a, b string) bool { return a != b && (a < b) != w.descending }

// entries returns the entries of what stands in a fold.
func (w *walk) entries(ctx context.Context, tx *session.Tx, found []placed) (map[string]*Entry, error) {
	entries := map[string]*Entry{}
	var ids []string
	for _, f := range found {
		if f.entry != nil {
			entries[f.eventID] = f.entry
		} else if f.eventID != "" {
			ids = append(ids, f.eventID)
		}
	}
	read, err := journal.GetMany(ctx, tx, ids...)
	if store.Damaged(err) != nil {
		read = nil
		for _, id := range ids {
			e, there, wrong := journal.Get(ctx, tx, id)
			if wrong = w.damage(wrong); wrong != nil {
				return nil, wrong
			}
			if there {
				read = append(read, e)
			}
		}
		err = nil
	}
	for i := range read {
		entries[read[i].ID()] = &read[i]
	}
	return entries, err
}

// maxBack is how many steps are looked at for one from which something followed.
const maxBack = 100

// Origin returns the entry from which an event followed, as far as it is known now: the event is its own, or one that it caused. Who
// the user of the event is, and when it happened, says where to look: [economy.Transaction] has all three, for example, as UserID, At
// and GroupID. It returns [fault.ErrNotFound] if nothing around that moment caused the event.
func (ws *Workspace) Origin(ctx context.Context, userID string, at time.Time, eventID string) (Entry, error) {
	return session.Read(ctx, ws.run, func(tx *session.Tx) (Entry, error) {
		if e, found, err := journal.Get(ctx, tx, eventID); err != nil || found {
			return e, err
		}
		p, err := ws.engine.program(ctx, tx)
		if err != nil {
			return Entry{}, err
		}
		userID, err := tenancy.Standing(ctx, tx, userID)
		if err != nil {
			return Entry{}, err
		}
		// What followed may have happened later, so what is at that moment comes first, and then what was before it.
		until, rank := p.stand(at.Add(time.Microsecond), "")
		q := store.Prefix(userID + "/").Reverse().First(maxBack)
		q.Until = store.Text(placeOf(userID, until, rank))
		list, err := steps.List(ctx, tx, q)
		if err != nil {
			return Entry{}, err
		}
		entries, err := entriesOf(ctx, tx, list)
		if err != nil {
			return Entry{}, err
		}
		for i := range list {
			entry := entries[list[i].EventID]
			if entry == nil {
				continue
			}
			events := list[i].Events
			if events == nil {
				events = entry.events()
			}
			if slices.ContainsFunc(events, func(ev event.Event) bool { return ev.ID == eventID }) {
				return *entry, nil
			}
		}
		return Entry{}, fault.NotFound("event", eventID)
	})
}
