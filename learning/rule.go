package learning

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Rules is the kind of [Rule].
var Rules = content.NewKind[Rule]("LearningPathRule")

// RuleType says what a rule does.
type RuleType string

// The types of rule: it makes assignments, or it opens locked ones.
const (
	Assign RuleType = "ASSIGN"
	Unlock RuleType = "UNLOCK"
)

// AssignmentMode says when a rule is evaluated.
type AssignmentMode = mechanic.AssignmentMode

// The modes: when the user's paths are asked for, when an event matches, at the times of a schedule, or
// never.
const (
	Lazy          = mechanic.Lazy
	OnEvent       = mechanic.OnEvent
	ScheduledPush = mechanic.ScheduledPush
	Disabled      = mechanic.Disabled
)

// Visibility says whether an assignment may be worked on.
type Visibility string

// The visibilities.
const (
	Locked   Visibility = "LOCKED"
	Unlocked Visibility = "UNLOCKED"
)

// A Rule says who gets which paths, when and for how long, or what opens a path that is locked. It is
// evaluated at most once for a user in a period, unless its conditions do not hold.
type Rule struct {
	content.Header
	content.Descriptions
	timeframe.Timeframe
	RuleType RuleType `json:"ruleType"`
	Name     string   `json:"name"`
	// UsersMatchCondition picks users; it may read user and activeAssignments, and with the mode EVENT event.
	UsersMatchCondition json.RawMessage `json:"usersMatchCondition,omitempty"`
	// LearningPathsPool are the candidates of ASSIGN: ids, or "ALL" for every path, also one that is published later. If it is not said, or empty, every path is one
	// too, but then ASSIGN needs LearningPathsMatchCondition.
	LearningPathsPool content.Pool `json:"learningPathsPool,omitempty"`
	// LearningPathsMatchCondition picks among the candidates, one at a time; it may read learningPath too.
	LearningPathsMatchCondition json.RawMessage `json:"learningPathsMatchCondition,omitempty"`
	// InitialVisibilityCondition gives LOCKED or UNLOCKED, or false or true, for each path that ASSIGN
	// assigns; null means UNLOCKED. It may read user, learningPath, and index, the path's place among the
	// candidates from 0.
	InitialVisibilityCondition json.RawMessage `json:"initialVisibilityCondition,omitempty"`
	// UnlockLearningPathID is the path whose assignments UNLOCK opens.
	UnlockLearningPathID string `json:"unlockLearningPathId,omitempty"`
	// GroupID is copied to the assignments, for clients to show them together.
	GroupID        string         `json:"groupId,omitempty"`
	AssignmentMode AssignmentMode `json:"assignmentMode"`
	// The four eventMatch fields say which events evaluate the rule, with the mode EVENT and no other:
	// those of LearningPathLog (a path that moved), User, or what carries a Tag.
	EventMatchType      event.MatchType `json:"eventMatchType,omitempty"`
	EventMatchEntity    string          `json:"eventMatchEntity,omitempty"`
	EventMatchEntityID  string          `json:"eventMatchEntityId,omitempty"`
	EventMatchCondition json.RawMessage `json:"eventMatchCondition,omitempty"`
}

// pathLog is what rules call the events of paths.
const pathLog = "LearningPathLog"

// EventMatcher returns which events evaluate a rule of mode EVENT, as the author wrote it.
func (r *Rule) EventMatcher() event.Matcher {
	return event.Matcher{Type: r.EventMatchType, Entity: r.EventMatchEntity, EntityID: r.EventMatchEntityID}
}

// matcher returns which events evaluate the rule.
func (r *Rule) matcher() event.Matcher {
	m := r.EventMatcher()
	if m.Entity == pathLog {
		m.Entity = string(event.LearningPath)
	}
	return m
}

// trigger returns when the rule is evaluated.
func (r *Rule) trigger() mechanic.Trigger {
	return mechanic.Trigger{Timeframe: r.Timeframe, Mode: r.AssignmentMode, Matcher: r.matcher(), Condition: r.EventMatchCondition}
}

// Validate returns every fault of the rule's fields, joined.
func (r *Rule) Validate() error {
	_, err := compileRule(r)
	return errors.Join(r.ValidateTexts(), text.Required("name", r.Name), r.Timeframe.Validate(), r.checkTrigger(), r.checkType(),
		text.Line("groupId", r.GroupID, 0, content.MaxName), err)
}

// checkTrigger checks the trigger with the entity as the author wrote it.
func (r *Rule) checkTrigger() error {
	t := r.trigger()
	t.Matcher = r.EventMatcher()
	return t.Check(pathLog, string(event.User))
}

func (r *Rule) checkType() error {
	switch r.RuleType {
	case Assign:
		return r.checkAssign()
	case Unlock:
		return r.checkUnlock()
	}
	return fault.Invalid("ruleType", "%q is none of ASSIGN, UNLOCK", r.RuleType)
}

func (r *Rule) checkAssign() error {
	var faults []error
	if len(r.LearningPathsPool) == 0 && len(r.LearningPathsMatchCondition) == 0 {
		faults = append(faults, fault.Invalid("learningPathsPool", "is empty; ASSIGN needs it or learningPathsMatchCondition"))
	}
	if r.UnlockLearningPathID != "" {
		faults = append(faults, fault.Invalid("unlockLearningPathId", "is for UNLOCK"))
	}
	if n := len(r.LearningPathsPool); n > MaxPool {
		faults = append(faults, fault.Invalid("learningPathsPool", "has %d paths, at most %d are allowed", n, MaxPool))
	}
	for i, id := range r.LearningPathsPool {
		if r.LearningPathsPool.IsAll() {
			break
		}
		field := r.LearningPathsPool.Entry("learningPathsPool", i)
		err := ident.Check(field, id)
		if slices.Contains(r.LearningPathsPool[:i], id) {
			err = fault.Invalid(field, "%q occurs twice", id)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// MaxPool is how many paths a rule's pool may have.
const MaxPool = 100

func (r *Rule) checkUnlock() error {
	var faults []error
	if r.UnlockLearningPathID == "" {
		faults = append(faults, fault.Invalid("unlockLearningPathId", "is empty; UNLOCK needs it"))
	} else {
		faults = append(faults, ident.Check("unlockLearningPathId", r.UnlockLearningPathID))
	}
	if r.AssignmentMode != OnEvent && r.AssignmentMode != Disabled {
		faults = append(faults, fault.Invalid("assignmentMode", "is %q; UNLOCK needs EVENT, or DISABLED to rest", r.AssignmentMode))
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"learningPathsPool", len(r.LearningPathsPool) > 0},
		{"learningPathsMatchCondition", len(r.LearningPathsMatchCondition) > 0},
		{"initialVisibilityCondition", len(r.InitialVisibilityCondition) > 0},
		{"groupId", r.GroupID != ""},
	} {
		if f.set {
			faults = append(faults, fault.Invalid(f.name, "is for ASSIGN"))
		}
	}
	return errors.Join(faults...)
}

// Expressions returns the conditions on the event, the user and the candidates, and what decides whether they are open.
func (r *Rule) Expressions() []content.Expression {
	on := r.trigger()
	candidates := append([]string{"activeAssignments"}, pathPaths...)
	return []content.Expression{
		{Field: "eventMatchCondition", Source: r.EventMatchCondition, Use: rule.Condition, Sees: mechanic.EventContext(on.Matcher), On: on.Matcher},
		{Field: "usersMatchCondition", Source: r.UsersMatchCondition, Use: rule.Condition, Sees: on.Context("activeAssignments"), On: on.Matcher},
		{Field: "learningPathsMatchCondition", Source: r.LearningPathsMatchCondition, Use: rule.Condition, Sees: on.Context(candidates...), On: on.Matcher},
		{
			Field: "initialVisibilityCondition", Source: r.InitialVisibilityCondition, Use: rule.Value,
			Sees: on.Context(append(candidates, "index")...), On: on.Matcher,
		},
	}
}

// References returns the candidates, the path to unlock, and what the events are about.
func (r *Rule) References() []content.Reference {
	refs := content.Matched("eventMatchEntityId", r.matcher())
	if r.UnlockLearningPathID != "" {
		refs = append(refs, content.Reference{Field: "unlockLearningPathId", Kind: Paths.Name(), ID: r.UnlockLearningPathID})
	}
	return append(refs, r.LearningPathsPool.References("learningPathsPool", Paths.Name())...)
}

// pathPaths are what expressions may read of a path that a rule could assign.
var pathPaths = []string{"learningPath.learningPathId", "learningPath.title", "learningPath.estimatedDuration", "learningPath.origin", "learningPath.tags"}

// plan is a compiled rule.
type plan struct {
	*Rule
	on           mechanic.Trigger
	event, users mechanic.Condition
	paths        mechanic.Condition
	visibility   mechanic.Choice
	candidates   []*Path
	readsActive  bool // a condition reads activeAssignments
}

func compileRule(r *Rule) (*plan, error) {
	p := &plan{Rule: r, on: r.trigger()}
	x := r.Expressions()
	var faults [4]error
	for i, into := range []*mechanic.Condition{&p.event, &p.users, &p.paths} {
		*into, faults[i] = mechanic.CompileCondition(r.source(), x[i].Field, x[i].Source, x[i].Sees)
	}
	p.visibility, faults[3] = mechanic.CompileChoice(r.source(), x[3].Field, x[3].Source, x[3].Sees, string(Unlocked), string(Locked))
	p.readsActive = p.users.Reads("activeAssignments") || p.paths.Reads("activeAssignments")
	return p, errors.Join(faults[:]...)
}

// source names the rule in problems.
func (r *Rule) source() string { return Rules.Name() + "/" + r.ID }
