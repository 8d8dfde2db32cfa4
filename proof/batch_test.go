package proof_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// portions is a store that counts transactions which write, and can do something before one of them.
type portions struct {
	store.Store

	n      int
	before map[int]func()
}

func (p *portions) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	p.n++
	if do := p.before[p.n]; do != nil {
		do()
	}
	return p.Store.Update(ctx, s, fn)
}

// while returns how many transactions write during a call, and does something before the one of a number.
func (p *portions) while(call func(), before int, do func()) int {
	p.n, p.before = 0, map[int]func(){before: do}
	call()
	n := p.n
	p.before = nil
	return n
}

// runs returns events of users, who take turns a minute after one another.
func runs(word string, n int, users ...string) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = run(fmt.Sprint(word, i), users[i%len(users)], start.Add(time.Duration(i-n)*time.Minute))
	}
	return events
}

// Whoever waits for a batch is let in after the event that is being recorded, and the batch goes on behind.
func TestBatchLetsOthersIn(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		events := runs("e", 40, "ada", "bob")
		var outcomes []guerdon.Outcome
		var live guerdon.Outcome
		var errs [2]error
		w.meeting(t, func() {},
			func(ctx context.Context) { outcomes, errs[0] = w.RecordBatch(ctx, events) },
			func(ctx context.Context) { live, errs[1] = w.Record(ctx, run("live", "eve", start)) })
		require.Equal(t, [2]error{}, errs)
		require.Equal(t, w.first+2, live.Seq)
		require.Equal(t, w.first+1, outcomes[0].Seq)
		require.Equal(t, w.first+3, outcomes[1].Seq)
		require.Equal(t, w.first+41, outcomes[39].Seq)
	})
}

// In a transaction of its own or of the host's, a batch is not parted, whoever waits.
func TestBatchInsideUpdateIsOneTransaction(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		var outcomes []guerdon.Outcome
		var live guerdon.Outcome
		var errs [2]error
		w.meeting(t, func() {},
			func(ctx context.Context) {
				errs[0] = w.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) (err error) {
					outcomes, err = ws.RecordBatch(ctx, runs("e", 60, "ada"))
					return err
				})
			},
			func(ctx context.Context) { live, errs[1] = w.Record(ctx, run("live", "eve", start)) })
		require.Equal(t, [2]error{}, errs)
		require.Equal(t, w.first+60, outcomes[59].Seq)
		require.Equal(t, w.first+61, live.Seq)
	})
}

// Without anybody who waits, a batch takes as few transactions as its size allows, and what is late is made anew once.
func TestBatchTakesFewTransactions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ later, events, portions int }{
		"a portion":                {0, 50, 1},
		"one more":                 {0, 51, 2},
		"many":                     {0, 240, 5},
		"late behind few":          {3, 120, 3},
		"late behind many":         {100, 90, 1},
		"late behind not so many":  {70, 141, 3},
		"late, less than portions": {100, 40, 1},
	} {
		p := &portions{Store: memory.New()}
		w := newWorld(t, p)
		_, err := w.RecordBatch(t.Context(), runs("later", c.later, "ada"))
		require.NoError(t, err, name)
		events := runs("e", c.events, "ada")
		for i := range events {
			if c.later > 0 {
				events[i].At = events[i].At.Add(-24 * time.Hour)
			}
		}
		require.Equal(t, c.portions, p.while(func() {
			outcomes, err := w.RecordBatch(t.Context(), events)
			require.NoError(t, err, name)
			require.Len(t, outcomes, c.events, name)
		}, 0, nil), name)
	}
}

// Whatever is wrong with events of a batch is found before any of it is recorded, however many portions that would take, and all of it
// is told, each by its place. Going on past them records the others.
func TestBatchTellsAllThatIsWrong(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Record(ctx, run("known", "ada", start))
		require.NoError(t, err)
		_, err = w.Users.Suspend(ctx, "eve")
		require.NoError(t, err)
		before := w.dump(t, w.Scope())
		bad := []struct {
			event event.Event
			kind  error
			field string
		}{
			{run("known", "bob", start), fault.ErrConflict, "id"},
			{run("e3", "bob", start), fault.ErrConflict, "id"},
			{run("bad", "nobody", start), fault.ErrNotFound, "userId"},
			{run("bad", "eve", start), fault.ErrForbidden, "userId"},
			{event.Event{UserID: "ada", EntityID: "fly"}, fault.ErrNotFound, "entityId"},
			{run("e\x01", "ada", start), fault.ErrInvalid, "id"},
		}
		in := func(do func(*guerdon.Workspace) error) error {
			return w.Update(ctx, func(_ context.Context, ws *guerdon.Workspace) error { return do(ws) })
		}
		for _, n := range []int{4, 120} {
			events := runs("e", n, "ada", "bob")
			var places []int
			for i, b := range bad { // spread over the batch, the first of them last
				place := n - i*n/len(bad)
				events = slices.Insert(events, place, b.event)
				places = append(places, place)
			}
			told := func(err error) {
				t.Helper()
				of, is := errors.AsType[*guerdon.BatchError](err)
				require.True(t, is, "%v", err)
				require.Len(t, of.Refused, len(bad))
				require.Len(t, of.Unwrap(), len(bad))
				for i, b := range slices.Backward(bad) {
					k := len(bad) - 1 - i
					place := places[i] + k // as many were put before it since
					require.Equal(t, place, of.Refused[k].Index)
					f, is := errors.AsType[*fault.Error](of.Refused[k].Err)
					require.True(t, is)
					require.Equal(t, b.field, f.Field)
					require.ErrorIs(t, of.Refused[k].Err, b.kind)
					require.ErrorContains(t, of.Unwrap()[k], fmt.Sprintf("events[%d].%s: ", place, b.field))
					require.ErrorIs(t, err, b.kind)
				}
				require.ErrorContains(t, err, "; and 3 more")
				require.Less(t, len(err.Error()), 400)
			}
			outcomes, err := w.RecordBatch(ctx, events)
			require.Nil(t, outcomes)
			told(err)
			told(in(func(ws *guerdon.Workspace) error { _, err := ws.RecordBatch(ctx, events); return err }))
			requireSameRows(t, before, w.dump(t, w.Scope()))

			kept := errors.New("keep nothing")
			require.ErrorIs(t, in(func(ws *guerdon.Workspace) error {
				outcomes, err := ws.RecordBatch(ctx, events, guerdon.SkipRefused)
				told(err)
				require.Len(t, slices.DeleteFunc(outcomes, func(o guerdon.Outcome) bool { return o.Seq == 0 }), n)
				return kept
			}), kept)
			requireSameRows(t, before, w.dump(t, w.Scope()))
			_, err = w.RecordBatch(ctx, events, "no option")
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
		_, err = w.engine.Platform.CloseWorkspace(ctx, w.Scope())
		require.NoError(t, err)
		for _, n := range []int{1, 120} {
			_, err = w.RecordBatch(ctx, runs("e", n, "ada"), guerdon.SkipRefused)
			require.ErrorIs(t, err, fault.ErrConflict, "which is the fault of no event")
			_, is := errors.AsType[*guerdon.BatchError](err)
			require.False(t, is)
		}
	})
}

// Going on past what is refused ends in the state of recording the rest, however many are refused, wherever they stand, and whether
// that shows before or while they are recorded; told is exactly what is refused, with the error that Record would return. Without going on, nothing of
// what can be known before is recorded.
func TestSkippingEndsInTheStateOfTheRest(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		ctx := rt.Context()
		one, two := found(rt, memory.New(), "acme"), b.worldIn(rt, rapid.IntRange(0, 5).Draw(rt, "portion"))
		for _, w := range []*world{one, two} {
			_, err := w.Import(ctx, bundle(rt, document("Activity", "burst", nil)))
			require.NoError(rt, err)
			_, err = w.Import(ctx, floods("burst"))
			require.NoError(rt, err)
			_, err = w.Record(ctx, run("later", "ada", start)) // so that all that is ada's is late
			require.NoError(rt, err)
		}
		good := happenings(rt, 20)
		events, bad := slices.Clone(good), make([]bool, len(good))
		all, met := 0, 0 // of the bad ones, and those that show while they are recorded
		for i := range rapid.IntRange(0, 6).Draw(rt, "others") {
			like := rapid.SampledFrom(good).Draw(rt, "like")
			wrong := rapid.SampledFrom([]string{"", "content", "user", "activity", "ahead", "burst"}).Draw(rt, "wrong")
			if wrong != "" {
				all++
			}
			if wrong != "" && wrong != "content" {
				like.ID = fmt.Sprint("bad-", i)
			}
			switch wrong {
			case "content":
				like.At = like.At.Add(time.Second)
			case "user":
				like.UserID = "nobody"
			case "activity":
				like.EntityID = "fly"
			case "ahead":
				like.At = start.Add(time.Hour)
			case "burst":
				like.EntityID = "burst"
				met++
			}
			place := rapid.IntRange(0, len(events)).Draw(rt, "place")
			events, bad = slices.Insert(events, place, like), slices.Insert(bad, place, wrong != "")
		}
		_, err := one.RecordBatch(ctx, good)
		require.NoError(rt, err)
		if all > met {
			before := two.dump(rt, two.Scope())
			_, err := two.RecordBatch(ctx, events)
			of, is := errors.AsType[*guerdon.BatchError](err)
			require.True(rt, is)
			require.Len(rt, of.Refused, all-met)
			requireSameRows(rt, before, two.dump(rt, two.Scope()))
		}
		record := func(ws *guerdon.Workspace) {
			outcomes, err := ws.RecordBatch(ctx, events, guerdon.SkipRefused)
			require.Len(rt, outcomes, len(events))
			refused := map[int]error{}
			if of, is := errors.AsType[*guerdon.BatchError](err); is {
				require.True(rt, slices.IsSortedFunc(of.Refused, func(a, b guerdon.Refusal) int { return a.Index - b.Index }))
				for _, r := range of.Refused {
					refused[r.Index] = r.Err
				}
				require.Len(rt, of.Refused, all)
				err = nil
			}
			require.NoError(rt, err)
			for i, o := range outcomes {
				require.Equal(rt, events[i].ID, o.EventID)
				require.Equal(rt, bad[i], o.Seq == 0)
				if bad[i] {
					_, err := one.Record(ctx, events[i])
					require.EqualError(rt, refused[i], err.Error())
				}
			}
		}
		if met == 0 && rapid.Bool().Draw(rt, "inside") {
			require.NoError(rt, two.Update(ctx, func(_ context.Context, ws *guerdon.Workspace) error { record(ws); return nil }))
		} else {
			record(two.Workspace)
		}
		require.JSONEq(rt, one.picture(rt), two.picture(rt))
	})
}

// What changes between portions is told with what has been recorded, which stays. The batch sent again gives its outcomes, and
// records the rest: also of events that came without an id.
func TestBatchThatFailsBetweenPortions(t *testing.T) {
	t.Parallel()
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &portions{Store: open(t)}
			w := newWorld(t, p)
			ctx := t.Context()
			events := runs("e", 120, "ada", "bob", "eve")
			events[7].ID, events[110].ID = "", ""
			var some []guerdon.Outcome
			p.while(func() {
				var err error
				some, err = w.RecordBatch(ctx, events)
				require.ErrorIs(t, err, fault.ErrForbidden)
				require.ErrorContains(t, err, "events[50].userId")
			}, 2, func() {
				_, err := w.Users.Suspend(ctx, "eve")
				require.NoError(t, err)
			})
			require.Len(t, some, 120)
			for i, o := range some {
				require.Equal(t, i < 50, o.Seq > 0, i)
				require.NotEmpty(t, o.EventID)
				events[i].ID = o.EventID
			}
			_, err := w.Users.Resume(ctx, "eve")
			require.NoError(t, err)
			all, err := w.RecordBatch(ctx, events)
			require.NoError(t, err)
			require.JSONEq(t, jsonOf(t, some[:50]), jsonOf(t, all[:50]))
			again, err := w.RecordBatch(ctx, events)
			require.NoError(t, err)
			require.JSONEq(t, jsonOf(t, all), jsonOf(t, again))

			gone, cancel := context.WithCancel(ctx)
			p.while(func() {
				some, err = w.RecordBatch(gone, runs("f", 120, "ada"))
				require.ErrorIs(t, err, context.Canceled)
			}, 3, cancel)
			require.Positive(t, some[99].Seq)
			require.Zero(t, some[100].Seq)
		})
	}
}

// However often and wherever recording a batch fails, sending it again until it succeeds ends in the state of recording each
// event once.
func TestBatchSentAgainEndsInTheSameState(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		one, two := found(rt, memory.New(), "acme"), b.worldIn(rt, rapid.IntRange(1, 5).Draw(rt, "portion"))
		events := happenings(rt, 20)
		events = append(events, events[rapid.IntRange(0, len(events)-1).Draw(rt, "twin")])
		for _, e := range slices.SortedStableFunc(slices.Values(events), func(a, b event.Event) int { return a.At.Compare(b.At) }) {
			_, err := one.Record(rt.Context(), e)
			require.NoError(rt, err)
		}
		for range rapid.IntRange(0, 3).Draw(rt, "failures") {
			b.failAfter(rapid.IntRange(0, 2000).Draw(rt, "calls"))
			_, err := two.RecordBatch(rt.Context(), events)
			b.heal()
			if err == nil {
				break
			}
		}
		outcomes, err := two.RecordBatch(rt.Context(), events)
		require.NoError(rt, err)
		require.JSONEq(rt, one.picture(rt), two.picture(rt))
		for i, o := range outcomes {
			entry, err := two.Entry(rt.Context(), events[i].ID)
			require.NoError(rt, err)
			require.JSONEq(rt, jsonOf(rt, entry.Outcome), jsonOf(rt, o))
		}
	})
}
