package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/pgtest"
)

func TestOrderAndPointsCommitTogether(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "shop.db") },
		"postgres": pgtest.DSN,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			_, s, err := open(ctx, db(t))
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			o := order{id: "order-1", customer: customer, total: decimal.NewFromInt(25)}

			require.ErrorIs(t, s.place(ctx, o, func() error { return errDeclined }), errDeclined)
			requireState(t, s, o.id, false, 0)
			require.NoError(t, s.place(ctx, o, func() error { return nil }))
			requireState(t, s, o.id, true, 25)
			require.Error(t, s.place(ctx, o, func() error { return nil }), "the row is there")
			requireState(t, s, o.id, true, 25)

			o = order{id: "order-2", customer: "nobody", total: decimal.NewFromInt(5)}
			require.ErrorContains(t, s.place(ctx, o, func() error { return nil }), `"nobody" not found`)
			requireState(t, s, o.id, false, 25)
		})
	}
}

// requireState asks whether an order's row and its event are there, and for the customer's points.
func requireState(t *testing.T, s shop, id string, there bool, want int64) {
	t.Helper()
	row, err := s.placed(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, there, row)
	entries, err := s.workspace().Journal(t.Context(), 0)
	require.NoError(t, err)
	recorded := false
	for _, e := range entries {
		recorded = recorded || e.Event.ID == id
	}
	require.Equal(t, there, recorded)
	have, err := points(t.Context(), s.workspace(), customer)
	require.NoError(t, err)
	require.True(t, have.Equal(decimal.NewFromInt(want)), "%s", have)
}

func Example() {
	if err := run(context.Background(), os.Stdout, "", ""); err != nil {
		fmt.Println(err)
	}
	// Output:
	// SQLite
	//   paid      row: true   points: +25
	//   declined  row: false  points: +0
}
