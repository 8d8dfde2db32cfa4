package proof_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	modernc "modernc.org/sqlite"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
)

// BenchmarkRatioSQLite compares the engine with the same statements by hand, and with itself.
func BenchmarkRatioSQLite(b *testing.B) {
	origin := newOrigin(b)
	full, normal := sqlite.Full, sqlite.Normal
	for _, mode := range []struct {
		name   string
		is     sqlite.Synchronous
		wanted float64
	}{{"FULL", full, 0.8}, {"NORMAL", normal, 0.65}} {
		b.Run("Record, "+mode.name+", 1 caller : by hand", func(b *testing.B) {
			ws, path := origin.club(b, mode.is)
			hand := origin.hand(b, mode.name)
			ratio.Compare(b, mode.wanted,
				func(n int) { recordAll(b, ws, round(n), 1) },
				func(n int) { hand.run(origin.rounds[n], 1) })
			hand.requireSame(b, path)
		})
	}
	b.Run("Record, FULL, 64 callers : 1 caller", func(b *testing.B) {
		many, _ := origin.club(b, full)
		one, _ := origin.club(b, full)
		ratio.Compare(b, 3,
			func(n int) { recordAll(b, many, round(n), 64) },
			func(n int) { recordAll(b, one, round(n), 1) })
	})
	b.Run("Record, FULL, 64 callers : by hand, 100 in a transaction", func(b *testing.B) {
		ws, _ := origin.club(b, full)
		hand := origin.hand(b, "FULL")
		ratio.Compare(b, 0.6,
			func(n int) { recordAll(b, ws, round(n), 64) },
			func(n int) { hand.run(origin.rounds[n], clubBatch) })
	})
	b.Run("RecordBatch of 100, FULL : by hand, 100 in a transaction", func(b *testing.B) {
		ws, path := origin.club(b, full)
		hand := origin.hand(b, "FULL")
		ratio.Compare(b, 0.7,
			func(n int) { recordBatches(b, ws, round(n)) },
			func(n int) { hand.run(origin.rounds[n], clubBatch) })
		hand.requireSame(b, path)
	})
	b.Run("Record, 64 callers, FULL : NORMAL", func(b *testing.B) {
		safe, _ := origin.club(b, full)
		fast, _ := origin.club(b, normal)
		ratio.Compare(b, 0.85,
			func(n int) { recordAll(b, safe, round(n), 64) },
			func(n int) { recordAll(b, fast, round(n), 64) })
	})
	b.Run("Record, NORMAL, 1 caller, with levels, badges and caps : without", func(b *testing.B) {
		plain, _ := origin.club(b, normal)
		st, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "ranked.db"), &sqlite.Options{Synchronous: normal})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, st.Close()) })
		ranked := foundClub(b, st, rankedClub())
		ratio.Compare(b, 0.8,
			func(n int) { recordAll(b, ranked, round(n), 1) },
			func(n int) { recordAll(b, plain, round(n), 1) })
	})
	compareNeighbours(b, "FULL", func(b *testing.B) *guerdon.Workspace {
		b.Helper()
		ws, _ := origin.club(b, full)
		return ws
	})
	b.Run("Record, 1 caller, memory : SQLite NORMAL", func(b *testing.B) {
		inMemory := memoryClub(b)
		inFile, _ := origin.club(b, normal)
		ratio.Compare(b, 5,
			func(n int) { recordAll(b, inMemory, round(n), 1) },
			func(n int) { recordAll(b, inFile, round(n), 1) })
	})
}

// BenchmarkBytes says by how much a SQLite file grows with an event of the club, whose 10,000 users have done something
// before.
func BenchmarkBytes(b *testing.B) {
	const events = 10_000
	size := func(ws *guerdon.Workspace, st *sqlite.Store, path string, from int) int64 {
		for i := range from / 500 {
			_, err := ws.RecordBatch(b.Context(), clubEvents(clubUsers+i*500, 500))
			require.NoError(b, err)
		}
		require.NoError(b, st.Close())
		info, err := os.Stat(path)
		require.NoError(b, err)
		return info.Size()
	}
	origin := newOrigin(b)
	for b.Loop() {
		var sizes [2]int64
		for i, n := range []int{0, events} {
			path := origin.copy(b)
			st, err := sqlite.Open(b.Context(), path, &sqlite.Options{Synchronous: sqlite.Normal})
			require.NoError(b, err)
			sizes[i] = size(openClub(b, st), st, path, n)
		}
		b.ReportMetric(float64(sizes[1]-sizes[0])/events, "B/event")
	}
}

// BenchmarkOpening publishes a board over the history of many events, and reports how long all of it took, and the longest that
// others had to wait: a transaction.
func BenchmarkOpening(b *testing.B) {
	const events = 64_000
	for b.Loop() {
		file, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "opening.db"), &sqlite.Options{Synchronous: sqlite.Normal})
		require.NoError(b, err)
		st := &timed{Store: file, now: b.Elapsed}
		ws := joinClub(b, st, clubDocs(1))
		for i := range events / 500 {
			_, err := ws.RecordBatch(b.Context(), clubEvents(i*500, 500))
			require.NoError(b, err)
		}
		c := guerdontest.BoardConfiguration("later", "points")
		bundle, err := guerdon.Bundle(c, guerdontest.Board("later", c, ""))
		require.NoError(b, err)
		eng, err := guerdon.New(b.Context(), st, nil) // whose ids differ
		require.NoError(b, err)
		ws, err = eng.Workspace(b.Context(), ws.Scope())
		require.NoError(b, err)
		_, err = ws.Import(b.Context(), bundle)
		require.NoError(b, err)
		st.longest = 0
		begun := b.Elapsed()
		require.NoError(b, ws.Advance(b.Context()))
		b.ReportMetric((b.Elapsed() - begun).Seconds(), "s")
		b.ReportMetric(st.longest.Seconds(), "s/transaction")
		top, err := ws.Leaderboards.Top(b.Context(), "later", 1, nil)
		require.NoError(b, err)
		require.NotEmpty(b, top.Rows)
		require.NoError(b, st.Close())
	}
}

// timed is a store that knows its longest Update.
type timed struct {
	store.Store

	now     func() time.Duration
	longest time.Duration
}

func (t *timed) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	begun := t.now()
	defer func() { t.longest = max(t.longest, t.now()-begun) }()
	return t.Store.Update(ctx, s, fn)
}

// BenchmarkRatioRank asks for a rank in the middle of a board of a million, in a transaction that has changed it,
// beside a count of who is ahead.
func BenchmarkRatioRank(b *testing.B) {
	ctx := b.Context()
	path := filepath.Join(b.TempDir(), "crowd.db")
	st, err := sqlite.Open(ctx, path, nil)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, st.Close()) })
	ws := publishClub(b, st, clubDocs(1))
	ev := clubEvent(0)
	ev.Value = new(decimal.NewFromInt(crowd / 2))
	_, err = ws.Users.Create(ctx, tenancy.NewUser{ID: ev.UserID})
	require.NoError(b, err)
	_, err = ws.Record(ctx, ev)
	require.NoError(b, err)
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=cache_size(-65536)")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	_, err = db.ExecContext(ctx, addCrowd, crowd)
	require.NoError(b, err)
	var scope, ranking string
	require.NoError(b, db.QueryRowContext(ctx, "select scope, ranking"+ofRunners+" limit 1").Scan(&scope, &ranking))
	count, err := db.PrepareContext(ctx, `select count(*) from guerdon_leaderboard_scores
		where scope = ? and ranking = ? and position < ? and reached_at is not null`) // which the index says, too
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, count.Close()) })
	_, err = ws.Leaderboards.Rank(ctx, "run", ev.UserID, nil) // reads the board
	require.NoError(b, err)
	b.Run("rank at 500,000 in a transaction that changed it : count(*)", func(b *testing.B) {
		later := clubEvent(clubUsers) // lets the clock go on, so before the transaction begins
		require.NoError(b, ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			_, err := ws.Record(ctx, later)
			require.NoError(b, err)
			var at leaderboard.Standing
			var ahead int
			ratio.Compare(b, 100, func(int) {
				for range 20 {
					at, err = ws.Leaderboards.Rank(ctx, "run", ev.UserID, nil)
					require.NoError(b, err)
				}
			}, func(int) {
				for range 20 {
					require.NoError(b, count.QueryRowContext(ctx, scope, ranking, ^at.Score.Shift(6).IntPart()).Scan(&ahead))
				}
			})
			require.Equal(b, ahead+1, at.Rank)
			return nil
		}))
	})
}

// A crowd is how many there are on the board of runners, each with a point more than the one before.
const crowd = 1_000_000

const (
	ofRunners = " from guerdon_leaderboard_scores where ranking like 'run/%'"
	addCrowd  = `insert into guerdon_leaderboard_scores (scope, "key", ranking, position, reached_at, record)
		with recursive member (n) as (select 1 union all select n+1 from member where n < ?)
		select scope, ranking || '/' || n, ranking, ~(n * 1000000), reached_at,
			json_set(record, '$.entityId', cast(n as text), '$.micros', n * 1000000)
		from member, (select *` + ofRunners + `)`
)

// An origin is a file with the club in it, of which every comparison gets copies, and the statements that
// the engine needs for the events that follow.
type origin struct {
	copied []byte // the file when the club had been founded
	ws     *guerdon.Workspace
	store  *sqlite.Store
	db     *sql.DB // on the same file; tells spy what it is asked
	spy    *spy
	rounds [][][]statement // by round and event
}

func newOrigin(b *testing.B) *origin {
	b.Helper()
	dir := b.TempDir()
	path, first := filepath.Join(dir, "origin.db"), filepath.Join(dir, "first.db")
	st, err := sqlite.Open(b.Context(), path, &sqlite.Options{Synchronous: sqlite.Normal})
	require.NoError(b, err)
	o := &origin{ws: foundClub(b, st, clubDocs(1)), store: st, spy: &spy{path: path}}
	o.db = sql.OpenDB(o.spy)
	b.Cleanup(func() {
		require.NoError(b, o.db.Close())
		require.NoError(b, st.Close())
	})
	_, err = o.db.ExecContext(b.Context(), "vacuum into ?", first)
	require.NoError(b, err)
	o.copied, err = os.ReadFile(first)
	require.NoError(b, err)
	o.trace(b)
	return o
}

// copy returns the path of a new copy of the file.
func (o *origin) copy(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "copy.db")
	require.NoError(b, os.WriteFile(path, o.copied, 0o600))
	return path
}

// club opens the club on a new copy.
func (o *origin) club(b *testing.B, mode sqlite.Synchronous) (*guerdon.Workspace, string) {
	b.Helper()
	path := o.copy(b)
	st, err := sqlite.Open(b.Context(), path, &sqlite.Options{Synchronous: mode})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, st.Close()) })
	return openClub(b, st), path
}

// trace fills rounds with what the engine sends for each event, one event in a transaction.
func (o *origin) trace(b *testing.B) {
	b.Helper()
	for n := range ratio.Rounds {
		var all [][]statement
		for _, ev := range round(n) {
			tx, err := o.db.BeginTx(b.Context(), nil)
			require.NoError(b, err)
			o.spy.said = nil
			_, err = o.ws.On(o.store.Join(tx)).Record(b.Context(), ev)
			require.NoError(b, err)
			all = append(all, o.spy.said)
			require.NoError(b, tx.Commit())
		}
		o.rounds = append(o.rounds, all)
	}
}

// A hand is a program that knows beforehand what to read and what to write: it has neither rules nor
// records, just prepared statements on one connection.
type hand struct {
	b        *testing.B
	conn     *sql.Conn
	prepared map[string]*prompt
}

// prompt is a prepared statement, and where the columns of its rows go.
type prompt struct {
	*sql.Stmt

	row []any
}

func (o *origin) hand(b *testing.B, mode string) *hand {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+o.copy(b)+"?_pragma=journal_mode(wal)&_pragma=synchronous("+mode+")"+
		"&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(10000)")
	require.NoError(b, err)
	conn, err := db.Conn(b.Context())
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, conn.Close())
		require.NoError(b, db.Close())
	})
	return &hand{b, conn, map[string]*prompt{}}
}

// run runs the statements of events, a number of events in each transaction.
func (h *hand) run(events [][]statement, batch int) {
	for some := range slices.Chunk(events, batch) {
		h.do(statement{text: "begin immediate"})
		for _, statements := range some {
			for _, s := range statements {
				h.do(s)
			}
		}
		h.do(statement{text: "commit"})
	}
}

func (h *hand) do(s statement) {
	ctx := context.WithoutCancel(h.b.Context())
	stmt := h.prepared[s.text]
	if stmt == nil {
		made, err := h.conn.PrepareContext(ctx, s.text)
		require.NoError(h.b, err)
		stmt = &prompt{Stmt: made}
		h.prepared[s.text] = stmt
	}
	if !s.reads {
		_, err := stmt.ExecContext(ctx, s.args...)
		if err != nil {
			h.b.Fatal(err)
		}
		return
	}
	rows, err := stmt.QueryContext(ctx, s.args...)
	if err != nil {
		h.b.Fatal(err)
	}
	defer func() { require.NoError(h.b, rows.Close()) }()
	if stmt.row == nil {
		names, err := rows.Columns()
		require.NoError(h.b, err)
		for range names {
			stmt.row = append(stmt.row, new(sql.RawBytes))
		}
	}
	for rows.Next() {
		if err := rows.Scan(stmt.row...); err != nil {
			h.b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		h.b.Fatal(err)
	}
}

// requireSame requires that another file holds the very same rows, so that what is compared did the same.
func (h *hand) requireSame(b *testing.B, path string) {
	b.Helper()
	_, err := h.conn.ExecContext(b.Context(), "attach ? as engine", path)
	require.NoError(b, err)
	var names string
	require.NoError(b, h.conn.QueryRowContext(b.Context(), "select group_concat(name) from engine.sqlite_master where type = 'table'").Scan(&names))
	for t := range strings.SplitSeq(names, ",") {
		var different int
		require.NoError(b, h.conn.QueryRowContext(b.Context(), "select count(*) from (select * from engine."+t+" except select * from main."+t+")").Scan(&different))
		require.Zero(b, different, t)
	}
}

// A statement is what a database was asked to do.
type statement struct {
	text  string
	args  []any
	reads bool
}

// A spy opens connections to a file and notes the statements that run on them.
type spy struct {
	path string
	said []statement
}

// Driver implements driver.Connector.
func (*spy) Driver() driver.Driver { return &modernc.Driver{} }

// Connect implements driver.Connector.
func (s *spy) Connect(context.Context) (driver.Conn, error) {
	c, err := s.Driver().Open(s.path)
	return spyConn{c, s}, err
}

type spyConn struct {
	driver.Conn

	spy *spy
}

func (c spyConn) Prepare(text string) (driver.Stmt, error) {
	s, err := c.Conn.Prepare(text)
	return spyStmt{s, text, c.spy}, err
}

type spyStmt struct {
	driver.Stmt

	text string
	spy  *spy
}

func (s spyStmt) Exec(args []driver.Value) (driver.Result, error) {
	s.note(args, false)
	return s.Stmt.Exec(args) //nolint:staticcheck // as simple as can be
}

func (s spyStmt) Query(args []driver.Value) (driver.Rows, error) {
	s.note(args, true)
	return s.Stmt.Query(args) //nolint:staticcheck // as simple as can be
}

// note leaves out what begins and ends transactions, which has no arguments.
func (s spyStmt) note(args []driver.Value, reads bool) {
	if len(args) == 0 {
		return
	}
	said := statement{text: s.text, reads: reads}
	for _, a := range args {
		said.args = append(said.args, a)
	}
	s.spy.said = append(s.spy.said, said)
}
