package missions

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
)

// Type says whose a mission is.
type Type string

// The types of mission: one user's, which stops when it is completed; or that of all users who carry
// a tag, which is completed once and goes on counting.
const (
	Individual Type = "INDIVIDUAL"
	Group      Type = "GROUP"
)

// Configurations is the kind of [Configuration].
var Configurations = content.NewKind[Configuration]("MissionConfiguration")

// A Goal says which events count, how much each is worth, and how much is needed.
type Goal struct {
	MatchType     event.MatchType `json:"matchType,omitempty"`
	MatchEntity   string          `json:"matchEntity,omitempty"`
	MatchEntityID string          `json:"matchEntityId,omitempty"`
	// MatchCondition picks among the matching events; it may read event, user and mission. One that reads the
	// mission's amount, and so the increment, sees what it was before the event, in the order in which things
	// happened. That of a GROUP mission cannot read mission.currentAmount and mission.isCompleted.
	MatchCondition json.RawMessage `json:"matchCondition,omitempty"`
	// IncrementExpression is what an event adds, more than 0; null means 1.
	IncrementExpression json.RawMessage `json:"incrementExpression,omitempty"`
	// DistinctExpression lets an event count only if it gives a value that no event has given that the mission has counted: "run in five places", "give to
	// three friends". A value is a text, a number, true or false; null counts nothing. At most [MaxDistinct] values are counted. It may read what
	// MatchCondition may; null lets each event count. It is for INDIVIDUAL missions.
	DistinctExpression json.RawMessage `json:"distinctExpression,omitempty"`
	// TargetAmountExpression is how much is needed, more than 0; null means 1. It may read user and
	// mission, of a GROUP only mission, and is evaluated once, when the mission becomes active.
	TargetAmountExpression json.RawMessage `json:"targetAmountExpression,omitempty"`
}

// A NamedGoal is one of several goals of a mission.
type NamedGoal struct {
	// ID names the goal in its configuration.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Translations are what the goal is called in languages of the configuration.
	Translations []content.Label `json:"translations,omitempty"`
	Goal
}

// The bounds of how many goals a mission with several has, and how many others it may need first.
const (
	MinGoals    = 2
	MaxGoals    = 10
	MaxRequires = 10
)

// A Configuration says what a mission counts, and how much is needed: its own fields of a [Goal], or several goals.
type Configuration struct {
	content.Header
	content.Labels
	Name string `json:"name"`
	// Image is an absolute URI.
	Image       string `json:"image,omitempty"`
	MissionType Type   `json:"missionType"`
	Goal
	// Goals are [MinGoals] to [MaxGoals], each of which counts by itself; the configuration's own matchType and so on are empty then. An event may count for
	// several. What a goal reads of mission is about the goal: its amount, its target, what it matches. It is for INDIVIDUAL missions.
	Goals []NamedGoal `json:"goals,omitempty"`
	// GoalsNeeded is how many of the goals have to be reached: 1 is any of them, and nothing means all.
	GoalsNeeded int `json:"goalsNeeded,omitempty"`
	// Requires are configurations, at most [MaxRequires], of each of which a user must have completed a mission, in whatever period, before a rule assigns one of
	// this. If it is picked before, it waits, and is assigned in the same period when the last of them is completed. It counts what happens after that. It is for
	// INDIVIDUAL missions; one that is made by hand waits for nothing.
	Requires []string `json:"requires,omitempty"`
	// Hidden keeps a mission from its user's list until something of it is done ([Mission.Concealed]).
	Hidden bool `json:"hidden,omitempty"`
}

// MaxDistinct is how many distinct values a mission, or one of several goals, counts: it keeps them.
const MaxDistinct = 200

// Matcher returns which events count.
func (g *Goal) Matcher() event.Matcher {
	return event.Matcher{Type: g.MatchType, Entity: g.MatchEntity, EntityID: g.MatchEntityID}
}

// given tells whether the goal says anything.
func (g *Goal) given() bool {
	return g.Matcher() != event.Matcher{} || !mechanic.Absent(g.MatchCondition) || !mechanic.Absent(g.IncrementExpression) ||
		!mechanic.Absent(g.DistinctExpression) || !mechanic.Absent(g.TargetAmountExpression)
}

// A place is where a goal stands in its configuration.
type place struct {
	*Goal
	// nth is its place among several, -1 of the only one.
	nth   int
	id    string
	below string // what is before the names of its fields
}

// places returns the goals, the only one or several.
func (c *Configuration) places() []place {
	if len(c.Goals) == 0 {
		return []place{{&c.Goal, -1, "", ""}}
	}
	all := make([]place, len(c.Goals))
	for i := range c.Goals {
		all[i] = place{&c.Goals[i].Goal, i, c.Goals[i].ID, goalField(i) + "."}
	}
	return all
}

func goalField(i int) string { return fmt.Sprintf("goals[%d]", i) }

// fields returns the names of the matcher's fields.
func (p *place) fields() event.Fields {
	names := event.MatchFields()
	return event.Fields{Type: p.below + names.Type, Entity: p.below + names.Entity, EntityID: p.below + names.EntityID}
}

// entities are the events that missions may count.
var entities = []string{
	string(event.Activity), string(event.Quiz), string(event.LearningPath), string(event.MobilityTracking), string(event.MobilityMilestone),
	string(event.Badge), string(event.Level), string(event.VirtualTransaction),
}

// Validate returns every fault of the configuration's fields, joined.
func (c *Configuration) Validate() error {
	_, err := compileConfiguration(c)
	faults := []error{
		c.ValidateTexts(), text.Required("name", c.Name), text.Optional(text.URI, "image", c.Image), c.MissionType.check(), c.checkGoals(), c.checkRequires(),
	}
	for _, p := range c.places() {
		faults = append(faults, p.Matcher().Check(p.fields(), entities...))
	}
	return errors.Join(append(faults, err)...)
}

// checkGoals returns every fault in what is said of several goals.
func (c *Configuration) checkGoals() error {
	n := len(c.Goals)
	switch {
	case n == 0 && c.GoalsNeeded != 0:
		return fault.Invalid("goalsNeeded", "is for several goals")
	case n == 0 && c.Goals == nil:
		return nil
	case n < MinGoals || n > MaxGoals:
		return fault.Invalid("goals", "are %d; there are %d to %d, or the configuration has one of its own", n, MinGoals, MaxGoals)
	case c.MissionType == Group:
		return fault.Invalid("goals", "are for INDIVIDUAL missions; what the members of a group do is counted in whatever order it comes, and which goal is reached when depends on it")
	}
	var faults []error
	if c.given() {
		faults = append(faults, fault.Invalid("matchType", "and its companions are for a configuration of one goal; each of several has its own"))
	}
	if c.GoalsNeeded < 0 || c.GoalsNeeded > n {
		faults = append(faults, fault.Invalid("goalsNeeded", "is %d; of %d goals, 1 to %d can be needed", c.GoalsNeeded, n, n))
	}
	langs := c.Languages()
	for i := range c.Goals {
		g := &c.Goals[i]
		below := errors.Join(ident.Check("id", g.ID), text.Required("name", g.Name), content.CheckBelow(g.Translations, langs))
		if slices.ContainsFunc(c.Goals[:i], func(before NamedGoal) bool { return before.ID == g.ID }) {
			below = errors.Join(below, fault.Invalid("id", "%q occurs twice", g.ID))
		}
		faults = append(faults, fault.In(goalField(i), below))
	}
	return errors.Join(faults...)
}

// checkRequires returns every fault in what is needed first.
func (c *Configuration) checkRequires() error {
	switch {
	case len(c.Requires) == 0:
		return nil
	case len(c.Requires) > MaxRequires:
		return fault.Invalid("requires", "are %d, at most %d are allowed", len(c.Requires), MaxRequires)
	case c.MissionType == Group:
		return fault.Invalid("requires", "is for INDIVIDUAL missions; what the members of a group have completed is not judged in one order")
	}
	var faults []error
	for i, id := range c.Requires {
		err := ident.Check(requiresField(i), id)
		switch {
		case id == c.ID:
			err = fault.Invalid(requiresField(i), "is the configuration itself, so nobody could ever begin")
		case slices.Contains(c.Requires[:i], id):
			err = fault.Invalid(requiresField(i), "%q occurs twice", id)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func requiresField(i int) string { return fmt.Sprintf("requires[%d]", i) }

// Fits refuses what is needed first if it is of a GROUP, or needs this one first, also through others.
func (c *Configuration) Fits(find func(kind, id string) (content.Document, error)) error {
	var faults []error
	for i, id := range c.Requires {
		doc, err := find(Configurations.Name(), id)
		if err != nil {
			return err
		}
		if of, ok := doc.(*Configuration); ok && of.MissionType != Individual {
			faults = append(faults, fault.Invalid(requiresField(i), "names MissionConfiguration %q, which is %s; what is needed first is INDIVIDUAL", id, of.MissionType))
			continue
		}
		way, err := c.wayBack(find, id, map[string]bool{})
		if err != nil {
			return err
		}
		if way != nil {
			faults = append(faults, fault.Invalid(requiresField(i), "leads in a circle, so nobody could ever begin: %s", strings.Join(append([]string{c.ID}, way...), " needs ")))
		}
	}
	return errors.Join(faults...)
}

// wayBack returns the ids that lead from a configuration back to this one by what is needed first, nil if none do.
func (c *Configuration) wayBack(find func(kind, id string) (content.Document, error), from string, seen map[string]bool) ([]string, error) {
	switch {
	case from == c.ID:
		return []string{from}, nil
	case seen[from]:
		return nil, nil
	}
	seen[from] = true
	doc, err := find(Configurations.Name(), from)
	of, ok := doc.(*Configuration)
	if err != nil || !ok {
		return nil, err
	}
	for _, id := range of.Requires {
		if way, err := c.wayBack(find, id, seen); err != nil || way != nil {
			return append([]string{from}, way...), err
		}
	}
	return nil, nil
}

// Expressions returns those of each goal: the condition, the increment, the target and what is distinct.
func (c *Configuration) Expressions() []content.Expression {
	var all []content.Expression
	for _, p := range c.places() {
		all = append(all, c.expressionsOf(&p)...)
	}
	return all
}

func (c *Configuration) expressionsOf(p *place) []content.Expression {
	on, paths := p.Matcher(), missionPaths
	if c.MissionType == Group {
		// Its members' events are not judged in one order, and nobody's target is a group's.
		paths = slices.DeleteFunc(slices.Clone(missionPaths), func(path string) bool {
			return path == "mission.currentAmount" || path == "mission.isCompleted"
		})
	}
	sees := mechanic.EventContext(on, paths...)
	return []content.Expression{
		{Field: p.below + "matchCondition", Source: p.MatchCondition, Use: rule.Condition, Sees: sees, On: on},
		{Field: p.below + "incrementExpression", Source: p.IncrementExpression, Use: rule.Amount, Sees: sees, On: on},
		{Field: p.below + "targetAmountExpression", Source: p.TargetAmountExpression, Use: rule.Amount, Sees: c.targetContext()},
		{Field: p.below + "distinctExpression", Source: p.DistinctExpression, Use: rule.Value, Sees: sees, On: on},
	}
}

// References returns the documents or tags that are matched, and what is needed first.
func (c *Configuration) References() []content.Reference {
	var refs []content.Reference
	for _, p := range c.places() {
		refs = append(refs, content.Matched(p.below+"matchEntityId", p.Matcher())...)
	}
	for i, id := range c.Requires {
		refs = append(refs, content.Reference{Field: requiresField(i), Kind: Configurations.Name(), ID: id})
	}
	return refs
}

func (t Type) check() error {
	if t != Individual && t != Group {
		return fault.Invalid("missionType", "%q is none of INDIVIDUAL, GROUP", t)
	}
	return nil
}

// missionPaths are what expressions may read of a mission. Package rule lists them for authors.
var missionPaths = []string{
	"mission.missionId", "mission.missionConfigurationId", "mission.missionRuleId", "mission.missionType", "mission.periodId",
	"mission.startsAt", "mission.endsAt", "mission.currentAmount", "mission.targetAmount", "mission.isCompleted",
	"mission.matchType", "mission.matchEntity", "mission.matchEntityId", "mission.groupTagId", "mission.userId",
}

// targetContext returns what the target may read: of a group, nothing of a user.
func (c *Configuration) targetContext() *rule.Context {
	if c.MissionType == Group {
		return rule.NewContext(missionPaths...)
	}
	return mechanic.UserContext(missionPaths...)
}

// An aim is a compiled configuration.
type aim struct {
	*Configuration
	goals []*goal // the only one, or several
}

// goal is a compiled goal.
type goal struct {
	place
	key               string // of what it matches
	condition         mechanic.Condition
	increment, target mechanic.Amount
	distinct          mechanic.Distinct
	readsMission      bool // the condition, the increment or what is distinct may read mission
	targetReads       bool // so may the target
}

// several tells whether the configuration has several goals.
func (a *aim) several() bool { return len(a.Goals) > 0 }

// needed returns how many of several goals have to be reached.
func (c *Configuration) needed() int { return cmp.Or(c.GoalsNeeded, len(c.Goals)) }

func compileConfiguration(c *Configuration) (*aim, error) {
	a := &aim{Configuration: c}
	var faults []error
	for _, p := range c.places() {
		g, err := c.compile(p)
		a.goals, faults = append(a.goals, g), append(faults, err)
	}
	return a, errors.Join(faults...)
}

func (c *Configuration) compile(p place) (*goal, error) {
	g := &goal{place: p, key: p.Matcher().Key()}
	source := Configurations.Name() + "/" + c.ID
	x := c.expressionsOf(&p)
	var faults [4]error
	g.condition, faults[0] = mechanic.CompileCondition(source, x[0].Field, x[0].Source, x[0].Sees)
	g.increment, faults[1] = mechanic.CompilePositive(source, x[1].Field, x[1].Source, x[1].Sees)
	g.target, faults[2] = mechanic.CompilePositive(source, x[2].Field, x[2].Source, x[2].Sees)
	g.distinct, faults[3] = mechanic.CompileDistinct(source, x[3].Field, x[3].Source, x[3].Sees)
	g.readsMission = g.condition.Reads("mission") || g.increment.Reads("mission") || g.distinct.Reads("mission")
	g.targetReads = g.target.Reads("mission")
	return g, errors.Join(append(faults[:], g.checkWhole(c.MissionType), g.checkDistinct(c.MissionType))...)
}

// checkDistinct refuses to tell values apart for a GROUP, and a target that the values which are kept cannot reach.
func (g *goal) checkDistinct(of Type) error {
	switch {
	case !g.distinct.Given():
		return nil
	case of == Group:
		return fault.Invalid("distinctExpression", "is for INDIVIDUAL missions; what the members of a group do is not judged in one order")
	case mechanic.Absent(g.IncrementExpression) && g.target.Always(MaxDistinct):
		return fault.Invalid(g.below+"targetAmountExpression", "is more than %d, as many distinct values as are counted", MaxDistinct)
	}
	return nil
}

// checkWhole refuses expressions of a GROUP that read all of something of which they may not read a part.
func (g *goal) checkWhole(of Type) error {
	if of != Group {
		return nil
	}
	var faults []error
	for _, read := range []struct {
		field string
		reads bool
		what  string
	}{
		{"matchCondition", g.condition.Reads("mission.currentAmount"), "the amount of a group's mission"},
		{"incrementExpression", g.increment.Reads("mission.currentAmount"), "the amount of a group's mission"},
		{"targetAmountExpression", g.target.Reads("user"), "a user of a group"},
	} {
		if read.reads {
			faults = append(faults, fault.Invalid(read.field, "may read %s; name the fields that it reads", read.what))
		}
	}
	return errors.Join(faults...)
}
