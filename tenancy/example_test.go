package tenancy_test

import (
	"context"
	"fmt"

	"github.com/guerdonhq/guerdon/tenancy"
)

func ExamplePlatform() {
	ctx := context.Background()
	w, err := newWorld(ctx) // the host has an engine instead, and platform is engine.Platform
	if err != nil {
		panic(err)
	}
	platform := w.platform

	account, err := platform.CreateAccount(ctx, tenancy.Account{ID: "globex", Name: "Globex Corporation"})
	if err != nil {
		panic(err)
	}
	ws, err := platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: account.ID, ID: "sales", Name: "Sales Team"})
	if err != nil {
		panic(err)
	}
	fmt.Println(ws.Scope(), ws.Slug, ws.Plan)

	tenants, err := platform.SubTenants(ctx, account.ID)
	if err != nil {
		panic(err)
	}
	fmt.Println(tenants.SubTenantIDs, tenants.Count)
	// Output:
	// globex/sales sales-team STANDARD
	// [default sales] 2
}

func ExampleUsers_ByExternalID() {
	ctx := context.Background()
	w, err := newWorld(ctx)
	if err != nil {
		panic(err)
	}
	users := w.users(acme) // workspace.Users

	if _, err := users.Create(ctx, tenancy.NewUser{ExternalID: "crm-17", Nickname: "Ann", Timezone: "Europe/Rome"}); err != nil {
		panic(err)
	}
	u, err := users.ByExternalID(ctx, "crm-17")
	if err != nil {
		panic(err)
	}
	fmt.Println(u.Nickname, u.Role, u.Status)
	// Output: Ann member active
}

func ExampleCan() {
	fmt.Println(tenancy.Can(tenancy.Manager, tenancy.ContentCreate))
	fmt.Println(tenancy.Can(tenancy.Manager, tenancy.ContentDelete))
	// Output:
	// true
	// false
}
