package proof_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ratio"
)

// strangers returns events of users who do nothing else while the events of rounds are recorded.
func strangers(from, n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		e := clubEvent(clubUsers/2 + (from+i)%(clubUsers/2))
		e.ID, e.At = fmt.Sprint("stranger-", from+i), e.At.Add(time.Duration(from+i)*time.Microsecond)
		events[i] = e
	}
	return events
}

// compareNeighbours compares one caller who records events, beside another one of the same workspace who records batches, with one
// alone; and sixteen callers who record events, beside four neighbours who do over and over again what comes to nothing, with
// sixteen alone. club makes a club on the store of a name.
func compareNeighbours(b *testing.B, store string, club func(*testing.B) *guerdon.Workspace) {
	b.Helper()
	b.Run(fmt.Sprintf("Record, %s, 1 caller beside batches of 1,000 : alone", store), func(b *testing.B) {
		const events = roundEvents / 4
		beset, alone := club(b), club(b)
		sent := 0
		ratio.Compare(b, 0.2,
			func(n int) {
				ctx, cancel := context.WithCancel(b.Context())
				var wg sync.WaitGroup
				wg.Go(func() {
					for ctx.Err() == nil {
						_, err := beset.RecordBatch(ctx, strangers(sent, 1000))
						if err != nil && ctx.Err() == nil {
							b.Error(err)
							return
						}
						sent += 1000
					}
				})
				recordAll(b, beset, round(n)[:events], 1)
				cancel()
				wg.Wait()
			},
			func(n int) { recordAll(b, alone, round(n)[:events], 1) })
	})
	for name, disturb := range map[string]func(context.Context, *guerdon.Workspace, event.Event) error{
		"events of nobody": func(ctx context.Context, ws *guerdon.Workspace, e event.Event) error {
			e.UserID = "nobody"
			_, err := ws.Record(ctx, e)
			return err
		},
		"dry runs": func(ctx context.Context, ws *guerdon.Workspace, e event.Event) error {
			_, err := ws.DryRun(ctx, e)
			return err
		},
	} {
		b.Run(fmt.Sprintf("Record, %s, 16 callers beside 4 with %s : alone", store, name), func(b *testing.B) {
			beset, alone := club(b), club(b)
			ratio.Compare(b, 0.7,
				func(n int) {
					ctx, cancel := context.WithCancel(b.Context())
					var wg sync.WaitGroup
					for i := range 4 {
						e := clubEvent(clubUsers - 1 - i) // of somebody who does nothing else
						e.ID = fmt.Sprint("none-", i)
						wg.Go(func() {
							for ctx.Err() == nil {
								err := disturb(ctx, beset, e)
								if err != nil && !errors.Is(err, fault.ErrNotFound) && ctx.Err() == nil {
									b.Error(err)
									return
								}
							}
						})
					}
					recordAll(b, beset, round(n), 16)
					cancel()
					wg.Wait()
				},
				func(n int) { recordAll(b, alone, round(n), 16) })
		})
	}
}
