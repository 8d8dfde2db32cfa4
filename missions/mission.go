package missions

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Mission is a configuration at work for one user or group in one period. It carries a copy of what
// it needs, so that later changes of its configuration do not change it.
type Mission struct {
	ID                   string         `json:"missionId"`
	MissionType          Type           `json:"missionType"`
	ConfigurationID      string         `json:"missionConfigurationId"`
	ConfigurationVersion int            `json:"missionConfigurationVersion"`
	RuleID               string         `json:"missionRuleId,omitempty"` // empty: made by hand
	RuleVersion          int            `json:"missionRuleVersion,omitempty"`
	PeriodID             string         `json:"periodId"`
	UserID               string         `json:"userId,omitempty"`     // of an INDIVIDUAL mission
	GroupTagID           string         `json:"groupTagId,omitempty"` // of a GROUP mission
	TimeframeType        timeframe.Type `json:"timeframeType"`        // PERMANENT or RANGE
	StartsAt             time.Time      `json:"startsAt"`
	EndsAt               time.Time      `json:"endsAt,omitzero"` // exclusive; zero means never
	// GraceEndsAt is before when an event of the mission's time must have been recorded to count. If it is not said, all counts, whenever it
	// is recorded.
	GraceEndsAt time.Time `json:"graceEndsAt,omitzero"`
	// State is computed from the clock when a mission is read.
	State timeframe.State `json:"state,omitempty"`
	// Provisional says that the mission's time is over and its time of grace is not. It is computed too.
	Provisional bool `json:"provisional,omitempty"`

	// Goal is what the mission counts, empty if it has several goals.
	Goal

	// Goals are how far each of several goals is, in the order of the configuration, and GoalsNeeded how many have to be reached.
	Goals       []GoalProgress `json:"goals,omitempty"`
	GoalsNeeded int            `json:"goalsNeeded,omitempty"`
	// CurrentAmount is how far the mission is: with several goals, how many are reached.
	CurrentAmount decimal.Decimal `json:"currentAmount"`
	// InitialAmount is where a mission made by hand began.
	InitialAmount decimal.Decimal `json:"initialAmount,omitzero"`
	// TargetAmount is how much is needed: with several goals, how many of them. It is fixed when the mission becomes active; nil before.
	TargetAmount *decimal.Decimal `json:"targetAmount,omitempty"`
	IsCompleted  bool             `json:"isCompleted,omitempty"`
	// CompletedAt is when the target was reached, in the order in which things happened.
	CompletedAt time.Time `json:"completedAt,omitzero"`
	DefaultLang string    `json:"defaultLang"`
	// Image and Hidden are those of the configuration.
	Image     string    `json:"image,omitempty"`
	Hidden    bool      `json:"hidden,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`

	// Seq is the number of the journal's entry that made the mission of a group.
	Seq int64 `json:"seq,omitempty"`
	// Awaited says that somebody asked for the end of missions when this one was made: if its time is over before it is
	// completed, that is an event. It is false once that has been told.
	Awaited bool `json:"awaited,omitempty"`
	// Completer is the contribution that reached the target.
	Completer Completer `json:"completer,omitzero"`
	// Distinct stands for the values of DistinctExpression that were counted, in no order that means anything.
	Distinct []string `json:"distinct,omitempty"`
	// Last is the latest contribution, in the order in which things happened.
	Last position `json:"last,omitzero"`
	// After is what completed the last of the missions that are needed first: what counts is behind it.
	After position `json:"after,omitzero"`
}

// A GoalProgress is how far one of several goals of a mission is.
type GoalProgress struct {
	ID string `json:"goalId"`
	Goal

	CurrentAmount decimal.Decimal `json:"currentAmount"`
	// TargetAmount is fixed when the mission becomes active; nil before.
	TargetAmount *decimal.Decimal `json:"targetAmount,omitempty"`
	// CompletedAt is when the target was reached, zero if it is not; nothing counts for the goal since.
	CompletedAt time.Time `json:"completedAt,omitzero"`
	// Distinct stands for the values that were counted, as that of a [Mission].
	Distinct []string `json:"distinct,omitempty"`
	// Last is where the last contribution stands.
	Last position `json:"last,omitzero"`
}

// Begun tells whether something of the mission is done.
func (m *Mission) Begun() bool {
	return m.CurrentAmount.IsPositive() || slices.ContainsFunc(m.Goals, func(g GoalProgress) bool { return g.CurrentAmount.IsPositive() })
}

// Concealed tells whether the mission is not to be shown to whose it is: it is hidden, and nothing of it is done.
func (m *Mission) Concealed() bool { return m.Hidden && !m.Begun() }

// A Completer is the contribution that completed a mission.
type Completer struct {
	UserID  string `json:"userId"`
	EventID string `json:"eventId"`
	// Reached is what the mission had with it.
	Reached decimal.Decimal `json:"reached"`
	// Place is the step of the user's fold that the event belongs to, and Order its place among the events of its moment.
	Place string `json:"place,omitempty"`
	Order string `json:"order,omitempty"`
	// Silent says that the event was recorded before the mission's rule was published.
	Silent bool `json:"silent,omitempty"`
}

// position is the place of an event in the order in which things happened: by its time, then by the step of a fold that it
// belongs to, so that what follows from an event is behind it.
type position struct {
	At    time.Time `json:"at,omitzero"`
	Order string    `json:"order,omitempty"`
}

func (p position) after(q position) bool {
	return p.At.After(q.At) || p.At.Equal(q.At) && p.Order > q.Order
}

// here returns the place of an event.
func here(o *mechanic.Occasion) position { return position{o.Event.At, orderOf(o)} }

// orderOf returns the place of an event among those of its moment.
func orderOf(o *mechanic.Occasion) string { return fmt.Sprintf("%s#%04d", o.Place, o.Nth) }

// severalGoals is in the index in the place of the key of what a mission counts, if it has several goals. No event has this key.
const severalGoals = "goals"

// key is what the mission is found by.
func (m *Mission) key() string {
	if len(m.Goals) > 0 {
		return severalGoals
	}
	return m.Matcher().Key()
}

// keys are the keys of what the mission counts.
func (m *Mission) keys() []string {
	if len(m.Goals) == 0 {
		return []string{m.Matcher().Key()}
	}
	keys := make([]string, len(m.Goals))
	for i := range m.Goals {
		keys[i] = m.Goals[i].Matcher().Key()
	}
	return keys
}

// owner is whose the mission is, as one text.
func (m *Mission) owner() string {
	if m.MissionType == Group {
		return groupOwner(m.GroupTagID)
	}
	return m.UserID
}

// derivedID returns the id of a mission that was made of a configuration. It says all that makes the mission
// what it is, so that the same happenings in another order make the same missions; those of an owner are next
// to one another in a store.
func (m *Mission) derivedID() string {
	return strings.Join([]string{m.owner(), m.RuleID, m.ConfigurationID, m.PeriodID}, ":")
}

// groupOwner names a group; no user's id holds a colon.
func groupOwner(tagID string) string { return groupPrefix + tagID }

const groupPrefix = "tag:"

// period returns the time in which the mission counts.
func (m *Mission) period() timeframe.Period {
	return timeframe.Period{ID: m.PeriodID, StartsAt: m.StartsAt, EndsAt: m.EndsAt}
}

// lasts lets the mission last as long as a period, and take what is recorded within so many minutes of grace, nil for any time.
func (m *Mission) lasts(p timeframe.Period, grace *int) {
	m.TimeframeType, m.PeriodID, m.StartsAt, m.EndsAt = p.Type(), p.ID, p.StartsAt, p.EndsAt
	if grace != nil {
		m.GraceEndsAt = p.GraceEndsAt(grace)
	}
}

// takes tells whether what was recorded at a moment is not too late for the mission.
func (m *Mission) takes(recorded time.Time) bool {
	return m.GraceEndsAt.IsZero() || recorded.Before(m.GraceEndsAt)
}

// vars returns the mission as rules see it.
func (m *Mission) vars() map[string]any {
	v := map[string]any{
		"missionId": m.ID, "missionConfigurationId": m.ConfigurationID, "missionRuleId": m.RuleID, "missionType": string(m.MissionType),
		"periodId": m.PeriodID, "startsAt": mechanic.Stamp(m.StartsAt), "endsAt": nil, "isCompleted": m.IsCompleted,
		"currentAmount": amount.JSON(m.CurrentAmount), "targetAmount": nil,
		"matchType": string(m.MatchType), "matchEntity": m.MatchEntity, "matchEntityId": m.MatchEntityID,
		"groupTagId": m.GroupTagID, "userId": m.UserID,
	}
	if !m.EndsAt.IsZero() {
		v["endsAt"] = mechanic.Stamp(m.EndsAt)
	}
	if m.TargetAmount != nil {
		v["targetAmount"] = amount.JSON(*m.TargetAmount)
	}
	return v
}

// varsOf returns the mission as the rules of one of its goals see it: how far the goal is, and what it matches.
func (m *Mission) varsOf(g *goal) map[string]any {
	if g.nth < 0 {
		return m.vars()
	}
	p, of := &m.Goals[g.nth], *m
	of.Goal, of.CurrentAmount, of.TargetAmount = p.Goal, p.CurrentAmount, p.TargetAmount
	return of.vars()
}

// seen lets rules of a goal see the mission while fn runs, if they read it: to lay it out costs more than most rules.
func (m *Mission) seen(d mechanic.Data, reads bool, g *goal, fn func()) {
	if !reads {
		fn()
		return
	}
	mechanic.With(d.Vars(), "mission", m.varsOf(g), fn)
}

// counted returns the values that were told apart for a goal.
func (m *Mission) counted(g *goal) []string {
	if g.nth < 0 {
		return m.Distinct
	}
	return m.Goals[g.nth].Distinct
}

// reached tells whether one of several goals counts no more.
func (m *Mission) reached(g *goal) bool { return g.nth >= 0 && !m.Goals[g.nth].CompletedAt.IsZero() }

// missionTable keeps missions. The columns of no index are for hosts that join.
var missionTable = store.Define("missions", func(m *Mission) string { return m.ID },
	[]store.Field[Mission]{
		{Name: "owner", Kind: store.KindText, Of: func(m *Mission) store.Value { return store.Text(m.owner()) }},
		{Name: "match", Kind: store.KindText, Of: func(m *Mission) store.Value { return store.Text(m.key()) }},
		{Name: "ends_at", Kind: store.KindInt, Of: func(m *Mission) store.Value { return store.End(m.EndsAt) }},
		{Name: "mission_configuration_id", Kind: store.KindText, Of: func(m *Mission) store.Value { return store.Text(m.ConfigurationID) }},
		{Name: "current_amount", Kind: store.KindText, Of: func(m *Mission) store.Value { return store.Text(m.CurrentAmount.String()) }},
		{Name: "completed_at", Kind: store.KindInt, Of: func(m *Mission) store.Value {
			if !m.IsCompleted {
				return store.Value{}
			}
			return store.Time(m.CompletedAt)
		}},
		{Name: "end", Kind: store.KindInt, Of: func(m *Mission) store.Value {
			if !m.Awaited || m.IsCompleted {
				return store.Value{}
			}
			return store.Time(m.EndsAt)
		}},
	},
	store.Index{Name: "match", Columns: []string{"owner", "match", "ends_at"}},
	store.Index{Name: "owner", Columns: []string{"owner", "ends_at"}},
	store.Index{Name: "awaited", Columns: []string{"owner", "end"}}, // ends that will be told
	store.Index{Name: "end", Columns: []string{"end"}},
).Packed().Version(6) // since they have several goals

// counting returns the missions of an owner that count events with a match key at a moment, and some
// that begin later.
func counting(owner, key string, at time.Time) store.Query {
	return store.By("match", store.Text(owner), store.Text(key)).Between(store.After(at), store.Value{})
}

var evaluationTable = mechanic.DefineEvaluations("mission_evaluations")

// keeps tells whether the mission's contributions are kept: those of a group's members, and those to a mission made by
// hand, which counts from when it was made. Those of another are what its user has done in its period.
func (m *Mission) keeps() bool { return m.MissionType == Group || m.RuleID == "" }

// A Log is one contribution to a mission.
type Log struct {
	MissionID string          `json:"missionId"`
	EventID   string          `json:"eventId"`
	UserID    string          `json:"userId"`
	At        time.Time       `json:"at"`
	Amount    decimal.Decimal `json:"amount"`
	// Place is the step of the user's fold that the event belongs to, and Order its place among the events of its moment.
	Place string `json:"place,omitempty"`
	Order string `json:"order,omitempty"`
	// Seq is the number of the journal's entry that counted it.
	Seq int64 `json:"seq,omitempty"`
	// Silent says that the event was recorded before the mission's rule was published: no event follows from what it
	// completes.
	Silent bool `json:"silent,omitempty"`
	// GoalID is the goal that it is for, if the mission has several.
	GoalID string `json:"goalId,omitempty"`

	distinct string // the value that was told apart, while it is being counted
	nth      int    // the place of the goal
}

// logTable keeps contributions, those of a mission in the order in which they happened ([Mission.keeps]).
var logTable = store.Define("mission_logs", (*Log).key, nil).Packed().Version(4) // since they say the goal

func (l *Log) key() string {
	key := logPrefix(l.MissionID) + store.KeyTime(l.At) + "/" + l.Order
	if l.GoalID != "" {
		key += "/" + l.GoalID
	}
	return key
}

// owner returns whose fold the log is a row of: nobody's alone if the mission is a group's.
func (l *Log) owner() string {
	if strings.HasPrefix(l.MissionID, groupPrefix) {
		return ""
	}
	return l.UserID
}

func logPrefix(missionID string) string { return missionID + "/" }
