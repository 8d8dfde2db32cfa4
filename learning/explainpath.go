package learning

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// pathCase is how far one event got with a path: by which rules it moved the path, or why what the user did moved
// nothing.
type pathCase struct {
	*mechanic.Occasion
	tx      *session.Tx
	program *program
	path    itemKey
	v       mechanic.Verdict
}

func (x *pathCase) explain(ctx context.Context) error {
	item := itemKey{itemTypeOf(x.Event), x.Event.EntityID}
	switch {
	case item == x.path:
		return x.explainMove(ctx)
	case slices.Contains(itemTypes, item.Type) && item.Type != ItemGroup:
		return x.explainItem(ctx, item)
	}
	if o, err := x.outline(ctx, DefaultContext); err != nil || o == nil {
		return err
	}
	x.v.Ask("items", false, "the event is about %s %s, which is no item", x.Event.Type, x.Event.EntityID)
	return nil
}

// outline returns the path as the user was on it, nil if there was none.
func (x *pathCase) outline(ctx context.Context, learnContext string) (*outline, error) {
	r, _, err := logs.Get(ctx, x.tx, logKey(x.User.ID, learnContext, x.path))
	if err != nil {
		return nil, err
	}
	o, err := x.program.outlineOf(ctx, x.tx, x.path, r.Beginning)
	if err == nil && o == nil {
		x.v.Unpublished()
	}
	if o != nil {
		x.v.Version = o.root.version
	}
	return o, err
}

// book returns the logs of an outline as they are when the event has been reacted to, but for the path's own. done is
// the log of an activity that the event makes, or nil.
func (x *pathCase) book(ctx context.Context, o *outline, learnContext string, done *row) (*book, error) {
	b := &book{user: x.User, context: learnContext}
	b.want(o.keys())
	if err := fetch(ctx, x.tx, b); err != nil {
		return nil, err
	}
	if done != nil {
		b.rows[done.key()] = done
	}
	for _, n := range o.nodes[:len(o.nodes)-1] {
		if r, further := b.next(x.tx, o, n, x.userVars()); further {
			b.rows[n.itemKey] = &r
		}
	}
	return b, nil
}

func (x *pathCase) userVars() map[string]any { return x.Vars()["user"].(map[string]any) }

// vars returns what the rules of an outline may read.
func (x *pathCase) vars(items []ItemProgress) map[string]any {
	return map[string]any{"user": x.userVars(), "items": itemVars(items)}
}

// explainMove says why the path took a step, of which the event is.
func (x *pathCase) explainMove(ctx context.Context) error {
	learnContext := submissionOf(x.Event).Context
	o, err := x.outline(ctx, learnContext)
	if err != nil || o == nil {
		return err
	}
	step := x.Event
	b, err := x.book(ctx, o, learnContext, nil)
	if err != nil {
		return err
	}
	items := b.items(o, o.root)
	if Progress(step.Progress) == Complete {
		x.v.Add(o.root.checkCompletion(x.tx, x.vars(items), items))
		x.v.Add(o.root.checkOutcome(x.tx, x.vars(items), items))
	} else {
		x.v.Add(o.root.checkStart(x.tx, x.vars(items), items))
	}
	before, _ := step.Fields["previousEvent"].(map[string]any)
	was, _ := before["progress"].(string)
	x.v.Ask("progress", true, "it was %s and became %s", cmp.Or(was, "not begun"), step.Progress)
	return nil
}

// explainItem says why it moved nothing that the user has done an item, or where that counted.
func (x *pathCase) explainItem(ctx context.Context, item itemKey) error {
	s := submissionOf(x.Event)
	q := ofContext(x.User.ID, s.Context)
	if item.Type == ItemActivity {
		q = endingAfter(x.User.ID, x.Event.At)
	}
	list, err := assignments.List(ctx, x.tx, q)
	if err != nil {
		return err
	}
	assigned := false
	none := x.v
	for i := range list {
		if list[i].PathID != x.path.ID {
			continue
		}
		y := *x
		y.v = none
		if err := y.explainAssignment(ctx, &list[i], item); err != nil {
			return err
		}
		if !assigned || y.v.Beats(&x.v) {
			x.v = y.v
		}
		assigned = true
	}
	if assigned {
		return nil
	}
	o, err := x.outline(ctx, cmp.Or(s.Context, DefaultContext))
	if err == nil && o != nil && x.askItem(o, item) {
		x.v.Ask("learningPathAssignments", false, "it had not been assigned to user %s", x.User.ID)
	}
	return err
}

func (x *pathCase) askItem(o *outline, item itemKey) bool {
	if o.holds(item) {
		return x.v.Ask("items", true, "it holds %s", item)
	}
	return x.v.Ask("items", false, "it does not hold %s", item)
}

// explainAssignment asks what React asks of an assignment of the path, then what settling asks of the path.
func (x *pathCase) explainAssignment(ctx context.Context, a *Assignment, item itemKey) error {
	o, err := x.outline(ctx, a.Context)
	if err != nil || o == nil || !x.askItem(o, item) || !x.askOpen(a, item) {
		return err
	}
	r, known, err := logs.Get(ctx, x.tx, logKey(x.User.ID, a.Context, item))
	if err != nil || !x.askCounts(o, item, &r, known) {
		return err
	}
	var done *row
	if item.Type == ItemActivity {
		done = new(x.program.activityLog(x.User, a.Context, x.Event))
	}
	b, err := x.book(ctx, o, a.Context, done)
	if err != nil {
		return err
	}
	x.askRules(b, o)
	return nil
}

// askOpen asks whether an assignment could be worked on.
func (x *pathCase) askOpen(a *Assignment, item itemKey) bool {
	at := x.tx.Now
	if item.Type == ItemActivity {
		at = x.Event.At
	}
	switch a.period().State(at) {
	case timeframe.Pending:
		return x.v.Ask("startsAt", false, "assignment %s begins at %s", a.ID, mechanic.Stamp(a.StartsAt))
	case timeframe.Ended:
		return x.v.Ask("endsAt", false, "assignment %s had ended at %s", a.ID, mechanic.Stamp(a.EndsAt))
	case timeframe.Active:
	}
	x.v.Ask("startsAt", true, "assignment %s was running", a.ID)
	if a.Visibility == Locked {
		return x.v.Ask("visibility", false, "assignment %s was locked", a.ID)
	}
	return x.v.Ask("visibility", true, "assignment %s was not locked", a.ID)
}

// askCounts asks whether the log of an item that was done counts in the path because of the event.
func (x *pathCase) askCounts(o *outline, item itemKey, r *row, known bool) bool {
	if item.Type == ItemActivity && known {
		return x.v.Ask("progress", false, "%s had been done before", item)
	}
	below := len(r.Parents) == 0 || slices.ContainsFunc(r.Parents, func(p content.Parent) bool { return o.holdsBelow(item, p) })
	return below || x.v.Ask("parentId", false, "%s was submitted below %s %s only", item, r.ParentType, r.ParentID)
}

// askRules asks what moves the path from where it was.
func (x *pathCase) askRules(b *book, o *outline) {
	was, items := Progress(""), b.items(o, o.root)
	if r := b.rows[x.path]; r != nil {
		was = r.Progress
	}
	if was == Complete {
		x.v.Ask("progress", false, "it was COMPLETE before")
		return
	}
	if was == "" && !x.v.Add(o.root.checkStart(x.tx, x.vars(items), items)) {
		return
	}
	if x.v.Add(o.root.checkCompletion(x.tx, x.vars(items), items)) {
		x.v.Ask("progress", false, "it stays as it was")
	}
}

// checkStart asks whether what has the items is begun, as fold does.
func (j *judgement) checkStart(tx *session.Tx, vars map[string]any, items []ItemProgress) rule.Check {
	if !begun(items) {
		return rule.Check{Name: "startRule", Reason: fmt.Sprintf("of the %d items that the user has, none is begun", len(items))}
	}
	if j.start.Given() {
		return j.start.Check(vars, tx.Moment())
	}
	return rule.Check{Name: "startRule", Holds: true, Reason: "an item is begun"}
}

// checkCompletion asks whether what has the items is done, as fold does.
func (j *judgement) checkCompletion(tx *session.Tx, vars map[string]any, items []ItemProgress) rule.Check {
	if j.completion.Given() {
		return j.completion.Check(vars, tx.Moment())
	}
	c := rule.Check{Name: "completionRule", Holds: true, Reason: "every item is COMPLETE"}
	if i := slices.IndexFunc(items, func(i ItemProgress) bool { return i.Progress != Complete }); i >= 0 {
		key := itemKey{items[i].ItemType, items[i].ItemID}
		c.Holds, c.Reason = false, fmt.Sprintf("%s is %s", key, cmp.Or(string(items[i].Progress), "not begun"))
	}
	return c
}

// checkOutcome says which outcome comes of the items, as fold does. What has none is done nevertheless.
func (j *judgement) checkOutcome(tx *session.Tx, vars map[string]any, items []ItemProgress) rule.Check {
	if j.outcome.Given() {
		c := j.outcome.Check(vars, tx.Moment())
		c.Holds = true
		return c
	}
	c := rule.Check{Name: "outcomeRule", Holds: true, Reason: "no item has failed, so it is SUCCESS"}
	if i := slices.IndexFunc(items, func(i ItemProgress) bool { return i.Outcome == event.Fail }); i >= 0 {
		c.Reason = fmt.Sprintf("%s has failed, so it is FAIL", itemKey{items[i].ItemType, items[i].ItemID})
	}
	return c
}
