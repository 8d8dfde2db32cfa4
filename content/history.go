package content

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A Version is a document as it was published or archived once. It never changes.
type Version[T any] struct {
	// Number is that of the version that was published, or that was the newest when it was archived.
	Number int `json:"version"`
	// Stage is PUBLISHED or ARCHIVED.
	Stage Stage `json:"stage"`
	// At is when it was done, and the actor who did it.
	At time.Time `json:"at"`
	Actor
	// Reopen says that the version was published with [Reopen].
	Reopen   bool `json:"reopen,omitempty"`
	Document T    `json:"document"`
}

// History returns what was published and archived of a document, the newest first, and the token of the
// next page; [fault.ErrNotFound] if there is no such document.
func (d Documents[T]) History(ctx context.Context, id string, page store.Page) (list []Version[T], next string, err error) {
	return session.ReadPage(ctx, d.run, func(tx *session.Tx) ([]Version[T], string, error) {
		r, err := find(ctx, tx, d.kind, id)
		if err != nil {
			return nil, "", err
		}
		rows, next, err := versions.PageOf(ctx, tx, store.Prefix(recordKey(d.kind.name, id)+"/"), page)
		list := make([]Version[T], len(rows))
		for i := 0; err == nil && i < len(rows); i++ {
			list[i], err = d.version(tx, r, &rows[i])
		}
		return list, next, err
	})
}

// Version returns one published version of a document; 0 is the one in force. It returns
// [fault.ErrNotFound] if there is none.
func (d Documents[T]) Version(ctx context.Context, id string, number int) (Version[T], error) {
	return session.Read(ctx, d.run, func(tx *session.Tx) (Version[T], error) {
		r, err := find(ctx, tx, d.kind, id)
		if err != nil {
			return Version[T]{}, err
		}
		if number == 0 {
			if r.Live == nil {
				return Version[T]{}, &fault.Error{Kind: fault.ErrNotFound, Field: "version", Reason: "is missing; none is in force"}
			}
			number = r.Version
		}
		v, ok, err := versions.Get(ctx, tx, versionKey(r.Kind, r.ID, number))
		if err != nil || !ok {
			return Version[T]{}, notFound(err, "version", versionKey(r.Kind, r.ID, number))
		}
		return d.version(tx, r, &v)
	})
}

func (d Documents[T]) version(tx *session.Tx, r *record, v *version) (Version[T], error) {
	doc, err := v.open(d.kind, r)
	if err != nil {
		return Version[T]{}, err
	}
	compute(tx, doc)
	return Version[T]{v.Version, v.Stage, v.At, v.Actor, v.Reopen, *any(doc).(*T)}, nil
}

// InForce returns the version of a document that was in force at a moment, nil if none was, for those
// who explain what happened then. It was in force from its first publish on, but for the times in which
// it was archived and not published again. It returns [fault.ErrNotFound] if there is no such document.
func (l *Library) InForce(ctx context.Context, tx store.Tx, kindName, id string, at time.Time) (Document, error) {
	kind, ok := l.Kind(kindName)
	if !ok {
		return nil, fault.Invalid("kind", "%q is none of %v", kindName, l.names())
	}
	r, err := find(ctx, tx, kind, id)
	if err != nil {
		return nil, err
	}
	return inForce(ctx, tx, kind, r, at)
}

// inForce returns the version of a document that was in force at a moment, nil if none was.
func inForce(ctx context.Context, tx store.Tx, kind AnyKind, r *record, at time.Time) (Document, error) {
	number := r.inForce(at)
	if number == 0 {
		return nil, nil
	}
	v, ok, err := versions.Get(ctx, tx, versionKey(r.Kind, r.ID, number))
	if err != nil || !ok {
		return nil, notFound(err, "version", versionKey(r.Kind, r.ID, number))
	}
	return v.open(kind, r)
}

// LoadAt reads the workspace's program as it was at a moment, for those who explain what happened then.
// It has no edition.
func (l *Library) LoadAt(ctx context.Context, tx store.Tx, at time.Time) (*Program, error) {
	records, err := documents.List(ctx, tx, store.Query{})
	if err != nil {
		return nil, err
	}
	var keys []string
	for i := range records {
		records[i].Marks = records[i].marksAt(at)
		if n := records[i].inForce(at); n > 0 {
			keys = append(keys, versionKey(records[i].Kind, records[i].ID, n))
		}
	}
	if err := tx.Prefetch(ctx, versions.Keys(keys...)); err != nil {
		return nil, err
	}
	p, err := l.assemble(ctx, tx, "", records, func(kind AnyKind, r *record) (Document, error) { return inForce(ctx, tx, kind, r, at) })
	if err != nil {
		return nil, err
	}
	e, err := present(ctx, tx)
	p.at, p.Settled = at, e.Settled
	return p, err
}

// Ever returns all versions of documents of a kind that were ever published, by id, then number: what there is may go on by any of them.
func Ever[T any](ctx context.Context, tx store.Tx, kind *Kind[T]) ([]*T, error) {
	rows, err := versions.List(ctx, tx, store.Prefix(kind.name+"/"))
	all := make([]*T, len(rows))
	for i := 0; err == nil && i < len(rows); i++ {
		var doc Document
		if doc, err = rows[i].open(kind, &record{Kind: kind.name, ID: rows[i].ID}); err == nil {
			all[i] = any(doc).(*T)
		}
	}
	return all, err
}

// A Pin names a version of a document.
type Pin struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Version int    `json:"version"`
}

// Since returns the number of the version of a document that somebody is on who began at a moment and has not
// finished: the newest of those published by then, and of those published with [Reopen] since. Who began before
// a document was published for the first time is on its first version. It is 0 if the document was never
// published, or is neither in force nor named to [Program.Recall].
func (p *Program) Since(kind, id string, began time.Time) int {
	key := recordKey(kind, id)
	marks, inForce := p.marks[key]
	if !inForce {
		p.mu.Lock()
		defer p.mu.Unlock()
		marks = p.recalled[key]
	}
	return since(marks, began)
}

// Recall lets [Program.Since] know documents that are out of use. It reads what is not known yet, at once.
func (p *Program) Recall(ctx context.Context, tx store.Tx, refs ...Reference) error {
	keys := p.unknown(refs)
	if len(keys) == 0 {
		return nil
	}
	records, err := documents.GetMany(ctx, tx, keys...)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, key := range keys {
		p.recalled[key] = nil
	}
	for i := range records {
		r := &records[i]
		if !p.at.IsZero() {
			r.Marks = r.marksAt(p.at)
		}
		p.recalled[recordKey(r.Kind, r.ID)] = r.Marks
	}
	return nil
}

// unknown returns the keys of the documents that are neither in force nor recalled.
func (p *Program) unknown(refs []Reference) []string {
	var keys []string
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ref := range refs {
		key := recordKey(ref.Kind, ref.ID)
		if _, inForce := p.marks[key]; inForce {
			continue
		}
		if _, recalled := p.recalled[key]; !recalled {
			keys = append(keys, key)
		}
	}
	return keys
}

// Versions returns published versions of documents, by id and number, in the order in which they are asked for. A pin needs no kind. However many
// they are, they are read together. It returns [fault.ErrNotFound] if there is no such version.
func (d Documents[T]) Versions(ctx context.Context, pins ...Pin) ([]T, error) {
	return session.ReadFresh(ctx, d.run, func(tx *session.Tx) ([]T, error) {
		p, err := d.lib.inForce(ctx, tx)
		if err != nil {
			return nil, err
		}
		docs, err := d.lib.Pinned(ctx, tx, p, each(pins, func(p Pin) Pin { return Pin{d.kind.name, p.ID, p.Version} })...)
		return each(docs, func(doc Document) T { return session.Own(tx.Types, *any(doc).(*T)) }), err
	})
}

// Pinned does what [Library.Versions] does, and reads nothing of versions that are in force by a program.
func (l *Library) Pinned(ctx context.Context, tx store.Tx, p *Program, pins ...Pin) ([]Document, error) {
	docs := make([]Document, len(pins))
	var missing []Pin
	for i, pin := range pins {
		if docs[i] = p.Version(pin); docs[i] == nil {
			missing = append(missing, pin)
		}
	}
	if len(missing) == 0 {
		return docs, nil
	}
	former, err := l.Versions(ctx, tx, missing...)
	if err != nil {
		return nil, err
	}
	for i := range docs {
		if docs[i] == nil {
			docs[i], former = former[0], former[1:]
		}
	}
	return docs, nil
}

// Versions returns the named versions of documents, in their order; [fault.ErrNotFound] if there is no
// such version. They must not be modified.
func (l *Library) Versions(ctx context.Context, tx store.Tx, pins ...Pin) ([]Document, error) {
	keys := each(pins, func(p Pin) string { return recordKey(p.Kind, p.ID) })
	numbered := each(pins, func(p Pin) string { return versionKey(p.Kind, p.ID, p.Version) })
	if err := tx.Prefetch(ctx, documents.Keys(keys...), versions.Keys(numbered...)); err != nil {
		return nil, err
	}
	records, err := documents.GetMany(ctx, tx, keys...)
	if err != nil {
		return nil, err
	}
	bodies, err := versions.GetMany(ctx, tx, numbered...)
	if err != nil {
		return nil, err
	}
	recordOf, versionOf := map[string]*record{}, map[string]*version{}
	for i := range records {
		recordOf[recordKey(records[i].Kind, records[i].ID)] = &records[i]
	}
	for i := range bodies {
		versionOf[bodies[i].key()] = &bodies[i]
	}
	docs := make([]Document, len(pins))
	for i, p := range pins {
		kind, ok := l.Kind(p.Kind)
		if !ok {
			return nil, fault.Invalid("kind", "%q is none of %v", p.Kind, l.names())
		}
		r, v := recordOf[keys[i]], versionOf[numbered[i]]
		switch {
		case r == nil:
			return nil, fault.NotFound(p.Kind, p.ID)
		case v == nil:
			return nil, fault.NotFound("version", numbered[i])
		}
		if docs[i], err = v.open(kind, r); err != nil {
			return nil, err
		}
	}
	return docs, nil
}
