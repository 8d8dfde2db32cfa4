package proof_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// wrong is why something is corrected.
var wrong = guerdon.Correction{Reason: "the watch was wrong"}

// perUnit pays a point for each unit that is run.
func perUnit() *economy.RewardRule {
	pays := guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "1")
	pays.Rewards[0].Expression = json.RawMessage(`{"var": "event.value"}`)
	return pays
}

// done records that ada runs so far.
func (g *game) done(id string, at time.Time, value int64) {
	g.t.Helper()
	if at.After(*g.now.Load()) {
		g.set(at)
	}
	e := run(id, "ada", at)
	e.Value = new(decimal.NewFromInt(value))
	_, err := g.Record(g.t.Context(), e)
	require.NoError(g.t, err)
}

// amended is an event that was run otherwise.
func amended(id string, value int64) event.Event {
	e := run(id, "ada", time.Time{})
	e.Value = new(decimal.NewFromInt(value))
	return e
}

func (g *game) spend(amount int64) error {
	_, err := g.Economy.Spend(g.t.Context(), "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(amount)})
	return err
}

func TestCorrections(t *testing.T) {
	far := guerdontest.MissionConfiguration("far", guerdontest.Doing("run"), "40")
	far.IncrementExpression = json.RawMessage(`{"var": "event.value"}`)
	board := guerdontest.BoardConfiguration("earned", "points")
	for name, tt := range map[string]struct {
		play func(*game) error
		// want is what ada has then: points, whether she has gone far, and a place on the board.
		points string
		far    bool
	}{
		"a ride of 42 is corrected to 24": {func(g *game) error {
			g.done("ride", january(1, 9), 42)
			out, err := g.Amend(g.t.Context(), amended("ride", 24), wrong)
			require.Len(g.t, out.Missions, 1)
			require.True(g.t, out.Missions[0].Undone, "who follows the journal is told that it is completed no more")
			return err
		}, "24", false},
		"the steps of a day are sent as they grow": {func(g *game) error {
			g.done("steps", january(1, 9), 20)
			for _, n := range []int64{50, 80} {
				if _, err := g.Amend(g.t.Context(), amended("steps", n), wrong); err != nil {
					return err
				}
			}
			return nil
		}, "80", true},
		"a class is cancelled": {func(g *game) error {
			g.done("class", january(1, 9), 42)
			_, err := g.Retract(g.t.Context(), "class", wrong)
			return err
		}, "0", false},
		"taken back by mistake": {func(g *game) error {
			g.done("class", january(1, 9), 42)
			if _, err := g.Retract(g.t.Context(), "class", wrong); err != nil {
				return err
			}
			_, err := g.Amend(g.t.Context(), amended("class", 42), wrong)
			return err
		}, "42", true},
		"21 were paid, 20 are spent": {func(g *game) error {
			g.done("ride", january(1, 9), 21)
			require.NoError(g.t, g.spend(20))
			out, err := g.Retract(g.t.Context(), "ride", wrong)
			require.Len(g.t, out.Problems, 1)
			require.Contains(g.t, out.Problems[0].Reason, `user "ada" owes 20`)
			return err
		}, "-20", false},
		"21 were paid, 20 are spent, 5 are right": {func(g *game) error {
			g.done("ride", january(1, 9), 21)
			require.NoError(g.t, g.spend(20))
			out, err := g.Amend(g.t.Context(), amended("ride", 5), wrong)
			require.Len(g.t, out.Problems, 1)
			require.Contains(g.t, out.Problems[0].Reason, `user "ada" owes 15`)
			return err
		}, "-15", false},
		"what is spent refuses it": {func(g *game) error {
			g.done("ride", january(1, 9), 21)
			require.NoError(g.t, g.spend(20))
			refusing := guerdon.Correction{Reason: "the watch was wrong", Spent: guerdon.Refuse}
			for _, correct := range []func() (guerdon.Outcome, error){
				func() (guerdon.Outcome, error) { return g.Retract(g.t.Context(), "ride", refusing) },
				func() (guerdon.Outcome, error) { return g.Amend(g.t.Context(), amended("ride", 5), refusing) },
			} {
				_, err := correct()
				var bound *economy.BoundError
				require.ErrorAs(g.t, err, &bound)
				require.Equal(g.t, "ada", bound.User)
				require.Equal(g.t, "1", bound.Have.String())
			}
			past, err := g.Corrections(g.t.Context(), "ride")
			require.Empty(g.t, past)
			return err
		}, "1", false},
		"what is not spent may go": {func(g *game) error {
			g.done("ride", january(1, 9), 21)
			require.NoError(g.t, g.spend(5))
			_, err := g.Amend(g.t.Context(), amended("ride", 5), guerdon.Correction{Reason: "the watch was wrong", Spent: guerdon.Refuse})
			return err
		}, "0", false},
		"the clock comes between": {func(g *game) error {
			g.done("ride", january(1, 9), 42)
			g.daily(9)
			_, err := g.Amend(g.t.Context(), amended("ride", 39), wrong)
			return err
		}, "39", false},
		"of somebody who is suspended": {func(g *game) error {
			g.done("ride", january(1, 9), 42)
			_, err := g.Users.Suspend(g.t.Context(), "ada")
			require.NoError(g.t, err)
			_, err = g.Retract(g.t.Context(), "ride", wrong)
			return err
		}, "0", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := play(t, perUnit(), far, guerdontest.MissionRule("far", far, ""), board, guerdontest.Board("ever", board, ""))
			require.NoError(t, tt.play(g))
			require.Equal(t, tt.points, g.balance("ada"))
			b, err := g.Economy.Balance(t.Context(), "ada", "points")
			require.NoError(t, err)
			require.Equal(t, decimal.Max(decimal.Zero, b.AvailableAmount.Neg()).String(), b.OwedAmount.String(), "what is there, and what is owed beside it")
			all, err := g.Missions.Current(t.Context(), "ada")
			require.NoError(t, err)
			completed := false
			for _, m := range all {
				completed = completed || m.IsCompleted
			}
			require.Equal(t, tt.far, completed)
		})
	}
}

// Corrected once more in the same way is once; what was corrected cannot be recorded again, but for what is sent once more.
func TestCorrectedOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		g := playWith(t, founded(t, w.store, "zeta", january(0)), perUnit())
		ctx := t.Context()
		g.done("ride", january(1, 9), 42)
		first, err := g.Amend(ctx, amended("ride", 24), wrong)
		require.NoError(t, err)
		again, err := g.Amend(ctx, amended("ride", 24), guerdon.Correction{Reason: "as I said"})
		require.NoError(t, err)
		require.Equal(t, jsonOf(t, first), jsonOf(t, again))
		for value, ok := range map[int64]bool{42: true, 24: true, 25: false} {
			e := amended("ride", value)
			e.At = january(1, 9)
			_, err := g.Record(ctx, e)
			if ok {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, fault.ErrConflict)
			}
		}
		require.Equal(t, "24", g.balance("ada"))
		back, err := g.As(content.Actor{Type: content.ByUser, ID: "bob"}).Retract(ctx, "ride", wrong)
		require.NoError(t, err)
		again, err = g.Retract(ctx, "ride", wrong)
		require.NoError(t, err)
		require.Equal(t, jsonOf(t, back), jsonOf(t, again))
		_, err = g.Record(ctx, amended("ride", 24))
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "taken back")
		require.Equal(t, "0", g.balance("ada"))

		entry, err := g.Entry(ctx, "ride")
		require.NoError(t, err)
		require.Equal(t, "42", entry.Event.Value.String(), "the first stays as it was")
		past, err := g.Corrections(ctx, "ride")
		require.NoError(t, err)
		require.Len(t, past, 2)
		require.Equal(t, "42", past[0].Correction.Was.Value.String())
		require.Equal(t, "24", past[0].Event.Value.String())
		require.Equal(t, "24", past[1].Correction.Was.Value.String())
		require.Equal(t, event.Retraction, past[1].Event.Type)
		require.Equal(t, content.Actor{Type: content.ByUser, ID: "bob"}, past[1].Correction.Actor)
		require.True(t, past[1].Outcome.Transactions[0].Undone)
		for i := range past {
			one, err := g.Entry(ctx, past[i].ID())
			require.NoError(t, err)
			require.Equal(t, jsonOf(t, past[i]), jsonOf(t, one))
		}
		x, err := g.Explain(ctx, "ride", "RewardRule", "pays")
		require.NoError(t, err)
		require.True(t, x.Moved)
		require.Contains(t, x.String(), "put right on "+january(1, 9).Format(time.RFC3339)+" by system because: the watch was wrong")
		require.Contains(t, x.String(), "taken back on "+january(1, 9).Format(time.RFC3339)+" by user bob because: the watch was wrong")
		x, err = g.Explain(ctx, past[0].ID(), "RewardRule", "pays")
		require.NoError(t, err)
		require.True(t, x.Moved)
		require.Len(t, g.entries(t, past[0].Outcome.Seq-1), 2, "the journal has each")
	})
}

func TestCorrectionRefuses(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.record(t, "e1", "run", 1)
		before := w.picture(t)
		long := string(make([]byte, guerdon.MaxReason+1))
		other := run("e1", "bob", start)
		for name, tt := range map[string]struct {
			id   string
			as   *event.Event
			c    guerdon.Correction
			is   error
			says string
		}{
			"no reason":           {"e1", nil, guerdon.Correction{}, fault.ErrInvalid, "reason: is empty"},
			"a long reason":       {"e1", nil, guerdon.Correction{Reason: long}, fault.ErrInvalid, "reason: is 501 bytes"},
			"an unknown policy":   {"e1", nil, guerdon.Correction{Reason: "x", Spent: "FORGET"}, fault.ErrInvalid, "spent"},
			"nothing":             {"e2", nil, wrong, fault.ErrNotFound, "event"},
			"what the engine did": {"clock:x", nil, wrong, fault.ErrNotFound, "event"},
			"another user":        {"e1", &other, wrong, fault.ErrInvalid, "userId"},
			"no such activity":    {"e1", &event.Event{ID: "e1", UserID: "ada", EntityID: "fly"}, wrong, fault.ErrNotFound, "entityId"},
			"the future":          {"e1", &event.Event{ID: "e1", UserID: "ada", EntityID: "run", At: start.AddDate(1, 0, 0)}, wrong, fault.ErrInvalid, "completedAt"},
		} {
			t.Run(name, func(t *testing.T) {
				var err error
				if tt.as == nil {
					_, err = w.Retract(ctx, tt.id, tt.c)
				} else {
					_, err = w.Amend(ctx, *tt.as, tt.c)
				}
				require.ErrorIs(t, err, tt.is)
				require.ErrorContains(t, err, tt.says)
			})
		}
		require.Equal(t, before, w.picture(t))
		_, err := w.Users.Anonymise(ctx, "ada")
		require.NoError(t, err)
		_, err = w.Retract(ctx, "e1", wrong)
		require.ErrorIs(t, err, fault.ErrConflict)
		_, err = (&guerdon.Workspace{}).Retract(ctx, "e1", wrong)
		require.Error(t, err)
	})
}

// What is archived stays as it is, and what has happened since may be corrected; a copy of the workspace knows what was corrected.
func TestCorrectionsAndTheHorizon(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.record(t, "e1", "run", 1)
		_, err := w.Amend(ctx, event.Event{ID: "e1", UserID: "ada", EntityID: "run", Value: new(decimal.NewFromInt(3))}, wrong)
		require.NoError(t, err)
		copied := w.restored(t, memory.New(), "acme", 1)
		for _, ws := range []*world{w, copied} {
			past, err := ws.Corrections(ctx, "e1")
			require.NoError(t, err)
			require.Len(t, past, 1)
		}
		_, err = copied.Retract(ctx, "e1", wrong)
		require.NoError(t, err)
		copied.requireBooks(t)
		w.set(start.AddDate(0, 0, 3))
		w.record(t, "e2", "run", 1)
		w.archived(t, start.AddDate(0, 0, 2))
		_, err = w.Retract(ctx, "e1", wrong)
		require.Error(t, err)
		_, err = w.Retract(ctx, "e2", wrong)
		require.NoError(t, err)
	})
}

// A correction is one of the calls of a transaction.
func TestCorrectionWithinATransaction(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.record(t, "e0", "run", 1)
		before := w.picture(t)
		require.NoError(t, w.Update(t.Context(), func(ctx context.Context, ws *guerdon.Workspace) error {
			if _, err := ws.Record(ctx, run("e1", "ada", start)); err != nil {
				return err
			}
			_, err := ws.Retract(ctx, "e1", wrong)
			return err
		}))
		require.Equal(t, before, w.picture(t))
	})
}

// Two missions of a group count each other's end. The event that completes both is put right: it happened a second later, and both are completed then.
func TestCorrectedWithinAGroup(t *testing.T) {
	goal := guerdontest.MissionConfiguration("goal", event.Matcher{Type: event.MatchTag, Entity: "Tag", EntityID: "goal"}, "2")
	goal.MissionType = missions.Group
	rule := func(id string) *missions.Rule {
		r := guerdontest.MissionRule(id, goal, "")
		r.MissionType, r.GroupTagID, r.TimezoneType, r.Timezone = missions.Group, "red", timeframe.Fixed, "UTC"
		r.AssignmentMode, r.EventMatchType, r.EventMatchEntity, r.EventMatchEntityID = missions.AssignmentMode("EVENT"), event.MatchEntity, "Activity", ""
		return r
	}
	g := play(t, goal, rule("one"), rule("other"))
	ctx := t.Context()
	_, err := g.Missions.Configurations.AssignTags(ctx, "goal", tenancy.Tagging{TagID: "goal"})
	require.NoError(t, err)
	_, err = g.Activities.AssignTags(ctx, "run", tenancy.Tagging{TagID: "goal"})
	require.NoError(t, err)
	g.set(january(3))
	at := january(1, 13).Add(-time.Second)
	for _, e := range []event.Event{run("first", "bob", january(1)), run("second", "bob", at)} {
		_, err = g.Record(ctx, e)
		require.NoError(t, err)
	}
	for _, moved := range []time.Duration{0, time.Second} {
		if moved > 0 {
			_, err = g.Amend(ctx, run("second", "bob", at.Add(moved)), wrong)
			require.NoError(t, err)
		}
		both, err := g.Missions.Current(ctx, "bob")
		require.NoError(t, err)
		require.Len(t, both, 2)
		for _, m := range both {
			require.Equal(t, "3", m.CurrentAmount.String(), "two runs, and that the other is completed")
			require.Equal(t, at.Add(moved), m.CompletedAt)
		}
	}
}
