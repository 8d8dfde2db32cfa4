package proof_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

// fragile are the stores whose rows something else than the program can damage, with what does so to the rows of a table whose keys
// begin with a text.
var fragile = map[string]func(*testing.T) (st store.Store, damage func(table, prefix string)){
	"sqlite": func(t *testing.T) (store.Store, func(string, string)) {
		path := filepath.Join(t.TempDir(), "guerdon.db")
		st, err := sqlite.Open(t.Context(), path, nil)
		require.NoError(t, err)
		return st, func(table, prefix string) {
			db, err := sql.Open("sqlite", "file:"+path)
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), "update guerdon_"+table+` set record = x'ff' where substr("key", 1, length(?1)) = ?1`, prefix)
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}
	},
	"postgres": func(t *testing.T) (store.Store, func(string, string)) {
		dsn := databases.DSN(t)
		st, err := postgres.Open(t.Context(), dsn, nil)
		require.NoError(t, err)
		return st, func(table, prefix string) {
			conn, err := pgx.Connect(t.Context(), dsn)
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), "update guerdon_"+table+` set record = '\xff' where starts_with("key", $1)`, prefix)
			require.NoError(t, err)
			require.NoError(t, conn.Close(t.Context()))
		}
	},
}

// An entry that cannot be read is an error of who asks for it or for its user's past. A consumer of the journal gets what is
// before it, is told its number, and goes past it if it decides so; ranks, and what others do, go on.
func TestDamagedEntry(t *testing.T) {
	for name, open := range fragile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, damage := open(t)
			goal, rule := team("3", missions.OnEvent)
			conf := guerdontest.BoardConfiguration("points", "points")
			g := playOn(t, st, goal, rule, guerdontest.RewardRule("one", guerdontest.Doing("run"), "points", "1"),
				conf, guerdontest.Board("points", conf, ""))
			ctx, first := t.Context(), g.head(t)
			top := func(ws *guerdon.Workspace, boardID string) (scores []string) {
				board, err := ws.Leaderboards.Top(ctx, boardID, 10, nil)
				require.NoError(t, err)
				for _, row := range board.Rows {
					scores = append(scores, row.EntityID+" "+row.Score.String())
				}
				return scores
			}

			g.runs("bob", january(3))
			require.Equal(t, []string{"bob 1"}, top(g.Workspace, "points"))
			bad := g.runs("ada", january(4), january(5))
			require.Equal(t, first+3, bad.Seq)
			last := g.runs("bob", january(6))
			damage("journal", bad.EventID)

			// Ranks, in a transaction that the index cannot follow and outside.
			require.NoError(t, g.Update(ctx, func(_ context.Context, ws *guerdon.Workspace) error {
				require.Equal(t, []string{"ada 2", "bob 2"}, top(ws, "points"))
				return nil
			}))
			require.Equal(t, []string{"ada 2", "bob 2"}, top(g.Workspace, "points"))
			g.runs("bob", january(7))
			require.Equal(t, []string{"bob 3", "ada 2"}, top(g.Workspace, "points"))

			// The consumer.
			var seen, skipped []int64
			for after := first; ; {
				entries, err := g.Journal(ctx, after)
				if damaged, ok := errors.AsType[*guerdon.DamagedEntryError](err); ok {
					require.Equal(t, "journal", damaged.Err.Table)
					require.Equal(t, bad.EventID, damaged.Err.Key)
					require.ErrorContains(t, err, fmt.Sprintf("entry %d of the journal", bad.Seq))
					skipped, after = append(skipped, damaged.Seq), damaged.Seq
					continue
				}
				require.NoError(t, err)
				if len(entries) == 0 {
					break
				}
				for i := range entries {
					after = entries[i].Outcome.Seq
					seen = append(seen, after)
				}
			}
			require.Equal(t, []int64{first + 1, first + 2, first + 4, first + 5}, seen)
			require.Equal(t, []int64{first + 3}, skipped)

			// Others: in time, late so that ada's fold should be folded again, and who asks why.
			late := g.runs("bob", january(2))
			require.Len(t, late.Problems, 1)
			require.Equal(t, "User/ada", late.Problems[0].Source)
			require.Contains(t, late.Problems[0].Reason, bad.EventID)
			why, err := g.Explain(ctx, last.EventID, "MissionConfiguration", "crew")
			require.NoError(t, err)
			require.NotEmpty(t, why.Checks)

			// What is new and counts what was before leaves the entry out, and says so.
			goal, rule = team("9", missions.OnEvent)
			goal.ID, rule.ID, rule.MissionConfigurationsPool = "more", "more", []string{"more"}
			g.publish(goal, rule, guerdontest.Board("new", conf, ""))
			g.runs("bob", january(8))
			require.Equal(t, "6", g.mission(t, "tag:red:more:more:PERMANENT").CurrentAmount.String())
			require.Equal(t, []string{"bob 5", "ada 1"}, top(g.Workspace, "new"))
			require.Equal(t, []string{"bob 5", "ada 2"}, top(g.Workspace, "points"))
			problems, _, err := g.Problems(ctx, guerdon.ProblemFilter{Kind: "Journal", ID: bad.EventID}, store.Page{})
			require.NoError(t, err)
			require.Len(t, problems, 1)

			_, err = g.Leaderboards.Top(ctx, "points", 10, &leaderboard.At{AsOf: january(8)})
			require.ErrorIs(t, err, fault.ErrConflict, "nobody knows what it was")
			require.ErrorContains(t, err, bad.EventID)

			// The user's own.
			g.runs("ada", january(9))
			_, err = g.Record(ctx, g.event("ada", january(1)))
			require.NotNil(t, store.Damaged(err), "%v", err)
			_, err = g.Explain(ctx, bad.EventID, "MissionConfiguration", "crew")
			require.NotNil(t, store.Damaged(err), "%v", err)
			_, err = g.Entry(ctx, bad.EventID)
			require.NotNil(t, store.Damaged(err), "%v", err)
		})
	}
}

// Who has a row that cannot be read stops nobody else: neither what the clock causes, which tells it in the end, nor what counts what was
// before, which leaves it out and says so.
func TestDamagedRowsOfAUserStopNobodyElse(t *testing.T) {
	for name, open := range fragile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, damage := open(t)
			t.Cleanup(func() { require.NoError(t, st.Close()) })
			w := foundedIn(t, st, "acme", start, 1).enter(t) // who is passed takes no place in a portion
			ctx := t.Context()
			var pending []string
			for _, user := range []string{"ada", "bob", "eve"} {
				for i := range 2 {
					_, err := w.Record(ctx, run(fmt.Sprint(user, i), user, start.Add(-time.Minute)))
					require.NoError(t, err)
				}
				granted, err := w.Economy.Grant(ctx, []economy.Grant{{
					CurrencyID: "points", Amount: decimal.NewFromInt(5), DestinationUserID: user, RedemptionMode: economy.Manual, ExpiresAt: start.Add(time.Hour),
				}})
				require.NoError(t, err)
				pending = append(pending, granted[0].ID)
			}
			damage("steps", "ada/")
			damage("transactions", pending[1]) // bob's
			w.set(start.AddDate(0, 0, 5))
			before := w.head(t)
			err := w.Advance(ctx)
			require.ErrorContains(t, err, `user "ada"`)
			require.ErrorContains(t, err, `row "`+pending[1]+`"`)
			require.NotNil(t, store.Damaged(err))
			ended := map[string]int{}
			entries, err := w.Journal(ctx, before)
			require.NoError(t, err)
			for i := range entries {
				require.Equal(t, event.Clock, entries[i].Event.Type)
				ended[entries[i].Event.UserID]++
			}
			require.Equal(t, 2, ended["eve"], "the streak broke and the transaction expired")
			require.Zero(t, ended["ada"])
			state, err := w.Economy.Transaction(ctx, pending[2])
			require.NoError(t, err)
			require.Equal(t, economy.Expired, state.State)

			conf := guerdontest.BoardConfiguration("runs", "points")
			bundle, err := guerdon.Bundle(conf, guerdontest.Board("new", conf, ""))
			require.NoError(t, err)
			_, err = w.Import(ctx, bundle)
			require.NoError(t, err)
			_ = w.Advance(ctx) // says the same again
			_, err = w.Record(ctx, run("eve2", "eve", start.AddDate(0, 0, 5)))
			require.NoError(t, err)
			top, err := w.Leaderboards.Top(ctx, "new", 10, nil)
			require.NoError(t, err)
			require.Len(t, top.Rows, 2)
			require.Equal(t, "eve", top.Rows[0].EntityID)
			require.Equal(t, "13", top.Rows[0].Score.String())
			require.Equal(t, "bob", top.Rows[1].EntityID)
			require.Equal(t, "2", top.Rows[1].Score.String())
			problems, _, err := w.Problems(ctx, guerdon.ProblemFilter{Kind: "User", ID: "ada"}, store.Page{})
			require.NoError(t, err)
			require.Len(t, problems, 1)
			require.Contains(t, problems[0].Reason, "leaves it out")
		})
	}
}
