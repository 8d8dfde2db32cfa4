package streaks_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

func amount(n int64) *decimal.Decimal { return new(decimal.NewFromInt(n)) }

func TestConfigurationFaults(t *testing.T) {
	t.Parallel()
	valid := configuration()
	require.NoError(t, valid.Validate())
	for field, change := range map[string]func(*streaks.Configuration){
		"name":                  func(c *streaks.Configuration) { c.Name = "" },
		"icon":                  func(c *streaks.Configuration) { c.Icon = "flame" },
		"matchType":             func(c *streaks.Configuration) { c.MatchType = "ALL" },
		"matchEntity":           func(c *streaks.Configuration) { c.MatchEntity = "Streak" },
		"matchEntityId":         func(c *streaks.Configuration) { c.MatchEntityID = "read" },
		"translations[0].label": func(c *streaks.Configuration) { c.Translations[0].Label = "" },
		"matchCondition":        func(c *streaks.Configuration) { c.MatchCondition = []byte(`false`) },
	} {
		c := configuration()
		change(&c)
		requireField(t, c.Validate(), field)
	}
	c := configuration()
	c.MatchType, c.MatchEntityID = event.MatchInstance, "read"
	require.NoError(t, c.Validate())
	require.Equal(t, "Activity", c.References()[0].Kind)
}

func TestRuleFaults(t *testing.T) {
	t.Parallel()
	for _, r := range []streaks.Rule{daily(), weekly(streaks.Days), weekly(streaks.Weeks), freezing(daily())} {
		require.NoError(t, r.Validate())
	}
	for field, changes := range map[string][]func(*streaks.Rule){
		"name":                    {func(r *streaks.Rule) { r.Name = "" }},
		"translations[0].name":    {func(r *streaks.Rule) { r.Translations[0].Name = "" }},
		"streakConfigurationId":   {func(r *streaks.Rule) { r.StreakConfigurationID = "" }},
		"timeframeType":           {func(r *streaks.Rule) { r.Type = timeframe.Recurring }, func(r *streaks.Rule) { r.Type = "" }},
		"timeframeTimezone":       {func(r *streaks.Rule) { r.TimezoneType = timeframe.Fixed }},
		"timeframeEndsAt":         {func(r *streaks.Rule) { r.Type = timeframe.Range }},
		"scheduleCron":            {func(r *streaks.Rule) { r.Cron = "0 0 * * *" }},
		"cadence":                 {func(r *streaks.Rule) { r.Cadence = "MONTH" }},
		"metric":                  {func(r *streaks.Rule) { r.Metric = "" }, func(r *streaks.Rule) { r.Metric = streaks.Weeks }},
		"freezeVirtualCurrencyId": {func(r *streaks.Rule) { r.FreezeEnabled = nil }},
		"freezeCostExpression": {
			func(r *streaks.Rule) { r.FreezeCostExpression = []byte(`-1`) },
			func(r *streaks.Rule) { r.FreezeCostExpression = []byte(`"1"`) },
			func(r *streaks.Rule) { r.FreezeCostExpression = []byte(`0.0000001`) },
			func(r *streaks.Rule) { r.FreezeCostExpression = []byte(`{"var": "streak.size"}`) },
		},
		"freezeMaxInARow":     {func(r *streaks.Rule) { r.FreezeMaxInARow = -1 }, func(r *streaks.Rule) { r.FreezeMaxInARow = streaks.MaxFrozen + 1 }},
		"freezeMaxPerMonth":   {func(r *streaks.Rule) { r.FreezeMaxPerMonth = -1 }, func(r *streaks.Rule) { r.FreezeMaxPerMonth = 32 }},
		"freezeConsent":       {func(r *streaks.Rule) { r.FreezeConsent = "NEVER" }},
		"usersMatchCondition": {func(r *streaks.Rule) { r.UsersMatchCondition = []byte(`{"var": "event.id"}`) }},
		"goalTargets":         {func(r *streaks.Rule) { r.GoalTargets = make([]int, 11) }},
		"goalTargets[1]": {
			func(r *streaks.Rule) { r.GoalTargets = []int{7, 0} },
			func(r *streaks.Rule) { r.GoalTargets = []int{7, 7} },
		},
	} {
		for _, change := range changes {
			r := daily()
			change(&r)
			requireField(t, r.Validate(), field)
		}
	}
}

func TestAPolicyThatIsHardlyMeantIsAWarning(t *testing.T) {
	t.Parallel()
	policy := func(r streaks.Rule, inARow, perMonth int, consent streaks.Consent) streaks.Rule {
		r.FreezeMaxInARow, r.FreezeMaxPerMonth, r.FreezeConsent = inARow, perMonth, consent
		return r
	}
	for name, tt := range map[string]struct {
		rule streaks.Rule
		want []string
	}{
		"no policy":                   {freezing(daily()), nil},
		"nothing is frozen":           {daily(), nil},
		"a policy":                    {policy(freezing(daily()), 2, 4, streaks.ByUser), nil},
		"a policy without freezes":    {policy(daily(), 2, 4, streaks.ByUser), []string{"freezeMaxInARow", "freezeMaxPerMonth", "freezeConsent"}},
		"the end and the beginning":   {policy(freezing(daily()), 6, 3, ""), nil},
		"more than months let":        {policy(freezing(daily()), 7, 3, ""), []string{"freezeMaxInARow"}},
		"whole months":                {policy(freezing(daily()), 300, 31, ""), nil},
		"as many as February has":     {policy(freezing(daily()), 300, 28, ""), nil},
		"five weeks":                  {policy(freezing(weekly(streaks.Weeks)), 0, 5, ""), nil},
		"more weeks than a month has": {policy(freezing(weekly(streaks.Weeks)), 0, 6, ""), []string{"freezeMaxPerMonth"}},
		"more weeks than months let":  {policy(freezing(weekly(streaks.Weeks)), 3, 1, ""), []string{"freezeMaxInARow"}},
	} {
		require.NoError(t, tt.rule.Validate(), name)
		warnings, err := tt.rule.Warnings(t.Context(), content.View{})
		require.NoError(t, err)
		var fields []string
		for _, w := range warnings {
			fields = append(fields, w.Field)
			require.NotEmpty(t, w.Reason)
		}
		require.Equal(t, tt.want, fields, name)
	}
}

func TestARuleNeedsItsConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.service.Rules.Create(w.ctx, daily())
	require.NoError(t, err)
	_, err = w.service.Rules.Publish(w.ctx, "daily")
	requireField(t, err, "streakConfigurationId")
}

// requireField requires a refusal that names a field, or a place in the expression of it.
func requireField(t testing.TB, err error, field string) {
	t.Helper()
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, field)
}
