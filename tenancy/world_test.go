package tenancy_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

var (
	epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	acme  = store.Scope{Account: "acme", Workspace: tenancy.DefaultWorkspace}
	north = store.Scope{Account: "acme", Workspace: "north"}
	rival = store.Scope{Account: "rival", Workspace: tenancy.DefaultWorkspace}
)

// A world is a store with a clock that moves a second with every transaction, and ids that count up.
type world struct {
	platform tenancy.Platform
	store    *memory.Store
	full     map[store.Scope]bool // workspaces that hold documents
	zones    timeframe.Zones
	ticks    atomic.Int64
	ids      atomic.Int64

	mu     sync.Mutex
	caused []event.Event
}

// newWorld returns a world with the accounts acme and rival, and the workspace north of acme.
func newWorld(ctx context.Context) (*world, error) {
	w := &world{store: memory.New(), full: map[store.Scope]bool{}}
	if err := w.store.Prepare(ctx, tenancy.Tables()...); err != nil {
		return nil, err
	}
	w.platform = tenancy.NewPlatform(w.runner(store.Scope{}), holding.Gate{
		Create: func(context.Context, store.Tx) error { return nil },
		Delete: func(_ context.Context, tx store.Tx) error {
			if w.full[tx.Scope()] {
				return fault.Conflict("workspace", "holds documents")
			}
			return nil
		},
	})
	for _, id := range []string{acme.Account, rival.Account} {
		if _, err := w.platform.CreateAccount(ctx, tenancy.Account{ID: id}); err != nil {
			return nil, err
		}
	}
	_, err := w.platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: north.Account, ID: north.Workspace, Name: "North"})
	return w, err
}

func open(t testing.TB) *world {
	t.Helper()
	w, err := newWorld(t.Context())
	require.NoError(t, err)
	return w
}

func (w *world) runner(s store.Scope) session.Runner {
	in := func(fn session.Func) func(store.Tx) error {
		now := epoch.Add(time.Duration(w.ticks.Add(1)) * time.Second)
		return func(raw store.Tx) error {
			tx := &session.Tx{Tx: raw, Now: now, NewID: func() string { return fmt.Sprintf("id-%d", w.ids.Add(1)) }, Zones: &w.zones}
			if err := fn(tx); err != nil {
				return err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.caused = append(w.caused, tx.Caused()...)
			return nil
		}
	}
	return session.NewRunner(
		func(ctx context.Context, fn session.Func) error { return w.store.View(ctx, s, in(fn)) },
		func(ctx context.Context, fn session.Func) error { return w.store.Update(ctx, s, in(fn)) })
}

// reader returns a runner whose every write fails.
func (w *world) reader(s store.Scope) session.Runner {
	r := w.runner(s)
	return session.NewRunner(r.View, r.View)
}

// readingPlatform returns the platform with every write failing.
func (w *world) readingPlatform() tenancy.Platform {
	return tenancy.NewPlatform(w.reader(store.Scope{}), holding.Gate{})
}

func (w *world) users(s store.Scope) tenancy.Users { return tenancy.NewUsers(w.runner(s), nil) }

func (w *world) settings(s store.Scope) tenancy.Settings { return tenancy.NewSettings(w.runner(s)) }

// create adds a user to a workspace.
func (w *world) create(t testing.TB, s store.Scope, n tenancy.NewUser) tenancy.User {
	t.Helper()
	u, err := w.users(s).Create(t.Context(), n)
	require.NoError(t, err)
	return u
}

// records returns what the tables hold in the given scopes, as text, and requires that each survives
// being written and read back.
func (w *world) records(t *testing.T, scopes ...store.Scope) []string {
	t.Helper()
	var all []string
	for _, s := range scopes {
		require.NoError(t, w.store.View(t.Context(), s, func(tx store.Tx) error {
			for _, schema := range tenancy.Tables() {
				rows, err := tx.List(t.Context(), schema, store.Query{})
				require.NoError(t, err)
				for _, row := range rows {
					b, err := schema.Encode(row)
					require.NoError(t, err)
					back, err := schema.Decode(row.Key, b)
					require.NoError(t, err)
					require.Equal(t, row, back, schema.Name)
					all = append(all, fmt.Sprintf("%s %s %v %s", schema.Name, row.Key, row.Values, b))
				}
			}
			return nil
		}))
	}
	return all
}

// requireFault requires an error of a kind that names a field.
func requireFault(t testing.TB, err, kind error, field string) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	require.Contains(t, fields(err), field, err.Error())
}

// fields returns the fields that the faults of an error name.
func fields(err error) []string {
	if e, ok := err.(*fault.Error); ok { //nolint:errorlint // each fault of a joined error is wanted
		return []string{e.Field}
	}
	var all []string
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			all = append(all, fields(e)...)
		}
	}
	return all
}
