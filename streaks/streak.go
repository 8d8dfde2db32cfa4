package streaks

import (
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/timeframe"
)

// A Status says how a part of a streak stands.
type Status string

// The statuses. What is ACTIVE may still change. COMPLETED is a goal that was reached and a period of
// the calendar that is over, BROKEN a run in which a period was missed and a goal that it did not
// reach, ENDED what was ACTIVE when its rule ended or was archived.
const (
	Active    Status = "ACTIVE"
	Completed Status = "COMPLETED"
	Broken    Status = "BROKEN"
	Ended     Status = "ENDED"
)

// A PeriodType says by what a streak is counted in a [Streak].
type PeriodType string

// The types of period: four of the calendar, an unbroken run, and a target in a cycle of goals.
const (
	ByDay       PeriodType = "DAY"
	ByWeek      PeriodType = "WEEK"
	ByMonth     PeriodType = "MONTH"
	ByYear      PeriodType = "YEAR"
	ByIteration PeriodType = "ITERATION"
	ByGoal      PeriodType = "GOAL"
)

// calendar returns the periods of a calendar type; it is not valid for the other two.
func (t PeriodType) calendar() timeframe.Calendar { return timeframe.Calendar(t) }

// A Streak is what a user did in one period under one rule.
//
// Under the cadence DAY, and in a DAY, it counts active days. Under the cadence WEEK a WEEK counts 1,
// and a MONTH or YEAR counts the weeks whose first active day is in it. A frozen period is a row of
// kind FREEZE that counts 0.
type Streak struct {
	// ID is derived from all that identifies the row.
	ID     string `json:"streakId"`
	UserID string `json:"userId"`
	RuleID string `json:"streakRuleId"`
	// PeriodID names a period of the calendar: 2025-09-02, 2025-W36, 2025-09, 2025.
	PeriodID   string     `json:"periodId,omitempty"`
	Status     Status     `json:"status"`
	Kind       Kind       `json:"kind"`
	Cadence    Cadence    `json:"cadence"`
	Metric     Metric     `json:"metric"`
	Count      int        `json:"count"`
	PeriodType PeriodType `json:"periodType"`
	// IterationID numbers an ITERATION from 1.
	IterationID int `json:"iterationId,omitempty"`
	// GoalID numbers the cycle of a GOAL from 1, Target is its length.
	GoalID int `json:"goalId,omitempty"`
	Target int `json:"target,omitempty"`
	// PerfectWeek, PerfectMonth and PerfectYear are set if the rule asks for them: whether no day of the
	// period was missed or frozen or is to come. Under the cadence WEEK the weeks that begin in the
	// period count instead.
	PerfectWeek  *bool `json:"perfectWeek,omitempty"`
	PerfectMonth *bool `json:"perfectMonth,omitempty"`
	PerfectYear  *bool `json:"perfectYear,omitempty"`
	// LastContributingDay is the last day that was counted.
	LastContributingDay *timeframe.Day `json:"lastContributingDay,omitempty"`
	// Timezone is the zone in which that day was first acted on.
	Timezone string `json:"timezone,omitempty"`
	// CreatedAt and UpdatedAt are when the first and the last counted day were first acted on. They are
	// zero where nothing was.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	// Configuration is the streak's configuration, unless it or the rule is out of use.
	Configuration *Configuration `json:"streakConfiguration,omitempty"`

	order string // among the rows of a list
}

// contribute counts a day.
func (s *Streak) contribute(d day, count int) {
	s.Count = count
	s.LastContributingDay = &d.Day
	s.UpdatedAt = d.at()
	if s.CreatedAt.IsZero() {
		s.CreatedAt = s.UpdatedAt
	}
	for _, m := range d.Moments {
		if m.At.Equal(s.UpdatedAt) {
			s.Timezone = m.Zone
			break
		}
	}
}

// ident sets what tells the row from others.
func (s *Streak) ident(order string) {
	s.order = strings.Join([]string{order, s.RuleID, string(s.Cadence), string(s.Kind)}, "/")
	s.ID = strings.Join([]string{s.RuleID, s.UserID, string(s.PeriodType), order, string(s.Cadence), string(s.Kind)}, ":")
}

// perfect sets the flag of the row's type, if the rule asks for it.
func (s *Streak) perfect(r *Rule, is bool) {
	switch {
	case r == nil:
	case s.PeriodType == ByWeek && r.PerfectWeekEnabled:
		s.PerfectWeek = &is
	case s.PeriodType == ByMonth && r.PerfectMonthEnabled:
		s.PerfectMonth = &is
	case s.PeriodType == ByYear && r.PerfectYearEnabled:
		s.PerfectYear = &is
	}
}

// byOrder sorts rows.
func byOrder(rows []Streak, ascending bool) {
	slices.SortFunc(rows, func(a, b Streak) int {
		c := strings.Compare(a.order, b.order)
		if !ascending {
			c = -c
		}
		return c
	})
}
