package learning

import (
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// An Assignment is a path that a user is to do in a period.
type Assignment struct {
	ID          string `json:"learningPathAssignmentId"`
	PathID      string `json:"learningPathId"`
	UserID      string `json:"userId"`
	RuleID      string `json:"learningPathRuleId,omitempty"` // empty: made by hand
	RuleVersion int    `json:"learningPathRuleVersion,omitempty"`
	GroupID     string `json:"groupId,omitempty"`
	PeriodID    string `json:"periodId"`
	// Context is that of the logs which the assignment counts.
	Context       string         `json:"context"`
	TimeframeType timeframe.Type `json:"timeframeType"`
	StartsAt      time.Time      `json:"startsAt"`
	EndsAt        time.Time      `json:"endsAt,omitzero"` // exclusive; zero means never
	// State is computed from the clock when an assignment is read. What is not ACTIVE, or is LOCKED,
	// cannot be worked on.
	State            timeframe.State `json:"state,omitempty"`
	Visibility       Visibility      `json:"visibility"`
	UnlockedAt       time.Time       `json:"unlockedAt,omitzero"`
	UnlockedByRuleID string          `json:"unlockedByRuleId,omitempty"`
	// Progress and Outcome are those of the path.
	Progress Progress      `json:"progress,omitempty"`
	Outcome  event.Outcome `json:"outcome,omitempty"`
	// Beginning is that of the path.
	Beginning
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// period returns the time in which the assignment may be worked on.
func (a *Assignment) period() timeframe.Period {
	return timeframe.Period{ID: a.PeriodID, StartsAt: a.StartsAt, EndsAt: a.EndsAt}
}

// open tells whether the assignment may be worked on at a moment.
func (a *Assignment) open(at time.Time) bool {
	return a.Visibility == Unlocked && a.period().State(at) == timeframe.Active
}

// at returns the assignment with its state at a moment.
func (a Assignment) at(now time.Time) Assignment {
	a.State = a.period().State(now)
	return a
}

// vars returns the assignment as rules see it.
func (a *Assignment) vars() map[string]any {
	v := map[string]any{
		"learningPathAssignmentId": a.ID, "learningPathId": a.PathID, "learningPathRuleId": a.RuleID, "groupId": a.GroupID,
		"periodId": a.PeriodID, "visibility": string(a.Visibility), "startsAt": mechanic.Stamp(a.StartsAt), "endsAt": nil,
		"progress": nil, "outcome": nil,
	}
	if !a.EndsAt.IsZero() {
		v["endsAt"] = mechanic.Stamp(a.EndsAt)
	}
	if a.Progress != "" {
		v["progress"] = string(a.Progress)
	}
	if a.Outcome != "" {
		v["outcome"] = string(a.Outcome)
	}
	return v
}

// assignmentID says all that makes an assignment what it is, so that the same happenings in another
// order make the same assignments; those of a user are next to one another in a store.
func assignmentID(userID, ruleID, pathID, periodID string) string {
	return strings.Join([]string{userID, ruleID, pathID, periodID}, ":")
}

var assignments = store.Define("learning_path_assignments", func(a *Assignment) string { return a.ID },
	[]store.Field[Assignment]{
		{Name: "user_id", Kind: store.KindText, Of: func(a *Assignment) store.Value { return store.Text(a.UserID) }},
		{Name: "path_id", Kind: store.KindText, Of: func(a *Assignment) store.Value { return store.Text(a.PathID) }},
		{Name: "context", Kind: store.KindText, Of: func(a *Assignment) store.Value { return store.Text(a.Context) }},
		{Name: "ends_at", Kind: store.KindInt, Of: func(a *Assignment) store.Value { return store.End(a.EndsAt) }},
	},
	store.Index{Name: "user", Columns: []string{"user_id", "ends_at"}},
	store.Index{Name: "context", Columns: []string{"user_id", "context"}},
	store.Index{Name: "path", Columns: []string{"path_id", "user_id"}},
)

// ofContext describes the assignments of a user that count the logs of a context.
func ofContext(userID, context string) store.Query {
	return store.By("context", store.Text(userID), store.Text(context))
}

// ofPath describes the assignments of a path.
func ofPath(pathID string) store.Query { return store.By("path", store.Text(pathID)) }

// endingAfter describes the assignments of a user that end after a moment.
func endingAfter(userID string, at time.Time) store.Query {
	return store.By("user", store.Text(userID)).Between(store.After(at), store.Value{})
}

var (
	evaluations = mechanic.DefineEvaluations("learning_path_evaluations")
	pushes      = mechanic.DefinePushes("learning_path_pushes")
)
