package content

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

// A meeting is the versions that somebody will be on after a change who began at a moment.
type meeting struct {
	*change
	began time.Time
	// since is the last moment before which one of those that were found would have been another.
	since  time.Time
	opened map[string]Document // by the key of the version
}

// checkMeetings returns the fault in how a document of the change fits what those are on who get it in the middle
// of earlier versions: who began by now, if it is published with [Reopen]. Without, nobody does, unless the clock
// went back.
func (c *change) checkMeetings(ctx context.Context, tx *session.Tx, kind AnyKind, doc Document) error {
	own, ok := doc.(Meeting)
	if !ok {
		return nil
	}
	m := meeting{change: c, began: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), opened: map[string]Document{}}
	for c.reopen || !m.began.Before(tx.Now) {
		m.since = time.Time{}
		mine, err := m.find(ctx, tx, kind.Name(), doc.Head().ID)
		if err != nil || mine != doc {
			return err
		}
		err = own.Meets(func(kind, id string) (Document, error) { return m.find(ctx, tx, kind, id) })
		if err != nil || m.since.IsZero() {
			return m.explain(tx, err)
		}
		m.began = m.since.Add(-time.Microsecond)
	}
	return nil
}

// find returns the version of a document that somebody is on, nil if it was never published.
func (m *meeting) find(ctx context.Context, tx *session.Tx, kindName, id string) (Document, error) {
	key := recordKey(kindName, id)
	r, _, err := documents.Get(ctx, tx, key)
	if err != nil {
		return nil, err
	}
	marks := r.Marks
	changed, ours := m.docs[key]
	if ours {
		marks = append(slices.Clip(marks), mark{tx.Now, m.reopen})
	}
	on := since(marks, m.began)
	if on > 1 && !marks[on-1].Reopen && marks[on-1].At.After(m.since) {
		m.since = marks[on-1].At
	}
	switch {
	case on == 0:
		return nil, nil
	case ours && on == len(marks):
		return changed, nil
	}
	number := versionKey(kindName, id, on)
	if doc := m.opened[number]; doc != nil {
		return doc, nil
	}
	v, ok, err := versions.Get(ctx, tx, number)
	if err != nil || !ok {
		return nil, notFound(err, "version", number)
	}
	kind, _ := m.lib.Kind(kindName)
	doc, err := v.open(kind, &r)
	m.opened[number] = doc
	return doc, err
}

// explain adds to a fault whom it would befall.
func (m *meeting) explain(tx *session.Tx, err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || m.began.After(tx.Now) {
		return err
	}
	return &fault.Error{Kind: e.Kind, Field: e.Field, Reason: e.Reason + "; so it would be for who began by " +
		m.began.Format(time.RFC3339Nano) + " and is on versions of then"}
}
