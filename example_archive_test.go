package guerdon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
)

// How do I keep a workspace from growing for ever? Archive what is older than you want to look back: it is written to a file of
// yours, and then dropped. What people have stays, and what happened before that moment is settled.
func ExampleWorkspace_Archive() {
	ctx := context.Background()
	now := monday
	ws := play(ctx, &now, "ada")
	for _, id := range []string{"first", "second", "new"} {
		if id == "new" {
			now = now.AddDate(2, 0, 0)
		}
		_, err := ws.Record(ctx, event.Event{ID: id, UserID: "ada", EntityID: "run", At: now})
		check(err)
	}

	var file bytes.Buffer // of a file, Archive calls Sync before anything is dropped
	lastYear := now.AddDate(-1, 0, 0)
	_, err := ws.Archive(ctx, lastYear, &file)
	check(err)

	journal, err := ws.Journal(ctx, 0)
	check(err)
	points, err := ws.Economy.Balance(ctx, "ada", "points")
	check(err)
	fmt.Println(len(journal), journal[0].Event.ID, points.Amount)
	_, err = ws.Record(ctx, event.Event{ID: "first", UserID: "ada", EntityID: "run", At: monday})
	fmt.Println(errors.Is(err, fault.ErrConflict), err)
	for row, err := range guerdon.ReadArchive(&file) {
		check(err)
		var entry guerdon.Entry
		if row.Table != "journal" {
			continue
		}
		if check(json.Unmarshal(row.Record, &entry)); entry.Event.Type == event.Activity {
			fmt.Println("archived:", entry.Event.ID, "of", entry.Event.At.Year())
		}
	}
	// Output:
	// 1 new 3
	// true completedAt: is 2025-09-29T09:00:00Z; what happened before 2026-09-29T09:00:00Z, the workspace's horizon, is settled
	// archived: first of 2025
	// archived: second of 2025
}
