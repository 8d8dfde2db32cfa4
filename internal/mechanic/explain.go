package mechanic

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// unkept are the fields of a user that the journal does not keep, because they may identify a person.
var unkept = []string{"externalId", "nickname"}

// Forget takes from the occasion what the journal does not keep of its user, for those who ask why.
func (o *Occasion) Forget() {
	known := maps.Clone(o.userVars()) // which others read
	for _, name := range unkept {
		delete(known, name)
	}
	o.seen = &userVars{known}
	if o.vars != nil {
		o.vars["user"] = known
	}
}

// ProblemIn returns the first reason that problems give for something that a field could not do, "" if there is
// none.
func ProblemIn(problems []event.Problem, source, field string) string {
	i := slices.IndexFunc(problems, func(p event.Problem) bool { return p.Source == source && p.Field == field })
	if i < 0 {
		return ""
	}
	return problems[i].Reason
}

// A Verdict is how far an event got with a document: what was asked, in order, up to the first no.
type Verdict struct {
	EventID string
	Version int  // of the document that decided
	Moved   bool // what the outcome says
	Checks  []rule.Check
	// Elsewhere says that the document is about other events, or about none.
	Elsewhere bool
}

// Beats tells whether the verdict is on something that got farther.
func (v *Verdict) Beats(o *Verdict) bool {
	if v.Moved != o.Moved {
		return v.Moved
	}
	return v.passed() > o.passed()
}

func (v *Verdict) passed() int {
	n := len(v.Checks)
	if !v.Holds() {
		n--
	}
	return n
}

// Holds tells whether every check so far holds.
func (v *Verdict) Holds() bool {
	last := len(v.Checks) - 1
	return last < 0 || v.Checks[last].Holds
}

// Add adds a check and returns whether it holds.
func (v *Verdict) Add(c rule.Check) bool {
	v.Checks = append(v.Checks, c)
	return c.Holds
}

// Ask adds a question that is not an expression, with the reason of its answer, and returns the answer.
func (v *Verdict) Ask(name string, holds bool, format string, args ...any) bool {
	return v.Add(rule.Check{Name: name, Holds: holds, Reason: fmt.Sprintf(format, args...)})
}

// Condition asks a condition and returns whether it holds. Where there is none, nothing is asked.
func (v *Verdict) Condition(c Condition, vars map[string]any, now time.Time) bool {
	return c.rule == nil || v.Add(c.Check(vars, now))
}

// Matches asks whether a matcher picks an event.
func (v *Verdict) Matches(names event.Fields, m event.Matcher, e *event.Event) bool {
	v.Elsewhere = !v.matches(names, m, e)
	return !v.Elsewhere
}

func (v *Verdict) matches(names event.Fields, m event.Matcher, e *event.Event) bool {
	is := string(e.Type) + " " + e.EntityID
	holds := slices.Contains(e.MatchKeys(), m.Key())
	switch {
	case idle(e):
		return v.Ask(names.Entity, false, "nothing counts of the tracking: it is a stay, was detected wrongly or is suspicious")
	case m.Type == event.MatchTag:
		return v.Ask(names.EntityID, holds, "%s %s the tag %s", is, either(holds, "carries", "does not carry"), m.EntityID)
	case m.Entity != string(e.Type):
		return v.Ask(names.Entity, holds, "the event is about %s, not about a %s", is, m.Entity)
	case m.Type == event.MatchEntity:
		return v.Ask(names.Entity, holds, "the event is about %s, and any %s counts", is, m.Entity)
	}
	return v.Ask(names.EntityID, holds, "the event is about %s%s", is, either(holds, "", ", not about "+m.EntityID))
}

func either(holds bool, yes, no string) string {
	if holds {
		return yes
	}
	return no
}

// Evaluated asks whether an occasion has a rule of a kind evaluated: because its time had come, or by its event.
// what names what the rule assigns.
func (v *Verdict) Evaluated(c *Occasion, kind, id string, t Trigger, what string) bool {
	if c.Ticks(kind) && c.Event.EntityID == id {
		return v.Ask("assignmentMode", true, "it is %s, and the time had come", t.Mode)
	}
	v.Elsewhere = t.Mode != OnEvent
	return v.Ask("assignmentMode", t.Mode == OnEvent, "it is %s: %s", t.Mode, t.Mode.evaluatedWhen(what)) &&
		v.Counts(EventMatchFields(), t.Matcher, c) && (c.Tells() == "" || t.compiled().Hears(c.Tells()) || v.Unheard("eventMatchCondition", c))
}

// Unheard says that a condition does not ask for the change of a user that nobody made which an occasion tells.
func (v *Verdict) Unheard(field string, o *Occasion) bool {
	return v.Ask(field, false, "%s is for rules whose condition reads the change, and requires no other", o.Tells())
}

// Counts asks whether a matcher picks an occasion for those who count what somebody has done.
func (v *Verdict) Counts(names event.Fields, m event.Matcher, o *Occasion) bool {
	return v.Matches(names, m, o.Event) &&
		(!o.Ends() || v.Ask(names.Entity, false, "something is over, which is for rewards and boards that ask for the status, the state or the direction"))
}

// Unevaluated asks whether a rule had not been evaluated for an owner in a period. The table holds the rule's
// evaluations.
func (v *Verdict) Unevaluated(
	ctx context.Context, tx *session.Tx, table *store.Table[Evaluation], ruleID string, owner Owner, periodID string,
) (bool, error) {
	done, found, err := table.Get(ctx, tx, EvaluationKey(owner, ruleID, periodID))
	switch {
	case err != nil:
		return false, err
	case found:
		return v.Ask("periodId", false, "the rule was evaluated for %s before, %s", periodID, &done), nil
	}
	return v.Ask("periodId", true, "the rule had not been evaluated for %s", periodID), nil
}

// Begun asks whether a period is not over where it began, and returns it as [Trigger.Begun] does.
func (v *Verdict) Begun(ctx context.Context, tx *session.Tx, o *Occasion, t Trigger, p timeframe.Period) (timeframe.Period, bool, error) {
	begun, ok, err := t.Begun(ctx, tx, o.User, p, o.Event.At)
	if err == nil && !ok {
		v.Ask("timeframeTimezoneType", false, "%s was over in the zone in which the user lived when it began", p.ID)
	}
	return begun, ok, err
}

// Picks asks whether a rule picks at least one of its n candidates, whose number a field bounds. ask returns the
// id of each and what was asked of it; none says that there is no candidate.
func (v *Verdict) Picks(field, none string, n int, ask func(i int) (id string, asked rule.Check)) bool {
	return v.any(field, none, " is picked", " is not picked", n, ask)
}

// CountsFor asks whether an event counts for at least one of n parts of something. ask returns the id of each and the last that was asked of it.
func (v *Verdict) CountsFor(field string, n int, ask func(i int) (id string, asked rule.Check)) bool {
	return v.any(field, "there is none", " counts it", " does not count it", n, ask)
}

func (v *Verdict) any(field, none, yes, no string, n int, ask func(i int) (id string, asked rule.Check)) bool {
	out := rule.Check{Name: field, Reason: none}
	reasons := make([]string, n)
	for i := range n {
		id, asked := ask(i)
		out.Holds = out.Holds || asked.Holds
		reasons[i] = id + either(asked.Holds, yes, no)
		if asked.Trace != nil || !asked.Holds && asked.Reason != "" {
			reasons[i] += fmt.Sprintf(" (%s: %s)", asked.Name, asked.Reason)
		}
		if n == 1 {
			out.Trace = asked.Trace
		}
	}
	if n > 0 {
		out.Reason = strings.Join(reasons, "; ")
	}
	return v.Add(out)
}

// Within asks whether an event happened inside a timeframe, which the owner names.
func (v *Verdict) Within(f timeframe.Timeframe, at time.Time) bool {
	return v.inside(f, at, "the event happened at "+Stamp(at))
}

// Unpublished says that the document was not in force.
func (v *Verdict) Unpublished() {
	v.Ask("published", false, "it was not published when the event was recorded")
}

// InForce asks whether a timeframe, which the owner names, has begun and not ended now.
func (v *Verdict) InForce(f timeframe.Timeframe, now time.Time) bool {
	return v.inside(f, now, "it is "+Stamp(now))
}

func (v *Verdict) inside(f timeframe.Timeframe, at time.Time, then string) bool {
	switch f.State(at) {
	case timeframe.Pending:
		return v.Ask("timeframeStartsAt", false, "it begins at %s, and %s", Stamp(f.StartsAt), then)
	case timeframe.Ended:
		return v.Ask("timeframeEndsAt", false, "it ended at %s, and %s", Stamp(*f.EndsAt), then)
	case timeframe.Active:
	}
	return v.Ask("timeframeStartsAt", true, "it began at %s, and %s", Stamp(f.StartsAt), then)
}

// Check asks the condition as [Condition.Holds] does and says why the answer is what it is.
func (c Condition) Check(vars map[string]any, now time.Time) rule.Check {
	if c.rule == nil {
		return rule.Check{Name: c.field, Holds: true, Reason: "there is no condition"}
	}
	return Check(c.field, c.rule, &rule.Env{Data: vars, Now: now})
}

// Check asks an expression of a document as a condition. The reason also names what the expression
// reads of a user that the journal does not keep.
func Check(name string, r *rule.Rule, env *rule.Env) rule.Check {
	c := r.Check(name, env)
	c.Reason += lost(c.Trace, env.Data)
	return c
}

// show returns a constant of a document as JSON.
func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// Check asks the expression for its amount as [Amount.Of] does. It holds if it gives one that is more
// than 0; the reason says what it gave.
func (a Amount) Check(vars map[string]any, now time.Time) rule.Check {
	if a.rule == nil {
		return rule.Check{Name: a.field, Holds: true, Reason: "it is 1, as there is no expression"}
	}
	t, reason, err := explain(a.rule, vars, now)
	if err != nil {
		return rule.Check{Name: a.field, Reason: err.Error()}
	}
	d, err := ToAmount(t.Value())
	switch {
	case err != nil:
		reason += "; it " + err.Error()
	case !d.IsPositive():
		reason += "; it must be more than 0"
	}
	return rule.Check{Name: a.field, Holds: err == nil && d.IsPositive(), Reason: reason + lost(t, vars), Trace: t}
}

// Check asks the expression for its option as [Choice.Of] does. It holds if it gives one; the reason says what
// it gave.
func (c Choice) Check(vars map[string]any, now time.Time) rule.Check {
	t, reason, err := explain(c.rule, vars, now)
	if err != nil {
		return rule.Check{Name: c.field, Reason: err.Error()}
	}
	option, err := c.pick(t.Value())
	if err != nil {
		reason += "; it " + err.Error()
	} else {
		reason += ", so it is " + option
	}
	return rule.Check{Name: c.field, Holds: err == nil, Reason: reason + lost(t, vars), Trace: t}
}

// explain evaluates an expression and says what it gave.
func explain(r *rule.Rule, vars map[string]any, now time.Time) (t *rule.Trace, reason string, err error) {
	if t, err = r.Explain(&rule.Env{Data: vars, Now: now}); err != nil {
		return nil, "", err
	}
	if t.Op() == "" {
		return t, "it is " + show(t.Value()), nil
	}
	return t, t.Reason(), nil
}

// Lost tells whether a check read in vain what the journal does not keep.
func (v *Verdict) Lost() bool {
	return slices.ContainsFunc(v.Checks, func(c rule.Check) bool {
		return slices.ContainsFunc(unkept, func(name string) bool { return reads(c.Trace, "user."+name) })
	})
}

// lost says which fields of the user an evaluation read in vain because they are not kept.
func lost(t *rule.Trace, data any) string {
	vars, _ := data.(map[string]any)
	user, _ := vars["user"].(map[string]any)
	var text strings.Builder
	for _, name := range unkept {
		if _, kept := user[name]; user != nil && !kept && reads(t, "user."+name) {
			text.WriteString("; user." + name + " is not kept with the event")
		}
	}
	return text.String()
}

func reads(t *rule.Trace, path string) bool {
	return t != nil && (t.Path() == path || slices.ContainsFunc(t.Args(), func(a rule.Trace) bool { return reads(&a, path) }))
}
