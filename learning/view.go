package learning

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Status says how far a user is with something, in the words that clients show.
type Status string

// The statuses.
const (
	StatusNotStarted Status = "NOT_STARTED"
	StatusInProgress Status = "IN_PROGRESS"
	StatusCompleted  Status = "COMPLETED"
)

// Status returns the status of progress.
func (p Progress) Status() Status {
	switch p {
	case "":
		return StatusNotStarted
	case Complete:
		return StatusCompleted
	default:
		return StatusInProgress
	}
}

// An Overview says how far a user is with a path or a group.
type Overview struct {
	Status  Status        `json:"status"`
	Outcome event.Outcome `json:"outcome,omitempty"`
	// Total is how many items it has for the user, Completed how many of them are done, and
	// Percentage that part of 100, rounded down.
	Total      int            `json:"total"`
	Completed  int            `json:"completed"`
	Percentage int            `json:"percentage"`
	Items      []ItemProgress `json:"items,omitempty"`
	At
	StartedAt   time.Time `json:"startedAt,omitzero"`
	CompletedAt time.Time `json:"completedAt,omitzero"`
}

// An AssignedPath is an assignment with its path as the user is on it.
type AssignedPath struct {
	Assignment Assignment `json:"assignment"`
	// Path is in one language, and of the version that the user is on.
	Path     Path     `json:"learningPath"`
	Progress Overview `json:"progress"`
	// Items are what the path holds, if it was asked for; otherwise empty.
	Items []AssignedItem `json:"items,omitempty"`
}

// An AssignedItem is an item as a user is on it: its content in one language, of the version named. Of the
// five documents the one of its type is set. A quiz hides the correct answer and the explanation until no
// answer of the user could count any more.
type AssignedItem struct {
	ItemProgress
	Version int `json:"version"`
	// Answer is what the user answered to a quiz.
	Answer   content.Option    `json:"answer,omitempty"`
	Quiz     *content.Quiz     `json:"quiz,omitempty"`
	Slide    *content.Slide    `json:"slide,omitempty"`
	Story    *content.Story    `json:"story,omitempty"`
	Activity *content.Activity `json:"activity,omitempty"`
	Group    *Group            `json:"learningGroup,omitempty"`
	// Overview says how far the user is with a group; nil for what is none.
	Overview *Overview `json:"overview,omitempty"`
	// Items are those of a group.
	Items []AssignedItem `json:"items,omitempty"`
}

// A reader resolves assignments of one user into what the user sees. It reads the logs of all of them at
// once, and then all documents that are not in force any more.
type reader struct {
	p     *program
	user  *tenancy.User
	lang  string // asked for; "" is the user's
	items bool
	books map[string]*book // by context
	docs  map[content.Pin]content.Document
}

func (p *program) reader(u *tenancy.User, lang string, items bool) *reader {
	return &reader{p: p, user: u, lang: lang, items: items, books: map[string]*book{}, docs: map[content.Pin]content.Document{}}
}

// read returns what the user sees of assignments. Those whose path is gone for the user are left out.
func (r *reader) read(ctx context.Context, tx *session.Tx, list []Assignment) ([]AssignedPath, error) {
	roots := make([]itemKey, len(list))
	for i, a := range list {
		roots[i] = itemKey{ItemPath, a.PathID}
	}
	if err := r.p.recall(ctx, tx, roots); err != nil {
		return nil, err
	}
	outlines := make([]*outline, len(list))
	for i, a := range list {
		var err error
		if outlines[i], err = r.p.outlineOf(ctx, tx, roots[i], a.Beginning); err != nil {
			return nil, err
		}
	}
	for i, a := range list {
		if r.books[a.Context] == nil {
			r.books[a.Context] = &book{user: r.user, context: a.Context}
		}
		if outlines[i] != nil {
			r.books[a.Context].want(r.wanted(outlines[i]))
		}
	}
	if err := fetch(ctx, tx, slices.Collect(maps.Values(r.books))...); err != nil {
		return nil, err
	}
	if err := r.readDocuments(ctx, tx, outlines); err != nil {
		return nil, err
	}
	var paths []AssignedPath
	for i, a := range list {
		if outlines[i] == nil {
			continue
		}
		path, err := r.path(ctx, tx, a.at(tx.Now), outlines[i])
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// wanted names the logs of an outline that are shown: those of the path and its items, or of all that is in it.
func (r *reader) wanted(o *outline) []itemKey {
	if r.items {
		return o.keys()
	}
	return o.root.keys
}

// readDocuments reads the versions of what is in outlines.
func (r *reader) readDocuments(ctx context.Context, tx *session.Tx, outlines []*outline) error {
	if !r.items {
		return nil
	}
	outlines = slices.DeleteFunc(slices.Clone(outlines), func(o *outline) bool { return o == nil })
	var keys []itemKey
	for _, o := range outlines {
		keys = append(keys, o.keys()...)
	}
	if err := r.p.recall(ctx, tx, keys); err != nil {
		return err
	}
	var wanted []content.Pin
	for _, o := range outlines {
		for _, key := range o.keys() {
			pin, ok, err := r.p.pin(ctx, tx, key, o.began.versions())
			if err != nil {
				return err
			}
			if _, known := r.docs[pin]; known || !ok {
				continue
			}
			r.docs[pin] = nil // which is not asked for twice
			wanted = append(wanted, pin)
		}
	}
	docs, err := r.p.lib.Pinned(ctx, tx, r.p.docs, wanted...)
	if err != nil {
		return err
	}
	for i, pin := range wanted {
		r.docs[pin] = docs[i]
	}
	return nil
}

// path returns what the user sees of an assignment.
func (r *reader) path(ctx context.Context, tx *session.Tx, a Assignment, o *outline) (AssignedPath, error) {
	b := r.books[a.Context]
	doc, err := r.localized(o.root.path)
	if err != nil {
		return AssignedPath{}, err
	}
	out := AssignedPath{Assignment: a, Path: *doc.(*Path), Progress: b.overview(o, o.root)}
	if r.items {
		out.Items, err = r.itemsOf(ctx, tx, b, o, o.root)
	}
	return out, err
}

// overview returns how far the user is with a node of an outline.
func (b *book) overview(o *outline, n *node) Overview {
	items := b.items(o, n)
	v := Overview{Status: StatusNotStarted, Total: len(items), Items: items, At: at(items)}
	for _, i := range items {
		if i.Progress == Complete {
			v.Completed++
		}
	}
	if v.Total > 0 {
		v.Percentage = 100 * v.Completed / v.Total
	}
	if r := b.rows[n.itemKey]; r != nil {
		v.Status, v.Outcome, v.StartedAt, v.CompletedAt = r.Progress.Status(), r.Outcome, r.StartedAt, r.CompletedAt
	}
	return v
}

// itemsOf returns what the user sees of the items of a node.
func (r *reader) itemsOf(ctx context.Context, tx *session.Tx, b *book, o *outline, n *node) ([]AssignedItem, error) {
	var items []AssignedItem
	for _, progress := range b.items(o, n) {
		item, err := r.assigned(ctx, tx, b, o, progress)
		if err != nil {
			return nil, err
		}
		if item.Version > 0 {
			items = append(items, item)
		}
	}
	return items, nil
}

// assigned returns what the user sees of something in an outline with which the user is that far, with what it
// holds; the zero value if it is gone for the user.
func (r *reader) assigned(ctx context.Context, tx *session.Tx, b *book, o *outline, progress ItemProgress) (AssignedItem, error) {
	key := itemKey{progress.ItemType, progress.ItemID}
	pin, ok, err := r.p.pin(ctx, tx, key, o.began.versions())
	if err != nil || !ok {
		return AssignedItem{}, err
	}
	item, err := r.item(b.rows[key], r.docs[pin])
	if err != nil {
		return AssignedItem{}, err
	}
	item.ItemProgress, item.Version = progress, pin.Version
	if i := slices.IndexFunc(o.nodes, func(n *node) bool { return n.itemKey == key }); i >= 0 {
		item.Overview = new(b.overview(o, o.nodes[i]))
		item.Items, err = r.itemsOf(ctx, tx, b, o, o.nodes[i])
	}
	return item, err
}

// item returns a document as the user sees it whose log is given, nil if there is none.
func (r *reader) item(log *row, doc content.Document) (item AssignedItem, err error) {
	if doc, err = r.localized(doc); err != nil {
		return item, err
	}
	switch doc := doc.(type) {
	case *content.Quiz:
		item.Quiz = doc
		if log != nil {
			item.Answer = log.Answer
		}
		if item.Answer == "" || log.open(doc) {
			hide(doc)
		}
	case *content.Slide:
		item.Slide = doc
	case *content.Story:
		item.Story = doc
	case *content.Activity:
		item.Activity = doc
	case *Group:
		item.Group = doc
	}
	return item, nil
}

// hide removes what a user may not know of a quiz before the answer.
func hide(q *content.Quiz) {
	q.CorrectAnswer = ""
	for i := range q.Translations {
		q.Translations[i].Explanation = ""
	}
}

// localized returns a copy of a document that has but the translation that serves the user.
func (r *reader) localized(doc content.Document) (content.Document, error) {
	asked := r.lang
	if asked == "" {
		asked = r.user.Lang
	}
	lang, err := content.PickLang(asked, doc.Languages(), doc.Head().DefaultLang)
	if err != nil {
		return nil, err
	}
	switch doc := doc.(type) {
	case *content.Quiz:
		return localize(*doc, lang), nil
	case *content.Slide:
		return localize(*doc, lang), nil
	case *content.Story:
		return localize(*doc, lang), nil
	case *content.Activity:
		return localize(*doc, lang), nil
	case *Group:
		own := localize(*doc, lang)
		own.Title, own.Description, own.Image = own.Translations[0].shown(own.Title, own.Description, own.Image)
		return own, nil
	case *Path:
		own := localize(*doc, lang)
		own.Title, own.Description, own.Image = own.Translations[0].shown(own.Title, own.Description, own.Image)
		return own, nil
	}
	return doc, nil
}

// localize returns a pointer to doc, a copy, with one translation.
func localize[T any, P interface {
	*T
	content.Localized
}](doc T, lang string) P {
	own := P(&doc)
	own.Localize(lang)
	return own
}

// shown returns the texts in the language, and those of the document where it has none.
func (t Title) shown(title, description, image string) (string, string, string) {
	if t.Title != "" {
		title = t.Title
	}
	if t.Description != "" {
		description = t.Description
	}
	if t.Image != "" {
		image = t.Image
	}
	return title, description, image
}

// versions returns the versions that a user is on in an outline.
func (p *program) versions(ctx context.Context, tx *session.Tx, o *outline) ([]content.Pin, error) {
	keys := o.keys()
	if err := p.recall(ctx, tx, keys); err != nil {
		return nil, err
	}
	unique := map[content.Pin]bool{}
	for _, key := range keys {
		pin, ok, err := p.pin(ctx, tx, key, o.began.versions())
		if err != nil {
			return nil, err
		}
		if ok {
			unique[pin] = true
		}
	}
	return slices.SortedFunc(maps.Keys(unique), comparePins), nil
}
