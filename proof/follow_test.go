package proof_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
)

// Who looks on is told of each entry behind the number that was named, once and in order, also of what another engine on the same store
// records, until the one who looks has seen enough.
func TestFollow(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		other := w.other(t, "other")
		first := goesRunning(t, w.Workspace, 2)
		elsewhere, err := guerdon.New(t.Context(), w.engine.Store(), &guerdon.Options{Now: w.engine.Now})
		require.NoError(t, err)
		theirs, err := elsewhere.Workspace(t.Context(), w.Scope())
		require.NoError(t, err)
		h := newHeard()
		stop := running(t, func(ctx context.Context) error {
			return w.engine.Follow(ctx, w.Workspace, first-1, func(_ context.Context, entries []guerdon.Entry) error {
				h.add(w.Workspace, entries)
				return nil
			})
		})
		goesRunning(t, other, 2)
		h.until(t, "default", goesRunning(t, w.Workspace, 3))
		last := goesRunning(t, theirs, 3)
		h.until(t, "default", last)
		stop()
		require.Equal(t, counted(last)[first-1:], h.of("default"))
		head, err := w.Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, last, head)

		enough := errors.New("enough")
		err = w.engine.Follow(t.Context(), w.Workspace, 0, func(context.Context, []guerdon.Entry) error { return enough })
		require.ErrorIs(t, err, enough)
		nothing := func(context.Context, []guerdon.Entry) error { return nil }
		require.ErrorIs(t, elsewhere.Follow(t.Context(), w.Workspace, 0, nothing), fault.ErrInvalid)
		require.ErrorIs(t, w.engine.Follow(t.Context(), nil, 0, nothing), fault.ErrInvalid)
		require.ErrorIs(t, w.engine.Follow(t.Context(), w.Workspace, 0, nil), fault.ErrInvalid)
		require.ErrorIs(t, w.engine.Follow(t.Context(), w.Workspace, -1, nothing), fault.ErrInvalid)
		over, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.NoError(t, w.engine.Follow(over, w.Workspace, last, nothing))
	})
}
