package proof_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// frozen is a streak rule that takes a point for a missed day.
const frozen = `{"documents":[{"kind":"StreakRule","id":"icy","name":"With freezes","streakConfigurationId":"any","cadence":"DAY","metric":"DAYS",
	"freezeEnabled":true,"freezeVirtualCurrencyId":"points","freezeCostExpression":2,"timeframeType":"PERMANENT","timeframeTimezoneType":"USER",
	"timeframeStartsAt":"2020-01-01T00:00:00Z","defaultLang":"en","translations":[{"lang":"en","name":"Icy"}]}]}`

func TestAdvanceFreezesForOneChargeADayWhoeverCallsIt(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, []byte(frozen))
		require.NoError(t, err)
		_, err = w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "points", Amount: decimal.NewFromInt(5), DestinationUserID: "eve"}})
		require.NoError(t, err)
		_, err = w.Record(ctx, run("e1", "eve", start)) // and one point
		require.NoError(t, err)
		w.set(start.AddDate(0, 0, 3)) // two days missed
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { errs[i] = w.Advance(ctx) })
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		balance, err := w.Economy.Balance(ctx, "eve", "points")
		require.NoError(t, err)
		require.Equal(t, "2", balance.Amount.String())
		standing, err := w.Streaks.Current(ctx, "eve", "icy")
		require.NoError(t, err)
		require.Equal(t, streaks.Active, standing.Status)
		require.Equal(t, 1, standing.Count)
		w.set(start.AddDate(0, 0, 5)) // one more day can be paid, and one not
		require.NoError(t, w.Advance(ctx))
		standing, err = w.Streaks.Current(ctx, "eve", "icy")
		require.NoError(t, err)
		require.Equal(t, streaks.Broken, standing.Status)
		report, err := w.Economy.Verify(ctx)
		require.NoError(t, err)
		require.Empty(t, report.Differences)
	})
}

func TestEngineAdvancesEveryWorkspace(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	_, err := w.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "second", Name: "Second"})
	require.NoError(t, err)
	second, err := w.engine.Workspace(ctx, store.Scope{Account: "acme", Workspace: "second"})
	require.NoError(t, err)
	_, err = second.Import(ctx, fullGame(t))
	require.NoError(t, err)
	_, err = second.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
	require.NoError(t, err)
	expires := start.Add(time.Hour)
	granted, err := second.Economy.Grant(ctx, []economy.Grant{{
		CurrencyID: "points", Amount: decimal.NewFromInt(5), DestinationUserID: "ada", RedemptionMode: economy.Manual, ExpiresAt: expires,
	}})
	require.NoError(t, err)
	w.set(start.Add(2 * time.Hour))
	require.NoError(t, w.engine.Advance(ctx))
	after, err := second.Economy.Transaction(ctx, granted[0].ID)
	require.NoError(t, err)
	require.Equal(t, economy.Expired, after.State)
}

func TestRunAdvancesUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		var calls atomic.Int64
		eng, err := guerdon.New(t.Context(), st, &guerdon.Options{Now: func() time.Time { calls.Add(1); return start }})
		require.NoError(t, err)
		_, err = eng.Platform.CreateAccount(t.Context(), tenancy.Account{ID: "acme"})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		before := calls.Load()
		go func() { done <- eng.Run(ctx, time.Minute) }()
		synctest.Wait()
		once := calls.Load() - before
		require.Positive(t, once, "at once")
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		require.GreaterOrEqual(t, calls.Load()-before, 11*once)
		cancel()
		require.NoError(t, <-done)
	})
}

// A season of a year: every user of the game acts on some days; the months' boards close one by one. Who
// never calls Advance sees the same.
func TestYearPasses(t *testing.T) {
	w, unattended := newWorld(t, memory.New()), newWorld(t, memory.New())
	ctx := t.Context()
	for day := range 365 {
		now := start.AddDate(0, 0, day)
		w.set(now)
		unattended.set(now)
		require.NoError(t, w.Advance(ctx))
		for i, user := range []string{"ada", "bob", "eve"} {
			if day%(i+1) == 0 {
				for _, w := range []*world{w, unattended} {
					_, err := w.Record(ctx, run(fmt.Sprintf("%s-%d", user, day), user, now))
					require.NoError(t, err)
				}
			}
		}
	}
	require.NotEqual(t, w.picture(t), unattended.picture(t), "its boards were not frozen")
	require.NoError(t, unattended.Advance(ctx))
	require.JSONEq(t, w.picture(t), unattended.picture(t))
	periods, err := w.Leaderboards.Periods(ctx, "monthly", 24, time.Time{})
	require.NoError(t, err)
	var total decimal.Decimal
	for _, p := range periods {
		require.Equal(t, p.State == "ENDED", p.Frozen, p.ID)
		top, err := w.Leaderboards.Top(ctx, "monthly", 10, &leaderboard.At{Period: p.ID})
		require.NoError(t, err)
		for _, row := range top.Rows {
			total = total.Add(row.Score)
		}
	}
	system, err := w.Economy.System(ctx, "points")
	require.NoError(t, err)
	require.True(t, total.Equal(system.Amount.Neg()), "what the boards count is what was paid: %s and %s", total, system.Amount)
	standing, err := w.Streaks.Current(ctx, "ada", "daily")
	require.NoError(t, err)
	require.Equal(t, 365, standing.Count)
}

// entries returns the journal behind a number.
func (w *world) entries(t tester, after int64) []guerdon.Entry {
	t.Helper()
	entries, err := w.Journal(t.Context(), after)
	require.NoError(t, err)
	return entries
}

// users returns the journal behind a number but for what is about nobody.
func (w *world) users(t tester, after int64) []guerdon.Entry {
	t.Helper()
	return slices.DeleteFunc(w.entries(t, after), func(e guerdon.Entry) bool { return e.Event.UserID == "" })
}

func TestJournalTellsWhatTheClockDid(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, []byte(frozen))
		require.NoError(t, err)
		_, err = w.Record(ctx, run("e1", "eve", start)) // a point, which is not enough for a freeze
		require.NoError(t, err)
		before := w.head(t)
		w.set(start.AddDate(0, 0, 2))
		require.NoError(t, w.Advance(ctx))
		require.NoError(t, w.Advance(ctx), "there is nothing left to do")
		told := map[string]guerdon.Entry{}
		for _, e := range w.users(t, before) {
			require.Equal(t, event.Clock, e.Event.Type)
			require.Equal(t, "eve", e.Event.UserID)
			require.Equal(t, "StreakRule", e.Event.Fields["kind"])
			require.Equal(t, fmt.Sprintf("clock:StreakRule:%s:eve:%d", e.Event.EntityID, e.Outcome.Seq), e.Event.ID)
			told[e.Event.EntityID] = e
		}
		require.Len(t, told, 2, "a rule that freezes and one that does not")
		for id, e := range told {
			require.Len(t, e.Outcome.Streaks, 1, id)
			require.Equal(t, streaks.Missed, e.Outcome.Streaks[0].Kind)
			require.Equal(t, streaks.Broken, e.Outcome.Streaks[0].Status)
			require.Equal(t, "2025-09-30", e.Outcome.Streaks[0].Day.String())
		}
		// What is paid for follows from the same entry.
		_, err = w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "points", Amount: decimal.NewFromInt(5), DestinationUserID: "eve"}})
		require.NoError(t, err)
		out, err := w.Record(ctx, run("e2", "eve", start.AddDate(0, 0, 2)))
		require.NoError(t, err)
		require.Len(t, out.Streaks, 2, "the breaks were told")
		before = w.head(t)
		w.set(start.AddDate(0, 0, 4))
		require.NoError(t, w.Advance(ctx))
		i := slices.IndexFunc(w.entries(t, before), func(e guerdon.Entry) bool { return e.Event.EntityID == "icy" })
		icy := w.entries(t, before)[i]
		require.Equal(t, streaks.Freeze, icy.Outcome.Streaks[0].Kind)
		require.Equal(t, event.VirtualTransaction, icy.Caused[0].Type)
		require.Equal(t, icy.Event.ID, icy.Caused[0].Cause)
	})
}

// assigns is a rule that assigns a goal with the given target.
func assigns(mode, more, target string) []byte {
	return fmt.Appendf(nil, `{"documents":[
	{"kind":"MissionConfiguration","id":"odd","name":"Odd","missionType":"INDIVIDUAL","matchType":"ENTITY","matchEntity":"Activity",
	 "targetAmountExpression":%s,"defaultLang":"en","translations":[{"lang":"en","label":"Odd"}]},
	{"kind":"MissionRule","id":"odd","name":"Odd","missionType":"INDIVIDUAL","assignmentMode":%q,"missionConfigurationsPool":["odd"],%s
	 "timeframeType":"RECURRING","recurrence":"WEEKLY","timeframeTimezoneType":"USER","timeframeStartsAt":"2020-01-01T00:00:00Z",
	 "defaultLang":"en","translations":[{"lang":"en"}]}]}`, target, mode, more)
}

const nobodysNumber = `{"var":"user.userId"}`

func TestProblemsOfLazyRulesAreInTheJournalOnceADay(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, assigns("LAZY", "", nobodysNumber))
		require.NoError(t, err)
		before := w.head(t)
		ask := func() []guerdon.Entry {
			t.Helper()
			_, err := w.Missions.Evaluate(ctx, "ada")
			require.NoError(t, err)
			return w.entries(t, before)
		}
		for range 3 {
			entries := ask()
			require.Len(t, entries, 1)
			require.Equal(t, "clock:MissionRule:odd:ada:2025-09-29", entries[0].Event.ID)
			require.Equal(t, []event.Problem{{
				Source: "MissionConfiguration/odd", Field: "targetAmountExpression", Reason: "gave a text, which is not a number",
			}}, entries[0].Outcome.Problems)
		}
		w.set(start.AddDate(0, 0, 1))
		require.Len(t, ask(), 2, "another day")
		_, err = w.Import(ctx, assigns("LAZY", "", "5"))
		require.NoError(t, err)
		before = w.head(t)
		for range 2 {
			entries := ask()
			require.Len(t, entries, 1)
			require.True(t, entries[0].Outcome.Missions[0].Assigned)
			require.Equal(t, "ada:odd:odd:2025-W40", entries[0].Outcome.Missions[0].MissionID)
			require.Empty(t, entries[0].Outcome.Problems)
		}
	})
}

func TestJournalTellsWhatAScheduleAssigned(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		target := `{"if":[{"==":[{"var":"user.userId"},"bob"]},null,3]}`
		_, err := w.Import(ctx, assigns("SCHEDULED_PUSH", `"scheduleCron":"0 12 * * *",`, target))
		require.NoError(t, err)
		_, err = w.Users.Suspend(ctx, "eve")
		require.NoError(t, err)
		before := w.head(t)
		w.set(start.AddDate(0, 0, 1))
		require.NoError(t, w.Advance(ctx))
		require.NoError(t, w.Advance(ctx))
		entries := w.entries(t, before)
		require.Len(t, entries, 2)
		require.Equal(t, "ada", entries[0].Event.UserID)
		require.True(t, entries[0].Outcome.Missions[0].Assigned)
		require.Equal(t, "bob", entries[1].Event.UserID)
		require.Len(t, entries[1].Outcome.Problems, 1)
	})
}

func TestProblemsOfNobodyAreInTheJournal(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	_, err := w.Record(ctx, run("e1", "ada", start))
	require.NoError(t, err)
	before := w.head(t)
	_, err = w.Import(ctx, []byte(`{"documents":[
	{"kind":"RuntimeLeaderboardConfiguration","id":"odd","name":"Odd","query":{"source":"activity_logs","entityId":"userId","score":{"sum":{"var":"outcome"}}},
	 "defaultLang":"en","translations":[{"lang":"en","label":"Odd"}]},
	{"kind":"RuntimeLeaderboard","id":"odd","runtimeLeaderboardConfigurationId":"odd","timeframeType":"PERMANENT","timeframeTimezoneType":"FIXED",
	 "timeframeTimezone":"UTC","timeframeStartsAt":"2020-01-01T00:00:00Z"}]}`))
	require.NoError(t, err)
	entries := w.entries(t, before)
	require.Len(t, entries, 1)
	require.Empty(t, entries[0].Event.UserID)
	require.Equal(t, "RuntimeLeaderboard/odd", entries[0].Outcome.Problems[0].Source)
	require.Contains(t, entries[0].Outcome.Problems[0].Reason, "1 of the events before it opened do not count")
	for kind, id := range map[string]string{
		"MissionRule": "weekly", "MissionConfiguration": "three", "RewardRule": "per-run", "StreakRule": "daily", "RuntimeLeaderboard": "odd",
	} {
		x, err := w.Explain(ctx, entries[0].Event.ID, kind, id)
		require.NoError(t, err, kind)
		require.False(t, x.Moved, "%s", x)
	}
}

// A board that is published over a long history counts it in portions, between which others go on; until it has, it says so.
// Nothing is counted twice or not at all, whoever does something meanwhile.
func TestBoardOverALongHistoryLetsOthersIn(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			ctx, st := t.Context(), open(t)
			t.Cleanup(func() { require.NoError(t, st.Close()) })
			g := &game{world: foundedIn(t, st, "acme", january(0), 10), t: t}
			g.publish(guerdontest.Activity("run"), guerdontest.Tag("team", "red"))
			people := []string{"ann", "bob", "cyd", "dan", "eve"}
			for _, id := range people {
				_, err := g.Users.Create(ctx, tenancy.NewUser{ID: id, Tags: []tenancy.Tagging{{TagID: "red"}}})
				require.NoError(t, err)
				g.runs(id, days(1, 2, 3, 4, 5, 6)...)
			}
			runs := guerdontest.BoardConfiguration("runs", "points")
			runs.Query = leaderboard.Query{Source: leaderboard.ActivityLogs, Score: leaderboard.Score{Function: leaderboard.Count}}
			teams := guerdontest.BoardConfiguration("teams", "points")
			teams.Query = runs.Query
			teams.Query.EntityID = leaderboard.Entity{TagNamespace: "team"}
			g.publish(runs, teams, guerdontest.Board("runs", runs, ""), guerdontest.Board("teams", teams, ""))
			for _, id := range people { // the first opens both, and counts what ann and bob had done
				g.runs(id, january(7))
				_, err := g.Leaderboards.Top(ctx, "runs", 10, nil)
				require.ErrorIs(t, err, fault.ErrConflict)
			}
			require.NoError(t, g.Advance(ctx))
			for board, want := range map[string]map[string]string{
				"runs": {"ann": "7", "bob": "7", "cyd": "7", "dan": "7", "eve": "7"}, "teams": {"red": "35"},
			} {
				top, err := g.Leaderboards.Top(ctx, board, 10, nil)
				require.NoError(t, err)
				got := map[string]string{}
				for _, row := range top.Rows {
					got[row.EntityID] = row.Score.String()
				}
				require.Equal(t, want, got)
			}
		})
	}
}

// clearances is a store that notes how many rows each transaction deletes from the tables of boards.
type clearances struct {
	store.Store

	deleted []int
}

func (c *clearances) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return c.Store.Update(ctx, s, func(tx store.Tx) error {
		c.deleted = append(c.deleted, 0)
		return fn(&clearance{tx, c})
	})
}

type clearance struct {
	store.Tx

	of *clearances
}

func (c *clearance) Delete(ctx context.Context, t *store.Schema, keys ...string) error {
	if strings.HasPrefix(t.Name, "leaderboard_") {
		c.of.deleted[len(c.of.deleted)-1] += len(keys)
	}
	return c.Tx.Delete(ctx, t, keys...)
}

// What a board had counted before it was published anew is removed in portions, between which others record what the board then
// counts too. Frozen periods stay.
func TestBoardPublishedAnewIsClearedInPortions(t *testing.T) {
	t.Parallel()
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const portion, users = 10, 35
			c := &clearances{Store: open(t)}
			t.Cleanup(func() { require.NoError(t, c.Close()) })
			w := foundedIn(t, c, "acme", start, portion)
			ctx := t.Context()
			conf := guerdontest.BoardConfiguration("kinds", "points")
			conf.Query = leaderboard.Query{
				Source: leaderboard.ActivityLogs, Score: leaderboard.Score{Function: leaderboard.CountDistinct, Of: json.RawMessage(`{"var": "entityId"}`)},
			}
			board := guerdontest.Board("monthly", conf, timeframe.Monthly)
			publish := func() {
				bundle, err := guerdon.Bundle(guerdontest.Activity("run"), guerdontest.Activity("swim"), conf, board)
				require.NoError(t, err)
				_, err = w.Import(ctx, bundle)
				require.NoError(t, err)
			}
			publish()
			do := func(what string, at time.Time) {
				w.set(at)
				for i := range users {
					user := fmt.Sprint("user-", i)
					_, err := w.Users.Create(ctx, tenancy.NewUser{ID: user})
					if err != nil {
						require.ErrorIs(t, err, fault.ErrExists)
					}
					_, err = w.Record(ctx, event.Event{ID: what + user, UserID: user, EntityID: what, At: at})
					require.NoError(t, err)
				}
			}
			do("run", start)
			frozen, err := w.Leaderboards.Top(ctx, "monthly", 100, nil)
			require.NoError(t, err)
			require.Len(t, frozen.Rows, users)
			w.set(start.AddDate(0, 1, 0))
			require.NoError(t, w.Advance(ctx))
			do("swim", start.AddDate(0, 1, 0))

			board.EndsAt = new(start.AddDate(10, 0, 0))
			c.deleted = nil
			publish()
			_, err = w.Record(ctx, event.Event{ID: "late", UserID: "user-20", EntityID: "run", At: start.AddDate(0, 1, 0)})
			require.NoError(t, err)
			_, err = w.Leaderboards.Top(ctx, "monthly", 100, nil)
			require.ErrorIs(t, err, fault.ErrConflict)
			require.NoError(t, w.Advance(ctx))
			sum := 0
			for _, n := range c.deleted {
				require.LessOrEqual(t, n, portion)
				sum += n
			}
			require.Equal(t, 2*users, sum, "a score and a value each, of the period that is not frozen")
			again, err := w.Leaderboards.Top(ctx, "monthly", 100, nil)
			require.NoError(t, err)
			require.Len(t, again.Rows, users)
			require.Equal(t, "user-20", again.Rows[0].EntityID)
			require.Equal(t, "2", again.Rows[0].Score.String())
			require.Equal(t, "1", again.Rows[1].Score.String())
			before, err := w.Leaderboards.Top(ctx, "monthly", 100, &leaderboard.At{Period: frozen.Period.ID})
			require.NoError(t, err)
			require.Equal(t, frozen.Rows, before.Rows)
		})
	}
}
