package levels_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

const day = guerdontest.Day

func number(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func earned() levels.Measure { return levels.Measure{Type: levels.Earned, CurrencyID: "points"} }

func balance() levels.Measure { return levels.Measure{Type: levels.Balance, CurrencyID: "points"} }

func runs() levels.Measure {
	return levels.Measure{Type: levels.Events, RuleType: event.MatchInstance, MatchEntity: "Activity", MatchEntityID: "run", Expression: json.RawMessage(`{"var": "value"}`)}
}

// club is a ladder of three steps, at 10, 50 and 100.
func club(of levels.Measure, change ...func(*levels.Ladder)) *levels.Ladder {
	l := guerdontest.Ladder("club", of, guerdontest.Step("bronze", "10"), guerdontest.Step("silver", "50"), guerdontest.Step("gold", "100"))
	for _, fn := range change {
		fn(l)
	}
	return l
}

func monthly(l *levels.Ladder) { l.Demotion, l.DemotionPeriod = levels.ByPeriod, timeframe.ByMonth }

func atOnce(l *levels.Ladder) { l.Demotion = levels.AtOnce }

// play returns a world in which a run pays its value in points, with documents, and ada.
func play(t *testing.T, docs ...content.Document) *guerdontest.World {
	w := guerdontest.New(t, append([]content.Document{
		guerdontest.Activity("run"), guerdontest.Currency("points"), guerdontest.Currency("gems"),
		guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", `{"var": "value"}`),
	}, docs...)...)
	w.Join(t, "ada")
	return w
}

// run records a run of ada's, now or at a moment.
func run(t *testing.T, w *guerdontest.World, value string, at ...time.Time) guerdon.Outcome {
	t.Helper()
	e := event.Event{UserID: "ada", EntityID: "run", Value: new(number(value))}
	if len(at) > 0 {
		e.At = at[0]
	}
	return w.Happens(t, e)
}

// shown is where ada stands in words.
func shown(t *testing.T, w *guerdontest.World, ladder string) string {
	t.Helper()
	s, err := w.Levels.Level(t.Context(), "ada", ladder)
	require.NoError(t, err)
	id := func(s *levels.Step) string {
		if s == nil {
			return "-"
		}
		return s.ID
	}
	return fmt.Sprintf("%s of %s, %s to %s, %s, highest %s", id(s.Step), s.Measure, s.Missing, id(s.Next), s.Share, id(s.Highest))
}

// moves are the changes of an outcome by which ada came to another step.
func moves(out guerdon.Outcome) (all []string) {
	for _, c := range out.Levels {
		if c.Direction != "" {
			all = append(all, fmt.Sprintf("%s %s: %s to %s at %s", c.LadderID, c.Direction, c.From, c.To, c.Measure))
		}
	}
	return all
}

// told are the events of levels in the journal.
func told(t *testing.T, w *guerdontest.World) (all []string) {
	t.Helper()
	entries, err := w.Journal(t.Context(), 0)
	require.NoError(t, err)
	for i := range entries {
		for _, e := range append(entries[i].Caused, entries[i].Event) {
			if e.Type == event.Level {
				all = append(all, fmt.Sprintf("%s %s %v %v", e.At.Format("01-02"), e.ID, e.Fields["measure"], e.Value))
			}
		}
	}
	return all
}

func TestBronzeSilverGold(t *testing.T) {
	t.Parallel()
	w := play(t, club(earned()))
	require.Equal(t, "- of 0, 10 to bronze, 0, highest -", shown(t, w, "club"))
	require.Empty(t, moves(run(t, w, "4")))
	require.Equal(t, "- of 4, 6 to bronze, 0.4, highest -", shown(t, w, "club"))
	out := run(t, w, "6")
	require.Equal(t, []string{"club UP:  to bronze at 10"}, moves(out))
	w.RequireLevel(t, "ada", "club", "bronze")
	require.Equal(t, []string{"club UP: bronze to gold at 100.5"}, moves(run(t, w, "90.5")), "two steps are one event")
	require.Equal(t, "gold of 100.5, 0 to -, 1, highest gold", shown(t, w, "club"))
	s, err := w.Levels.Level(t.Context(), "ada", "club")
	require.NoError(t, err)
	require.Equal(t, w.Now(), s.Since)
	require.Equal(t, []string{
		"01-01 ada:level:club:UP:bronze:1 10 1", "01-01 ada:level:club:UP:gold:1 100.5 3",
	}, told(t, w))
	all, err := w.Levels.List(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, []levels.Standing{s}, all)
	_, err = w.Levels.Level(t.Context(), "eve", "club")
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.Levels.Level(t.Context(), "ada", "clubs")
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.Levels.List(t.Context(), "eve")
	require.ErrorIs(t, err, fault.ErrNotFound)
}

// What is earned is less what of it was reversed. What takes back what was spent is not earned, and taking that back again is no loss of what was.
func TestEarnedLeavesReversalsOut(t *testing.T) {
	t.Parallel()
	w := play(t, club(earned(), atOnce), guerdontest.Ladder("rich", balance(), guerdontest.Step("some", "50")))
	paid := run(t, w, "60").Transactions[0].TransactionID
	spent, err := w.Economy.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: number("30")})
	require.NoError(t, err)
	require.Equal(t, "silver of 60, 40 to gold, 0.2, highest silver", shown(t, w, "club"))
	require.Equal(t, "some of 30, 0 to -, 1, highest some", shown(t, w, "rich"), "nobody falls from it")
	back, err := w.Economy.Reverse(t.Context(), spent.ID, economy.Reversal{})
	require.NoError(t, err)
	w.RequireBalance(t, "ada", "points", "60")
	require.Equal(t, "silver of 60, 40 to gold, 0.2, highest silver", shown(t, w, "club"))
	_, err = w.Economy.Reverse(t.Context(), back[0].ID, economy.Reversal{})
	require.NoError(t, err)
	w.RequireBalance(t, "ada", "points", "30")
	require.Equal(t, "silver of 60, 40 to gold, 0.2, highest silver", shown(t, w, "club"))
	_, err = w.Economy.Reverse(t.Context(), paid, economy.Reversal{Amount: number("15")})
	require.NoError(t, err)
	require.Equal(t, "bronze of 45, 5 to silver, 0.875, highest silver", shown(t, w, "club"))
	require.Equal(t, []string{
		"01-01 ada:level:club:UP:silver:1 60 2", "01-01 ada:level:rich:UP:some:1 60 1", "01-01 ada:level:club:DOWN:bronze:1 45 1",
	}, told(t, w))
}

// What is late, and what is taken back, counts as if it had been so from the start, and the outcome says what is different.
func TestLate(t *testing.T) {
	t.Parallel()
	w := play(t, club(earned()), guerdontest.RewardRule("welcome", guerdontest.Reaching("club"), "gems", `{"var": "number"}`))
	start := w.Now()
	run(t, w, "10")
	w.Pass(t, day)
	run(t, w, "30")
	w.Pass(t, day)
	run(t, w, "20")
	require.Equal(t, "silver of 60, 40 to gold, 0.2, highest silver", shown(t, w, "club"))
	w.RequireBalance(t, "ada", "gems", "3")
	late := run(t, w, "40", start.Add(time.Hour))
	require.Equal(t, []string{"club UP: silver to gold at 100"}, moves(late))
	s, err := w.Levels.Level(t.Context(), "ada", "club")
	require.NoError(t, err)
	require.Equal(t, "gold", s.Step.ID)
	require.Equal(t, start.Add(2*day), s.Since)
	w.RequireBalance(t, "ada", "gems", "6")
	_, err = w.Retract(t.Context(), late.EventID, guerdon.Correction{Reason: "no"})
	require.NoError(t, err)
	require.Equal(t, "silver of 60, 40 to gold, 0.2, highest silver", shown(t, w, "club"))
	w.RequireBalance(t, "ada", "gems", "3")
}

func TestNobodyFallsUnlessTheLadderSaysSo(t *testing.T) {
	t.Parallel()
	spend := func(t *testing.T, w *guerdontest.World, n string) {
		_, err := w.Economy.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: number(n)})
		require.NoError(t, err)
	}
	for name, tt := range map[string]struct {
		change func(*levels.Ladder)
		want   []string // after the spend, in the month after, and in the one after that
	}{
		"never":   {func(*levels.Ladder) {}, []string{"gold", "gold", "gold"}},
		"at once": {atOnce, []string{"bronze", "bronze", "bronze"}},
		"monthly": {monthly, []string{"gold", "gold", "bronze"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := play(t, club(balance(), tt.change))
			run(t, w, "120")
			spend(t, w, "100")
			for i, step := range tt.want {
				w.RequireLevel(t, "ada", "club", step)
				w.Set(t, time.Date(2024, time.January+time.Month(i+1), 1, 0, 0, 0, 0, time.UTC))
			}
			require.Equal(t, "gold", func() string {
				s, err := w.Levels.Level(t.Context(), "ada", "club")
				require.NoError(t, err)
				return s.Highest.ID
			}())
		})
	}
}

// A step stays as long as the measure was at it in the period, and the clock is that of the user. It makes no difference whether it is asked.
func TestPeriods(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{true, false} {
		t.Run(strconv.FormatBool(asked), func(t *testing.T) {
			t.Parallel()
			w := play(t, club(runs(), monthly, func(l *levels.Ladder) { l.Measure.Per = timeframe.ByMonth }))
			_, err := w.Users.Update(t.Context(), "ada", tenancy.UserPatch{Timezone: new("America/New_York")})
			require.NoError(t, err)
			at := func(month time.Month, day int, hour int) time.Time {
				return time.Date(2024, month, day, hour, 0, 0, 0, time.UTC)
			}
			pass := func(to time.Time) {
				t.Helper()
				if asked {
					w.Set(t, to)
				}
			}
			w.Set(t, at(1, 10, 12))
			run(t, w, "100", at(1, 10, 12))
			pass(at(2, 1, 4))
			run(t, w, "20", at(1, 10, 12)) // still january
			pass(at(2, 1, 6))
			if asked {
				require.Equal(t, "gold of 0, 0 to -, 1, highest gold", shown(t, w, "club"), "february has only begun")
			}
			pass(at(2, 20, 12))
			w.Set(t, at(2, 20, 12))
			run(t, w, "60", at(2, 20, 12))
			pass(at(3, 1, 4))
			if asked {
				w.RequireLevel(t, "ada", "club", "gold")
			}
			w.Set(t, at(3, 1, 5)) // midnight in New York
			require.Equal(t, "silver of 0, 100 to gold, 0, highest gold", shown(t, w, "club"))
			w.Set(t, at(5, 2, 0))
			require.Equal(t, "- of 0, 10 to bronze, 0, highest gold", shown(t, w, "club"), "the first month without a run takes them all")
			require.Equal(t, []string{
				"01-10 ada:level:club:UP:gold:1 100 3", "03-01 ada:level:club:DOWN:silver:1 60 2", "04-01 ada:level:club:DOWN::1 0 0",
			}, told(t, w))
		})
	}
}

// Rules match a rise as other events; that somebody falls is for those that read the direction.
func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	count := func(id string, condition string) *economy.RewardRule {
		r := guerdontest.RewardRule(id, guerdontest.Reaching("club"), "gems", "1")
		r.MatchCondition = json.RawMessage(condition)
		return r
	}
	climbs := guerdontest.MissionConfiguration("climbs", guerdontest.Reaching("club"), "5")
	streak := guerdontest.StreakConfiguration("climbing", guerdontest.Reaching("club"))
	w := play(t, club(balance(), atOnce), count("rise", "null"), count("fall", `{"==": [{"var": "direction"}, "DOWN"]}`),
		climbs, guerdontest.MissionRule("climbs", climbs, ""), streak, guerdontest.StreakRule("climbing", streak))
	gems := func(want string) {
		t.Helper()
		w.RequireBalance(t, "ada", "gems", want)
	}
	run(t, w, "20")
	gems("1")
	w.RequireStreak(t, "ada", "climbing", 1)
	out := run(t, w, "40")
	gems("2")
	require.Equal(t, "2", out.Missions[0].CurrentAmount.String())
	_, err := w.Economy.Spend(t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: number("50")})
	require.NoError(t, err)
	w.RequireLevel(t, "ada", "club", "bronze")
	gems("3")
	x, err := w.Explain(t.Context(), out.EventID, "Ladder", "club")
	require.NoError(t, err)
	require.True(t, x.Moved)
	require.Contains(t, x.String(), "there was 20, and 40 was added")
	require.Contains(t, x.String(), "60 takes the user to on silver from on bronze; gold begins at 100")
}

// A ladder that is new, or measures something else, counts from the beginning, and nothing follows of what was before.
func TestNew(t *testing.T) {
	t.Parallel()
	w := play(t, guerdontest.RewardRule("welcome", guerdontest.Reaching("club"), "gems", "1"), club(balance()))
	run(t, w, "45")
	w.RequireBalance(t, "ada", "gems", "1")
	w.Pass(t, day)
	w.Publish(t, guerdontest.Ladder("late", earned(), guerdontest.Step("some", "40"), guerdontest.Step("more", "60")))
	require.Equal(t, "some of 45, 15 to more, 0.25, highest some", shown(t, w, "late"), "before anything is measured")
	run(t, w, "10")
	require.Equal(t, "some of 55, 5 to more, 0.75, highest some", shown(t, w, "late"))
	w.Pass(t, day)
	run(t, w, "3", w.Now().Add(-3*day)) // before it was published, and before what was known
	require.Equal(t, "some of 58, 2 to more, 0.9, highest some", shown(t, w, "late"))
	require.NotContains(t, fmt.Sprint(told(t, w)), "late")
	run(t, w, "3")
	require.Contains(t, fmt.Sprint(told(t, w)), "level:late:UP:more:1")

	w.Publish(t, club(runs(), func(l *levels.Ladder) { l.Steps[0].Threshold = number("61") }, func(l *levels.Ladder) { l.Steps = l.Steps[:1] }))
	require.Equal(t, "bronze of 61, 0 to -, 1, highest bronze", shown(t, w, "club"))
	w.RequireBalance(t, "ada", "gems", "2")
	run(t, w, "1")
	require.Equal(t, "bronze of 62, 0 to -, 1, highest bronze", shown(t, w, "club"))
	w.RequireBalance(t, "ada", "gems", "2")
}

// With other steps, a place is judged anew by the next event.
func TestOtherSteps(t *testing.T) {
	t.Parallel()
	w := play(t, club(earned(), atOnce))
	run(t, w, "60")
	w.Publish(t, guerdontest.Ladder("club", earned(), guerdontest.Step("silver", "20"), guerdontest.Step("platinum", "40")))
	w.RequireLevel(t, "ada", "club", "silver")
	require.Equal(t, []string{"club UP: silver to platinum at 61"}, moves(run(t, w, "1")))
	w.Publish(t, guerdontest.Ladder("club", earned(), guerdontest.Step("silver", "20"), guerdontest.Step("diamond", "90")))
	w.RequireLevel(t, "ada", "club", "silver")
	require.Equal(t, "silver of 61, 29 to diamond, 0.585714, highest silver", shown(t, w, "club"), "what was the highest is gone")
}

func TestMissionsOfATag(t *testing.T) {
	t.Parallel()
	one := guerdontest.MissionConfiguration("one", guerdontest.Doing("run"), "1")
	w := play(t, one, guerdontest.MissionRule("daily", one, timeframe.Daily), guerdontest.Tag("kind", "sport"),
		guerdontest.Ladder("all", levels.Measure{Type: levels.Missions}, guerdontest.Step("two", "2")))
	run(t, w, "1")
	w.Publish(t, guerdontest.Ladder("sport", levels.Measure{Type: levels.Missions, TagID: "sport"}, guerdontest.Step("one", "1")))
	_, err := w.Missions.Configurations.AssignTags(t.Context(), "one", tenancy.Tagging{TagID: "sport"})
	require.NoError(t, err)
	w.Pass(t, day)
	run(t, w, "1")
	w.RequireLevel(t, "ada", "all", "two")
	w.RequireLevel(t, "ada", "sport", "one")
}

func TestBadLadders(t *testing.T) {
	t.Parallel()
	w := play(t)
	for name, tt := range map[string]struct {
		change func(*levels.Ladder)
		field  string
	}{
		"no name":            {func(l *levels.Ladder) { l.Name = "" }, "name"},
		"no steps":           {func(l *levels.Ladder) { l.Steps = nil }, "steps"},
		"too many":           {func(l *levels.Ladder) { l.Steps = make([]levels.Step, 101) }, "steps"},
		"not more than 0":    {func(l *levels.Ladder) { l.Steps[0].Threshold = number("0") }, "steps[0].threshold"},
		"less than 0":        {func(l *levels.Ladder) { l.Steps[0].Threshold = number("-1") }, "steps[0].threshold"},
		"too fine":           {func(l *levels.Ladder) { l.Steps[0].Threshold = number("0.0000001") }, "steps[0].threshold"},
		"equal":              {func(l *levels.Ladder) { l.Steps[1].Threshold = l.Steps[0].Threshold }, "steps[1].threshold"},
		"out of order":       {func(l *levels.Ladder) { l.Steps[2].Threshold = number("20") }, "steps[2].threshold"},
		"one id twice":       {func(l *levels.Ladder) { l.Steps[2].ID = "bronze" }, "steps[2].id"},
		"bad id":             {func(l *levels.Ladder) { l.Steps[2].ID = "a:b" }, "steps[2].id"},
		"no name of a step":  {func(l *levels.Ladder) { l.Steps[1].Name = "" }, "steps[1].name"},
		"image of a step":    {func(l *levels.Ladder) { l.Steps[1].Image = "gold" }, "steps[1].image"},
		"language of a step": {func(l *levels.Ladder) { l.Steps[0].Translations = []levels.Text{{Lang: "it", Name: "bronzo"}} }, "steps[0].translations[0].lang"},
		"language twice": {func(l *levels.Ladder) {
			l.Steps[0].Translations = []levels.Text{{Lang: "en", Name: "a"}, {Lang: "en", Name: "b"}}
		}, "steps[0].translations[1].lang"},
		"demotion":          {func(l *levels.Ladder) { l.Demotion = "SOON" }, "demotion"},
		"no period":         {func(l *levels.Ladder) { l.Demotion = levels.ByPeriod }, "demotionPeriod"},
		"period of years":   {func(l *levels.Ladder) { l.Demotion, l.DemotionPeriod = levels.ByPeriod, timeframe.ByYear }, "demotionPeriod"},
		"period of nothing": {func(l *levels.Ladder) { l.DemotionPeriod = timeframe.ByDay }, "demotionPeriod"},
		"measure":           {func(l *levels.Ladder) { l.Measure = levels.Measure{Type: "LUCK"} }, "measure.type"},
		"currency":          {func(l *levels.Ladder) { l.Measure.CurrencyID = "" }, "measure.virtualCurrencyId"},
		"unknown currency":  {func(l *levels.Ladder) { l.Measure.CurrencyID = "pounds" }, "measure.virtualCurrencyId"},
		"of another type":   {func(l *levels.Ladder) { l.Measure.TagID = "sport" }, "measure.tagId"},
		"unknown tag":       {func(l *levels.Ladder) { l.Measure = levels.Measure{Type: levels.Missions, TagID: "sport"} }, "measure.tagId"},
		"what levels count": {func(l *levels.Ladder) { l.Measure = runs(); l.Measure.MatchEntity = "Level" }, "measure.matchEntity"},
		"unknown activity":  {func(l *levels.Ladder) { l.Measure = runs(); l.Measure.MatchEntityID = "fly" }, "measure.matchEntityId"},
		"expression":        {func(l *levels.Ladder) { l.Measure = runs(); l.Measure.Expression = json.RawMessage(`-1`) }, "measure.expression"},
		"condition":         {func(l *levels.Ladder) { l.Measure = runs(); l.Measure.MatchCondition = json.RawMessage(`{"fly": []}`) }, "measure.matchCondition"},
		"calendar":          {func(l *levels.Ladder) { l.Measure = runs(); l.Measure.Per = "ERA" }, "measure.per"},
		"ends before it starts": {func(l *levels.Ladder) {
			l.Measure = runs()
			l.Measure.StartsAt, l.Measure.EndsAt = new(w.Now()), new(w.Now())
		}, "measure.endsAt"},
		"out of all calendars": {func(l *levels.Ladder) {
			l.Measure = runs()
			l.Measure.StartsAt = new(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
		}, "measure.startsAt"},
	} {
		l := club(earned(), tt.change)
		err := l.Validate()
		if err == nil {
			bundle, wrong := guerdon.Bundle(l)
			require.NoError(t, wrong, name)
			_, err = w.Import(t.Context(), bundle)
		}
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		require.ErrorContains(t, err, tt.field+": ", name)
	}
	_, err := w.Levels.Level(t.Context(), "ada", "club")
	require.ErrorIs(t, err, fault.ErrNotFound)
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	few := guerdontest.Currency("few")
	few.MaxAllowedBalance = new(number("20"))
	w := play(t, few)
	warnings := func(l *levels.Ladder) (all []string) {
		w.Publish(t, l)
		doc, err := w.Levels.Ladders.Get(t.Context(), "club")
		require.NoError(t, err)
		for _, warning := range doc.Head().Warnings {
			all = append(all, warning.Field+" "+warning.Reason)
		}
		return all
	}
	require.Empty(t, warnings(club(earned(), atOnce)))
	require.Empty(t, warnings(club(levels.Measure{Type: levels.Earned, CurrencyID: "few"})))
	require.Equal(t, []string{
		"steps[1].threshold is 50, and nobody can have more than 20 of the currency", "steps[2].threshold is 100, and nobody can have more than 20 of the currency",
	}, warnings(club(levels.Measure{Type: levels.Balance, CurrencyID: "few"})))
	require.Equal(t, []string{"demotion is AT_ONCE, and what is measured never falls, so nobody does"}, warnings(club(levels.Measure{Type: levels.Missions}, atOnce)))
	require.Empty(t, warnings(club(runs(), monthly, func(l *levels.Ladder) { l.Measure.Per = timeframe.ByMonth })))
}

// Something that becomes known late does not tell anew of a step on which the user has stood all along.
func TestWhatIsLateTellsOfTheStepThatItBrings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, late string
		want        []string
	}{
		"no other step":                {"20", "15", nil},
		"a higher one":                 {"20", "30", []string{"club UP: bronze to silver at 50"}},
		"the first one":                {"5", "5", []string{"club UP:  to bronze at 10"}},
		"two steps, one of them of it": {"5", "45", []string{"club UP:  to silver at 50"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := play(t, club(runs()))
			w.Pass(t, 10*day)
			run(t, w, c.first)
			out := run(t, w, c.late, w.Now().Add(-5*day))
			require.Equal(t, c.want, moves(out))
			require.NotEmpty(t, out.Levels, "it counts")
		})
	}
}

// An event that takes the place of another tells how the place has changed since that one.
func TestWhatIsAmendedTellsOfTheStepThatItBrings(t *testing.T) {
	t.Parallel()
	w := play(t, club(runs(), atOnce))
	e := run(t, w, "60")
	for value, want := range map[string][]string{"70": nil, "20": {"club DOWN: silver to bronze at 20"}} {
		out, err := w.Amend(t.Context(), event.Event{ID: e.EventID, UserID: "ada", EntityID: "run", Value: new(number(value))}, guerdon.Correction{Reason: "a slip"})
		require.NoError(t, err)
		require.Equal(t, want, moves(out), value)
		_, err = w.Amend(t.Context(), event.Event{ID: e.EventID, UserID: "ada", EntityID: "run", Value: new(number("60"))}, guerdon.Correction{Reason: "no, it was right"})
		require.NoError(t, err)
	}
}
