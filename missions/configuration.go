// Package missions gives users goals: a configuration says what counts and how much is needed, a rule
// says who gets it and when, a mission is one user's (or one group's) copy of it for one period.
//
// A mission is assigned when its rule is evaluated, and counts every event of its period that matches
// it: those that had happened before it was assigned, those that happen later, those that arrive late.
// So it does not matter in which order things arrive. It is completed exactly once, at the moment at
// which, in the order in which things happened, its target was reached. A mission that is made by hand
// counts from when it is made.
package missions

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/timeframe"
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
	// MatchCondition picks among the matching events; it may read event, user and mission. It and the
	// increment are evaluated when an event arrives: one that reads the mission's amount sees that of then.
	MatchCondition json.RawMessage `json:"matchCondition,omitempty"`
	// IncrementExpression is what an event adds, more than 0; null means 1.
	IncrementExpression json.RawMessage `json:"incrementExpression,omitempty"`
	// TargetAmountExpression is how much is needed, more than 0; null means 1. It may read user and
	// mission, and is evaluated once, when the mission becomes active.
	TargetAmountExpression json.RawMessage `json:"targetAmountExpression,omitempty"`
}

// Matcher returns which events count.
func (c *Configuration) Matcher() event.Matcher {
	return event.Matcher{Type: c.MatchType, Entity: c.MatchEntity, EntityID: c.MatchEntityID}
}

// entities are the events that missions may count.
var entities = []string{string(event.Activity), string(event.Quiz), string(event.LearningPath)}

// Validate returns every fault of the configuration's fields, joined.
func (c *Configuration) Validate() error {
	_, err := compileConfiguration(c)
	return errors.Join(c.ValidateTexts(), text.Required("name", c.Name), c.MissionType.check(), c.Matcher().Check(event.MatchFields(), entities...), err)
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

// AssignmentMode says when a rule is evaluated.
type AssignmentMode = mechanic.AssignmentMode

// The modes: when the user's missions are asked for, when an event matches, at the times of a
// schedule, or never.
const (
	Lazy          = mechanic.Lazy
	OnEvent       = mechanic.OnEvent
	ScheduledPush = mechanic.ScheduledPush
	Disabled      = mechanic.Disabled
)

// Rules is the kind of [Rule].
var Rules = content.NewKind[Rule]("MissionRule")

// A Rule says who gets which missions, when, and for how long.
type Rule struct {
	content.Header
	content.Descriptions
	timeframe.Timeframe
	MissionType Type   `json:"missionType"`
	Name        string `json:"name"`
	// GroupTagID is the tag whose users share the missions of a GROUP rule.
	GroupTagID string `json:"groupTagId,omitempty"`
	// UsersMatchCondition picks users of an INDIVIDUAL rule; it may read user and activeMissions, and with
	// the mode EVENT event.
	UsersMatchCondition json.RawMessage `json:"usersMatchCondition,omitempty"`
	// MissionConfigurationsPool are the candidates; empty means every configuration of the type.
	MissionConfigurationsPool []string `json:"missionConfigurationsPool,omitempty"`
	// MissionsMatchCondition picks among the candidates, one at a time; it may read mission too.
	MissionsMatchCondition json.RawMessage `json:"missionsMatchCondition,omitempty"`
	AssignmentMode         AssignmentMode  `json:"assignmentMode"`
	// The four eventMatch fields say which events assign, with the mode EVENT and no other.
	EventMatchType      event.MatchType `json:"eventMatchType,omitempty"`
	EventMatchEntity    string          `json:"eventMatchEntity,omitempty"`
	EventMatchEntityID  string          `json:"eventMatchEntityId,omitempty"`
	EventMatchCondition json.RawMessage `json:"eventMatchCondition,omitempty"`
}

// EventMatcher returns which events evaluate a rule of mode EVENT.
func (r *Rule) EventMatcher() event.Matcher {
	return event.Matcher{Type: r.EventMatchType, Entity: r.EventMatchEntity, EntityID: r.EventMatchEntityID}
}

// trigger returns when the rule is evaluated.
func (r *Rule) trigger() mechanic.Trigger {
	return mechanic.Trigger{Timeframe: r.Timeframe, Mode: r.AssignmentMode, Matcher: r.EventMatcher(), Condition: r.EventMatchCondition}
}

// evaluators are the events that rules may be evaluated for.
var evaluators = slices.Concat(entities, []string{string(event.User)})

// Validate returns every fault of the rule's fields, joined.
func (r *Rule) Validate() error {
	_, err := compileRule(r)
	return errors.Join(text.Required("name", r.Name), r.MissionType.check(), r.Timeframe.Validate(), r.checkOwner(), r.trigger().Check(evaluators...), err)
}

func (r *Rule) checkOwner() error {
	switch {
	case r.MissionType == Group && r.GroupTagID == "":
		return fault.Invalid("groupTagId", "is missing; a GROUP rule needs the tag of its group")
	case r.MissionType == Group && len(r.UsersMatchCondition) > 0:
		return fault.Invalid("usersMatchCondition", "is for INDIVIDUAL rules; a GROUP rule has a tag instead")
	case r.MissionType == Individual && r.GroupTagID != "":
		return fault.Invalid("groupTagId", "is for GROUP rules")
	}
	return nil
}

// References returns the candidates, the group's tag and what the events are about.
func (r *Rule) References() []content.Reference {
	refs := content.Matched("eventMatchEntityId", r.EventMatcher())
	if r.GroupTagID != "" {
		refs = append(refs, content.Reference{Field: "groupTagId", Kind: content.Tags.Name(), ID: r.GroupTagID})
	}
	for i, id := range r.MissionConfigurationsPool {
		refs = append(refs, content.Reference{Field: fmt.Sprintf("missionConfigurationsPool[%d]", i), Kind: Configurations.Name(), ID: id})
	}
	return refs
}

// Fits refuses candidates of another type of mission than the rule's.
func (r *Rule) Fits(find func(kind, id string) (content.Document, error)) error {
	var faults []error
	for i, id := range r.MissionConfigurationsPool {
		doc, err := find(Configurations.Name(), id)
		if err != nil {
			return err
		}
		if c, ok := doc.(*Configuration); ok && c.MissionType != r.MissionType {
			faults = append(faults, fault.Invalid(fmt.Sprintf("missionConfigurationsPool[%d]", i),
				"names MissionConfiguration %q, which is %s; the rule is %s", id, c.MissionType, r.MissionType))
		}
	}
	return errors.Join(faults...)
}

// missionPaths are what expressions may read of a mission or a candidate for one.
var missionPaths = []string{
	"mission.missionId", "mission.missionConfigurationId", "mission.missionRuleId", "mission.missionType", "mission.name", "mission.periodId",
	"mission.startsAt", "mission.endsAt", "mission.currentAmount", "mission.targetAmount", "mission.isCompleted",
	"mission.matchType", "mission.matchEntity", "mission.matchEntityId", "mission.groupTagId", "mission.userId", "mission.tags",
}

// goal is a compiled configuration.
type goal struct {
	*Configuration
	condition         mechanic.Condition
	increment, target mechanic.Amount
	readsMission      bool // the condition or the increment may read mission
}

func compileConfiguration(c *Configuration) (*goal, error) {
	g := &goal{Configuration: c}
	source := Configurations.Name() + "/" + c.ID
	ctx := mechanic.EventContext(c.Matcher(), missionPaths...)
	var faults [3]error
	g.condition, faults[0] = mechanic.CompileCondition(source, "matchCondition", c.MatchCondition, ctx)
	g.increment, faults[1] = mechanic.CompilePositive(source, "incrementExpression", c.IncrementExpression, ctx)
	g.target, faults[2] = mechanic.CompilePositive(source, "targetAmountExpression", c.TargetAmountExpression, mechanic.UserContext(missionPaths...))
	g.readsMission = g.condition.Reads("mission") || g.increment.Reads("mission")
	return g, errors.Join(faults[:]...)
}

// plan is a compiled rule.
type plan struct {
	*Rule
	on                     mechanic.Trigger
	event, users, missions mechanic.Condition
	goals                  []*goal // the candidates
	readsActive            bool    // a condition reads activeMissions
}

func compileRule(r *Rule) (*plan, error) {
	p := &plan{Rule: r, on: r.trigger()}
	source := Rules.Name() + "/" + r.ID
	var faults [3]error
	p.event, faults[0] = mechanic.CompileCondition(source, "eventMatchCondition", r.EventMatchCondition, mechanic.EventContext(p.on.Matcher))
	p.users, faults[1] = mechanic.CompileCondition(source, "usersMatchCondition", r.UsersMatchCondition, p.on.Context("activeMissions"))
	p.missions, faults[2] = mechanic.CompileCondition(source, "missionsMatchCondition", r.MissionsMatchCondition,
		p.on.Context(append([]string{"activeMissions"}, missionPaths...)...))
	p.readsActive = p.users.Reads("activeMissions") || p.missions.Reads("activeMissions")
	return p, errors.Join(faults[:]...)
}
