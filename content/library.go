package content

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// record is a document as it is kept: the newest draft, and the published version beside it.
type record struct {
	Kind      string          `json:"kind"`
	ID        string          `json:"id"`
	Stage     Stage           `json:"stage"`
	Version   int             `json:"version,omitempty"` // newest published
	Draft     json.RawMessage `json:"draft"`
	Live      json.RawMessage `json:"live,omitempty"` // what is in force
	Unique    string          `json:"unique,omitempty"`
	Follows   string          `json:"follows,omitempty"`  // the catalog, if the version in force is synced with one
	Marks     []mark          `json:"marks,omitempty"`    // of the versions 1, 2, …
	Archived  int             `json:"archived,omitempty"` // how often
	Rests     []rest          `json:"rests,omitempty"`
	CreatedAt time.Time       `json:"createdAt"`
	UpdatedAt time.Time       `json:"updatedAt"`
	DraftedAt time.Time       `json:"draftedAt,omitzero"` // when the draft became what it is
	DraftedBy Actor           `json:"draftedBy,omitzero"`
}

// mark says when a version was published, and how.
type mark struct {
	At     time.Time `json:"at"`
	Reopen bool      `json:"reopen,omitempty"`
}

// inForce returns the number of the version that was in force at a moment, 0 if none was.
func (r *record) inForce(at time.Time) int {
	if r.resting(at) {
		return 0
	}
	return len(r.marksAt(at))
}

// marksAt returns the versions that there were at a moment.
func (r *record) marksAt(at time.Time) []mark {
	n := 0
	for n < len(r.Marks) && !r.Marks[n].At.After(at) {
		n++
	}
	return r.Marks[:n]
}

// since returns the number of the version that somebody is on who began at a moment: the newest of those
// published by then or published to reopen since; who began before all of them is on the first. It is 0
// if nothing was ever published.
func since(marks []mark, began time.Time) int {
	on := 0
	for i, m := range marks {
		if on == 0 || m.Reopen || !m.At.After(began) {
			on = i + 1
		}
	}
	return on
}

// rest is a time in which a document that had been published was out of use.
type rest struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"` // exclusive; zero: still is
}

// resting tells whether the document was out of use at a moment.
func (r *record) resting(at time.Time) bool {
	return slices.ContainsFunc(r.Rests, func(s rest) bool {
		return !at.Before(s.From) && (s.Until.IsZero() || at.Before(s.Until))
	})
}

// wake ends the rest that the document is in, if it is in one.
func (r *record) wake(now time.Time) {
	if last := len(r.Rests) - 1; last >= 0 && r.Rests[last].Until.IsZero() {
		r.Rests = slices.Clone(r.Rests)
		r.Rests[last].Until = now
	}
}

func recordKey(kind, id string) string { return kind + "/" + id }

var documents = store.Define("documents", func(r *record) string { return recordKey(r.Kind, r.ID) },
	[]store.Field[record]{
		{Name: "kind", Kind: store.KindText, Of: func(r *record) store.Value { return store.Text(r.Kind) }},
		{Name: "updated_at", Kind: store.KindInt, Of: func(r *record) store.Value { return store.Time(r.UpdatedAt) }},
		{Name: "live", Kind: store.KindInt, Of: func(r *record) store.Value {
			if r.Live == nil {
				return store.Value{}
			}
			return store.Int(1)
		}},
		{Name: "follows", Kind: store.KindText, Of: func(r *record) store.Value {
			if r.Follows == "" || r.Live == nil {
				return store.Value{}
			}
			return store.Text(r.Follows)
		}},
		{Name: "unique_key", Kind: store.KindText, Of: func(r *record) store.Value {
			if r.Unique == "" {
				return store.Value{}
			}
			return store.Text(r.Unique)
		}},
	},
	store.Index{Name: "updated", Columns: []string{"kind", "updated_at"}},
	store.Index{Name: "live", Columns: []string{"live"}},
	store.Index{Name: "follows", Columns: []string{"follows"}},
	store.Index{Name: "unique", Columns: []string{"kind", "unique_key"}, Unique: true},
).Version(2) // since they say who drafted them

// version is a document as it was published or archived once. It never changes.
type version struct {
	Kind    string          `json:"kind"`
	ID      string          `json:"id"`
	Version int             `json:"version"`
	Stage   Stage           `json:"stage"`
	At      time.Time       `json:"at"`
	Actor   Actor           `json:"actor"`
	Reopen  bool            `json:"reopen,omitempty"`
	Resting int             `json:"resting,omitempty"` // for the how-manieth time, if it was archived
	Body    json.RawMessage `json:"body"`
}

// versionKey is the key of a version as it was published.
func versionKey(kind, id string, number int) string {
	return fmt.Sprintf("%s/%06d", recordKey(kind, id), number)
}

func (v *version) key() string {
	key := versionKey(v.Kind, v.ID, v.Version)
	if v.Resting > 0 { // it comes after the version that it takes out of use
		key += fmt.Sprintf("/%06d", v.Resting)
	}
	return key
}

var versions = store.Define("document_versions", (*version).key, nil)

// edition names the state of a workspace's program; it is new after every publish.
type edition struct {
	ID string `json:"id"`
	// At is when it came in force: never before the one before it, wherever the clock was set.
	At time.Time `json:"at,omitzero"`
	// Closed says that the workspace was deleted, or is being erased.
	Closed bool `json:"closed,omitempty"`
	// Shut says that nobody writes to the workspace but the restore that Holder names, if one is under way.
	Shut   bool   `json:"shut,omitempty"`
	Holder string `json:"holder,omitempty"`
	// Life is how many workspaces of this name have been erased before.
	Life int `json:"life,omitempty"`
	// Settled is when the workspace was taken over from a version of the program in which users were no folds: what
	// happened before stays as it was then.
	Settled time.Time `json:"settled,omitzero"`
}

// name returns what names the state of the program: no other has it, also not in another life.
func (e *edition) name() string {
	if e.Life == 0 || e.ID == "" {
		return e.ID
	}
	return fmt.Sprintf("%s/%d", e.ID, e.Life)
}

const programKey = "program"

var editions = store.Define("programs", func(*edition) string { return programKey }, nil).Version(3) // a gate since 2, may be settled since 3

// formerEditions are all editions there have been, by the moments at which they came in force.
var formerEditions = store.Define("programs_before", func(e *edition) string { return store.KeyTime(e.At) }, nil).Version(2)

// EditionAt returns the name of the program that was in force at a moment, and since when it was; "" and zero if
// nothing had been published.
func EditionAt(ctx context.Context, tx store.Tx, at time.Time) (id string, since time.Time, err error) {
	found, err := formerEditions.List(ctx, tx, store.Query{Until: store.Text(store.KeyTime(at.Add(time.Microsecond))), Descending: true, Limit: 1})
	if err != nil || len(found) == 0 {
		return "", time.Time{}, err
	}
	return found[0].ID, found[0].At, nil
}

// moment returns the time at which a change of the program comes in force: now, or just after the last change if the
// clock has gone back since.
func moment(ctx context.Context, tx *session.Tx) (time.Time, error) {
	e, _, err := editions.Get(ctx, tx, programKey)
	if err == nil && tx.Now.Before(e.At) {
		return e.At.Add(time.Microsecond), nil
	}
	return tx.Now, err
}

// Tables returns what the package keeps.
func Tables() []*store.Schema {
	return []*store.Schema{
		documents.Schema(), versions.Schema(), editions.Schema(), formerEditions.Schema(), links.Schema(), assignments.Schema(), media.Schema(), wastes.Schema(),
	}
}

// A Library knows the kinds of documents that a workspace may hold. It is immutable.
type Library struct {
	kinds   []AnyKind
	program func(context.Context, *session.Tx) (*Program, error) // nil: there is none
}

// NewLibrary returns a library of the given kinds, in the order in which bundles list them.
func NewLibrary(kinds ...AnyKind) *Library { return &Library{kinds: kinds} }

// Knowing returns the library with what returns the program in force in a transaction: documents in force are read from it, and need
// not be read from the store and decoded each time.
func (l *Library) Knowing(program func(context.Context, *session.Tx) (*Program, error)) *Library {
	return &Library{l.kinds, program}
}

// inForce returns the program in force.
func (l *Library) inForce(ctx context.Context, tx *session.Tx) (*Program, error) {
	if l.program == nil {
		return l.Load(ctx, tx)
	}
	return l.program(ctx, tx)
}

// Kinds returns the kinds, in the order in which bundles list them.
func (l *Library) Kinds() []AnyKind { return slices.Clone(l.kinds) }

// Kind returns the kind with the given name.
func (l *Library) Kind(name string) (AnyKind, bool) {
	i := slices.IndexFunc(l.kinds, func(k AnyKind) bool { return k.Name() == name })
	if i < 0 {
		return nil, false
	}
	return l.kinds[i], true
}

// knows tells whether a kind is one of the library's. What is not is its owner's to check.
func (l *Library) knows(kind string) bool {
	_, ok := l.Kind(kind)
	return ok
}

// withDefaults fills in what a header computes.
func withDefaults(doc Document) Document {
	h := doc.Head()
	h.Origin = cmp.Or(h.Origin, Custom)
	h.Langs = doc.Languages()
	h.Warnings = nil
	return doc
}

// draft returns the record of a checked document as the newest draft; old is what there is, or nil.
func draft(tx *session.Tx, kind AnyKind, doc Document, old *record) (record, error) {
	if err := validate(withDefaults(doc)); err != nil {
		return record{}, err
	}
	r := record{Kind: kind.Name(), ID: doc.Head().ID, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	if old != nil {
		r = *old
		r.update(tx.Now, time.Microsecond)
	}
	r.Stage, r.Unique = Draft, ""
	r.DraftedAt, r.DraftedBy = r.UpdatedAt, ActorOf(tx)
	if u, ok := doc.(Unique); ok {
		r.Unique = u.UniqueKey()
	}
	var err error
	if r.Draft, err = bodyOf(kind, doc); err != nil {
		return record{}, err
	}
	if n := len(r.Draft); n > MaxDocument {
		return record{}, fault.Invalid("", "%s %q is %d bytes of JSON, at most %d are allowed", r.Kind, r.ID, n, MaxDocument)
	}
	return r, nil
}

// bodyOf returns a document as it is kept.
func bodyOf(kind AnyKind, doc Document) (json.RawMessage, error) {
	h := withDefaults(doc).Head()
	// What the record says is not said twice.
	h.Stage, h.Version, h.CreatedAt, h.UpdatedAt = "", 0, time.Time{}, time.Time{}
	forget(doc)
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fault.Invalid("", "%s %q: %v", kind.Name(), h.ID, err)
	}
	return body, nil
}

// update says when the record has changed: never before it has the last time, and so much later at least, whatever the clock says.
func (r *record) update(now time.Time, later time.Duration) {
	if r.UpdatedAt = r.UpdatedAt.Add(later); r.UpdatedAt.Before(now) {
		r.UpdatedAt = now
	}
}

// open returns the document that a body of the record holds, with the header of the record.
func open(kind AnyKind, r *record, body json.RawMessage) (Document, error) {
	doc, err := kind.reopen(body)
	if err != nil {
		return nil, fmt.Errorf("content: %s %q as stored: %w", r.Kind, r.ID, err)
	}
	h := doc.Head()
	h.Stage, h.Version, h.CreatedAt, h.UpdatedAt = r.Stage, r.Version, r.CreatedAt, r.UpdatedAt
	return doc, nil
}

// open returns the document that a version of the record holds.
func (v *version) open(kind AnyKind, r *record) (Document, error) {
	then := *r
	then.Stage, then.Version, then.UpdatedAt = v.Stage, v.Version, v.At
	return open(kind, &then, v.Body)
}

func find(ctx context.Context, tx store.Tx, kind AnyKind, id string) (*record, error) {
	r, ok, err := documents.Get(ctx, tx, recordKey(kind.Name(), id))
	if err == nil && !ok {
		err = fault.NotFound(kind.Name(), id)
	}
	return &r, err
}

// findLive is find for a document that is in force.
func findLive(ctx context.Context, tx *session.Tx, kind AnyKind, id string) (*record, error) {
	r, err := find(ctx, tx, kind, id)
	if err == nil && r.Live == nil {
		err = fault.NotFound(kind.Name(), id)
	}
	return r, err
}

// create adds a draft.
func create(ctx context.Context, tx *session.Tx, kind AnyKind, doc Document) (*record, error) {
	if h := doc.Head(); h.ID == "" {
		h.ID = tx.NewID()
	}
	r, err := draft(tx, kind, doc, nil)
	if err != nil {
		return nil, err
	}
	return &r, duplicate(kind, doc, documents.Insert(ctx, tx, r))
}

// update replaces the draft.
func update(ctx context.Context, tx *session.Tx, kind AnyKind, doc Document) (*record, error) {
	old, err := find(ctx, tx, kind, doc.Head().ID)
	if err != nil {
		return nil, err
	}
	if old.Stage == Archived {
		return nil, fault.Conflict(kind.Name(), "%q is archived", old.ID)
	}
	if err := unchanged(ctx, tx, kind, doc, old); err != nil {
		return nil, err
	}
	r, err := draft(tx, kind, doc, old)
	if err != nil {
		return nil, err
	}
	return &r, duplicate(kind, doc, documents.Put(ctx, tx, r))
}

// duplicate says which value was taken.
func duplicate(kind AnyKind, doc Document, err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || !errors.Is(err, fault.ErrExists) {
		return err
	}
	if e.Field == documents.Schema().Name {
		return fault.Exists(kind.Name(), "%q exists already", doc.Head().ID)
	}
	return fault.Exists(kind.Name(), "another document than %q has the same values", doc.Head().ID)
}

// touch marks the workspace's program as changed.
func touch(ctx context.Context, tx *session.Tx) error {
	now, err := present(ctx, tx)
	if err != nil {
		return err
	}
	at, err := moment(ctx, tx)
	if err != nil {
		return err
	}
	now.ID, now.At = tx.NewID(), at
	return errors.Join(editions.Put(ctx, tx, now), formerEditions.Put(ctx, tx, edition{ID: now.ID, At: now.At}))
}

// archive takes a document out of use.
func archive(ctx context.Context, tx *session.Tx, kind AnyKind, id string) (*record, error) {
	r, err := find(ctx, tx, kind, id)
	if err != nil {
		return nil, err
	}
	if r.Stage == Archived {
		return nil, fault.Conflict(kind.Name(), "%q is archived already", id)
	}
	return r, retire(ctx, tx, draftOf{record: r, kind: kind})
}

// retire takes documents out of use that nothing else in force needs.
func retire(ctx context.Context, tx *session.Tx, docs ...draftOf) error {
	ours := map[string]bool{}
	for _, d := range docs {
		ours[recordKey(d.Kind, d.ID)] = true
	}
	var faults []error
	for _, d := range docs {
		users, err := usersOf(ctx, tx, d.Kind, d.ID)
		if err != nil {
			return err
		}
		users = slices.DeleteFunc(users, func(l link) bool { return l.Outlives || ours[recordKey(l.Kind, l.ID)] })
		if len(users) > 0 {
			faults = append(faults, fault.Conflict(d.Kind, "%q is named by %s; publish or archive these first", d.ID, list(users)))
		}
	}
	if err := errors.Join(faults...); err != nil || len(docs) == 0 {
		return err
	}
	for _, d := range docs {
		if err := shelve(ctx, tx, d.kind, d.record); err != nil {
			return err
		}
	}
	return touch(ctx, tx)
}

// shelve makes a document an archived one.
func shelve(ctx context.Context, tx *session.Tx, kind AnyKind, r *record) error {
	if err := relink(ctx, tx, kind, r, nil); err != nil {
		return err
	}
	at, err := moment(ctx, tx)
	if err != nil {
		return err
	}
	if r.Live != nil {
		r.Rests = append(slices.Clip(r.Rests), rest{From: at})
	}
	r.Archived++
	v := version{
		Kind: r.Kind, ID: r.ID, Version: r.Version, Stage: Archived, At: tx.Now, Actor: ActorOf(tx), Resting: r.Archived, Body: r.Draft,
	}
	r.Stage, r.Live = Archived, nil
	r.update(tx.Now, 0)
	return errors.Join(documents.Put(ctx, tx, *r), versions.Put(ctx, tx, v))
}

// unarchive makes an archived document a draft again.
func unarchive(ctx context.Context, tx *session.Tx, kind AnyKind, id string) (*record, error) {
	r, err := find(ctx, tx, kind, id)
	if err != nil {
		return nil, err
	}
	if r.Stage != Archived {
		return nil, fault.Conflict(kind.Name(), "%q is not archived", id)
	}
	r.Stage = Draft
	r.update(tx.Now, 0)
	return r, documents.Put(ctx, tx, *r)
}
