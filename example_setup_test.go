package guerdon_test

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// The examples begin at 9:00 in UTC of a Monday.
var monday = time.Date(2025, time.September, 29, 9, 0, 0, 0, time.UTC)

// play returns a workspace in memory that plays the game, with users and a clock that shows *now.
func play(ctx context.Context, now *time.Time, users ...string) *guerdon.Workspace {
	return playOn(ctx, memory.New(), now, users...)
}

// playOn is play on a store of the caller's.
func playOn(ctx context.Context, st store.Store, now *time.Time, users ...string) *guerdon.Workspace {
	ws, _ := playWith(ctx, st, &guerdon.Options{Now: func() time.Time { return *now }}, users...)
	return ws
}

// playWith is playOn with an engine's options, and returns the engine too.
func playWith(ctx context.Context, st store.Store, opts *guerdon.Options, users ...string) (*guerdon.Workspace, *guerdon.Engine) {
	eng, err := guerdon.New(ctx, st, opts)
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	_, err = ws.Import(ctx, []byte(game))
	check(err)
	for _, id := range users {
		_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: id})
		check(err)
	}
	return ws, eng
}
