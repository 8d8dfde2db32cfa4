package missions

import (
	"context"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
)

// A payer is a document that pays; package economy has them.
type payer interface {
	// Pays tells whether it pays in a currency, "" for any, for events of a type.
	Pays(currencyID string, of event.Type) bool
}

// payers is the kind of those who pay for missions.
const payers = "RewardRule"

// Warnings warns of what is distinct and always the same, of a mission over transactions that counts what is hardly meant: both directions, what was taken back,
// and what is paid for missions, and of what is needed first and no rule assigns.
func (c *Configuration) Warnings(ctx context.Context, in content.View) ([]content.Warning, error) {
	a, err := compileConfiguration(c)
	if err != nil {
		return nil, nil //nolint:nilerr // what it will be refused for is said elsewhere
	}
	var warnings []content.Warning
	for _, g := range a.goals {
		of, err := g.warnings(ctx, in)
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, of...)
	}
	unassigned, err := c.unassigned(ctx, in)
	return append(warnings, unassigned...), err
}

// unassigned warns of what is needed first if no rule in force has it among its candidates.
func (c *Configuration) unassigned(ctx context.Context, in content.View) ([]content.Warning, error) {
	if len(c.Requires) == 0 {
		return nil, nil
	}
	rules, err := in.Documents(ctx, Rules.Name())
	if err != nil {
		return nil, err
	}
	var warnings []content.Warning
	for i, id := range c.Requires {
		if !slices.ContainsFunc(rules, func(doc content.Document) bool {
			r, ok := doc.(*Rule)
			return ok && r.MissionType == Individual && r.AssignmentMode != Disabled && r.MissionConfigurationsPool.Has(id)
		}) {
			warnings = append(warnings, content.Warning{Field: requiresField(i), Reason: fmt.Sprintf(
				"names MissionConfiguration %q, which no MissionRule in force assigns, so only who is given a mission of it by hand can come to this one", id)})
		}
	}
	return warnings, nil
}

// warnings returns those of a goal.
func (g *goal) warnings(ctx context.Context, in content.View) ([]content.Warning, error) {
	var warnings []content.Warning
	if g.distinct.Always() {
		warnings = append(warnings, content.Warning{Field: g.below + "distinctExpression", Reason: "always gives the same value, so the mission counts one event; read what is to differ"})
	}
	if g.MatchEntity != string(event.VirtualTransaction) {
		return warnings, nil
	}
	warn := func(reason string, args ...any) {
		warnings = append(warnings, content.Warning{Field: g.below + "matchCondition", Reason: fmt.Sprintf(reason, args...)})
	}
	if !g.readsOf("direction", "initiatorType", "initiator") {
		warn(`does not read direction, and neither does incrementExpression, so what is spent or given away counts like what is earned, as an amount is more than 0 ` +
			`in both directions; compare it: {"==": [{"var": "direction"}, "CREDIT"]}, or "DEBIT"`)
	}
	if !g.readsOf("reversalOf", "initiatorType") {
		warn(`does not read reversalOf, and neither does incrementExpression, so what takes back another transaction counts like one that somebody has made; ` +
			`leave it out: {"!": {"var": "reversalOf"}}`)
	}
	if g.readsOf("initiatorType", "initiator") {
		return warnings, nil
	}
	rules, err := in.Documents(ctx, payers)
	i := slices.IndexFunc(rules, func(doc content.Document) bool {
		p, ok := doc.(payer)
		return ok && p.Pays(g.MatchEntityID, event.Mission)
	})
	if err == nil && i >= 0 {
		warn(`does not read initiatorType, and neither does incrementExpression, so what %s %q pays for missions counts too, and one completed mission may complete `+
			`another; each is completed once, so it ends; leave that out: {"!=": [{"var": "initiator"}, %q]}`, payers, rules[i].Head().ID, rules[i].Head().ID)
	}
	return warnings, err
}

// readsOf tells whether the condition or the increment may read one of some fields of an event.
func (g *goal) readsOf(fields ...string) bool {
	return slices.ContainsFunc(fields, func(field string) bool {
		return slices.ContainsFunc([]string{field, "event." + field}, func(path string) bool { return g.condition.Reads(path) || g.increment.Reads(path) })
	})
}
