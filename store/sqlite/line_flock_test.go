//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package sqlite_test

import (
	"bufio"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/storetest"
)

// Who has waited for another process's transaction comes before the next one of that process.
func TestProcessesComeInTurn(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	busy, other := openFor(t, path), openFor(t, path)
	ctx := t.Context()
	for range 20 {
		var order []string
		note := func(who string) func(store.Tx) error {
			return func(tx store.Tx) error {
				order = append(order, who) // one after another
				return things.Put(ctx, tx, thing{ID: who})
			}
		}
		done := make(chan error, 1)
		require.NoError(t, busy.Update(ctx, scope, func(tx store.Tx) error {
			go func() { done <- other.Update(ctx, scope, note("other")) }()
			for !busy.Crowded() {
				runtime.Gosched()
			}
			return note("busy")(tx)
		}))
		require.NoError(t, busy.Update(ctx, scope, note("busy again")))
		require.NoError(t, <-done)
		require.Equal(t, []string{"busy", "other", "busy again"}, order)
	}
}

func TestCrowdedByAnotherProcess(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	storetest.Crowded(t, openFor(t, path), openFor(t, path))
}

// A process that is killed while it waits keeps nobody waiting.
func TestKillInLine(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := openFor(t, path)
	require.NoError(t, s.Update(t.Context(), scope, func(tx store.Tx) error {
		c := child(t, "write", path)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		for !s.Crowded() {
			runtime.Gosched()
		}
		require.NoError(t, c.Process.Kill())
		require.False(t, bufio.NewScanner(out).Scan())
		require.Error(t, c.Wait())
		return things.Put(t.Context(), tx, thing{ID: "a"})
	}))
	require.NoError(t, put(t.Context(), s, thing{ID: "b"}))
}
