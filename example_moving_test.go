package guerdon_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// open returns an engine on a store in memory, with the account acme.
func open(ctx context.Context) *guerdon.Engine {
	eng, err := guerdon.New(ctx, memory.New(), &guerdon.Options{Now: func() time.Time { return monday }})
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	return eng
}

// settle returns a workspace of the account acme that plays the game with ada, who ran once.
func settle(ctx context.Context, eng *guerdon.Engine) *guerdon.Workspace {
	ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	_, err = ws.Import(ctx, []byte(game))
	check(err)
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "ada"})
	check(err)
	_, err = ws.Record(ctx, event.Event{ID: "mon", UserID: "ada", EntityID: "run"})
	check(err)
	return ws
}

// How do I move a customer to another database? Close the workspace, so that nothing is written that the dump misses; dump
// it; restore it there, where it goes on. What was recorded is known there too.
func ExampleWorkspace_Dump() {
	ctx := context.Background()
	here, there := open(ctx), open(ctx)
	ws := settle(ctx, here)

	_, err := here.Platform.CloseWorkspace(ctx, ws.Scope())
	check(err)
	var file bytes.Buffer
	zip := gzip.NewWriter(&file)
	check(ws.Dump(ctx, zip))
	check(zip.Close())

	unzip, err := gzip.NewReader(&file)
	check(err)
	check(there.Restore(ctx, ws.Scope(), unzip))
	moved, err := there.Workspace(ctx, ws.Scope())
	check(err)
	for _, id := range []string{"mon", "tue"} {
		out, err := moved.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "run"})
		check(err)
		fmt.Println(id, out.Missions[0].CurrentAmount, "of", out.Missions[0].TargetAmount)
	}
	_, err = ws.Record(ctx, event.Event{ID: "wed", UserID: "ada", EntityID: "run"})
	fmt.Println(err)
	// Output:
	// mon 1 of 3
	// tue 2 of 3
	// workspace: "acme/default" is closed
}

// How do I try something on a copy of the real thing? Restore a dump under another name.
func ExampleEngine_Restore() {
	ctx := context.Background()
	eng := open(ctx)
	ws := settle(ctx, eng)
	var dump bytes.Buffer
	check(ws.Dump(ctx, &dump))

	trial := store.Scope{Account: "acme", Workspace: "trial"}
	err := eng.Restore(ctx, trial, strings.NewReader(dump.String()[:dump.Len()/2]))
	fmt.Println(errors.Is(err, fault.ErrInvalid)) // half a dump is none, and nothing has changed
	check(eng.Restore(ctx, trial, &dump))
	copied, err := eng.Workspace(ctx, trial)
	check(err)
	_, err = copied.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	check(err)
	for _, w := range []*guerdon.Workspace{ws, copied} {
		points, err := w.Economy.Balance(ctx, "ada", "points")
		check(err)
		fmt.Println(w.Scope(), points.Amount)
	}
	// Output:
	// true
	// acme/default 1
	// acme/trial 2
}

// How do I delete a customer with everything? Close the workspace, and erase it. The workspace "default", which every account
// has, is then as new; another one is gone.
func ExampleEngine_EraseWorkspace() {
	ctx := context.Background()
	eng := open(ctx)
	ws := settle(ctx, eng)
	fmt.Println(eng.EraseWorkspace(ctx, ws.Scope()))
	_, err := eng.Platform.CloseWorkspace(ctx, ws.Scope())
	check(err)
	check(eng.EraseWorkspace(ctx, ws.Scope()))
	_, err = ws.Users.Get(ctx, "ada")
	fmt.Println(err)
	journal, err := ws.Journal(ctx, 0)
	check(err)
	fmt.Println(len(journal))
	// Output:
	// workspace: "acme/default" is open; close it before
	// user: "ada" not found
	// 0
}
