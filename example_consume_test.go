package guerdon_test

import (
	"context"
	"fmt"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
)

// How do I tell my other services what has happened? Consume the journal under a name: the handler gets every entry of every
// workspace in order, at least once, and goes on where it had come to after a restart, in whichever process.
func ExampleEngine_Consume() {
	ctx, stop := context.WithCancel(context.Background())
	ws, eng := playWith(ctx, memory.New(), nil, "ada")
	last := int64(0)
	for _, id := range []string{"mon", "wed", "fri"} {
		out, err := ws.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "run"})
		check(err)
		last = out.Seq
	}

	err := eng.Consume(ctx, "mailer", func(_ context.Context, ws *guerdon.Workspace, entries []guerdon.Entry) error {
		for _, e := range entries {
			for _, m := range e.Outcome.Missions {
				if m.Completed {
					fmt.Println("to", m.UserID, "of", ws.Scope(), "-", m.ConfigurationID, "is completed, by", e.Event.ID)
				}
			}
			if e.Outcome.Seq == last { // a service goes on until its context ends
				stop()
			}
		}
		return nil
	}, nil)
	check(err)

	consumers, err := ws.Consumers(context.Background())
	check(err)
	fmt.Println(consumers[0].Name, "is behind by", consumers[0].Behind())
	// Output:
	// to ada of acme/default - three is completed, by fri
	// mailer is behind by 0
}

// How do I keep numbers of my own that are always right? Consume exactly once: what the handler writes to your table, in the
// engine's store, is committed together with how far it has come.
func ExampleEngine_ConsumeOnce() {
	type count struct {
		Activity string `json:"activity"`
		Times    int    `json:"times"`
	}
	counts := store.Define("my_counts", func(c *count) string { return c.Activity }, nil)
	ctx, stop := context.WithCancel(context.Background())
	st := memory.New()
	ws, eng := playWith(ctx, st, &guerdon.Options{Tables: []*store.Schema{counts.Schema()}}, "ada")
	for range 5 {
		_, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
		check(err)
	}

	handle := func(ctx context.Context, tx store.Tx, _ *guerdon.Workspace, entries []guerdon.Entry) error {
		for _, e := range entries {
			if e.Event.Type != event.Activity {
				continue
			}
			c, _, err := counts.Get(ctx, tx, e.Event.EntityID)
			if err != nil {
				return err
			}
			c.Activity, c.Times = e.Event.EntityID, c.Times+1
			if err := counts.Put(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	}
	done := make(chan error)
	go func() { done <- eng.ConsumeOnce(ctx, "counts", handle, nil) }()
	for behind := true; behind; {
		consumers, err := ws.Consumers(ctx)
		check(err)
		behind = len(consumers) == 0 || consumers[0].Behind() > 0
	}
	stop()
	check(<-done)
	check(st.View(context.Background(), ws.Scope(), func(tx store.Tx) error {
		c, _, err := counts.Get(context.Background(), tx, "run")
		fmt.Println(c.Activity, c.Times)
		return err
	}))
	// Output: run 5
}

// How do I keep something of my own together with what I do in a workspace? In one transaction: either both are there, or nothing is.
func ExampleWorkspace_UpdateTables() {
	type order struct {
		ID     string `json:"id"`
		UserID string `json:"userId"`
	}
	orders := store.Define("my_orders", func(o *order) string { return o.ID }, nil)
	ctx := context.Background()
	ws, _ := playWith(ctx, memory.New(), &guerdon.Options{Tables: []*store.Schema{orders.Schema()}}, "ada")
	place := func(o order) error {
		return ws.UpdateTables(ctx, func(ctx context.Context, tx store.Tx, ws *guerdon.Workspace) error {
			if err := orders.Insert(ctx, tx, o); err != nil {
				return err
			}
			_, err := ws.Record(ctx, event.Event{ID: o.ID, UserID: o.UserID, EntityID: "run"})
			return err
		})
	}
	check(place(order{"o1", "ada"}))
	fmt.Println(place(order{"o2", "nobody"}))
	check(ws.ViewTables(ctx, func(ctx context.Context, tx store.Tx) error {
		n, err := orders.Count(ctx, tx, store.Query{})
		fmt.Println("orders:", n)
		return err
	}))
	// Output:
	// userId: "nobody" not found
	// orders: 1
}

// What has a member done, and what came of it? The entries of a user, newest first, a page at a time.
func ExampleWorkspace_Entries() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	for _, id := range []string{"mon", "wed", "fri"} {
		_, err := ws.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "run"})
		check(err)
	}
	page := store.Page{Limit: 2}
	for {
		entries, next, err := ws.Entries(ctx, guerdon.EntryFilter{UserID: "ada", Type: event.Activity}, page)
		check(err)
		for _, e := range entries {
			fmt.Println(e.Event.ID, "paid", len(e.Outcome.Transactions))
		}
		if next == "" {
			break
		}
		page.Token = next
	}
	// Output:
	// fri paid 2
	// wed paid 1
	// mon paid 1
}

// Which event was this paid for? A transaction of a reward names the event that it was for; the entry of its origin is what
// somebody did.
func ExampleWorkspace_Origin() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	for _, id := range []string{"mon", "wed", "fri"} {
		_, err := ws.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "run"})
		check(err)
	}
	history, _, err := ws.Economy.History(ctx, "ada", store.Page{})
	check(err)
	for _, t := range history {
		if t.Amount.IntPart() == 10 {
			e, err := ws.Origin(ctx, t.UserID, t.At, t.GroupID)
			check(err)
			fmt.Println(t.Amount, "for", t.GroupID, "because of", e.Event.ID)
		}
	}
	// Output: 10 for ada:weekly:three:2025-W40:completed because of fri
}
