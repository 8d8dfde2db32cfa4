package proof_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
)

// policed returns a streak of days of running with a policy of freezes, each of which costs 10 points.
func policed(policy func(*streaks.Rule)) []content.Document {
	docs := icy("10")
	policy(docs[1].(*streaks.Rule))
	return docs
}

// says lets ada say whether her streak is to be frozen, at a moment.
func (g *game) says(at time.Time, agreed bool) {
	g.t.Helper()
	g.set(at)
	_, err := g.Streaks.SetFreezeConsent(g.t.Context(), "ada", "icy", agreed)
	require.NoError(g.t, err)
}

// Whatever the policy, and however somebody catches up: it costs what it would have cost if the clock had been asked every day. What
// cannot be saved costs nothing.
func TestCatchingUpCostsWhatTheClockWouldHaveTaken(t *testing.T) {
	t.Parallel()
	inARow := func(n int) func(*streaks.Rule) { return func(r *streaks.Rule) { r.FreezeMaxInARow = n } }
	perMonth := func(n int) func(*streaks.Rule) { return func(r *streaks.Rule) { r.FreezeMaxPerMonth = n } }
	byUser := func(r *streaks.Rule) { r.FreezeConsent = streaks.ByUser }
	type words map[int]bool // what is said on which day, at nine
	for name, tt := range map[string]struct {
		policy  func(*streaks.Rule)
		said    words
		runs    []int
		frozen  []string
		balance string
		count   int
	}{
		"all can be saved":                       {inARow(3), nil, []int{1, 5}, []string{"2024-01-02", "2024-01-03", "2024-01-04"}, "70", 2},
		"one day too many in a row":              {inARow(3), nil, []int{1, 6}, nil, "100", 1},
		"weeks too many in a row":                {inARow(3), nil, []int{1, 30}, nil, "100", 1},
		"a month's budget":                       {perMonth(2), nil, []int{1, 4}, []string{"2024-01-02", "2024-01-03"}, "80", 2},
		"more than a month's budget":             {perMonth(2), nil, []int{1, 5}, nil, "100", 1},
		"the budget of two months":               {perMonth(2), nil, []int{29, 34}, []string{"2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02"}, "60", 2},
		"what was given back can be spent again": {perMonth(2), nil, []int{1, 5, 8}, []string{"2024-01-06", "2024-01-07"}, "80", 2},
		"nobody has agreed":                      {byUser, nil, []int{1, 3}, nil, "100", 1},
		"agreed":                                 {byUser, words{2: true}, []int{1, 3}, []string{"2024-01-02"}, "90", 2},
		"agreed too late":                        {byUser, words{3: true}, []int{1, 3, 5}, []string{"2024-01-04"}, "90", 2},
		"no longer agreed in a gap":              {byUser, words{1: true, 4: false}, []int{1, 6}, nil, "100", 1},
		"agreed again":                           {byUser, words{1: true, 4: false, 7: true}, []int{1, 3, 8, 10}, []string{"2024-01-02", "2024-01-09"}, "80", 2},
	} {
		for way, play := range map[string]func(g *game, until time.Time){
			"the clock is asked every day": func(g *game, until time.Time) {
				for at := g.now.Load().Truncate(24 * time.Hour).Add(24 * time.Hour); at.Before(until); at = at.Add(24 * time.Hour) {
					g.set(at)
					require.NoError(g.t, g.Advance(g.t.Context()))
				}
			},
			"the clock is asked when somebody is back": func(g *game, until time.Time) {
				g.set(until.Add(-time.Hour))
				require.NoError(g.t, g.Advance(g.t.Context()))
			},
			"the clock is not asked": func(*game, time.Time) {},
		} {
			t.Run(name+"/"+way, func(t *testing.T) {
				g := playOn(t, memory.New(), policed(tt.policy)...)
				g.rich()
				for day := 1; day <= tt.runs[len(tt.runs)-1]; day++ {
					if agreed, says := tt.said[day]; says {
						play(g, january(day, 9))
						g.says(january(day, 9), agreed)
					}
					if slices.Contains(tt.runs, day) {
						play(g, january(day))
						g.runs("ada", january(day))
					}
				}
				require.Equal(t, tt.frozen, g.frozen())
				require.Equal(t, tt.balance, g.balance("ada"))
				require.Equal(t, tt.count, g.count("icy"))
			})
		}
		t.Run(name+"/all is recorded afterwards, the last first", func(t *testing.T) {
			g := playOn(t, memory.New(), policed(tt.policy)...)
			g.set(january(0, 13))
			g.rich()
			for day := range 40 {
				if agreed, says := tt.said[day]; says {
					g.says(january(day, 9), agreed)
				}
			}
			for _, day := range slices.Backward(tt.runs) {
				g.runs("ada", january(day))
			}
			require.Equal(t, tt.frozen, g.frozen())
			require.Equal(t, tt.balance, g.balance("ada"))
			require.Equal(t, tt.count, g.count("icy"))
		})
	}
}

// What turns out not to have been needed is given back, and is there for the next gap of the month.
func TestLateEventGivesAFreezeBackToItsMonth(t *testing.T) {
	t.Parallel()
	g := playOn(t, memory.New(), policed(func(r *streaks.Rule) { r.FreezeMaxPerMonth = 1 })...)
	g.rich()
	g.runs("ada", days(1, 3, 5)...)
	require.Equal(t, []string{"2024-01-02"}, g.frozen())
	require.Equal(t, 1, g.count("icy"))
	g.runs("ada", january(2))
	require.Equal(t, []string{"2024-01-04"}, g.frozen())
	require.Equal(t, "90", g.balance("ada"))
	require.Equal(t, 4, g.count("icy"))
}

// Explain names what kept a period from being frozen, and so does the outcome.
func TestExplainNamesWhatKeptAPeriodFromBeingFrozen(t *testing.T) {
	t.Parallel()
	for want, tt := range map[streaks.Refusal]struct {
		policy func(*streaks.Rule)
		poor   bool
		reason string
	}{
		streaks.RefusedInARow:    {func(r *streaks.Rule) { r.FreezeMaxInARow = 1 }, false, "2024-01-02 was not frozen: at most 1 in a row may be"},
		streaks.RefusedPerMonth:  {func(r *streaks.Rule) { r.FreezeMaxPerMonth = 1 }, false, "2024-01-02 was not frozen: at most 1 of a month may be"},
		streaks.RefusedByConsent: {func(r *streaks.Rule) { r.FreezeConsent = streaks.ByUser }, false, "2024-01-02 was not frozen: the user had not agreed to it"},
		streaks.RefusedByWallet:  {func(*streaks.Rule) {}, true, "2024-01-02 was not frozen: the user could not pay for it"},
		streaks.RefusedByCost: {
			func(r *streaks.Rule) {
				r.FreezeCostExpression = json.RawMessage(`{"-": [{"var": "streak.frozen"}, 1]}`)
			}, false,
			"2024-01-02 was not frozen: gave -1, which is less than 0",
		},
		streaks.RefusedByRule: {func(r *streaks.Rule) { r.FreezeEnabled = new(false) }, false, "2024-01-02 was not frozen: nothing is"},
	} {
		t.Run(string(want), func(t *testing.T) {
			g := playOn(t, memory.New(), policed(tt.policy)...)
			if !tt.poor {
				g.rich()
			}
			g.runs("ada", january(1))
			g.daily(10)
			entries, err := g.Journal(t.Context(), 0)
			require.NoError(t, err)
			i := slices.IndexFunc(entries, func(e guerdon.Entry) bool {
				return slices.ContainsFunc(e.Outcome.Streaks, func(c streaks.Change) bool { return c.Kind == streaks.Missed })
			})
			require.Equal(t, event.Clock, entries[i].Event.Type)
			changes := entries[i].Outcome.Streaks
			if told := changes[len(changes)-1].NotFrozen; want == streaks.RefusedByRule {
				require.Empty(t, told, "nobody asks")
			} else {
				require.Equal(t, want, told)
			}
			x, err := g.Explain(t.Context(), entries[i].Event.ID, "StreakRule", "icy")
			require.NoError(t, err)
			require.True(t, x.Moved)
			require.Contains(t, x.Checks, rule.Check{Name: string(want), Holds: true, Reason: tt.reason})
		})
	}
}

// Who is suspended is told so; the streak is lost, and costs nothing.
func TestExplainSaysThatWhoIsAwayFreezesNothing(t *testing.T) {
	t.Parallel()
	g := playOn(t, memory.New(), icy("10")...)
	g.rich()
	g.runs("ada", january(1))
	_, err := g.Users.Suspend(t.Context(), "ada")
	require.NoError(t, err)
	g.daily(5)
	require.Equal(t, "100", g.balance("ada"))
	entries, err := g.Journal(t.Context(), 0)
	require.NoError(t, err)
	last := entries[len(entries)-1]
	require.Equal(t, streaks.RefusedToUser, last.Outcome.Streaks[0].NotFrozen)
}

// What nobody can ask for any more of what somebody has said is archived, and the rest goes on.
func TestWhatWasSaidOfFreezesLongAgoIsArchived(t *testing.T) {
	t.Parallel()
	g := playOn(t, memory.New(), policed(func(r *streaks.Rule) { r.FreezeConsent = streaks.ByUser })...)
	g.rich()
	for day := range 20 { // now this, now that
		g.says(january(day+1, 9), day%2 == 0)
	}
	g.says(january(40, 9), true)
	g.runs("ada", january(60))
	words := func(rows []guerdon.ArchivedRow) (n int) {
		for _, row := range rows {
			if row.Table == "streak_consents" {
				n++
			}
		}
		return n
	}
	require.Equal(t, 20, words(g.archived(t, january(50))), "the last word stays")
	consents, err := g.Streaks.FreezeConsents(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, january(40, 9), consents[0].UpdatedAt)
	g.runs("ada", january(62))
	require.Equal(t, 2, g.count("icy"))
}
