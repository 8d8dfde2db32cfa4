package mechanic

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// An AssignmentMode says when a rule that assigns something is evaluated.
type AssignmentMode string

// The modes: when what a user has is asked for, when an event matches, at the times of a schedule, or
// never.
const (
	Lazy          AssignmentMode = "LAZY"
	OnEvent       AssignmentMode = "EVENT"
	ScheduledPush AssignmentMode = "SCHEDULED_PUSH"
	Disabled      AssignmentMode = "DISABLED"
)

// evaluatedWhen says in words when a rule of the mode is evaluated that assigns what is named.
func (m AssignmentMode) evaluatedWhen(what string) string {
	switch m {
	case OnEvent:
		return "events have the rule evaluated"
	case Lazy:
		return "the rule is evaluated when a user's " + what + " are asked for, not because of events"
	case ScheduledPush:
		return "the rule is evaluated at the times of its schedule, not because of events"
	case Disabled:
	}
	return "the rule is never evaluated"
}

// A Trigger says when a rule that assigns something is evaluated: by its mode, at most once for each
// owner in each period of its timeframe.
type Trigger struct {
	timeframe.Timeframe
	Mode AssignmentMode
	// Matcher and Condition pick the events of the mode EVENT.
	Matcher   event.Matcher
	Condition json.RawMessage
}

// EventMatchFields returns the names of a trigger's matcher: eventMatchType, eventMatchEntity,
// eventMatchEntityId.
func EventMatchFields() event.Fields {
	return event.Fields{Type: "eventMatchType", Entity: "eventMatchEntity", EntityID: "eventMatchEntityId"}
}

// Check refuses an unknown mode, a matcher that is missing, wrong or of no use, and a schedule that is
// missing. The entities are those whose events the rule may be evaluated for.
func (t Trigger) Check(entities ...string) error {
	switch t.Mode {
	case OnEvent:
		return t.Matcher.Check(EventMatchFields(), entities...)
	case Lazy, ScheduledPush, Disabled:
		if t.Matcher != (event.Matcher{}) || len(t.Condition) > 0 {
			return fault.Invalid("eventMatchType", "and its companions are for the mode EVENT")
		}
		if t.Mode == ScheduledPush && t.Cron == "" {
			return fault.Invalid("scheduleCron", "is missing; SCHEDULED_PUSH needs it")
		}
		return nil
	}
	return fault.Invalid("assignmentMode", "%q is none of LAZY, EVENT, SCHEDULED_PUSH, DISABLED", t.Mode)
}

// PeriodAt returns the period of a user that contains a moment; ok is false if there is none.
func (t Trigger) PeriodAt(tx *session.Tx, u *tenancy.User, at time.Time) (p timeframe.Period, ok bool, err error) {
	zone, err := u.Location(tx.Zones)
	if err != nil {
		return timeframe.Period{}, false, err
	}
	schedule, err := t.In(zone, tx.Zones)
	if err != nil {
		return timeframe.Period{}, false, err
	}
	p, ok = schedule.PeriodAt(at)
	return p, ok, nil
}

// Begun returns a period that PeriodAt gave as it began: with the bounds of the zone in which the user lived
// then. Who moves keeps it until it ends there, so it does not matter which of its events is recorded first.
// ok is false if it was over at the moment; the next begins with the user's present clock.
func (t Trigger) Begun(ctx context.Context, tx *session.Tx, u *tenancy.User, p timeframe.Period, at time.Time) (_ timeframe.Period, ok bool, err error) {
	if t.TimezoneType != timeframe.User || t.Type != timeframe.Recurring || t.Recurrence == timeframe.Custom {
		return p, true, nil // the id names the bounds
	}
	zone, err := u.Location(tx.Zones)
	if err != nil {
		return p, false, err
	}
	// A moment that does not depend on where the user lives now: the first at which the period is anywhere.
	start := p.StartsAt.In(zone)
	_, offset := start.Zone()
	then, err := u.At(ctx, tx, start.Add(time.Duration(offset)*time.Second-timeframe.Earliest))
	if err != nil || then.Timezone == u.Timezone {
		return p, true, err
	}
	began, ok, err := t.PeriodAt(tx, then, at)
	return began, ok && began.ID == p.ID, err
}

// Assigners are compiled rules that assign something, by when they are evaluated. The zero value is
// empty; after the last Add it is immutable.
type Assigners[P any] struct {
	// Lazy and Push are the rules of the modes LAZY and SCHEDULED_PUSH, in the order in which they apply.
	Lazy, Push []P

	onEvent Matching[P]
	hearing Hearing[P]
	byID    map[string]P
}

// Add takes a rule up. Rules are added in the order in which they apply.
func (a *Assigners[P]) Add(id string, rule P, t Trigger, since time.Time) {
	if a.byID == nil {
		a.byID = map[string]P{}
	}
	a.byID[id] = rule
	switch t.Mode {
	case OnEvent:
		a.onEvent.Add(t.Matcher, rule)
		a.hearing.Add(t.Matcher, t.compiled(), rule, since)
	case Lazy:
		a.Lazy = append(a.Lazy, rule)
	case ScheduledPush:
		a.Push = append(a.Push, rule)
	case Disabled:
	}
}

// compiled returns the condition on the events of the mode EVENT, which has been compiled before.
func (t Trigger) compiled() Condition {
	c, _ := CompileCondition("", "", t.Condition, EventContext(t.Matcher))
	return c
}

// Was takes up a version of a rule that was in force once.
func (a *Assigners[P]) Was(t Trigger) {
	if t.Mode == OnEvent {
		a.hearing.Was(t.Matcher, t.compiled())
	}
}

// Hears tells since when a rule asks for a change of users that nobody makes, zero for none, and whether any version ever did.
func (a *Assigners[P]) Hears(change string) (since time.Time, ever bool) {
	return a.hearing.Hears(change)
}

// On returns the rules that an occasion evaluates, in the order in which they apply.
func (a *Assigners[P]) On(o *Occasion) []P {
	if change := o.Tells(); change != "" {
		return a.hearing.On(change, o.Keys)
	}
	return a.onEvent.On(o.Keys)
}

// Meets tells whether an event with the given match keys evaluates any rule.
func (a *Assigners[P]) Meets(keys []string) bool { return a.onEvent.Meets(keys) }

// All yields the rules, whatever their modes.
func (a *Assigners[P]) All() iter.Seq[P] { return maps.Values(a.byID) }

// Find returns the rule with an id, whatever its mode, the zero P if there is none.
func (a *Assigners[P]) Find(id string) P { return a.byID[id] }

// An Evaluation says that a rule was evaluated for an owner and a period; it is not evaluated again.
type Evaluation struct {
	RuleID   string `json:"ruleId"`
	PeriodID string `json:"periodId"`
	Owner    string `json:"owner"`
	// Member is the member of the group that is the owner who had the rule evaluated; "" if a user is the owner.
	Member string    `json:"member,omitempty"`
	At     time.Time `json:"at"`
	// When and Order are the place of what had it evaluated, in the order in which things happened.
	When  time.Time `json:"when,omitzero"`
	Order string    `json:"order,omitempty"`
	// Until is when the period is over, zero for never.
	Until time.Time `json:"until,omitzero"`
	// Made are the ids of what the rule assigned, and Waiting of what it picked and assigns when something else is completed.
	Made    []string `json:"made,omitempty"`
	Waiting []string `json:"waiting,omitempty"`
	// Seq is the number of the entry of the journal in which it was made.
	Seq int64 `json:"seq,omitempty"`
	// EventID is the event that evaluated the rule, "" if none did.
	EventID string `json:"eventId,omitempty"`
}

// Key returns the key of the evaluation.
func (e *Evaluation) Key() string {
	return EvaluationKey(Owner{e.Owner, e.Member}, e.RuleID, e.PeriodID)
}

// User returns whose fold the evaluation is a part of.
func (e *Evaluation) User() string { return cmp.Or(e.Member, e.Owner) }

// Before tells whether the evaluation was made before an entry of the journal. One from which nothing followed may have no
// entry of its own: its number is that of the next.
func (e *Evaluation) Before(seq int64) bool { return e.Seq < seq || e.Seq == seq && e.EventID == "" }

// An Owner is whose a rule makes what it makes: a user, or a group, for which it is evaluated because of a member, and once
// for each.
type Owner struct{ ID, Member string }

// EvaluationKey returns the key of an evaluation. Those of an owner are next to one another, and so are those of a group's
// members for one period.
func EvaluationKey(owner Owner, ruleID, periodID string) string {
	key := owner.ID + "/" + ruleID + "/" + periodID
	if owner.Member != "" {
		key += "/" + owner.Member
	}
	return key
}

// Unevaluated returns the period of a user that contains a moment if a rule was not evaluated in it for an
// owner; ok is false if it was, or there is none. The table holds the rule's evaluations.
func (t Trigger) Unevaluated(
	ctx context.Context, tx *session.Tx, table *store.Table[Evaluation], ruleID string, owner Owner, u *tenancy.User, at time.Time,
) (p timeframe.Period, ok bool, err error) {
	p, ok, err = t.PeriodAt(tx, u, at)
	if err != nil || !ok {
		return p, false, err
	}
	_, evaluated, err := table.Get(ctx, tx, EvaluationKey(owner, ruleID, p.ID))
	return p, err == nil && !evaluated, err
}

// TickDue lets the time of a rule of a kind come for an active user ([Tick]), unless it was evaluated for the owner in
// the present period. The table holds the rule's evaluations.
func (t Trigger) TickDue(ctx context.Context, tx *session.Tx, table *store.Table[Evaluation], kind, ruleID string, owner Owner, u *tenancy.User) error {
	if u.Status != tenancy.Active {
		return nil
	}
	_, ok, err := t.Unevaluated(ctx, tx, table, ruleID, owner, u, tx.Now)
	if err != nil || !ok {
		return err
	}
	return Tick(ctx, tx, kind, ruleID, u.ID, tx.Now)
}

// DefineEvaluations declares a table of evaluations.
func DefineEvaluations(name string) *store.Table[Evaluation] {
	return store.Define(name, (*Evaluation).Key, nil).Packed().Version(4) // since something waits
}

// RemainingEvaluations returns the remains of a table of evaluations: those of periods that are over, in whatever zone their
// owner lives since.
func RemainingEvaluations(table *store.Table[Evaluation]) Remains {
	return Remaining(table, Each(func(e *Evaluation, before time.Time) bool {
		return !e.Until.IsZero() && e.Until.Before(before.Add(-allZones))
	}))
}

// allZones is more than the clocks of any two zones differ.
const allZones = 48 * time.Hour

// Pending returns since when a rule may count what an owner did before a moment, if it is evaluated then or later: from the
// beginning of a period for which the table has no evaluation from before; ok is false if it counts nothing of that.
func (t Trigger) Pending(
	ctx context.Context, tx *session.Tx, table *store.Table[Evaluation], ruleID string, owner Owner, u *tenancy.User, before time.Time,
) (since time.Time, ok bool, err error) {
	moments, apart := t.around(before)
	for _, at := range moments {
		p, in, err := t.PeriodAt(tx, u, at)
		switch {
		case err != nil:
			return since, false, err
		case !in || t.Mode == Disabled:
			continue
		}
		begins := p.StartsAt.Add(-apart)
		if !begins.Before(before) || ok && !begins.Before(since) {
			continue
		}
		done, err := evaluatedBefore(ctx, tx, table, ruleID, p.ID, owner, before)
		if err != nil {
			return since, false, err
		}
		if !done {
			since, ok = begins, true
		}
	}
	return since, ok, nil
}

// Waiting returns what the rule has picked for an owner in a period that a moment is in and still waits, and since when it may count what the owner did.
func (t Trigger) Waiting(
	ctx context.Context, tx *session.Tx, table *store.Table[Evaluation], ruleID string, owner Owner, u *tenancy.User, at time.Time,
) (since time.Time, ids []string, err error) {
	moments, apart := t.around(at)
	for _, moment := range moments {
		p, in, err := t.PeriodAt(tx, u, moment)
		switch {
		case err != nil:
			return since, nil, err
		case !in:
			continue
		}
		e, found, err := table.Get(ctx, tx, EvaluationKey(owner, ruleID, p.ID))
		if err != nil {
			return since, nil, err
		}
		if begins := p.StartsAt.Add(-apart); found && len(e.Waiting) > 0 && (len(ids) == 0 || begins.Before(since)) {
			since, ids = begins, append(ids, e.Waiting...)
		}
	}
	return since, ids, nil
}

// around returns a moment, and where periods are those of the user's zone, those that it may be in any other, with how far these are apart: the user may move.
func (t Trigger) around(at time.Time) (moments []time.Time, apart time.Duration) {
	if t.TimezoneType != timeframe.User {
		return []time.Time{at}, 0
	}
	return []time.Time{at, at.Add(-allZones), at.Add(allZones)}, allZones
}

// evaluatedBefore tells whether a rule was evaluated for an owner in a period by what happened before a moment: for a group,
// because of any member.
func evaluatedBefore(
	ctx context.Context, tx *session.Tx, table *store.Table[Evaluation], ruleID, periodID string, owner Owner, before time.Time,
) (bool, error) {
	earlier := func(e Evaluation) bool { return e.When.Before(before) }
	own, found, err := table.Get(ctx, tx, EvaluationKey(owner, ruleID, periodID))
	if err != nil || found && earlier(own) || owner.Member == "" {
		return found && earlier(own), err
	}
	all, err := table.List(ctx, tx, store.Prefix(EvaluationKey(Owner{ID: owner.ID}, ruleID, periodID)+"/"))
	return slices.ContainsFunc(all, earlier), err
}

// String says when and why the evaluation was made, and what came of it.
func (e *Evaluation) String() string {
	text := "at " + Stamp(e.At)
	if e.EventID != "" {
		text += " because of event " + e.EventID
	}
	if len(e.Waiting) > 0 {
		text += ", and let wait " + strings.Join(e.Waiting, ", ")
	}
	if len(e.Made) == 0 {
		return text + ", and assigned nothing"
	}
	return text + ", and assigned " + strings.Join(e.Made, ", ")
}
