package proof_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/storetest"
	"github.com/guerdonhq/guerdon/tenancy"
)

// dumped returns the dump of a workspace.
func dumped(t tester, ws *guerdon.Workspace) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, ws.Dump(t.Context(), &b))
	return b.String()
}

// Whatever was called in a workspace: restored on another kind of store it has the same rows, it answers as the original does
// and goes on as that does, and its dump is the same bytes. From memory to each backend, and back.
func TestRestoredIsTheSame(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		b.worlds++
		account := fmt.Sprint("acme-", b.worlds)
		first := found(rt, memory.New(), account)
		ids := 0
		first.newID = func() string { ids++; return fmt.Sprintf("id-%06d", 1000+ids) }
		d := &drawer{T: rt, emails: true}
		for range rapid.IntRange(1, 25).Draw(rt, "calls before") {
			d.learn(d.call(first.Workspace).answer(rt.Context(), first.Workspace, first.store))
			first.set(first.now.Load().Add(pick(author{T: rt}, "pass", 0, time.Second, 20*time.Hour)))
		}
		second := first.restored(rt, b.faulty, account, ids)
		third := second.restored(rt, memory.New(), account, ids)
		for range rapid.IntRange(1, 10).Draw(rt, "calls after") {
			call := d.call(first.Workspace)
			want := call.answer(rt.Context(), first.Workspace, first.store)
			require.Equal(rt, want, call.answer(rt.Context(), second.Workspace, second.store), call)
			require.Equal(rt, want, call.answer(rt.Context(), third.Workspace, third.store), call)
			d.learn(want)
			now := first.now.Load().Add(pick(author{T: rt}, "pass", 0, time.Second, 20*time.Hour))
			for _, w := range []*world{first, second, third} {
				w.set(now)
			}
		}
		first.requireSame(rt, second)
		first.requireSame(rt, third)
	})
}

// restored returns a world in a new account that is what the world is, on another store. Its ids go on after some.
func (w *world) restored(t tester, st store.Store, account string, ids int) *world {
	t.Helper()
	other := founded(t, st, account, *w.now.Load())
	require.NoError(t, other.engine.Restore(t.Context(), other.Scope(), strings.NewReader(dumped(t, w.Workspace))))
	other.newID = func() string { ids++; return fmt.Sprintf("id-%06d", 1000+ids) }
	other.blobs.blobs = maps.Clone(w.blobs.blobs)
	w.requireSame(t, other)
	return other
}

func (w *world) requireSame(t tester, other *world) {
	t.Helper()
	books, err := other.Economy.Verify(t.Context())
	require.NoError(t, err)
	require.True(t, books.OK(), books)
	requireSameRows(t, w.texts(t, (*store.Schema).JSON, w.Scope()), other.texts(t, (*store.Schema).JSON, w.Scope()))
	require.Equal(t, dumped(t, w.Workspace), dumped(t, other.Workspace))
}

// rich returns a world of the account club in which much has happened.
func rich(t testing.TB) *world {
	t.Helper()
	w := founded(t, memory.New(), "club", start)
	w.live(t, w.Workspace)
	return w
}

// live lets things happen in a workspace of the world.
func (w *world) live(t testing.TB, ws *guerdon.Workspace) {
	t.Helper()
	ctx := t.Context()
	_, err := ws.Import(ctx, fullGame(t))
	require.NoError(t, err)
	for _, n := range []tenancy.NewUser{{ID: "ada", Email: "ada@example.org", FirstName: "Ada", Timezone: "America/New_York"}, {ID: "bob", Email: "bob@example.org"}, {ID: "eve"}} {
		_, err := ws.Users.Create(ctx, n)
		require.NoError(t, err)
	}
	w.set(start.Add(100 * time.Hour))
	for i := range 12 {
		user := []string{"ada", "bob", "eve"}[i%3]
		_, err := ws.Record(ctx, run(fmt.Sprint("e", i), user, start.Add(time.Duration(i*7)*time.Hour)))
		require.NoError(t, err)
	}
	_, err = ws.Record(ctx, run("late", "ada", start.Add(time.Hour)))
	require.NoError(t, err)
	_, err = ws.Users.AssignTags(ctx, "eve", tenancy.Tagging{TagID: "outdoor"})
	require.NoError(t, err)
	_, err = ws.Settings.Put(ctx, tenancy.Configuration{Branding: tenancy.Branding{Name: "Ours"}})
	require.NoError(t, err)
	for _, scope := range []content.MediaScope{content.WorkspaceScope, content.CommonScope} {
		up, err := ws.Media.Upload(ctx, content.NewUpload{FileName: "cat.png", ContentType: "image/png", FileSize: 5, Scope: scope})
		require.NoError(t, err)
		_, err = ws.Media.Confirm(ctx, up.MediaID)
		require.NoError(t, err)
	}
	require.NoError(t, ws.Advance(ctx))
}

// body is a dump without its first line, which says whose it was, and its last.
func body(dump string) []string {
	lines := strings.SplitAfter(strings.TrimSuffix(dump, "\n"), "\n")
	return lines[1 : len(lines)-1]
}

// sealed is a dump of lines, with the last line that it needs.
func sealed(lines ...string) string {
	text := strings.Join(lines, "\n") + "\n"
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s{\"rows\":%d,\"sha256\":%q}\n", text, len(lines)-1, hex.EncodeToString(sum[:]))
}

// A workspace is restored under another name of another account, whose people and files are then its own.
func TestRestoreUnderAnotherName(t *testing.T) {
	eachStore(t, func(t *testing.T, target *world) {
		ctx := t.Context()
		w := rich(t)
		dump := dumped(t, w.Workspace)
		require.NotContains(t, strings.Join(body(dump), ""), "club", "the name is in the first line only")
		known, err := target.Users.Create(ctx, tenancy.NewUser{ID: "root", Email: "Ada@example.org", LastName: "Lovelace"})
		require.NoError(t, err)

		north := store.Scope{Account: "acme", Workspace: "north"}
		require.NoError(t, target.engine.Restore(ctx, north, strings.NewReader(dump)))
		made, err := target.engine.Platform.Workspace(ctx, north)
		require.NoError(t, err)
		require.Equal(t, tenancy.WorkspaceOpen, made.Status)
		require.Equal(t, "north", made.Slug, "the other is taken")
		ws, err := target.engine.Workspace(ctx, north)
		require.NoError(t, err)

		ada, err := ws.Users.Get(ctx, "ada")
		require.NoError(t, err)
		require.Equal(t, known.PrincipalID, ada.PrincipalID, "the account knows her")
		members, err := target.engine.Platform.Memberships(ctx, "acme", "ada@example.org")
		require.NoError(t, err)
		require.Equal(t, []tenancy.Membership{{AccountID: "acme", WorkspaceID: "default", UserID: "root"}, {AccountID: "acme", WorkspaceID: "north", UserID: "ada"}}, members)
		bob, err := ws.Users.Principal(ctx, "bob")
		require.NoError(t, err)
		require.Equal(t, "bob@example.org", bob.Email)
		for scope, folder := range map[content.MediaScope]string{content.WorkspaceScope: "acme/workspaces/north/", content.CommonScope: "acme/common/"} {
			list, _, err := ws.Media.List(ctx, content.MediaFilter{Scope: scope}, store.Page{})
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Equal(t, folder+list[0].FileName, list[0].Key)
		}

		// Once more under a third name of the account, which has the common file and the people already.
		third := store.Scope{Account: "acme", Workspace: "third"}
		require.NoError(t, target.engine.Restore(ctx, third, strings.NewReader(dumped(t, ws))))
		copied, err := target.engine.Workspace(ctx, third)
		require.NoError(t, err)
		common, _, err := copied.Media.List(ctx, content.MediaFilter{Scope: content.CommonScope}, store.Page{})
		require.NoError(t, err)
		require.Len(t, common, 1)
		want := body(dumped(t, ws))
		require.Equal(t, strings.Join(without(want, "common_media"), ""), strings.Join(body(dumped(t, copied)), ""))
	})
}

// without leaves out the lines of a table.
func without(lines []string, table string) (rest []string) {
	for _, line := range lines {
		if !strings.HasPrefix(line, `{"table":"`+table+`"`) {
			rest = append(rest, line)
		}
	}
	return rest
}

// everything is every row of the store's scopes of an account, and its accounts.
func (w *world) everything(t tester, workspaces ...string) []string {
	t.Helper()
	scopes := []store.Scope{{}, {Account: w.Scope().Account}}
	for _, id := range workspaces {
		scopes = append(scopes, store.Scope{Account: w.Scope().Account, Workspace: id})
	}
	return w.dump(t, scopes...)
}

// What is no dump is refused with its line, and nothing has changed.
func TestRestoreRefusesWhatIsNoDump(t *testing.T) {
	eachStore(t, func(t *testing.T, target *world) {
		ctx := t.Context()
		north := store.Scope{Account: "acme", Workspace: "north"}
		source := rich(t)
		dump := dumped(t, source.Workspace)
		lines := strings.Split(strings.TrimSuffix(dump, "\n"), "\n")
		head, user := lines[0], lines[1]
		require.Contains(t, user, `{"table":"users","key":"ada"`)
		before := target.everything(t, "default", "north")
		for name, c := range map[string]struct{ dump, line, says string }{
			"empty":            {"", "line 1", "missing or cut off"},
			"a bundle":         {"{\"documents\": []}\n", "line 1", "not the first of a dump"},
			"no JSON":          {"hello\n", "line 1", "not the first of a dump"},
			"newer format":     {strings.Replace(dump, `"guerdonDump":1`, `"guerdonDump":2`, 1), "line 1", "newer version"},
			"newer table":      {strings.Replace(dump, `"users":3`, `"users":9`, 1), "line 1", "newer version"},
			"unknown field":    {strings.Replace(dump, `"tables":`, `"tables!":`, 1), "line 1", "damaged"},
			"bad plan":         {strings.Replace(dump, `"plan":"STANDARD"`, `"plan":"FREE"`, 1), "plan", "none of"},
			"no last line":     {strings.Join(lines[:len(lines)-1], "\n") + "\n", fmt.Sprintf("line %d", len(lines)), "missing or cut off"},
			"cut in a line":    {dump[:len(dump)/2], fmt.Sprintf("line %d", 1+strings.Count(dump[:len(dump)/2], "\n")), "cut off"},
			"no end of line":   {strings.TrimSuffix(dump, "\n"), fmt.Sprintf("line %d", len(lines)), "cut off"},
			"a line is gone":   {strings.Replace(dump, user+"\n", "", 1), fmt.Sprintf("line %d", len(lines)-1), "counts"},
			"something behind": {dump + "{}\n", fmt.Sprintf("line %d", len(lines)+1), "follows"},
			"another digit":    {strings.Replace(dump, `"America/New_York"`, `"America/Nome"`, 1), fmt.Sprintf("line %d", len(lines)), "sum"},
			"another key":      {sealed(head, strings.Replace(user, `"key":"ada"`, `"key":"bob"`, 1)), "line 2", `"bob"`},
			"unknown table":    {sealed(head, user, strings.Replace(user, `"users"`, `"friends"`, 1)), "line 3", `"friends"`},
			"no record":        {sealed(head, `{"table":"users","key":"ada"}`), "line 2.users", "no record"},
			"another type":     {sealed(head, `{"table":"users","key":"ada","record":{"userId":5}}`), "line 2.users", "no record"},
			"a NUL":            {sealed(head, `{"table":"users","key":"a","record":{"userId":"\u0000"}}`), "line 2.users", "NUL"},
			"twice":            {sealed(head, user, strings.Replace(user, `"ada"`, `"bob"`, 2), user), "line 4.users", "exists already"},
			"a row that ends":  {sealed(head, `{"table":"users","key":"ada","rows":1}`), "line 2", "last line"},
			"two lines in one": {sealed(head, user+user), "line 2", "damaged"},
			"a lost principal": {sealed(head, `{"table":"principals","key":"p","record":{"principalId":"p","users":{"":"kim"}}}`), "line 2.principals", "one user"},
			"a file elsewhere": {sealed(head, `{"table":"media","key":"m","record":{"mediaId":"m","scope":"workspace","key":"../x"}}`), "line 2.key", "folder"},
			"another's file":   {sealed(head, `{"table":"media","key":"m","record":{"mediaId":"m","scope":"common","key":"x"}}`), "line 2.media", "as one leaves"},
			"a damaged step":   {sealed(head, `{"table":"steps","key":"a/b/c","record":{"before":[{"was":"AAAA"}]}}`), "line 2.steps", "damaged"},
		} {
			err := target.engine.Restore(ctx, north, strings.NewReader(c.dump))
			refused, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok, "%s: %v", name, err)
			require.Equal(t, c.line, refused.Field, "%s: %v", name, err)
			require.Contains(t, refused.Reason, c.says, name)
			require.NotErrorIs(t, err, fault.ErrConflict, name)
			_, err = target.engine.Platform.Workspace(ctx, north)
			require.ErrorIs(t, err, fault.ErrNotFound, name)
			requireSameRows(t, before, notTombstone(target.everything(t, "default", "north")))
		}

		refuse := func(kind error, s store.Scope, says string) {
			t.Helper()
			err := target.engine.Restore(ctx, s, strings.NewReader(dump))
			require.ErrorIs(t, err, kind)
			require.ErrorContains(t, err, says)
			requireSameRows(t, before, notTombstone(target.everything(t, "default", "north")))
		}
		refuse(fault.ErrConflict, target.Scope(), `"acme/default" has rows of table "users"`)
		refuse(fault.ErrNotFound, store.Scope{Account: "nobody", Workspace: "north"}, "account")
		refuse(fault.ErrInvalid, store.Scope{Account: "acme"}, "workspaceId")
		require.ErrorIs(t, target.engine.Restore(ctx, north, nil), fault.ErrInvalid)
		require.NoError(t, target.engine.Restore(ctx, north, strings.NewReader(dump)))
	})
}

// notTombstone leaves out what says that there was a workspace once.
func notTombstone(rows []string) (rest []string) {
	for _, row := range rows {
		if !strings.Contains(row, ` programs program [] {"id":"","closed":true`) {
			rest = append(rest, row)
		}
	}
	return rest
}

// A restore that something interrupts leaves a workspace in which nobody works, and is begun anew.
func TestInterruptedRestore(t *testing.T) {
	eachStore(t, func(t *testing.T, target *world) {
		ctx := t.Context()
		dump := dumped(t, rich(t).Workspace)
		north := store.Scope{Account: "acme", Workspace: "north"}
		interrupted := func(err error) {
			t.Helper()
			require.Error(t, err)
			w, err := target.engine.Platform.Workspace(ctx, north)
			require.NoError(t, err)
			require.Equal(t, tenancy.WorkspaceRestoring, w.Status)
			_, err = target.engine.Workspace(ctx, north)
			require.ErrorIs(t, err, fault.ErrConflict)
			require.ErrorContains(t, err, "being restored")
			_, err = target.engine.Platform.RenameWorkspace(ctx, north, "Another")
			require.ErrorIs(t, err, fault.ErrConflict)
			_, err = target.engine.Platform.CloseWorkspace(ctx, north)
			require.ErrorIs(t, err, fault.ErrConflict)
			require.ErrorIs(t, target.engine.Platform.DeleteWorkspace(ctx, north), fault.ErrConflict)
			require.NoError(t, target.engine.Advance(ctx), "which leaves it alone")
		}
		broken := io.MultiReader(strings.NewReader(dump[:len(dump)*2/3]), iotest.ErrReader(errBroken))
		err := target.engine.Restore(ctx, north, broken)
		require.ErrorIs(t, err, errBroken)
		interrupted(err)
		ended, end := context.WithCancel(ctx)
		err = target.engine.Restore(ended, north, io.MultiReader(strings.NewReader(dump[:len(dump)/2]), ending{end}))
		require.ErrorIs(t, err, context.Canceled)
		interrupted(err)
		err = target.engine.Restore(ctx, north, strings.NewReader(dump[:len(dump)/2]))
		require.ErrorIs(t, err, fault.ErrInvalid, "what is refused changes nothing")
		interrupted(err)

		// Another call takes over from one that is under way.
		late := &pausing{rest: strings.NewReader(dump), at: len(dump) / 2}
		late.pause = func() { require.NoError(t, target.engine.Restore(ctx, north, strings.NewReader(dump))) }
		err = target.engine.Restore(ctx, north, late)
		require.ErrorIs(t, err, fault.ErrConflict)
		ws, err := target.engine.Workspace(ctx, north)
		require.NoError(t, err)
		require.Equal(t, body(dump), body(dumped(t, ws)))
		target.set(start.Add(200 * time.Hour))
		_, err = ws.Record(ctx, run("next", "ada", start.Add(200*time.Hour)))
		require.NoError(t, err)
	})
}

// ending ends something when it is read, and goes on for ever.
type ending struct{ end func() }

func (e ending) Read(p []byte) (int, error) {
	e.end()
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}

// pausing does something when so many bytes have been read.
type pausing struct {
	rest  *strings.Reader
	at    int
	pause func()
}

func (p *pausing) Read(b []byte) (int, error) {
	if n := len(b); n > 100 {
		b = b[:100]
	}
	n, err := p.rest.Read(b)
	if p.at -= n; p.at <= 0 && p.pause != nil {
		p.pause()
		p.pause = nil
	}
	return n, err
}

// Wherever the store or the context ends a restore or an erasure, it is done again and complete then.
func TestRestoreAndEraseUnderFaults(t *testing.T) {
	t.Parallel()
	broken := &faulty{Store: memory.New()}
	broken.heal()
	w := newWorld(t, broken)
	dump := dumped(t, rich(t).Workspace)
	empty := w.everything(t, "default", "north")
	north := store.Scope{Account: "acme", Workspace: "north"}
	restore := func(ctx context.Context) error { return w.engine.Restore(ctx, north, strings.NewReader(dump)) }
	erase := func(ctx context.Context) error { return w.engine.EraseWorkspace(ctx, north) }
	attempts := map[string]func(n int, do func(context.Context) error) error{
		"store": func(n int, do func(context.Context) error) error {
			broken.failAfter(n)
			defer broken.heal()
			return do(t.Context())
		},
		"context": func(n int, do func(context.Context) error) error { return do(storetest.Fading(t.Context(), n)) },
	}
	for name, attempt := range attempts {
		for n := 0; ; n += 5 {
			wrong := attempt(n, restore)
			if wrong != nil {
				if err := restore(t.Context()); err != nil { // only the answer was lost
					require.ErrorIs(t, err, fault.ErrConflict, name)
				}
			}
			ws, err := w.engine.Workspace(t.Context(), north)
			require.NoError(t, err, name)
			require.Equal(t, body(dump), body(dumped(t, ws)), name)
			require.ErrorIs(t, erase(t.Context()), fault.ErrConflict, "it is open")
			_, err = w.engine.Platform.CloseWorkspace(t.Context(), north)
			require.NoError(t, err)
			if undone := attempt(n, erase); undone != nil {
				if err := erase(t.Context()); err != nil {
					require.ErrorIs(t, err, fault.ErrNotFound, name)
				}
			} else if wrong == nil {
				break
			}
			_, err = w.engine.Platform.Workspace(t.Context(), north)
			require.ErrorIs(t, err, fault.ErrNotFound, name)
		}
	}
	var left []string
	for _, row := range notTombstone(w.everything(t, "default", "north")) {
		if !strings.Contains(row, " media_wastes ") {
			left = append(left, row)
		}
	}
	requireSameRows(t, empty, left)
}

// A closed workspace is read and dumped, and not written to, until it is opened again.
func TestClosedWorkspace(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		play := dumped(t, w.Workspace)
		before := w.picture(t)
		for range 2 {
			closed, err := w.engine.Platform.CloseWorkspace(ctx, w.Scope())
			require.NoError(t, err)
			require.Equal(t, tenancy.WorkspaceClosed, closed.Status)
		}
		w.set(start.Add(100 * time.Hour))
		require.NoError(t, w.engine.Advance(ctx), "which leaves it alone")
		again, err := w.engine.Workspace(ctx, w.Scope())
		require.NoError(t, err)
		for _, ws := range []*guerdon.Workspace{w.Workspace, again} {
			for name, write := range map[string]func() error{
				"user":     func() error { _, err := ws.Users.Create(ctx, tenancy.NewUser{ID: "kim"}); return err },
				"settings": func() error { _, err := ws.Settings.Put(ctx, tenancy.Configuration{}); return err },
				"bundle":   func() error { _, err := ws.Import(ctx, fullGame(t)); return err },
				"event":    func() error { _, err := ws.Record(ctx, run("e1", "ada", start)); return err },
				"dry run":  func() error { _, err := ws.DryRun(ctx, run("e1", "ada", start)); return err },
				"advance":  func() error { return ws.Advance(ctx) },
				"media": func() error {
					_, err := ws.Media.Upload(ctx, content.NewUpload{FileName: "x.png", ContentType: "image/png", FileSize: 1})
					return err
				},
			} {
				err := write()
				require.ErrorIs(t, err, fault.ErrConflict, name)
				require.ErrorContains(t, err, `"acme/default" is closed`, name)
			}
			require.Equal(t, play, dumped(t, ws))
		}
		err = w.engine.Restore(ctx, w.Scope(), strings.NewReader(play))
		require.ErrorIs(t, err, fault.ErrConflict)
		w.set(start)
		require.Equal(t, before, w.picture(t))
		for range 2 {
			open, err := w.engine.Platform.ReopenWorkspace(ctx, w.Scope())
			require.NoError(t, err)
			require.Equal(t, tenancy.WorkspaceOpen, open.Status)
		}
		require.Equal(t, play, dumped(t, w.Workspace))
		_, err = w.Record(ctx, run("e1", "ada", start))
		require.NoError(t, err)
		_, err = w.engine.Platform.CloseWorkspace(ctx, store.Scope{Account: "acme", Workspace: "nobody"})
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

// What is erased is gone from every table, its neighbour is untouched, and the name can be used again by what has nothing of it.
func TestEraseWorkspace(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		north := store.Scope{Account: "acme", Workspace: "north"}
		_, err := w.Users.Create(ctx, tenancy.NewUser{ID: "kim", Email: "ada@example.org", FirstName: "Ada"})
		require.NoError(t, err)
		neighbour := w.dump(t, w.Scope(), store.Scope{Account: "acme"}, store.Scope{})
		_, err = w.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "north", Name: "North"})
		require.NoError(t, err)
		ws, err := w.engine.Workspace(ctx, north)
		require.NoError(t, err)
		w.live(t, ws)
		top, err := ws.Leaderboards.Top(ctx, "all-time", 10, nil)
		require.NoError(t, err)
		require.Equal(t, 3, top.Total)
		dump, files := dumped(t, ws), len(w.blobs.blobs)
		require.Equal(t, 2, files)

		require.ErrorIs(t, w.engine.EraseWorkspace(ctx, north), fault.ErrConflict)
		_, err = w.engine.Platform.CloseWorkspace(ctx, north)
		require.NoError(t, err)
		require.NoError(t, w.engine.EraseWorkspace(ctx, north))
		require.ErrorIs(t, w.engine.EraseWorkspace(ctx, north), fault.ErrNotFound)
		require.Empty(t, notTombstone(w.dump(t, north)))
		rest := w.dump(t, w.Scope(), store.Scope{Account: "acme"}, store.Scope{})
		requireSameRows(t, neighbour, withoutTable(rest, "media_wastes"))
		_, err = ws.Record(ctx, run("e1", "ada", start))
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.ErrorIs(t, ws.Dump(ctx, io.Discard), fault.ErrNotFound)
		w.set(start.Add(300 * time.Hour))
		require.NoError(t, w.Media.Advance(ctx))
		require.Empty(t, w.blobs.blobs)

		// One of the same name has nothing of it, also not in what the process remembers of its boards.
		_, err = w.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{AccountID: "acme", ID: "north", Name: "North"})
		require.NoError(t, err)
		again, err := w.engine.Workspace(ctx, north)
		require.NoError(t, err)
		_, err = again.Import(ctx, fullGame(t))
		require.NoError(t, err)
		_, err = again.Users.Create(ctx, tenancy.NewUser{ID: "zoe"})
		require.NoError(t, err)
		_, err = again.Record(ctx, run("e1", "zoe", start.Add(299*time.Hour)))
		require.NoError(t, err)
		top, err = again.Leaderboards.Top(ctx, "all-time", 10, nil)
		require.NoError(t, err)
		require.Equal(t, 1, top.Total)
		require.Equal(t, "zoe", top.Rows[0].EntityID)

		// What was erased is restored to where it was.
		_, err = w.engine.Platform.CloseWorkspace(ctx, north)
		require.NoError(t, err)
		require.NoError(t, w.engine.EraseWorkspace(ctx, north))
		require.NoError(t, w.engine.Restore(ctx, north, strings.NewReader(dump)))
		back, err := w.engine.Workspace(ctx, north)
		require.NoError(t, err)
		require.Equal(t, dump, dumped(t, back))
		top, err = back.Leaderboards.Top(ctx, "all-time", 10, nil)
		require.NoError(t, err)
		require.Equal(t, 3, top.Total)
		_, err = back.Record(ctx, run("next", "eve", start.Add(300*time.Hour)))
		require.NoError(t, err)
		require.NoError(t, back.Advance(ctx))
	})
}

func withoutTable(rows []string, table string) (rest []string) {
	for _, row := range rows {
		if !strings.Contains(row, " "+table+" ") {
			rest = append(rest, row)
		}
	}
	return rest
}

// Every account has the workspace "default": erased, it is as new.
func TestEraseDefault(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		dump := dumped(t, w.Workspace)
		_, err := w.engine.Platform.CloseWorkspace(ctx, w.Scope())
		require.NoError(t, err)
		require.NoError(t, w.engine.EraseWorkspace(ctx, w.Scope()))
		list, _, err := w.Users.List(ctx, tenancy.UserFilter{}, store.Page{})
		require.NoError(t, err)
		require.Empty(t, list)
		_, err = w.Users.Create(ctx, tenancy.NewUser{ID: "kim"})
		require.NoError(t, err)
		err = w.engine.Restore(ctx, w.Scope(), strings.NewReader(dump))
		require.ErrorIs(t, err, fault.ErrConflict)
		_, err = w.engine.Platform.CloseWorkspace(ctx, w.Scope())
		require.NoError(t, err)
		require.NoError(t, w.engine.EraseWorkspace(ctx, w.Scope()))
		require.NoError(t, w.engine.Restore(ctx, w.Scope(), strings.NewReader(dump)))
		require.Equal(t, dump, dumped(t, w.Workspace))
	})
}

// A dump is one state, however long it takes, and what stops its writer stops it.
func TestDump(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		want := dumped(t, w.Workspace)
		n := 0
		slow := writing(func(p []byte) (int, error) {
			n++
			_, err := w.Record(ctx, run(fmt.Sprint("meanwhile-", n), "ada", start))
			return len(p), err
		})
		var got bytes.Buffer
		require.NoError(t, w.Dump(ctx, io.MultiWriter(&got, slow)))
		require.Equal(t, want, got.String())
		require.Positive(t, n)
		require.ErrorIs(t, w.Dump(ctx, writing(func([]byte) (int, error) { return 0, errBroken })), errBroken)
		require.ErrorIs(t, w.Dump(ctx, nil), fault.ErrInvalid)
		require.ErrorIs(t, (&guerdon.Workspace{}).Dump(ctx, io.Discard), fault.ErrInvalid)
		require.NoError(t, w.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			require.ErrorIs(t, ws.Dump(ctx, io.Discard), fault.ErrInvalid)
			require.ErrorIs(t, w.engine.Restore(ctx, store.Scope{Account: "acme", Workspace: "x"}, strings.NewReader(want)), fault.ErrConflict)
			require.ErrorIs(t, w.engine.EraseWorkspace(ctx, w.Scope()), fault.ErrConflict)
			return nil
		}))
		ended, end := context.WithCancel(ctx)
		end()
		require.ErrorIs(t, w.Dump(ended, io.Discard), context.Canceled)
	})
}

type writing func([]byte) (int, error)

func (w writing) Write(p []byte) (int, error) { return w(p) }

// Whatever lines a dump has, Restore restores them, or refuses them and nothing has changed.
func FuzzRestore(f *testing.F) {
	w := rich(f)
	lines := strings.Split(strings.TrimSuffix(dumped(f, w.Workspace), "\n"), "\n")
	head := lines[0]
	table := ""
	for _, line := range lines[1 : len(lines)-1] { // one of each
		if of, _, _ := strings.Cut(line, `","key"`); of != table {
			f.Add(line)
			table = of
		}
	}
	f.Add(strings.Join(lines[1:len(lines)-1], "\n"))
	f.Fuzz(func(t *testing.T, rows string) {
		target := founded(t, memory.New(), "acme", start)
		north := store.Scope{Account: "acme", Workspace: "north"}
		before := target.everything(t, "default", "north")
		err := target.engine.Restore(t.Context(), north, strings.NewReader(sealed(append([]string{head}, strings.Split(rows, "\n")...)...)))
		if err == nil {
			ws, err := target.engine.Workspace(t.Context(), north)
			require.NoError(t, err)
			dumped(t, ws)
			return
		}
		_, told := errors.AsType[*fault.Error](err)
		require.True(t, told, err)
		requireSameRows(t, before, notTombstone(target.everything(t, "default", "north")))
	})
}
