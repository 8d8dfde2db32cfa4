package proof_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// transfer lets somebody give ten points to somebody, once per id.
func (g *game) transfer(from, to, id string, mode economy.RedemptionMode) error {
	_, err := g.Economy.Transfer(g.t.Context(), from, []economy.Grant{{ID: id, CurrencyID: "points", DestinationUserID: to, Amount: decimal.NewFromInt(10), RedemptionMode: mode}})
	return err
}

func (g *game) user(id string) {
	g.t.Helper()
	_, err := g.Users.Create(g.t.Context(), tenancy.NewUser{ID: id})
	require.NoError(g.t, err)
}

// longRun records 600 runs of bob's, of which each is worth a point: more than a transaction moves.
func (g *game) longRun() {
	g.t.Helper()
	all := make([]event.Event, 600)
	for i := range all {
		all[i] = run(fmt.Sprintf("e%03d", i), "bob", january(1).Add(time.Duration(i)*time.Minute))
	}
	g.set(january(2))
	_, err := g.RecordBatch(g.t.Context(), all)
	require.NoError(g.t, err)
}

// half returns a game in which a merge of bob into ada was interrupted when some of bob's 600 runs were moved. What begin does is moved last.
func half(t *testing.T, begin func(*game)) *game {
	t.Helper()
	st := &faulty{Store: memory.New()}
	st.heal()
	g := playOn(t, st, perUnit())
	g.set(january(1, 1))
	begin(g)
	g.longRun()
	for calls := 2000; ; calls += 1500 {
		st.failAfter(calls)
		_, err := g.Merge(t.Context(), "bob", "ada", same)
		st.heal()
		require.Error(t, err, "it was interrupted")
		b, err := g.Economy.Balance(t.Context(), "ada", "points")
		require.NoError(t, err)
		if b.Amount.IsPositive() {
			require.NotEqual(t, "600", b.Amount.String())
			return g
		}
	}
}

// While two users are being merged, what would lose something of them is refused, or ends the merge first.
func TestHalfMerged(t *testing.T) {
	gift := func(g *game) {
		g.user("carl")
		g.grant("carl", 100)
		g.grant("bob", 1000)
		require.NoError(t, g.transfer("carl", "bob", "gift", economy.Manual))
	}
	for name, tt := range map[string]func(g *game){
		"archived": func(g *game) {
			g.set(january(20))
			_, err := g.Archive(g.t.Context(), january(10), io.Discard)
			require.NoError(g.t, err)
		},
		"merged with another": func(g *game) {
			_, err := g.Merge(g.t.Context(), "ada", "carl", same)
			require.NoError(g.t, err)
			require.Equal(g.t, "1700", g.balance("bob"), "of three")
		},
		"deleted": func(g *game) {
			_, err := g.Users.Anonymise(g.t.Context(), "ada")
			require.ErrorIs(g.t, err, fault.ErrConflict)
		},
		"corrected": func(g *game) {
			_, err := g.Retract(g.t.Context(), "e000", wrong)
			require.ErrorIs(g.t, err, fault.ErrConflict, "of what is not moved yet")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := half(t, gift)
			g.t = t
			tt(g)
			require.NoError(t, g.Advance(t.Context()))
			want := "1610" // with the gift
			if name == "merged with another" {
				want = "1700"
			}
			require.Equal(t, want, g.balance("ada"))
		})
	}
}

// What a repeated call did is found again, by either id, and what one gave to the other can be taken back.
func TestMergedMoneyIsRepeated(t *testing.T) {
	g := play(t)
	g.user("carl")
	g.grant("bob", 50)
	gifts := map[string]string{"to carl": "carl", "to ada": "ada"}
	for id, to := range gifts {
		require.NoError(t, g.transfer("bob", to, id[3:], economy.Auto))
	}
	g.merge()
	require.Equal(t, "40", g.balance("ada"))
	for id, to := range gifts {
		require.NoError(t, g.transfer("bob", to, id[3:], economy.Auto), id)
	}
	require.NoError(t, g.transfer("ada", "carl", "carl", economy.Auto))
	require.Equal(t, "40", g.balance("ada"))
	back, err := g.Economy.Reverse(t.Context(), "ada", economy.Reversal{})
	require.NoError(t, err)
	require.Len(t, back, 2)
	require.NotEqual(t, back[0].ReversedTransactionID, back[1].ReversedTransactionID)
	require.Equal(t, "40", g.balance("ada"))
	require.ErrorContains(t, g.transfer("bob", "ada", "self", economy.Auto), "sourceUserId")
}

// What somebody was given and lost by the id that is given up takes nothing of what the other was given.
func TestMergedUnassigned(t *testing.T) {
	quiz := guerdontest.Quiz("capitals")
	g := play(t, quiz)
	g.publish(guerdontest.Path("path", quiz))
	ctx := t.Context()
	for _, id := range []string{"ada", "bob"} {
		_, err := g.Learning.Assign(ctx, learning.NewAssignment{PathID: "path", UserID: id})
		require.NoError(t, err)
	}
	g.set(january(3))
	require.NoError(t, g.Learning.Unassign(ctx, "bob::path:PERMANENT"))
	g.merge()
	list, _, err := g.Learning.Assignments(ctx, "ada", learning.Query{}, store.Page{})
	require.NoError(t, err)
	require.Len(t, list, 1)
}

// A board of tags counts what was moved by the tags of then, in memory as in the tables, and so it does when that is put right.
func TestMergedTags(t *testing.T) {
	teams := guerdontest.BoardConfiguration("teams", "points")
	teams.Query.EntityID = leaderboard.Entity{TagNamespace: "kind"}
	g := play(t, teams, guerdontest.Board("teams", teams, ""), perUnit())
	ctx := t.Context()
	_, err := g.Users.AssignTags(ctx, "bob", tenancy.Tagging{TagID: "goal"})
	require.NoError(t, err)
	g.set(january(1))
	goal := func() string {
		top, err := g.Leaderboards.Top(ctx, "teams", 10, nil)
		require.NoError(t, err)
		again, err := g.restarted(t).Leaderboards.Top(ctx, "teams", 10, nil)
		require.NoError(t, err)
		require.Equal(t, again.Rows, top.Rows)
		if len(top.Rows) == 0 {
			return ""
		}
		return top.Rows[0].EntityID + " " + top.Rows[0].Score.String()
	}
	e := run("r", "bob", january(1))
	e.Value = new(decimal.NewFromInt(5))
	_, err = g.Record(ctx, e)
	require.NoError(t, err)
	require.Equal(t, "goal 5", goal())
	g.merge()
	require.Equal(t, "goal 5", goal())
	e.Value = new(decimal.NewFromInt(7))
	_, err = g.Amend(ctx, e, wrong)
	require.NoError(t, err)
	require.Equal(t, "goal 7", goal())
}

// A board of tags over answers counts those that count once one has turned out to come to nothing.
func TestTakenBackOnABoardOfTags(t *testing.T) {
	quiz := guerdontest.Quiz("capitals")
	teams := guerdontest.BoardConfiguration("teams", "points")
	teams.Query = leaderboard.Query{
		Source: leaderboard.QuizLogs, EntityID: leaderboard.Entity{TagNamespace: "team"}, Score: leaderboard.Score{Function: leaderboard.Sum, Of: []byte(`{"var": "value"}`)},
	}
	g := play(t, quiz, teams, guerdontest.Board("teams", teams, ""))
	var last learning.QuizLog
	for day, id := range []string{"bob", "ada", "eve"} {
		if id == "eve" {
			g.user(id)
			_, err := g.Users.AssignTags(t.Context(), id, tenancy.Tagging{TagID: "red"})
			require.NoError(t, err)
		}
		g.set(january(1 + day))
		var err error
		last, err = g.Learning.SubmitQuiz(t.Context(), learning.QuizSubmission{Submission: who(id), QuizID: "capitals", Answer: "opt2"})
		require.NoError(t, err)
	}
	red := func() string {
		top, err := g.Leaderboards.Top(t.Context(), "teams", 10, nil)
		require.NoError(t, err)
		return top.Rows[0].Score.String()
	}
	require.Equal(t, "3", red())
	_, err := g.Retract(t.Context(), last.EventID, wrong)
	require.NoError(t, err)
	require.Equal(t, "2", red())
	g.merge()
	require.Equal(t, "1", red(), "ada answered what bob had answered before")
}

// Who was there when the workspace was archived may have lost something to the archive, whenever the user was created.
func TestMergeBehindTheHorizon(t *testing.T) {
	g := play(t, perUnit())
	ctx := t.Context()
	g.set(january(5))
	g.user("carl")
	g.runs("carl", days(1, 2, 5)...)
	g.set(january(20))
	_, err := g.Archive(ctx, january(4), io.Discard)
	require.NoError(t, err)
	_, err = g.Merge(ctx, "carl", "ada", same)
	require.ErrorIs(t, err, fault.ErrConflict)
	g.set(january(21))
	g.user("dora")
	g.runs("dora", january(21))
	_, err = g.Merge(ctx, "dora", "carl", same)
	require.NoError(t, err, "who came later")
	require.Equal(t, "4", g.balance("carl"))
}

// Ids that were given up one after another are all who stays.
func TestMergedChain(t *testing.T) {
	g := play(t, perUnit())
	ctx := t.Context()
	g.user("carl")
	g.runs("ada", january(1))
	g.runs("bob", january(2))
	g.runs("carl", january(3))
	for _, pair := range [][2]string{{"ada", "bob"}, {"bob", "carl"}, {"ada", "carl"}, {"ada", "bob"}} {
		_, err := g.Merge(ctx, pair[0], pair[1], same)
		require.NoError(t, err, pair)
	}
	require.Equal(t, "3", g.balance("ada"))
	_, err := g.Merge(ctx, "carl", "ada", same)
	require.ErrorContains(t, err, "intoUserId", "there is no way back")
	_, err = g.Retract(ctx, "ada-01T12-1", wrong)
	require.NoError(t, err)
	require.Equal(t, "2", g.balance("carl"))
}

// What a provider has seen of both is seen of one: it is corrected as before, judged beside one another, and forgotten with the user.
func TestMergedTrackings(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w = moving(t, founded(t, w.store, "iota", start))
		ctx, at := t.Context(), start.Add(-40*time.Hour)
		track := func(userID, id string, from time.Time, length int64) mobility.Tracked {
			done, err := w.Mobility.Track(ctx, []mobility.Tracking{{
				ProviderID: id, UserID: userID, Provider: "p", Status: mobility.Track, Type: mobility.Walk, StartsAt: from, EndsAt: from.Add(20 * time.Minute), Length: length,
				Geometry: `{"type":"LineString","coordinates":[[9,45],[9,45.01]]}`,
			}})
			require.NoError(t, err)
			return done[0]
		}
		track("bob", "t1", at, 1500)
		track("ada", "t2", at.Add(time.Minute), 1500)
		_, err := w.Merge(ctx, "bob", "ada", same)
		require.NoError(t, err)
		seen := func() (all []string) {
			list, _, err := w.Mobility.Trackings(ctx, "ada", mobility.Query{}, store.Page{})
			require.NoError(t, err)
			for _, tr := range list {
				require.NotEmpty(t, tr.Geometry)
				all = append(all, fmt.Sprintf("%s %d %s", tr.ID, tr.Length, tr.Suspicion))
			}
			return all
		}
		require.Equal(t, []string{"ada:p:t2 1500 OVERLAP", "ada:p:t1 1500 "}, seen(), "nobody walks twice at once")
		require.Equal(t, mobility.Corrected, track("bob", "t1", at, 1600).Result)
		require.Equal(t, []string{"ada:p:t2 1500 OVERLAP", "ada:p:t1 1600 "}, seen())
		_, err = w.Users.Anonymise(ctx, "bob")
		require.NoError(t, err)
		for _, row := range w.dump(t, w.Scope()) {
			require.NotContains(t, row, "LineString")
		}
	})
}
