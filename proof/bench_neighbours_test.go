package proof_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
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

// catalogue returns a bundle of documents, each of which is another in an edition of another number.
func catalogue(edition int) ([]byte, error) {
	docs := make([]content.Document, 1450)
	for i := range docs {
		d := guerdontest.Activity(fmt.Sprint("in-catalogue-", i))
		d.Name = fmt.Sprint(i, " in edition ", edition)
		docs[i] = d
	}
	return guerdon.Bundle(docs...)
}

// compareBeside compares one caller who records events, beside another one of the same workspace who disturbs time and again, with
// one alone: how many events there are, and how long the median of them takes. Both are of the same rounds.
func compareBeside(
	b *testing.B, store, what string, events int, club func(*testing.B) *guerdon.Workspace, disturb func(context.Context, *guerdon.Workspace, int) error,
) {
	b.Helper()
	var beside, alone waits
	b.Run(fmt.Sprintf("Record, %s, 1 caller beside %s : alone", store, what), func(b *testing.B) {
		beset, quiet := club(b), club(b)
		times := 0
		ratio.Compare(b, 0.2,
			func(n int) {
				ctx, cancel := context.WithCancel(b.Context())
				var wg sync.WaitGroup
				wg.Go(func() {
					for ; ctx.Err() == nil; times++ {
						if err := disturb(ctx, beset, times); err != nil && ctx.Err() == nil {
							b.Error(err)
							return
						}
					}
				})
				beside.record(b, beset, n, round(n)[:events])
				cancel()
				wg.Wait()
			},
			func(n int) { alone.record(b, quiet, n, round(n)[:events]) })
	})
	b.Run(fmt.Sprintf("Record, %s, median of 1 caller beside %s : alone", store, what), func(b *testing.B) {
		if len(beside) == 0 || len(alone) == 0 {
			b.Skip("it is of the rounds of the benchmark before")
		}
		ratio.Report(b, float64(alone.median())/float64(beside.median()), 0.2)
		ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
		b.ReportMetric(ms(alone.median()), "ms-median-alone")
		b.ReportMetric(ms(beside.median()), "ms-median-beside")
		b.ReportMetric(ms(slices.Max(alone)), "ms-worst-alone")
		b.ReportMetric(ms(slices.Max(beside)), "ms-worst-beside")
	})
}

// waits are how long events took.
type waits []time.Duration

// record records the events of a round, one after the other, and notes how long each took. The first round does not count.
func (w *waits) record(b *testing.B, ws *guerdon.Workspace, round int, events []event.Event) {
	b.Helper()
	for i := range events {
		before := b.Elapsed()
		_, err := ws.Record(b.Context(), events[i])
		require.NoError(b, err)
		if round > 0 {
			*w = append(*w, b.Elapsed()-before)
		}
	}
}

func (w waits) median() time.Duration { return slices.Sorted(slices.Values(w))[len(w)/2] }

// compareNeighbours compares one caller who records events, beside another one of the same workspace who records batches or imports, with one
// alone; and sixteen callers who record events, beside four neighbours who do over and over again what comes to nothing, with
// sixteen alone. club makes a club on the store of a name.
func compareNeighbours(b *testing.B, store string, club func(*testing.B) *guerdon.Workspace) {
	b.Helper()
	compareBeside(b, store, "batches of 1,000", roundEvents/4, club, func(ctx context.Context, ws *guerdon.Workspace, n int) error {
		_, err := ws.RecordBatch(ctx, strangers(n*1000, 1000))
		return err
	})
	compareBeside(b, store, "imports of 1,450 documents", 8, club, func(ctx context.Context, ws *guerdon.Workspace, n int) error {
		bundle, err := catalogue(n)
		if err == nil {
			_, err = ws.Import(ctx, bundle)
		}
		return err
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
