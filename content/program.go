package content

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// A Program is what is published in a workspace at one moment. It never changes and may be used concurrently.
type Program struct {
	// Edition names this state of the program: it differs from every other's, also of other workspaces.
	Edition string
	// Life is how many workspaces of this name were erased before: what one had is nothing to the next.
	Life int
	// At is when it came in force, zero of one that is not in force.
	At time.Time
	// Settled is the moment before which what happened in the workspace stays as it is, zero if there is none.
	Settled time.Time
	at      time.Time // of [Library.LoadAt]
	docs    map[string][]Document
	byID    map[string]Document
	marks   map[string][]mark
	tags    map[string][]tagSet
	later   map[string]bool // what [Program.With] has added

	mu       sync.Mutex
	recalled map[string][]mark // of what is not in force; publishing it would make another program
}

// Live returns the published documents of a kind in the order in which rules apply: by creation, then
// id. They must not be modified.
func Live[T any](p *Program, kind *Kind[T]) []*T {
	docs := make([]*T, 0, len(p.docs[kind.name]))
	for _, doc := range p.docs[kind.name] {
		docs = append(docs, any(doc).(*T))
	}
	return docs
}

// Document returns the published document of a kind and an id, nil if there is none. It must not be modified.
func (p *Program) Document(kind, id string) Document { return p.byID[recordKey(kind, id)] }

// Documents returns the documents of a kind that are in force, in the order in which they apply. They must not be modified.
func (p *Program) Documents(kind string) []Document { return p.docs[kind] }

// Version returns a version of a document if it is the one in force, otherwise nil. It must not be modified.
func (p *Program) Version(pin Pin) Document {
	doc := p.Document(pin.Kind, pin.ID)
	if doc == nil || doc.Head().Version != pin.Version {
		return nil
	}
	return doc
}

// Find returns the published document with the given id, nil if there is none. It must not be modified.
func Find[T any](p *Program, kind *Kind[T], id string) *T {
	doc, _ := any(p.Document(kind.name, id)).(*T)
	return doc
}

// EntityTags returns the tags that a document carried at a moment, ordered by id. Before it was published
// for the first time, they are those that it had then.
func (p *Program) EntityTags(kind, id string, at time.Time) []string {
	states := p.tags[recordKey(kind, id)]
	for i := range slices.Backward(states) {
		if i == 0 || !states[i].since.After(at) {
			return states[i].tags
		}
	}
	return nil
}

// tagSet is the tags that a document carries from a moment on, until the next.
type tagSet struct {
	since time.Time
	tags  []string
}

// timeline returns the tags of one document in the course of time, beginning with those that it had when it
// was first published; without that time, with the first ones.
func timeline(assigned []assignment, published time.Time) []tagSet {
	var moments []time.Time
	if !published.IsZero() {
		moments = append(moments, published)
	}
	for i := range assigned {
		for _, at := range assigned[i].changes() {
			if at.After(published) {
				moments = append(moments, at)
			}
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	moments = slices.CompactFunc(moments, time.Time.Equal)
	return each(moments, func(at time.Time) tagSet {
		t := tagSet{since: at}
		for i := range assigned {
			if assigned[i].at(at) {
				t.tags = append(t.tags, assigned[i].TagID)
			}
		}
		return t
	})
}

// Edition returns the name of the workspace's present program, "" if nothing was ever published. It
// is one read by key. It returns [fault.ErrNotFound] if the workspace was deleted.
func Edition(ctx context.Context, tx store.Tx) (string, error) {
	e, err := present(ctx, tx)
	return e.name(), err
}

// present returns the workspace's edition, or [fault.ErrNotFound] if the workspace was deleted.
func present(ctx context.Context, tx store.Tx) (edition, error) {
	e, _, err := editions.Get(ctx, tx, programKey)
	if err == nil && e.Closed {
		err = fault.NotFound("workspace", tx.Scope().String())
	}
	return e, err
}

// Writable returns [fault.ErrConflict] if nobody may write to the workspace. It reads what [Edition] does.
func Writable(ctx context.Context, tx store.Tx) error {
	e, _, err := editions.Get(ctx, tx, programKey)
	switch {
	case err != nil || !e.Shut:
		return err
	case e.Holder != "":
		return fault.Conflict("workspace", "%q is being restored, which is not complete", tx.Scope())
	}
	return fault.Conflict("workspace", "%q is closed", tx.Scope())
}

// Reading names what [Edition] reads, for a prefetch.
func Reading() store.Read { return editions.Keys(programKey) }

// Load reads the workspace's program.
func (l *Library) Load(ctx context.Context, tx store.Tx) (*Program, error) {
	e, err := present(ctx, tx)
	if err != nil {
		return nil, err
	}
	_, since, err := EditionAt(ctx, tx, forever)
	if err != nil {
		return nil, err
	}
	records, err := documents.List(ctx, tx, store.By("live"))
	if err != nil {
		return nil, err
	}
	p, err := l.assemble(ctx, tx, e.name(), records, func(kind AnyKind, r *record) (Document, error) { return open(kind, r.published(), r.Live) })
	if err == nil {
		p.At, p.Life, p.Settled = since, e.Life, e.Settled
	}
	return p, err
}

// forever is after all moments.
var forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// With returns the program, which is that of a moment, with the documents of some kinds that came in force for the first
// time later: those of another program that it has not.
func (p *Program) With(other *Program, kinds ...string) *Program {
	out := &Program{
		Edition: p.Edition, At: p.At, Settled: p.Settled, at: p.at, docs: maps.Clone(p.docs), byID: maps.Clone(p.byID), marks: maps.Clone(p.marks), tags: p.tags,
		later: map[string]bool{}, recalled: map[string][]mark{},
	}
	for _, kind := range kinds {
		for _, doc := range other.docs[kind] {
			key := recordKey(kind, doc.Head().ID)
			if out.byID[key] != nil || !other.Published(kind, doc.Head().ID).After(p.at) { // it rested then
				continue
			}
			out.later[key] = true
			out.docs[kind] = append(slices.Clip(out.docs[kind]), doc)
			out.byID[key], out.marks[key] = doc, other.marks[key]
		}
		slices.SortFunc(out.docs[kind], func(a, b Document) int { return a.Head().Compare(b.Head()) })
	}
	return out
}

// Published returns when a document that is in force was published for the first time, zero if it is not in force.
func (p *Program) Published(kind, id string) time.Time {
	if marks := p.marks[recordKey(kind, id)]; len(marks) > 0 {
		return marks[0].At
	}
	return time.Time{}
}

// Current returns when the version of a document that is in force was published, zero if none is.
func (p *Program) Current(kind, id string) time.Time {
	if marks := p.marks[recordKey(kind, id)]; len(marks) > 0 {
		return marks[len(marks)-1].At
	}
	return time.Time{}
}

// Newer tells whether a document of some kinds came in force for the first time after a moment.
func (p *Program) Newer(at time.Time, kinds ...string) bool {
	return slices.ContainsFunc(kinds, func(kind string) bool {
		return slices.ContainsFunc(p.docs[kind], func(d Document) bool { return p.Published(kind, d.Head().ID).After(at) })
	})
}

// Later tells whether a document came in force after the program's moment.
func (p *Program) Later(kind, id string) bool { return p.later[recordKey(kind, id)] }

// assemble makes a program of what choose returns for each record, where nil is nothing.
func (l *Library) assemble(
	ctx context.Context, tx store.Tx, edition string, records []record, choose func(AnyKind, *record) (Document, error),
) (*Program, error) {
	p := &Program{
		Edition: edition, docs: map[string][]Document{}, byID: map[string]Document{}, marks: map[string][]mark{}, tags: map[string][]tagSet{},
		recalled: map[string][]mark{},
	}
	for i := range records {
		r := &records[i]
		kind, ok := l.Kind(r.Kind)
		if !ok {
			return nil, fmt.Errorf("content: document %s/%s is of a kind that this program does not know", r.Kind, r.ID)
		}
		doc, err := choose(kind, r)
		if err != nil {
			return nil, err
		}
		if doc == nil {
			continue
		}
		p.docs[r.Kind] = append(p.docs[r.Kind], doc)
		p.byID[recordKey(r.Kind, r.ID)] = doc
		p.marks[recordKey(r.Kind, r.ID)] = r.Marks
	}
	for _, docs := range p.docs {
		slices.SortFunc(docs, func(a, b Document) int { return a.Head().Compare(b.Head()) })
	}
	assigned, err := assignments.List(ctx, tx, store.Query{})
	if err != nil {
		return nil, err
	}
	byEntity := map[string][]assignment{}
	for _, a := range assigned { // in the order of keys: entity, then tag
		key := recordKey(a.EntityType, a.EntityID)
		byEntity[key] = append(byEntity[key], a)
	}
	for key, tags := range byEntity {
		var first time.Time
		if marks := p.marks[key]; len(marks) > 0 {
			first = marks[0].At
		}
		p.tags[key] = timeline(tags, first)
	}
	return p, nil
}
