package content

import (
	"context"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

// A PublishOption changes what [Documents.Publish] does.
type PublishOption string

// The options.
const (
	// Cascade publishes what the draft refers to first, where it has a draft that is not published, and
	// what that refers to, and so on.
	Cascade PublishOption = "cascade"
	// Reopen gives the new version also to those who are in the middle of an earlier one.
	Reopen PublishOption = "reopen"
)

// A change is what one call is about to put in force.
type change struct {
	lib    *Library
	drafts []draftOf           // in the order in which they are to be published
	docs   map[string]Document // the same by kind and id; nil for what is to be archived
	reopen bool
}

// draftOf is a draft with its record, and the place that errors name.
type draftOf struct {
	*record
	kind  AnyKind
	doc   Document
	field string
}

func newChange(l *Library) *change { return &change{lib: l, docs: map[string]Document{}} }

// add takes a draft into the change.
func (c *change) add(d draftOf) {
	c.drafts = append(c.drafts, d)
	c.docs[recordKey(d.Kind, d.ID)] = d.doc
}

// look returns the document that will be in force after the change, nil if none will.
func (c *change) look(ctx context.Context, tx *session.Tx, kindName, id string) (Document, error) {
	if doc, ok := c.docs[recordKey(kindName, id)]; ok {
		return doc, nil
	}
	r, ok, err := documents.Get(ctx, tx, recordKey(kindName, id))
	if err != nil || !ok || r.Live == nil {
		return nil, err
	}
	kind, _ := c.lib.Kind(kindName)
	return open(kind, &r, r.Live)
}

// check returns every fault in what a document of the change refers to, or else in how the document, and
// those that refer to it, directly or not, fit what will be in force.
func (c *change) check(ctx context.Context, tx *session.Tx, kind AnyKind, doc Document) error {
	var faults []error
	for _, ref := range doc.References() {
		if !c.lib.knows(ref.Kind) {
			continue
		}
		found, err := c.look(ctx, tx, ref.Kind, ref.ID)
		if err != nil {
			return err
		}
		if found == nil {
			faults = append(faults, c.dangling(ctx, tx, ref))
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	users, err := allUsersOf(ctx, tx, kind.Name(), doc.Head().ID)
	if err != nil {
		return err
	}
	if err := c.checkFit(ctx, tx, doc); err != nil {
		faults = append(faults, err)
	} else {
		faults = append(faults, c.checkMeetings(ctx, tx, kind, doc))
	}
	if b, ok := doc.(bound); ok {
		faults = append(faults, b.Binds(ctx, tx))
	}
	for _, u := range users {
		key := recordKey(u.Kind, u.ID)
		if _, ours := c.docs[key]; ours {
			continue // it is checked itself
		}
		user, err := c.look(ctx, tx, u.Kind, u.ID)
		if err != nil {
			return err
		}
		faults = append(faults, fault.In(key, c.checkFit(ctx, tx, user)))
	}
	return errors.Join(faults...)
}

// checkFit returns every fault in how a document fits those that it refers to.
func (c *change) checkFit(ctx context.Context, tx *session.Tx, doc Document) error {
	find := func(kind, id string) (Document, error) { return c.look(ctx, tx, kind, id) }
	err := fitsData(doc, find)
	if f, ok := doc.(Fitting); ok {
		err = errors.Join(err, f.Fits(find))
	}
	return err
}

// dangling says why a reference leads to nothing.
func (c *change) dangling(ctx context.Context, tx *session.Tx, ref Reference) error {
	why := "is not published"
	if _, ours := c.docs[recordKey(ref.Kind, ref.ID)]; ours {
		why = "is to be archived"
	} else if _, ok, err := documents.Get(ctx, tx, recordKey(ref.Kind, ref.ID)); err != nil {
		return err
	} else if !ok {
		why = "does not exist"
	}
	return fault.Invalid(ref.Field, "names %s %q, which %s", ref.Kind, ref.ID, why)
}

// commit makes every draft of the change the version in force.
func (c *change) commit(ctx context.Context, tx *session.Tx) error {
	if len(c.drafts) == 0 {
		return nil
	}
	var faults []error
	for _, d := range c.drafts {
		err := c.enforce(ctx, tx, d)
		faults = append(faults, fault.In(d.field, duplicate(d.kind, d.doc, err)))
	}
	return errors.Join(append(faults, touch(ctx, tx))...)
}

// enforce turns a draft into the next version.
func (c *change) enforce(ctx context.Context, tx *session.Tx, d draftOf) error {
	r := d.record
	if err := relink(ctx, tx, d.kind, r, d.doc); err != nil {
		return err
	}
	r.Version++
	r.Follows = ""
	if h := d.doc.Head(); h.SyncWithCatalog {
		r.Follows = h.CatalogWorkspaceID
	}
	at, err := moment(ctx, tx)
	if err != nil {
		return err
	}
	r.Marks = append(slices.Clip(r.Marks), mark{at, c.reopen})
	r.wake(at)
	r.Stage, r.Live = Published, r.Draft
	r.update(tx.Now, 0)
	if err := documents.Put(ctx, tx, *r); err != nil {
		return err
	}
	if seen := tx.Observed; seen != nil {
		seen.Published = append(seen.Published, session.Published{Kind: r.Kind, ID: r.ID, Version: r.Version})
	}
	return versions.Put(ctx, tx, version{
		Kind: r.Kind, ID: r.ID, Version: r.Version, Stage: Published, At: at, Actor: ActorOf(tx), Reopen: c.reopen, Body: r.Draft,
	})
}

// publish makes the draft the version in force.
func (l *Library) publish(ctx context.Context, tx *session.Tx, kind AnyKind, id string, options []PublishOption) (*record, error) {
	for _, o := range options {
		if o != Cascade && o != Reopen {
			return nil, fault.Invalid("options", "%q is none of cascade, reopen", o)
		}
	}
	r, err := find(ctx, tx, kind, id)
	if err != nil {
		return nil, err
	}
	switch r.Stage {
	case Archived:
		return nil, fault.Conflict(kind.Name(), "%q is archived", id)
	case Published:
		return nil, fault.Conflict(kind.Name(), "%q is published already and has no newer draft", id)
	case Draft:
	}
	c := newChange(l)
	c.reopen = slices.Contains(options, Reopen)
	if err := c.gather(ctx, tx, draftOf{record: r, kind: kind}, slices.Contains(options, Cascade)); err != nil {
		return nil, err
	}
	var faults []error
	for _, d := range c.drafts {
		faults = append(faults, fault.In(d.field, errors.Join(validate(d.doc), c.check(ctx, tx, d.kind, d.doc))))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return r, c.commit(ctx, tx)
}

// gather adds a draft to the change and, with cascade, before it the drafts that it refers to.
func (c *change) gather(ctx context.Context, tx *session.Tx, d draftOf, cascade bool) (err error) {
	if d.doc, err = open(d.kind, d.record, d.Draft); err != nil {
		return err
	}
	c.docs[recordKey(d.Kind, d.ID)] = d.doc // before its children, which may refer to it
	if cascade {
		for _, ref := range d.doc.References() {
			if err := c.gatherChild(ctx, tx, ref); err != nil {
				return err
			}
		}
	}
	c.add(d)
	return nil
}

// gatherChild gathers what a reference leads to, if it has a draft to be published.
func (c *change) gatherChild(ctx context.Context, tx *session.Tx, ref Reference) error {
	key := recordKey(ref.Kind, ref.ID)
	kind, known := c.lib.Kind(ref.Kind)
	if _, gathered := c.docs[key]; !known || gathered {
		return nil
	}
	child, ok, err := documents.Get(ctx, tx, key)
	if err != nil || !ok || child.Stage != Draft {
		return err
	}
	return c.gather(ctx, tx, draftOf{record: &child, kind: kind, field: key}, true)
}
