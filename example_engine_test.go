package guerdon_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// How do I keep everything in a file?
func ExampleNew() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "guerdon")
	check(err)
	defer func() { check(os.RemoveAll(dir)) }()
	for range 2 { // the second time as after a restart
		st, err := sqlite.Open(ctx, filepath.Join(dir, "guerdon.db"), nil)
		check(err)
		eng, err := guerdon.New(ctx, st, nil)
		check(err)
		_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
		if errors.Is(err, fault.ErrExists) {
			fmt.Println("acme is there already")
		}
		check(st.Close())
	}
	// Output: acme is there already
}

// How do I give the engine another clock and other ids?
func ExampleOptions() {
	ctx := context.Background()
	now, ids := time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC), 0
	eng, err := guerdon.New(ctx, memory.New(), &guerdon.Options{
		Now:   func() time.Time { return now },
		NewID: func() string { ids++; return fmt.Sprint("id-", ids) },
	})
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	user, err := ws.Users.Create(ctx, tenancy.NewUser{})
	check(err)
	fmt.Println(user.ID, user.CreatedAt.Format(time.DateOnly))
	// Output: id-1 2030-01-01
}

// How do what the clock causes happen by itself? Run the engine beside the service, until it ends.
func ExampleEngine_Run() {
	eng, err := guerdon.New(context.Background(), memory.New(), nil)
	check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- eng.Run(ctx, time.Minute) }()
	// Serve …
	cancel()
	fmt.Println(<-done)
	// Output: <nil>
}

// How do I keep customers apart? Each has an account with workspaces; nothing reaches from one into
// another.
func ExampleEngine_Workspace() {
	ctx := context.Background()
	eng, err := guerdon.New(ctx, memory.New(), nil)
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme", Name: "Acme"})
	check(err)
	_, err = eng.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "staging", Name: "Staging"})
	check(err)
	tenants, err := eng.Platform.SubTenants(ctx, "acme")
	check(err)
	fmt.Println(tenants.Count, tenants.SubTenantIDs)

	live, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	staging, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "staging"})
	check(err)
	_, err = staging.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
	check(err)
	_, err = live.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	fmt.Println(err)
	// Output:
	// 2 [default staging]
	// userId: "ada" not found
}
