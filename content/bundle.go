package content

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A bundle is a workspace's published documents as one JSON value, as [Library.Import] describes it.
type bundle struct {
	// Schema names what editors check the bundle by; nobody else reads it.
	Schema    string            `json:"$schema,omitempty"`
	Documents []json.RawMessage `json:"documents"`
}

// parsed is a document of a bundle with its kind and its place, for errors.
type parsed struct {
	kind  AnyKind
	doc   Document
	tags  []tenancy.Tagging // nil: the bundle does not say
	field string
}

func (l *Library) parseBundle(data []byte) ([]parsed, error) {
	b, err := readBundle(data)
	if err != nil {
		return nil, err
	}
	var all []parsed
	var faults []error
	seen := map[string]bool{}
	for i, raw := range b.Documents {
		field := fmt.Sprintf("documents[%d]", i)
		p, err := l.parseDocument(raw)
		if err != nil {
			faults = append(faults, fault.In(field, err))
			continue
		}
		p.field = field
		key := recordKey(p.kind.Name(), p.doc.Head().ID)
		if seen[key] {
			faults = append(faults, fault.Invalid(field, "%s %q occurs twice", p.kind.Name(), p.doc.Head().ID))
		}
		seen[key] = true
		all = append(all, p)
	}
	return all, errors.Join(faults...)
}

// readBundle reads a bundle, but not its documents.
func readBundle(data []byte) (bundle, error) {
	if n := len(data); n > MaxBundle {
		return bundle{}, fault.Invalid("bundle", "is %d bytes long, at most %d are allowed", n, MaxBundle)
	}
	if err := checkSyntax(data); err != nil {
		return bundle{}, fault.In("bundle", err)
	}
	if bytes.TrimSpace(data)[0] != '{' {
		return bundle{}, fault.Invalid("bundle", "must be an object, not %s", excerpt(data))
	}
	var b bundle
	if err := decode(data, &b); err != nil {
		return bundle{}, cmp.Or(explain("bundle", data, reflect.TypeFor[bundle]()), err)
	}
	// An encoder may write null for no documents, but what has no such field is something else.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return bundle{}, err
	}
	delete(fields, "$schema")
	if len(fields) == 0 {
		return bundle{}, fault.Invalid("documents", "are missing; a bundle is {\"documents\": [ … ]}")
	}
	return b, nil
}

// Join returns bundles as one, with the documents of each in the order in which they are given. One that cannot be read is
// [fault.ErrInvalid], with its place ("bundles[1].documents"); the documents are looked at where the bundle is used.
func Join(bundles ...[]byte) ([]byte, error) {
	all := bundle{Documents: []json.RawMessage{}}
	var faults []error
	for i, data := range bundles {
		b, err := readBundle(data)
		faults = append(faults, fault.In(fmt.Sprintf("bundles[%d]", i), err))
		all.Documents = append(all.Documents, b.Documents...)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

func (l *Library) parseDocument(raw []byte) (parsed, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return parsed{}, fault.Invalid("", "must be an object, not %s", excerpt(raw))
	}
	if len(fields["kind"]) == 0 {
		return parsed{}, fault.Invalid("kind", "is missing")
	}
	var name string
	if err := json.Unmarshal(fields["kind"], &name); err != nil {
		return parsed{}, fault.Invalid("kind", "must be a text, not %s", excerpt(fields["kind"]))
	}
	kind, ok := l.Kind(name)
	if !ok {
		return parsed{}, fault.Invalid("kind", "%q is none of %v", name, l.names())
	}
	tags, err := parseTags(fields["tags"])
	if err != nil {
		return parsed{}, err
	}
	delete(fields, "kind")
	delete(fields, "tags")
	body, err := json.Marshal(fields)
	if err != nil {
		return parsed{}, err
	}
	doc, err := kind.parse(body)
	return parsed{kind: kind, doc: doc, tags: tags}, err
}

// parseTags reads the tags of a document, nil if it has no such field.
func parseTags(raw json.RawMessage) ([]tenancy.Tagging, error) {
	if raw == nil {
		return nil, nil
	}
	tags := []tenancy.Tagging{}
	if err := decode(raw, &tags); err != nil {
		return nil, cmp.Or(fault.In("tags", explain("", raw, reflect.TypeFor[[]tenancy.Tagging]())), err)
	}
	return tags, tenancy.CheckTaggings("tags", tags, MaxTags)
}

// An ImportOption changes what [Library.Import] does.
type ImportOption string

// Prune makes the bundle all there is: documents in force that it does not hold are archived, and a document that does not say which tags
// it carries carries none. Drafts that were never published stay.
const Prune ImportOption = "prune"

// Imported says what came of a bundle: of which documents, by kind and id ("Activity/commit").
type Imported struct {
	// Created are those that were not in force before, Changed those that were with another content or other tags, and Unchanged
	// the others, in the order of the bundle.
	Created   []string `json:"created,omitempty"`
	Changed   []string `json:"changed,omitempty"`
	Unchanged []string `json:"unchanged,omitempty"`
	// Archived are those that the bundle does not hold, with [Prune], in the order of [Library.Export].
	Archived []string `json:"archived,omitempty"`
	// Warnings are those of all documents of the bundle, each with its place in it.
	Warnings []Warning `json:"warnings,omitempty"`
}

func (l *Library) names() []string { return each(l.kinds, AnyKind.Name) }

// Import creates or updates every document of the bundle and publishes it, all or nothing. A bundle is JSON:
//
//	{"documents": [{"kind": "Activity", "id": "commit", "name": "Commit", …}, …]}
//
// Beside the documents it may have "$schema", for editors. Each document has the fields of its kind beside "kind", and optionally "tags", the tags that it carries and no
// others: [{"tagId": "outdoor", "priority": 1}, …]. Rules of a kind apply in the order in which they stand. A
// document that is in force with the same content stays as it is, and so does one that the bundle does not hold, unless the
// bundle is all there is ([Prune]).
//
// Every fault is reported, with the place of the document: [fault.ErrInvalid] for what is malformed or names a
// document that is not published, or that is to be archived; and [fault.ErrConflict] if a document that is to be archived is needed by another
// one in force.
func (l *Library) Import(ctx context.Context, tx *session.Tx, data []byte, options ...ImportOption) (Imported, error) {
	for _, o := range options {
		if o != Prune {
			return Imported{}, fault.Invalid("options", "%q is not prune", o)
		}
	}
	docs, err := l.parseBundle(data)
	if err != nil {
		return Imported{}, err
	}
	c := newChange(l)
	var pruned []draftOf
	if len(options) > 0 {
		if pruned, err = l.pruning(ctx, tx, docs); err != nil {
			return Imported{}, err
		}
	}
	var done Imported
	for _, d := range pruned {
		key := recordKey(d.Kind, d.ID)
		c.docs[key], done.Archived = nil, append(done.Archived, key)
	}
	var faults []error
	fates := make([]fate, len(docs))
	for i, p := range docs {
		fates[i], err = c.replace(ctx, tx, p, i)
		faults = append(faults, fault.In(p.field, err))
	}
	if err := errors.Join(faults...); err != nil {
		return Imported{}, err
	}
	// References may lead forwards, so they are followed when all documents are known.
	for _, p := range docs {
		faults = append(faults, fault.In(p.field, errors.Join(c.check(ctx, tx, p.kind, p.doc), c.checkTags(ctx, tx, p.tags))))
	}
	if err := errors.Join(faults...); err != nil {
		return Imported{}, err
	}
	if err := c.commit(ctx, tx); err != nil {
		return Imported{}, err
	}
	for i := range docs {
		p := &docs[i]
		other, err := retag(ctx, tx, p)
		if err != nil {
			return Imported{}, err
		}
		if other {
			fates[i] = max(fates[i], changed)
		}
		of := [...]*[]string{same: &done.Unchanged, changed: &done.Changed, created: &done.Created}[fates[i]]
		*of = append(*of, recordKey(p.kind.Name(), p.doc.Head().ID))
	}
	if err := retire(ctx, tx, pruned...); err != nil {
		return Imported{}, err
	}
	found, err := l.view(tx).warnings(ctx, each(docs, func(p parsed) Document { return p.doc })...)
	for i, warnings := range found {
		for _, w := range warnings {
			done.Warnings = append(done.Warnings, Warning{docs[i].field + "." + w.Field, w.Reason})
		}
	}
	return done, err
}

// fate is what becomes of a document of a bundle.
type fate int

const (
	same fate = iota
	changed
	created
)

// pruning returns what is in force when a bundle is, and is not in it, as far as it would be exported. It lets the
// documents of the bundle carry no tags of which it does not say.
func (l *Library) pruning(ctx context.Context, tx *session.Tx, bundled []parsed) ([]draftOf, error) {
	records, err := liveRecords(ctx, tx)
	if err != nil {
		return nil, err
	}
	docs, err := l.opened(records)
	if err != nil {
		return nil, err
	}
	for i := range bundled {
		p := &bundled[i]
		docs[recordKey(p.kind.Name(), p.doc.Head().ID)] = p.doc
		if p.tags == nil {
			p.tags = []tenancy.Tagging{}
		}
	}
	l.keepWhole(docs)
	for _, p := range bundled {
		delete(docs, recordKey(p.kind.Name(), p.doc.Head().ID))
	}
	var all []draftOf
	for _, kind := range l.kinds {
		for i := range records {
			if r := &records[i]; r.Kind == kind.Name() && docs[recordKey(r.Kind, r.ID)] != nil {
				all = append(all, draftOf{record: r, kind: kind})
			}
		}
	}
	return all, nil
}

// Bundle returns documents as a bundle, in their order. It returns [fault.ErrInvalid] for one that is of no kind of
// the library.
func (l *Library) Bundle(docs ...Document) ([]byte, error) {
	out := bundle{Documents: make([]json.RawMessage, len(docs))}
	for i, doc := range docs {
		at := slices.IndexFunc(l.kinds, func(k AnyKind) bool { return k.holds(doc) })
		if at < 0 {
			return nil, fault.Invalid(fmt.Sprintf("documents[%d]", i), "%T is none of %v", doc, l.names())
		}
		body, err := plain(l.kinds[at], doc)
		if err != nil {
			return nil, err
		}
		if out.Documents[i], err = tagged(l.kinds[at], nil, body); err != nil {
			return nil, err
		}
	}
	return encode(out)
}

// plain returns a document as JSON, without what there was to warn of when it was read.
func plain(kind AnyKind, doc Document) (json.RawMessage, error) {
	body, err := json.Marshal(doc)
	if err != nil || len(doc.Head().Warnings) == 0 {
		return body, err
	}
	own, err := kind.parse(body)
	if err != nil {
		return nil, err
	}
	own.Head().Warnings = nil
	return json.Marshal(own)
}

// encode writes a bundle for people to read.
func encode(b bundle) ([]byte, error) {
	text, err := json.MarshalIndent(b, "", "  ")
	return append(text, '\n'), err
}

// checkTags refuses tags that will not be in force after the change.
func (c *change) checkTags(ctx context.Context, tx *session.Tx, tags []tenancy.Tagging) error {
	var faults []error
	for i, t := range tags {
		tag, err := c.look(ctx, tx, Tags.name, t.TagID)
		if err != nil {
			return err
		}
		if tag == nil {
			faults = append(faults, fault.Invalid(fmt.Sprintf("tags[%d].tagId", i), "names Tag %q, which is not published", t.TagID))
		}
	}
	return errors.Join(faults...)
}

// retag makes a document carry the tags that its bundle says, and tells whether it carried others.
func retag(ctx context.Context, tx *session.Tx, p *parsed) (bool, error) {
	if p.tags == nil {
		return false, nil
	}
	kind, id := p.kind.Name(), p.doc.Head().ID
	old, err := assignments.List(ctx, tx, store.Prefix(assignedTo(kind, id)))
	if err != nil {
		return false, err
	}
	var changed []assignment
	for _, o := range old {
		if o.Until.IsZero() && !slices.ContainsFunc(p.tags, func(t tenancy.Tagging) bool { return t.TagID == o.TagID }) {
			changed = append(changed, o.remove(tx.Now))
		}
	}
	for _, t := range p.tags {
		var kept assignment
		if i := slices.IndexFunc(old, func(o assignment) bool { return o.TagID == t.TagID }); i >= 0 {
			kept = old[i]
		}
		switch {
		case kept.TagID == "" || !kept.Until.IsZero():
			changed = append(changed, kept.assign(TagAssignment{TagID: t.TagID, EntityType: kind, EntityID: id, Priority: t.Priority}, tx.Now))
		case kept.Priority != t.Priority:
			changed = append(changed, kept.prioritise(t.Priority, tx.Now))
		}
	}
	if len(changed) == 0 {
		return false, nil
	}
	return true, errors.Join(assignments.Put(ctx, tx, changed...), touch(ctx, tx))
}

// replace adds a document to the change unless it is in force already. A new document's rule applies
// after those of the documents that stand before it in the bundle, whose place is given.
func (c *change) replace(ctx context.Context, tx *session.Tx, p parsed, place int) (fate, error) {
	old, exists, err := documents.Get(ctx, tx, recordKey(p.kind.Name(), p.doc.Head().ID))
	if err != nil {
		return same, err
	}
	base := &old
	if !exists {
		base = nil
	}
	r, err := draft(tx, p.kind, p.doc, base)
	if err != nil {
		return same, err
	}
	if !exists {
		r.CreatedAt = tx.Now.Add(time.Duration(place) * time.Microsecond)
	}
	if old.Stage == Published && bytes.Equal(r.Draft, old.Live) {
		return same, nil
	}
	c.add(draftOf{&r, p.kind, p.doc, p.field})
	if old.Live == nil {
		return created, nil
	}
	return changed, nil
}

// Export returns the documents in force as a bundle, with the tags in force that they carry: kinds in the
// library's order, then in the order in which rules apply. The same program always gives the same bytes.
// A document that outlives one that it refers to is left out, because nobody could import it.
func (l *Library) Export(ctx context.Context, tx store.Tx) ([]byte, error) {
	records, err := liveRecords(ctx, tx)
	if err != nil {
		return nil, err
	}
	carried, err := assignments.List(ctx, tx, store.By("present"))
	if err != nil {
		return nil, err
	}
	docs, err := l.opened(records)
	if err != nil {
		return nil, err
	}
	l.keepWhole(docs)
	tags := map[string][]tenancy.Tagging{}
	for _, a := range carried {
		if docs[recordKey(Tags.name, a.TagID)] != nil {
			key := recordKey(a.EntityType, a.EntityID)
			tags[key] = append(tags[key], tenancy.Tagging{TagID: a.TagID, Priority: a.Priority})
		}
	}
	out := bundle{Documents: []json.RawMessage{}}
	for _, kind := range l.kinds {
		for i := range records {
			key := recordKey(records[i].Kind, records[i].ID)
			if records[i].Kind != kind.Name() || docs[key] == nil {
				continue
			}
			raw, err := tagged(kind, tags[key], records[i].Live)
			if err != nil {
				return nil, err
			}
			out.Documents = append(out.Documents, raw)
		}
	}
	return encode(out)
}

// liveRecords returns those of the documents in force in the order in which rules apply.
func liveRecords(ctx context.Context, tx store.Tx) ([]record, error) {
	records, err := documents.List(ctx, tx, store.By("live"))
	slices.SortFunc(records, func(a, b record) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return records, err
}

// opened returns documents in force by kind and id.
func (l *Library) opened(records []record) (map[string]Document, error) {
	docs := map[string]Document{}
	for i := range records {
		r := &records[i]
		kind, ok := l.Kind(r.Kind)
		if !ok {
			continue
		}
		doc, err := open(kind, r, r.Live)
		if err != nil {
			return nil, err
		}
		docs[recordKey(r.Kind, r.ID)] = doc
	}
	return docs, nil
}

// keepWhole removes documents that refer to what is not among them.
func (l *Library) keepWhole(docs map[string]Document) {
	lost := func(ref Reference) bool { return l.knows(ref.Kind) && docs[recordKey(ref.Kind, ref.ID)] == nil }
	for before := -1; before != len(docs); {
		before = len(docs)
		maps.DeleteFunc(docs, func(_ string, doc Document) bool { return slices.ContainsFunc(doc.References(), lost) })
	}
}

// tagged puts the kind's name and the tags first into a document's JSON.
func tagged(kind AnyKind, tags []tenancy.Tagging, body json.RawMessage) (json.RawMessage, error) {
	head, err := json.Marshal(struct {
		Kind string            `json:"kind"`
		Tags []tenancy.Tagging `json:"tags,omitempty"`
	}{kind.Name(), tags})
	if err != nil {
		return nil, err
	}
	return slices.Concat(head[:len(head)-1], []byte(`,`), body[1:]), nil
}
