package proof_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

// fragile are the stores whose rows something else than the program can damage, with what does so to the journal's entry of
// an event.
var fragile = map[string]func(*testing.T) (st store.Store, damage func(eventID string)){
	"sqlite": func(t *testing.T) (store.Store, func(string)) {
		path := filepath.Join(t.TempDir(), "guerdon.db")
		st, err := sqlite.Open(t.Context(), path, nil)
		require.NoError(t, err)
		return st, func(eventID string) {
			db, err := sql.Open("sqlite", "file:"+path)
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), `update guerdon_journal set record = x'ff' where "key" = ?`, eventID)
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}
	},
	"postgres": func(t *testing.T) (store.Store, func(string)) {
		dsn := databases.DSN(t)
		st, err := postgres.Open(t.Context(), dsn, nil)
		require.NoError(t, err)
		return st, func(eventID string) {
			conn, err := pgx.Connect(t.Context(), dsn)
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), `update guerdon_journal set record = '\xff' where "key" = $1`, eventID)
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
			damage(bad.EventID)

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
