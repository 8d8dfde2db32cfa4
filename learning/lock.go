package learning

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Lock is a rule that would unlock an assignment, and what is missing for it.
type Lock struct {
	RuleID      string `json:"learningPathRuleId"`
	RuleVersion int    `json:"learningPathRuleVersion"`
	// Name is what authors call the rule, whatever the user's language.
	Name string `json:"name"`
	// Description is the rule's, in the user's language; empty if the author wrote none.
	Description string `json:"description,omitempty"`
	// Checks are the questions that decide, as the answers are now. One at least does not hold: that the
	// event has not happened.
	Checks []rule.Check `json:"checks"`
}

// String says what is missing.
func (l *Lock) String() string {
	var missing []string
	for _, c := range l.Checks {
		if !c.Holds {
			missing = append(missing, fmt.Sprintf("%s (%s)", c.Name, c.Reason))
		}
	}
	return fmt.Sprintf("rule %q unlocks it, which lacks %s", l.RuleID, strings.Join(missing, ", "))
}

// locks returns the rules that would unlock an assignment, described in a language as [Query.Lang] says.
func (p *program) locks(ctx context.Context, tx *session.Tx, a *Assignment, lang string) ([]Lock, error) {
	if a.Visibility != Locked {
		return nil, nil
	}
	u, err := tenancy.FindUser(ctx, tx, a.UserID)
	if err != nil {
		return nil, err
	}
	var locks []Lock
	for _, pl := range p.unlocks[a.PathID] {
		l, err := p.lock(ctx, tx, pl, u, cmp.Or(lang, u.Lang))
		if err != nil {
			return nil, err
		}
		locks = append(locks, l)
	}
	return locks, nil
}

func (p *program) lock(ctx context.Context, tx *session.Tx, pl *plan, u *tenancy.User, lang string) (Lock, error) {
	picked, err := content.PickLang(lang, pl.Languages(), pl.DefaultLang)
	if err != nil {
		return Lock{}, err
	}
	l := Lock{RuleID: pl.ID, RuleVersion: pl.Version, Name: pl.Name}
	if i := slices.IndexFunc(pl.Translations, func(d content.Description) bool { return d.Lang == picked }); i >= 0 {
		l.Description = pl.Translations[i].Description
	}
	var v mechanic.Verdict
	v.InForce(pl.Timeframe, tx.Now)
	vars := map[string]any{"user": u.Vars()}
	active, err := activeAssignments(ctx, tx, u, tx.Now)
	if err != nil {
		return Lock{}, err
	}
	vars["activeAssignments"] = active
	v.Condition(pl.users, vars, tx.Now)
	waiting, err := p.waiting(ctx, tx, pl, u)
	if err != nil {
		return Lock{}, err
	}
	v.Add(waiting)
	l.Checks = v.Checks
	return l, nil
}

// waiting says which event a rule waits for, and of a path how far the user is with it.
func (p *program) waiting(ctx context.Context, tx *session.Tx, pl *plan, u *tenancy.User) (rule.Check, error) {
	m := pl.EventMatcher()
	c := rule.Check{Name: "eventMatchEntity", Reason: fmt.Sprintf("no event of %s has happened that meets the rule", m.Entity)}
	switch {
	case m.Type == event.MatchTag:
		c.Name, c.Reason = "eventMatchEntityId", fmt.Sprintf("no event of what carries the tag %s has happened that meets the rule", m.EntityID)
		return c, nil
	case m.Entity != pathLog || m.Type != event.MatchInstance:
		return c, nil
	}
	c.Name = "eventMatchEntityId"
	r, begun, err := logs.Get(ctx, tx, logKey(u.ID, DefaultContext, itemKey{ItemPath, m.EntityID}))
	if err != nil || !begun {
		c.Reason = fmt.Sprintf("path %s is not begun", m.EntityID)
		return c, err
	}
	o := p.happened(&r, u)
	if asked := pl.event.Check(o.Vars(), tx.Now); !asked.Holds {
		asked.Reason = fmt.Sprintf("path %s is in %s: %s", m.EntityID, r.Progress, asked.Reason)
		return asked, nil
	}
	c.Reason = fmt.Sprintf("path %s is in %s, and the rule takes its next event", m.EntityID, r.Progress)
	return c, nil
}
