package proof_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/store/postgres"
)

// BenchmarkRatioPostgres compares the engine with programs that know beforehand what to read and what to
// write, and send the reads and the writes of an event as one batch each. The engine needs the answers of
// its first reads to know what else to read.
func BenchmarkRatioPostgres(b *testing.B) {
	dsn := pgtest.DSN(b)
	rounds := traceBatches(b, dsn)
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("Record, PostgreSQL, %d callers : by hand", callers), func(b *testing.B) {
			ws, _ := copyClub(b, dsn)
			_, pool := copyClub(b, dsn)
			ratio.Compare(b, 0.75,
				func(n int) { recordAll(b, ws, round(n), callers) },
				func(n int) { sendAll(b, pool, rounds[n], callers) })
		})
	}
	compareNeighbours(b, "PostgreSQL", func(b *testing.B) *guerdon.Workspace {
		b.Helper()
		ws, _ := copyClub(b, dsn)
		return ws
	})
	b.Run("Record, PostgreSQL 2 ms away, 64 callers : batches of 100 by 1 caller", func(b *testing.B) {
		const events = 4 * roundEvents
		ws, _ := copyClub(b, dsn, distant(b, time.Millisecond))
		batches, _ := copyClub(b, dsn, distant(b, time.Millisecond))
		ratio.Compare(b, 0.9,
			func(n int) { recordAll(b, ws, clubEvents(clubUsers+n*events, events), 64) },
			func(n int) { recordBatches(b, batches, clubEvents(clubUsers+n*events, events)) })
	})
}

// distant returns a change of how a pool reaches the server: what is sent arrives after a delay, in both directions.
func distant(b *testing.B, delay time.Duration) func(*pgxpool.Config) {
	b.Helper()
	var wires sync.WaitGroup
	b.Cleanup(wires.Wait) // they end with the connections, which are closed before
	return func(config *pgxpool.Config) {
		dial := config.ConnConfig.DialFunc
		config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			server, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			client, far := net.Pipe()
			wires.Go(func() { carry(server, far, delay) })
			wires.Go(func() { carry(far, server, delay) })
			return client, nil
		}
	}
}

// carry sends what comes from one end to the other after a delay, until one of them is closed, and closes both.
func carry(to, from net.Conn, delay time.Duration) {
	type parcel struct {
		bytes []byte
		due   <-chan time.Time
	}
	under := make(chan parcel, 1<<16)
	var sender sync.WaitGroup
	sender.Go(func() {
		for p := range under {
			<-p.due
			_, _ = to.Write(p.bytes) // once it is closed, nobody misses what is left
		}
		_ = to.Close()
	})
	for {
		bytes := make([]byte, 1<<16)
		n, err := from.Read(bytes)
		if err != nil {
			break
		}
		under <- parcel{bytes[:n], time.NewTimer(delay).C}
	}
	close(under)
	sender.Wait()
	_ = from.Close()
}

func newPool(b testing.TB, dsn string, tracer pgx.QueryTracer, changes ...func(*pgxpool.Config)) *pgxpool.Pool {
	b.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	require.NoError(b, err)
	config.MaxConns = 16
	config.ConnConfig.Tracer = tracer
	for _, change := range changes {
		change(config)
	}
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	return pool
}

// first is the schema that keeps the club as it was founded, beside the one whose search path is dsn's.
func first(dsn string) string {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		panic(err)
	}
	return config.RuntimeParams["search_path"] + "_first"
}

// traceBatches founds the club, and returns what the engine sends for the events of every round after that.
func traceBatches(b *testing.B, dsn string) [][][]batch {
	b.Helper()
	wire := &wiretap{}
	pool := newPool(b, dsn, wire)
	ws := foundClub(b, postgres.New(pool), clubDocs(1))
	tables := tablesOf(b, pool)
	_, err := pool.Exec(b.Context(), "create schema "+first(dsn))
	require.NoError(b, err)
	b.Cleanup(func() {
		_, err := pool.Exec(context.WithoutCancel(b.Context()), "set client_min_messages = error; drop schema "+first(dsn)+" cascade")
		require.NoError(b, err)
	})
	for _, t := range tables {
		_, err := pool.Exec(b.Context(), "create table "+first(dsn)+"."+t+" as table "+t)
		require.NoError(b, err)
	}
	var rounds [][][]batch
	for n := range ratio.Rounds {
		var all [][]batch
		for _, ev := range round(n) {
			wire.heard = nil
			_, err := ws.Record(b.Context(), ev)
			require.NoError(b, err)
			all = append(all, wire.heard)
		}
		rounds = append(rounds, all)
	}
	return rounds
}

func tablesOf(b *testing.B, pool *pgxpool.Pool) []string {
	b.Helper()
	rows, err := pool.Query(b.Context(), "select tablename::text from pg_tables where schemaname = current_schema() order by 1")
	require.NoError(b, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b, err)
	return tables
}

// copyClub returns a new copy of the club as it was founded.
func copyClub(b *testing.B, dsn string, changes ...func(*pgxpool.Config)) (*guerdon.Workspace, *pgxpool.Pool) {
	b.Helper()
	pool := newPool(b, pgtest.DSN(b), nil, changes...)
	ws := openClub(b, postgres.New(pool))
	for _, t := range tablesOf(b, pool) {
		_, err := pool.Exec(b.Context(), fmt.Sprintf("truncate %s; insert into %[1]s overriding system value select * from %s.%[1]s; analyze %[1]s", t, first(dsn)))
		require.NoError(b, err)
	}
	return ws, pool
}

// sendAll sends what events need, the reads as one batch and the writes as another, on a number of
// connections at once.
func sendAll(b *testing.B, pool *pgxpool.Pool, events [][]batch, callers int) {
	b.Helper()
	ctx := context.WithoutCancel(b.Context())
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			conn, err := pool.Acquire(ctx)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Release()
			for i := next.Add(1) - 1; i < int64(len(events)); i = next.Add(1) - 1 {
				reads, writes := &pgx.Batch{}, &pgx.Batch{}
				last := len(events[i]) - 1
				for _, some := range events[i][:last] {
					some.queue(reads)
				}
				events[i][last].queue(writes)
				for _, sent := range []*pgx.Batch{reads, writes} {
					if err := conn.SendBatch(ctx, sent).Close(); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// A batch is what is sent at once.
type batch []statement

func (b batch) queue(into *pgx.Batch) {
	for _, s := range b {
		into.Queue(s.text, s.args...)
	}
}

// A wiretap notes the batches that are sent.
type wiretap struct {
	pgtest.Trips

	heard []batch
}

func (w *wiretap) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	w.heard = append(w.heard, nil)
	return w.Trips.TraceBatchStart(ctx, conn, data)
}

func (w *wiretap) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	last := len(w.heard) - 1
	s := statement{text: data.SQL, args: data.Args}
	// Whoever plays it back has the lock of the scope, and comes in another order.
	if alone := strings.Replace(s.text, " and version = $3", "", 1); alone != s.text {
		s = statement{text: alone, args: data.Args[:2]}
	}
	w.heard[last] = append(w.heard[last], s)
}
