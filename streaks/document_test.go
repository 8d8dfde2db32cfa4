package streaks_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

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
