package missions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

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
	// GraceMinutes is until how long after the end of a mission an event of its time must have been recorded to count for it: at most 90 days.
	// What is recorded later counts everywhere else. If it is not said, all counts, whenever it is recorded. What never ends has none.
	GraceMinutes *int   `json:"graceMinutes,omitempty"`
	MissionType  Type   `json:"missionType"`
	Name         string `json:"name"`
	// GroupTagID is the tag whose users share the missions of a GROUP rule, whose zone is FIXED: those to whom somebody has assigned it, and not who carries it
	// because of a document.
	GroupTagID string `json:"groupTagId,omitempty"`
	// UsersMatchCondition picks users of an INDIVIDUAL rule; it may read user and activeMissions, and with
	// the mode EVENT event.
	UsersMatchCondition json.RawMessage `json:"usersMatchCondition,omitempty"`
	// MissionConfigurationsPool are the candidates: ids, or "ALL" for every configuration of the type, also those that are published later. Not to say it means
	// the same, and is a warning unless there is MissionsMatchCondition; a list of none is refused.
	MissionConfigurationsPool content.Pool `json:"missionConfigurationsPool,omitempty"`
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
	return errors.Join(text.Required("name", r.Name), r.MissionType.check(), r.Timeframe.Validate(), r.CheckGrace(r.GraceMinutes), r.checkOwner(), r.checkPool(), r.trigger().Check(evaluators...), err)
}

// checkPool refuses a list of no candidates, which would mean all of them if it was not said.
func (r *Rule) checkPool() error {
	if r.MissionConfigurationsPool != nil && len(r.MissionConfigurationsPool) == 0 {
		return fault.Invalid("missionConfigurationsPool", "is a list of none, so there is nothing to assign; name the configurations, or say \"ALL\" for every %s one", r.MissionType)
	}
	return nil
}

func (r *Rule) checkOwner() error {
	switch {
	case r.MissionType == Group && r.GroupTagID == "":
		return fault.Invalid("groupTagId", "is missing; a GROUP rule needs the tag of its group")
	case r.MissionType == Group && len(r.UsersMatchCondition) > 0:
		return fault.Invalid("usersMatchCondition", "is for INDIVIDUAL rules; a GROUP rule has a tag instead")
	case r.MissionType == Group && r.TimezoneType == timeframe.User:
		return fault.Invalid("timeframeTimezoneType", "is USER; a group has no time zone of its own, so a GROUP rule is FIXED")
	case r.MissionType == Individual && r.GroupTagID != "":
		return fault.Invalid("groupTagId", "is for GROUP rules")
	}
	return nil
}

// Expressions returns the conditions: on the event, the user, and the candidates.
func (r *Rule) Expressions() []content.Expression {
	on := r.trigger()
	candidates := slices.Concat([]string{"activeMissions", "mission.name", "mission.tags"}, missionPaths)
	return []content.Expression{
		{Field: "eventMatchCondition", Source: r.EventMatchCondition, Use: rule.Condition, Sees: mechanic.EventContext(on.Matcher), On: on.Matcher},
		{Field: "usersMatchCondition", Source: r.UsersMatchCondition, Use: rule.Condition, Sees: on.Context("activeMissions"), On: on.Matcher},
		{Field: "missionsMatchCondition", Source: r.MissionsMatchCondition, Use: rule.Condition, Sees: on.Context(candidates...), On: on.Matcher},
	}
}

// Warnings warns of a rule that picks whatever there is.
func (r *Rule) Warnings(context.Context, content.View) ([]content.Warning, error) {
	if len(r.MissionConfigurationsPool) > 0 || !mechanic.Absent(r.MissionsMatchCondition) {
		return nil, nil
	}
	return []content.Warning{{
		Field: "missionConfigurationsPool",
		Reason: fmt.Sprintf("is not said, and there is no missionsMatchCondition, so the rule assigns every MissionConfiguration of type %s, "+
			"also those that are published later; if that is meant, say \"ALL\"", r.MissionType),
	}}, nil
}

// References returns the candidates, the group's tag and what the events are about.
func (r *Rule) References() []content.Reference {
	refs := content.Matched("eventMatchEntityId", r.EventMatcher())
	if r.GroupTagID != "" {
		refs = append(refs, content.Reference{Field: "groupTagId", Kind: content.Tags.Name(), ID: r.GroupTagID})
	}
	return append(refs, r.MissionConfigurationsPool.References("missionConfigurationsPool", Configurations.Name())...)
}

// Fits refuses candidates of another type of mission than the rule's.
func (r *Rule) Fits(find func(kind, id string) (content.Document, error)) error {
	var faults []error
	for _, ref := range r.MissionConfigurationsPool.References("missionConfigurationsPool", Configurations.Name()) {
		doc, err := find(ref.Kind, ref.ID)
		if err != nil {
			return err
		}
		if c, ok := doc.(*Configuration); ok && c.MissionType != r.MissionType {
			faults = append(faults, fault.Invalid(ref.Field, "names MissionConfiguration %q, which is %s; the rule is %s", ref.ID, c.MissionType, r.MissionType))
		}
	}
	return errors.Join(faults...)
}

// plan is a compiled rule.
type plan struct {
	*Rule
	on                     mechanic.Trigger
	event, users, missions mechanic.Condition
	aims                   []*aim // the candidates
	readsActive            bool   // a condition reads activeMissions
}

func compileRule(r *Rule) (*plan, error) {
	p := &plan{Rule: r, on: r.trigger()}
	source := Rules.Name() + "/" + r.ID
	var faults [3]error
	for i, x := range r.Expressions() {
		into := []*mechanic.Condition{&p.event, &p.users, &p.missions}[i]
		*into, faults[i] = mechanic.CompileCondition(source, x.Field, x.Source, x.Sees)
	}
	p.readsActive = p.users.Reads("activeMissions") || p.missions.Reads("activeMissions")
	return p, errors.Join(faults[:]...)
}
