package store_test

import (
	"context"
	"fmt"
	"log"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// A badge is a record of the host's own.
type badge struct {
	ID     string `json:"id"`
	User   string `json:"user"`
	Points int64  `json:"points"`
}

// The table knows the key of a badge, and two of its values that lists are made by.
var badges = store.Define("badges", func(b *badge) string { return b.ID },
	[]store.Field[badge]{
		{Name: "user", Kind: store.KindText, Of: func(b *badge) store.Value { return store.Text(b.User) }},
		{Name: "points", Kind: store.KindInt, Of: func(b *badge) store.Value { return store.Int(b.Points) }},
	},
	store.Index{Name: "user_points", Columns: []string{"user", "points"}},
)

func Example() {
	ctx := context.Background()
	s := memory.New()
	if err := s.Prepare(ctx, badges.Schema()); err != nil {
		log.Fatal(err)
	}
	workspace := store.Scope{Account: "acme", Workspace: "default"}
	err := s.Update(ctx, workspace, func(tx store.Tx) error {
		return badges.Insert(ctx, tx,
			badge{"b1", "ann", 10}, badge{"b2", "ann", 50}, badge{"b3", "bob", 70}, badge{"b4", "ann", 30},
		)
	})
	if err != nil {
		log.Fatal(err)
	}

	// Ann's badges, two a page, the highest first.
	best := store.By("user_points", store.Text("ann")).Reverse().First(2)
	err = s.View(ctx, workspace, func(tx store.Tx) error {
		for token, more := "", true; more; more = token != "" {
			page, next, err := badges.Page(ctx, tx, best, token)
			if err != nil {
				return err
			}
			fmt.Println(page)
			token = next
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// [{b2 ann 50} {b4 ann 30}]
	// [{b1 ann 10}]
}
