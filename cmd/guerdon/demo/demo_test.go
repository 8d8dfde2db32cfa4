package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/cmd/guerdon/demo"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// The club is the same each time, and has something of all that there is.
func TestTheClub(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Date(2026, time.November, 29, 18, 0, 0, 0, time.UTC)
	var tops [2]any
	for i := range tops {
		st := memory.New()
		require.NoError(t, demo.Fill(ctx, st, nil, nil, now))
		require.NoError(t, demo.Fill(ctx, st, nil, nil, now), "what is there stays")
		engine, err := guerdon.New(ctx, st, &guerdon.Options{Now: func() time.Time { return now }})
		require.NoError(t, err)
		ws, err := engine.Workspace(ctx, store.Scope{Account: demo.Account, Workspace: demo.Workspace})
		require.NoError(t, err)
		top, err := ws.Leaderboards.Top(ctx, "all-time", 100, nil)
		require.NoError(t, err)
		require.Greater(t, top.Total, 35)
		tops[i] = top.Rows

		teams, err := ws.Leaderboards.Top(ctx, "teams", 10, nil)
		require.NoError(t, err)
		require.Len(t, teams.Rows, 3)
		list, _, err := ws.Mobility.Milestones(ctx, demo.Member, mobility.Query{}, store.Page{Limit: 100})
		require.NoError(t, err)
		reached := 0
		for _, m := range list {
			if m.Reached && !m.Redeemed {
				reached++
			}
		}
		require.NotZero(t, reached)
		paths, _, err := ws.Learning.Assignments(ctx, demo.Member, learning.Query{}, store.Page{})
		require.NoError(t, err)
		require.Len(t, paths, 1)
		standing, err := ws.Streaks.Current(ctx, demo.Member, "every-week")
		require.NoError(t, err)
		require.NotZero(t, standing.Longest)
		level, err := ws.Levels.Level(ctx, demo.Member, "membership")
		require.NoError(t, err)
		require.NotNil(t, level.Step)
		badge, err := ws.Badges.Badge(ctx, demo.Member, "regular", "it")
		require.NoError(t, err)
		require.NotZero(t, badge.Count)
		problems, _, err := ws.Problems(ctx, guerdon.ProblemFilter{}, store.Page{})
		require.NoError(t, err)
		require.Empty(t, problems)
		report, err := ws.Economy.Verify(ctx)
		require.NoError(t, err)
		require.Empty(t, report.Differences)
	}
	require.Equal(t, tops[0], tops[1])
}
