package guerdontest

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
)

// RequireMoved fails the test unless the recorded event of an outcome moved a document, and says why it
// did not. The kind is one that [guerdon.Workspace.Explain] knows.
func (w *World) RequireMoved(t TB, out guerdon.Outcome, kind, id string) {
	t.Helper()
	if x := w.explain(t, out, kind, id); !x.Moved {
		fail(t, fmt.Sprintf("%s %q should have moved", kind, id), x)
	}
}

// RequireNotMoved fails the test if the recorded event of an outcome moved a document, and says why it
// did. The kinds are those of [World.RequireMoved].
func (w *World) RequireNotMoved(t TB, out guerdon.Outcome, kind, id string) {
	t.Helper()
	if x := w.explain(t, out, kind, id); x.Moved {
		fail(t, fmt.Sprintf("%s %q should not have moved", kind, id), x)
	}
}

// RequireCompleted fails the test unless the recorded event of an outcome completed a mission of the
// configuration.
func (w *World) RequireCompleted(t TB, out guerdon.Outcome, configurationID string) {
	t.Helper()
	at := "none was moved"
	for _, c := range out.Missions {
		switch {
		case c.ConfigurationID != configurationID:
		case c.Completed:
			return
		case !c.Amount.IsZero():
			at = fmt.Sprintf("%s is at %s of %s", c.MissionID, c.CurrentAmount, c.TargetAmount)
		}
	}
	wrong := fmt.Sprintf("no mission of %q was completed: %s", configurationID, at)
	fail(t, wrong, w.explain(t, out, missions.Configurations.Name(), configurationID))
}

// RequireGoal fails the test unless a goal of a mission of several goals has come so far.
func (w *World) RequireGoal(t TB, missionID, goalID, amount string) {
	t.Helper()
	want, err := decimal.NewFromString(amount)
	require.NoError(t, err)
	m, err := w.Missions.Mission(t.Context(), missionID)
	require.NoError(t, err)
	var goals lines
	for i := range m.Goals {
		g := &m.Goals[i]
		if g.ID == goalID && g.CurrentAmount.Equal(want) {
			return
		}
		goals.add("%s has %s of %s", g.ID, g.CurrentAmount, g.TargetAmount)
	}
	fail(t, fmt.Sprintf("the goal %q of %q is not at %s", goalID, missionID, want), goals)
}

// explain fails the test if there is no such document.
func (w *World) explain(t TB, out guerdon.Outcome, kind, id string) guerdon.Explanation {
	t.Helper()
	x, err := w.Explain(t.Context(), out.EventID, kind, id)
	require.NoError(t, err)
	return x
}

// RequireNoProblems fails the test if something could not be done that should have followed from the
// event of an outcome.
func (w *World) RequireNoProblems(t TB, out guerdon.Outcome) {
	t.Helper()
	var problems lines
	for _, p := range out.Problems {
		problems.add("%s %s %s", p.Source, p.Field, p.Reason)
	}
	if problems != nil {
		fail(t, fmt.Sprintf("event %s has problems", out.EventID), problems)
	}
}

// RequireBalance fails the test unless a user has the amount of a currency, pending credits included.
func (w *World) RequireBalance(t TB, userID, currencyID, amount string) {
	t.Helper()
	want, err := decimal.NewFromString(amount)
	require.NoError(t, err)
	have, err := w.Economy.Balance(t.Context(), userID, currencyID)
	require.NoError(t, err)
	if have.Amount.Equal(want) {
		return
	}
	rows, _, err := w.Economy.History(t.Context(), userID, store.Page{Limit: store.MaxPage})
	require.NoError(t, err)
	var transactions lines
	for _, row := range rows {
		if row.CurrencyID == currencyID {
			transactions.add("%s %s %s by %s, %s", instant(row.At), row.Direction, row.Amount, row.Initiator, row.State)
		}
	}
	fail(t, fmt.Sprintf("%q has %s of %q, not %s", userID, have.Amount, currencyID, want), transactions)
}

// RequireLapse fails the test unless so much of what a user has of a currency lapses at a moment; 0 is nothing.
func (w *World) RequireLapse(t TB, userID, currencyID string, at time.Time, amount string) {
	t.Helper()
	want, err := decimal.NewFromString(amount)
	require.NoError(t, err)
	all, err := w.Economy.Lapsing(t.Context(), userID, currencyID)
	require.NoError(t, err)
	var is decimal.Decimal
	var others lines
	for _, l := range all {
		if others.add("%s on %s", l.Amount, instant(l.LapsesAt)); l.LapsesAt.Equal(at) {
			is = l.Amount
		}
	}
	if !is.Equal(want) {
		fail(t, fmt.Sprintf("%s of %q of %q lapse on %s, not %s", is, currencyID, userID, instant(at), want), others)
	}
}

// RequireBudget fails the test unless so much is left of a budget of a reward rule in the present period: field is where the rule has it, "budget" or "rewards[0].budget".
func (w *World) RequireBudget(t TB, rewardRuleID, field, left string) {
	t.Helper()
	want, err := decimal.NewFromString(left)
	require.NoError(t, err)
	states, err := w.Economy.Budgets(t.Context(), rewardRuleID)
	require.NoError(t, err)
	var all lines
	for _, s := range states {
		if all.add("%s: %s of %s paid, %s left", s.Field, s.Paid, s.Max, s.Left); s.Field == field && s.Left.Equal(want) {
			return
		}
	}
	fail(t, fmt.Sprintf("of %s of rule %q is not left %s", field, rewardRuleID, want), all)
}

// RequireHeldForReview fails the test unless rewards of so much of a currency wait for somebody to release them to a user; "0" is nothing.
func (w *World) RequireHeldForReview(t TB, userID, currencyID, amount string) {
	t.Helper()
	want, err := decimal.NewFromString(amount)
	require.NoError(t, err)
	var have decimal.Decimal
	var held lines
	for page := (store.Page{Limit: store.MaxPage}); ; {
		rows, next, err := w.Economy.HeldForReview(t.Context(), page)
		require.NoError(t, err)
		for _, row := range rows {
			if row.UserID == userID && row.CurrencyID == currencyID {
				have = have.Add(row.Amount)
				held.add("%s %s by %s", instant(row.At), row.Amount, row.Initiator)
			}
		}
		if page.Token = next; next == "" {
			break
		}
	}
	if !have.Equal(want) {
		fail(t, fmt.Sprintf("%s of %q are held for review of %q, not %s", have, currencyID, userID, want), held)
	}
}

// RequireStreak fails the test unless the present run of a user's streak has the length; 0 is a streak
// that is broken or was not begun.
func (w *World) RequireStreak(t TB, userID, ruleID string, length int) {
	t.Helper()
	s, err := w.Streaks.Current(t.Context(), userID, ruleID)
	require.NoError(t, err)
	if s.Count == length {
		return
	}
	rows, _, err := w.Streaks.Streaks(t.Context(), userID, streaks.Query{PeriodType: streaks.ByDay, RuleID: ruleID}, store.Page{})
	require.NoError(t, err)
	var days lines
	for _, row := range rows {
		if row.PeriodID != "" { // a streak that was not begun has a row without one
			days.add("%s %s", row.PeriodID, row.Kind)
		}
	}
	fail(t, fmt.Sprintf("on %s the streak %q of %q is %s at %d, not %d", instant(w.Now()), ruleID, userID, s.Status, s.Count, length), days)
}

// RequireBadge fails the test unless a user has a badge so many times; 0 is not at all.
func (w *World) RequireBadge(t TB, userID, badgeID string, times int) {
	t.Helper()
	had, err := w.Badges.List(t.Context(), userID, badges.Query{Had: true})
	require.NoError(t, err)
	is := 0
	var others lines
	for _, b := range had {
		if others.add("%d times %s, last on %s", b.Count, b.ConfigurationID, instant(b.LastAt)); b.ConfigurationID == badgeID {
			is = b.Count
		}
	}
	if is != times {
		fail(t, fmt.Sprintf("%q has the badge %q %d times, not %d", userID, badgeID, is, times), others)
	}
}

// RequireLevel fails the test unless a user stands on a step of a ladder; "" is below the first.
func (w *World) RequireLevel(t TB, userID, ladderID, stepID string) {
	t.Helper()
	s, err := w.Levels.Level(t.Context(), userID, ladderID)
	require.NoError(t, err)
	var at string
	if s.Step != nil {
		at = s.Step.ID
	}
	if at == stepID {
		return
	}
	var steps lines
	if s.Next != nil {
		steps.add("%s are missing to %q", s.Missing, s.Next.ID)
	}
	fail(t, fmt.Sprintf("%q is on %q of %q with %s, not on %q", userID, at, ladderID, s.Measure, stepID), steps)
}

// RequireRank fails the test unless a user, or a tag if the board ranks tags, has the rank in the
// board's present period; 0 is one who is not on the board.
func (w *World) RequireRank(t TB, boardID, entityID string, rank int) {
	t.Helper()
	s, err := w.Leaderboards.Rank(t.Context(), boardID, entityID, nil)
	require.NoError(t, err)
	if s.Rank == rank {
		return
	}
	top, err := w.Leaderboards.Top(t.Context(), boardID, leaderboard.MaxTopN, nil)
	require.NoError(t, err)
	var rows lines
	for _, row := range top.Rows {
		rows.add("%d. %s %s", row.Rank, row.EntityID, row.Score)
	}
	fail(t, fmt.Sprintf("%q has the rank %d on %q in %s, not %d", entityID, s.Rank, boardID, s.Period.ID, rank), rows)
}

// fail ends the test with what is wrong, and with what a person needs to see why.
func fail(t TB, wrong string, why fmt.Stringer) {
	t.Helper()
	require.FailNow(t, wrong, why.String())
}

// lines are what a person needs to see.
type lines []string

func (l *lines) add(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }

func (l lines) String() string { return strings.Join(l, "\n") }
