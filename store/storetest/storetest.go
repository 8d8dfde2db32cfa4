// Package storetest is the contract of [store.Store] as tests. A backend is right when they pass:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Harness{Open: func(tb testing.TB) store.Store { … }})
//	}
//
// [Model] adds random calls, made on several backends and on a naive one, whose answers must be the
// same.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

// A Harness says how to make the stores under test. Its functions may be called concurrently.
type Harness struct {
	// Open returns a new, empty store. The suite closes it.
	Open func(testing.TB) store.Store
	// OpenUsed may open a store whose tables other tests have prepared, if it has no row, for the parts of the contract that do
	// not ask what preparing does. It is nil where Open costs little.
	OpenUsed func(testing.TB) store.Store
	// Reopen closes a store and opens its records again, as another process would. It is nil for a
	// store whose records end with it.
	Reopen func(testing.TB, store.Store) store.Store
}

// opened returns a store that is closed at the end of the test and knows the tables of the suite.
func opened(t *testing.T, open func(testing.TB) store.Store) store.Store {
	t.Helper()
	s := open(t)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Prepare(t.Context(), schemas...))
	return s
}

// A test is one promise of the contract, checked on a store of its own.
type test struct {
	name string
	run  func(*testing.T, store.Store)
}

// Run checks the whole contract, each part on a store of its own and in parallel.
func Run(t *testing.T, h Harness) {
	t.Helper()
	groups := []struct {
		name  string
		tests []test
	}{
		{"Transaction", transactionTests},
		{"Isolation", isolationTests},
		{"Read", readTests},
		{"Write", writeTests},
		{"Context", contextTests},
		{"Ahead", aheadTests},
		{"Survey", surveyTests},
		{"Prepare", prepareTests},
		{"Record", recordTests},
	}
	for _, g := range groups {
		open := h.OpenUsed
		if g.name == "Prepare" || open == nil {
			open = h.Open
		}
		t.Run(g.name, func(t *testing.T) {
			for _, x := range g.tests {
				t.Run(x.name, func(t *testing.T) {
					t.Parallel()
					x.run(t, opened(t, open))
				})
			}
		})
	}
	t.Run("Close", func(t *testing.T) { testClose(t, h) })
	t.Run("Reopen", func(t *testing.T) { testReopen(t, h) })
}

// The scopes of the suite: two workspaces of one account, their account, and the platform.
var (
	here     = store.Scope{Account: "acme", Workspace: "default"}
	there    = store.Scope{Account: "acme", Workspace: "other"}
	account  = store.Scope{Account: "acme"}
	platform = store.Scope{}
)

// errStop is what a transaction of the suite returns to roll back.
var errStop = errors.New("storetest: roll back")

// waiting bounds what must end with the context, and nothing else.
const waiting = 200 * time.Millisecond

// update runs fn in an Update that must succeed.
func update(t *testing.T, s store.Store, fn func(context.Context, store.Tx)) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), here, func(tx store.Tx) error {
		fn(t.Context(), tx)
		return nil
	}))
}

// view runs fn in a View that must succeed.
func view(t *testing.T, s store.Store, fn func(context.Context, store.Tx)) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), here, func(tx store.Tx) error {
		fn(t.Context(), tx)
		return nil
	}))
}

// count returns how many rows of the suite's tables a scope has.
func count(t *testing.T, s store.Store, scope store.Scope) int {
	t.Helper()
	var total int
	require.NoError(t, s.View(t.Context(), scope, func(tx store.Tx) error {
		total = 0
		for _, schema := range schemas {
			n, err := tx.Count(t.Context(), schema, store.Query{})
			if err != nil {
				return err
			}
			total += n
		}
		return nil
	}))
	return total
}

// concurrently runs n functions at once and returns what each returned, so that the test's own
// goroutine can judge.
func concurrently(n int, fn func(i int) error) []error {
	type result struct {
		i   int
		err error
	}
	results := make(chan result)
	for i := range n {
		go func() { results <- result{i, fn(i)} }()
	}
	errs := make([]error, n)
	for range n {
		r := <-results
		errs[r.i] = r.err
	}
	return errs
}
