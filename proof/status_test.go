package proof_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// top is who is on a board, in order, each with the rank, as both the index and the store say it.
func (g *game) top(board string, at *leaderboard.At) string {
	g.t.Helper()
	read := func(ws *guerdon.Workspace) string {
		rows, err := ws.Leaderboards.Top(g.t.Context(), board, 10, at)
		require.NoError(g.t, err)
		require.Len(g.t, rows.Rows, rows.Total)
		var all []string
		for _, r := range rows.Rows {
			all = append(all, r.EntityID+" "+r.Score.String())
			standing, err := ws.Leaderboards.Rank(g.t.Context(), board, r.EntityID, at)
			require.NoError(g.t, err)
			require.Equal(g.t, r, standing.Row)
		}
		return strings.Join(all, ", ")
	}
	indexed := read(g.Workspace)
	require.NoError(g.t, g.Update(g.t.Context(), func(_ context.Context, ws *guerdon.Workspace) error {
		require.Equal(g.t, indexed, read(ws))
		return nil
	}))
	return indexed
}

// Who is suspended or deleted is on no board, and who is resumed is where the scores belong that went on to count. Totals
// stay.
func TestWhoTakesNoPartIsOnNoBoard(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testWhoTakesNoPart(t, open(t))
		})
	}
}

func testWhoTakesNoPart(t *testing.T, st store.Store) {
	ctx := t.Context()
	earned := guerdontest.BoardConfiguration("earned", "points")
	teams := guerdontest.BoardConfiguration("teams", "points")
	teams.Query.EntityID = leaderboard.Entity{TagNamespace: "team"}
	g := playOn(t, st, guerdontest.RewardRule("one", guerdontest.Doing("run"), "points", "1"), earned, teams,
		guerdontest.Board("ever", earned, ""), guerdontest.Board("weekly", earned, timeframe.Weekly), guerdontest.Board("team", teams, ""))
	last := &leaderboard.At{Time: january(3)}
	g.runs("ada", days(1, 2, 3)...)
	g.runs("bob", days(4, 5)...)
	g.runs("ada", january(8))
	g.runs("bob", days(8, 9)...)
	g.set(january(20))
	require.NoError(t, g.Advance(ctx))
	require.Equal(t, "ada 4, bob 4", g.top("ever", nil))
	require.Equal(t, "ada 3, bob 2", g.top("weekly", last))

	_, err := g.Users.Suspend(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, "bob 4", g.top("ever", nil))
	require.Equal(t, "bob 2", g.top("weekly", last), "a period that is frozen hides who is away, too")
	require.Equal(t, "red 8", g.top("team", nil))
	standing, err := g.Leaderboards.Rank(ctx, "ever", "ada", nil)
	require.NoError(t, err)
	require.Zero(t, standing.Rank)
	require.True(t, standing.Score.IsZero())
	list, err := g.Journal(ctx, 0)
	require.NoError(t, err)
	said := list[len(list)-1]
	require.Equal(t, event.User, said.Event.Type)
	require.Equal(t, "suspended", said.Event.Fields["status"])
	require.Len(t, said.Outcome.Scores, 3)
	require.True(t, said.Outcome.Scores[0].Gone)

	g.publish(guerdontest.Board("later", earned, ""))
	g.runs("bob", january(21))
	require.Equal(t, "bob 5", g.top("later", nil), "a board that opens knows who is away")
	_, err = g.Users.Resume(ctx, "ada")
	require.NoError(t, err)
	for _, board := range []string{"ever", "later"} {
		require.Equal(t, "bob 5, ada 4", g.top(board, nil))
	}
	require.Equal(t, "ada 3, bob 2", g.top("weekly", last))
	g.runs("ada", days(22, 23)...)
	require.Equal(t, "ada 6, bob 5", g.top("ever", nil))

	_, err = g.Users.Anonymise(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, "bob 5", g.top("ever", nil))
	require.Equal(t, "bob 2", g.top("weekly", last))
	require.Equal(t, "red 11", g.top("team", nil))
}

// Who is paid while away, because a group's mission turns out to be theirs, is on the board when they are back.
func TestScoresOfWhoIsAwayGoOn(t *testing.T) {
	goal, rule := team("2", missions.OnEvent)
	earned := guerdontest.BoardConfiguration("earned", "points")
	g := play(t, goal, rule, guerdontest.RewardRule("ten", guerdontest.Completing("crew"), "points", "10"), earned, guerdontest.Board("ever", earned, ""))
	g.runs("bob", january(3))
	g.runs("ada", january(5))
	require.Equal(t, "ada 10", g.top("ever", nil))
	_, err := g.Users.Suspend(t.Context(), "bob")
	require.NoError(t, err)
	g.runs("ada", january(2)) // so bob completed it
	require.Equal(t, "10", g.balance("bob"))
	require.Empty(t, g.top("ever", nil))
	_, err = g.Users.Resume(t.Context(), "bob")
	require.NoError(t, err)
	require.Equal(t, "bob 10", g.top("ever", nil))
}

// That a credit expires is told to those who ask for the state.
func TestBoardsCountWhatHasExpiredIfTheyAsk(t *testing.T) {
	lost := guerdontest.BoardConfiguration("lost", "points")
	lost.Query.Where = json.RawMessage(`{"==": [{"var": "state"}, "EXPIRED"]}`)
	all := guerdontest.BoardConfiguration("all", "points")
	all.Query.Where = nil
	g := play(t, lost, all, guerdontest.Board("lost", lost, ""), guerdontest.Board("all", all, ""))
	for _, amount := range []string{"3", "4"} {
		_, err := g.Economy.Grant(t.Context(), []economy.Grant{{
			DestinationUserID: "ada", CurrencyID: "points", Amount: decimal.RequireFromString(amount), RedemptionMode: economy.Manual, ExpiresAt: january(2),
		}})
		require.NoError(t, err)
	}
	g.runs("ada", january(3))
	require.Equal(t, "ada 7", g.top("lost", nil))
	require.Empty(t, g.top("all", nil))
}
