package content

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A bundle is a workspace's published documents as one JSON value:
//
//	{"documents": [{"kind": "Activity", "id": "commit", "name": "Commit", …}, …]}
//
// Each document has the fields of its kind beside "kind".
type bundle struct {
	Documents []json.RawMessage `json:"documents"`
}

// parsed is a document of a bundle with its kind and its place, for errors.
type parsed struct {
	kind  AnyKind
	doc   Document
	field string
}

func (l *Library) parseBundle(data []byte) ([]parsed, error) {
	var b bundle
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return nil, fault.Invalid("bundle", "%v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Invalid("bundle", "has more than one JSON value")
	}
	var all []parsed
	var faults []error
	for i, raw := range b.Documents {
		field := fmt.Sprintf("documents[%d]", i)
		p, err := l.parseDocument(raw)
		if err != nil {
			faults = append(faults, fault.In(field, err))
			continue
		}
		p.field = field
		if slices.ContainsFunc(all, func(q parsed) bool { return q.kind == p.kind && q.doc.Head().ID == p.doc.Head().ID }) {
			faults = append(faults, fault.Invalid(field, "%s %q occurs twice", p.kind.Name(), p.doc.Head().ID))
		}
		all = append(all, p)
	}
	return all, errors.Join(faults...)
}

func (l *Library) parseDocument(raw []byte) (parsed, error) {
	var fields map[string]json.RawMessage
	var name string
	if err := json.Unmarshal(raw, &fields); err != nil {
		return parsed{}, fault.Invalid("", "is not an object: %v", err)
	}
	if err := json.Unmarshal(fields["kind"], &name); err != nil {
		return parsed{}, fault.Invalid("kind", "is missing")
	}
	kind, ok := l.Kind(name)
	if !ok {
		return parsed{}, fault.Invalid("kind", "%q is none of %v", name, l.names())
	}
	delete(fields, "kind")
	body, err := json.Marshal(fields)
	if err != nil {
		return parsed{}, err
	}
	doc, err := kind.parse(body)
	return parsed{kind: kind, doc: doc}, err
}

func (l *Library) names() []string { return each(l.kinds, AnyKind.Name) }

// Import creates or updates every document of the bundle and publishes it, all or nothing. A document
// that is in force with the same content stays as it is. Every fault is reported, with the place of
// the document: [fault.ErrInvalid] for what is malformed or names a document that is not published.
// It returns how many documents were published.
func (l *Library) Import(ctx context.Context, tx *session.Tx, data []byte) (int, error) {
	docs, err := l.parseBundle(data)
	if err != nil {
		return 0, err
	}
	var faults []error
	published := 0
	for _, p := range docs {
		changed, err := l.replace(ctx, tx, p.kind, p.doc)
		if err != nil {
			faults = append(faults, fault.In(p.field, err))
		}
		if changed {
			published++
		}
	}
	if err := errors.Join(faults...); err != nil {
		return 0, err
	}
	// References may lead forwards, so they are followed when all documents are there.
	for _, p := range docs {
		faults = append(faults, fault.In(p.field, l.dangling(ctx, tx, p.doc)))
	}
	return published, errors.Join(faults...)
}

// replace makes doc the version in force and tells whether it was not.
func (l *Library) replace(ctx context.Context, tx *session.Tx, kind AnyKind, doc Document) (bool, error) {
	old, exists, err := documents.Get(ctx, tx, recordKey(kind.Name(), doc.Head().ID))
	if err != nil {
		return false, err
	}
	base := &old
	if !exists {
		base = nil
	}
	r, err := draft(tx, kind, doc, base)
	if err != nil {
		return false, err
	}
	if exists && old.Stage == Published && bytes.Equal(r.Draft, old.Live) {
		return false, nil
	}
	return true, duplicate(kind, doc, l.enforce(ctx, tx, &r))
}

// Export returns the documents in force as a bundle: kinds in the library's order, then by id. The
// same program always gives the same bytes.
func (l *Library) Export(ctx context.Context, tx *session.Tx) ([]byte, error) {
	records, err := documents.List(ctx, tx, store.By("live"))
	if err != nil {
		return nil, err
	}
	out := bundle{Documents: []json.RawMessage{}}
	for _, kind := range l.kinds {
		for i := range records {
			if records[i].Kind != kind.Name() {
				continue
			}
			raw, err := tagged(kind, records[i].Live)
			if err != nil {
				return nil, err
			}
			out.Documents = append(out.Documents, raw)
		}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	return append(b, '\n'), err
}

// tagged puts the kind's name first into a document's JSON.
func tagged(kind AnyKind, body json.RawMessage) (json.RawMessage, error) {
	name, err := json.Marshal(kind.Name())
	if err != nil {
		return nil, err
	}
	return slices.Concat([]byte(`{"kind":`), name, []byte(`,`), body[1:]), nil
}
