package streaks

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Cadence says how often a user must act for a streak to go on.
type Cadence string

// The cadences: every civil day, or every ISO 8601 week.
const (
	Daily  Cadence = "DAY"
	Weekly Cadence = "WEEK"
)

// calendar returns the periods of which none may be missed.
func (c Cadence) calendar() timeframe.Calendar {
	if c == Weekly {
		return timeframe.ByWeek
	}
	return timeframe.ByDay
}

// A Metric says what a streak counts.
type Metric string

// The metrics: active days, or weeks with an active day. A week counts once.
const (
	Days  Metric = "DAYS"
	Weeks Metric = "WEEKS"
)

// calendar returns the periods that are counted.
func (m Metric) calendar() timeframe.Calendar {
	if m == Weeks {
		return timeframe.ByWeek
	}
	return timeframe.ByDay
}

// MaxGoals is how many targets a rule may have.
const MaxGoals = 10

// Rules is the kind of [Rule].
var Rules = content.NewKind[Rule]("StreakRule")

// A Rule says who has a streak of a [Configuration], when, how often they must act, and what saves
// them when they do not.
//
// An iteration of a user's streak keeps the cadence, the metric and the targets of the version under
// which it began. Everything else follows the version in force.
type Rule struct {
	content.Header
	content.Texts[Text]
	timeframe.Timeframe // PERMANENT or RANGE

	Name                  string `json:"name"`
	Description           string `json:"description,omitempty"`
	StreakConfigurationID string `json:"streakConfigurationId"`
	// UsersMatchCondition picks the users whose events count; it may read user.
	UsersMatchCondition json.RawMessage `json:"usersMatchCondition,omitempty"`
	Cadence             Cadence         `json:"cadence"`
	// Metric says what the length is. With the cadence DAY it is DAYS. With WEEK it is WEEKS, or DAYS,
	// which counts every active day of weeks none of which was missed: who acts on Monday and Thursday
	// of each of three weeks has a streak of 6. A frozen period adds nothing.
	Metric Metric `json:"metric"`
	// The three flags say which periods are looked at for being perfect.
	PerfectWeekEnabled  bool `json:"perfectWeekEnabled,omitempty"`
	PerfectMonthEnabled bool `json:"perfectMonthEnabled,omitempty"`
	PerfectYearEnabled  bool `json:"perfectYearEnabled,omitempty"`
	// FreezeEnabled lets a user pay for a missed period instead of losing the streak; nil means true.
	FreezeEnabled *bool `json:"freezeEnabled,omitempty"`
	// FreezeVirtualCurrencyID is the currency of the price; a rule that freezes needs it.
	FreezeVirtualCurrencyID string `json:"freezeVirtualCurrencyId,omitempty"`
	// FreezeCostExpression is the price of one period; null means 1. It may read user and streak. A
	// price of 0 is free; one that is negative or no amount is a problem, and the period is missed.
	FreezeCostExpression json.RawMessage `json:"freezeCostExpression,omitempty"`
	// GoalTargets are lengths to reach, each greater than 0.
	GoalTargets []int `json:"goalTargets,omitempty"`
}

// A Text is a rule's name and description in one language.
type Text struct {
	Lang        string `json:"lang"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Language returns the language.
func (t Text) Language() string { return t.Lang }

// Validate refuses an empty name.
func (t Text) Validate() error { return text.Required("name", t.Name) }

// Freezes tells whether a user may pay for a missed period.
func (r *Rule) Freezes() bool { return r.FreezeEnabled == nil || *r.FreezeEnabled }

// Validate returns every fault of the rule's fields, joined.
func (r *Rule) Validate() error {
	_, err := compileRule(r)
	return errors.Join(text.Required("name", r.Name), r.checkTimeframe(), r.checkCount(), r.checkFreeze(), err, r.ValidateTexts())
}

// Expressions returns the condition on users and the price of a freeze.
func (r *Rule) Expressions() []content.Expression {
	return []content.Expression{
		{Field: "usersMatchCondition", Source: r.UsersMatchCondition, Use: rule.Condition, Sees: mechanic.UserContext()},
		{Field: "freezeCostExpression", Source: r.FreezeCostExpression, Use: rule.Amount, Sees: mechanic.UserContext(streakPaths...)},
	}
}

// References returns the configuration and the currency of freezes.
func (r *Rule) References() []content.Reference {
	refs := []content.Reference{{Field: "streakConfigurationId", Kind: Configurations.Name(), ID: r.StreakConfigurationID}}
	if r.FreezeVirtualCurrencyID != "" {
		refs = append(refs, content.Reference{Field: "freezeVirtualCurrencyId", Kind: "VirtualCurrency", ID: r.FreezeVirtualCurrencyID})
	}
	return refs
}

func (r *Rule) checkTimeframe() error {
	switch {
	case r.Type == timeframe.Recurring:
		return fault.Invalid("timeframeType", "is RECURRING; a streak's is PERMANENT or RANGE")
	case r.Cron != "":
		return fault.Invalid("scheduleCron", "is not allowed for streaks")
	}
	return r.Timeframe.Validate()
}

func (r *Rule) checkCount() error {
	var faults []error
	if r.StreakConfigurationID == "" {
		faults = append(faults, fault.Invalid("streakConfigurationId", "is empty"))
	}
	if r.Cadence != Daily && r.Cadence != Weekly {
		faults = append(faults, fault.Invalid("cadence", "%q is none of DAY, WEEK", r.Cadence))
	}
	switch {
	case r.Metric != Days && r.Metric != Weeks:
		faults = append(faults, fault.Invalid("metric", "%q is none of DAYS, WEEKS", r.Metric))
	case r.Metric == Weeks && r.Cadence == Daily:
		faults = append(faults, fault.Invalid("metric", "is WEEKS; the cadence DAY counts DAYS"))
	}
	if n := len(r.GoalTargets); n > MaxGoals {
		faults = append(faults, fault.Invalid("goalTargets", "are %d, at most %d are allowed", n, MaxGoals))
	}
	for i, target := range r.GoalTargets {
		field := fmt.Sprintf("goalTargets[%d]", i)
		if target <= 0 {
			faults = append(faults, fault.Invalid(field, "is %d; it must be more than 0", target))
		}
		if slices.Contains(r.GoalTargets[:i], target) {
			faults = append(faults, fault.Invalid(field, "%d occurs twice", target))
		}
	}
	return errors.Join(faults...)
}

func (r *Rule) checkFreeze() error {
	if r.Freezes() && r.FreezeVirtualCurrencyID == "" {
		return fault.Invalid("freezeVirtualCurrencyId", "is missing; it is needed unless freezeEnabled is false")
	}
	return nil
}

// terms returns what an iteration keeps that begins on a day under this version.
func (r *Rule) terms(from timeframe.Day) terms {
	return terms{From: from, Cadence: r.Cadence, Metric: r.Metric, Goals: r.GoalTargets}
}
