package proof_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

// lines are all that users can see of what followed from a scenario, a line each, but for when it was written
// down. Periods of boards that have ended are shown if settled says so of their log.
func (w *world) lines(t tester, s *scenario, settled func(source string) bool) (all []string) {
	t.Helper()
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, user := range people {
		if s.twins && user == "eve" {
			continue
		}
		w.missionLines(t, user, add)
		w.streakLines(t, user, add)
		w.moneyLines(t, user, add)
		w.badgeLines(t, user, add)
		w.levelLines(t, user, add)
		w.tagLines(t, user, add)
		w.learningLines(t, user, add)
	}
	for _, tag := range []string{"red", "blue"} {
		for _, m := range pages(t, func(p store.Page) ([]missions.Mission, string, error) {
			return w.Missions.GroupList(t.Context(), tag, missions.Query{}, p)
		}) {
			w.missionLine(t, &m, add)
		}
	}
	sources := map[string]string{}
	for _, doc := range slices.Concat(s.docs, s.late) {
		id := doc["id"].(string)
		switch doc["kind"] {
		case "RuntimeLeaderboardConfiguration":
			sources[id] = doc["query"].(object)["source"].(string)
		case "RuntimeLeaderboard":
			w.boardLines(t, id, settled(sources[doc["runtimeLeaderboardConfigurationId"].(string)]), add)
		}
	}
	report, err := w.Economy.Verify(t.Context())
	require.NoError(t, err)
	for _, d := range report.Differences {
		add("the books differ: %s", jsonOf(t, d))
	}
	for _, d := range report.Lots {
		add("the lots differ: %s", jsonOf(t, d))
	}
	slices.Sort(all)
	return all
}

type adder func(format string, args ...any)

// instant shows a time, "-" for none.
func instant(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format("2006-01-02T15:04:05")
}

func (w *world) missionLines(t tester, user string, add adder) {
	t.Helper()
	for _, m := range pages(t, func(p store.Page) ([]missions.Mission, string, error) {
		return w.Missions.List(t.Context(), user, missions.Query{}, p)
	}) {
		if m.MissionType == missions.Individual { // those of groups are shown once
			w.missionLine(t, &m, add)
		}
	}
}

// past tells whether what ended at a time is not compared; what never ends, is.
func (w *world) past(end time.Time) bool { return !end.IsZero() && end.Before(w.horizon) }

func (w *world) missionLine(t tester, m *missions.Mission, add adder) {
	t.Helper()
	if w.past(m.EndsAt) {
		return
	}
	add("mission %s from %s to %s, grace until %s, provisional %t: %s of %s, completed %t at %s, version %d of version %d",
		m.ID, instant(m.StartsAt), instant(m.EndsAt), instant(m.GraceEndsAt), m.Provisional, m.CurrentAmount, m.TargetAmount, m.IsCompleted, instant(m.CompletedAt), m.ConfigurationVersion, m.RuleVersion)
	for i := range m.Goals {
		g := &m.Goals[i]
		add("mission %s goal %s: %s of %s, reached at %s", m.ID, g.ID, g.CurrentAmount, g.TargetAmount, instant(g.CompletedAt))
	}
	var sum decimal.Decimal
	sums := map[string]decimal.Decimal{}
	for _, l := range pages(t, func(p store.Page) ([]missions.Log, string, error) {
		return w.Missions.Contributions(t.Context(), m.ID, p)
	}) {
		apart := len(m.Distinct) > 0 || slices.ContainsFunc(m.Goals, func(g missions.GoalProgress) bool { return g.ID == l.GoalID && len(g.Distinct) > 0 })
		if !l.At.Before(w.horizon) && (w.horizon.IsZero() || !apart) { // which values came before the horizon is not known
			add("mission %s has %s %s of %s by %s at %s", m.ID, l.Amount, l.GoalID, l.EventID, l.UserID, instant(l.At))
		}
		sum = sum.Add(l.Amount)
		sums[l.GoalID] = sums[l.GoalID].Add(l.Amount)
	}
	if len(m.Goals) > 0 {
		sum = decimal.Decimal{}
		for i := range m.Goals {
			g := &m.Goals[i]
			if w.horizon.IsZero() {
				require.Equal(t, sums[g.ID].String(), g.CurrentAmount.String(), "goal %s of mission %s has what was contributed", g.ID, m.ID)
			}
			if !g.CompletedAt.IsZero() {
				sum = sum.Add(decimal.NewFromInt(1))
			}
		}
	}
	if w.horizon.IsZero() || len(m.Goals) > 0 {
		require.Equal(t, sum.String(), m.CurrentAmount.String(), "mission %s has what was contributed", m.ID)
	}
}

func (w *world) streakLines(t tester, user string, add adder) {
	t.Helper()
	for _, by := range []streaks.PeriodType{streaks.ByDay, streaks.ByWeek, streaks.ByMonth, streaks.ByYear, streaks.ByIteration, streaks.ByGoal} {
		for _, row := range pages(t, func(p store.Page) ([]streaks.Streak, string, error) {
			return w.Streaks.Streaks(t.Context(), user, streaks.Query{PeriodType: by}, p)
		}) {
			row.Configuration = nil
			add("streak %s", jsonOf(t, row))
		}
	}
	consents, err := w.Streaks.FreezeConsents(t.Context(), user)
	require.NoError(t, err)
	for _, c := range consents {
		add("%s has said %s", user, jsonOf(t, c))
	}
	for _, rule := range []string{"s1", "s2"} {
		standing, err := w.Streaks.Current(t.Context(), user, rule)
		if errors.Is(err, fault.ErrNotFound) {
			continue
		}
		require.NoError(t, err)
		add("%s stands in %s", user, jsonOf(t, standing))
	}
}

func (w *world) tagLines(t tester, user string, add adder) {
	t.Helper()
	tags, err := w.Users.Tags(t.Context(), user)
	require.NoError(t, err)
	for _, tag := range tags {
		add("%s carries %s by %q since %s", user, tag.TagID, tag.By, instant(tag.CreatedAt))
	}
}

func (w *world) levelLines(t tester, user string, add adder) {
	t.Helper()
	all, err := w.Levels.List(t.Context(), user)
	require.NoError(t, err)
	for _, s := range all {
		add("level %s", jsonOf(t, s))
	}
}

// net returns the transactions of a user but for those that were taken back, and what took them back.
func (w *world) net(t tester, user string) []economy.Transaction {
	t.Helper()
	all := pages(t, func(p store.Page) ([]economy.Transaction, string, error) {
		return w.Economy.History(t.Context(), user, p)
	})
	back := map[string]bool{}
	for _, x := range all {
		back[x.ReversedTransactionID] = true
	}
	return slices.DeleteFunc(all, func(x economy.Transaction) bool {
		return x.ReversedTransactionID != "" || back[x.ID]
	})
}

func (w *world) moneyLines(t tester, user string, add adder) {
	t.Helper()
	for _, x := range pages(t, func(p store.Page) ([]economy.Transaction, string, error) {
		return w.Economy.History(t.Context(), user, p)
	}) {
		add("%s has %s: %s %s of %s held less %s %s %s at %s, redeemed %s, voided %s, expires %s, lapses %s, of %s by %s, version %d, held for review: %t", user, x.ID, x.Direction, x.Amount,
			x.HeldAmount, x.ReversedAmount, x.CurrencyID, x.State, instant(x.At), instant(x.RedeemedAt), instant(x.VoidedAt), instant(x.ExpiresAt), instant(x.LapsesAt), x.GroupID, x.Initiator,
			x.RuleVersion, x.HeldForReview)
	}
	balances, err := w.Economy.Balances(t.Context(), user)
	require.NoError(t, err)
	for _, b := range balances {
		if !b.Amount.IsZero() || !b.AvailableAmount.IsZero() {
			add("%s has %s", user, jsonOf(t, b))
		}
		lapses, err := w.Economy.Lapsing(t.Context(), user, b.CurrencyID)
		require.NoError(t, err)
		for _, l := range lapses {
			add("of %s lapse %s %s on %s", user, l.Amount, b.CurrencyID, instant(l.LapsesAt))
		}
	}
}

func (w *world) badgeLines(t tester, user string, add adder) {
	t.Helper()
	list, err := w.Badges.List(t.Context(), user, badges.Query{})
	if errors.Is(err, fault.ErrNotFound) {
		return
	}
	require.NoError(t, err)
	for _, b := range list {
		if b.Count == 0 {
			continue
		}
		add("%s has %d times the badge %s, from %s to %s", user, b.Count, b.ConfigurationID, instant(b.FirstAt), instant(b.LastAt))
		for _, a := range pages(t, func(p store.Page) ([]badges.Award, string, error) {
			return w.Badges.Awards(t.Context(), user, b.ConfigurationID, p)
		}) {
			add("%s was awarded %s", user, jsonOf(t, a))
		}
	}
}

func (w *world) learningLines(t tester, user string, add adder) {
	t.Helper()
	ctx := t.Context()
	show := func(what string, v any, err error) {
		if errors.Is(err, fault.ErrNotFound) {
			return
		}
		require.NoError(t, err)
		add("%s %s", what, jsonOf(t, v))
	}
	assigned := pages(t, func(p store.Page) ([]learning.AssignedPath, string, error) {
		return w.Learning.Assignments(ctx, user, learning.Query{}, p)
	})
	contexts := []string{learning.DefaultContext}
	for _, a := range assigned {
		if w.past(a.Assignment.EndsAt) {
			continue
		}
		contexts = append(contexts, a.Assignment.Context)
		a.Assignment.CreatedAt, a.Assignment.UpdatedAt, a.Assignment.BeganAt = time.Time{}, time.Time{}, time.Time{} // when they were counted
		add("%s is assigned %s, %s", user, jsonOf(t, a.Assignment), jsonOf(t, a.Progress))
	}
	slices.Sort(contexts)
	for _, of := range slices.Compact(contexts) {
		for _, id := range []string{"p1", "p2"} {
			l, err := w.Learning.PathLog(ctx, user, id, of)
			show("path", l, err)
		}
		group, err := w.Learning.GroupLog(ctx, user, "test", of)
		show("group", group, err)
		slide, err := w.Learning.SlideLog(ctx, user, "forum", of)
		show("slide", slide, err)
		story, err := w.Learning.StoryLog(ctx, user, "founding", of)
		show("story", story, err)
		for _, id := range []string{"hills", "kings"} {
			quiz, err := w.Learning.QuizLog(ctx, user, id, of)
			show("quiz", quiz, err)
		}
	}
	stats, err := w.Learning.Stats(ctx, user)
	show("stats", stats, err)
}

func (w *world) boardLines(t tester, id string, ended bool, add adder) {
	t.Helper()
	periods, err := w.Leaderboards.Periods(t.Context(), id, 40, time.Time{})
	require.NoError(t, err)
	for _, p := range periods {
		if !ended && p.State == timeframe.Ended || !p.EndsAt.IsZero() && !p.EndsAt.After(w.horizon) {
			continue
		}
		top, err := w.Leaderboards.Top(t.Context(), id, 100, &leaderboard.At{Period: p.ID})
		require.NoError(t, err)
		add("board %s %s is frozen %t, provisional %t", id, p.ID, p.Frozen, p.Provisional)
		for _, r := range top.Rows {
			add("board %s %s: %d. %s with %s since %s", id, p.ID, r.Rank, r.EntityID, r.Score, instant(r.ReachedAt))
		}
	}
	for _, e := range w.closings(t, id) {
		if ended && e.Event.At.After(w.horizon) {
			add("board %s is closed: %s", id, jsonOf(t, e.Event))
		}
	}
}

// closings are the entries that say that periods of a board are closed.
func (w *world) closings(t tester, id string) []guerdon.Entry {
	t.Helper()
	return pages(t, func(p store.Page) ([]guerdon.Entry, string, error) {
		return w.Entries(t.Context(), guerdon.EntryFilter{Type: event.Clock, EntityID: id}, p)
	})
}
