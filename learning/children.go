package learning

import (
	"context"
	"fmt"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

// A Child is an item of a group that is made together with it: exactly one of the four.
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

// CreateGroup makes a group and its children, those of groups among them included, all or nothing, and returns
// the group. With publish it also publishes them. Errors name the child at fault ("items[2].question") and
// are those of [content.Documents.Create] and [content.Documents.Publish].
func (s Service) CreateGroup(ctx context.Context, n NewGroup, publish bool) (Group, error) {
	return session.Write(ctx, s.run, func(tx *session.Tx) (Group, error) {
		join := func(_ context.Context, fn session.Func) error { return fn(tx) }
		run := session.NewRunner(join, join)
		m := maker{
			slides: content.NewDocuments(run, s.lib, content.Slides), quizzes: content.NewDocuments(run, s.lib, content.Quizzes),
			groups: content.NewDocuments(run, s.lib, Groups), publish: publish,
		}
		return m.group(ctx, n, 1)
	})
}

// A maker makes documents in one transaction.
type maker struct {
	slides  content.Documents[content.Slide]
	quizzes content.Documents[content.Quiz]
	groups  content.Documents[Group]
	publish bool
}

// group makes a group with its children, depth groups deep.
func (m maker) group(ctx context.Context, n NewGroup, depth int) (Group, error) {
	if depth > MaxNesting {
		return Group{}, fault.Invalid("", "is a group inside %d others, at most %d may be one inside the other", depth-1, MaxNesting)
	}
	g := n.Group
	own := len(g.Items)
	if len(n.Children) > MaxItems-own {
		return Group{}, fault.Invalid("items", "are %d, at most %d are allowed", own+len(n.Children), MaxItems)
	}
	g.Items = append([]Item(nil), g.Items...) // the caller's is not modified
	for i, c := range n.Children {
		item, err := m.child(ctx, c, depth)
		if err != nil {
			return Group{}, fault.In(fmt.Sprintf("items[%d]", own+i), err)
		}
		g.Items = append(g.Items, item)
	}
	return made(ctx, m.groups, g, m.publish)
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
