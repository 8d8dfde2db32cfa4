package guerdon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// What a user has is a fold over what happened to the user, in the order in which it happened. A step is one thing
// that happened, with what it takes to go back behind it: the rows of the fold as they were before.
type step struct {
	UserID string    `json:"userId"`
	At     time.Time `json:"at"`
	// Rank orders what happened at one moment: what the clock does by itself, then events from outside whose time
	// the host gave, by their ids, then what happened as it was recorded, in the order of the journal.
	Rank       string    `json:"rank"`
	RecordedAt time.Time `json:"recordedAt"`
	// Seq is the number of the entry, or of the last one before it.
	Seq int64 `json:"seq"`
	// Late says that something that happened later was known when the step was made first.
	Late bool `json:"late,omitempty"`
	// Again is the number of the last entry by which others had the fold folded again from here, 0 for none.
	Again int64 `json:"again,omitempty"`
	// Void is the number of the entry since which the step's event has not happened, because another took its place; 0 if it has.
	// Such a step does nothing, and is there for who explains what was known before.
	Void int64 `json:"void,omitempty"`
	// EventID names the journal's entry of the step, "" if it has none.
	EventID string `json:"eventId,omitempty"`
	// Given is what a call wrote that was decided then, whatever had happened before.
	Given []image `json:"given,omitempty"`
	// Decided is what had to be changed of the user's rows before Given could be written again, because what was decided about had
	// happened otherwise.
	Decided []image `json:"decided,omitempty"`
	// Before is what the step changed of the user's rows.
	Before []image `json:"before,omitempty"`
	// Events are the step's event and those that followed from it, where that is not what its entry says.
	Events []event.Event `json:"events,omitempty"`
	// Earned is what documents said of the user's tags before the step.
	Earned []tenancy.EarnedTag `json:"earned,omitempty"`
	// Ticked says that the step is the clock's own: it follows from the steps before it.
	Ticked bool `json:"ticked,omitempty"`

	place string // "" until somebody asks for it
}

// carrying is the table of the tags that documents give.
var carrying, _ = tenancy.CarrierRows()

// steps are the steps of all folds, those of a user in their order.
var steps = store.Define("steps", (*step).key,
	[]store.Field[step]{
		{Name: "late", Kind: store.KindText, Of: func(s *step) store.Value {
			if !s.Late && s.Again == 0 {
				return store.Value{}
			}
			return store.Text(s.UserID)
		}},
		{Name: "seq", Kind: store.KindInt, Of: func(s *step) store.Value { return store.Int(max(s.Seq, s.Again)) }},
	},
	store.Index{Name: "late", Columns: []string{"late", "seq"}}, // few: where what was known before an entry was otherwise
).Packed().Version(6)

func (s *step) key() string {
	if s.place == "" {
		s.place = placeOf(s.UserID, s.At, s.Rank)
	}
	return s.place
}

// stand gives the step another place in its fold.
func (s *step) stand(at time.Time, rank string) { s.At, s.Rank, s.place = at, rank, "" }

// from tells whether the step was made with an entry or after it.
func (s *step) from(seq int64) bool { return s.Seq > seq || s.Seq == seq && s.EventID != "" }

// placeOf returns the place of something in a user's fold. The order of places is that of texts.
func placeOf(userID string, at time.Time, rank string) string {
	return userID + "/" + store.KeyTime(at) + "/" + rank
}

// userOf returns whose fold a place is in.
func userOf(place string) string { return place[:strings.IndexByte(place, '/')] }

// outside is the rank of an event from outside whose time the host gave, inside that of what happened as it was
// recorded.
func outside(eventID string) string { return "0/" + eventID }

func inside(seq int64) string { return fmt.Sprintf("1/%020d", seq) }

// byClock is the rank of what the clock does by itself: before all else, as it is about what lies before the moment.
func byClock(kind, id string) string { return "-/" + kind + "/" + id }

// placesFrom describes the steps of a user's fold from a place on.
func placesFrom(place string) store.Query {
	q := store.Prefix(userOf(place) + "/")
	q.From = store.Text(place)
	return q
}

// lastOf describes the last step of a user's fold.
func lastOf(userID string) store.Query { return store.Prefix(userID + "/").Reverse().First(1) }

// stand returns the moment and the rank at which something stands in a fold that happened at a moment and has a rank among
// what happened then. What happened before the workspace was settled stands right behind what is settled, in its order: no
// fold is taken back further.
func (p *program) stand(at time.Time, rank string) (time.Time, string) {
	if p.docs.Settled.After(at) {
		return p.docs.Settled, "!/" + store.KeyTime(at) + "/" + rank
	}
	return at, rank
}

// endOf returns the place where a user's fold ends, "" if nothing has happened to the user.
func endOf(ctx context.Context, tx *session.Tx, userID string) (string, error) {
	last, err := steps.List(ctx, tx, lastOf(userID))
	if err != nil || len(last) == 0 {
		return "", err
	}
	return last[0].key(), nil
}

// image is a row before and after a step.
type image struct {
	Table string `json:"table"`
	Key   string `json:"key"`
	Was   record `json:"was,omitzero"`
	// Now is kept where going back takes more than the row before.
	Now record `json:"now,omitzero"`

	schema *store.Schema
	by     string // the step that wrote it last
}

// record is a row of an image; the zero record is that of no row. It is kept whole, or as what differs from the row that it
// became, which is there when the image is gone back to.
type record struct {
	row  *store.Row    // nil while it is only kept
	of   *store.Schema // of the row
	over *store.Row    // what it became, nil if it is kept whole
	kept []byte        // its form, then its bytes
}

// The forms of a record that is kept.
const (
	whole  = 'r'
	differ = 'd'
)

func recordOf(t *store.Schema, rows []store.Row) record {
	if len(rows) == 0 {
		return record{}
	}
	return recordOn(t, &rows[0])
}

// recordOn returns the record of a row, which is nil if there is none.
func recordOn(t *store.Schema, row *store.Row) record {
	if row == nil {
		return record{}
	}
	return record{row: row, of: t}
}

// none tells whether there is no row.
func (r *record) none() bool { return r.row == nil && r.kept == nil }

// Pack returns the record as it is kept.
func (r record) Pack() ([]byte, error) {
	if r.row == nil {
		return r.kept, nil
	}
	if r.over == nil {
		b, err := r.of.Pack(*r.row)
		return append([]byte{whole}, b...), err
	}
	b, err := r.of.Diff(*r.row, *r.over)
	return append([]byte{differ}, b...), err
}

// Unpack is the inverse of [record.Pack].
func (r *record) Unpack(b []byte) error {
	r.kept = b
	return nil
}

// MarshalJSON returns the record as it is kept.
func (r record) MarshalJSON() ([]byte, error) {
	kept, err := r.Pack()
	if err != nil {
		return nil, err
	}
	return json.Marshal(kept)
}

// UnmarshalJSON is the inverse of [record.MarshalJSON].
func (r *record) UnmarshalJSON(b []byte) error {
	var kept []byte
	if err := json.Unmarshal(b, &kept); err != nil {
		return err
	}
	if len(kept) == 0 || kept[0] != whole && kept[0] != differ {
		return errors.New("guerdon: a row that a step has kept is damaged")
	}
	return r.Unpack(kept)
}

// open returns the row of a key, nil if there is none. now is the row that it became, as far as there is one.
func (r *record) open(t *store.Schema, key string, now record) (*store.Row, error) {
	switch {
	case r.row != nil || r.kept == nil:
		return r.row, nil
	case r.kept[0] == whole:
		row, err := t.Unpack(key, r.kept[1:])
		r.row, r.of = &row, t
		return r.row, err
	case now.row == nil:
		return nil, fmt.Errorf("guerdon: a row of table %q is gone that a step has changed", t.Name)
	}
	row, err := t.Apply(r.kept[1:], *now.row)
	return &row, err
}

// value returns what the record of a key that is kept whole says, nil if there is none.
func (r *record) value(t *store.Schema, key string) (any, error) {
	row, err := r.open(t, key, record{})
	if err != nil || row == nil {
		return nil, err
	}
	return row.Record, nil
}

// recorder is a transaction that remembers what was written of users' folds, and counts writes.
type recorder struct {
	store.Tx
	*ink
	own bool // the scope is that of the transaction
}

// ink is what a recorder remembers.
type ink struct {
	parts  map[string]*mechanic.Part // by the name of the table
	writes int
	// user is whose step is being made, "" while none is, place where it is, and made what it changed.
	user, place string
	made        images
	// given is what calls wrote of users' rows.
	given map[string]*images
	// first are the rows before the fold was taken back, nil while it is not.
	first *images
	// taken are the facts whose steps were made in this transaction by their places, and told by the ids of the events
	// that follow from them, but for those of the facts untold: most often, nobody asks.
	taken, told map[string]*fact
	untold      []*fact
	// earlier are the events of the step that have been reacted to.
	earlier []*mechanic.Occasion
	// earning are the users of whose tags documents have said something in this transaction.
	earning map[string]bool
	// scratch are all rows as they were before what is going to be taken back, nil while nothing is.
	scratch *images
	// lastSeq is the number of the last entry that was added to the journal, 0 for none, and moved says that a consumer was.
	lastSeq int64
	moved   bool
	// entries, problems and repeated are what is told to who observes the transaction.
	entries  []RecordedEntry
	problems []Problem
	repeated int
}

// images are those of rows, each once, in the order in which they were first changed.
type images struct {
	list []image
	at   map[imageKey]int // nil while there are few
}

type imageKey struct{ table, key string }

// fewImages is how many are looked through one by one.
const fewImages = 24

func (m *images) note(table, key string, was, now record) *image {
	i := m.find(table, key)
	if i < 0 {
		i = len(m.list)
		m.list = append(m.list, image{Table: table, Key: key, Was: was})
		if m.at != nil {
			m.at[imageKey{table, key}] = i
		}
	}
	m.list[i].Now = now
	return &m.list[i]
}

// find returns the place of the image of a row, -1 if there is none.
func (m *images) find(table, key string) int {
	if len(m.list) <= fewImages {
		return slices.IndexFunc(m.list, func(i image) bool { return i.Key == key && i.Table == table })
	}
	if m.at == nil {
		m.at = make(map[imageKey]int, 2*len(m.list))
		for i := range m.list {
			m.at[imageKey{m.list[i].Table, m.list[i].Key}] = i
		}
	}
	if i, known := m.at[imageKey{table, key}]; known {
		return i
	}
	return -1
}

// keep remembers a row as it is, unless it is remembered already.
func (m *images) keep(t *store.Schema, key string, was record) {
	before := len(m.list)
	if m.note(t.Name, key, was, record{}); len(m.list) > before {
		m.list[before].schema = t
	}
}

func recorderOf(tx *session.Tx) *recorder { return tx.Tx.(*recorder) }

func (r *recorder) In(s store.Scope) store.Tx { return &recorder{r.Tx.In(s), r.ink, false} }

func (r *recorder) Insert(ctx context.Context, t *store.Schema, rows ...store.Row) error {
	if err := r.sketch(ctx, t, keysOf(rows)...); err != nil {
		return err
	}
	err := r.count(r.Tx.Insert(ctx, t, rows...))
	if part := r.part(t); part != nil && err == nil {
		for i := range rows {
			r.note(part, rows[i].Key, record{}, recordOn(t, &rows[i]))
		}
	}
	return err
}

func (r *recorder) Put(ctx context.Context, t *store.Schema, rows ...store.Row) error {
	if err := r.sketch(ctx, t, keysOf(rows)...); err != nil {
		return err
	}
	if part := r.part(t); part != nil {
		for i := range rows {
			if part.Sum == nil && part.Owner(rows[i].Record) == "" {
				continue // nobody's
			}
			before, err := r.current(ctx, t, rows[i].Key)
			if err != nil {
				return err
			}
			r.note(part, rows[i].Key, before, recordOn(t, &rows[i]))
		}
	}
	return r.count(r.Tx.Put(ctx, t, rows...))
}

func (r *recorder) Delete(ctx context.Context, t *store.Schema, keys ...string) error {
	if err := r.sketch(ctx, t, keys...); err != nil {
		return err
	}
	if part := r.part(t); part != nil {
		for _, key := range keys {
			before, err := r.current(ctx, t, key)
			if err != nil {
				return err
			}
			if !before.none() {
				r.note(part, key, before, record{})
			}
		}
	}
	return r.count(r.Tx.Delete(ctx, t, keys...))
}

// count counts a write unless it was refused and wrote nothing.
func (r *recorder) count(err error) error {
	if !errors.Is(err, fault.ErrExists) {
		r.writes++
	}
	return err
}

func (r *recorder) part(t *store.Schema) *mechanic.Part {
	if !r.own {
		return nil
	}
	return r.parts[t.Name]
}

// note remembers a row that is being written: for the step that is being made, or as given to its owner.
func (r *recorder) note(part *mechanic.Part, key string, was, now record) {
	row := now.row
	if row == nil {
		row = was.row
	}
	owner := part.Owner(row.Record)
	if owner != "" && part.Table == carrying {
		if r.earning == nil {
			r.earning = map[string]bool{}
		}
		r.earning[owner] = true
	}
	if r.first != nil {
		r.first.note(part.Table.Name, key, was, now).by = r.place
	}
	switch {
	case r.user != "" && (owner == r.user || owner == "" && part.Sum != nil):
		r.made.note(part.Table.Name, key, was, now)
	case owner != "":
		if r.given == nil {
			r.given = map[string]*images{}
		}
		if r.given[owner] == nil {
			r.given[owner] = &images{}
		}
		r.given[owner].note(part.Table.Name, key, was, now)
	}
}

// takeGiven returns what calls have written of a user's rows since it was asked last.
func (r *recorder) takeGiven(userID string) []image {
	m := r.given[userID]
	delete(r.given, userID)
	if m == nil {
		return nil
	}
	return m.list
}

// begin lets what is written be that of a user's step; what it changed is returned by end.
func (r *recorder) begin(userID, place string) {
	r.user, r.place, r.made, r.earlier = userID, place, images{}, nil
}

func (r *recorder) end() []image {
	made := r.made.list
	r.user, r.place, r.made = "", "", images{}
	for i := range made {
		if m := &made[i]; r.parts[m.Table].Sum == nil {
			if m.Was.row != nil {
				m.Was.over = m.Now.row
			}
			m.Now = record{}
		}
	}
	return made
}

// current returns a row as it is.
func (r *recorder) current(ctx context.Context, t *store.Schema, key string) (record, error) {
	if r.first != nil {
		if i := r.first.find(t.Name, key); i >= 0 {
			return r.first.list[i].Now, nil
		}
	}
	rows, err := r.Get(ctx, t, key)
	return recordOf(t, rows), err
}

// restore makes the change from one record to another on the row of an image, without remembering it.
func (r *recorder) restore(ctx context.Context, m *image, from, to record) error {
	row, err := r.restored(ctx, m, from, to)
	if err != nil {
		return err
	}
	return r.write(ctx, r.parts[m.Table].Table, m.Key, row)
}

// restored returns the row of an image, nil for none, after a change from one record to another. While the fold is taken
// back, it is the current one then.
func (r *recorder) restored(ctx context.Context, m *image, from, to record) (*store.Row, error) {
	part := r.parts[m.Table]
	if part == nil {
		return nil, fmt.Errorf("guerdon: a step speaks of table %q, which holds nothing of folds", m.Table)
	}
	now, err := r.current(ctx, part.Table, m.Key)
	if err != nil {
		return nil, err
	}
	row, err := to.open(part.Table, m.Key, now)
	if err == nil && part.Sum != nil {
		row, err = sum(part, m.Key, now, from, to)
	}
	if err == nil && r.first != nil {
		r.first.note(m.Table, m.Key, now, recordOn(part.Table, row)).by = ""
	}
	return row, err
}

// write lets a row be what it is restored to, nil for none.
func (r *recorder) write(ctx context.Context, t *store.Schema, key string, row *store.Row) error {
	if err := r.sketch(ctx, t, key); err != nil {
		return err
	}
	if row == nil {
		return r.Tx.Delete(ctx, t, key)
	}
	return r.Tx.Put(ctx, t, *row)
}

func keysOf(rows []store.Row) []string {
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	return keys
}

// sketch keeps rows as they are before something is written that is going to be taken back.
func (r *recorder) sketch(ctx context.Context, t *store.Schema, keys ...string) error {
	if r.scratch == nil {
		return nil
	}
	for _, key := range keys {
		before, err := r.Get(ctx, t, key)
		if err != nil {
			return err
		}
		r.scratch.keep(t, key, recordOf(t, before))
	}
	return nil
}

// try runs fn and takes back all that it has written.
func (r *recorder) try(ctx context.Context, fn func() error) error {
	before := *r.ink
	r.scratch, r.taken, r.told, r.untold = &images{}, nil, nil, nil
	err := fn()
	written := r.scratch.list
	*r.ink = before
	for i := range written {
		m := &written[i]
		var wrong error
		if m.Was.row == nil {
			wrong = r.Tx.Delete(ctx, m.schema, m.Key)
		} else {
			wrong = r.Tx.Put(ctx, m.schema, *m.Was.row)
		}
		if err = errors.Join(err, wrong); wrong != nil {
			r.writes++ // the transaction must not be kept
			break
		}
	}
	return err
}

func sum(part *mechanic.Part, key string, now, from, to record) (*store.Row, error) {
	var values [3]any
	for i, r := range []*record{&now, &from, &to} {
		var err error
		if values[i], err = r.value(part.Table, key); err != nil {
			return nil, err
		}
	}
	row := part.Sum(values[0], values[1], values[2])
	return &row, nil
}

// undo takes back what the steps of facts did, the last first. Each row is written once.
func (r *recorder) undo(ctx context.Context, facts []*fact) error {
	for _, f := range slices.Backward(facts) {
		for _, list := range [][]image{f.Before, f.Given, f.Decided} {
			for i := range slices.Backward(list) {
				if _, err := r.restored(ctx, &list[i], list[i].Now, list[i].Was); err != nil {
					return err
				}
			}
		}
	}
	for i := range r.first.list {
		m := &r.first.list[i]
		if err := r.write(ctx, r.parts[m.Table].Table, m.Key, m.Now.row); err != nil {
			return err
		}
	}
	return nil
}

// give writes again what a call wrote with a step, on what is there by now.
func (r *recorder) give(ctx context.Context, tx *session.Tx, s *step) error {
	known := s.Decided
	s.Given, s.Decided = slices.Clone(s.Given), nil
	r.begin(s.UserID, s.key())
	for i := range s.Given {
		m := &s.Given[i]
		problem, err := r.decide(ctx, tx, m)
		if err == nil {
			err = r.restore(ctx, m, m.Was, m.Now)
		}
		if err != nil {
			return err
		}
		told := slices.ContainsFunc(known, func(k image) bool { return k.Table == m.Table && k.Key == m.Key })
		if problem != nil && !told {
			tx.Report(problem.Source, problem.Field, problem.Reason)
		}
	}
	s.Decided = r.end()
	return nil
}

// decide brings a row to where what somebody decided about it can be written again, and lets the image be what that makes of it.
func (r *recorder) decide(ctx context.Context, tx *session.Tx, m *image) (*event.Problem, error) {
	part := r.parts[m.Table]
	if part == nil || part.Decide == nil || m.Was.none() || m.Now.none() {
		return nil, nil
	}
	was, err := m.Was.value(part.Table, m.Key)
	if err != nil {
		return nil, err
	}
	then, err := m.Now.value(part.Table, m.Key)
	if err != nil {
		return nil, err
	}
	before, err := r.current(ctx, part.Table, m.Key)
	if err != nil {
		return nil, err
	}
	now, err := before.value(part.Table, m.Key)
	if err != nil {
		return nil, err
	}
	d, err := part.Decide(ctx, tx, now, was, then)
	if err != nil {
		return nil, err
	}
	m.Was, err = r.current(ctx, part.Table, m.Key)
	m.Now = recordOn(part.Table, &d.Row)
	return d.Problem, err
}

// A fact is something that happened to a user, on its way into the fold.
type fact struct {
	step
	program *program
	entry   Entry // of the journal, or one that is made anew
	first   *mechanic.Occasion
	known   bool          // it was in the fold before
	entered bool          // the journal has the entry as it is
	bare    bool          // the journal has no entry, or not yet
	is      []event.Event // the fact's event and those that follow from it
	was     *fact         // as it was when it was taken back, nil if it was not
	alike   bool          // what followed before follows again, and nothing else
	instead string        // the place of a step that does nothing any more because of the fact, "" for none
	moved   bool          // it is another user's since: what calls gave is to be given again
	give    func() error  // writes what the call decided that made the fact, nil if it has
}

// take makes a step of the fold, at the moment at which it was recorded: everything follows from the fact that the
// program says.
func (e *Engine) take(ctx context.Context, tx *session.Tx, f *fact, ask *question) error {
	r, now := recorderOf(tx), tx.Now
	defer func() { tx.Now = now }()
	tx.Now = f.entry.RecordedAt
	if f.give != nil {
		r.place = f.key()
		if err := f.give(); err != nil {
			return err
		}
		f.Given, f.give = r.takeGiven(f.UserID), nil
	}
	if err := f.carry(ctx, tx); err != nil {
		return err
	}
	r.begin(f.UserID, f.key())
	tx.Place, f.first.Place, tx.Seq = f.key(), f.key(), f.entry.Outcome.Seq
	err := f.enact(ctx, tx)
	if err == nil {
		err = e.cascade(ctx, tx, f.program, f.first, &f.entry, ask)
	}
	tx.Place = ""
	f.Before = r.end()
	r.tell(f)
	return err
}

// carry lets the step see what documents say of the user's tags.
func (f *fact) carry(ctx context.Context, tx *session.Tx) (err error) {
	f.Earned = nil
	if f.first.User.TagsEarned || recorderOf(tx).earning[f.UserID] {
		f.Earned, err = tenancy.Earned(ctx, tx, f.UserID)
	}
	if f.first = f.first.Carrying(f.Earned); f.first.Event.Type == event.User {
		f.entry.Event = *f.first.Event
	}
	return err
}

// enact lets the mechanic of what the user has done say what that came to.
func (f *fact) enact(ctx context.Context, tx *session.Tx) error {
	for _, m := range f.program.mechanics {
		ev, err := m.enact(ctx, tx, f.first)
		if err != nil {
			return err
		}
		if ev != nil {
			f.first = f.first.Become(f.program.tagged(*ev))
			f.entry.Event = *f.first.Event
		}
	}
	return nil
}

// tell notes which events follow from a step now.
func (r *recorder) tell(f *fact) {
	place := f.key()
	r.forget(place)
	if r.taken == nil {
		r.taken, r.told = map[string]*fact{}, map[string]*fact{}
	}
	f.is = nil
	r.taken[place], r.untold = f, append(r.untold, f)
}

// forget drops what a step was known to cause.
func (r *recorder) forget(place string) {
	f := r.taken[place]
	if f == nil {
		return
	}
	delete(r.taken, place)
	for i := range f.is {
		if id := f.is[i].ID; r.told[id] == f {
			delete(r.told, id)
		}
	}
}

// elsewhere returns the event of an id that another step than f's is known to cause now, nil if there is none.
func (r *recorder) elsewhere(f *fact, id string) (by *fact, ev *event.Event) {
	for _, of := range r.untold {
		if r.taken[of.key()] == of {
			for i, is := 0, of.follow(); i < len(is); i++ {
				r.told[is[i].ID] = of
			}
		}
	}
	r.untold = nil
	by = r.told[id]
	if by == nil || by.known && by.key() == f.key() {
		return nil, nil
	}
	i := slices.IndexFunc(by.is, func(e event.Event) bool { return e.ID == id })
	return by, &by.is[i]
}

// follow returns the fact's event and those that follow from it.
func (f *fact) follow() []event.Event {
	if f.is == nil {
		f.is = f.entry.events()
	}
	return f.is
}

// keep saves a new step so that those after it know of it. What its entry says may not be final yet.
func (f *fact) keep(ctx context.Context, tx *session.Tx) error {
	if f.entry.Event.Type == event.Clock { // the journal may not have it
		f.Events = f.entry.events()
	} else if err := journal.Put(ctx, tx, f.entry); err != nil {
		return err
	} else {
		f.entered = true
	}
	return steps.Put(ctx, tx, f.step)
}

// fold takes facts of one user, in the order in which they happened, into the user's fold. If something is
// known that happened later, the fold is taken back behind it first, and all of that is folded again; what is
// different then is added to the outcome of the last fact. So it is if a fact takes the place of another, whose step does
// nothing any more. end is where the fold ends.
func (e *Engine) fold(ctx context.Context, tx *session.Tx, end string, facts ...*fact) (err error) {
	last, from := facts[len(facts)-1], facts[0].key()
	for _, f := range facts {
		f.Late = f.key() < end || f.instead != ""
		if f.instead != "" {
			from = min(from, f.instead)
		}
	}
	if from < facts[0].key() || facts[0].Late {
		last.Late = true
		err = e.refold(ctx, tx, from, facts, &last.entry.Outcome)
	} else {
		err = e.onTime(ctx, tx, facts)
	}
	if err != nil {
		return err
	}
	if facts[0].Late || len(tx.Again)+len(tx.Rouse) > 0 { // its outcome says more
		last.entered = false
	}
	return e.spread(ctx, tx, &last.entry.Outcome)
}

// onTime takes facts that happened after all that is known of their user.
func (e *Engine) onTime(ctx context.Context, tx *session.Tx, facts []*fact) error {
	for _, f := range facts {
		if err := e.take(ctx, tx, f, nil); err != nil {
			return err
		}
		if err := f.keep(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// maxAgain is how many times one event may have folds of users folded again.
const maxAgain = 1000

// spread folds again what steps of others have asked for, the earliest first. It ends because a step tells others
// only of what happens at its moment or later.
func (e *Engine) spread(ctx context.Context, tx *session.Tx, out *Outcome) error {
	for n := 0; len(tx.Again) > 0; n++ {
		if n == maxAgain {
			return fault.Conflict("", "event %q has folds of users folded again more than %d times", out.EventID, maxAgain)
		}
		place := slices.MinFunc(tx.Again, func(a, b string) int {
			return cmp.Or(strings.Compare(a[strings.IndexByte(a, '/'):], b[strings.IndexByte(b, '/'):]), strings.Compare(a, b))
		})
		tx.Again = slices.DeleteFunc(tx.Again, func(p string) bool { return p == place })
		settled, err := settledPlace(ctx, tx, place)
		if err != nil {
			return err
		}
		if settled {
			continue // what a group has completed there by what is known now, nobody is told
		}
		u, err := tenancy.FindUser(ctx, tx, userOf(place))
		if err == nil && u.Status != tenancy.Deleted { // nothing more happens to who is gone
			err = e.refold(ctx, tx, place, nil, out)
			if unread, ok := errors.AsType[*unreadError](err); ok { // no error of who has done something else
				problem := event.Problem{Source: "User/" + u.ID, Reason: "what followed for the user stays as it was: " + unread.Error()}
				if !slices.Contains(out.Problems, problem) {
					out.Problems = append(out.Problems, problem)
				}
				continue
			}
			err = errors.Join(err, foldedAgain(ctx, tx, place))
		}
		if err != nil {
			return err
		}
	}
	for len(tx.Rouse) > 0 {
		userID := tx.Rouse[0]
		tx.Rouse = tx.Rouse[1:]
		if err := e.wake(ctx, tx, userID); err != nil {
			return err
		}
	}
	return nil
}

// settledPlace tells whether a place lies before the horizon: what it would take to go back there is archived.
func settledPlace(ctx context.Context, tx *session.Tx, place string) (bool, error) {
	at, _, err := horizon(ctx, tx)
	return !at.IsZero() && place < placeOf(userOf(place), at, ""), err
}

// foldedAgain notes that others had a fold folded again from a step, for who explains what was known before.
func foldedAgain(ctx context.Context, tx *session.Tx, place string) error {
	s, found, err := steps.Get(ctx, tx, place)
	if err != nil || !found {
		return err
	}
	s.Again = tx.Seq
	return steps.Put(ctx, tx, s)
}

// refold takes a user's fold back to a place, folds facts and all that has happened since in their order, and adds
// what is different from before to an outcome.
func (e *Engine) refold(ctx context.Context, tx *session.Tx, place string, facts []*fact, out *Outcome) error {
	later, err := e.laterThan(ctx, tx, place)
	if damaged := store.Damaged(err); damaged != nil {
		return &unreadError{damaged}
	}
	if err != nil {
		return err
	}
	r := recorderOf(tx)
	r.first, tx.Anew = &images{}, true
	defer func() { r.first, tx.Anew = nil, false }()
	if err := r.undo(ctx, later); err != nil {
		return err
	}
	all := slices.Clone(facts)
	ticking := map[string]*fact{} // by their places
	for _, f := range later {
		place := f.key()
		replaced := slices.ContainsFunc(facts, func(by *fact) bool { return by.instead == place })
		switch {
		case f.Ticked:
			if err := steps.Delete(ctx, tx, place); err != nil {
				return err
			}
			ticking[place] = f
		case replaced:
			gone := f.step
			gone.Void, gone.Again, gone.Given, gone.Decided, gone.Before, gone.Events = facts[0].Seq, facts[0].Seq, nil, nil, nil, nil
			gone.stand(gone.At, fmt.Sprintf("%s/%020d", gone.Rank, gone.Void)) // what is instead of it may stand where it stood
			if err := errors.Join(steps.Delete(ctx, tx, place), steps.Put(ctx, tx, gone)); err != nil {
				return err
			}
		case f.Void > 0: // it does nothing
		default:
			again := new(*f)
			again.was = f
			all = append(all, again)
		}
		r.forget(place)
	}
	slices.SortFunc(all, func(a, b *fact) int { return strings.Compare(a.key(), b.key()) })
	tick := func(f *fact) error {
		f.was = ticking[f.key()]
		return e.again(ctx, tx, f)
	}
	var done []*fact
	last, err := before(ctx, tx, place)
	if err != nil {
		return err
	}
	for _, f := range all {
		ticked, err := e.ticks(ctx, tx, f.UserID, last, f.key(), tick)
		if err == nil {
			err = e.again(ctx, tx, f)
		}
		if err != nil {
			return err
		}
		done, last = append(append(done, ticked...), f), f.key()
	}
	if n := len(later); n > 0 { // what the clock had done by itself behind all else, it does as before
		ticked, err := e.ticks(ctx, tx, userOf(place), last, later[n-1].key()+"\x00", tick)
		if err != nil {
			return err
		}
		done = append(done, ticked...)
	}
	changed := r.first.list
	r.first = nil
	return e.differ(ctx, tx, userOf(place), later, done, changed, out)
}

// An unreadError says that a fold was not folded again, and that nothing was written, because what happened in it cannot be
// read.
type unreadError struct{ *store.DamagedError }

func (e *unreadError) Unwrap() error { return e.DamagedError }

// laterThan returns the facts of a user's fold from a place on, with what followed from them.
func (e *Engine) laterThan(ctx context.Context, tx *session.Tx, place string) ([]*fact, error) {
	list, err := steps.List(ctx, tx, placesFrom(place))
	if err != nil {
		return nil, err
	}
	entries, err := entriesOf(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	facts := make([]*fact, len(list))
	for i := range list {
		if facts[i], err = e.recall(ctx, tx, list[i], entries[list[i].EventID]); err != nil {
			return nil, err
		}
	}
	return facts, nil
}

// entriesOf returns the entries of steps by the ids of their events.
func entriesOf(ctx context.Context, tx *session.Tx, list []step) (map[string]*Entry, error) {
	var ids []string
	for i := range list {
		if id := list[i].EventID; id != "" {
			ids = append(ids, id)
		}
	}
	found, err := journal.GetMany(ctx, tx, ids...)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]*Entry, len(found))
	for i := range found {
		entries[found[i].ID()] = &found[i]
	}
	return entries, nil
}

// recall returns the fact of a step. The entry is nil if there is none.
func (e *Engine) recall(ctx context.Context, tx *session.Tx, s step, entry *Entry) (*fact, error) {
	f := &fact{step: s, known: true, is: s.Events}
	if s.Void > 0 {
		f.is = []event.Event{} // none, since then
	}
	switch {
	case entry != nil:
		f.entry = *entry
		if f.is == nil {
			f.is = entry.events()
		}
	case len(s.Events) > 0:
		f.bare, f.entry = true, Entry{Event: s.Events[0], RecordedAt: s.RecordedAt, Outcome: Outcome{Seq: s.Seq}}
	default:
		return f, nil // nothing but what a call wrote
	}
	var err error
	if f.program, err = e.programAt(ctx, tx, s.RecordedAt); err != nil {
		return nil, err
	}
	f.first, err = f.entry.judged(ctx, tx, &f.entry.Event, nil)
	return f, err
}

// again makes the step of a fact anew.
func (e *Engine) again(ctx context.Context, tx *session.Tx, f *fact) error {
	r := recorderOf(tx)
	tx.Accepted = f.moved
	defer func() { tx.Accepted = false }()
	if f.known || f.moved {
		if err := r.give(ctx, tx, &f.step); err != nil {
			return err
		}
	}
	switch {
	case f.known:
	case f.first == nil: // nothing but what a call has written
		return steps.Put(ctx, tx, f.step)
	default:
		if err := e.take(ctx, tx, f, nil); err != nil {
			return err
		}
		return f.keep(ctx, tx)
	}
	if f.first != nil {
		told, known := f.entry.events(), f.entry.Outcome.Problems
		f.entry = Entry{Event: told[0], User: f.entry.User, RecordedAt: f.RecordedAt, Outcome: Outcome{EventID: told[0].ID, Seq: f.entry.Outcome.Seq}}
		then := tx.Then(f.RecordedAt, f.entry.Outcome.Seq)
		if err := e.take(ctx, then, f, nil); err != nil {
			return err
		}
		tx.Again, tx.Rouse = append(tx.Again, then.Again...), append(tx.Rouse, then.Rouse...)
		for _, problem := range f.entry.Outcome.Problems {
			if !slices.Contains(known, problem) && !f.Ticked {
				tx.Report(problem.Source, problem.Field, problem.Reason)
			}
		}
		f.is, f.Events = f.entry.events(), nil
		asTold := sameEvents(f.is, told)
		if f.bare || f.EventID == "" || !asTold {
			f.Events = f.is
		}
		if was := f.was; was != nil {
			f.alike = sameEvents(f.is, was.is) && sameEarned(f.Earned, was.Earned)
			was.alike = f.alike
		}
	}
	return steps.Put(ctx, tx, f.step)
}

func sameEarned(some, others []tenancy.EarnedTag) bool {
	return slices.EqualFunc(some, others, tenancy.EarnedTag.Same)
}

func sameEvents(some, others []event.Event) bool {
	return slices.EqualFunc(some, others, func(a, b event.Event) bool { return a.Same(&b) })
}

// sameJSON tells whether two records are kept alike.
func sameJSON(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true // as most are
	}
	x, err := json.Marshal(a)
	y, wrong := json.Marshal(b)
	return err == nil && wrong == nil && string(x) == string(y)
}

// differ adds to an outcome what is different after folding again: in the rows of the user, and for those who
// count what several users do.
func (e *Engine) differ(ctx context.Context, tx *session.Tx, userID string, old, now []*fact, changed []image, out *Outcome) error {
	p, err := e.program(ctx, tx)
	if err != nil {
		return err
	}
	a := mechanic.Amendment{UserID: userID}
	if a.Gone, a.Stay, err = e.unlike(ctx, tx, old, now); err != nil {
		return err
	}
	if a.Come, _, err = e.unlike(ctx, tx, now, old); err != nil {
		return err
	}
	told := map[string]bool{} // by outcomes of their own
	for _, f := range now {
		told[f.key()] = !f.known
		a.New = a.New || !f.known
	}
	for i := range changed {
		m := &changed[i]
		t := recorderOf(tx).parts[m.Table].Table
		d := mechanic.Difference{Table: m.Table, Key: m.Key}
		if d.Was, err = m.Was.value(t, m.Key); err == nil {
			d.Now, err = m.Now.value(t, m.Key)
		}
		if err != nil {
			return err
		}
		if sameJSON(d.Was, d.Now) {
			continue
		}
		if told[m.by] {
			a.Told = append(a.Told, d)
		} else {
			a.Rows = append(a.Rows, d)
		}
	}
	for _, m := range p.mechanics {
		if err := m.amend(ctx, tx, a, out); err != nil {
			return err
		}
	}
	out.Problems = append(out.Problems, tx.Problems()...)
	return nil
}

// unlike returns the events of known facts that are not alike among those of others. Of those that a new step causes
// since, which has been counted already, it returns that one's as what stays.
func (e *Engine) unlike(ctx context.Context, tx *session.Tx, facts, others []*fact) (found, stay []*mechanic.Occasion, err error) {
	type placed struct {
		*event.Event
		of    *fact
		place string
		nth   int // among those of the step
	}
	known := map[string]placed{}
	for _, f := range others {
		if !f.known || f.alike {
			continue
		}
		place := f.key()
		for i := range f.is {
			known[f.is[i].ID] = placed{&f.is[i], f, place, i}
		}
	}
	judged := func(f *fact, ev *event.Event) (*mechanic.Occasion, error) {
		o, err := f.entry.judged(ctx, tx, ev, f.Earned)
		if err == nil {
			o.Place, o.RecordedAt = f.key(), f.RecordedAt
			o.Nth = slices.IndexFunc(f.is, func(e event.Event) bool { return e.ID == ev.ID })
		}
		return o, err
	}
	for _, f := range facts {
		if !f.known || f.alike {
			continue
		}
		place := f.key()
		for i := range f.is {
			ev := &f.is[i]
			other, there := known[ev.ID]
			if there && other.place == place && other.nth == i && ev.Same(other.Event) && sameEarned(f.Earned, other.of.Earned) {
				continue
			}
			if by, now := recorderOf(tx).elsewhere(f, ev.ID); !there && by != nil {
				o, err := judged(by, now)
				if err != nil {
					return nil, nil, err
				}
				stay = append(stay, o)
			}
			o, err := judged(f, ev)
			if err != nil {
				return nil, nil, err
			}
			found = append(found, o)
		}
	}
	return found, stay, nil
}

// maxTicks bounds what the clock can have to do between two steps of a fold: less than a streak's periods in a
// lifetime.
const maxTicks = 10_000

// ticks lets the clock do in a user's fold what it does before a place, and returns the steps. take makes each. last is
// where the fold ends before, "" if it begins: what is due earlier, because of something that turned out to have
// happened long ago, is done right behind it.
func (e *Engine) ticks(ctx context.Context, tx *session.Tx, userID, last, place string, take func(*fact) error) ([]*fact, error) {
	now, err := e.program(ctx, tx)
	if err != nil {
		return nil, err
	}
	var done []*fact
	var gone *bool // whether the user has been deleted; most often, nobody asks
	for len(done) < maxTicks {
		next, err := now.due(ctx, tx, userID)
		if err != nil || next.at.IsZero() {
			return done, err
		}
		at, rank := next.at, byClock(next.kind, next.id)
		if placeOf(userID, at, rank) <= last {
			parts := strings.SplitN(last, "/", 3)
			if at, err = store.ParseKeyTime(parts[1]); err != nil {
				return nil, err
			}
			rank = parts[2] + "/" + rank
		}
		s := step{UserID: userID, At: at, Rank: rank, Ticked: true}
		if s.key() >= place {
			return done, nil
		}
		if s.RecordedAt, err = now.dueSince(ctx, tx, userID, last, at, next); err != nil {
			return nil, err
		}
		p, err := e.programAt(ctx, tx, s.RecordedAt)
		if err != nil {
			return nil, err
		}
		first, err := p.occasion(ctx, tx, mechanic.Ticking(next.kind, next.id, userID, at))
		if err != nil {
			return nil, err
		}
		if gone == nil {
			u, err := tenancy.FindUser(ctx, tx, userID)
			if err != nil {
				return nil, err
			}
			gone = new(u.Status == tenancy.Deleted)
		}
		first.Gone = *gone
		f := &fact{step: s, program: p, first: first, entry: newEntry(tx, s.RecordedAt, first), known: true}
		if err := take(f); err != nil {
			return nil, err
		}
		last, done = f.key(), append(done, f)
	}
	return nil, fmt.Errorf("guerdon: the clock does not get past %s", last)
}

// a dueThing is what the clock does next in a user's fold: something with a thing of a kind. The zero dueThing is nothing.
type dueThing struct {
	at       time.Time
	kind, id string
}

// before tells whether the clock does a thing earlier than another; at one moment, the order is that of ranks.
func (d dueThing) before(other dueThing) bool {
	return d.at.Before(other.at) || d.at.Equal(other.at) && byClock(d.kind, d.id) < byClock(other.kind, other.id)
}

// due returns what the clock does next in a user's fold.
func (p *program) due(ctx context.Context, tx *session.Tx, userID string) (next dueThing, err error) {
	for i := range p.mechanics {
		at, kind, id, err := p.mechanics[i].due(ctx, tx, userID)
		if err != nil {
			return dueThing{}, err
		}
		if thing := (dueThing{at, kind, id}); !at.IsZero() && (next.at.IsZero() || thing.before(next)) {
			next = thing
		}
	}
	return next, nil
}

// dueSince returns when the clock would have done something at a moment in a user's fold, behind its last step, if it had
// always been asked in time: then, or as soon as all of that was known, if it depends on it. So it is judged by the same rules however late the
// clock is asked.
func (p *program) dueSince(ctx context.Context, tx *session.Tx, userID, last string, at time.Time, what dueThing) (time.Time, error) {
	known, is, err := find[mechanic.Calendar](p).DueSince(ctx, tx, userID, what.kind)
	if err != nil || is {
		return slices.MaxFunc([]time.Time{at, known}, time.Time.Compare), err
	}
	s, _, err := steps.Get(ctx, tx, last)
	if err != nil {
		return time.Time{}, err
	}
	return slices.MaxFunc([]time.Time{at, s.RecordedAt, p.docs.Published(what.kind, what.id)}, time.Time.Compare), nil
}

// before returns the place of the last step of a user's fold before a place, "" if there is none.
func before(ctx context.Context, tx *session.Tx, place string) (string, error) {
	q := lastOf(userOf(place))
	q.Until = store.Text(place)
	found, err := steps.List(ctx, tx, q)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].key(), nil
}
