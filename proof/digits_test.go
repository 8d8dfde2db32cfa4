package proof_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// pays is the reward rule of runs, with another expression and a condition.
func pays(expression any, condition any) object {
	return object{
		"kind": "RewardRule", "id": "per-run", "name": "Each run", "applicationMode": "ALWAYS", "ruleType": "INSTANCE", "matchEntity": "Activity",
		"matchEntityId": "run", "matchCondition": condition, "defaultLang": "en", "translations": []object{{"lang": "en"}},
		"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO", "expression": expression}},
	}
}

// A value is paid, summed and kept to the digit, and so is what else the host says.
func TestDigitsAreKept(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.publish(t, pays(variable("value"), object{"==": []any{variable("additionalData.orderId"), int64(9007199254740993)}}))
		want := decimal.NewFromInt(10) // for the mission that three runs complete
		for i, value := range []string{"12345678901.234567", "5000000000000.1", "0.000001", "1000000000.999999"} {
			e := run(fmt.Sprint("e", i), "ada", start)
			e.Value = new(decimal.RequireFromString(value))
			e.Data = map[string]any{"orderId": int64(9007199254740993), "list": []any{uint64(math.MaxUint64)}}
			out, err := w.Record(ctx, e)
			require.NoError(t, err)
			require.Empty(t, out.Problems)
			require.Equal(t, value, out.Transactions[0].Amount.String())
			want = want.Add(*e.Value)

			other := e
			other.ID, other.Data = e.ID+"x", map[string]any{"orderId": int64(9007199254740992)}
			out, err = w.Record(ctx, other)
			require.NoError(t, err)
			require.Empty(t, out.Transactions, "it is another order")
			other.ID = e.ID
			_, err = w.Record(ctx, other)
			require.ErrorIs(t, err, fault.ErrConflict, "and another event")

			entry, err := w.Entry(ctx, e.ID)
			require.NoError(t, err)
			require.Equal(t, map[string]any{
				"orderId": json.Number("9007199254740993"), "list": []any{json.Number("18446744073709551615")},
			}, entry.Event.Data)
			require.Equal(t, value, entry.Event.Value.String())
		}
		balance, err := w.Economy.Balance(ctx, "ada", "points")
		require.NoError(t, err)
		require.Equal(t, want.String(), balance.Amount.String())
		rank, err := w.Leaderboards.Rank(ctx, "all-time", "ada", nil)
		require.NoError(t, err)
		require.Equal(t, want.String(), rank.Score.String())
		row, err := w.Economy.Spend(ctx, "ada", economy.Spending{
			CurrencyID: "points", Amount: decimal.NewFromInt(1), AdditionalData: event.Data{"orderId": int64(9007199254740993)},
		})
		require.NoError(t, err)
		row, err = w.Economy.Transaction(ctx, row.ID)
		require.NoError(t, err)
		require.Equal(t, event.Data{"orderId": json.Number("9007199254740993")}, row.AdditionalData)
	})
}

// What an expression gives for an amount is paid as it is, or is a problem.
func TestAmountsAreNeverRounded(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx, n := t.Context(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		a, b := rapid.Int64Range(0, math.MaxInt64).Draw(rt, "a"), rapid.Int64Range(0, 20_000_000).Draw(rt, "b")
		x, y := decimal.New(a, -6), decimal.New(b, -6)
		op := rapid.SampledFrom([]string{"+", "*", "-"}).Draw(rt, "op")
		w.publish(rt, pays(object{op: []any{variable("value"), json.Number(y.String())}}, nil))
		want := map[string]decimal.Decimal{"+": x.Add(y), "*": x.Mul(y), "-": x.Sub(y)}[op]
		e := run(fmt.Sprint("e", n), "ada", start)
		e.Value = &x
		out, err := w.DryRun(ctx, e)
		require.NoError(rt, err)
		switch amount := want.Shift(6); {
		case want.IsZero():
			require.Empty(rt, out.Transactions)
		case want.IsPositive() && amount.IsInteger() && amount.BigInt().IsInt64():
			require.Empty(rt, out.Problems)
			require.Equal(rt, want.String(), out.Transactions[0].Amount.String())
		default:
			require.Empty(rt, out.Transactions)
			require.Len(rt, out.Problems, 1)
		}
	})
}

// For whoever has no time zone it is noon at noon, and nothing else is true of what a user lacks.
func TestWhatAUserLacksIsAbsent(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	hour := object{"date_part": []any{"hour", variable("completedAt"), variable("user.timezone")}}
	w.set(start.Add(24 * time.Hour))
	noon := time.Date(2025, 9, 29, 12, 0, 0, 0, time.UTC)
	for i, tt := range []struct {
		condition any
		eve, ada  bool // who lives nowhere, and in New York
	}{
		{object{"<": []any{hour, 4}}, false, false},
		{object{"==": []any{hour, 12}}, true, false},
		{object{"==": []any{hour, 8}}, false, true},
		{object{"missing": []any{"user.lang", "user.nickname", "user.externalId"}}, true, true},
		{object{"==": []any{variable("user.timezone"), nil}}, true, false},
		{object{"==": []any{variable("user.lang"), nil}}, true, true},
		{object{"==": []any{object{"var": []any{"user.lang", "en"}}, "en"}}, true, true},
		{object{"<": []any{object{"date_diff": []any{variable("additionalData.begun"), variable("completedAt"), "minute"}}, 30}}, false, false},
	} {
		w.publish(t, pays(1, tt.condition))
		for user, want := range map[string]bool{"eve": tt.eve, "ada": tt.ada} {
			out, err := w.Record(ctx, run(fmt.Sprint(user, i), user, noon))
			require.NoError(t, err)
			require.Empty(t, out.Problems)
			paid := slices.ContainsFunc(out.Transactions, func(c economy.Change) bool { return c.RewardRuleID == "per-run" })
			require.Equal(t, want, paid, "%v for %s", tt.condition, user)
		}
	}
	w.publish(t, pays(1, object{"<": []any{object{"date_part": []any{"hour", variable("completedAt"), variable("additionalData.zone")}}, 4}}))
	e := run("nowhere", "eve", noon)
	e.Data = map[string]any{"zone": "Mars/Olympus"}
	out, err := w.Record(ctx, e)
	require.NoError(t, err)
	require.Empty(t, out.Transactions)
	require.Len(t, out.Problems, 1)
	require.Contains(t, out.Problems[0].Reason, "gave what is no IANA time zone")
}

// There is one zero to count.
func TestZeroIsCountedOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.publish(t, object{
			"kind": "RuntimeLeaderboardConfiguration", "id": "kinds", "name": "Kinds", "defaultLang": "en",
			"translations": []object{{"lang": "en", "label": "Kinds"}},
			"query":        object{"source": "activity_logs", "entityId": "userId", "score": object{"count_distinct": variable("additionalData.n")}},
		}, object{
			"kind": "RuntimeLeaderboard", "id": "kinds-ever", "runtimeLeaderboardConfigurationId": "kinds", "timeframeType": "PERMANENT",
			"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2020-01-01T00:00:00Z",
		})
		for i, n := range []any{
			0, math.Copysign(0, -1), json.Number("-0.0"),
			[]any{0.0},
			[]any{math.Copysign(0, -1)},
			json.Number("1.50"), 1.5,
			int64(9007199254740993), json.Number("9007199254740993"), int64(9007199254740992),
		} {
			e := run(fmt.Sprint("e", i), "ada", start)
			e.Data = map[string]any{"n": n}
			_, err := w.Record(ctx, e)
			require.NoError(t, err)
		}
		rank, err := w.Leaderboards.Rank(ctx, "kinds-ever", "ada", nil)
		require.NoError(t, err)
		require.Equal(t, "5", rank.Score.String())
	})
}

// What the journal says happened can be sent back, and is the same event, also with what the engine sets.
func TestTheEventOfAnEntryIsTheSameEvent(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Users.AssignTags(ctx, "ada", tenancy.Tagging{TagID: "outdoor"})
		require.NoError(t, err)
		for i, given := range []event.Event{
			{UserID: "ada", EntityID: "run"},
			run("", "ada", start.Add(-48*time.Hour)),
			{
				UserID: "ada", EntityID: "run", Value: new(decimal.RequireFromString("2.50")), Tags: []string{"b", "a"}, Outcome: event.Success,
				Data: map[string]any{"n": int64(9007199254740993), "list": []int{1}, "zero": math.Copysign(0, -1), "nil": nil},
			},
			{UserID: "ada", EntityID: "run", Progress: event.Start, Data: map[string]any{}},
		} {
			given.ID = fmt.Sprint("e", i)
			w.set(start.Add(time.Duration(i) * time.Hour))
			first, err := w.Record(ctx, given)
			require.NoError(t, err)
			before := w.picture(t)
			w.set(start.Add(time.Duration(i)*time.Hour + time.Minute))
			entry, err := w.Entry(ctx, given.ID)
			require.NoError(t, err)
			sent := []event.Event{given, entry.Event}
			for _, change := range []func(e *event.Event){
				func(e *event.Event) { e.EntityTags = []string{"outdoor"} },
				func(e *event.Event) { e.Fields = map[string]any{"x": 1} },
				func(e *event.Event) { e.Cause = "x" },
				func(e *event.Event) { e.Type = event.Activity },
				func(e *event.Event) { e.At = entry.Event.At.In(time.FixedZone("", 3600)) },
			} {
				for _, e := range []event.Event{given, entry.Event} {
					change(&e)
					sent = append(sent, e)
				}
			}
			for _, e := range sent {
				again, err := w.Record(ctx, e)
				require.NoError(t, err, "%+v", e)
				require.JSONEq(t, jsonOf(t, first), jsonOf(t, again))
			}
			outcomes, err := w.RecordBatch(ctx, sent)
			require.NoError(t, err)
			require.JSONEq(t, jsonOf(t, first), jsonOf(t, outcomes[len(sent)-1]))
			require.JSONEq(t, before, w.picture(t))

			other := entry.Event
			other.At = other.At.Add(time.Microsecond)
			_, err = w.Record(ctx, other)
			require.ErrorIs(t, err, fault.ErrConflict)
		}
	})
}

// No number that a caller gives makes a long message, nor one that takes long.
func TestNumbersInMessagesAreShort(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	for _, d := range []decimal.Decimal{
		decimal.New(-1, 3_000_000), decimal.New(1, 3_000_000), decimal.New(-1, -3_000_000), decimal.New(1, -3_000_000),
		decimal.New(0, 3_000_000), decimal.New(-1, math.MaxInt32), decimal.New(-1, math.MinInt32), decimal.New(-1, 15), decimal.New(-1, 0),
	} {
		header := content.Header{ID: "c", DefaultLang: "en"}
		for name, call := range map[string]func() error{
			"value": func() error {
				e := run("huge", "ada", start)
				e.Value = &d
				if _, err := w.DryRun(ctx, e); err != nil {
					return err
				}
				_, err := e.Fingerprint()
				return err
			},
			"target": func() error {
				_, err := w.Missions.Create(ctx, missions.NewMission{ConfigurationID: "three", UserID: "ada", TargetAmount: &d})
				return err
			},
			"current": func() error {
				_, err := w.Missions.Create(ctx, missions.NewMission{ConfigurationID: "three", UserID: "ada", CurrentAmount: d})
				return err
			},
			"spending": func() error {
				_, err := w.Economy.Spend(ctx, "ada", economy.Spending{CurrencyID: "points", Amount: d})
				return err
			},
			"grant": func() error {
				_, err := w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "points", DestinationUserID: "ada", Amount: d}})
				return err
			},
			"least": func() error {
				_, err := w.Economy.Currencies.Create(ctx, economy.Currency{Header: header, Name: "c", MinAllowedBalance: &d})
				return err
			},
			"most": func() error {
				_, err := w.Economy.Currencies.Create(ctx, economy.Currency{Header: header, Name: "c", MaxAllowedBalance: &d})
				return err
			},
			"minutes": func() error {
				_, err := w.Learning.Paths.Create(ctx, learning.Path{Header: header, EstimatedDuration: &d})
				return err
			},
		} {
			if err := call(); err != nil {
				require.Less(t, len(err.Error()), 300, "%s of %d, %d", name, d.CoefficientInt64(), d.Exponent())
			}
		}
	}
}
