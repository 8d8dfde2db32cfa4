package webhook

import (
	"encoding/json"
	"slices"

	"github.com/guerdonhq/guerdon/fault"
)

// A property is one that a payload, or its data, has.
type property struct {
	name string
	is   object
	may  bool // it may be missing
	says string
}

type object map[string]any

// What properties are. They are functions because a map could be changed.
func words() object   { return object{"type": "string"} }
func name() object    { return object{"type": "string", "minLength": 1} }
func whole() object   { return object{"type": "integer"} }
func ordinal() object { return object{"type": "integer", "minimum": 1} }
func decimal() object { return object{"type": "string", "pattern": `^-?[0-9]+(\.[0-9]+)?$`} }
func yes() object     { return object{"type": "boolean"} }
func moment() object  { return object{"type": "string", "format": "date-time"} }
func day() object     { return object{"type": "string", "format": "date"} }

func one[T ~string](of ...T) object { return object{"type": "string", "enum": of} }

// shape returns the properties of a type's data, in their order.
func (t Type) shape() []property {
	user := property{"userId", name(), false, "the user whom it is about"}
	switch t {
	case MissionAssigned, MissionProgressed, MissionCompleted, MissionUndone:
		return []property{
			{"userId", name(), true, "the user whose mission it is"},
			{"groupTagId", name(), true, "the tag of the group whose mission it is"},
			{"missionId", name(), false, "the mission"},
			{"missionConfigurationId", name(), false, "the configuration that it is one of"},
			{"missionConfigurationVersion", ordinal(), false, "the version of that which decided"},
			{"missionRuleId", name(), true, "the rule that assigned it"},
			{"periodId", words(), false, "the period that it is for"},
			{"currentAmount", decimal(), false, "how far it has come"},
			{"targetAmount", decimal(), true, "how far it is to come"},
			{"goals", object{"type": "array", "items": objectOf([]property{
				{"goalId", name(), false, "the goal"},
				{"currentAmount", decimal(), false, "how far it has come"},
				{"targetAmount", decimal(), true, "how far it is to come"},
				{"completedAt", moment(), true, "when it was reached"},
			})}, true, "its goals, if it has several: the amounts of the mission are how many of them are reached and needed"},
		}
	case StreakExtended, StreakFrozen, StreakBroken, StreakGoalReached, StreakUndone:
		all := []property{
			user,
			{"streakRuleId", name(), false, "the rule of the streak"},
			{"streakConfigurationId", words(), false, "the configuration of the streak"},
			{"streakConfigurationVersion", whole(), false, "the version of that which decided"},
			{"day", day(), false, "the civil day, or the first day of a frozen or missed period"},
			{"iterationId", whole(), false, "the number of the run that the day is in"},
			{"count", whole(), false, "how long that run is"},
			{"status", one("ACTIVE", "COMPLETED", "BROKEN", "ENDED"), false, "what became of that run"},
			{"late", yes(), true, "whether the day came before the last that was known"},
		}
		if t == StreakGoalReached {
			all = append(all, property{"goalId", ordinal(), false, "the number of the cycle of goals"}, property{"target", ordinal(), false, "the goal"})
		}
		return all
	case LevelUp, LevelDown:
		return []property{
			user,
			{"ladderId", name(), false, "the ladder"},
			{"ladderVersion", ordinal(), true, "the version of that which decided"},
			{"from", name(), true, "the step before, unless that was below the first"},
			{"to", name(), true, "the step since, unless it is below the first"},
			{"measure", decimal(), false, "how much there is of what is measured"},
			{"late", yes(), true, "whether the user stands there now because of what happened before"},
		}
	case RewardPaid, RewardPending, RewardExpired, RewardRejected, RewardUndone:
		return []property{
			user,
			{"rewardRuleId", name(), false, "the rule that promised it"},
			{"ruleVersion", ordinal(), true, "the version of that which decided, where the message is of that moment"},
			{"virtualTransactionId", name(), false, "the transaction"},
			{"virtualCurrencyId", name(), false, "its currency"},
			{"amount", decimal(), false, "how much it is"},
		}
	case BadgeAwarded, BadgeUndone:
		return []property{
			user,
			{"badgeAwardId", words(), false, "the award"},
			{"badgeConfigurationId", name(), false, "the badge"},
			{"assignedAt", moment(), false, "when what it is for happened"},
			{"rewardRuleId", name(), true, "the rule that awarded it, unless that was done by hand"},
			{"reason", words(), true, "why it was awarded by hand"},
		}
	case BalanceChanged:
		return []property{
			user,
			{"virtualCurrencyId", name(), false, "the currency"},
			{"virtualTransactionId", name(), false, "the transaction"},
			{"direction", one("CREDIT", "DEBIT"), false, "whether the user receives or gives"},
			{"amount", decimal(), false, "how much"},
			{"amended", yes(), true, "whether the amount holds instead of that of an earlier message about the transaction"},
			{"undone", yes(), true, "whether an earlier message about the transaction is taken back by this one"},
			{"reversalOf", name(), true, "the transaction that this one takes back, or takes a part of"},
			{"lapsed", yes(), true, "whether it is what has lapsed"},
		}
	case ScoreChanged:
		return []property{
			{"runtimeLeaderboardId", name(), false, "the board"},
			{"periodId", words(), false, "the board's period"},
			{"entityId", name(), false, "the user, or the tag of a team"},
			{"score", decimal(), false, "the score since"},
			{"gone", yes(), true, "whether the entity is no longer on the board"},
		}
	case BoardClosed:
		return []property{
			{"runtimeLeaderboardId", name(), false, "the board"},
			{"periodId", name(), false, "the period that is closed"},
			{"timeframeType", one("RANGE", "RECURRING"), false, "whether the board has one period or one after another"},
			{"recurrence", name(), true, "how often there is another period"},
			{"timeframeStartsAt", moment(), false, "when the period began"},
			{"timeframeEndsAt", moment(), false, "when it ended, which is when the next one begins"},
		}
	case PathAssigned, PathUnlocked, PathCompleted, PathUndone:
		return []property{
			user,
			{"context", words(), false, "in which the user does it"},
			{"learningPathId", name(), false, "the path"},
			{"version", whole(), false, "the version of the path"},
			{"learningPathAssignmentId", name(), true, "the assignment"},
			{"learningPathRuleId", name(), true, "the rule that assigned it"},
			{"progress", one("START", "IN_PROGRESS", "COMPLETE"), true, "how far the user is"},
			{"outcome", one("SUCCESS", "FAILURE", "FAIL"), true, "how it went"},
		}
	case RuleProblem:
		return []property{
			{"userId", name(), true, "the user whose event it was"},
			{"source", name(), false, "the document at fault, as kind/id"},
			{"field", words(), true, "the part of it that is at fault"},
			{"reason", words(), false, "what is wrong, for a person to read"},
		}
	}
	return nil
}

// Schema returns the JSON Schema (draft 2020-12) of the messages of a type in a version, such as that of an [Endpoint]. Properties may be
// added in the same version, so that the schema allows others. It returns [fault.ErrInvalid] for a type or a version that there is not.
func Schema(t Type, version string) ([]byte, error) {
	if !t.known() {
		return nil, fault.Invalid("type", "%.40q is none of %v", t, Types())
	}
	if err := checkVersion(version); err != nil {
		return nil, err
	}
	schema := objectOf([]property{
		{"type", object{"const": t}, false, "what happened"},
		{"timestamp", moment(), false, "when that happened because of which it did"},
		{"apiVersion", object{"const": version}, false, "the version of the message"},
		{"workspace", object{"type": "string", "pattern": "^[^/]+/[^/]+$"}, false, "where, as account/workspace"},
		{"sequence", ordinal(), false, "the number of the entry of the workspace's journal"},
		{"eventId", name(), false, "the id of that entry's event"},
		{"data", objectOf(t.shape()), false, "what is to be known of it"},
	})
	schema["$schema"], schema["title"] = "https://json-schema.org/draft/2020-12/schema", t
	return json.MarshalIndent(schema, "", "  ")
}

func objectOf(all []property) object {
	properties, required := object{}, []string{}
	for _, p := range all {
		p.is["description"] = p.says
		properties[p.name] = p.is
		if !p.may {
			required = append(required, p.name)
		}
	}
	slices.Sort(required)
	return object{"type": "object", "properties": properties, "required": required}
}
