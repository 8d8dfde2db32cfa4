// Package mechanic holds what the mechanics share when they react to an event: the event with its user as
// rules see them, the ways to ask a rule, rules that assign something, and how all of it is explained.
package mechanic

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/tenancy"
)

// An Occasion is an event with what mechanics need to judge it.
type Occasion struct {
	Event *event.Event
	User  *tenancy.User
	// Keys are the keys of all matchers that the event meets ([event.Event.MatchKeys]), none if it is that something is over
	// ([Occasion.Ends]), or a tracking of which nothing counts.
	Keys []string
	// Place is the step of the user's fold that the event belongs to.
	Place string
	// Nth is the event's number among those of the step, 0 for the one from which the others follow.
	Nth int
	// By is the occasion in the step that caused the event, nil of the one from which the others follow.
	By *Occasion
	// Gone says that the event is the clock's, and its user has been deleted: nothing follows from it.
	Gone bool
	// RecordedAt is when an event of the past was recorded, zero for what is reacted to now.
	RecordedAt time.Time
	// Earned is what documents said of the user's tags before the step that the event belongs to: it is in those of User.
	Earned []tenancy.EarnedTag

	vars map[string]any // nil until all of it is asked for
	// own is the event as rules see it, and seen the user, nil until a rule asks for it.
	own  map[string]any
	seen *userVars
	told *userVars // that which the occasions of the user share
}

// userVars is a user as rules see it, nil until one asks for it.
type userVars struct{ vars map[string]any }

// New returns the occasion of an event, whose user is as it was when that happened. No document matches the event that
// a user takes no part any more, or a tracking of which nothing counts.
func New(e *event.Event, u *tenancy.User) *Occasion {
	return newOccasion(e, u, &userVars{})
}

func newOccasion(e *event.Event, u *tenancy.User, seen *userVars) *Occasion {
	o := &Occasion{Event: e, User: u, seen: seen, told: seen}
	away := e.Type == event.User && (u.Status == tenancy.Suspended || u.Status == tenancy.Deleted)
	if !away && !o.Ends() && !idle(e) {
		o.Keys = e.MatchKeys()
	}
	return o
}

// Become returns the occasion with the event as it turned out to be.
func (o *Occasion) Become(e *event.Event) *Occasion {
	return o.standing(newOccasion(e, o.User, o.told), o.Earned)
}

// standing lets another occasion stand where this one does, with what documents say of the user's tags.
func (o *Occasion) standing(next *Occasion, earned []tenancy.EarnedTag) *Occasion {
	next.Place, next.Nth, next.By, next.Gone, next.RecordedAt, next.Earned = o.Place, o.Nth, o.By, o.Gone, o.RecordedAt, earned
	return next
}

// Carrying returns the occasion with what documents say of the user's tags, and nothing else that they have said. Events that the user has changed
// carry the user's tags.
func (o *Occasion) Carrying(earned []tenancy.EarnedTag) *Occasion {
	user := o.User.Carrying(earned)
	if user == o.User {
		return o
	}
	e := o.Event
	if e.Type == event.User && o.Tells() == "" {
		e = new(*e)
		e.EntityTags = user.TagIDs()
	}
	return o.standing(New(e, user), earned)
}

// All returns the keys of all matchers that the event meets, also if it is that something is over.
func (o *Occasion) All() []string {
	if o.Ends() {
		return o.Event.MatchKeys()
	}
	return o.Keys
}

// And returns the occasion of another event of the same user at the same time.
func (o *Occasion) And(e *event.Event) *Occasion {
	next := newOccasion(e, o.User, o.told)
	next.Place, next.Earned = o.Place, o.Earned
	return next
}

// Data is what rules read. It is laid out as far as a rule asks for it: most events meet none that reads much.
type Data = rule.Lookup

// Values is data that is laid out.
type Values map[string]any

// Var returns a value.
func (v Values) Var(name string) (value any, there bool) {
	value, there = v[name]
	return value, there
}

// Vars returns the values themselves.
func (v Values) Vars() map[string]any { return v }

// Var returns one of the values that [Occasion.Vars] returns, without laying out the others.
func (o *Occasion) Var(name string) (v any, there bool) {
	if o.vars != nil {
		v, there = o.vars[name]
		return v, there
	}
	switch name {
	case "event":
		return o.eventVars(), true
	case "user":
		return o.userVars(), true
	}
	return o.Event.Var(name)
}

func (o *Occasion) eventVars() map[string]any {
	if o.own == nil {
		o.own = o.Event.Vars()
	}
	return o.own
}

func (o *Occasion) userVars() map[string]any {
	if o.seen.vars == nil {
		o.seen.vars = o.User.Vars()
	}
	return o.seen.vars
}

// Vars returns what rules read of the occasion: "event", "user", and the event's own fields at top level. A mechanic that
// adds a variable for one of its rules removes it afterwards ([Occasion.With]).
func (o *Occasion) Vars() map[string]any {
	if o.vars == nil {
		o.vars = maps.Clone(o.eventVars())
		o.vars["event"], o.vars["user"] = o.eventVars(), o.userVars()
	}
	return o.vars
}

// env is what a rule is asked with: it is the time at which what it judges happened, also where that is judged later
// because something counts what was before.
func env(tx *session.Tx, d Data) *rule.Env {
	now := tx.Moment()
	if o, ok := d.(*Occasion); ok {
		now = o.Event.At
	}
	return &rule.Env{Data: d, Now: now}
}

// A Past yields the events that a user caused within a time, those that follow from them included, as they were
// judged and in the order in which they happened.
type Past func(ctx context.Context, tx *session.Tx, userID string, from, until time.Time) iter.Seq2[*Occasion, error]

// A Within is a stretch of time, of which the end is exclusive; the zero time is no bound.
type Within struct{ From, Until time.Time }

// Has tells whether a moment is within the stretch.
func (w Within) Has(at time.Time) bool {
	return !at.Before(w.From) && (w.Until.IsZero() || at.Before(w.Until))
}

// A History calls add with the events of a type within a time in the folds of users that come behind a mark, "" for the beginning, each with
// its user as of then. It looks at so many steps, or more to come to the end of a fold, and returns the mark behind which
// to go on, "" at the end.
type History func(ctx context.Context, tx *session.Tx, of event.Type, within Within, mark string, portion int, add func(*Occasion) error) (next string, err error)

// Behind tells whether the fold of a user comes behind a mark of a [History].
func Behind(mark, userID string) bool { return userID+"/" >= mark }

// MarkAfter returns the mark behind the fold of a user.
func MarkAfter(userID string) string { return userID + string('/'+1) }

// With sets a variable while fn runs.
func (o *Occasion) With(name string, value any, fn func()) { With(o.Vars(), name, value, fn) }

// With sets a variable of a rule's data while fn runs.
func With(vars map[string]any, name string, value any, fn func()) {
	before, had := vars[name]
	vars[name] = value
	fn()
	if had {
		vars[name] = before
	} else {
		delete(vars, name)
	}
}

// Absent tells whether there is no expression: nothing or null.
func Absent(e json.RawMessage) bool { return len(e) == 0 || string(e) == "null" }

// A Condition is a compiled condition and where it stands, for problems. A Condition without
// a rule, such as the zero one, holds always.
type Condition struct {
	rule          *rule.Rule
	source, field string
}

// CompileCondition compiles and lints the condition in a field of a document; nothing or null is one
// that always holds. Faults name the field and the place inside the expression.
func CompileCondition(source, field string, e json.RawMessage, ctx *rule.Context) (Condition, error) {
	if Absent(e) {
		return Condition{nil, source, field}, nil
	}
	r, err := rule.CompileCondition(e, ctx)
	return Condition{r, source, field}, fault.In(field, err)
}

// Holds evaluates the condition. An evaluation that exceeds its bounds is reported as a problem and
// does not hold.
func (c Condition) Holds(tx *session.Tx, d Data) bool {
	if c.rule == nil {
		return true
	}
	ok, err := c.rule.Match(env(tx, d))
	if err != nil {
		tx.Report(c.source, c.field, err.Error())
		return false
	}
	return ok
}

// Ends tells whether the occasion is that something is over: a streak broke, a pending transaction expired or was voided, the time of
// a mission was over before it was completed, a user fell from a level, or what a user had has lapsed. Only rewards and boards that ask for the status or the state, of levels
// for the direction, of what lapses boards that ask for the initiator's type, are meant: others count and pay for what somebody has done.
func (o *Occasion) Ends() bool {
	switch o.Event.Type {
	case event.Streak:
		return o.Event.Fields["status"] == "BROKEN"
	case event.VirtualTransaction:
		state := o.Event.Fields["state"]
		return state == "EXPIRED" || state == "REJECTED" || o.Lapses()
	case event.Mission:
		return o.Event.Fields["state"] == "ENDED"
	case event.Level:
		return o.Event.Fields["direction"] == "DOWN"
	case event.Activity, event.Quiz, event.Slide, event.Story, event.LearningGroup, event.LearningPath, event.Badge, event.MobilityTracking,
		event.MobilityMilestone, event.User, event.Clock, event.Retraction:
	}
	return false
}

// Lapses tells whether the occasion is that what a user had has lapsed.
func (o *Occasion) Lapses() bool {
	return o.Event.Type == event.VirtualTransaction && o.Event.Fields["initiatorType"] == "LAPSE"
}

// ReadsLapse tells whether an expression, which may be nil, may read of a transaction that it is what has lapsed ([Occasion.Lapses]).
func ReadsLapse(r *rule.Rule) bool {
	return mayRead(r, "initiatorType") || mayRead(r, "event.initiatorType")
}

// idle tells whether an event says that nothing counts of what it tells: of a stay, of a track that was detected wrongly
// or is suspicious, that somebody did what had been done before, or that another event did not happen.
func idle(e *event.Event) bool { return e.Type == event.Retraction || e.Fields[Counts] == false }

// Counts is the field of an event that is false if nothing counts of what it tells.
const Counts = "counts"

// Granted is the field of an event of type Level that says which step of its ladder somebody is brought to who stands below it. Nothing else follows from it.
const Granted = "granted"

// Changed tells whether the occasion is that a user has another status.
func (o *Occasion) Changed() bool {
	return o.Event.Type == event.User && o.Event.Fields["status"] != nil
}

// Tells returns the change that an occasion tells of a user and that nobody made: FIRST_SEEN or ANNIVERSARY; "" of any other. Such an event is only for
// documents that ask for it ([Condition.Hears]).
func (o *Occasion) Tells() string {
	if o.Event.Type != event.User {
		return ""
	}
	change, _ := o.Event.Fields["change"].(string)
	if !slices.Contains(Untold, change) {
		return ""
	}
	return change
}

// Untold are the changes of users that nobody makes.
var Untold = []string{tenancy.FirstSeen, tenancy.Anniversary}

// Hears tells whether the condition asks for a change of users that nobody makes: it reads the change, or the years of an anniversary, and does not
// require another one.
func (c Condition) Hears(change string) bool {
	reads := func(name string) bool { return c.Reads(name) || c.Reads("event."+name) }
	if !reads("change") && (change != tenancy.Anniversary || !reads("years")) {
		return false
	}
	for _, path := range []string{"change", "event.change"} {
		if required, is := c.rule.Requires(path); is && required != change {
			return false
		}
	}
	return true
}

// ReadsEnd tells whether the condition may read of events of a type that something is over ([Occasion.Ends]).
func (c Condition) ReadsEnd(t event.Type) bool { return ReadsEnd(c.rule, t) }

// ReadsEnd tells whether an expression, which may be nil, may read of events of a type that something is over.
func ReadsEnd(r *rule.Rule, t event.Type) bool {
	if t == event.Level {
		return mayRead(r, "direction") || mayRead(r, "event.direction")
	}
	return mayRead(r, "status") || mayRead(r, "event.status") || mayRead(r, "state") || mayRead(r, "event.state")
}

// Given tells whether there is a condition.
func (c Condition) Given() bool { return c.rule != nil }

// Reads tells whether the condition may read a variable or a field of one.
func (c Condition) Reads(name string) bool { return mayRead(c.rule, name) }

// ReadsOnly tells whether the condition reads nothing but a variable and what is in it.
func (c Condition) ReadsOnly(name string) bool {
	return c.rule == nil || !slices.ContainsFunc(c.rule.Paths(), func(path string) bool { return path != name && !strings.HasPrefix(path, name+".") })
}

// mayRead tells whether an expression, which may be nil, may read something, a part of it, or all of what it is in.
func mayRead(r *rule.Rule, name string) bool {
	return r != nil && slices.ContainsFunc(r.Paths(), func(path string) bool {
		return path == "" || path == name || strings.HasPrefix(path, name+".") || strings.HasPrefix(name, path+".")
	})
}

// An Amount is a compiled expression that gives an amount which is not less than 0. One without a rule,
// such as the zero Amount, gives 1.
type Amount struct {
	rule          *rule.Rule
	source, field string
	always        *decimal.Decimal // what a constant gives
}

// CompileAmount compiles and lints the expression in a field of a document; nothing or null gives 1. One that
// always gives no amount, or less than 0, is refused.
func CompileAmount(source, field string, e json.RawMessage, ctx *rule.Context) (Amount, error) {
	if Absent(e) {
		return Amount{source: source, field: field, always: new(decimal.NewFromInt(1))}, nil
	}
	r, err := rule.Compile(e, ctx)
	if err != nil {
		return Amount{}, fault.In(field, err)
	}
	a := Amount{rule: r, source: source, field: field}
	if v, constant := r.Constant(); constant {
		var d decimal.Decimal
		d, err = toAmount(v)
		a.always = &d
	}
	return a, fault.In(field, err)
}

// CompilePositive is [CompileAmount] for an amount that must be more than 0.
func CompilePositive(source, field string, e json.RawMessage, ctx *rule.Context) (Amount, error) {
	a, err := CompileAmount(source, field, e, ctx)
	if err == nil && a.always != nil && a.always.IsZero() {
		err = fault.Invalid(field, "gave 0, which is not more than 0")
	}
	return a, err
}

// Reads tells whether the expression may read a variable or a field of one.
func (a Amount) Reads(name string) bool { return mayRead(a.rule, name) }

// Always tells whether the expression gives more than so much, whatever happens.
func (a Amount) Always(more int64) bool {
	return a.always != nil && a.always.GreaterThan(decimal.NewFromInt(more))
}

// Of evaluates the expression. A result that is not an amount, or less than 0, is reported as a problem; the
// second result is then false.
func (a Amount) Of(tx *session.Tx, data Data) (decimal.Decimal, bool) {
	switch {
	case a.always != nil:
		return *a.always, true
	case a.rule == nil:
		return decimal.NewFromInt(1), true
	}
	v, err := a.rule.Eval(env(tx, data))
	var d decimal.Decimal
	if err == nil {
		d, err = toAmount(v)
	}
	if err != nil {
		tx.Report(a.source, a.field, err.Error())
		return decimal.Decimal{}, false
	}
	return d, true
}

// PositiveOf is [Amount.Of] for an amount that must be more than 0.
func (a Amount) PositiveOf(tx *session.Tx, data Data) (decimal.Decimal, bool) {
	d, ok := a.Of(tx, data)
	if ok && !d.IsPositive() {
		tx.Report(a.source, a.field, "gave 0, which is not more than 0")
		ok = false
	}
	return d, ok
}

// toAmount returns the amount that a rule's result stands for where it must not be less than 0.
func toAmount(v any) (decimal.Decimal, error) {
	d, err := ToAmount(v)
	if err == nil && d.IsNegative() {
		err = fault.Invalid("", "gave %s, which is less than 0", d)
	}
	return d, err
}

// ToAmount returns the amount that a rule's result stands for, which is never rounded. The error says what it
// is instead.
func ToAmount(v any) (decimal.Decimal, error) {
	switch v := v.(type) {
	case float64:
		return amount.FromFloat("", v)
	case json.Number:
		d, err := amount.Read(v.String())
		if err == nil {
			err = amount.Check("", d)
		}
		return d, err
	}
	return decimal.Decimal{}, fault.Invalid("", "gave %s, which is not a number", kindOf(v))
}

// kindOf says what a result is, but not its value: problems are kept for ever, and the value may say who somebody
// is.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case bool:
		return strconv.FormatBool(v)
	case float64, json.Number:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

// Stamp returns a time as rules see it.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
