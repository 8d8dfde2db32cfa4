package proof_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// places shows a board: all its rows, which the other reads must agree with. There is none of a board that cannot be read.
func (w *world) places(t tester, board string, at *leaderboard.At) (lines []string) {
	t.Helper()
	ctx := t.Context()
	top, err := w.Leaderboards.Top(ctx, board, 100, at)
	if errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	require.NoError(t, err)
	lines = []string{fmt.Sprint(board, " ", top.Period.ID, " has ", top.Total)}
	for i, row := range top.Rows {
		lines = append(lines, fmt.Sprintf("%d. %s with %s since %s", row.Rank, row.EntityID, row.Score, instant(row.ReachedAt)))
		one, err := w.Leaderboards.Rank(ctx, board, row.EntityID, at)
		require.NoError(t, err)
		require.Equal(t, leaderboard.Standing{Row: row, Period: top.Period, Total: top.Total}, one)
		near, err := w.Leaderboards.Around(ctx, board, row.EntityID, 1, at)
		require.NoError(t, err)
		require.Equal(t, []leaderboard.Row{row}, near.Rows)
		page, err := w.Leaderboards.Page(ctx, board, i, 1, at)
		require.NoError(t, err)
		require.Equal(t, []leaderboard.Row{row}, page.Rows)
	}
	return lines
}

// Whatever the program, and in whatever order what happened is recorded: as of a moment a board stands as it stood then, when everything was
// recorded as it happened. Missions and paths may count what was before they were assigned, and then the past is another: the same in all orders.
func TestTheStandingIsWhatItWas(t *testing.T) {
	for _, d := range []struct {
		name string
		features
		noted bool
	}{
		{"activities", features{boards: true, times: true, moves: true, timeless: true}, true},
		{"money", features{boards: true, rewards: true, streaks: true, fed: true, times: true, moves: true, money: true, timeless: true}, true},
		{"all", features{missions: true, groups: true, streaks: true, rewards: true, boards: true, learning: true, levels: true, tags: true, fed: true, times: true, counts: true, timeless: true}, false},
	} {
		t.Run(d.name, func(t *testing.T) {
			checkStores(t, func(rt *rapid.T, b *backend) {
				s := scenarios(d.features).Draw(rt, "scenario")
				o := s.orders().Draw(rt, "order")
				o.advances = nil
				lived, other := founded(rt, memory.New(), "acme", founding), b.empty(rt, founding)
				var boards []string
				for _, doc := range s.docs {
					if doc["kind"] == "RuntimeLeaderboard" {
						boards = append(boards, doc["id"].(string))
					}
				}
				noted := map[time.Time][]string{}
				look := func(w *world, asOf time.Time) (all []string) {
					for _, id := range boards {
						all = append(all, w.places(rt, id, &leaderboard.At{AsOf: asOf})...)
					}
					return all
				}
				lived.watched(rt, s, func(at time.Time) {
					if d.noted { // what the clock does is there, and periods that are over are closed
						require.NoError(rt, lived.Advance(rt.Context()))
					}
					for _, id := range boards {
						noted[at] = append(noted[at], lived.places(rt, id, nil)...)
					}
					require.Equal(rt, noted[at], look(lived, at), "as of now, at %s", at)
				})
				other.enact(rt, s, o, other.records(rt))
				for at, want := range noted {
					got := look(other, at)
					require.Equal(rt, look(lived, at), got, "as of %s, in another order", at)
					if d.noted {
						require.Equal(rt, want, got, "as of %s", at)
					}
				}
			})
		})
	}
}

// watched lets a scenario happen as it happens, and calls look whenever something has happened.
func (w *world) watched(t tester, s *scenario, look func(at time.Time)) {
	t.Helper()
	w.settle(t, s)
	all, record := s.deliveries(s.lived()), w.records(t)
	for i, d := range all {
		w.set(d.at)
		if d.do == nil {
			record(d)
		} else {
			w.newID = counting(d.text)
			if err := d.do(t, w); err != nil {
				require.NotEmpty(t, err.Error()) // what is refused is so in any order
			}
			w.newID = counting("other")
		}
		if i+1 < len(all) && all[i+1].at.Equal(d.at) {
			continue
		}
		look(d.at)
	}
	w.set(lastDay.AddDate(0, 0, 8))
	require.NoError(t, w.Advance(t.Context()))
}

// The past is what is known of it now: what came late was there, what was taken back was not, and who takes no part now is shown on no board. A
// week that is closed stands as it was closed from its end on.
func TestAStandingIsByWhatIsKnownNow(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		points := object{"source": "activity_logs", "score": object{"sum": variable("value")}}
		teams := object{"source": "activity_logs", "entityId": object{"tagNamespace": "place"}, "score": object{"max": variable("value")}, "order": "ASC"}
		_, err := w.Import(ctx, bundle(t, append(weekly("points", points), weekly("teams", teams)...)...))
		require.NoError(t, err)
		_, err = w.Users.AssignTags(ctx, "eve", tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
		day := func(n int) time.Time { return start.AddDate(0, 0, n) }
		records := func(id, userID string, at time.Time, value int64) {
			t.Helper()
			e := swim(id, at, value)
			e.UserID = userID
			_, err := w.Record(ctx, e)
			require.NoError(t, err)
		}
		standing := func(board string, asOf time.Time) (rows []string) {
			t.Helper()
			for _, line := range w.places(t, board, &leaderboard.At{AsOf: asOf})[1:] {
				rows = append(rows, strings.Join(strings.Fields(line)[:4], " "))
			}
			return rows
		}
		w.set(day(3))
		records("a", "ada", day(1), 3)
		records("b", "eve", day(2), 5)
		require.Empty(t, standing("points", day(1).Add(-time.Microsecond)))
		require.Equal(t, []string{"1. ada with 3"}, standing("points", day(1)))
		require.Equal(t, []string{"1. eve with 5", "2. ada with 3"}, standing("points", day(2)))
		require.Equal(t, []string{"1. outdoor with 5"}, standing("teams", day(2)))

		records("late", "bob", day(1).Add(time.Hour), 4)
		records("later", "eve", day(1).Add(time.Hour), 1)
		require.Equal(t, []string{"1. bob with 4", "2. ada with 3", "3. eve with 1"}, standing("points", day(2).Add(-time.Hour)))
		require.Equal(t, []string{"1. outdoor with 1"}, standing("teams", day(2).Add(-time.Hour)))
		_, err = w.Retract(ctx, "a", guerdon.Correction{Reason: "it was not so"})
		require.NoError(t, err)
		require.Equal(t, []string{"1. bob with 4", "2. eve with 1"}, standing("points", day(2).Add(-time.Hour)))
		_, err = w.Retract(ctx, "later", guerdon.Correction{Reason: "it was not so"})
		require.NoError(t, err)
		require.Empty(t, standing("teams", day(2).Add(-time.Hour)))
		_, err = w.Users.Suspend(ctx, "bob")
		require.NoError(t, err)
		require.Empty(t, standing("points", day(2).Add(-time.Hour)))
		_, err = w.Users.Resume(ctx, "bob")
		require.NoError(t, err)

		w.set(day(9))
		require.NoError(t, w.Advance(ctx)) // the week closes
		records("too-late", "ada", day(4), 9)
		in := func(asOf time.Time) leaderboard.Ranking {
			t.Helper()
			top, err := w.Leaderboards.Top(ctx, "points", 10, &leaderboard.At{Time: day(1), AsOf: asOf})
			require.NoError(t, err)
			return top
		}
		require.Len(t, in(day(4)).Rows, 3)
		require.Equal(t, timeframe.Active, in(day(4)).Period.State)
		require.False(t, in(day(4)).Period.Frozen)
		require.Len(t, in(day(8)).Rows, 2, "as it was closed")
		require.True(t, in(day(8)).Period.Frozen)

		_, err = w.Leaderboards.Rank(ctx, "points", "eve", &leaderboard.At{AsOf: day(9).Add(time.Second)})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "asOf")
		_, err = w.Leaderboards.Top(ctx, "points", 1, &leaderboard.At{Period: "never", AsOf: day(1)})
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

// What is archived is in the standing of what comes after it, and nothing is known of before.
func TestAStandingBehindTheHorizon(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		var docs []object
		for _, function := range []string{"sum", "max", "count_distinct"} {
			docs = append(docs, weekly(function, object{"source": "activity_logs", "score": object{function: variable("value")}})...)
		}
		docs = append(docs, weekly("teams", object{"source": "activity_logs", "entityId": object{"tagNamespace": "place"}, "score": object{"count": nil}})...)
		_, err := w.Import(ctx, bundle(t, docs...))
		require.NoError(t, err)
		_, err = w.Users.AssignTags(ctx, "eve", tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
		day := func(n int) time.Time { return start.AddDate(0, 0, n) }
		w.set(day(5))
		for i, value := range []int64{2, 5, 3, 5, 1} {
			_, err := w.Record(ctx, swim(fmt.Sprint("s", i), day(i+1), value))
			require.NoError(t, err)
		}
		boards := []string{"sum", "max", "count_distinct", "teams"}
		look := func() (all []string) {
			for n := 3; n <= 5; n++ {
				for _, id := range boards {
					all = append(all, w.places(t, id, &leaderboard.At{AsOf: day(n)})...)
				}
			}
			return all
		}
		before := look()
		require.NotEmpty(t, w.archived(t, day(3)))
		require.Equal(t, before, look())
		for _, id := range boards[:3] {
			_, err := w.Leaderboards.Top(ctx, id, 1, &leaderboard.At{AsOf: day(3).Add(-time.Second)})
			require.ErrorIs(t, err, fault.ErrConflict)
			require.ErrorContains(t, err, "horizon")
		}
	})
}
