package analytics_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// crowd lets users join a world and returns what they do on days up to now, everybody once a day.
func (w *world) crowd(t tester, users, days int) (events []event.Event) {
	t.Helper()
	require.NoError(t, w.Update(t.Context(), func(ctx context.Context, ws *guerdon.Workspace) error {
		for i := range users {
			if _, err := ws.Users.Create(ctx, tenancy.NewUser{ID: fmt.Sprintf("user-%05d", i)}); err != nil {
				return err
			}
		}
		return nil
	}))
	for day := range days {
		for i := range users {
			at := start.AddDate(0, 0, day-days+1).Add(time.Duration(i) * time.Millisecond)
			events = append(events, event.Event{UserID: fmt.Sprintf("user-%05d", i), EntityID: "run", At: at})
		}
	}
	return events
}

// record records events in batches.
func (w *world) record(t tester, events []event.Event) {
	t.Helper()
	for len(events) > 0 {
		some := events[:min(len(events), guerdon.MaxBatch)]
		events = events[len(some):]
		_, err := w.RecordBatch(t.Context(), some)
		require.NoError(t, err)
	}
}

// benched are the stores to measure on.
func benched(b *testing.B, name string) store.Store {
	b.Helper()
	if name == "memory" {
		return memory.New()
	}
	st, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "guerdon.db"), &sqlite.Options{Synchronous: sqlite.Normal})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, st.Close()) })
	return st
}

// BenchmarkRatioCatchUp compares the entries that are counted with those that are recorded, of 200 people in ten days with a mission and a reward.
func BenchmarkRatioCatchUp(b *testing.B) {
	for _, name := range []string{"memory", "SQLite"} {
		b.Run("catching up : RecordBatch, "+name, func(b *testing.B) {
			docs := append(threeRuns(), guerdontest.Currency("points"), guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "1"))
			var counted, recording [ratio.Rounds]*world
			var events []event.Event
			for n := range counted {
				for _, w := range []**world{&counted[n], &recording[n]} {
					*w = found(b, benched(b, name), "acme", analytics.Options{}, docs...)
					events = (*w).crowd(b, 200, 10)
				}
				counted[n].record(b, events)
			}
			ratio.Compare(b, 3,
				func(n int) { require.NoError(b, counted[n].count.CatchUp(b.Context(), counted[n].Workspace)) },
				func(n int) { recording[n].record(b, events) })
		})
	}
}

// BenchmarkRatioRead compares a series of 90 days, with windows of 1, 7 and 30 days, with what SQL says of the first of them, from a table of the same
// 450,000 things that happened, which has an index for the question.
func BenchmarkRatioRead(b *testing.B) {
	const users, span = 5000, 90
	w := found(b, benched(b, "SQLite"), "acme", analytics.Options{Batch: 1000})
	events := w.crowd(b, users, span)
	w.record(b, events)
	require.NoError(b, w.count.CatchUp(b.Context(), w.Workspace))
	db, ctx := plain(b, events), b.Context()
	r, in := w.count.Of(w.Workspace), analytics.Range{From: on("03-18") - span + 1, To: on("03-18")}
	b.Run("a series of 90 days : count(distinct) of the days", func(b *testing.B) {
		ratio.Compare(b, 50,
			func(int) {
				for range 20 {
					got, err := r.Activity(ctx, in)
					require.NoError(b, err)
					require.Equal(b, int64(users), got.Days[span-1].Active30)
				}
			},
			func(int) {
				for range 20 {
					n, last := distinct(b, db, in)
					require.Equal(b, []int{span, users}, []int{n, last})
				}
			})
	})
}

// BenchmarkRatioReadPeople compares what 1,000 people got in 90 days, with how many of them got something, each day, and the first ten, with what SQL says of only
// how many they are, from a table of the same 90,000 things that happened, which has an index for the question.
func BenchmarkRatioReadPeople(b *testing.B) {
	const users, span = 1000, 90
	w := found(b, benched(b, "SQLite"), "acme", analytics.Options{Batch: 1000}, guerdontest.Currency("points"),
		guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "1"))
	events := w.crowd(b, users, span)
	w.record(b, events)
	require.NoError(b, w.count.CatchUp(b.Context(), w.Workspace))
	db, ctx := plain(b, events), b.Context()
	r, in := w.count.Of(w.Workspace), analytics.Range{From: on("03-18") - span + 1, To: on("03-18")}
	b.Run("the economy of 90 days : count(distinct) of all of them", func(b *testing.B) {
		ratio.Compare(b, 10,
			func(int) {
				for range 20 {
					got, err := r.Economy(ctx, "points", in)
					require.NoError(b, err)
					require.Equal(b, []int64{users, users * span}, []int64{got.Summary.Users, got.Summary.TotalTransactions})
				}
			},
			func(int) {
				for range 20 {
					var n int
					row := db.QueryRowContext(ctx, "select count(distinct user_id) from journal where day between ? and ?", int(in.From), int(in.To))
					require.NoError(b, row.Scan(&n))
					require.Equal(b, users, n)
				}
			})
	})
}

// plain returns a database with what happened in a table that has an index for the question.
func plain(b *testing.B, events []event.Event) *sql.DB {
	b.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "plain.db"))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	ctx := b.Context()
	tx, err := db.BeginTx(ctx, nil)
	require.NoError(b, err)
	_, err = tx.ExecContext(ctx, "create table journal (day integer, user_id text)")
	require.NoError(b, err)
	insert, err := tx.PrepareContext(ctx, "insert into journal values (?, ?)")
	require.NoError(b, err)
	defer func() { require.NoError(b, insert.Close()) }()
	for _, e := range events {
		_, err := insert.ExecContext(ctx, e.At.Unix()/86400, e.UserID)
		require.NoError(b, err)
	}
	_, err = tx.ExecContext(ctx, "create index of_day on journal (day, user_id)")
	require.NoError(b, err)
	require.NoError(b, tx.Commit())
	return db
}

// distinct counts users by day, and returns the number of days and of the users on the last.
func distinct(b *testing.B, db *sql.DB, in analytics.Range) (n, last int) {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), "select day, count(distinct user_id) from journal where day between ? and ? group by day", int(in.From), int(in.To))
	require.NoError(b, err)
	defer func() { require.NoError(b, rows.Close()) }()
	for rows.Next() {
		require.NoError(b, rows.Scan(new(int), &last))
		n++
	}
	require.NoError(b, rows.Err())
	return n, last
}
