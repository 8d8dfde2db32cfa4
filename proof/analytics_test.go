package proof_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Whatever the program, and however late what happened comes: what is counted of missions, points and badges is what there is in the end, and counting anew changes nothing.
func TestWhatIsCountedIsWhatThereIs(t *testing.T) {
	for _, d := range dimensions {
		if d.years { // it looks at each day
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			checkStores(t, func(rt *rapid.T, b *backend) {
				s := scenarios(d.features).Draw(rt, "scenario")
				b.worlds++
				w := foundedIn(rt, b.faulty, fmt.Sprint("acme-", b.worlds), founding, 0, analytics.Tables()...)
				a, err := analytics.New(w.engine, &analytics.Options{
					Batch: rapid.SampledFrom([]int{1, 2, 10, 0}).Draw(rt, "batch"),
				})
				require.NoError(rt, err)
				often, record := rapid.Bool().Draw(rt, "often"), w.records(rt)
				w.enact(rt, s, s.orders().Draw(rt, "order"), func(d delivery) {
					record(d)
					if often {
						require.NoError(rt, a.CatchUp(rt.Context(), w.Workspace))
					}
				})
				require.NoError(rt, a.CatchUp(rt.Context(), w.Workspace))
				counted, points, awarded := w.countedMissions(rt, a), w.countedPoints(rt, a), w.countedBadges(rt, a)
				require.Empty(rt, strings.Join(differences(w.completedMissions(rt), counted), "\n"))
				require.Empty(rt, strings.Join(differences(w.bookedPoints(rt), points), "\n"))
				require.Empty(rt, strings.Join(differences(w.awardedBadges(rt), awarded), "\n"))
				require.NoError(rt, a.Rebuild(rt.Context(), w.Workspace))
				require.Equal(rt, counted, w.countedMissions(rt, a))
				require.Equal(rt, points, w.countedPoints(rt, a))
				require.Equal(rt, awarded, w.countedBadges(rt, a))
			})
		})
	}
}

// history is the days of a scenario, and some more.
var history = analytics.Range{From: timeframe.DayOf(firstDay, time.UTC) - 40, To: timeframe.DayOf(lastDay, time.UTC) + 40}

// countedMissions are lines of how many missions were completed on a day, and by whom.
func (w *world) countedMissions(t tester, a *analytics.Analytics) (lines []string) {
	t.Helper()
	r := a.Of(w.Workspace)
	for day := history.From; day <= history.To; day++ {
		in := analytics.Range{From: day, To: day}
		got, err := r.Missions(t.Context(), in)
		require.NoError(t, err)
		for _, m := range got.Missions {
			if m.Completed > 0 {
				lines = append(lines, fmt.Sprint(day, " ", m.ConfigurationID, " completed ", m.Completed))
			}
			done := pages(t, func(p store.Page) ([]analytics.MissionUser, string, error) {
				some, err := r.CompletedUsers(t.Context(), m.ConfigurationID, in, p)
				return some.Users, some.NextToken, err
			})
			for _, u := range done {
				lines = append(lines, fmt.Sprint(day, " ", u.MissionID, " of ", u.UserID))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// completedMissions are the same lines, of the missions that there are.
func (w *world) completedMissions(t tester) (lines []string) {
	t.Helper()
	ctx, counts := t.Context(), map[string]int{}
	var all []missions.Mission
	for _, id := range people {
		own := pages(t, func(p store.Page) ([]missions.Mission, string, error) {
			return w.Missions.List(ctx, id, missions.Query{}, p)
		})
		all = append(all, own...)
	}
	for _, tag := range []string{"red", "outdoor", "blue"} {
		of, _, err := w.Missions.GroupList(ctx, tag, missions.Query{}, store.Page{Limit: 100})
		if err == nil {
			all = append(all, of...)
		}
	}
	for _, m := range all {
		if !m.IsCompleted {
			continue
		}
		day := timeframe.DayOf(m.CompletedAt, time.UTC)
		counts[fmt.Sprint(day, " ", m.ConfigurationID)]++
		if m.UserID != "" {
			lines = append(lines, fmt.Sprint(day, " ", m.ID, " of ", m.UserID))
		}
	}
	for of, n := range counts {
		lines = append(lines, fmt.Sprint(of, " completed ", n))
	}
	slices.Sort(lines)
	return lines
}

// countedPoints are lines of what was issued and spent on a day.
func (w *world) countedPoints(t tester, a *analytics.Analytics) (lines []string) {
	t.Helper()
	for day := history.From; day <= history.To; day++ {
		got, err := a.Of(w.Workspace).Points(t.Context(), analytics.Range{From: day, To: day})
		require.NoError(t, err)
		for _, p := range got.Points {
			lines = append(lines, fmt.Sprint(day, " ", p.CurrencyID, " ", p.Source, " +", p.Issued, " -", p.Spent, " ", p.Transactions))
		}
	}
	return lines
}

// bookedPoints are the same lines, of the transactions that there are.
func (w *world) bookedPoints(t tester) (lines []string) {
	t.Helper()
	type sum struct {
		issued, spent decimal.Decimal
		n             int
	}
	sums := map[string]sum{}
	for _, id := range people {
		for _, tr := range pages(t, func(p store.Page) ([]economy.Transaction, string, error) {
			return w.Economy.History(t.Context(), id, p)
		}) {
			if tr.State != economy.Completed || tr.CounterpartType != economy.PartySystem {
				continue
			}
			at, source := tr.At, tr.Initiator
			if !tr.RedeemedAt.IsZero() {
				at = tr.RedeemedAt
			}
			if tr.ReversedTransactionID != "" || !strings.Contains(source, "#") {
				source = string(tr.InitiatorType)
			}
			key := fmt.Sprint(timeframe.DayOf(at, time.UTC), " ", tr.CurrencyID, " ", source)
			s := sums[key]
			if s.n++; tr.Direction == economy.Debit {
				s.spent = s.spent.Add(tr.Amount)
			} else {
				s.issued = s.issued.Add(tr.Amount)
			}
			sums[key] = s
		}
	}
	for key, s := range sums {
		lines = append(lines, fmt.Sprint(key, " +", s.issued, " -", s.spent, " ", s.n))
	}
	return lines
}

// countedBadges are lines of how often badges were awarded on a day, and how many have them.
func (w *world) countedBadges(t tester, a *analytics.Analytics) (lines []string) {
	t.Helper()
	for day := history.From; day <= history.To; day++ {
		got, err := a.Of(w.Workspace).Badges(t.Context(), analytics.Range{From: day, To: day})
		require.NoError(t, err)
		for _, b := range got.Badges {
			if b.Awards > 0 {
				lines = append(lines, fmt.Sprint(day, " ", b.ConfigurationID, " ", b.Awards, " to ", b.Users))
			}
			if day == history.To {
				lines = append(lines, fmt.Sprint(b.ConfigurationID, " ", b.TotalAwards, " of ", b.Holders))
			}
		}
	}
	return lines
}

// awardedBadges are the same lines, of the awards that there are.
func (w *world) awardedBadges(t tester) (lines []string) {
	t.Helper()
	type sum struct{ awards, users int }
	days, ever := map[string]sum{}, map[string]sum{}
	for _, user := range people {
		for _, badgeID := range []string{"first", "gold"} {
			own := map[string]int{}
			all := pages(t, func(p store.Page) ([]badges.Award, string, error) {
				return w.Badges.Awards(t.Context(), user, badgeID, p)
			})
			for _, a := range all {
				own[fmt.Sprint(timeframe.DayOf(a.At, time.UTC), " ", badgeID)]++
			}
			for on, n := range own {
				days[on] = sum{days[on].awards + n, days[on].users + 1}
			}
			if len(all) > 0 {
				ever[badgeID] = sum{ever[badgeID].awards + len(all), ever[badgeID].users + 1}
			}
		}
	}
	for on, s := range days {
		lines = append(lines, fmt.Sprint(on, " ", s.awards, " to ", s.users))
	}
	for id, s := range ever {
		lines = append(lines, fmt.Sprint(id, " ", s.awards, " of ", s.users))
	}
	return lines
}
