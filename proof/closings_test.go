package proof_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// season is a board of what is done in each day of a zone, "" for each user's own, from the start on, and more.
func season(zone string, more object) object {
	doc := object{
		"runtimeLeaderboardConfigurationId": "earned", "timeframeType": "RECURRING", "recurrence": "DAILY",
		"timeframeTimezoneType": "USER", "timeframeStartsAt": "2025-09-29T00:00:00Z",
	}
	if zone != "" {
		doc["timeframeTimezoneType"], doc["timeframeTimezone"] = "FIXED", zone
	}
	return document("RuntimeLeaderboard", "season", merge(doc, more))
}

// closed are the moments at which periods of the board were closed, and when they had begun, in the order of the journal.
func (w *world) closed(t tester) (all []string) {
	t.Helper()
	ids := map[string]bool{}
	for i, e := range w.closings(t, "season") {
		require.False(t, ids[e.Event.ID], e.Event.ID)
		ids[e.Event.ID] = true
		f := e.Event.Fields
		require.Equal(t, fmt.Sprintf("clock:RuntimeLeaderboard:season:%s:%s", f["periodId"], f["timeframeEndsAt"]), e.Event.ID, i)
		require.Equal(t, "RuntimeLeaderboard", f["kind"])
		require.Equal(t, e.Event.At.Format(time.RFC3339), f["timeframeEndsAt"])
		require.Empty(t, e.Event.UserID)
		require.Empty(t, e.User.ID)
		require.Empty(t, e.Caused)
		require.False(t, e.RecordedAt.Before(e.Event.At))
		all = append([]string{f["timeframeStartsAt"].(string) + " " + e.Event.At.Format("02T15")}, all...)
	}
	return all
}

// Each period of a board that is closed is an entry, once, whoever serves the clock and however often, and whatever comes late.
func TestClosedPeriodsAreInTheJournal(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.publish(t, season("Europe/Rome", nil))
		elsewhere, err := guerdon.New(ctx, w.store, &guerdon.Options{Now: func() time.Time { return *w.now.Load() }, Portion: 1})
		require.NoError(t, err)
		other, err := elsewhere.Workspace(ctx, w.Scope())
		require.NoError(t, err)
		serve := func() {
			t.Helper()
			var wg sync.WaitGroup
			errs := make([]error, 8)
			for i := range errs {
				wg.Go(func() {
					by := w.Workspace
					if i%2 == 0 {
						by = other
					}
					errs[i] = by.Advance(ctx)
				})
			}
			wg.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
		}
		serve()
		require.Empty(t, w.closed(t), "the first day goes on")
		w.record(t, "e1", "run", 1)
		w.set(start.AddDate(0, 0, 3))
		require.Empty(t, w.closed(t), "nobody has asked the clock")
		serve()
		three := []string{"2025-09-29T00:00:00Z 29T22", "2025-09-29T22:00:00Z 30T22", "2025-09-30T22:00:00Z 01T22"}
		require.Equal(t, three, w.closed(t))
		periods, err := w.Leaderboards.Periods(ctx, "season", 0, time.Time{})
		require.NoError(t, err)
		require.Len(t, periods, 4)
		for i, e := range w.closings(t, "season") { // the newest first
			p := periods[i+1]
			require.True(t, p.Frozen)
			require.Equal(t, p.ID, e.Event.Fields["periodId"])
			require.Equal(t, p.EndsAt, e.Event.At)
			entry, err := w.Entry(ctx, e.Event.ID)
			require.NoError(t, err)
			require.Equal(t, e, entry)
			x, err := w.Explain(ctx, e.Event.ID, "RewardRule", "per-run")
			require.NoError(t, err)
			require.False(t, x.Moved)
		}

		// What comes late is told that it is too late, and closes nothing again.
		out, err := w.Record(ctx, run("late", "bob", start.AddDate(0, 0, 1)))
		require.NoError(t, err)
		require.Contains(t, jsonOf(t, out.Problems), "has ended and is closed for good")
		serve()
		require.Equal(t, three, w.closed(t))

		// Nor does another version of the board, though it counts anew: what it calls another period is one.
		w.publish(t, season("Europe/Rome", object{"timeframeStartsAt": "2025-09-28T22:00:00Z"}))
		serve()
		require.Equal(t, three, w.closed(t))
		w.publish(t, season("UTC", object{"timeframeStartsAt": "2025-10-01T00:00:00Z"}))
		serve()
		require.Equal(t, three, w.closed(t), "what had ended by then was never open")

		// A restored workspace has them, and goes on.
		var file bytes.Buffer
		require.NoError(t, w.Dump(ctx, &file))
		copied := store.Scope{Account: "acme", Workspace: "copy"}
		require.NoError(t, w.engine.Restore(ctx, copied, &file))
		ws, err := w.engine.Workspace(ctx, copied)
		require.NoError(t, err)
		w.set(start.AddDate(0, 0, 4))
		require.NoError(t, ws.Advance(ctx))
		again := &world{Workspace: ws}
		want := slices.Concat(three, []string{"2025-10-02T00:00:00Z 03T00"})
		require.Equal(t, want, again.closed(t))
		require.NotEqual(t, want, w.closed(t))
	})
}

// In the zones of users a period is closed when it has ended everywhere, a board that ends says so for its last period too, and one whose
// end is put off for the period that it then ends with.
func TestClosedWhenTheLastZoneHas(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	w.publish(t, season("", object{"timeframeEndsAt": "2025-10-01T00:00:00Z"}))
	w.set(start.AddDate(0, 0, 10))
	require.NoError(t, w.Advance(ctx))
	require.Equal(t, []string{"2025-09-28T10:00:00Z 30T12", "2025-09-29T10:00:00Z 01T12"}, w.closed(t))
	until := func(end string) object {
		doc := season("UTC", object{"timeframeType": "RANGE", "timeframeEndsAt": end})
		delete(doc, "recurrence")
		return doc
	}
	w.publish(t, until("2025-10-12T00:00:00Z"))
	w.set(start.AddDate(0, 0, 15))
	require.NoError(t, w.Advance(ctx))
	require.Equal(t, "2025-09-29T00:00:00Z 12T00", w.closed(t)[2])
	require.Equal(t, "RANGE", w.closings(t, "season")[0].Event.Fields["timeframeType"])
	w.publish(t, until("2025-10-20T00:00:00Z"))
	require.NoError(t, w.Advance(ctx))
	require.Len(t, w.closed(t), 3, "it goes on")
	w.set(start.AddDate(0, 0, 22))
	w.publish(t, until("2025-10-20T00:00:00Z")) // nobody has asked the clock since it ended
	require.NoError(t, w.Advance(ctx))
	require.Equal(t, "2025-09-29T00:00:00Z 20T00", w.closed(t)[3])
}

// What had ended when a board was published was never open, and nothing is said of it, however its scores are counted.
func TestNothingIsSaidOfAHistory(t *testing.T) {
	w := newWorld(t, memory.New())
	w.publish(t, season("UTC", object{"timeframeStartsAt": "2020-01-01T00:00:00Z"}))
	require.NoError(t, w.Advance(t.Context()))
	require.Empty(t, w.closed(t))
	w.set(start.AddDate(0, 0, 1))
	require.NoError(t, w.Advance(t.Context()))
	require.Equal(t, []string{"2025-09-29T00:00:00Z 30T00"}, w.closed(t))
}

// What had ended by the horizon is archived with the entries that say so, and who counts anew does not say it again.
func TestClosedPeriodsAreArchived(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.publish(t, season("UTC", nil))
		for day := range 5 {
			w.set(start.AddDate(0, 0, day))
			require.NoError(t, w.Advance(ctx))
		}
		horizon := start.AddDate(0, 0, 2).Add(time.Hour)
		told := 0
		for _, row := range w.archived(t, horizon) {
			if row.Table == "journal" && bytes.Contains(row.Record, []byte(`"clock:RuntimeLeaderboard:season:`)) {
				told++
			}
		}
		require.Equal(t, 2, told)
		rest := []string{"2025-10-01T00:00:00Z 02T00", "2025-10-02T00:00:00Z 03T00"}
		require.Equal(t, rest, w.closed(t))
		w.publish(t, season("UTC", object{"timeframeStartsAt": "2025-09-28T12:00:00Z"}))
		require.NoError(t, w.Advance(ctx))
		require.Equal(t, rest, w.closed(t))
		_, err := w.Leaderboards.Top(ctx, "season", 0, &leaderboard.At{Time: start})
		require.Error(t, err)
	})
}

// Nobody can make a rule that pays for it.
func TestNoRuleMatchesAClosedPeriod(t *testing.T) {
	w := newWorld(t, memory.New())
	_, err := w.Import(t.Context(), bundle(t, document("RewardRule", "clock", object{
		"applicationMode": "ALWAYS", "ruleType": "ENTITY", "matchEntity": string(event.Clock),
		"rewards": []object{{"virtualCurrencyId": "points", "redemptionMode": "AUTO"}},
	})))
	require.ErrorContains(t, err, "matchEntity")
}
