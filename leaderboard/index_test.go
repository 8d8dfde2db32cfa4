package leaderboard_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
)

func top(t failer, s leaderboard.Service, w *world, boardID string) []string {
	r, err := s.Top(w.ctx, boardID, 10, nil)
	require.NoError(t, err)
	return lines(r.Rows)
}

// What is committed while a board is read into memory is not lost.
func TestIndexFollowsWhileItReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("points", points), board("a", "points", forever), board("b", "points", daily))
	w.did(t, "ada", start, "1")
	require.Equal(t, []string{"1 ada 1"}, top(t, w.Service, w, "a"))
	w.meanwhile = map[string]func(){"leaderboard_scores": func() {
		w.did(t, "bob", start, "2")
		require.Equal(t, []string{"1 bob 2", "2 ada 1"}, top(t, w.Service, w, "a"))
		require.Equal(t, []string{"1 bob 2", "2 ada 1"}, top(t, w.Service, w, "b"), "which is being read")
		w.did(t, "eve", start, "3")
		require.Equal(t, []string{"1 eve 3", "2 bob 2", "3 ada 1"}, top(t, w.Service, w, "a"))
	}}
	require.Equal(t, []string{"1 eve 3", "2 bob 2", "3 ada 1"}, top(t, w.Service, w, "b"))
	require.Equal(t, []string{"1 eve 3", "2 bob 2", "3 ada 1"}, top(t, w.Stored, w, "b"))
}

// A transaction that is older than the index gets its own state where the index has no newer one.
func TestIndexIsNeverBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("points", points), board("a", "points", forever), board("b", "points", daily))
	w.did(t, "ada", start, "1")
	require.Equal(t, []string{"1 ada 1"}, top(t, w.Service, w, "a"))
	newer := func() {
		w.did(t, "bob", start, "2")
		require.Equal(t, []string{"1 bob 2", "2 ada 1"}, top(t, w.Service, w, "a"))
	}
	w.meanwhile = map[string]func(){"journal": newer}
	require.Equal(t, []string{"1 ada 1"}, top(t, w.Service, w, "b"))
	require.Equal(t, []string{"1 bob 2", "2 ada 1"}, top(t, w.Service, w, "b"))
	w.meanwhile = map[string]func(){"journal": func() { w.did(t, "bob", start, "2") }}
	require.Equal(t, []string{"1 bob 2", "2 ada 1"}, top(t, w.Service, w, "a"))
	require.Equal(t, []string{"1 bob 4", "2 ada 1"}, top(t, w.Service, w, "a"))
}

// A transaction of the host's may have begun to read before others committed.
func TestOpenTransactionsOlderThanTheIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("points", points), board("a", "points", forever))
	w.did(t, "ada", start, "1")
	require.Equal(t, []string{"1 ada 1"}, top(t, w.Service, w, "a"))
	require.NoError(t, w.run.View(w.ctx, func(tx *session.Tx) error {
		tx.Committed = false
		w.did(t, "bob", start, "2")
		require.Equal(t, []string{"1 bob 2", "2 ada 1"}, top(t, w.Service, w, "a"))
		w.within = tx
		defer func() { w.within = nil }()
		require.Equal(t, []string{"1 ada 1"}, top(t, w.Service, w, "a"))
		return nil
	}))
	require.Equal(t, []string{"1 bob 2", "2 ada 1"}, top(t, w.Service, w, "a"))
}

// A transaction that publishes a board anew sees what it counts now; nobody else does unless it commits.
func TestIndexKeepsVersionsApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("points", points), board("a", "points", forever))
	w.did(t, "ada", start, "1")
	w.did(t, "bob", start.Add(time.Second), "2")
	before, after := []string{"1 bob 2", "2 ada 1"}, []string{"1 ada 1", "1 bob 1", "1 eve 1"}
	require.Equal(t, before, top(t, w.Service, w, "a"))
	for _, commit := range []bool{false, true} {
		w.transaction(t, commit, func() {
			w.publish(t, configuration("times", `{"source": "activity_logs", "score": {"count": null}}`), board("a", "times", forever))
			require.Equal(t, after[:2], top(t, w.Service, w, "a"))
			w.did(t, "eve", start.Add(time.Minute), "3")
			require.Equal(t, after, top(t, w.Service, w, "a"))
		})
		if !commit {
			require.Equal(t, before, top(t, w.Service, w, "a"))
		}
	}
	require.Equal(t, after, top(t, w.Service, w, "a"))
}

func TestIndexForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", points), board("b", "c", daily))
	const days = 120
	w.now = start.AddDate(0, 0, days)
	for range 2 {
		for i := range days {
			day := start.AddDate(0, 0, i)
			w.did(t, "ada", day, "1")
			w.did(t, "bob", day, "2")
			now, err := w.Rank(w.ctx, "b", "ada", &leaderboard.At{Time: day})
			require.NoError(t, err)
			stored, err := w.Stored.Rank(w.ctx, "b", "ada", &leaderboard.At{Time: day})
			require.NoError(t, err)
			require.Equal(t, stored.Rank, now.Rank)
			require.True(t, stored.Score.Equal(now.Score))
		}
	}
}

func TestIndexIsUsedConcurrently(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("points", points), board("a", "points", forever), board("b", "points", daily))
	var wg sync.WaitGroup
	failures := make(chan error, 4)
	for i := range 4 {
		id := []string{"a", "b"}[i%2]
		wg.Go(func() {
			total := 0
			for range 100 {
				around, err := w.Around(w.ctx, id, "u7", 5, nil)
				switch {
				case err != nil:
				case around.Total < total:
					err = fmt.Errorf("the board has %d entities after %d", around.Total, total)
				case around.Total >= 5 && len(around.Rows) != 5 && len(around.Rows) != 0:
					err = fmt.Errorf("%d rows around", len(around.Rows))
				}
				if err != nil {
					failures <- err
					return
				}
				total = around.Total
			}
		})
	}
	for i := range 200 {
		w.did(t, fmt.Sprintf("u%d", i%20), start.Add(time.Duration(i)*time.Second), "1")
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	for _, id := range []string{"a", "b"} {
		require.Equal(t, top(t, w.Stored, w, id), top(t, w.Service, w, id))
	}
}
