package mechanic

import (
	"slices"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/rule"
)

// commonFields are what rules read of every event. Package rule lists all of these for authors.
var commonFields = []string{"id", "type", "userId", "entityId", "completedAt", "value", "tags", "entityTags"}

// ownFields are what rules read beside them of the events of each type that a rule can match.
var ownFields = map[event.Type][]string{
	event.Activity:      {"activityId", "outcome", "progress", "additionalData.*"},
	event.Quiz:          append([]string{"quizId", "difficulty", "answer", "placement"}, learnedFields...),
	event.Slide:         append([]string{"slideId"}, learnedFields...),
	event.Story:         append([]string{"storyId", "action", "contentId"}, learnedFields...),
	event.LearningGroup: append([]string{"learningGroupId"}, learnedFields...),
	event.LearningPath:  append([]string{"learningPathId"}, learnedFields...),
	event.Mission: {
		"missionConfigurationId", "missionId", "missionRuleId", "missionType", "periodId", "startsAt", "endsAt", "currentAmount",
		"targetAmount", "isCompleted", "matchType", "matchEntity", "matchEntityId", "groupTagId", "progress",
	},
	event.Streak: {
		"streakConfigurationId", "streakRuleId", "count", "status", "iterationId", "periodId", "goalId", "target",
	},
	event.VirtualTransaction: {
		"virtualCurrencyId", "virtualTransactionId", "virtualTransactionGroupId", "amount", "direction", "state", "redemptionMode",
		"initiatorType", "initiator", "counterpartType", "counterpart", "additionalData.*",
	},
	event.User: {},
}

// learnedFields are what all logs of learning have.
var learnedFields = []string{"context", "parentId", "parentType", "lang", "outcome", "progress", "startedAt"}

// previousFields are what rules read of the log of learning as it was before the event.
var previousFields = []string{"context", "outcome", "progress", "startedAt"}

// logged are the types whose events tell of a log that was there before: it is previousEvent.
var logged = []event.Type{event.Quiz, event.Slide, event.Story, event.LearningGroup, event.LearningPath}

var userFields = []string{"userId", "externalId", "nickname", "lang", "timezone", "role", "status", "tags", "createdAt"}

// UserContext returns the paths of an expression that knows the user, and those given.
func UserContext(more ...string) *rule.Context {
	return rule.NewContext(append(under("user", userFields), more...)...)
}

// EventContext returns the paths of an expression that knows an event, also at top level, and its user,
// and those given. It knows what an event of one of the types has that a matcher picks; one that picks by a
// tag picks any.
func EventContext(m event.Matcher, more ...string) *rule.Context {
	if own, known := ownFields[event.Type(m.Entity)]; known {
		return eventContext(own, slices.Contains(logged, event.Type(m.Entity)), more)
	}
	var all []string
	for _, own := range ownFields {
		all = append(all, own...)
	}
	slices.Sort(all)
	return eventContext(slices.Compact(all), true, more)
}

func eventContext(own []string, logged bool, more []string) *rule.Context {
	fields := slices.Concat(commonFields, own)
	paths := slices.Concat(fields, under("event", fields), under("user", userFields), more)
	if logged {
		paths = append(paths, under("previousEvent", previousFields)...)
	}
	return rule.NewContext(paths...)
}

// Context returns the paths of a condition of a rule that assigns something: those of the event too, if
// events have the rule evaluated.
func (t Trigger) Context(more ...string) *rule.Context {
	if t.Mode == OnEvent {
		return EventContext(t.Matcher, more...)
	}
	return UserContext(more...)
}

func under(root string, names []string) []string {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = root + "." + name
	}
	return paths
}
