package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
)

type record struct {
	Tags  []string
	Data  map[string]any
	Value *decimal.Decimal
	Inner []record
}

func TestResultsAreTheCallersOwn(t *testing.T) {
	kept := record{
		Tags: []string{"a"}, Data: map[string]any{"list": []any{"x", map[string]any{"k": 1.0}}, "nil": nil},
		Value: new(decimal.NewFromInt(1)), Inner: []record{{Tags: []string{"b"}}},
	}
	run := func(_ context.Context, fn session.Func) error { return fn(&session.Tx{}) }
	r := session.NewRunner(run, run)
	for range 2 { // the second time nothing has changed
		got, err := session.Read(t.Context(), r, func(*session.Tx) (record, error) { return kept, nil })
		require.NoError(t, err)
		require.Equal(t, "a", got.Tags[0])
		require.Equal(t, "x", got.Data["list"].([]any)[0])
		require.Equal(t, "1", got.Value.String())
		require.Equal(t, "b", got.Inner[0].Tags[0])
		require.Nil(t, got.Inner[0].Data)
		got.Tags[0], *got.Value, got.Inner[0].Tags[0] = "z", decimal.NewFromInt(9), "z"
		got.Data["list"].([]any)[0] = "z"
		got.Data["list"].([]any)[1].(map[string]any)["k"] = "z"
		got.Data["new"] = "z"
	}
	list, next, err := session.ReadPage(t.Context(), r, func(*session.Tx) ([]record, string, error) { return []record{kept}, "more", nil })
	require.NoError(t, err)
	require.Equal(t, "more", next)
	list[0].Tags[0] = "z"
	require.Equal(t, "a", kept.Tags[0])
}

func TestZeroRunnerRefuses(t *testing.T) {
	var r session.Runner
	_, err := session.Read(t.Context(), r, func(*session.Tx) (int, error) { return 1, nil })
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorIs(t, r.Update(t.Context(), nil), fault.ErrInvalid)
	require.ErrorIs(t, r.UpdateAhead(t.Context(), nil, nil), fault.ErrInvalid)
}

// A Runner that has no use for a look runs the function.
func TestLookIsForWhoeverAsks(t *testing.T) {
	update := func(_ context.Context, fn session.Func) error { return fn(&session.Tx{Seq: 1}) }
	ahead := func(_ context.Context, look, fn session.Func) error {
		return errors.Join(look(&session.Tx{Seq: 2}), fn(&session.Tx{Seq: 3}))
	}
	r := session.NewRunner(update, update)
	for _, tt := range []struct {
		r            session.Runner
		seen, looked int64
	}{{r, 1, 0}, {r.Ahead(ahead), 3, 2}} {
		var looked int64
		look := func(tx *session.Tx) error { looked = tx.Seq; return nil }
		seen, err := session.WriteAhead(t.Context(), tt.r, look, func(tx *session.Tx) (int64, error) { return tx.Seq, nil })
		require.NoError(t, err)
		require.Equal(t, tt.seen, seen)
		require.Equal(t, tt.looked, looked)
	}
}

// What has something to enter runs in an Update, and what may be written to is not looked at first.
func TestSettle(t *testing.T) {
	for name, tt := range map[string]struct {
		committed bool
		due       error
		want      []string
	}{
		"nothing is due":                {true, nil, []string{"view"}},
		"something is due":              {true, session.ErrDue, []string{"view", "update"}},
		"another error":                 {true, fault.ErrNotFound, []string{"view"}},
		"in a transaction that updates": {false, nil, []string{"update"}},
	} {
		t.Run(name, func(t *testing.T) {
			var ran []string
			view := func(_ context.Context, fn session.Func) error {
				return fn(&session.Tx{Committed: tt.committed, Enter: func(context.Context, event.Event) error { return tt.due }})
			}
			update := func(_ context.Context, fn session.Func) error {
				return fn(&session.Tx{Seq: 1, Enter: func(context.Context, event.Event) error { return nil }})
			}
			_, err := session.Settle(t.Context(), session.NewRunner(view, update), func(tx *session.Tx) (int64, error) {
				ran = append(ran, map[int64]string{0: "view", 1: "update"}[tx.Seq])
				return tx.Seq, tx.Enter(t.Context(), event.Event{})
			})
			if errors.Is(tt.due, fault.ErrNotFound) {
				require.ErrorIs(t, err, fault.ErrNotFound)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, tt.want, ran)
		})
	}
}

func TestTxHandsOutWhatWasQueuedOnce(t *testing.T) {
	tx := &session.Tx{}
	tx.Cause(event.Event{ID: "a"})
	tx.Report("RewardRule/r", "rewards[0]", "why")
	require.Len(t, tx.Caused(), 1)
	require.Empty(t, tx.Caused())
	require.Equal(t, []event.Problem{{Source: "RewardRule/r", Field: "rewards[0]", Reason: "why"}}, tx.Problems())
	require.Empty(t, tx.Problems())
}

func TestTxRunsWhatWasLeftForAfterwards(t *testing.T) {
	tx, now := &session.Tx{}, &session.Tx{Committed: true}
	var ran []string
	for _, what := range []string{"once", "again"} {
		tx.Afterwards("a", func(in *session.Tx) error {
			require.Same(t, now, in)
			ran = append(ran, what)
			return errors.New("which the caller does not learn")
		})
	}
	require.Empty(t, ran)
	var failed []string
	run := session.NewRunner(nil, nil).Telling(func(_ context.Context, during string, err error) {
		failed = append(failed, during+": "+err.Error())
	})
	tx.RunAfterwards(t.Context(), func(_ context.Context, fn session.Func) error { return fn(now) }, run.Failed)
	require.Equal(t, []string{"again"}, ran)
	require.Equal(t, []string{"a: which the caller does not learn"}, failed)
	session.Runner{}.Failed(t.Context(), "nobody", errors.New("is told"))
}
