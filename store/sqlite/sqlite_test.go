package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	paths := map[store.Store]string{}
	at := func(tb testing.TB, path string) store.Store {
		s := open(tb, path, nil)
		mu.Lock()
		defer mu.Unlock()
		paths[s] = path
		return s
	}
	storetest.Run(t, storetest.Harness{
		Open: func(tb testing.TB) store.Store { return at(tb, newFile(tb)) },
		Reopen: func(tb testing.TB, s store.Store) store.Store {
			require.NoError(tb, s.Close())
			mu.Lock()
			path := paths[s]
			mu.Unlock()
			return at(tb, path)
		},
	})
}

// newFile returns the path of a file that is not there yet.
func newFile(tb testing.TB) string { return filepath.Join(tb.TempDir(), "guerdon?100%.db") }

func open(tb testing.TB, path string, o *sqlite.Options) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), path, o)
	require.NoError(tb, err)
	return s
}

// openFor opens a store for one test and prepares the table of the tests.
func openFor(tb testing.TB, path string) *sqlite.Store {
	tb.Helper()
	s := open(tb, path, nil)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	require.NoError(tb, s.Prepare(tb.Context(), things.Schema()))
	return s
}

// A thing is a record of the tests.
type thing struct {
	ID string `json:"id"`
	N  int64  `json:"n"`
}

var things = store.Define("things", func(t *thing) string { return t.ID }, []store.Field[thing]{
	{Name: "n", Kind: store.KindInt, Of: func(t *thing) store.Value { return store.Int(t.N) }},
}, store.Index{Name: "n", Columns: []string{"n"}})

var scope = store.Scope{Account: "acme", Workspace: "default"}

// put writes a record.
func put(ctx context.Context, s store.Store, rec thing) error {
	return s.Update(ctx, scope, func(tx store.Tx) error { return things.Put(ctx, tx, rec) })
}

// all returns every record by its id.
func all(tb testing.TB, s store.Store) map[string]int64 {
	tb.Helper()
	found := map[string]int64{}
	require.NoError(tb, s.View(tb.Context(), scope, func(tx store.Tx) error {
		list, err := things.List(tb.Context(), tx, store.Query{})
		for _, x := range list {
			found[x.ID] = x.N
		}
		return err
	}))
	return found
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{
		"", ":memory:", "file:guerdon.db", "file::memory:?cache=shared", "a\x00b", dir,
		filepath.Join(dir, "none", "guerdon.db"),
	} {
		_, err := sqlite.Open(t.Context(), path, nil)
		require.ErrorIs(t, err, fault.ErrInvalid, path)
		refused, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.Equal(t, "path", refused.Field)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestOpenOtherFile(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	text := []byte(strings.Repeat("This is no database. ", 1000))
	require.NoError(t, os.WriteFile(path, text, 0o600))
	_, err := sqlite.Open(t.Context(), path, nil)
	require.ErrorContains(t, err, path)
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, now)
}

func TestOpenCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sqlite.Open(ctx, newFile(t), nil)
	require.ErrorIs(t, err, context.Canceled)
}

// Close leaves one file, without a log beside it.
func TestClose(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, &sqlite.Options{Synchronous: sqlite.Normal, Readers: 1})
	require.NoError(t, s.Prepare(t.Context(), things.Schema()))
	require.NoError(t, put(t.Context(), s, thing{ID: "a"}))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.Error(t, put(t.Context(), s, thing{ID: "b"}))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 2, "the database and the line, which is empty")
	line, err := os.Stat(path + "-line")
	require.NoError(t, err)
	require.Zero(t, line.Size())
}

// A database error is reported, and the store goes on.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := openFor(t, path)
	db := host(t, path)
	_, err := db.ExecContext(t.Context(), "create trigger no before insert on guerdon_things when new.key = 'bad'"+
		" begin select raise(abort, 'a trigger says no'); end")
	require.NoError(t, err)
	const n = 16
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			id := fmt.Sprint("good ", i)
			if i == 7 {
				id = "bad"
			}
			errs[i] = put(t.Context(), s, thing{ID: id})
		})
	}
	wg.Wait()
	for i, err := range errs {
		if i == 7 {
			require.ErrorContains(t, err, "a trigger says no")
		} else {
			require.NoError(t, err)
		}
	}
	require.Len(t, all(t, s), n-1)
}

// host opens the file as a host does that keeps its own tables there.
func host(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	name := strings.NewReplacer("%", "%25", "?", "%3f").Replace(path)
	db, err := sql.Open("sqlite", "file:"+name+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}

// The driver is right only with the one version of libc that it was made with.
func TestVersionOfLibc(t *testing.T) {
	t.Parallel()
	list := func(what, module string) string {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", what, module).Output()
		if err != nil {
			t.Skip("the go command cannot be run here:", err)
		}
		return strings.TrimSpace(string(out))
	}
	mod, err := os.ReadFile(list("{{.GoMod}}", "modernc.org/sqlite"))
	require.NoError(t, err)
	wanted := regexp.MustCompile(`modernc\.org/libc (v\S+)`).FindSubmatch(mod)
	require.Len(t, wanted, 2)
	require.Equal(t, string(wanted[1]), list("{{.Version}}", "modernc.org/libc"))
}

// What one store remembers of the file is not what another has made of it since.
func TestModelOfTwoStoresOnOneFile(t *testing.T) {
	t.Parallel()
	storetest.Model(t, map[string]func(testing.TB) store.Store{
		"one": func(tb testing.TB) store.Store { return open(tb, newFile(tb), nil) },
		"two": func(tb testing.TB) store.Store {
			path := newFile(tb)
			return storetest.InTurns(open(tb, path, nil), open(tb, path, nil))
		},
	})
}

// A file whose rows name their scope is converted when it is prepared, also if a column is new since.
func TestScopesGetNumbers(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	db, err := sql.Open("sqlite", "file://"+(&url.URL{Path: path}).EscapedPath())
	require.NoError(t, err)
	for _, text := range []string{
		`create table guerdon_tables (name text not null primary key, version integer not null) strict, without rowid`,
		`insert into guerdon_tables values ('things', 1)`,
		`create table "guerdon_things" (scope text not null, "key" text not null, record text not null, primary key (scope, "key")) strict, without rowid`,
		`insert into guerdon_things values ('acme/default', 'a', '{"id":"a","n":1}'), ('acme/other', 'a', '{"id":"a","n":2}')`,
	} {
		_, err := db.ExecContext(t.Context(), text)
		require.NoError(t, err)
	}
	require.NoError(t, db.Close())
	for range 2 {
		s := open(t, path, nil)
		require.NoError(t, s.Prepare(t.Context(), things.Schema()))
		for workspace, want := range map[string]int64{"default": 1, "other": 2} {
			require.NoError(t, s.View(t.Context(), store.Scope{Account: "acme", Workspace: workspace}, func(tx store.Tx) error {
				found, err := things.List(t.Context(), tx, store.By("n"))
				require.Equal(t, thing{"a", want}, found[0])
				return err
			}))
		}
		require.NoError(t, put(t.Context(), s, thing{"b", 3}))
		require.NoError(t, s.Close())
	}
}

func TestInherit(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	db, err := sql.Open("sqlite", "file://"+(&url.URL{Path: path}).EscapedPath())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	exec := func(statement string) error {
		_, err := db.ExecContext(t.Context(), statement)
		return err
	}
	storetest.Inherits(t, "text", exec, func() store.Heir {
		s := open(t, path, nil)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	})
}

func TestNewerProgram(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	older, newer := open(t, path, nil), open(t, path, nil)
	t.Cleanup(func() { require.NoError(t, older.Close()); require.NoError(t, newer.Close()) })
	storetest.Newer(t, older, newer)
}

func TestGivesUpBehindAnotherProcess(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	storetest.GivesUp(t, openFor(t, path), openFor(t, path))
}

func TestCrowded(t *testing.T) {
	t.Parallel()
	s := openFor(t, newFile(t))
	storetest.Crowded(t, s, s)
}

func TestMetered(t *testing.T) {
	t.Parallel()
	storetest.Metered(t, openFor(t, newFile(t)), true)
}

func TestDamagedRow(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	storetest.Damaged(t, openFor(t, path), func(key string) {
		db, err := sql.Open("sqlite", "file://"+(&url.URL{Path: path}).EscapedPath())
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), `update guerdon_notes set record = '{"id":' where "key" = ?`, key)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
}

// A file that cannot grow refuses what is more, and nothing changes.
func TestFull(t *testing.T) {
	t.Parallel()
	s := openFor(t, newFile(t))
	require.NoError(t, s.LimitPages(t.Context()))
	var err error
	n := 0
	for ; err == nil; n++ {
		require.Less(t, n, 10_000)
		err = put(t.Context(), s, thing{ID: strings.Repeat("x", 1000) + strconv.Itoa(n)})
	}
	require.ErrorIs(t, err, fault.ErrFull)
	require.NoError(t, s.View(t.Context(), scope, func(tx store.Tx) error {
		found, err := things.Count(t.Context(), tx, store.Query{})
		require.Equal(t, n-1, found)
		return err
	}))
}

// Those who read for long do not keep others from reading, as long as they are fewer than there are readers.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]struct {
		options *sqlite.Options
		views   int
	}{
		"default": {nil, 15},
		"two":     {&sqlite.Options{Readers: 3}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, newFile(t), slow.options)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			require.NoError(t, s.Prepare(t.Context(), things.Schema()))
			require.NoError(t, put(t.Context(), s, thing{ID: "a"}))
			var within func(open int) error
			within = func(open int) error {
				return s.View(t.Context(), scope, func(tx store.Tx) error {
					if _, _, err := things.Get(t.Context(), tx, "a"); err != nil || open == 0 {
						return err
					}
					return within(open - 1)
				})
			}
			require.NoError(t, within(slow.views))
			require.NoError(t, within(slow.views), "with connections that were there before")
		})
	}
}

// The log that has grown because somebody read for long is small again soon after.
func TestLogThatGrew(t *testing.T) {
	t.Parallel()
	type film struct{ ID, Frames string }
	films := store.Define("films", func(f *film) string { return f.ID }, nil)
	path := newFile(t)
	s := openFor(t, path)
	ctx := t.Context()
	require.NoError(t, s.Prepare(ctx, films.Schema()))
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		require.NoError(t, err)
		return info.Size()
	}
	const limit = 40 << 20
	require.NoError(t, s.View(ctx, scope, func(tx store.Tx) error {
		if _, err := things.List(ctx, tx, store.Query{}); err != nil {
			return err
		}
		for n := 0; size() < limit*3/2; n++ {
			require.NoError(t, s.Update(ctx, scope, func(tx store.Tx) error {
				return films.Put(ctx, tx, film{"a", strings.Repeat(strconv.Itoa(n%10), 2<<20)})
			}))
		}
		return nil
	}))
	for n := range int64(3) {
		require.NoError(t, put(ctx, s, thing{ID: "a", N: n}))
	}
	require.LessOrEqual(t, size(), int64(limit))
}

// The script of a migration, run by another program, leaves nothing to prepare. To ask for it changes nothing.
func TestMigration(t *testing.T) {
	t.Parallel()
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "test.db")
	s := open(t, path, nil)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	script, err := s.Migration(ctx, things.Schema())
	require.NoError(t, err)
	again, err := s.Migration(ctx, things.Schema())
	require.NoError(t, err)
	require.Equal(t, script, again)
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.ExecContext(ctx, script)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	script, err = s.Migration(ctx, things.Schema())
	require.NoError(t, err)
	require.Empty(t, script)
	require.NoError(t, s.Prepare(ctx, things.Schema()))
	require.NoError(t, put(ctx, s, thing{ID: "a", N: 1}))

	wider := store.Define("things", func(t *thing) string { return t.ID }, []store.Field[thing]{
		{Name: "n", Kind: store.KindInt, Of: func(t *thing) store.Value { return store.Int(t.N) }},
		{Name: "twice", Kind: store.KindInt, Of: func(t *thing) store.Value { return store.Int(2 * t.N) }},
	}, store.Index{Name: "n", Columns: []string{"n"}})
	_, err = s.Migration(ctx, wider.Schema())
	require.ErrorIs(t, err, fault.ErrConflict)
	require.ErrorContains(t, err, "which Prepare does alone")
	require.NoError(t, s.Prepare(ctx, wider.Version(2).Schema()))
	_, err = s.Migration(ctx, things.Schema())
	_, newer := errors.AsType[*store.NewerError](err)
	require.True(t, newer, "%v", err)
}
