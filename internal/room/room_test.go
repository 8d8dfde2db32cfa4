package room_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// still is a mechanic that never changes anything.
type still struct {
	mechanic.Plain[int]
	wallet mechanic.Wallet
}

func (*still) Reads(*session.Tx, *mechanic.Occasion) []store.Read { return nil }

func (*still) React(context.Context, *session.Tx, *mechanic.Occasion) ([]int, error) { return nil, nil }

func (*still) Explains(string) bool { return false }

func (*still) Explain(
	context.Context, *session.Tx, *mechanic.Occasion, string, string,
) (*mechanic.Verdict, func(*[]int, []event.Problem), error) {
	return nil, nil, nil
}

func (*still) Moves(*int, string, string) bool { return false }

var errTorn = errors.New("torn")

// A room's own functions see its own type, whose mechanic the engine has held meanwhile; what could not be compiled is
// nothing.
func TestNew(t *testing.T) {
	t.Parallel()
	type service struct{ current room.Current[*still] }
	r := room.New(nil, nil,
		func(_ context.Context, _ *session.Tx, s room.Setting) (*still, error) {
			if s.Wallet == nil {
				return &still{}, errTorn
			}
			return &still{wallet: s.Wallet}, nil
		},
		func(_ session.Runner, current room.Current[*still]) service { return service{current} })

	var setting room.Setting
	s := r.Service(session.Runner{}, func(ctx context.Context, tx *session.Tx) (mechanic.Mechanic[int], error) {
		return r.Compile(ctx, tx, setting)
	})
	m, err := r.Compile(t.Context(), nil, setting)
	require.ErrorIs(t, err, errTorn)
	require.Equal(t, mechanic.Mechanic[int](nil), m)
	own, err := s.current(t.Context(), nil)
	require.ErrorIs(t, err, errTorn)
	require.Nil(t, own)

	setting.Wallet = struct{ mechanic.Wallet }{}
	own, err = s.current(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, setting.Wallet, own.wallet)
}
