package mechanic

import (
	"maps"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/tenancy"
)

// fields are the names of what rules read, with what is known of the values.
type fields map[string]rule.Type

// below returns the fields with a root before their names.
func (f fields) below(root string) fields {
	all := make(fields, len(f))
	for name, t := range f {
		all[root+name] = t
	}
	return all
}

// names returns the names in order.
func (f fields) names() []string { return slices.Sorted(maps.Keys(f)) }

// What is known of the values that rules read.
var (
	anyText  = rule.Type{Sort: rule.Text}
	mayText  = rule.Type{Sort: rule.Text, Optional: true}
	count    = rule.Type{Sort: rule.Number}
	mayCount = rule.Type{Sort: rule.Number, Optional: true}
	instant  = rule.Type{Sort: rule.Instant}
	mayTime  = rule.Type{Sort: rule.Instant, Optional: true}
	anything = rule.Type{Optional: true}
)

// oneOf is what is known of a text that is one of a few.
func oneOf(values ...string) rule.Type { return rule.Type{Sort: rule.Text, Values: values} }

// mayBe is what is known of a text that is one of a few, if it is there.
func mayBe(values ...string) rule.Type {
	return rule.Type{Sort: rule.Text, Values: values, Optional: true}
}

// idOf is what is known of the id of a document of a kind.
func idOf(kind string) rule.Type { return rule.Type{Sort: rule.Text, Of: kind} }

// mayID is what is known of the id of a document of a kind, if it is there.
func mayID(kind string) rule.Type { return rule.Type{Sort: rule.Text, Of: kind, Optional: true} }

// tagIDs is what is known of a list of ids of tags.
var tagIDs = rule.Type{Sort: rule.Texts, Of: tagKind}

// mayTags is what is known of a list of ids of tags, if it is there.
var mayTags = rule.Type{Sort: rule.Texts, Of: tagKind, Optional: true}

// commonFields are what rules read of every event. Package rule lists all of these for authors.
var commonFields = fields{
	"id": anyText, "type": anyText, "userId": anyText, "entityId": anyText, "completedAt": instant, "value": count,
	"tags": {Sort: rule.Texts}, "entityTags": tagIDs,
}

// The values of what several types of event have.
var (
	progress    = oneOf(event.Start, event.InProgress, event.Complete)
	mayProgress = mayBe(event.Start, event.InProgress, event.Complete)
	learned     = mayBe(string(event.Success), string(event.Fail))
	matchType   = mayBe(string(event.MatchInstance), string(event.MatchEntity), string(event.MatchTag)) // none where there are several goals
	missionType = oneOf("INDIVIDUAL", "GROUP")
	party       = oneOf("USER", "SYSTEM")
	initiators  = []string{"USER", "REWARD_RULE", "STREAK_RULE", "SYSTEM", "ADMIN", "REVERSAL", "LAPSE"}
)

// trackTypes are the ways to move of the tracks of mobility.
var trackTypes = []string{
	"airplane", "bicycle", "bus", "cablecar", "car", "ferry", "light_rail", "other", "regional_train", "subway", "train", "tram", "walk",
}

// ownFields are what rules read beside them of the events of each type that a rule can match.
var ownFields = map[event.Type]fields{
	event.Activity: {
		"activityId": idOf("Activity"), "outcome": mayBe(string(event.Success), string(event.Failure)), "progress": progress, "additionalData.*": anything,
	},
	event.Quiz: withLearned(fields{
		"quizId": idOf("Quiz"), "difficulty": mayBe("EASY", "MEDIUM", "HARD"), "answer": mayBe("opt1", "opt2", "opt3", "opt4"),
		"attempt":   mayCount,
		"placement": mayBe("STANDALONE", "STORY", "NEWS"),
	}),
	event.Slide: withLearned(fields{"slideId": idOf("Slide")}),
	event.Story: withLearned(fields{
		"storyId": idOf("Story"), "action": mayBe("START_READ", "COMPLETE_READ", "BOOKMARK", "UNBOOKMARK", "SHARE"), "contentId": mayCount,
	}),
	event.LearningGroup: withLearned(fields{"learningGroupId": idOf("LearningGroup")}),
	event.LearningPath:  withLearned(fields{"learningPathId": idOf("LearningPath")}),
	event.Mission: {
		"missionConfigurationId": idOf("MissionConfiguration"), "missionId": anyText, "missionRuleId": mayID("MissionRule"), "missionType": missionType,
		"periodId": anyText, "startsAt": instant, "endsAt": mayTime, "currentAmount": count, "targetAmount": mayCount,
		"isCompleted": {Sort: rule.Boolean}, "matchType": matchType, "matchEntity": mayText, "matchEntityId": mayText,
		"groupTagId": mayID(tagKind), "progress": progress, "state": mayBe("ENDED"),
	},
	event.Streak: {
		"streakConfigurationId": idOf("StreakConfiguration"), "streakRuleId": idOf("StreakRule"), "count": count,
		"status": oneOf("ACTIVE", "COMPLETED", "BROKEN", "ENDED"), "iterationId": mayCount, "periodId": mayText, "goalId": mayCount, "target": mayCount,
	},
	event.VirtualTransaction: {
		"virtualCurrencyId": idOf("VirtualCurrency"), "virtualTransactionId": anyText, "virtualTransactionGroupId": anyText, "amount": count,
		"direction": oneOf("CREDIT", "DEBIT"), "state": oneOf("PENDING", "COMPLETED", "EXPIRED", "REJECTED"), "redemptionMode": oneOf("AUTO", "MANUAL"),
		"initiatorType": oneOf(initiators...), "initiator": anyText,
		"lapsesAt": mayTime, "reversalOf": mayText, "reversedInitiatorType": mayBe(initiators...),
		"counterpartType": party, "counterpart": mayText, "additionalData.*": anything,
	},
	event.Badge: {
		"badgeConfigurationId": idOf("BadgeConfiguration"), "rewardRuleId": mayID("RewardRule"), "ruleVersion": mayCount, "sourceEntityType": mayText, "sourceEntityId": mayText,
		"reason": mayText,
	},
	event.MobilityTracking: {
		"mobilityFactorsId": mayID("MobilityFactors"), "mobilityTrackingId": anyText, "provider": anyText, "date": anyText, "userTimezone": anyText,
		"status": oneOf("track", "stay"), "trackType": mayBe(trackTypes...), "length": count, "minutes": count, "co2Emitted": count, "co2Avoided": count,
		"startsAt": instant, "startsAtTimezone": anyText, "endsAt": instant, "endsAtTimezone": anyText,
		"misdetectedCompletely": {Sort: rule.Boolean}, "suspicious": {Sort: rule.Boolean}, "counts": {Sort: rule.Boolean},
		"suspicion": mayBe("PROVIDER", "SPEED", "OVERLAP", "JUMP"), "contradictsId": mayText, "verdict": mayBe("RELEASED", "REJECTED"),
		"reviewReason": mayText, "reviewedBy": mayText, "reviewedByType": mayText, "reviewedAt": mayTime,
	},
	event.MobilityMilestone: {
		"mobilityGoalsId": idOf("MobilityGoals"), "mobilityMilestoneId": anyText, "date": anyText, "userTimezone": anyText,
		"metric": oneOf("minutes", "km", "co2"), "target": anyText, "goal": count, "userAmount": count,
		"transportTypes": {Sort: rule.Texts}, "reachedAt": instant, "redeemedAt": instant,
	},
	event.Level: {
		"ladderId": idOf("Ladder"), "direction": oneOf("UP", "DOWN"), "from": mayText, "to": mayText, "number": count, "threshold": mayCount, "measure": count,
	},
	event.User: {
		"status": mayBe(string(tenancy.Active), string(tenancy.Suspended), string(tenancy.Deleted)), "change": mayBe(tenancy.Joined, tenancy.TagsChanged, tenancy.FirstSeen, tenancy.Anniversary),
		"tagsGained": mayTags, "tagsLost": mayTags, "years": mayCount,
	},
}

// withLearned returns the fields with those that all logs of learning have.
func withLearned(own fields) fields {
	maps.Copy(own, fields{
		"context": anyText, "parentId": mayText, "parentType": mayBe("learningPath", "learningGroup"), "lang": anyText, "outcome": learned,
		"progress": progress, "startedAt": instant,
	})
	return own
}

// previousFields are what rules read of the log of learning as it was before the event.
var previousFields = fields{"context": mayText, "outcome": learned, "progress": mayProgress, "startedAt": mayTime}

// logged are the types whose events tell of a log that was there before: it is previousEvent.
var logged = []event.Type{event.Quiz, event.Slide, event.Story, event.LearningGroup, event.LearningPath}

var userFields = fields{
	"userId": anyText, "externalId": mayText, "nickname": mayText, "lang": mayText, "timezone": mayText,
	"role":   oneOf(string(tenancy.Owner), string(tenancy.Admin), string(tenancy.Manager), string(tenancy.Member), string(tenancy.Viewer)),
	"status": oneOf(string(tenancy.Active), string(tenancy.Suspended), string(tenancy.Deleted)), "tags": tagIDs, "createdAt": instant,
}

// otherFields are what is known of what is neither an event nor a user. Which of it an expression may read its kind says.
var otherFields = fields{
	"mission.missionConfigurationId": idOf("MissionConfiguration"), "mission.missionRuleId": mayID("MissionRule"), "mission.missionType": missionType,
	"mission.startsAt": instant, "mission.endsAt": mayTime, "mission.currentAmount": count, "mission.targetAmount": mayCount,
	"mission.isCompleted": {Sort: rule.Boolean}, "mission.matchType": matchType, "mission.matchEntityId": mayText,
	"mission.groupTagId": mayID(tagKind), "mission.userId": mayText, "mission.tags": tagIDs,
	"streak.streakRuleId": idOf("StreakRule"), "streak.streakConfigurationId": idOf("StreakConfiguration"), "streak.cadence": oneOf("DAY", "WEEK"),
	"streak.metric": oneOf("DAYS", "WEEKS"), "streak.count": count, "streak.longest": count, "streak.iterationId": count, "streak.goalId": count,
	"streak.frozen":               count,
	"learningPath.learningPathId": idOf("LearningPath"), "learningPath.estimatedDuration": mayCount, "learningPath.tags": tagIDs,
	"learningPath.origin": oneOf("CUSTOM", "CATALOG", "AI"), "index": count,
}

const tagKind = "Tag"

// readers are the fields of documents whose expressions read what is neither an event's own nor of its user, by its
// root. Package rule lists them for authors.
var readers = map[string]string{
	"mission": "MissionConfiguration.matchCondition, MissionConfiguration.incrementExpression, MissionConfiguration.distinctExpression, " +
		"MissionConfiguration.targetAmountExpression, " +
		"MissionRule.missionsMatchCondition",
	"streak":         "StreakRule.freezeCostExpression",
	"activeMissions": "MissionRule.usersMatchCondition, MissionRule.missionsMatchCondition",
	"activeAssignments": "LearningPathRule.usersMatchCondition, LearningPathRule.learningPathsMatchCondition, " +
		"LearningPathRule.initialVisibilityCondition",
	"learningPath": "LearningPathRule.learningPathsMatchCondition, LearningPathRule.initialVisibilityCondition",
	"index":        "LearningPathRule.initialVisibilityCondition",
	"items": "LearningPath.startRule, LearningPath.completionRule, LearningPath.outcomeRule, " +
		"LearningGroup.startRule, LearningGroup.completionRule, LearningGroup.outcomeRule",
	"event": "what matches events: MissionConfiguration, StreakConfiguration, RewardRule, Boost, RuntimeLeaderboardConfiguration, Ladder, " +
		"and MissionRule and LearningPathRule with the assignmentMode EVENT",
	"recent":        "RewardRule, by the names of its counts",
	"previousEvent": "what matches a Quiz, Slide, Story, LearningGroup or LearningPath",
}

// elsewhere says of each path where it is read.
var elsewhere = readElsewhere()

func readElsewhere() map[string]string {
	hints := map[string]string{}
	for root, fields := range readers {
		hints[root] = "is read by " + fields
	}
	for name := range commonFields {
		hints[name] = "is of an event, which is read by " + readers["event"]
	}
	owners := map[string][]string{}
	for t, own := range ownFields {
		for name := range own {
			name = strings.TrimSuffix(name, ".*")
			owners[name] = append(owners[name], string(t))
		}
	}
	for name, types := range owners {
		slices.Sort(types)
		hints[name] = "is of events of type " + strings.Join(types, ", ")
	}
	return hints
}

// UserContext returns the paths of an expression that knows the user, and those given.
func UserContext(more ...string) *rule.Context { return userContext.And(more...) }

// EventContext returns the paths of an expression that knows an event, also at top level, and its user,
// and those given. It knows what an event of one of the types has that a matcher picks; one that picks by a
// tag picks any.
func EventContext(m event.Matcher, more ...string) *rule.Context {
	if own, one := eventContexts[event.Type(m.Entity)]; one {
		return own.And(more...)
	}
	return anyContext.And(more...)
}

// The contexts without what only some kinds read: of the events of each type, of those of any, and of no event.
var (
	eventContexts = contextsOfTypes()
	anyContext    = contextOfAny()
	userContext   = contextOf(nil)
)

func contextsOfTypes() map[event.Type]*rule.Context {
	all := map[event.Type]*rule.Context{}
	for t, own := range ownFields {
		known := maps.Clone(commonFields)
		maps.Copy(known, own)
		known["type"] = oneOf(string(t))
		known["entityId"] = idOf(t.Kind())
		if slices.Contains(logged, t) {
			maps.Copy(known, previousFields.below("previousEvent."))
		}
		all[t] = contextOf(known)
	}
	return all
}

func contextOfAny() *rule.Context {
	known := maps.Clone(commonFields)
	for _, own := range ownFields {
		known.mayHave(own)
	}
	maps.Copy(known, previousFields.below("previousEvent."))
	return contextOf(known)
}

// mayHave adds fields that only some events have.
func (f fields) mayHave(own fields) {
	for name, t := range own {
		before, there := f[name]
		switch {
		case !there:
		case before.Sort != t.Sort || before.Of != t.Of:
			t = rule.Type{}
		case before.Values != nil && t.Values != nil:
			t.Values = slices.Compact(slices.Sorted(slices.Values(slices.Concat(before.Values, t.Values))))
		default:
			t.Values = nil
		}
		t.Optional = true
		f[name] = t
	}
}

// contextOf returns the paths of an expression that knows the user, and an event with the given fields, if there are
// any.
func contextOf(known fields) *rule.Context {
	paths := userFields.below("user.").names()
	for name := range known {
		paths = append(paths, name)
		if !strings.HasPrefix(name, "previousEvent.") {
			paths = append(paths, "event."+name)
		}
	}
	slices.Sort(paths)
	return rule.NewContext(paths...).Mirroring("event").With(known).With(userFields.below("user.")).With(otherFields).Hinting(elsewhere)
}

// Context returns the paths of a condition of a rule that assigns something: those of the event too, if
// events have the rule evaluated.
func (t Trigger) Context(more ...string) *rule.Context {
	if t.Mode == OnEvent {
		return EventContext(t.Matcher, more...)
	}
	return UserContext(more...)
}
