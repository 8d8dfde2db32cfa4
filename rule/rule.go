// Package rule compiles JSON Logic: expressions that product people write as JSON, checked and
// compiled once, evaluated for every event.
//
//	r, err := rule.Compile([]byte(`{">=": [{"var": "event.value"}, 10]}`), ctx)
//	ok, err := r.Match(&rule.Env{Data: data, Now: now})
//
// # Expressions
//
// Any JSON value is an expression. An object with one key is an operator and its arguments; an array
// is an array of expressions; everything else, and {}, is a constant. A single argument needs no
// array around it. The operators are those of JSON Logic,
//
//	var missing missing_some          data
//	if ?: and or ! !!                 logic
//	== === != !== < <= > >=           comparison; the last four take a third argument: "between"
//	+ - * / % max min                 arithmetic
//	map filter reduce some all none   arrays; merge in
//	cat substr in                     texts
//
// and these, which give nothing when an argument is not what they need:
//
//	abs ceil floor round sqrt pow log exp   of numbers; log is the natural logarithm, and round
//	                                        takes a half upwards
//	lower upper starts_with ends_with       of texts
//	now []                                  when what is judged happened, RFC 3339 in UTC; where nothing did, the engine's time
//	date_part [part, instant, zone]         year, month, day, hour, minute, second, weekday (Monday
//	                                        is 1, Sunday 7), iso_week, iso_year, day_of_year
//	date_diff [from, to, unit, zone]        whole units: second, minute, hour of elapsed time; day,
//	                                        week, month, year between the civil dates in the zone
//	date_add [instant, n, unit, zone]       an instant as now writes it; the civil units keep the
//	                                        time of day in the zone
//
// An instant is RFC 3339, or a date (2026-03-29), which is the start of that day in the zone. The
// zone is an IANA name, UTC where it is absent or null. Data that gives anything else for a zone ends the
// evaluation: it is an error and has no value. Nothing reads anything but the data and the clock.
//
// Where a number or an instant is nothing, because the argument is absent or is none, the result is null,
// and no comparison with it is true but != and !==: {"<": [{"date_part": ["hour", {"var": "startedAt"}]}, 4]}
// is false for what has not started. It is nothing in arithmetic too. A text that is nothing is plain null.
//
// # What documents match
//
// What an expression reads depends on the events that its document matches. It names them by the type of what they
// are about, or by a log; but for a log, it may also match what carries a Tag:
//
//	MissionConfiguration.matchEntity              Activity Quiz LearningPath MobilityTracking
//	                                              MobilityMilestone Badge Level VirtualTransaction
//	MissionRule.eventMatchEntity                  Activity Quiz LearningPath MobilityTracking
//	                                              MobilityMilestone Badge Level VirtualTransaction User
//	StreakConfiguration.matchEntity               Mission Activity Quiz LearningPath LearningGroup Slide
//	                                              MobilityTracking MobilityMilestone Level
//	RewardRule.matchEntity                        Mission Activity Quiz LearningPath LearningGroup Slide
//	                                              MobilityTracking MobilityMilestone Streak Badge Level User
//	Ladder.measure.matchEntity                    Mission Activity Quiz LearningPath LearningGroup Slide
//	                                              Story MobilityTracking MobilityMilestone Streak
//	                                              VirtualTransaction Badge
//	LearningPathRule.eventMatchEntity             LearningPathLog User
//	RuntimeLeaderboardConfiguration.query.source  activity_logs quiz_logs slide_logs story_logs
//	                                              learning_group_logs learning_path_logs mission_logs
//	                                              virtual_transactions streaks mobility_trackings
//	                                              mobility_milestones badge_logs levels
//
// # What expressions read
//
// An expression that is asked because of an event reads its fields, below event and at top level
// (event.value, value), and those of its user (user.lang). What an event does not have is null. Every
// event has id, type, userId, entityId, completedAt, value, tags and entityTags, which are the ids of
// the tags that the entity carried. The others depend on its type:
//
//	Activity            activityId outcome progress additionalData.*
//	Quiz                quizId difficulty answer attempt placement
//	                    context parentId parentType lang outcome progress startedAt
//	Slide               slideId context parentId parentType lang outcome progress startedAt
//	Story               storyId action contentId
//	                    context parentId parentType lang outcome progress startedAt
//	LearningGroup       learningGroupId context parentId parentType lang outcome progress startedAt
//	LearningPath        learningPathId context parentId parentType lang outcome progress startedAt
//	Mission             missionConfigurationId missionId missionRuleId missionType periodId startsAt
//	                    endsAt currentAmount targetAmount isCompleted matchType matchEntity
//	                    matchEntityId groupTagId progress state
//	Streak              streakConfigurationId streakRuleId count status iterationId periodId goalId
//	                    target
//	VirtualTransaction  virtualCurrencyId virtualTransactionId virtualTransactionGroupId amount
//	                    direction state redemptionMode initiatorType initiator counterpartType
//	                    counterpart lapsesAt reversalOf reversedInitiatorType additionalData.*
//	Badge               badgeConfigurationId rewardRuleId ruleVersion sourceEntityType sourceEntityId
//	                    reason
//	MobilityTracking    mobilityFactorsId mobilityTrackingId provider date userTimezone status trackType
//	                    length minutes co2Emitted co2Avoided startsAt startsAtTimezone endsAt
//	                    endsAtTimezone misdetectedCompletely suspicious suspicion contradictsId verdict
//	                    reviewReason reviewedBy reviewedByType reviewedAt counts
//	MobilityMilestone   mobilityGoalsId mobilityMilestoneId date userTimezone metric target goal
//	                    userAmount transportTypes reachedAt redeemedAt
//	Level               ladderId direction from to number threshold measure
//	User                status change tagsGained tagsLost years
//
// The value of an activity is as recorded, or 1; of a mission its current amount, of a streak its count,
// of a transaction its amount, which is more than 0 in both directions, of a tracking its kilometres, of a milestone what the
// day had come to when it was redeemed, of a level the number of the step. A transaction that takes back
// another has its id as reversalOf, and as reversedInitiatorType who wanted that: whoever sums up what was earned leaves it out. A tracking has its length in metres, whole minutes, kilograms of CO2, and its mode as
// trackType; it happened when it began. One that is a stay, was detected wrongly or is suspicious counts nothing, and no document
// matches it. An event of a streak tells either
// that it grew, with iterationId, periodId and the status ACTIVE or BROKEN, or that a goal was reached,
// with goalId, target and the status COMPLETED. That of a mission tells that it was completed or, with the state ENDED and
// for rewards and boards that read the state, that its time was over before it was. That of a level tells that the user has come from one step of a
// ladder to another, up or, for rewards and boards that read the direction, down: from and to are ids of steps, null below the first; number is 1 on the
// first step and 0 below; threshold is that of the step, measure what was measured. That of a user has the status if that is what changed; no document
// matches it if the user takes no part since. Its change is JOINED when the user was created, and TAGS when tags were assigned to the user or taken back,
// or when the user carries others because of documents; tagsGained and tagsLost are their ids. Two changes nobody makes, and they are told to documents that
// name users and whose condition reads change, or years, and requires no other: FIRST_SEEN when the user did something for the first time, and ANNIVERSARY when
// so many years, which is years, have passed since the day on which the user joined. That of a badge tells by which rule it was awarded, and for what: the type of an event and what that
// was about; or the reason, if it was awarded by hand. previousEvent is the log of learning as it was before
// the event, with context, outcome, progress and startedAt. An expression may read what events of the
// type have that its document matches; of a document that matches a tag it may read what any type has.
//
// A user has userId, externalId, nickname, lang, timezone, role, status, tags and createdAt. Tags are those that the user carries: that somebody has assigned,
// and that documents give; what follows from an event sees those of before it, but for what follows from the change of the tags. What a user lacks
// is absent, and never an empty text: {"var": "user.lang"} is null for a user without a language, and for one
// without a time zone {"date_part": ["hour", {"var": "completedAt"}, {"var": "user.timezone"}]} is in UTC.
//
// recent has, by the names that a reward rule gives its counts, how many of its events happened to the user within the last so many minutes.
//
// Which of these, and what else, an expression reads depends on the field:
//
//	MissionConfiguration.matchCondition                event user mission
//	MissionConfiguration.incrementExpression           event user mission
//	MissionConfiguration.distinctExpression            event user mission
//	MissionConfiguration.targetAmountExpression        user mission
//	MissionRule.eventMatchCondition                    event user
//	MissionRule.usersMatchCondition                    event user activeMissions
//	MissionRule.missionsMatchCondition                 event user activeMissions mission
//	StreakConfiguration.matchCondition                 event user
//	StreakRule.usersMatchCondition                     user
//	StreakRule.freezeCostExpression                    user streak
//	RewardRule.matchCondition                          event user recent
//	RewardRule.rewards.expression                      event user recent
//	RewardRule.rewards.reviewCondition                 event user recent
//	Boost.matchCondition                               event user
//	Ladder.measure.matchCondition                      event user
//	Ladder.measure.expression                          event user
//	RuntimeLeaderboardConfiguration.query.where        event user
//	RuntimeLeaderboardConfiguration.query.score        event user
//	LearningPathRule.eventMatchCondition               event user
//	LearningPathRule.usersMatchCondition               event user activeAssignments
//	LearningPathRule.learningPathsMatchCondition       event user activeAssignments learningPath
//	LearningPathRule.initialVisibilityCondition        event user activeAssignments learningPath index
//	LearningPath.startRule                             user items
//	LearningPath.completionRule                        user items
//	LearningPath.outcomeRule                           user items
//	LearningGroup.startRule                            user items
//	LearningGroup.completionRule                       user items
//	LearningGroup.outcomeRule                          user items
//
// The conditions of a rule that assigns something read the event only in the mode EVENT. What is not an event or
// a user has
//
//	mission         missionId missionConfigurationId missionRuleId missionType periodId startsAt endsAt
//	                currentAmount targetAmount isCompleted matchType matchEntity matchEntityId
//	                groupTagId userId
//	streak          streakRuleId streakConfigurationId cadence metric count longest iterationId goalId
//	                lastContributingDay frozen periodId
//	learningPath    learningPathId title estimatedDuration origin tags
//
// and the mission that missionsMatchCondition is asked about also name and tags. activeMissions and
// activeAssignments are lists of what the user has at that moment: missions of the user's own, and assignments with
// learningPathAssignmentId, learningPathId, learningPathRuleId, groupId, periodId, visibility, startsAt, endsAt,
// progress and outcome. items are those of the path or group, each with itemId, itemType, progress and outcome.
//
// # What is not meant
//
// An expression that can be seen to be a mistake is refused when its document is written: a condition that is a text
// or a number ("event.value > 10"), or that never holds, because of a constant or because parts which must all hold
// exclude one another; and a comparison of a path with a constant that it never is (user.status with "ACTIVE", which
// is "active"). If the activity that a document matches declares its additional data, so is a path that it does not
// declare, and a comparison with another type.
//
// What may be meant, but hardly is, is a warning of the document: an id of a document that is not in force; < or <=
// where an absent value passes, because null counts as 0, without a guard such as {"!=": [path, null]}; a list that is
// compared with a text; an amount that is never a number, or that divides, or takes a root or a logarithm, without
// rounding the result: amounts are multiples of 0.000001, and what is finer is a problem of the event and pays
// nothing.
//
// # Semantics
//
// They are those of the JavaScript implementation, coercions included: an absent path is null, plain null
// is 0 in a comparison, "2" > 1 is true, an empty array is false. Inside an array operator var sees
// the element alone, and in reduce "current" and "accumulator". It differs where JavaScript shows
// through: arrays and objects equal nothing, not even themselves; texts are ordered and cut by code
// points; a product of one text is a number; numbers are decimals.
//
// 0.1 + 0.2 is 0.3, and an order's number of 19 digits equals no other. Numbers are read to the digit, in the
// expression, in the data and in texts, compared to the digit, and so are what + - * % max min abs ceil floor
// round and a division without a rest come to, up to 64 digits. What sqrt pow log exp and other divisions come
// to is the nearest float64, and so is what is computed of that. Where a result becomes an amount it is never
// rounded: what is finer than 0.000001, or was computed in float64 and is too large to tell, is no amount. Use
// floor, ceil or round for what is to be rounded.
//
// JSON has no NaN and no infinity, nor a minus zero. Arithmetic has them between one operator and the next
// ({"<": [{"/": [1, 0]}, 5]} is false); as a result, and as an element of an array, they are null.
package rule

import (
	"errors"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// A Rule is a compiled expression. It is never modified and may be used by many goroutines.
type Rule struct {
	root  *node
	paths []string
}

// An Env is what an expression is evaluated against. It is only read.
type Env struct {
	// Data is decoded JSON: nil, bool, float64, json.Number, string, []any or map[string]any. An int or
	// int64 reads as a number, and any other Go type as null. A float64 stands for the shortest decimal
	// that reads back as it. All of the data may be a [Lookup].
	Data any
	// Now is what the operator now returns.
	Now time.Time
}

// A Lookup is an object of which only that is laid out which an expression reads.
type Lookup interface {
	// Var returns the member of a name, and whether there is one.
	Var(name string) (v any, there bool)
	// Vars returns all members.
	Vars() map[string]any
}

// Compile checks an expression and compiles it for a place where it may read the paths of ctx. The
// error joins a [fault.Error] of kind [fault.ErrInvalid] for every fault found, in the order of the
// text; Field is the JSON pointer of the place, empty for the whole. Refused are invalid JSON,
// unknown operators, wrong numbers of arguments, objects that have several keys, paths that ctx does
// not have, paths in the body of a reduce that begin with neither current nor accumulator, constant
// dates, units and zones that are none, comparisons of a path with a constant that its value can never be, as ctx
// knows it, and whatever exceeds [MaxSize], [MaxDepth] or [MaxSteps].
func Compile(src []byte, ctx *Context) (*Rule, error) {
	root, paths, err := compile(src, ctx)
	if err != nil {
		return nil, err
	}
	return &Rule{root, paths}, nil
}

// CompileCondition is [Compile] for an expression that is used for its truth. It also refuses one
// that can be seen never to be true, because of a constant or because parts that must all hold exclude one another;
// Field then points to the part that makes it so. And it refuses a constant text or number where a condition is
// meant, such as "event.value > 10".
func CompileCondition(src []byte, ctx *Context) (*Rule, error) {
	r, err := Compile(src, ctx)
	if err != nil {
		return nil, err
	}
	if v, because := r.root.verdict(); v == never {
		return nil, fault.Invalid(because.at, "makes the condition always false")
	}
	l := linter{ctx: ctx}
	if faults := slices.Concat(l.conditions(r.root, true), l.exclusions(r.root)); len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return r, nil
}

// Eval returns the value of the expression as decoded JSON; a number is a float64, or a json.Number if no
// float64 holds it to the digit. It may share memory with the data and the rule, so it must not be modified.
// The error, of kind [fault.ErrConflict], says that the data is so large that the evaluation took more than
// [MaxSteps], or that it gave a time zone that is none.
func (r *Rule) Eval(env *Env) (any, error) {
	v, err := r.eval(env)
	if err != nil {
		return nil, err
	}
	return v.plain(), nil
}

// Match reports whether the value of the expression is true in JSON Logic's sense: not null, false,
// 0, an empty text or an empty array. The error is that of [Rule.Eval].
func (r *Rule) Match(env *Env) (bool, error) {
	v, err := r.eval(env)
	return err == nil && v.truthy(), err
}

// Number returns the float64 next to the value of the expression if that is a finite number, and false if it
// is anything else: nothing is coerced. The error is that of [Rule.Eval].
func (r *Rule) Number(env *Env) (f float64, ok bool, err error) {
	v, err := r.eval(env)
	if err != nil || v.kind != number || !finite(v.num) {
		return 0, false, err
	}
	return v.num + 0, true, nil
}

// Constant returns the value of an expression that reads neither the data nor the clock. It must not
// be modified.
func (r *Rule) Constant() (v any, ok bool) {
	if r.root.code != codeConstant {
		return nil, false
	}
	return r.root.value.plain(), true
}

// Paths returns the paths of the data that the expression reads, sorted. The empty path stands for
// all of the data, and for a path that is only known when it is evaluated. What is read from the
// elements of an array is not listed; the array is.
func (r *Rule) Paths() []string { return slices.Clone(r.paths) }

func (r *Rule) eval(env *Env) (value, error) {
	m := machine{steps: MaxSteps, now: env.Now, scope: scope{data: env.Data}}
	v := m.eval(r.root)
	return v, m.err()
}

// err reports whether the evaluation came to its end.
func (m *machine) err() error {
	switch {
	case m.fault != nil:
		return m.fault
	case m.spent():
		return fault.Conflict("", "the evaluation takes more than %d steps", MaxSteps)
	}
	return nil
}
