package learning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
)

// A program is the published paths, groups and rules of a workspace, compiled, for the engine. It may be
// used concurrently.
type program struct {
	mechanic.Plain[Change]

	docs    *content.Program
	lib     *content.Library
	past    mechanic.Past
	rules   mechanic.Assigners[*plan]
	unlocks map[string][]*plan // by the path that they open

	mu    sync.Mutex
	nodes map[content.Pin]*node // compiled so far; versions never change
}

// compile compiles what is published. were are all versions of rules. past is what an assignment counts of the activities before it was
// made.
func compile(docs *content.Program, were []*Rule, lib *content.Library, past mechanic.Past) (*program, error) {
	p := &program{docs: docs, lib: lib, past: past, unlocks: map[string][]*plan{}, nodes: map[content.Pin]*node{}}
	for _, r := range were {
		p.rules.Was(r.trigger())
	}
	var faults []error
	for _, r := range content.Live(docs, Rules) {
		pl, err := compileRule(r)
		faults = append(faults, err)
		pl.candidates = p.candidates(r)
		p.rules.Add(r.ID, pl, pl.on, docs.Current(Rules.Name(), r.ID))
		if r.RuleType == Unlock && r.AssignmentMode == OnEvent {
			p.unlocks[r.UnlockLearningPathID] = append(p.unlocks[r.UnlockLearningPathID], pl)
		}
	}
	return p, errors.Join(faults...)
}

// candidates returns the paths that a rule may assign, in the order of their creation.
func (p *program) candidates(r *Rule) []*Path {
	return slices.DeleteFunc(content.Live(p.docs, Paths), func(path *Path) bool {
		return !r.LearningPathsPool.Has(path.ID)
	})
}

// A node is a version of a path or a group, compiled. It is immutable.
type node struct {
	itemKey
	judgement
	version int
	lang    string // the document's default
	items   []Item
	held    map[itemKey]bool
	keys    []itemKey // what has progress in it: itself and its items
	path    *Path     // of a path
}

// An outline is a path or a group with all the groups below it, in the versions that a user is on.
type outline struct {
	root  *node
	nodes []*node // what is below comes first; the root is the last
	began Beginning
	left  []repeat
}

// A Beginning says since when a user has been on a path, and on which versions of it and of what it holds. It is zero
// until the user's first progress is counted.
type Beginning struct {
	// BeganAt is when the user made that progress. The user is on the versions of then, unless VersionsOf is set.
	BeganAt time.Time `json:"beganAt,omitzero"`
	// VersionsOf is when the progress was recorded, if documents had been published since it was made: what comes
	// late is judged by what is in force when it comes, and the user stays on these versions.
	VersionsOf time.Time `json:"versionsOf,omitzero"`
}

// versions returns the moment whose versions the user is on, zero for who has not begun.
func (b Beginning) versions() time.Time { return cmp.Or(b.VersionsOf, b.BeganAt) }

// beginning returns that of who makes the first progress in an outline at a moment, which is recorded now.
func (p *program) beginning(tx *session.Tx, o *outline, at time.Time) Beginning {
	b := Beginning{BeganAt: at}
	published := func(k itemKey) bool {
		return p.docs.Since(k.Type.kind(), k.ID, at) != p.docs.Since(k.Type.kind(), k.ID, tx.Now)
	}
	if slices.ContainsFunc(o.keys(), published) {
		b.VersionsOf = tx.Now
	}
	return b
}

// A repeat is a group that was left out of the items of another which it holds itself, in the versions that a
// user is on.
type repeat struct{ in, group itemKey }

// outlineOf returns the outline of a path or a group for who has begun it, zero for who begins now; nil if there is
// none for them.
func (p *program) outlineOf(ctx context.Context, tx *session.Tx, root itemKey, began Beginning) (*outline, error) {
	o := &outline{began: began}
	var err error
	o.root, err = p.unfold(ctx, tx, o, root, nil)
	if err != nil || o.root == nil {
		return nil, err
	}
	return o, nil
}

// unfold adds a document and the groups below it to the outline; above are those that hold it. Each is there
// once, and none is below itself: documents that would lead in a circle for somebody are refused when they are
// published, but what a store holds need not have been.
func (p *program) unfold(ctx context.Context, tx *session.Tx, o *outline, key itemKey, above []itemKey) (*node, error) {
	if i := slices.IndexFunc(o.nodes, func(n *node) bool { return n.itemKey == key }); i >= 0 {
		return o.nodes[i], nil
	}
	n, err := p.node(ctx, tx, key, o.began.versions())
	if err != nil || n == nil {
		return nil, err
	}
	above = append(slices.Clip(above), key)
	n = o.straighten(n, above)
	groups := n.groups()
	if err := p.recall(ctx, tx, groups); err != nil {
		return nil, err
	}
	for _, group := range groups {
		if _, err := p.unfold(ctx, tx, o, group, above); err != nil {
			return nil, err
		}
	}
	o.nodes = append(o.nodes, n)
	return n, nil
}

// straighten returns a node without the groups that hold it.
func (o *outline) straighten(n *node, above []itemKey) *node {
	circular := func(i Item) bool { return slices.Contains(above, i.key()) }
	if !slices.ContainsFunc(n.items, circular) {
		return n
	}
	for _, i := range n.items {
		if circular(i) {
			o.left = append(o.left, repeat{n.itemKey, i.key()})
		}
	}
	own := *n
	own.hold(slices.DeleteFunc(slices.Clone(n.items), circular))
	return &own
}

// report tells what was left out.
func (o *outline) report(tx *session.Tx) {
	for _, r := range o.left {
		tx.Report(r.in.Type.kind()+"/"+r.in.ID, "items", fmt.Sprintf("%s is left out, because it holds this one in the versions that the user is on", r.group))
	}
}

// node returns the version of a document that somebody is on who is on those of a moment, nil if there is none.
func (p *program) node(ctx context.Context, tx *session.Tx, key itemKey, of time.Time) (*node, error) {
	pin, ok, err := p.pin(ctx, tx, key, of)
	if err != nil || !ok {
		return nil, err
	}
	p.mu.Lock()
	n := p.nodes[pin]
	p.mu.Unlock()
	if n != nil {
		return n, nil
	}
	doc, err := p.document(ctx, tx, pin)
	if err != nil {
		return nil, err
	}
	if n, err = compileNode(key, doc); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.nodes[pin] = n
	p.mu.Unlock()
	return n, nil
}

// pin returns the version of a document that somebody is on who is on those of a moment, zero for who begins now;
// ok is false if there is none. A document that is out of use is there for those who began before.
func (p *program) pin(ctx context.Context, tx *session.Tx, key itemKey, of time.Time) (pin content.Pin, ok bool, err error) {
	pin = content.Pin{Kind: key.Type.kind(), ID: key.ID}
	if p.docs.Document(pin.Kind, pin.ID) == nil {
		if of.IsZero() {
			return pin, false, nil
		}
		if err := p.recall(ctx, tx, []itemKey{key}); err != nil {
			return pin, false, err
		}
	}
	if of.IsZero() {
		of = tx.Now
	}
	pin.Version = p.docs.Since(pin.Kind, pin.ID, of)
	return pin, pin.Version > 0, nil
}

// recall reads at once what [program.pin] has to know of documents that are out of use.
func (p *program) recall(ctx context.Context, tx *session.Tx, keys []itemKey) error {
	refs := make([]content.Reference, len(keys))
	for i, key := range keys {
		refs[i] = content.Reference{Kind: key.Type.kind(), ID: key.ID}
	}
	return p.docs.Recall(ctx, tx, refs...)
}

// document returns a version of a document.
func (p *program) document(ctx context.Context, tx *session.Tx, pin content.Pin) (content.Document, error) {
	docs, err := p.lib.Pinned(ctx, tx, p.docs, pin)
	if err != nil {
		return nil, err
	}
	return docs[0], nil
}

func compileNode(key itemKey, doc content.Document) (*node, error) {
	n := &node{itemKey: key, version: doc.Head().Version, lang: doc.Head().DefaultLang}
	var err error
	switch doc := doc.(type) {
	case *Path:
		n.path = doc
		n.hold(doc.Items)
		n.judgement, err = doc.compile(doc.source())
	case *Group:
		n.hold(doc.Items)
		n.judgement, err = doc.compile(doc.source())
	default:
		err = fmt.Errorf("learning: %s has no items", key)
	}
	return n, err
}

// hold sets the items of a node that is being made.
func (n *node) hold(items []Item) {
	n.items, n.held, n.keys = items, make(map[itemKey]bool, len(items)), make([]itemKey, 1, len(items)+1)
	n.keys[0] = n.itemKey
	for i := range items {
		item := items[i].key()
		n.held[item] = true
		n.keys = append(n.keys, item)
	}
}

// groups returns the groups among the items of a node.
func (n *node) groups() []itemKey {
	var groups []itemKey
	for i := range n.items {
		if n.items[i].ItemType == ItemGroup {
			groups = append(groups, n.items[i].key())
		}
	}
	return groups
}

// holds tells whether an item is in the outline, at any depth.
func (o *outline) holds(item itemKey) bool {
	return slices.ContainsFunc(o.nodes, func(n *node) bool { return n.held[item] })
}

// holdsBelow tells whether an item is below a parent; no parent is the whole outline.
func (o *outline) holdsBelow(item itemKey, parent content.Parent) bool {
	var parents []content.Parent
	if parent != (content.Parent{}) {
		parents = []content.Parent{parent}
	}
	return slices.ContainsFunc(o.nodes, func(n *node) bool { return n.held[item] && o.below(parents, n) })
}

// below tells whether a node is one of the parents or below one; no parents are the whole outline.
func (o *outline) below(parents []content.Parent, n *node) bool {
	if len(parents) == 0 {
		return true
	}
	// What holds a node comes after it.
	var held []*node
	for _, above := range o.nodes[slices.Index(o.nodes, n):] {
		if above != n && !slices.ContainsFunc(held, func(below *node) bool { return above.held[below.itemKey] }) {
			continue
		}
		if slices.Contains(parents, content.Parent{ParentID: above.ID, ParentType: content.ParentType(above.Type)}) {
			return true
		}
		held = append(held, above)
	}
	return false
}

// keys returns what has progress in the outline: its nodes and their items.
func (o *outline) keys() []itemKey {
	if len(o.nodes) == 1 {
		return o.root.keys
	}
	var keys []itemKey
	for _, n := range o.nodes {
		keys = append(keys, n.keys...)
	}
	return keys
}
