package learning

import (
	"context"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Change is what an event did to somebody's learning: it moved an item, a group or a path, or it made or
// opened an assignment.
type Change struct {
	UserID  string `json:"userId"`
	Context string `json:"context"`
	// ItemType, ItemID and Version name what moved, or the path that was assigned or unlocked.
	ItemType ItemType `json:"itemType"`
	ItemID   string   `json:"itemId"`
	Version  int      `json:"version"`
	// Progress and Outcome are those after the event.
	Progress Progress      `json:"progress,omitempty"`
	Outcome  event.Outcome `json:"outcome,omitempty"`
	// StartedAt and CompletedAt are when the log was begun and, if it is COMPLETE, completed.
	StartedAt   time.Time `json:"startedAt,omitzero"`
	CompletedAt time.Time `json:"completedAt,omitzero"`
	// The parent is that of the log of an item ([Log]), and Difficulty that of a quiz, by the last answer.
	content.Parent
	Difficulty content.Difficulty `json:"difficulty,omitempty"`
	// Tags are the ids of those that a path carried when it was begun.
	Tags []string `json:"tags,omitempty"`
	// Moved says that the log is as far as it was, since other moments, below another parent, or of another difficulty.
	Moved bool `json:"moved,omitempty"`
	// Undone says that something does not follow after all: the log is not as far, or the assignment is not there or
	// locked again.
	Undone bool `json:"undone,omitempty"`
	// Gone says that there is no such log or assignment after all; only with Undone.
	Gone bool `json:"gone,omitempty"`
	// Assigned or Unlocked is set on what happened to an assignment, because of the rule.
	Assigned     bool   `json:"assigned,omitempty"`
	Unlocked     bool   `json:"unlocked,omitempty"`
	AssignmentID string `json:"learningPathAssignmentId,omitempty"`
	RuleID       string `json:"learningPathRuleId,omitempty"`
	RuleVersion  int    `json:"learningPathRuleVersion,omitempty"`
}

// changed returns that a log moved as far as a progress and an outcome, perhaps on its way to where it is.
func (p *program) changed(r *row, to Progress, outcome event.Outcome) Change {
	c := Change{
		UserID: r.UserID, Context: r.Context, ItemType: r.ItemType, ItemID: r.ItemID, Version: r.Version, Progress: to, Outcome: outcome,
		StartedAt: r.StartedAt, Parent: r.Parent, Difficulty: r.Difficulty,
	}
	if to == Complete {
		c.CompletedAt = r.CompletedAt
	}
	if r.ItemType == ItemPath {
		c.Tags = p.docs.EntityTags(Paths.Name(), r.ItemID, r.StartedAt)
	}
	return c
}

// book is the logs of a user in a context, as far as they have been read.
type book struct {
	user    *tenancy.User
	context string
	rows    map[itemKey]*row // nil where there is none
	missing []string         // the keys of those that are wanted and not read yet
}

// want names logs for [fetch] to read.
func (b *book) want(items []itemKey) {
	if b.rows == nil {
		b.rows = make(map[itemKey]*row, len(items))
	}
	b.missing = slices.Grow(b.missing, len(items))
	for _, item := range items {
		if _, known := b.rows[item]; !known {
			b.rows[item] = nil
			b.missing = append(b.missing, logKey(b.user.ID, b.context, item))
		}
	}
}

// fetch reads what is wanted of books, each of a context of its own, all at once.
func fetch(ctx context.Context, tx *session.Tx, books ...*book) error {
	byContext := make(map[string]*book, len(books))
	var keys []string
	for _, b := range books {
		byContext[b.context] = b
		keys = append(keys, b.missing...)
		b.missing = nil
	}
	found, err := logs.GetMany(ctx, tx, keys...)
	for i := range found {
		byContext[found[i].Context].rows[found[i].key()] = &found[i]
	}
	return err
}

// settle brings the logs of the groups and paths of outlines into step with those of their items, in a
// user's context, and causes an event for each that moved. It is all that ever moves them.
func (p *program) settle(ctx context.Context, tx *session.Tx, u *tenancy.User, learnContext string, outlines []*outline, at time.Time) error {
	b := &book{user: u, context: learnContext}
	for _, o := range outlines {
		b.want(o.keys())
	}
	if err := fetch(ctx, tx, b); err != nil {
		return err
	}
	vars := u.Vars()
	for _, o := range outlines {
		o.report(tx)
		for _, n := range o.nodes {
			if err := p.settleNode(ctx, tx, b, o, n, vars, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// settleNode brings the log of one group or path into step. It never goes back.
func (p *program) settleNode(ctx context.Context, tx *session.Tx, b *book, o *outline, n *node, vars map[string]any, at time.Time) error {
	old := b.rows[n.itemKey]
	r, further := b.next(tx, o, n, vars)
	if !further {
		return nil
	}
	if r.BeganAt.IsZero() {
		r.Beginning = p.beginning(tx, o, at)
	}
	e := r.moved(old)
	r.EventID = e.ID
	tx.Cause(e)
	b.rows[n.itemKey] = &r
	if err := logs.Put(ctx, tx, r); err != nil || n.Type != ItemPath {
		return err
	}
	return p.pathMoved(ctx, tx, &r, n.path)
}

// next returns the log of a node as its items have it, and whether that is further than it is.
func (b *book) next(tx *session.Tx, o *outline, n *node, user map[string]any) (r row, further bool) {
	items := b.items(o, n)
	if !begun(items) {
		return r, false // no rule may say otherwise
	}
	s := n.fold(tx, user, items)
	if old := b.rows[n.itemKey]; old != nil {
		r = *old
	} else {
		r.ItemType, r.ItemID = n.Type, n.ID
		r.UserID, r.Context, r.Lang, r.Beginning = b.user.ID, b.context, b.langOf(o), o.began
	}
	if !s.progress.beyond(r.Progress) {
		return r, false
	}
	r.Version, r.Progress, r.Outcome, r.StartedAt, r.MovedAt = n.version, s.progress, s.outcome, s.startedAt, s.movedAt
	if r.Progress == Complete {
		r.CompletedAt = s.movedAt
	}
	return r, true
}

// items returns how far the user is with the items of a node, those that are meant for the user.
func (b *book) items(o *outline, n *node) []ItemProgress {
	lang := b.langOf(o)
	items := make([]ItemProgress, 0, len(n.items))
	for i := range n.items {
		item := &n.items[i]
		if !item.meantFor(lang) {
			continue
		}
		p := ItemProgress{ItemID: item.ItemID, ItemType: item.ItemType}
		if r := b.rows[item.key()]; r != nil && o.below(r.Parents, n) {
			p = r.item()
		}
		items = append(items, p)
	}
	return items
}

// langOf returns the language in which the user began an outline, or would begin it now.
func (b *book) langOf(o *outline) string {
	switch r := b.rows[o.root.itemKey]; {
	case r != nil && r.Lang != "":
		return r.Lang
	case b.user.Lang != "":
		return b.user.Lang
	}
	return o.root.lang
}

// moved returns the event of a log that has moved; old is the log before, nil if there was none.
func (r *row) moved(old *row) event.Event {
	e := event.Event{
		ID: stepID(r.key(), r.UserID, r.Context, string(r.Progress)), Type: entities[r.ItemType], EntityID: r.ItemID, UserID: r.UserID, At: r.MovedAt,
		Value: new(decimal.NewFromInt(1)), Progress: string(r.Progress), Outcome: r.Outcome,
		Fields: map[string]any{"context": r.Context, "lang": r.Lang, "startedAt": mechanic.Stamp(r.StartedAt)},
	}
	if r.ParentID != "" {
		e.Fields["parentId"], e.Fields["parentType"] = r.ParentID, string(r.ParentType)
	}
	if old != nil {
		before := map[string]any{"progress": string(old.Progress), "context": old.Context, "startedAt": mechanic.Stamp(old.StartedAt)}
		if old.Outcome != "" {
			before["outcome"] = string(old.Outcome)
		}
		e.Fields["previousEvent"] = before
	}
	return e
}

// pathMoved lets the assignments of a path, and the user's statistics, know how far it has come.
func (p *program) pathMoved(ctx context.Context, tx *session.Tx, r *row, path *Path) error {
	mine, err := assignments.List(ctx, tx, ofContext(r.UserID, r.Context))
	if err != nil {
		return err
	}
	for _, a := range mine {
		if a.PathID != r.ItemID {
			continue
		}
		a.follow(tx, r)
		if err := assignments.Put(ctx, tx, a); err != nil {
			return err
		}
	}
	if r.Progress != Complete {
		return nil
	}
	return count(ctx, tx, r.UserID, func(t *tally) { t.path(path) })
}

// follow copies the progress of the path.
func (a *Assignment) follow(tx *session.Tx, r *row) {
	a.Progress, a.Outcome, a.Beginning, a.UpdatedAt = r.Progress, r.Outcome, r.Beginning, tx.Now
}

// A holder is an assignment whose path holds an item, with the path as the user is on it.
type holder struct {
	Assignment
	*outline
}

// holders returns those of the assignments that hold an item.
func (p *program) holders(ctx context.Context, tx *session.Tx, list []Assignment, item itemKey) ([]holder, error) {
	var held []holder
	for _, a := range list {
		o, err := p.outlineOf(ctx, tx, itemKey{ItemPath, a.PathID}, a.Beginning)
		if err != nil {
			return nil, err
		}
		if o != nil && o.holds(item) {
			held = append(held, holder{a, o})
		}
	}
	return held, nil
}

// opened returns the paths of the assignments that may be worked on at a moment, each once.
func opened(held []holder, at time.Time) []*outline {
	var outlines []*outline
	for i := range held {
		same := func(o *outline) bool { return o.root.itemKey == held[i].root.itemKey }
		if held[i].open(at) && !slices.ContainsFunc(outlines, same) {
			outlines = append(outlines, held[i].outline)
		}
	}
	return outlines
}

// under returns those that hold the item below a parent; no parent is all.
func under(held []holder, item itemKey, parent content.Parent) []holder {
	return slices.DeleteFunc(slices.Clone(held), func(h holder) bool { return !h.holdsBelow(item, parent) })
}

// settleAssignment brings the path of an assignment into step with what the user has done before: the logs
// of its context, and the activities that happened in its time.
func (p *program) settleAssignment(ctx context.Context, tx *session.Tx, u *tenancy.User, a *Assignment, at time.Time, because string) error {
	if !a.open(at) {
		return nil
	}
	o, err := p.outlineOf(ctx, tx, itemKey{ItemPath, a.PathID}, a.Beginning)
	if err != nil || o == nil {
		return err
	}
	if err := p.countPast(ctx, tx, u, a, o, because); err != nil {
		return err
	}
	return p.settle(ctx, tx, u, a.Context, []*outline{o}, at)
}

// countPast adds the logs of the activities of an outline that the user has done in the assignment's time,
// but for the event now.
func (p *program) countPast(ctx context.Context, tx *session.Tx, u *tenancy.User, a *Assignment, o *outline, because string) error {
	activity := func(k itemKey) bool { return k.Type == ItemActivity }
	if !slices.ContainsFunc(o.keys(), activity) {
		return nil
	}
	for past, err := range p.past(ctx, tx, u.ID, a.StartsAt, a.EndsAt) {
		if err != nil {
			return err
		}
		e := past.Event
		if e.ID == because || !completes(e) || !o.holds(itemKey{ItemActivity, e.EntityID}) || a.period().State(e.At) != timeframe.Active {
			continue
		}
		if _, err := p.activity(ctx, tx, u, a.Context, e); err != nil {
			return err
		}
	}
	return nil
}

// completes tells whether an event is of an activity that is done.
func completes(e *event.Event) bool {
	return e.Type == event.Activity && Progress(e.Progress) == Complete
}

// activity adds the log of an activity that a user has done, unless there is one.
func (p *program) activity(
	ctx context.Context, tx *session.Tx, u *tenancy.User, learnContext string, e *event.Event,
) (*row, error) {
	item := itemKey{ItemActivity, e.EntityID}
	_, done, err := logs.Get(ctx, tx, logKey(u.ID, learnContext, item))
	if err != nil || done {
		return nil, err
	}
	r := p.activityLog(u, learnContext, e)
	if err := logs.Put(ctx, tx, r); err != nil {
		return nil, err
	}
	return &r, count(ctx, tx, u.ID, func(t *tally) { t.item(&r) })
}

// activityLog returns the log of an activity that a user has done.
func (p *program) activityLog(u *tenancy.User, learnContext string, e *event.Event) row {
	r := row{ItemType: ItemActivity, ItemID: e.EntityID, MovedAt: e.At}
	r.UserID, r.Context, r.Lang, r.Progress, r.Outcome = u.ID, learnContext, u.Lang, Complete, e.Outcome
	if r.Outcome == event.Failure {
		r.Outcome = event.Fail
	}
	r.StartedAt, r.CompletedAt, r.EventID = e.At, e.At, e.ID
	if doc := content.Find(p.docs, content.Activities, e.EntityID); doc != nil {
		r.Version = doc.Version
	}
	return r
}
