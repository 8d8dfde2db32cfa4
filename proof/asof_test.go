package proof_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/timeframe"
)

// What somebody had at a moment is what it was then, whenever it was told: a history that comes in another order has the past that was lived.
func TestThePastIsWhatItWas(t *testing.T) {
	far := guerdontest.MissionConfiguration("far", guerdontest.Doing("run"), "5")
	far.IncrementExpression = json.RawMessage(`{"var": "event.value"}`)
	together := guerdontest.MissionConfiguration("together", guerdontest.Doing("run"), "7")
	together.MissionType, together.IncrementExpression = missions.Group, far.IncrementExpression
	ours := guerdontest.MissionRule("ours", together, "")
	ours.MissionType, ours.GroupTagID, ours.TimezoneType, ours.Timezone = missions.Group, "red", timeframe.Fixed, "UTC"
	rapid.Check(t, func(rt *rapid.T) {
		begin := func() *game {
			return playWith(t, founded(rt, memory.New(), "acme", january(0)), perUnit(), far, guerdontest.MissionRule("mine", far, ""), together, ours)
		}
		lived, other := begin(), begin()
		type moment struct {
			at            time.Time
			points        string
			mine, ours    string
			done, reached bool
		}
		look := func(g *game, at time.Time) moment {
			m := moment{at: at}
			b, err := g.Economy.BalanceAt(rt.Context(), "ada", "points", at)
			require.NoError(rt, err)
			m.points = b.Amount.String()
			for id, into := range map[string]*string{"ada:mine:far:PERMANENT": &m.mine, "tag:red:ours:together:PERMANENT": &m.ours} {
				is, err := g.Missions.MissionAt(rt.Context(), id, at)
				require.NoError(rt, err)
				*into = is.CurrentAmount.String()
				if id[0] == 'a' {
					m.done = is.IsCompleted
				} else {
					m.reached = is.IsCompleted
				}
			}
			return m
		}
		var events []event.Event
		for i := range rapid.IntRange(1, 8).Draw(rt, "events") {
			e := run(string(rune('a'+i)), rapid.SampledFrom([]string{"ada", "ada", "bob"}).Draw(rt, "who"), january(1+i))
			if i == 0 {
				e.UserID = "ada" // whose mission is assigned by it
			}
			e.Value = new(decimal.NewFromInt(rapid.Int64Range(1, 4).Draw(rt, "value")))
			events = append(events, e)
		}
		var past []moment
		for _, g := range []*game{lived, other} {
			_, err := g.Missions.Evaluate(rt.Context(), "ada")
			require.NoError(rt, err)
		}
		for _, e := range events {
			lived.set(e.At)
			_, err := lived.Record(rt.Context(), e)
			require.NoError(rt, err)
			_, err = lived.Missions.Evaluate(rt.Context(), "ada")
			require.NoError(rt, err)
			b, err := lived.Economy.Balance(rt.Context(), "ada", "points")
			require.NoError(rt, err)
			now := look(lived, e.At)
			require.Equal(rt, b.Amount.String(), now.points)
			m, err := lived.Missions.Mission(rt.Context(), "ada:mine:far:PERMANENT")
			require.NoError(rt, err)
			require.Equal(rt, []any{m.CurrentAmount.String(), m.IsCompleted}, []any{now.mine, now.done})
			m, err = lived.Missions.Mission(rt.Context(), "tag:red:ours:together:PERMANENT")
			require.NoError(rt, err)
			require.Equal(rt, []any{m.CurrentAmount.String(), m.IsCompleted}, []any{now.ours, now.reached})
			past = append(past, now)
		}
		other.set(january(20))
		for _, e := range rapid.Permutation(events).Draw(rt, "order") {
			_, err := other.Record(rt.Context(), e)
			require.NoError(rt, err)
		}
		for _, was := range past {
			require.Equal(rt, was, look(lived, was.at))
			require.Equal(rt, was, look(other, was.at))
		}
		_, err := other.Missions.MissionAt(rt.Context(), "ada:mine:far:PERMANENT", january(21))
		require.ErrorIs(rt, err, fault.ErrInvalid)
		_, err = other.Economy.BalanceAt(rt.Context(), "ada", "points", january(21))
		require.ErrorIs(rt, err, fault.ErrInvalid)
	})
}
