package storetest

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

var transactionTests = []test{
	{"Commit", testCommit},
	{"RollbackOnError", testRollbackOnError},
	{"RollbackOnPanic", testRollbackOnPanic},
	{"RollbackOnGoexit", testRollbackOnGoexit},
	{"RollbackOfEveryWrite", testRollbackOfEveryWrite},
	{"OtherScopes", testOtherScopes},
	{"ViewReturnsWhatFnReturns", testViewReturns},
	{"ViewIsReadOnly", testViewIsReadOnly},
	{"UseAfterEnd", testUseAfterEnd},
	{"LostUpdate", testLostUpdate},
	{"WriteSkew", testWriteSkew},
	{"Phantom", testPhantom},
	{"OnlyOneInserts", testOnlyOneInserts},
	{"SomeFail", testSomeFail},
	{"ReadersAmongWriters", testReadersAmongWriters},
	{"Rehearse", testRehearse},
	{"RehearseAtOnce", testRehearseAtOnce},
}

func testCommit(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.Equal(t, here, tx.Scope())
		require.NoError(t, notes.Insert(ctx, tx, note{"a", "one"}))
	})
	view(t, s, func(ctx context.Context, tx store.Tx) {
		require.Equal(t, here, tx.Scope())
		got, ok, err := notes.Get(ctx, tx, "a")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, note{"a", "one"}, got)
	})
}

func testRollbackOnError(t *testing.T, s store.Store) {
	err := s.Update(t.Context(), here, func(tx store.Tx) error {
		require.NoError(t, notes.Insert(t.Context(), tx, note{ID: "a"}))
		return errStop
	})
	require.ErrorIs(t, err, errStop)
	require.Zero(t, count(t, s, here))
	update(t, s, func(ctx context.Context, tx store.Tx) { // the store is still of use
		require.NoError(t, notes.Insert(ctx, tx, note{ID: "a"}))
	})
}

func testRollbackOnPanic(t *testing.T, s store.Store) {
	type oops struct{ why string }
	require.PanicsWithValue(t, oops{"in an Update"}, func() {
		_ = s.Update(t.Context(), here, func(tx store.Tx) error {
			require.NoError(t, notes.Insert(t.Context(), tx, note{ID: "a"}))
			panic(oops{"in an Update"})
		})
	})
	require.PanicsWithValue(t, oops{"in a View"}, func() {
		_ = s.View(t.Context(), here, func(store.Tx) error { panic(oops{"in a View"}) })
	})
	require.Zero(t, count(t, s, here))
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, notes.Insert(ctx, tx, note{ID: "a"}))
	})
}

// A test that fails inside a transaction leaves by runtime.Goexit: the store must not hang after it.
func testRollbackOnGoexit(t *testing.T, s store.Store) {
	inserted := make(chan error, 1)
	left := make(chan struct{})
	go func() {
		defer close(left)
		_ = s.Update(t.Context(), here, func(tx store.Tx) error {
			inserted <- notes.Insert(t.Context(), tx, note{ID: "a"})
			runtime.Goexit()
			return nil
		})
	}()
	<-left
	require.NoError(t, <-inserted)
	require.Zero(t, count(t, s, here))
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, notes.Insert(ctx, tx, note{ID: "a"}))
	})
}

func testRollbackOfEveryWrite(t *testing.T, s store.Store) {
	before := []item{thing("a").code("1"), thing("b").code("2"), thing("c").code("3")}
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, before...))
	})
	err := s.Update(t.Context(), here, func(tx store.Tx) error {
		require.NoError(t, items.Delete(t.Context(), tx, "a"))
		require.NoError(t, items.Put(t.Context(), tx, thing("b").code("1").note("changed")))
		require.NoError(t, items.Insert(t.Context(), tx, thing("d").code("4")))
		return errStop
	})
	require.ErrorIs(t, err, errStop)
	view(t, s, func(ctx context.Context, tx store.Tx) {
		got, err := items.List(ctx, tx, store.By("code"))
		require.NoError(t, err)
		require.Equal(t, before, got)
	})
}

func testOtherScopes(t *testing.T, s store.Store) {
	write := func(end error) error {
		return s.Update(t.Context(), here, func(tx store.Tx) error {
			for i, scope := range []store.Scope{here, there, account, platform} {
				other := tx.In(scope)
				require.Equal(t, scope, other.Scope())
				require.Equal(t, here, tx.Scope())
				require.NoError(t, notes.Put(t.Context(), other, note{"a", strconv.Itoa(i)}))
			}
			got, ok, err := notes.Get(t.Context(), tx.In(there).In(account), "a")
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, "2", got.Text)
			return end
		})
	}
	require.ErrorIs(t, write(errStop), errStop)
	for _, scope := range []store.Scope{here, there, account, platform} {
		require.Zero(t, count(t, s, scope), scope)
	}
	require.NoError(t, write(nil))
	view(t, s, func(ctx context.Context, tx store.Tx) {
		for i, scope := range []store.Scope{here, there, account, platform} {
			got, err := notes.List(ctx, tx.In(scope), store.Query{})
			require.NoError(t, err)
			require.Equal(t, []note{{"a", strconv.Itoa(i)}}, got)
		}
	})
}

func testViewReturns(t *testing.T, s store.Store) {
	require.ErrorIs(t, s.View(t.Context(), here, func(store.Tx) error { return errStop }), errStop)
	require.NoError(t, s.View(t.Context(), here, func(store.Tx) error { return nil }))
}

func testViewIsReadOnly(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, notes.Insert(ctx, tx, note{"a", "one"}))
	})
	view(t, s, func(ctx context.Context, tx store.Tx) {
		for _, tx := range []store.Tx{tx, tx.In(there)} {
			require.ErrorIs(t, notes.Insert(ctx, tx, note{ID: "b"}), store.ErrReadOnly)
			require.ErrorIs(t, notes.Put(ctx, tx, note{ID: "a"}), store.ErrReadOnly)
			require.ErrorIs(t, notes.Delete(ctx, tx, "a"), store.ErrReadOnly)
			require.ErrorIs(t, notes.Delete(ctx, tx, "not there"), fault.ErrForbidden)
		}
		got, err := notes.List(ctx, tx, store.Query{}) // reading goes on
		require.NoError(t, err)
		require.Equal(t, []note{{"a", "one"}}, got)
	})
}

// What a Tx does after its transaction is a mistake of the caller that must cost nobody's records.
func testUseAfterEnd(t *testing.T, s store.Store) {
	var kept store.Tx
	update(t, s, func(ctx context.Context, tx store.Tx) {
		kept = tx
		require.NoError(t, notes.Insert(ctx, tx, note{"a", "one"}))
	})
	require.ErrorIs(t, notes.Insert(t.Context(), kept, note{ID: "b"}), store.ErrOver)
	require.ErrorIs(t, notes.Put(t.Context(), kept, note{ID: "a"}), store.ErrOver)
	require.ErrorIs(t, notes.Delete(t.Context(), kept.In(here), "a"), store.ErrOver)
	_, _, err := notes.Get(t.Context(), kept, "a")
	require.Error(t, err)
	_, err = notes.List(t.Context(), kept, store.Query{})
	require.Error(t, err)
	_, err = notes.Count(t.Context(), kept, store.Query{})
	require.Error(t, err)
	view(t, s, func(ctx context.Context, tx store.Tx) {
		kept = tx
		got, err := notes.List(ctx, tx, store.Query{})
		require.NoError(t, err)
		require.Equal(t, []note{{"a", "one"}}, got)
	})
	_, _, err = notes.Get(t.Context(), kept, "a")
	require.Error(t, err)
}

// add changes a counter by reading and writing it.
func add(ctx context.Context, tx store.Tx, name string, n int64) error {
	c, _, err := counters.Get(ctx, tx, name)
	if err != nil {
		return err
	}
	runtime.Gosched() // gives others a chance to come between, were it possible
	c.Name = name
	c.Value += n
	return counters.Put(ctx, tx, c)
}

// value returns the value of a counter.
func value(t *testing.T, s store.Store, name string) int64 {
	t.Helper()
	var c counter
	view(t, s, func(ctx context.Context, tx store.Tx) {
		var err error
		c, _, err = counters.Get(ctx, tx, name)
		require.NoError(t, err)
	})
	return c.Value
}

func testLostUpdate(t *testing.T, s store.Store) {
	const goroutines, each = 64, 4
	errs := concurrently(goroutines, func(int) error {
		for range each {
			err := s.Update(t.Context(), here, func(tx store.Tx) error {
				return add(t.Context(), tx, "hits", 1)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.EqualValues(t, goroutines*each, value(t, s, "hits"))
}

// Two transactions that each leave one of two doctors on call must not leave none.
func testWriteSkew(t *testing.T, s store.Store) {
	for round := range 8 {
		pair := []string{fmt.Sprint(round, "a"), fmt.Sprint(round, "b")}
		update(t, s, func(ctx context.Context, tx store.Tx) {
			require.NoError(t, counters.Insert(ctx, tx, counter{pair[0], 1}, counter{pair[1], 1}))
		})
		errs := concurrently(2, func(i int) error {
			return s.Update(t.Context(), here, func(tx store.Tx) error {
				both, err := counters.GetMany(t.Context(), tx, pair...)
				if err != nil || both[0].Value+both[1].Value < 2 {
					return err
				}
				runtime.Gosched()
				return counters.Put(t.Context(), tx, counter{pair[i], 0})
			})
		})
		require.NoError(t, errs[0])
		require.NoError(t, errs[1])
		require.EqualValues(t, 1, value(t, s, pair[0])+value(t, s, pair[1]))
	}
}

// What a transaction counted or listed before it wrote must not grow behind its back.
func testPhantom(t *testing.T, s store.Store) {
	const places = 5
	errs := concurrently(16, func(i int) error {
		return s.Update(t.Context(), here, func(tx store.Tx) error {
			n, err := items.Count(t.Context(), tx, store.By("user", store.Text("counted")))
			if err != nil {
				return err
			}
			list, err := items.List(t.Context(), tx, store.By("user", store.Text("listed")))
			if err != nil {
				return err
			}
			runtime.Gosched()
			if n < places {
				err = items.Insert(t.Context(), tx, thing(fmt.Sprint("c", i)).owner("counted"))
			}
			if err == nil && len(list) < places {
				err = items.Insert(t.Context(), tx, thing(fmt.Sprint("l", i)).owner("listed"))
			}
			return err
		})
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	view(t, s, func(ctx context.Context, tx store.Tx) {
		for _, owner := range []string{"counted", "listed"} {
			n, err := items.Count(ctx, tx, store.By("user", store.Text(owner)))
			require.NoError(t, err)
			require.Equal(t, places, n)
		}
	})
}

func testOnlyOneInserts(t *testing.T, s store.Store) {
	for _, insert := range map[string]func(i int) item{
		"key":   func(int) item { return thing("same") },
		"entry": func(i int) item { return thing(strconv.Itoa(i)).code("same") },
	} {
		errs := concurrently(16, func(i int) error {
			return s.Update(t.Context(), here, func(tx store.Tx) error {
				return items.Insert(t.Context(), tx, insert(i))
			})
		})
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, fault.ErrExists)
		}
		require.Equal(t, 1, won)
	}
}

// Transactions that fail, in whatever way, take nothing from those that run beside them.
func testSomeFail(t *testing.T, s store.Store) {
	const goroutines = 64
	errs := concurrently(goroutines, func(i int) (err error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		defer func() {
			if i%4 == 2 {
				err = fmt.Errorf("panicked with %v", recover())
			}
		}()
		return s.Update(ctx, here, func(tx store.Tx) error {
			if err := add(ctx, tx, "hits", 1); err != nil {
				return err
			}
			if err := notes.Insert(ctx, tx, note{ID: strconv.Itoa(i)}); err != nil {
				return err
			}
			switch i % 4 {
			case 1:
				return errStop
			case 2:
				panic(i)
			case 3:
				cancel()
			}
			return nil
		})
	})
	for i, err := range errs {
		switch i % 4 {
		case 0:
			require.NoError(t, err)
		case 1:
			require.ErrorIs(t, err, errStop)
		case 2:
			require.EqualError(t, err, fmt.Sprintf("panicked with %d", i))
		case 3:
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	require.EqualValues(t, goroutines/4, value(t, s, "hits"))
	require.Equal(t, goroutines/4+1, count(t, s, here))
}

// Every View sees the sum that every Update keeps.
func testReadersAmongWriters(t *testing.T, s store.Store) {
	const accounts, total = 4, 1000
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, counters.Insert(ctx, tx, counter{"0", total}))
	})
	errs := concurrently(8, func(i int) error {
		for n := range 20 {
			var err error
			if i%2 == 0 {
				err = s.Update(t.Context(), here, func(tx store.Tx) error {
					if err := add(t.Context(), tx, strconv.Itoa(n%accounts), -1); err != nil {
						return err
					}
					return add(t.Context(), tx, strconv.Itoa((n+i)%accounts), 1)
				})
			} else {
				err = s.View(t.Context(), here, func(tx store.Tx) error { return checkSum(t.Context(), tx, total) })
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func checkSum(ctx context.Context, tx store.Tx, want int64) error {
	list, err := counters.List(ctx, tx, store.By("value"))
	if err != nil {
		return err
	}
	var sum int64
	for _, c := range list {
		sum += c.Value
	}
	if sum != want {
		return fmt.Errorf("the sum is %d, not %d", sum, want)
	}
	return nil
}

// A rehearsal sees what is committed and what it writes itself, beside an Update that is running, and nothing of it remains.
func testRehearse(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, notes.Insert(ctx, tx, note{"a", "one"}, note{"b", "two"}))
	})
	read := func(tx store.Tx) []note {
		all, err := notes.List(t.Context(), tx, store.Query{})
		require.NoError(t, err)
		return all
	}
	update(t, s, func(ctx context.Context, outer store.Tx) {
		require.NoError(t, notes.Insert(ctx, outer, note{"c", "of the Update"}))
		require.NoError(t, s.Rehearse(ctx, here, func(tx store.Tx) error {
			require.Equal(t, here, tx.Scope())
			require.Equal(t, []note{{"a", "one"}, {"b", "two"}}, read(tx))
			require.NoError(t, notes.Put(ctx, tx, note{"a", "three"}))
			require.NoError(t, notes.Insert(ctx, tx, note{"c", "of the rehearsal"}))
			require.ErrorIs(t, notes.Insert(ctx, tx, note{ID: "b"}), fault.ErrExists)
			require.NoError(t, notes.Delete(ctx, tx, "b"))
			require.Equal(t, []note{{"a", "three"}, {"c", "of the rehearsal"}}, read(tx))
			require.NoError(t, notes.Insert(ctx, tx.In(there), note{ID: "d"}))
			return nil
		}))
		require.Equal(t, []note{{"a", "one"}, {"b", "two"}, {"c", "of the Update"}}, read(outer))
	})
	require.ErrorIs(t, s.Rehearse(t.Context(), here, func(tx store.Tx) error {
		require.NoError(t, notes.Delete(t.Context(), tx, "a"))
		return errStop
	}), errStop)
	require.Panics(t, func() {
		_ = s.Rehearse(t.Context(), here, func(tx store.Tx) error {
			require.NoError(t, notes.Delete(t.Context(), tx, "a"))
			panic("in a rehearsal")
		})
	})
	view(t, s, func(_ context.Context, tx store.Tx) {
		require.Equal(t, []note{{"a", "one"}, {"b", "two"}, {"c", "of the Update"}}, read(tx))
	})
	require.Zero(t, count(t, s, there))
}

// Rehearsals and Updates at once: each counts on from what it sees, and only what Updates count is kept.
func testRehearseAtOnce(t *testing.T, s store.Store) {
	const each = 20
	for _, err := range concurrently(2*each, func(i int) error {
		run := s.Update
		if i%2 == 1 {
			run = s.Rehearse
		}
		return run(t.Context(), here, func(tx store.Tx) error { return add(t.Context(), tx, "n", 1) })
	}) {
		require.NoError(t, err)
	}
	require.EqualValues(t, each, value(t, s, "n"))
}
