package guerdon_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// How do I find the user of my own customer number?
func Example_externalID() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: "u1", ExternalID: "customer 4711", Timezone: "Europe/Rome"})
	check(err)
	user, err := ws.Users.ByExternalID(ctx, "customer 4711")
	check(err)
	fmt.Println(user.ID, user.Timezone)
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: "u2", ExternalID: "customer 4711"})
	fmt.Println(errors.Is(err, fault.ErrExists))
	// Output:
	// u1 Europe/Rome
	// true
}

// Which workspaces may somebody enter? An e-mail is one principal in an account, and a user in each
// workspace.
func Example_principal() {
	ctx := context.Background()
	eng, err := guerdon.New(ctx, memory.New(), nil)
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	_, err = eng.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "sales", Name: "Sales"})
	check(err)
	for workspace, user := range map[string]string{"default": "u1", "sales": "u9"} {
		ws, err := eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: workspace})
		check(err)
		_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: user, Email: "Ada@example.org", FirstName: "Ada"})
		check(err)
	}
	memberships, err := eng.Platform.Memberships(ctx, "acme", "ada@example.org")
	check(err)
	for _, m := range memberships {
		fmt.Println(m.WorkspaceID, m.UserID)
	}
	// Output:
	// default u1
	// sales u9
}

// Who may do what? A role says; whoever faces the network asks it.
func Example_roles() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada", "bob")
	ada, err := ws.Users.SetRole(ctx, "ada", tenancy.Manager)
	check(err)
	bob, err := ws.Users.Get(ctx, "bob")
	check(err)
	for _, u := range []tenancy.User{ada, bob} {
		fmt.Println(u.ID, u.Role, "may publish:", u.Can(tenancy.ContentLifecycle), "may take part:", u.Can(tenancy.ContentSubmit))
	}
	// Output:
	// ada manager may publish: true may take part: true
	// bob member may publish: false may take part: true
}

// How do I keep somebody out for a while?
func Example_suspend() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Users.Suspend(ctx, "ada")
	check(err)
	_, err = ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
	fmt.Println(errors.Is(err, fault.ErrForbidden), err)
	// Output: true userId: "ada" is suspended
}

// How is somebody forgotten? Nothing that says who it was is left, and the totals stay as they are.
func Example_anonymise() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: "u1", Nickname: "Ada", Email: "ada@example.org", ExternalID: "customer 4711"})
	check(err)
	_, err = ws.Record(ctx, event.Event{UserID: "u1", EntityID: "run"})
	check(err)
	user, err := ws.Users.Anonymise(ctx, "u1")
	check(err)
	fmt.Printf("%s %s %q %q\n", user.ID, user.Status, user.Nickname, user.ExternalID)
	_, err = ws.Users.ByExternalID(ctx, "customer 4711")
	fmt.Println(errors.Is(err, fault.ErrNotFound))
	report, err := ws.Economy.Verify(ctx)
	check(err)
	fmt.Println("the books are right:", report.OK())
	// Output:
	// u1 deleted "" ""
	// true
	// the books are right: true
}

// How do I merge two accounts of one person?
func Example_merge() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now)
	for _, id := range []string{"phone", "watch"} {
		_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: id})
		check(err)
	}
	for i, id := range []string{"phone", "watch", "phone"} { // three days in a row, seen by two
		now = monday.AddDate(0, 0, i)
		_, err := ws.Record(ctx, event.Event{UserID: id, EntityID: "run"})
		check(err)
	}
	would, err := ws.DryMerge(ctx, "watch", "phone", guerdon.Correction{Reason: "one person with two devices"})
	check(err)
	fmt.Println("would move", would.Facts)
	_, err = ws.Merge(ctx, "watch", "phone", guerdon.Correction{Reason: "one person with two devices"})
	check(err)
	points, err := ws.Economy.Balance(ctx, "watch", "points")
	check(err)
	fmt.Println(points.UserID, "has", points.Amount) // one for each run, and ten for three of them in a week, which neither had
	// Output:
	// would move 1
	// phone has 13
}
