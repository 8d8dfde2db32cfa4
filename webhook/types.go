package webhook

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// A Type names what happened, in the words of those who make products.
type Type string

// The types. One that ends with "undone" takes an earlier message back: what it told of does not follow after all, because something
// became known late. [Schema] describes the data of each.
const (
	MissionAssigned   Type = "mission.assigned"    // somebody, or a group, has a new mission
	MissionProgressed Type = "mission.progressed"  // what a mission counts has changed, and the mission is not completed by it
	MissionCompleted  Type = "mission.completed"   // a mission has reached its target
	MissionUndone     Type = "mission.undone"      // a mission, or its completion, does not follow after all
	StreakExtended    Type = "streak.extended"     // a day counts for a streak
	StreakFrozen      Type = "streak.frozen"       // a missed period was paid for, and the streak goes on
	StreakBroken      Type = "streak.broken"       // a period was missed, and the streak has ended
	StreakGoalReached Type = "streak.goal_reached" // a streak is as long as one of its goals
	StreakUndone      Type = "streak.undone"       // a day does not count, or no period was missed or frozen, after all
	RewardPaid        Type = "reward.paid"         // a reward was paid, or a pending one redeemed
	RewardPending     Type = "reward.pending"      // a reward waits to be redeemed
	RewardExpired     Type = "reward.expired"      // a pending reward was not redeemed in time
	RewardRejected    Type = "reward.rejected"     // a reward would have crossed a bound of its currency, or was voided
	RewardUndone      Type = "reward.undone"       // what a reward was for did not happen after all
	BalanceChanged    Type = "balance.changed"     // somebody has received or spent something, for whatever reason
	BadgeAwarded      Type = "badge.awarded"       // somebody was awarded a badge
	BadgeUndone       Type = "badge.undone"        // what a badge was for did not happen after all, and it is not had any more for that
	ScoreChanged      Type = "score.changed"       // a score on a leaderboard has changed
	BoardClosed       Type = "board.closed"        // a period of a leaderboard has ended, and its scores never change any more
	PathAssigned      Type = "path.assigned"       // somebody has a learning path to do
	PathUnlocked      Type = "path.unlocked"       // an assigned path may be begun
	PathCompleted     Type = "path.completed"      // somebody has completed a path
	PathUndone        Type = "path.undone"         // one of these three does not follow after all
	LevelUp           Type = "level.up"            // somebody has come to a higher step of a ladder
	LevelDown         Type = "level.down"          // somebody has fallen to a lower one, or below the first
	RuleProblem       Type = "rule.problem"        // a rule could not do what it should
)

// Types returns all types.
func Types() []Type {
	return []Type{
		MissionAssigned, MissionProgressed, MissionCompleted, MissionUndone,
		StreakExtended, StreakFrozen, StreakBroken, StreakGoalReached, StreakUndone,
		RewardPaid, RewardPending, RewardExpired, RewardRejected, RewardUndone,
		BalanceChanged, BadgeAwarded, BadgeUndone, ScoreChanged, BoardClosed, PathAssigned, PathUnlocked, PathCompleted, PathUndone, LevelUp, LevelDown, RuleProblem,
	}
}

func (t Type) known() bool { return slices.Contains(Types(), t) }

// APIVersion is the newest version of the payloads. There is another one when a field goes or means something else; a field may come
// without it. An endpoint is sent the version that it was made for.
const APIVersion = "1"

// APIVersions returns all versions of the payloads, the oldest first.
func APIVersions() []string { return []string{APIVersion} }

func checkVersion(version string) error {
	if !slices.Contains(APIVersions(), version) {
		return fault.Invalid("apiVersion", "%.40q is none of %v", version, APIVersions())
	}
	return nil
}

// A Message is the body of a request.
type Message struct {
	Type       Type      `json:"type"`
	Timestamp  time.Time `json:"timestamp"`  // when what it was because of happened
	APIVersion string    `json:"apiVersion"` // of this message, one of [APIVersions]
	Workspace  string    `json:"workspace"`  // as "account/workspace"
	// Sequence is the number of the journal's entry, and EventID the id of its event: messages that have one because of one event
	// have both the same. Sequences grow, with gaps.
	Sequence int64  `json:"sequence"`
	EventID  string `json:"eventId"`
	// Data is as [Schema] says for the type: the struct whose name is the type's first word and Data.
	Data json.RawMessage `json:"data"`
}

// MissionData is the data of the types of missions. Amounts are decimals.
type MissionData struct {
	UserID               string `json:"userId,omitempty"`     // whose mission it is
	GroupTagID           string `json:"groupTagId,omitempty"` // or the tag of the group whose mission it is
	MissionID            string `json:"missionId"`
	ConfigurationID      string `json:"missionConfigurationId"`
	ConfigurationVersion int    `json:"missionConfigurationVersion"`
	RuleID               string `json:"missionRuleId,omitempty"`
	PeriodID             string `json:"periodId"`
	CurrentAmount        string `json:"currentAmount"`
	TargetAmount         string `json:"targetAmount,omitempty"`
	// Goals are those of a mission with several, whose amounts are how many goals are reached and needed.
	Goals []GoalData `json:"goals,omitempty"`
}

// GoalData is how far one of several goals of a mission has come. Amounts are decimals.
type GoalData struct {
	GoalID        string    `json:"goalId"`
	CurrentAmount string    `json:"currentAmount"`
	TargetAmount  string    `json:"targetAmount,omitempty"`
	CompletedAt   time.Time `json:"completedAt,omitzero"` // when it was reached
}

// StreakData is the data of the types of streaks.
type StreakData struct {
	UserID               string `json:"userId"`
	RuleID               string `json:"streakRuleId"`
	ConfigurationID      string `json:"streakConfigurationId"`
	ConfigurationVersion int    `json:"streakConfigurationVersion"`
	Day                  string `json:"day"`         // the civil day, or the first of a frozen or missed period
	IterationID          int    `json:"iterationId"` // of the run that the day is in
	Count                int    `json:"count"`       // how long that is
	Status               string `json:"status"`
	Late                 bool   `json:"late,omitempty"`   // the day came before the last that was known
	GoalID               int    `json:"goalId,omitempty"` // of the cycle of goals
	Target               int    `json:"target,omitempty"` // of the goal that was reached
}

// LevelData is the data of the types of levels.
type LevelData struct {
	UserID        string `json:"userId"`
	LadderID      string `json:"ladderId"`
	LadderVersion int    `json:"ladderVersion,omitempty"`
	From          string `json:"from,omitempty"` // the step before, absent if that was below the first
	To            string `json:"to,omitempty"`   // the step since, absent if it is below the first
	Measure       string `json:"measure"`        // a decimal
	// Late says that the user stands there now because of what happened before: From is what had been told or could have been.
	Late bool `json:"late,omitempty"`
}

// RewardData is the data of the types of rewards.
type RewardData struct {
	UserID        string `json:"userId"`
	RewardRuleID  string `json:"rewardRuleId"`
	RuleVersion   int    `json:"ruleVersion,omitempty"`
	TransactionID string `json:"virtualTransactionId"`
	CurrencyID    string `json:"virtualCurrencyId"`
	Amount        string `json:"amount"` // a decimal
}

// BalanceData is the data of the type balance.changed.
type BalanceData struct {
	UserID        string `json:"userId"`
	CurrencyID    string `json:"virtualCurrencyId"`
	TransactionID string `json:"virtualTransactionId"`
	Direction     string `json:"direction"` // CREDIT or DEBIT
	Amount        string `json:"amount"`    // a decimal greater than 0
	// Amended says that the amount is what the transaction moves since, whatever an earlier message about it said: what it
	// follows from became known otherwise. Undone says that it moves nothing since, if it ever did: it does not follow, or is pending or rejected;
	// Direction says how it is taken back. So keep what moves by transaction, and take the last message of each.
	Amended bool `json:"amended,omitempty"`
	Undone  bool `json:"undone,omitempty"`
	// ReversalOf is the transaction that this one takes back, or takes a part of: neither is earned nor paid.
	ReversalOf string `json:"reversalOf,omitempty"`
	// Lapsed says that it is what has lapsed: neither is that paid.
	Lapsed bool `json:"lapsed,omitempty"`
}

// BadgeData is the data of the types of badges.
type BadgeData struct {
	UserID          string    `json:"userId"`
	AwardID         string    `json:"badgeAwardId"`
	ConfigurationID string    `json:"badgeConfigurationId"`
	AssignedAt      time.Time `json:"assignedAt"`
	RewardRuleID    string    `json:"rewardRuleId,omitempty"` // by which it was awarded, if not by hand
	Reason          string    `json:"reason,omitempty"`       // why it was awarded by hand
}

// ScoreData is the data of the type score.changed.
type ScoreData struct {
	BoardID  string `json:"runtimeLeaderboardId"`
	PeriodID string `json:"periodId"`
	EntityID string `json:"entityId"`       // the user, or the tag
	Score    string `json:"score"`          // a decimal
	Gone     bool   `json:"gone,omitempty"` // it is no longer on the board
}

// BoardData is the data of the type board.closed. It names nobody: who is on the board, and takes part, is what
// [guerdon.Workspace.Leaderboards] says of the period when it is asked.
type BoardData struct {
	BoardID       string    `json:"runtimeLeaderboardId"`
	PeriodID      string    `json:"periodId"`
	TimeframeType string    `json:"timeframeType"`        // RANGE or RECURRING
	Recurrence    string    `json:"recurrence,omitempty"` // of a board that is RECURRING
	StartsAt      time.Time `json:"timeframeStartsAt"`
	EndsAt        time.Time `json:"timeframeEndsAt"` // exclusive
}

// PathData is the data of the types of learning paths.
type PathData struct {
	UserID       string `json:"userId"`
	Context      string `json:"context"`
	PathID       string `json:"learningPathId"`
	Version      int    `json:"version"`
	AssignmentID string `json:"learningPathAssignmentId,omitempty"`
	RuleID       string `json:"learningPathRuleId,omitempty"`
	Progress     string `json:"progress,omitempty"`
	Outcome      string `json:"outcome,omitempty"`
}

// RuleData is the data of the type rule.problem.
type RuleData struct {
	UserID string `json:"userId,omitempty"` // whose event it was
	Source string `json:"source"`           // the document, as "RewardRule/first-commit"
	Field  string `json:"field,omitempty"`  // the part of it
	Reason string `json:"reason"`           // for a person to read, up to a thousand bytes
}
