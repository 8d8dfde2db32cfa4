package learning

import (
	"context"
	"fmt"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

// A Child is an item of a group or a path that is made together with it: exactly one of the four.
type Child struct {
	// Reference names a document that is there already.
	Reference *Item
	Slide     *content.Slide
	Quiz      *content.Quiz
	Group     *NewGroup
	// Languages are those whose learners have the item; none means all. A reference has its own.
	Languages []string
}

// NewGroup is a group with the items that are made together with it. They follow the items that the group
// has itself.
type NewGroup struct {
	Group
	Children []Child
}

// NewPath is a path with the items that are made together with it. They follow the items that the path has
// itself.
type NewPath struct {
	Path
	Children []Child
}

// CreateGroup makes a group and its children, those of groups among them included, all or nothing, and returns
// the group. With publish it also publishes them. Errors name the child at fault ("items[2].question") and
// are those of [content.Documents.Create] and [content.Documents.Publish].
func (s Service) CreateGroup(ctx context.Context, n NewGroup, publish bool) (Group, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (Group, error) { return s.maker(tx, publish).group(ctx, n, 1) })
}

// CreatePath is [Service.CreateGroup] for a path.
func (s Service) CreatePath(ctx context.Context, n NewPath, publish bool) (Path, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (doc Path, err error) {
		m := s.maker(tx, publish)
		doc = n.Path
		if doc.Items, err = m.items(ctx, doc.Items, n.Children, 0); err != nil {
			return Path{}, err
		}
		return made(ctx, m.paths, doc, publish)
	})
}

// maker returns what makes documents in a transaction.
func (s Service) maker(tx *session.Tx, publish bool) maker {
	join := func(_ context.Context, fn session.Func) error { return fn(tx) }
	run := session.NewRunner(join, join)
	return maker{
		slides: content.NewDocuments(run, s.lib, content.Slides), quizzes: content.NewDocuments(run, s.lib, content.Quizzes),
		groups: content.NewDocuments(run, s.lib, Groups), paths: content.NewDocuments(run, s.lib, Paths), publish: publish,
	}
}

// A maker makes documents in one transaction.
type maker struct {
	slides  content.Documents[content.Slide]
	quizzes content.Documents[content.Quiz]
	groups  content.Documents[Group]
	paths   content.Documents[Path]
	publish bool
}

// group makes a group with its children, depth groups deep.
func (m maker) group(ctx context.Context, n NewGroup, depth int) (Group, error) {
	if depth > MaxNesting {
		return Group{}, fault.Invalid("", "is a group inside %d others, at most %d may be one inside the other", depth-1, MaxNesting)
	}
	g := n.Group
	items, err := m.items(ctx, g.Items, n.Children, depth)
	if err != nil {
		return Group{}, err
	}
	g.Items = items
	return made(ctx, m.groups, g, m.publish)
}

// items makes the children of what is depth groups deep, and returns its own items with them.
func (m maker) items(ctx context.Context, own []Item, children []Child, depth int) ([]Item, error) {
	if len(children) > MaxItems-len(own) {
		return nil, fault.Invalid("items", "are %d, at most %d are allowed", len(own)+len(children), MaxItems)
	}
	all := append([]Item(nil), own...) // the caller's is not modified
	for i, c := range children {
		item, err := m.child(ctx, c, depth)
		if err != nil {
			return nil, fault.In(fmt.Sprintf("items[%d]", len(own)+i), err)
		}
		all = append(all, item)
	}
	return all, nil
}

// child makes a child, unless it is there already.
func (m maker) child(ctx context.Context, c Child, depth int) (Item, error) {
	given := 0
	for _, is := range []bool{c.Reference != nil, c.Slide != nil, c.Quiz != nil, c.Group != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return Item{}, fault.Invalid("", "is %d things, but must be one: a reference, a slide, a quiz or a group", given)
	}
	switch {
	case c.Slide != nil:
		doc, err := made(ctx, m.slides, *c.Slide, m.publish)
		return Item{doc.ID, ItemSlide, c.Languages}, err
	case c.Quiz != nil:
		doc, err := made(ctx, m.quizzes, *c.Quiz, m.publish)
		return Item{doc.ID, ItemQuiz, c.Languages}, err
	case c.Group != nil:
		doc, err := m.group(ctx, *c.Group, depth+1)
		return Item{doc.ID, ItemGroup, c.Languages}, err
	}
	if len(c.Languages) > 0 {
		return Item{}, fault.Invalid("languages", "are for what is made; a reference has its own")
	}
	return *c.Reference, nil
}

// made creates a document, and publishes it if it is to be.
func made[T any, P interface {
	*T
	content.Document
}](ctx context.Context, docs content.Documents[T], doc T, publish bool) (T, error) {
	doc, err := docs.Create(ctx, doc)
	if err == nil && publish {
		doc, err = docs.Publish(ctx, P(&doc).Head().ID)
	}
	return doc, err
}
