package streaks

import (
	"context"
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

// A Consent says what goes for users who have not said whether a streak is to be frozen.
type Consent string

// The consents: a missed period is frozen unless the user has said no, or only if the user has said yes.
const (
	Automatic Consent = "AUTOMATIC"
	ByUser    Consent = "BY_USER"
)

// MaxPerMonth is how many periods a month can have at most: more cannot be frozen.
const MaxPerMonth = 31

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
	// FreezeMaxInARow is how many periods can be frozen in a row, without an active one between; 0 means
	// [MaxFrozen]. A gap of more is not saved, and nothing is paid for it.
	FreezeMaxInARow int `json:"freezeMaxInARow,omitempty"`
	// FreezeMaxPerMonth is how many periods that begin in a month of the calendar can be frozen; 0 means any
	// number. What was given back does not count.
	FreezeMaxPerMonth int `json:"freezeMaxPerMonth,omitempty"`
	// FreezeConsent says what goes for users who have not said whether their streak is to be frozen
	// ([Service.SetFreezeConsent]); empty means AUTOMATIC.
	FreezeConsent Consent `json:"freezeConsent,omitempty"`
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
	var faults []error
	if r.Freezes() && r.FreezeVirtualCurrencyID == "" {
		faults = append(faults, fault.Invalid("freezeVirtualCurrencyId", "is missing; it is needed unless freezeEnabled is false"))
	}
	if n := r.FreezeMaxInARow; n < 0 || n > MaxFrozen {
		faults = append(faults, fault.Invalid(fieldInARow, "is %d; allowed are 0 to %d", n, MaxFrozen))
	}
	if n := r.FreezeMaxPerMonth; n < 0 || n > MaxPerMonth {
		faults = append(faults, fault.Invalid(fieldPerMonth, "is %d; allowed are 0 to %d", n, MaxPerMonth))
	}
	if c := r.FreezeConsent; c != "" && c != Automatic && c != ByUser {
		faults = append(faults, fault.Invalid(fieldConsent, "%q is none of AUTOMATIC, BY_USER", c))
	}
	return errors.Join(faults...)
}

// The fields of the policy of freezes.
const (
	fieldInARow   = string(RefusedInARow)
	fieldPerMonth = string(RefusedPerMonth)
	fieldConsent  = string(RefusedByConsent)
)

// Warnings warns of a policy of freezes where there are none, and of bounds that can never be reached.
func (r *Rule) Warnings(context.Context, content.View) ([]content.Warning, error) {
	var warnings []content.Warning
	warn := func(field, format string, args ...any) {
		warnings = append(warnings, content.Warning{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	if !r.Freezes() {
		for _, of := range []struct {
			field string
			set   bool
		}{
			{fieldInARow, r.FreezeMaxInARow > 0},
			{fieldPerMonth, r.FreezeMaxPerMonth > 0},
			{fieldConsent, r.FreezeConsent != ""},
		} {
			if of.set {
				warn(of.field, "means nothing while freezeEnabled is false")
			}
		}
		return warnings, nil
	}
	if r.Cadence == Weekly && r.FreezeMaxPerMonth > weeksPerMonth {
		warn(fieldPerMonth, "is %d, and at most %d weeks begin in a month", r.FreezeMaxPerMonth, weeksPerMonth)
	}
	// Who does not freeze all of a month freezes the end of one and the beginning of the next, at most.
	if most := 2 * r.FreezeMaxPerMonth; 0 < most && most < r.FreezeMaxInARow && most < fewestPerTwoMonths[r.Cadence] {
		warn(fieldInARow, "is %d, and with %d a month at most %d in a row can be frozen", r.FreezeMaxInARow, r.FreezeMaxPerMonth, most)
	}
	return warnings, nil
}

// weeksPerMonth is how many weeks begin in a month, at most.
const weeksPerMonth = 5

// fewestPerTwoMonths is twice how many periods begin in a month, at least.
var fewestPerTwoMonths = map[Cadence]int{Daily: 2 * 28, Weekly: 2 * 4}

// terms returns what an iteration keeps that begins on a day under this version.
func (r *Rule) terms(from timeframe.Day) terms {
	return terms{From: from, Cadence: r.Cadence, Metric: r.Metric, Goals: r.GoalTargets}
}
