package proof_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

func TestOneEventMovesEverything(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for i := range 2 {
			_, err := w.Record(ctx, run(fmt.Sprint("e", i), "ada", start.AddDate(0, 0, i-2)))
			require.NoError(t, err)
		}
		// The week of two days ago is another than that of today, so this is the second week's first run.
		for i := range 3 {
			out, err := w.Record(ctx, run(fmt.Sprint("f", i), "ada", start.Add(time.Duration(i)*time.Minute)))
			require.NoError(t, err)
			require.Empty(t, out.Problems)
			switch i {
			case 0:
				require.True(t, out.Missions[0].Assigned)
				require.Equal(t, "ada:weekly:three:2025-W40", out.Missions[0].MissionID)
				require.Len(t, out.Transactions, 1)
				require.Equal(t, 3, out.Streaks[0].Count)
				require.Len(t, out.Scores, 2)
			case 2:
				require.True(t, out.Missions[0].Completed)
				require.Len(t, out.Transactions, 2)
				require.Equal(t, "per-week", out.Transactions[1].RewardRuleID)
				require.Len(t, out.Scores, 4)
				require.Equal(t, "15", out.Scores[2].Score.String())
			}
		}
		balance, err := w.Economy.Balance(ctx, "ada", "points")
		require.NoError(t, err)
		require.Equal(t, "15", balance.Amount.String())
		rank, err := w.Leaderboards.Rank(ctx, "all-time", "ada", nil)
		require.NoError(t, err)
		require.Equal(t, 1, rank.Rank)
		require.Equal(t, "15", rank.Score.String())
	})
}

func TestSameEventGivesItsFirstOutcome(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		first, err := w.Record(ctx, run("e1", "ada", start))
		require.NoError(t, err)
		before := w.picture(t)
		// A hundred at once, later, while other things happen.
		var wg sync.WaitGroup
		outcomes, errs := make([]guerdon.Outcome, 100), make([]error, 100)
		for i := range outcomes {
			wg.Go(func() { outcomes[i], errs[i] = w.Record(ctx, run("e1", "ada", start)) })
		}
		wg.Wait()
		for i := range outcomes {
			require.NoError(t, errs[i])
			require.JSONEq(t, jsonOf(t, first), jsonOf(t, outcomes[i]))
		}
		require.JSONEq(t, before, w.picture(t))
		// Also when what it needed is gone.
		_, err = w.Economy.RewardRules.Archive(ctx, "per-run")
		require.NoError(t, err)
		again, err := w.Record(ctx, run("e1", "ada", start))
		require.NoError(t, err)
		require.JSONEq(t, jsonOf(t, first), jsonOf(t, again))
	})
}

// However often an event is recorded, at once and after whatever failure: it happens once, and every
// answer is the first.
func TestRecordingIsIdempotent(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		once, w := found(rt, memory.New(), "acme"), b.world(rt)
		for _, e := range happenings(rt, 10) {
			want, err := once.Record(rt.Context(), e)
			require.NoError(rt, err)
			b.failAfter(rapid.IntRange(0, 40).Draw(rt, "calls"))
			_, err = w.Record(rt.Context(), e)
			require.True(rt, err == nil || errors.Is(err, errBroken) || errors.Is(err, errLost), "%v", err)
			b.heal()
			var wg sync.WaitGroup
			outcomes, errs := make([]guerdon.Outcome, 4), make([]error, 4)
			for i := range outcomes {
				wg.Go(func() { outcomes[i], errs[i] = w.Record(rt.Context(), e) })
			}
			wg.Wait()
			for i := range outcomes {
				require.NoError(rt, errs[i])
				require.JSONEq(rt, jsonOf(rt, want), jsonOf(rt, outcomes[i]))
			}
		}
		require.JSONEq(rt, once.picture(rt), w.picture(rt))
	})
}

func TestHundredGoroutinesWithOneIDHaveOneEffect(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		outcomes, errs := make([]guerdon.Outcome, 100), make([]error, 100)
		for i := range outcomes {
			wg.Go(func() { outcomes[i], errs[i] = w.Record(t.Context(), run("e1", "ada", start)) })
		}
		wg.Wait()
		for i := range outcomes {
			require.NoError(t, errs[i])
			require.JSONEq(t, jsonOf(t, outcomes[0]), jsonOf(t, outcomes[i]))
		}
		balance, err := w.Economy.Balance(t.Context(), "ada", "points")
		require.NoError(t, err)
		require.Equal(t, "1", balance.Amount.String())
	})
}

func TestRefusalsNameTheFieldAndChangeNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Record(ctx, run("e1", "ada", start))
		require.NoError(t, err)
		_, err = w.Users.Suspend(ctx, "eve")
		require.NoError(t, err)
		before := w.picture(t)
		huge, fine := decimal.RequireFromString("1e30"), decimal.RequireFromString("0.0000001")
		for name, c := range map[string]struct {
			event event.Event
			kind  error
			field string
		}{
			"another content":    {run("e1", "bob", start), fault.ErrConflict, "id"},
			"unknown user":       {run("e2", "nobody", start), fault.ErrNotFound, "userId"},
			"suspended user":     {run("e2", "eve", start), fault.ErrForbidden, "userId"},
			"unknown activity":   {event.Event{ID: "e2", UserID: "ada", EntityID: "fly"}, fault.ErrNotFound, "entityId"},
			"caused type":        {event.Event{ID: "e2", Type: event.Mission, UserID: "ada", EntityID: "three"}, fault.ErrInvalid, "type"},
			"huge value":         {event.Event{ID: "e2", UserID: "ada", EntityID: "run", Value: &huge}, fault.ErrInvalid, "value"},
			"fine value":         {event.Event{ID: "e2", UserID: "ada", EntityID: "run", Value: &fine}, fault.ErrInvalid, "value"},
			"an hour ahead":      {run("e2", "ada", start.Add(time.Hour)), fault.ErrInvalid, "completedAt"},
			"id with control":    {run("e\x01", "ada", start), fault.ErrInvalid, "id"},
			"id in other script": {run("событие", "ada", start), fault.ErrInvalid, "id"},
		} {
			_, err := w.Record(ctx, c.event)
			require.ErrorIs(t, err, c.kind, name)
			e, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok, name)
			require.Equal(t, c.field, e.Field, name)
			_, err = w.RecordBatch(ctx, []event.Event{run("good", "ada", start), c.event})
			require.ErrorIs(t, err, c.kind, name)
			require.ErrorContains(t, err, "events[1]."+c.field, name)
		}
		require.JSONEq(t, before, w.picture(t))
	})
}

func TestBatchHasAnOutcomeEach(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		events := []event.Event{run("c", "ada", start.Add(2*time.Minute)), run("a", "ada", start), run("a", "ada", start), run("b", "ada", start.Add(time.Minute))}
		outcomes, err := w.RecordBatch(t.Context(), events)
		require.NoError(t, err)
		require.Equal(t, []string{"c", "a", "a", "b"}, []string{outcomes[0].EventID, outcomes[1].EventID, outcomes[2].EventID, outcomes[3].EventID})
		require.JSONEq(t, jsonOf(t, outcomes[1]), jsonOf(t, outcomes[2]))
		require.True(t, outcomes[0].Missions[0].Completed, "it happened last")
		none, err := w.RecordBatch(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}

func TestUpdateIsOneTransaction(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		before := w.picture(t)
		changed := errors.New("changed my mind")
		err := w.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			if _, err := ws.Record(ctx, run("e1", "ada", start)); err != nil {
				return err
			}
			balance, err := ws.Economy.Balance(ctx, "ada", "points")
			require.NoError(t, err)
			require.Equal(t, "1", balance.Amount.String(), "calls see one another's effects")
			rank, err := ws.Leaderboards.Rank(ctx, "all-time", "ada", nil)
			require.NoError(t, err)
			require.Equal(t, 1, rank.Rank)
			return changed
		})
		require.ErrorIs(t, err, changed)
		require.JSONEq(t, before, w.picture(t))

		require.NoError(t, w.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			if _, err := ws.Record(ctx, run("e1", "ada", start)); err != nil {
				return err
			}
			_, err := ws.Record(ctx, run("e1", "bob", start))
			require.ErrorIs(t, err, fault.ErrConflict, "a refusal that wrote nothing leaves the transaction usable")
			_, err = ws.Economy.Spend(ctx, "ada", economy.Spending{CurrencyID: "points", Amount: decimal.NewFromInt(1)})
			return err
		}))
		balance, err := w.Economy.Balance(ctx, "ada", "points")
		require.NoError(t, err)
		require.Equal(t, "0", balance.Amount.String())
	})
}

// A dry run predicts exactly what recording the event then does, and leaves every row as it was.
func TestDryRunPredictsAndKeepsNothing(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		w := b.world(rt)
		_, err := w.Import(rt.Context(), []byte(swimmers))
		require.NoError(rt, err)
		scopes := []store.Scope{w.Scope(), {Account: w.Scope().Account}, {}}
		for _, e := range happenings(rt, 8) {
			before := w.dump(rt, scopes...)
			predicted, err := w.DryRun(rt.Context(), e)
			require.NoError(rt, err)
			requireSameRows(rt, before, w.dump(rt, scopes...))
			out, err := w.Record(rt.Context(), e)
			require.NoError(rt, err)
			require.JSONEq(rt, jsonOf(rt, predicted), jsonOf(rt, out))
		}
	})
}

func TestDryRunRefuses(t *testing.T) {
	w := newWorld(t, memory.New())
	_, err := w.DryRun(t.Context(), run("x", "nobody", start))
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorIs(t, w.Update(t.Context(), func(_ context.Context, ws *guerdon.Workspace) error {
		_, err := ws.DryRun(t.Context(), run("x", "ada", start))
		return err
	}), fault.ErrInvalid)
}

func TestJournalHasEverythingOnceWhileOthersWrite(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		const writers, each = 4, 25
		var wg sync.WaitGroup
		errs := make(chan error, writers*each)
		for n := range writers {
			wg.Go(func() {
				for i := range each {
					_, err := w.Record(t.Context(), run(fmt.Sprintf("e-%d-%d", n, i), "ada", start))
					errs <- err
				}
			})
		}
		var seen []int64
		drain := func() {
			for {
				last := w.first + int64(len(seen))
				entries, err := w.Journal(t.Context(), last)
				require.NoError(t, err)
				if len(entries) == 0 {
					return
				}
				for _, e := range entries {
					seen = append(seen, e.Outcome.Seq)
				}
			}
		}
		for len(seen) < writers*each {
			drain()
		}
		wg.Wait()
		drain()
		for range writers * each {
			require.NoError(t, <-errs)
		}
		require.Len(t, seen, writers*each)
		for i, seq := range seen {
			require.Equal(t, w.first+int64(i+1), seq)
		}
	})
}

func TestJournalKnowsCauses(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		for i := range 3 {
			_, err := w.Record(t.Context(), run(fmt.Sprint("e", i), "ada", start.Add(time.Duration(i)*time.Minute)))
			require.NoError(t, err)
		}
		entries, err := w.Journal(t.Context(), w.first+2)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		causes := map[string]string{}
		for _, e := range entries[0].Caused {
			causes[e.ID] = e.Cause
		}
		require.Equal(t, "e2", causes["ada:weekly:three:2025-W40:completed"])
		require.Equal(t, "ada:weekly:three:2025-W40:completed", causes["ada:weekly:three:2025-W40:completed:per-week:0:completed"])
	})
}

func TestCausedByServiceCallsToo(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Economy.Grant(ctx, []economy.Grant{{CurrencyID: "points", Amount: decimal.NewFromInt(40), DestinationUserID: "bob"}})
		require.NoError(t, err)
		rank, err := w.Leaderboards.Rank(ctx, "all-time", "bob", nil)
		require.NoError(t, err)
		require.Equal(t, "40", rank.Score.String())
		entries, err := w.Journal(ctx, w.first)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		require.Equal(t, event.VirtualTransaction, entries[0].Event.Type)
	})
}

func TestBoundIsAProblemAndTheEventStands(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, []byte(`{"documents":[{"kind":"RewardRule","id":"gems","name":"Gems","applicationMode":"ALWAYS","ruleType":"INSTANCE",
			"matchEntity":"Activity","matchEntityId":"swim","rewards":[{"virtualCurrencyId":"gems","redemptionMode":"AUTO","expression":2}],
			"defaultLang":"en","translations":[{"lang":"en"}]}]}`))
		require.NoError(t, err)
		for i := range 2 {
			out, err := w.Record(ctx, event.Event{ID: fmt.Sprint("e", i), UserID: "ada", EntityID: "swim"})
			require.NoError(t, err)
			require.Len(t, out.Problems, i)
		}
		balance, err := w.Economy.Balance(ctx, "ada", "gems")
		require.NoError(t, err)
		require.Equal(t, "2", balance.Amount.String())
	})
}

// happening is an event of a property test.
func happenings(rt *rapid.T, most int) []event.Event {
	var events []event.Event
	for i := range rapid.IntRange(1, most).Draw(rt, "events") {
		user := rapid.SampledFrom([]string{"ada", "bob", "eve"}).Draw(rt, "user")
		activity := rapid.SampledFrom([]string{"run", "run", "run", "swim"}).Draw(rt, "activity")
		at := start.Add(-time.Duration(rapid.IntRange(0, 15*24).Draw(rt, "hours ago")) * time.Hour)
		events = append(events, event.Event{ID: fmt.Sprintf("e%02d", i), UserID: user, EntityID: activity, At: at})
	}
	return events
}

// swimmers is a mission that swimming assigns and running advances.
const swimmers = `{"documents":[
	{"kind":"MissionConfiguration","id":"dry","name":"Dry","missionType":"INDIVIDUAL","matchType":"INSTANCE","matchEntity":"Activity","matchEntityId":"run",
		"targetAmountExpression":4,"defaultLang":"en","translations":[{"lang":"en","label":"Run as well"}]},
	{"kind":"MissionRule","id":"swimmers","name":"Swimmers","missionType":"INDIVIDUAL","missionConfigurationsPool":["dry"],"timeframeType":"RECURRING",
		"recurrence":"WEEKLY","timeframeTimezoneType":"USER","timeframeStartsAt":"2020-01-01T00:00:00Z","assignmentMode":"EVENT","eventMatchType":"INSTANCE",
		"eventMatchEntity":"Activity","eventMatchEntityId":"swim","defaultLang":"en","translations":[{"lang":"en"}]}]}`

// In whatever order a journal is replayed, one by one or in batches, once or twice, it ends in the state
// that living it has.
func TestAnyOrderOfArrivalEndsInTheSameState(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		lived := happenings(rt, 30)
		slices.SortStableFunc(lived, func(a, b event.Event) int { return a.At.Compare(b.At) })
		one, two := found(rt, memory.New(), "acme"), b.worldIn(rt, rapid.IntRange(1, 30).Draw(rt, "portion"))
		for _, w := range []*world{one, two} {
			_, err := w.Import(rt.Context(), []byte(swimmers))
			require.NoError(rt, err)
		}
		for _, e := range lived {
			_, err := one.Record(rt.Context(), e)
			require.NoError(rt, err)
		}
		entries, err := one.Journal(rt.Context(), one.first)
		require.NoError(rt, err)
		entries = slices.DeleteFunc(entries, func(e guerdon.Entry) bool { return e.Event.Type == event.Clock })
		require.Len(rt, entries, len(lived))
		var events []event.Event
		for _, entry := range rapid.Permutation(entries).Draw(rt, "arrival") {
			events = append(events, entry.Event)
		}
		size := rapid.IntRange(1, len(events)).Draw(rt, "batch")
		for range 2 {
			for batch := range slices.Chunk(events, size) {
				_, err := two.RecordBatch(rt.Context(), batch)
				require.NoError(rt, err)
			}
		}
		require.JSONEq(rt, one.picture(rt), two.picture(rt))
	})
}

// Every store gives the answers of memory to the same calls.
func TestStoresAnswerAlike(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		one, two := found(rt, memory.New(), "acme"), b.world(rt)
		for _, e := range happenings(rt, 30) {
			want, err := one.Record(rt.Context(), e)
			require.NoError(rt, err)
			got, err := two.Record(rt.Context(), e)
			require.NoError(rt, err)
			require.JSONEq(rt, jsonOf(rt, want), jsonOf(rt, got))
		}
		require.JSONEq(rt, one.picture(rt), two.picture(rt))
	})
}

func TestReopenedFileKnowsEverything(t *testing.T) {
	path := t.TempDir() + "/guerdon.db"
	st, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	w := newWorld(t, st)
	out, err := w.Record(t.Context(), run("e1", "ada", start))
	require.NoError(t, err)
	before := w.picture(t)
	require.NoError(t, st.Close())

	again, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, again.Close()) })
	eng, err := guerdon.New(t.Context(), again, &guerdon.Options{Now: func() time.Time { return start }})
	require.NoError(t, err)
	w.Workspace, err = eng.Workspace(t.Context(), w.Scope())
	require.NoError(t, err)
	require.JSONEq(t, before, w.picture(t))
	same, err := w.Record(t.Context(), run("e1", "ada", start))
	require.NoError(t, err)
	require.JSONEq(t, jsonOf(t, out), jsonOf(t, same))
}

// A rule, or several, that make one event cause events without end are stopped and named.
func TestEventThatCausesTooManyOthersIsRefused(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	_, err := w.Import(ctx, floods("swim"))
	require.NoError(t, err)
	before := w.picture(t)
	_, err = w.Record(ctx, event.Event{ID: "e1", UserID: "ada", EntityID: "swim"})
	require.ErrorIs(t, err, fault.ErrConflict)
	require.ErrorContains(t, err, `event "e1" causes more than 1000 others; the last is e1:r100:9:completed`)
	require.JSONEq(t, before, w.picture(t))
}

// floods are rules by which an event of an activity would cause too many others.
func floods(activity string) []byte {
	reward := `{"virtualCurrencyId":"points","redemptionMode":"AUTO","expression":1}`
	rewards := "[" + strings.Repeat(reward+",", 9) + reward + "]"
	var rules []string
	for i := range 101 {
		rules = append(rules, fmt.Sprintf(`{"kind":"RewardRule","id":"r%d","name":"R","applicationMode":"ALWAYS","ruleType":"INSTANCE","matchEntity":"Activity",
			"matchEntityId":%q,"rewards":%s,"defaultLang":"en","translations":[{"lang":"en"}]}`, i, activity, rewards))
	}
	return []byte(`{"documents":[` + strings.Join(rules, ",") + `]}`)
}

func TestDryRunLeavesEveryByteOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guerdon.db")
	st, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	w := newWorld(t, st)
	content := func() string {
		var all []byte
		for _, name := range []string{path, path + "-wal"} {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			all = append(all, b...)
		}
		return fmt.Sprintf("%x", sha256.Sum256(all))
	}
	for i := range 3 {
		e := run(fmt.Sprint("e", i), "ada", start)
		before := content()
		_, err := w.DryRun(t.Context(), e)
		require.NoError(t, err)
		require.Equal(t, before, content())
		_, err = w.Record(t.Context(), e)
		require.NoError(t, err)
		require.NotEqual(t, before, content())
	}
}

// What a caller does with a result, or with what it gave, does not reach the store.
func TestResultsAndArgumentsAreTheCallers(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	_, err := w.Users.AssignTags(ctx, "ada", tenancy.Tagging{TagID: "outdoor"})
	require.NoError(t, err)
	e := event.Event{ID: "e1", UserID: "ada", EntityID: "run", Tags: []string{"a"}, Data: map[string]any{"km": []any{3.0}}, Value: new(decimal.NewFromInt(1))}
	out, err := w.Record(ctx, e)
	require.NoError(t, err)
	want, picture := jsonOf(t, out), w.picture(t)
	entries, err := w.Journal(ctx, w.first)
	require.NoError(t, err)
	journal := jsonOf(t, entries)

	e.Tags[0], *e.Value, e.Data["km"].([]any)[0] = "z", decimal.NewFromInt(9), 9.0
	out.Missions[0].PeriodID, *out.Missions[0].TargetAmount, out.Scores[0].EntityID = "z", decimal.NewFromInt(9), "z"
	for i := range entries {
		entries[i].Event.Tags, entries[i].Event.Data = append(entries[i].Event.Tags[:0], "z"), nil
		entries[i].Outcome.Missions, entries[i].Caused = nil, entries[i].Caused[:0]
	}
	missions, _, err := w.Missions.List(ctx, "ada", missions.Query{}, store.Page{})
	require.NoError(t, err)
	*missions[0].TargetAmount = decimal.NewFromInt(9)
	user, err := w.Users.Get(ctx, "ada")
	require.NoError(t, err)
	user.Tags[0].TagID = "z"

	require.Equal(t, picture, w.picture(t))
	again, err := w.Record(ctx, event.Event{ID: "e1", UserID: "ada", EntityID: "run", Tags: []string{"a"}, Data: map[string]any{"km": []any{3.0}}})
	require.NoError(t, err)
	require.JSONEq(t, want, jsonOf(t, again))
	after, err := w.Journal(ctx, w.first)
	require.NoError(t, err)
	for _, entry := range after {
		if entry.Event.ID == "e1" {
			require.Contains(t, journal, jsonOf(t, entry))
		}
	}
	user, err = w.Users.Get(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, "outdoor", user.Tags[0].TagID)
}

// A mission counts what had happened in its period before it was assigned.
func TestAssignedMissionCatchesUp(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, []byte(swimmers))
		require.NoError(t, err)
		for i := range 5 {
			_, err := w.Record(ctx, run(fmt.Sprint("r", i), "ada", start.Add(time.Duration(i-2)*time.Hour*24)))
			if i < 3 {
				require.NoError(t, err)
			}
		}
		w.set(start.AddDate(0, 0, 1))
		out, err := w.Record(ctx, event.Event{ID: "s", UserID: "ada", EntityID: "swim"})
		require.NoError(t, err)
		require.Equal(t, "dry", out.Missions[0].ConfigurationID)
		require.Equal(t, "1", out.Missions[0].Earlier.String(), "the others were last week")
		require.True(t, out.Missions[0].Amount.IsZero())
	})
}

func TestNothingIsRefusedNotFollowed(t *testing.T) {
	ctx := t.Context()
	_, err := guerdon.New(ctx, nil, nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
	w := newWorld(t, memory.New())
	require.ErrorIs(t, w.Update(ctx, nil), fault.ErrInvalid)
	require.ErrorIs(t, w.engine.Run(ctx, 0), fault.ErrInvalid)
	var zero guerdon.Workspace
	for name, call := range map[string]func(context.Context, *guerdon.Workspace) error{
		"record": func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Record(ctx, run("e", "ada", start))
			return err
		},
		"dry run": func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.DryRun(ctx, run("e", "ada", start))
			return err
		},
		"explain": func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Explain(ctx, "e", "RewardRule", "r")
			return err
		},
		"journal": func(ctx context.Context, ws *guerdon.Workspace) error { _, err := ws.Journal(ctx, 0); return err },
		"import": func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Import(ctx, fullGame(t))
			return err
		},
		"export":  func(ctx context.Context, ws *guerdon.Workspace) error { _, err := ws.Export(ctx); return err },
		"advance": func(ctx context.Context, ws *guerdon.Workspace) error { return ws.Advance(ctx) },
		"update": func(ctx context.Context, ws *guerdon.Workspace) error {
			return ws.Update(ctx, func(context.Context, *guerdon.Workspace) error { return nil })
		},
		"rank": func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Leaderboards.Rank(ctx, "b", "ada", nil)
			return err
		},
		"balance": func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Economy.Balance(ctx, "ada", "points")
			return err
		},
		"streak": func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Streaks.Current(ctx, "ada", "daily")
			return err
		},
		"mission": func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Missions.Evaluate(ctx, "ada")
			return err
		},
		"user":    func(ctx context.Context, ws *guerdon.Workspace) error { _, err := ws.Users.Get(ctx, "ada"); return err },
		"setting": func(ctx context.Context, ws *guerdon.Workspace) error { _, err := ws.Settings.Get(ctx); return err },
		"content": func(ctx context.Context, ws *guerdon.Workspace) error { _, err := ws.Tags.Get(ctx, "red"); return err },
	} {
		require.ErrorIs(t, call(ctx, &zero), fault.ErrInvalid, name)
		require.ErrorIs(t, call(ctx, zero.On(memory.New())), fault.ErrInvalid, name)
		require.ErrorIs(t, call(ctx, w.On(nil)), fault.ErrInvalid, name)
	}
}

// A refusal that a host expects does not spoil its transaction.
func TestExpectedRefusalLeavesTheTransactionUsable(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		require.NoError(t, w.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
			require.ErrorIs(t, err, fault.ErrExists)
			_, err = ws.Record(ctx, run("e1", "ada", start))
			return err
		}))
		balance, err := w.Economy.Balance(ctx, "ada", "points")
		require.NoError(t, err)
		require.Equal(t, "1", balance.Amount.String())
	})
}

func TestUserCanCarryOnlyTagsThatExist(t *testing.T) {
	w := newWorld(t, memory.New())
	_, err := w.Users.AssignTags(t.Context(), "ada", tenancy.Tagging{TagID: "outdoor"}, tenancy.Tagging{TagID: "outdor"})
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorContains(t, err, `assignments[1].tagId: "outdor" not found`)
	user, err := w.Users.Get(t.Context(), "ada")
	require.NoError(t, err)
	require.Empty(t, user.Tags)
}

// A completion that moves after its user has changed teams counts once.
func TestMovedCompletionCountsOnceForTeams(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	_, err := w.Import(ctx, []byte(`{"documents":[
		{"kind":"Tag","id":"indoor","namespace":"place","variant":"indoor","defaultLang":"en","translations":[{"lang":"en","label":"Indoor"}]},
		{"kind":"RuntimeLeaderboardConfiguration","id":"teams","name":"Teams","query":{"source":"mission_logs","entityId":{"tagNamespace":"place"},"score":{"count":null}},
			"defaultLang":"en","translations":[{"lang":"en","label":"Teams"}]},
		{"kind":"RuntimeLeaderboard","id":"teams","runtimeLeaderboardConfigurationId":"teams","timeframeType":"PERMANENT","timeframeTimezoneType":"FIXED",
			"timeframeTimezone":"UTC","timeframeStartsAt":"2020-01-01T00:00:00Z"}]}`))
	require.NoError(t, err)
	_, err = w.Users.AssignTags(ctx, "ada", tenancy.Tagging{TagID: "outdoor"})
	require.NoError(t, err)
	for i := range 3 {
		_, err := w.Record(ctx, run(fmt.Sprint("e", i), "ada", start.Add(time.Duration(i)*time.Minute)))
		require.NoError(t, err)
	}
	require.NoError(t, w.Users.RemoveTags(ctx, "ada", "outdoor"))
	_, err = w.Users.AssignTags(ctx, "ada", tenancy.Tagging{TagID: "indoor"})
	require.NoError(t, err)
	_, err = w.Record(ctx, run("late", "ada", start.Add(90*time.Second)))
	require.NoError(t, err)
	top, err := w.Leaderboards.Top(ctx, "teams", 10, nil)
	require.NoError(t, err)
	require.Equal(t, 1, top.Total)
	require.Equal(t, "1", top.Rows[0].Score.String())
}

func TestDeletedWorkspaceIsNotWrittenTo(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		scope := store.Scope{Account: "acme", Workspace: "second"}
		create := func() *guerdon.Workspace {
			_, err := w.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: scope.Account, ID: scope.Workspace, Name: "Second"})
			require.NoError(t, err)
			ws, err := w.engine.Workspace(ctx, scope)
			require.NoError(t, err)
			return ws
		}
		ws := create()
		require.NoError(t, w.engine.Platform.DeleteWorkspace(ctx, scope))
		for name, write := range map[string]func() error{
			"user":     func() error { _, err := ws.Users.Create(ctx, tenancy.NewUser{ID: "ada"}); return err },
			"settings": func() error { _, err := ws.Settings.Put(ctx, tenancy.Configuration{}); return err },
			"bundle":   func() error { _, err := ws.Import(ctx, fullGame(t)); return err },
			"event":    func() error { _, err := ws.Record(ctx, run("e1", "ada", start)); return err },
			"dry run":  func() error { _, err := ws.DryRun(ctx, run("e1", "ada", start)); return err },
			"advance":  func() error { return ws.Advance(ctx) },
			"update": func() error {
				return ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
					_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
					return err
				})
			},
		} {
			err := write()
			require.ErrorIs(t, err, fault.ErrNotFound, name)
			require.ErrorContains(t, err, "workspace", name)
		}
		// One of the same name is another.
		again := create()
		list, _, err := again.Users.List(ctx, tenancy.UserFilter{}, store.Page{})
		require.NoError(t, err)
		require.Empty(t, list)
		_, err = again.Import(ctx, fullGame(t))
		require.NoError(t, err)
	})
}

// Inside a transaction another handle than its own would wait for it to end, and so for itself. It is refused at once.
func TestOtherHandlesAreRefusedInsideUpdate(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		account := w.Scope().Account
		_, err := w.engine.Platform.CreateWorkspace(t.Context(), tenancy.Workspace{AccountID: account, ID: "other", Name: "Other"})
		require.NoError(t, err)
		other, err := w.engine.Workspace(t.Context(), store.Scope{Account: account, Workspace: "other"})
		require.NoError(t, err)
		require.NoError(t, w.Update(t.Context(), func(ctx context.Context, ws *guerdon.Workspace) error {
			for name, call := range map[string]func() error{
				"record":  func() error { _, err := w.Record(ctx, run("e1", "ada", start)); return err },
				"read":    func() error { _, err := w.Economy.Balance(ctx, "ada", "points"); return err },
				"dry run": func() error { _, err := w.DryRun(ctx, run("e1", "ada", start)); return err },
				"as": func() error {
					_, err := w.As(content.Actor{Type: content.BySystem}).Record(ctx, run("e1", "ada", start))
					return err
				},
				"update":    func() error { return w.Update(ctx, func(context.Context, *guerdon.Workspace) error { return nil }) },
				"elsewhere": func() error { _, err := other.Users.Create(ctx, tenancy.NewUser{ID: "eve"}); return err },
				"platform": func() error {
					_, err := w.engine.Platform.CreateAccount(ctx, tenancy.Account{ID: "new"})
					return err
				},
			} {
				require.ErrorIs(t, call(), fault.ErrConflict, name)
			}
			_, err := other.Users.Get(ctx, "eve")
			require.ErrorIs(t, err, fault.ErrNotFound, "what another workspace has can be read")
			return ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
				_, err := ws.Record(ctx, run("e1", "ada", start))
				return err
			})
		}))
	})
}

// What a view shows belongs together, whatever is recorded meanwhile, and it writes nothing.
func TestViewIsOneMoment(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		mine := func(ws *guerdon.Workspace) []any {
			missions, _, err := ws.Missions.List(ctx, "ada", missions.Query{}, store.Page{})
			require.NoError(t, err)
			balances, err := ws.Economy.Balances(ctx, "ada")
			require.NoError(t, err)
			return []any{missions, balances}
		}
		w.record(t, "e1", "run", 1)
		for name, view := range map[string]func(context.Context, func(context.Context, *guerdon.Workspace) error) error{
			"workspace": w.View,
			"engine": func(ctx context.Context, fn func(context.Context, *guerdon.Workspace) error) error {
				return w.engine.View(ctx, w.Scope(), fn, "ada", "nobody")
			},
		} {
			before := jsonOf(t, mine(w.Workspace))
			require.NoError(t, view(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
				require.Equal(t, before, jsonOf(t, mine(ws)))
				w.record(t, "e2-"+name, "run", 1)
				require.Equal(t, before, jsonOf(t, mine(ws)))
				_, err := ws.Record(ctx, run("e3", "ada", start))
				require.ErrorIs(t, err, fault.ErrConflict)
				_, err = ws.DryRun(ctx, run("e3", "ada", start))
				require.ErrorIs(t, err, fault.ErrInvalid)
				found, err := ws.Users.GetMany(ctx, "ada", "nobody")
				require.NoError(t, err)
				require.Len(t, found, 1)
				return nil
			}))
			require.NotEqual(t, before, jsonOf(t, mine(w.Workspace)))
			_, err := w.Entry(ctx, "e3")
			require.ErrorIs(t, err, fault.ErrNotFound)
			require.ErrorIs(t, view(ctx, nil), fault.ErrInvalid)
			require.ErrorIs(t, view(ctx, func(context.Context, *guerdon.Workspace) error { return fault.ErrExists }), fault.ErrExists)
		}
		look := func(context.Context, *guerdon.Workspace) error { return nil }
		require.Error(t, (&guerdon.Workspace{}).View(ctx, look))
		require.ErrorIs(t, w.engine.View(ctx, store.Scope{Account: "acme", Workspace: "none"}, look), fault.ErrNotFound)
		require.ErrorIs(t, w.engine.View(ctx, store.Scope{Account: "acme"}, look), fault.ErrInvalid)
	})
}

// A handle that has left its transaction makes its own, for whoever acts.
func TestDetached(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		var apart *guerdon.Workspace
		require.NoError(t, w.As(content.Actor{Type: content.ByUser, ID: "eve"}).View(t.Context(), func(_ context.Context, ws *guerdon.Workspace) error {
			apart = ws.Detached()
			return nil
		}))
		_, err := apart.Activities.Archive(t.Context(), "swim")
		require.NoError(t, err)
		past, _, err := w.Activities.History(t.Context(), "swim", store.Page{})
		require.NoError(t, err)
		require.Equal(t, content.Actor{Type: content.ByUser, ID: "eve"}, past[0].Actor)
		require.Error(t, (&guerdon.Workspace{}).Detached().View(t.Context(), func(context.Context, *guerdon.Workspace) error { return nil }))
	})
}

// Who asks what there is to do waits for no writer, unless something has to be assigned.
func TestEvaluatingWritesWhatIsDueAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, assigns("LAZY", "", "5"))
		require.NoError(t, err)
		evaluate := func(ctx context.Context, ws *guerdon.Workspace) error {
			_, missing := ws.Missions.Evaluate(ctx, "ada")
			_, unlearned := ws.Learning.Evaluate(ctx, "ada")
			return errors.Join(missing, unlearned)
		}
		require.ErrorIs(t, w.View(ctx, evaluate), fault.ErrConflict)
		require.NoError(t, w.Update(ctx, evaluate))
		require.NoError(t, w.View(ctx, evaluate))
		want, err := w.Missions.Current(ctx, "ada")
		require.NoError(t, err)
		require.NotEmpty(t, want)
		require.NoError(t, w.Update(ctx, func(within context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Record(within, run("e1", "ada", start))
			require.NoError(t, err)
			got, err := w.Missions.Evaluate(ctx, "ada") // beside the transaction
			require.NoError(t, err)
			require.Equal(t, jsonOf(t, want), jsonOf(t, got))
			return err
		}))
	})
}
