package missions

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
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

// A Configuration says which events a mission counts, how much each is worth, and how much is needed.
type Configuration struct {
	content.Header
	content.Labels
	Name          string          `json:"name"`
	MissionType   Type            `json:"missionType"`
	MatchType     event.MatchType `json:"matchType"`
	MatchEntity   string          `json:"matchEntity"`
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

// MaxDistinct is how many distinct values a mission counts: it keeps them.
const MaxDistinct = 200

// Matcher returns which events count.
func (c *Configuration) Matcher() event.Matcher {
	return event.Matcher{Type: c.MatchType, Entity: c.MatchEntity, EntityID: c.MatchEntityID}
}

// entities are the events that missions may count.
var entities = []string{
	string(event.Activity), string(event.Quiz), string(event.LearningPath), string(event.MobilityTracking), string(event.MobilityMilestone),
	string(event.Badge), string(event.Level), string(event.VirtualTransaction),
}

// Validate returns every fault of the configuration's fields, joined.
func (c *Configuration) Validate() error {
	_, err := compileConfiguration(c)
	return errors.Join(c.ValidateTexts(), text.Required("name", c.Name), c.MissionType.check(), c.Matcher().Check(event.MatchFields(), entities...), err)
}

// Expressions returns the condition, the increment, the target and what is distinct.
func (c *Configuration) Expressions() []content.Expression {
	on, paths := c.Matcher(), missionPaths
	if c.MissionType == Group {
		// Its members' events are not judged in one order, and nobody's target is a group's.
		paths = slices.DeleteFunc(slices.Clone(missionPaths), func(path string) bool {
			return path == "mission.currentAmount" || path == "mission.isCompleted"
		})
	}
	sees := mechanic.EventContext(on, paths...)
	return []content.Expression{
		{Field: "matchCondition", Source: c.MatchCondition, Use: rule.Condition, Sees: sees, On: on},
		{Field: "incrementExpression", Source: c.IncrementExpression, Use: rule.Amount, Sees: sees, On: on},
		{Field: "targetAmountExpression", Source: c.TargetAmountExpression, Use: rule.Amount, Sees: c.targetContext()},
		{Field: "distinctExpression", Source: c.DistinctExpression, Use: rule.Value, Sees: sees, On: on},
	}
}

// References returns the document or tag that is matched.
func (c *Configuration) References() []content.Reference {
	return content.Matched("matchEntityId", c.Matcher())
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

// goal is a compiled configuration.
type goal struct {
	*Configuration
	condition         mechanic.Condition
	increment, target mechanic.Amount
	distinct          mechanic.Distinct
	readsMission      bool // the condition, the increment or what is distinct may read mission
	targetReads       bool // so may the target
}

func compileConfiguration(c *Configuration) (*goal, error) {
	g := &goal{Configuration: c}
	source := Configurations.Name() + "/" + c.ID
	x := c.Expressions()
	var faults [4]error
	g.condition, faults[0] = mechanic.CompileCondition(source, x[0].Field, x[0].Source, x[0].Sees)
	g.increment, faults[1] = mechanic.CompilePositive(source, x[1].Field, x[1].Source, x[1].Sees)
	g.target, faults[2] = mechanic.CompilePositive(source, x[2].Field, x[2].Source, x[2].Sees)
	g.distinct, faults[3] = mechanic.CompileDistinct(source, x[3].Field, x[3].Source, x[3].Sees)
	g.readsMission = g.condition.Reads("mission") || g.increment.Reads("mission") || g.distinct.Reads("mission")
	g.targetReads = g.target.Reads("mission")
	return g, errors.Join(append(faults[:], g.checkWhole(), g.checkDistinct())...)
}

// checkDistinct refuses to tell values apart for a GROUP, and a target that the values which are kept cannot reach.
func (g *goal) checkDistinct() error {
	switch {
	case !g.distinct.Given():
		return nil
	case g.MissionType == Group:
		return fault.Invalid("distinctExpression", "is for INDIVIDUAL missions; what the members of a group do is not judged in one order")
	case mechanic.Absent(g.IncrementExpression) && g.target.Always(MaxDistinct):
		return fault.Invalid("targetAmountExpression", "is more than %d, as many distinct values as are counted", MaxDistinct)
	}
	return nil
}

// checkWhole refuses expressions of a GROUP that read all of something of which they may not read a part.
func (g *goal) checkWhole() error {
	if g.MissionType != Group {
		return nil
	}
	var faults []error
	for _, of := range []struct {
		field string
		reads bool
		what  string
	}{
		{"matchCondition", g.condition.Reads("mission.currentAmount"), "the amount of a group's mission"},
		{"incrementExpression", g.increment.Reads("mission.currentAmount"), "the amount of a group's mission"},
		{"targetAmountExpression", g.target.Reads("user"), "a user of a group"},
	} {
		if of.reads {
			faults = append(faults, fault.Invalid(of.field, "may read %s; name the fields that it reads", of.what))
		}
	}
	return errors.Join(faults...)
}
