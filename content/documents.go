package content

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// Documents is the service for the documents of one kind in one workspace. What it returns carries the warnings of the
// moment ([Header]), unless it is a version of a history. The zero value refuses every call. It may be used
// concurrently.
type Documents[T any] struct {
	taggable
	lib  *Library
	kind *Kind[T]
}

// NewDocuments returns the service for a kind of the library.
func NewDocuments[T any](run session.Runner, lib *Library, kind *Kind[T]) Documents[T] {
	there := func(ctx context.Context, tx *session.Tx, id string) error {
		_, err := find(ctx, tx, kind, id)
		return err
	}
	return Documents[T]{taggable{run, kind.name, there}, lib, kind}
}

// Create adds a draft and returns it. It returns [fault.ErrInvalid] for every field at fault, and
// [fault.ErrExists] if the id, or a value that must be unique, is taken.
func (d Documents[T]) Create(ctx context.Context, doc T) (T, error) {
	return d.write(ctx, func(tx *session.Tx) (*record, error) {
		own := doc // fn may run again
		return create(ctx, tx, d.kind, any(&own).(Document))
	})
}

// Update replaces the draft of the document with doc's id. What is published stays in force until the
// next Publish. It returns [fault.ErrNotFound], [fault.ErrInvalid], or [fault.ErrConflict] if the
// document is archived.
//
// A document that is written back as it was read says by its header of which state it is. If somebody else has changed it
// since, nothing is overwritten: it is a [StaleError], a [fault.ErrConflict] that says who, when and what differs. A document without
// UpdatedAt says nothing, and replaces whatever there is.
func (d Documents[T]) Update(ctx context.Context, doc T) (T, error) {
	return d.write(ctx, func(tx *session.Tx) (*record, error) {
		own := doc
		return update(ctx, tx, d.kind, any(&own).(Document))
	})
}

// Unchanged returns the [StaleError] with which [Documents.Update] would refuse a document that was read, nil if it would not, and
// [fault.ErrNotFound] if it is not there. Who publishes or archives what somebody has looked at asks before, in the same transaction.
func (d Documents[T]) Unchanged(ctx context.Context, doc T) error {
	_, err := session.Read(ctx, d.run, func(tx *session.Tx) (bool, error) {
		own := any(&doc).(Document)
		r, err := find(ctx, tx, d.kind, own.Head().ID)
		if err == nil {
			err = unchanged(ctx, tx, d.kind, own, r)
		}
		return err == nil, err
	})
	return err
}

// Publish makes the draft the next version, which is in force from now on; see [PublishOption] for what
// the options do. It returns [fault.ErrInvalid] if the draft names a document that is not published, and
// [fault.ErrConflict] if there is no draft newer than the published version, or the document is archived.
// A draft that does not fit what it refers to is [fault.ErrInvalid] too; with [Reopen], also one that does not fit
// the earlier versions of these that somebody may be on in the middle.
//
// With [Cascade] all drafts are published or none: every fault of the others is reported, with their kind
// and id ("Quiz/fruit.storyId").
func (d Documents[T]) Publish(ctx context.Context, id string, options ...PublishOption) (T, error) {
	return d.write(ctx, func(tx *session.Tx) (*record, error) { return d.lib.publish(ctx, tx, d.kind, id, options) })
}

// Archive takes the document out of use. What runs because of it goes on. It returns [fault.ErrConflict]
// if the document is archived already, or if other documents in force refer to it, naming them.
func (d Documents[T]) Archive(ctx context.Context, id string) (T, error) {
	return d.write(ctx, func(tx *session.Tx) (*record, error) { return archive(ctx, tx, d.kind, id) })
}

// Unarchive makes an archived document a draft, to be published again.
func (d Documents[T]) Unarchive(ctx context.Context, id string) (T, error) {
	return d.write(ctx, func(tx *session.Tx) (*record, error) { return unarchive(ctx, tx, d.kind, id) })
}

// Get returns the newest state of the document, draft or published; [fault.ErrNotFound] if there is none.
func (d Documents[T]) Get(ctx context.Context, id string) (T, error) {
	return session.Read(ctx, d.run, func(tx *session.Tx) (T, error) {
		r, err := find(ctx, tx, d.kind, id)
		if err != nil {
			var none T
			return none, err
		}
		return d.open(ctx, d.lib.view(tx), r, r.Draft)
	})
}

// GetMany returns the newest states of up to [MaxItems] documents, in the order of their ids here. One that is not there is left out.
func (d Documents[T]) GetMany(ctx context.Context, ids ...string) ([]T, error) {
	if len(ids) > MaxItems {
		return nil, fault.Invalid("ids", "are %d, at most %d are allowed", len(ids), MaxItems)
	}
	return session.Read(ctx, d.run, func(tx *session.Tx) ([]T, error) {
		rs, err := documents.GetMany(ctx, tx, each(ids, func(id string) string { return recordKey(d.kind.name, id) })...)
		if err != nil {
			return nil, err
		}
		return d.openAll(ctx, d.lib.view(tx), len(rs), func(i int) (*record, json.RawMessage) { return &rs[i], rs[i].Draft })
	})
}

// List returns the documents that the filter picks, in the order of their last update, newest first, and
// the token of the next page, "" if there is none. Each is in its newest state, draft or published, unless the
// filter says otherwise. It returns [fault.ErrInvalid] for a filter that is none, such as a state if the kind has
// no timeframe.
func (d Documents[T]) List(ctx context.Context, filter Filter, page store.Page) (docs []T, next string, err error) {
	_, timed := any(new(T)).(Timed)
	if err := filter.validate(d.kind, timed); err != nil {
		return nil, "", err
	}
	return session.ReadPage(ctx, d.run, func(tx *session.Tx) ([]T, string, error) { return d.list(ctx, tx, filter, page) })
}

// Live returns the versions in force of documents, by their ids; those that are not in force are missing. They have no warnings. However many
// they are, they are read together.
func (d Documents[T]) Live(ctx context.Context, ids ...string) (map[string]T, error) {
	return session.ReadFresh(ctx, d.run, func(tx *session.Tx) (map[string]T, error) {
		p, err := d.lib.inForce(ctx, tx)
		if err != nil {
			return nil, err
		}
		found := make(map[string]T, len(ids))
		for _, id := range ids {
			if doc := Find(p, d.kind, id); doc != nil {
				own := session.Own(tx.Types, *doc)
				compute(tx, any(&own).(Document))
				found[id] = own
			}
		}
		return found, nil
	})
}

func (d Documents[T]) list(ctx context.Context, tx *session.Tx, filter Filter, page store.Page) (docs []T, next string, err error) {
	var broken error
	rs, next, err := documents.PageWhere(ctx, tx, store.By("updated", store.Text(d.kind.name)), page, func(r *record) bool {
		ok, err := d.picks(filter, tx, r)
		broken = errors.Join(broken, err)
		return ok
	})
	if err = errors.Join(err, broken); err != nil {
		return nil, "", err
	}
	docs, err = d.openAll(ctx, d.lib.view(tx), len(rs), func(i int) (*record, json.RawMessage) { return filter.shown(&rs[i]) })
	return docs, next, err
}

// picks tells whether a filter picks a document.
func (d Documents[T]) picks(f Filter, tx *session.Tx, r *record) (bool, error) {
	if !f.wants(r) {
		return false, nil
	}
	if f.State == "" {
		return true, nil
	}
	r, body := f.shown(r)
	doc, err := open(d.kind, r, body)
	if err != nil {
		return false, err
	}
	return any(doc).(Timed).State(tx.Now) == f.State, nil
}

// ReferringTo returns the documents in force that refer to another document, by id, and the token of the next
// page: the quizzes of a story, the rules that pay a currency. It returns [fault.ErrNotFound] if there is
// no document of that kind and id.
func (d Documents[T]) ReferringTo(ctx context.Context, kind, id string, page store.Page) (docs []T, next string, err error) {
	return session.ReadPage(ctx, d.run, func(tx *session.Tx) ([]T, string, error) {
		named, known := d.lib.Kind(kind)
		if !known {
			return nil, "", fault.Invalid("kind", "%q is none of %v", kind, d.lib.names())
		}
		if _, err := find(ctx, tx, named, id); err != nil {
			return nil, "", err
		}
		users, next, err := links.PageOf(ctx, tx, store.Prefix(recordKey(kind, id)+"/"+d.kind.name+"/"), page)
		if err != nil {
			return nil, "", err
		}
		rs, err := documents.GetMany(ctx, tx, each(users, func(l link) string { return recordKey(l.Kind, l.ID) })...)
		if err != nil {
			return nil, "", err
		}
		docs, err := d.openAll(ctx, d.lib.view(tx), len(rs), func(i int) (*record, json.RawMessage) { return rs[i].published(), rs[i].Live })
		return docs, next, err
	})
}

// ReferringToAny returns the documents in force that refer to each of up to [store.MaxPage] documents of a kind, by those documents' ids and
// for each by their own, up to [MaxItems] of each. One that nothing refers to, or that is not there, has no entry. It is three round
// trips, however many there are.
func (d Documents[T]) ReferringToAny(ctx context.Context, kind string, ids ...string) (map[string][]T, error) {
	if len(ids) > store.MaxPage {
		return nil, fault.Invalid("ids", "are %d, at most %d are allowed", len(ids), store.MaxPage)
	}
	return session.Read(ctx, d.run, func(tx *session.Tx) (map[string][]T, error) {
		if !d.lib.knows(kind) {
			return nil, fault.Invalid("kind", "%q is none of %v", kind, d.lib.names())
		}
		queries := each(ids, func(id string) store.Query {
			return store.Prefix(recordKey(kind, id) + "/" + d.kind.name + "/").First(MaxItems)
		})
		if err := tx.Prefetch(ctx, each(queries, links.Rows)...); err != nil {
			return nil, err
		}
		var keys, named []string // of who refers, and to whom
		for i, q := range queries {
			users, err := links.List(ctx, tx, q)
			if err != nil {
				return nil, err
			}
			for _, l := range users {
				keys, named = append(keys, recordKey(l.Kind, l.ID)), append(named, ids[i])
			}
		}
		rs, err := documents.GetMany(ctx, tx, keys...)
		if err != nil {
			return nil, err
		}
		docs, err := d.openAll(ctx, d.lib.view(tx), len(rs), func(i int) (*record, json.RawMessage) { return rs[i].published(), rs[i].Live })
		all := map[string][]T{}
		for i := range docs {
			all[named[i]] = append(all[named[i]], docs[i])
		}
		return all, err
	})
}

func (d Documents[T]) write(ctx context.Context, fn func(*session.Tx) (*record, error)) (T, error) {
	return session.Write(ctx, d.run, func(tx *session.Tx) (T, error) {
		r, err := fn(tx)
		if err != nil {
			var none T
			return none, err
		}
		return d.open(ctx, d.lib.view(tx), r, r.Draft)
	})
}

func (d Documents[T]) open(ctx context.Context, in View, r *record, body json.RawMessage) (T, error) {
	docs, err := d.openAll(ctx, in, 1, func(int) (*record, json.RawMessage) { return r, body })
	if err != nil {
		var none T
		return none, err
	}
	return docs[0], nil
}

// openAll returns n documents as callers see them, of records and their bodies.
func (d Documents[T]) openAll(ctx context.Context, in View, n int, at func(int) (*record, json.RawMessage)) ([]T, error) {
	opened := make([]Document, n)
	for i := range opened {
		r, body := at(i)
		var err error
		if opened[i], err = open(d.kind, r, body); err != nil {
			return nil, err
		}
		compute(in.tx, opened[i])
	}
	warnings, err := in.warnings(ctx, opened...)
	if err != nil {
		return nil, err
	}
	docs := make([]T, n)
	for i, doc := range opened {
		doc.Head().Warnings = warnings[i]
		docs[i] = *any(doc).(*T)
	}
	return docs, nil
}
