package proof_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ratio"
)

// compareNeighbours compares sixteen callers who record events, beside four neighbours in the same workspace who do over and
// over again what comes to nothing, with sixteen alone. club makes a club on the store of a name.
func compareNeighbours(b *testing.B, store string, club func(*testing.B) *guerdon.Workspace) {
	b.Helper()
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
