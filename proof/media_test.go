package proof_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/content/fileblob"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// gallery is an engine whose media are in a folder: the accounts acme, with the workspaces default and
// north, and rival.
type gallery struct {
	*guerdon.Engine
	bucket *fileblob.Bucket
	now    time.Time
	broken error // what the blobs answer, if it is not nil
}

func newGallery(t testing.TB, st store.Store) *gallery {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	g := &gallery{now: start}
	now := func() time.Time { return g.now }
	var err error
	g.bucket, err = fileblob.Open(t.TempDir(), fileblob.Options{
		URL: "https://example.org/media", Secrets: [][]byte{bytes.Repeat([]byte("s"), 32)}, Now: now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.bucket.Close()) })
	g.Engine, err = guerdon.New(t.Context(), st, &guerdon.Options{Now: now, Blobs: shaky{g.bucket, &g.broken}, MaxFileSize: 1000})
	require.NoError(t, err)
	for _, id := range []string{"acme", "rival"} {
		_, err = g.Platform.CreateAccount(t.Context(), tenancy.Account{ID: id})
		require.NoError(t, err)
	}
	_, err = g.Platform.CreateWorkspace(t.Context(), tenancy.Workspace{AccountID: "acme", ID: "north", Name: "North"})
	require.NoError(t, err)
	return g
}

// shaky is a bucket whose calls fail when told.
type shaky struct {
	*fileblob.Bucket
	broken *error
}

func (s shaky) Stat(ctx context.Context, key string) (content.Blob, error) {
	if *s.broken != nil {
		return content.Blob{}, *s.broken
	}
	return s.Bucket.Stat(ctx, key)
}

func (s shaky) Delete(ctx context.Context, key string) error {
	if *s.broken != nil {
		return *s.broken
	}
	return s.Bucket.Delete(ctx, key)
}

func (g *gallery) in(t testing.TB, account, workspace string) *guerdon.Workspace {
	t.Helper()
	ws, err := g.Workspace(t.Context(), store.Scope{Account: account, Workspace: workspace})
	require.NoError(t, err)
	return ws
}

// send uploads a file and returns the status of the answer.
func (g *gallery) send(t testing.TB, u content.Upload, body string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, u.UploadURL, strings.NewReader(body))
	for name, value := range u.MetadataHeaders {
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	g.bucket.ServeHTTP(rec, r)
	return rec.Code
}

// read returns what is at a URL, and the status.
func (g *gallery) read(t testing.TB, target string) (string, int) {
	t.Helper()
	rec := httptest.NewRecorder()
	g.bucket.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody))
	return rec.Body.String(), rec.Code
}

// announce announces a picture of five bytes.
func announce(t testing.TB, ws *guerdon.Workspace, n content.NewUpload) content.Upload {
	t.Helper()
	n.FileName, n.ContentType, n.FileSize = "cat.png", "image/png", 5
	u, err := ws.Media.Upload(t.Context(), n)
	require.NoError(t, err)
	return u
}

// add uploads a picture and confirms it.
func (g *gallery) add(t testing.TB, ws *guerdon.Workspace, n content.NewUpload, body string) content.Media {
	t.Helper()
	u := announce(t, ws, n)
	require.Equal(t, http.StatusCreated, g.send(t, u, body))
	m, err := ws.Media.Confirm(t.Context(), u.MediaID)
	require.NoError(t, err)
	return m
}

// listed returns the ids of the media of a scope.
func listed(t testing.TB, ws *guerdon.Workspace, f content.MediaFilter) []string {
	t.Helper()
	list, next, err := ws.Media.List(t.Context(), f, store.Page{})
	require.NoError(t, err)
	require.Empty(t, next)
	ids := make([]string, len(list))
	for i, m := range list {
		ids[i] = m.ID
	}
	return ids
}

// each runs a test of media on every backend.
func eachGallery(t *testing.T, test func(*testing.T, *gallery)) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newGallery(t, open(t)))
		})
	}
}

func TestMediaLife(t *testing.T) {
	t.Parallel()
	eachGallery(t, func(t *testing.T, g *gallery) {
		ws := g.in(t, "acme", "default")
		u := announce(t, ws, content.NewUpload{})
		require.Equal(t, 900, u.ExpiresIn)
		require.Equal(t, map[string]string{"Content-Type": "image/png"}, u.MetadataHeaders)

		// It is not there before it is confirmed, and cannot be confirmed before it is sent.
		_, err := ws.Media.Get(t.Context(), u.MediaID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = ws.Media.Confirm(t.Context(), u.MediaID)
		require.ErrorIs(t, err, fault.ErrConflict)
		_, err = ws.Media.SetTranslations(t.Context(), u.MediaID, nil)
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.Equal(t, http.StatusCreated, g.send(t, u, "first"))
		require.Empty(t, listed(t, ws, content.MediaFilter{}))
		for range 2 {
			m, err := ws.Media.Confirm(t.Context(), u.MediaID)
			require.NoError(t, err)
			require.Equal(t, "cat.png", m.OriginalFileName)
			require.Equal(t, "acme/workspaces/default/"+m.FileName, m.Key)
			require.True(t, strings.HasSuffix(m.FileName, ".png"), m.FileName)
			require.Equal(t, content.ImageFile, m.FileType)
			require.Equal(t, content.WorkspaceScope, m.Scope)
			require.EqualValues(t, 5, m.FileSize)
		}
		require.Equal(t, []string{u.MediaID}, listed(t, ws, content.MediaFilter{}))
		first, err := ws.Media.Get(t.Context(), u.MediaID)
		require.NoError(t, err)
		body, code := g.read(t, first.URL)
		require.Equal(t, http.StatusOK, code)
		require.Equal(t, "first", body)

		// While it is being replaced the first file is there; afterwards its URLs still lead to it.
		g.now = g.now.Add(time.Minute)
		again := announce(t, ws, content.NewUpload{MediaID: u.MediaID})
		require.Equal(t, u.MediaID, again.MediaID)
		require.Equal(t, http.StatusCreated, g.send(t, again, "later"))
		m, err := ws.Media.Get(t.Context(), u.MediaID)
		require.NoError(t, err)
		require.Equal(t, first.Key, m.Key)
		m, err = ws.Media.Confirm(t.Context(), u.MediaID)
		require.NoError(t, err)
		require.NotEqual(t, first.Key, m.Key)
		require.True(t, m.UpdatedAt.After(m.CreatedAt))
		body, _ = g.read(t, m.URL)
		require.Equal(t, "later", body)
		body, _ = g.read(t, first.URL)
		require.Equal(t, "first", body)
		g.now = g.now.Add(2 * time.Hour)
		require.NoError(t, g.Advance(t.Context()))
		_, err = g.bucket.Stat(t.Context(), first.Key)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = g.bucket.Stat(t.Context(), m.Key)
		require.NoError(t, err)

		require.NoError(t, ws.Media.Delete(t.Context(), u.MediaID))
		_, err = g.bucket.Stat(t.Context(), m.Key)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = ws.Media.Get(t.Context(), u.MediaID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.ErrorIs(t, ws.Media.Delete(t.Context(), u.MediaID), fault.ErrNotFound)
		require.Empty(t, listed(t, ws, content.MediaFilter{}))
	})
}

// A workspace sees its own media and the common ones of its account, and changes its own only.
func TestMediaIsolation(t *testing.T) {
	t.Parallel()
	eachGallery(t, func(t *testing.T, g *gallery) {
		home, north, rival := g.in(t, "acme", "default"), g.in(t, "acme", "north"), g.in(t, "rival", "default")
		own := g.add(t, home, content.NewUpload{}, "own..")
		common := g.add(t, home, content.NewUpload{Scope: content.CommonScope}, "share")
		require.True(t, strings.HasPrefix(common.Key, "acme/common/"), common.Key)
		pending := announce(t, home, content.NewUpload{Scope: content.CommonScope})

		shared := content.MediaFilter{Scope: content.CommonScope}
		require.Equal(t, []string{own.ID}, listed(t, home, content.MediaFilter{}))
		require.Equal(t, []string{common.ID}, listed(t, home, shared))
		require.Empty(t, listed(t, north, content.MediaFilter{}))
		require.Equal(t, []string{common.ID}, listed(t, north, shared))
		require.Empty(t, listed(t, rival, content.MediaFilter{}))
		require.Empty(t, listed(t, rival, shared))

		seen, err := north.Media.Get(t.Context(), common.ID)
		require.NoError(t, err)
		body, _ := g.read(t, seen.URL)
		require.Equal(t, "share", body)
		for name, tt := range map[string]struct {
			ws   *guerdon.Workspace
			id   string
			want error
		}{
			"another workspace's":      {north, own.ID, fault.ErrNotFound},
			"another account's":        {rival, own.ID, fault.ErrNotFound},
			"another account's common": {rival, common.ID, fault.ErrNotFound},
			"common":                   {north, common.ID, fault.ErrForbidden},
			"common, not there yet":    {north, pending.MediaID, fault.ErrNotFound},
		} {
			for call, change := range map[string]func() error{
				"upload": func() error {
					_, err := tt.ws.Media.Upload(t.Context(), content.NewUpload{FileName: "x.png", ContentType: "image/png", FileSize: 1, MediaID: tt.id})
					return err
				},
				"confirm": func() error { _, err := tt.ws.Media.Confirm(t.Context(), tt.id); return err },
				"translate": func() error {
					_, err := tt.ws.Media.SetTranslations(t.Context(), tt.id, []content.Label{{Lang: "en", Label: "Mine"}})
					return err
				},
				"delete": func() error { return tt.ws.Media.Delete(t.Context(), tt.id) },
			} {
				require.ErrorIs(t, change(), tt.want, name+" "+call)
			}
			if tt.want == fault.ErrNotFound { //nolint:errorlint // which of the two
				_, err := tt.ws.Media.Get(t.Context(), tt.id)
				require.ErrorIs(t, err, fault.ErrNotFound, name)
				_, _, err = tt.ws.Media.AssignedTags(t.Context(), tt.id, store.Page{})
				require.ErrorIs(t, err, fault.ErrNotFound, name)
			}
		}
		after, err := home.Media.Get(t.Context(), common.ID)
		require.NoError(t, err)
		require.Equal(t, common, after)

		// What a workspace has shared keeps it from being deleted.
		moved := g.add(t, north, content.NewUpload{Scope: content.CommonScope}, "north")
		scope := store.Scope{Account: "acme", Workspace: "north"}
		require.ErrorIs(t, g.Platform.DeleteWorkspace(t.Context(), scope), fault.ErrConflict)
		require.NoError(t, north.Media.Delete(t.Context(), moved.ID))
		require.NoError(t, g.Platform.DeleteWorkspace(t.Context(), scope))
		_, err = north.Media.Upload(t.Context(), content.NewUpload{FileName: "x.png", ContentType: "image/png", FileSize: 1})
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

// The clock finds what nobody confirmed, forgets what never came, and deletes again what was deleted.
func TestMediaAdvance(t *testing.T) {
	t.Parallel()
	eachGallery(t, func(t *testing.T, g *gallery) {
		ws := g.in(t, "acme", "default")
		sent, lost := announce(t, ws, content.NewUpload{}), announce(t, ws, content.NewUpload{Scope: content.CommonScope})
		require.Equal(t, http.StatusCreated, g.send(t, sent, "bytes"))
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, []string{sent.MediaID}, listed(t, ws, content.MediaFilter{}))

		// The file that comes in the last moment counts, also when a replacement never comes.
		announce(t, ws, content.NewUpload{MediaID: sent.MediaID})
		g.now = g.now.Add(content.UploadValid - time.Second)
		require.Equal(t, http.StatusCreated, g.send(t, lost, "bytes"))
		g.now = g.now.Add(3 * time.Hour)
		require.NoError(t, g.Advance(t.Context()))
		require.Equal(t, []string{lost.MediaID}, listed(t, ws, content.MediaFilter{Scope: content.CommonScope}))
		require.Equal(t, []string{sent.MediaID}, listed(t, ws, content.MediaFilter{}))

		// What is deleted while somebody can still write it goes for good later.
		again := announce(t, ws, content.NewUpload{})
		require.Equal(t, http.StatusCreated, g.send(t, again, "bytes"))
		m, err := ws.Media.Confirm(t.Context(), again.MediaID)
		require.NoError(t, err)
		require.NoError(t, ws.Media.Delete(t.Context(), again.MediaID))
		require.Equal(t, http.StatusCreated, g.send(t, again, "bytes"))
		require.NoError(t, g.Advance(t.Context()))
		_, err = g.bucket.Stat(t.Context(), m.Key)
		require.NoError(t, err)
		g.now = g.now.Add(2 * time.Hour)
		require.NoError(t, g.Advance(t.Context()))
		_, err = g.bucket.Stat(t.Context(), m.Key)
		require.ErrorIs(t, err, fault.ErrNotFound)

		never := announce(t, ws, content.NewUpload{})
		g.now = g.now.Add(3 * time.Hour)
		require.NoError(t, g.Advance(t.Context()))
		_, err = ws.Media.Confirm(t.Context(), never.MediaID)
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

// A failure of the blobs loses nothing: what could not be done then is done later.
func TestMediaSurviveBrokenBlobs(t *testing.T) {
	t.Parallel()
	g := newGallery(t, memory.New())
	ws := g.in(t, "acme", "default")
	m := g.add(t, ws, content.NewUpload{}, "bytes")
	u := announce(t, ws, content.NewUpload{})
	require.Equal(t, http.StatusCreated, g.send(t, u, "bytes"))

	g.broken = errors.New("the disk is gone")
	_, err := ws.Media.Confirm(t.Context(), u.MediaID)
	require.ErrorIs(t, err, g.broken)
	require.NoError(t, ws.Media.Delete(t.Context(), m.ID))
	g.now = g.now.Add(3 * time.Hour)
	require.ErrorIs(t, g.Advance(t.Context()), g.broken)
	_, err = g.bucket.Stat(t.Context(), m.Key)
	require.NoError(t, err)

	g.broken = nil
	require.NoError(t, g.Advance(t.Context()))
	_, err = g.bucket.Stat(t.Context(), m.Key)
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.Equal(t, []string{u.MediaID}, listed(t, ws, content.MediaFilter{}))
}

// A file is deleted only if the transaction that deletes the medium is committed.
func TestMediaInATransaction(t *testing.T) {
	t.Parallel()
	g := newGallery(t, memory.New())
	ws := g.in(t, "acme", "default")
	m := g.add(t, ws, content.NewUpload{}, "bytes")
	undo := errors.New("undo")
	require.ErrorIs(t, ws.Update(t.Context(), func(_ context.Context, tx *guerdon.Workspace) error {
		require.NoError(t, tx.Media.Delete(t.Context(), m.ID))
		_, err := tx.Media.Get(t.Context(), m.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.NoError(t, tx.Media.Advance(t.Context()))
		return undo
	}), undo)
	back, err := ws.Media.Get(t.Context(), m.ID)
	require.NoError(t, err)
	body, _ := g.read(t, back.URL)
	require.Equal(t, "bytes", body)

	require.NoError(t, ws.Update(t.Context(), func(_ context.Context, tx *guerdon.Workspace) error { return tx.Media.Delete(t.Context(), m.ID) }))
	g.now = g.now.Add(2 * time.Hour)
	require.NoError(t, g.Advance(t.Context()))
	_, err = g.bucket.Stat(t.Context(), m.Key)
	require.ErrorIs(t, err, fault.ErrNotFound)
}

// Whatever the place of the blobs lets in, what was not announced does not become a medium.
func TestMediaAreWhatWasAnnounced(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		blob  content.Blob
		field string // "" if it is what was announced
	}{
		"larger":     {content.Blob{Size: 6, ContentType: "image/png"}, "fileSize"},
		"smaller":    {content.Blob{Size: 4}, "fileSize"},
		"other type": {content.Blob{Size: 5, ContentType: "text/html"}, "contentType"},
		"no type":    {content.Blob{Size: 5, ContentType: "x"}, "contentType"},
		"spelt":      {content.Blob{Size: 5, ContentType: "IMAGE/PNG"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGallery(t, memory.New())
			lax := laxBlobs{g.bucket, tt.blob}
			eng, err := guerdon.New(t.Context(), memory.New(), &guerdon.Options{Now: func() time.Time { return start }, Blobs: lax})
			require.NoError(t, err)
			_, err = eng.Platform.CreateAccount(t.Context(), tenancy.Account{ID: "acme"})
			require.NoError(t, err)
			ws, err := eng.Workspace(t.Context(), store.Scope{Account: "acme", Workspace: "default"})
			require.NoError(t, err)
			u := announce(t, ws, content.NewUpload{})
			_, err = ws.Media.Confirm(t.Context(), u.MediaID)
			if tt.field == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fault.ErrConflict)
			refusal, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok)
			require.Equal(t, tt.field, refusal.Field)
			_, err = ws.Media.Get(t.Context(), u.MediaID)
			require.ErrorIs(t, err, fault.ErrNotFound)
		})
	}
}

// laxBlobs let in anything.
type laxBlobs struct {
	content.Blobs
	there content.Blob
}

func (l laxBlobs) Stat(context.Context, string) (content.Blob, error) { return l.there, nil }

func TestMediaRefusals(t *testing.T) {
	t.Parallel()
	g := newGallery(t, memory.New())
	ws := g.in(t, "acme", "default")
	good := content.NewUpload{FileName: "cat.png", ContentType: "image/png", FileSize: 1}
	for field, spoil := range map[string][]func(*content.NewUpload){
		"fileName": {
			func(n *content.NewUpload) { n.FileName = "" },
			func(n *content.NewUpload) { n.FileName = strings.Repeat("ä", 256) },
			func(n *content.NewUpload) { n.FileName = "../../etc/passwd" },
			func(n *content.NewUpload) { n.FileName = `..\boot.ini` },
			func(n *content.NewUpload) { n.FileName = ".." },
			func(n *content.NewUpload) { n.FileName = "a\r\nX-Header: b" },
			func(n *content.NewUpload) { n.FileName = "a\x00.png" },
			func(n *content.NewUpload) { n.FileName = "\xff.png" },
		},
		"contentType": {
			func(n *content.NewUpload) { n.ContentType = "" },
			func(n *content.NewUpload) { n.ContentType = "text/html" },
			func(n *content.NewUpload) { n.ContentType = "image/png; a=b; a=c" },
			func(n *content.NewUpload) { n.ContentType = "image/png;" + strings.Repeat(" ", 256) },
		},
		"fileType": {
			func(n *content.NewUpload) { n.FileType = "picture" },
			func(n *content.NewUpload) { n.FileType = content.VideoFile },
		},
		"fileSize": {
			func(n *content.NewUpload) { n.FileSize = 0 },
			func(n *content.NewUpload) { n.FileSize = -1 },
			func(n *content.NewUpload) { n.FileSize = 1001 },
		},
		"scope":   {func(n *content.NewUpload) { n.Scope = "public" }},
		"mediaId": {func(n *content.NewUpload) { n.MediaID = "../x" }},
	} {
		for i, change := range spoil {
			n := good
			change(&n)
			_, err := ws.Media.Upload(t.Context(), n)
			require.ErrorIs(t, err, fault.ErrInvalid, "%s %d", field, i)
			require.ErrorContains(t, err, field+": ", i)
		}
	}
	_, err := ws.Media.Upload(t.Context(), content.NewUpload{})
	for _, field := range []string{"fileName", "contentType", "fileSize"} {
		require.ErrorContains(t, err, field+": ")
	}
	m := g.add(t, ws, content.NewUpload{}, "bytes")
	n := good
	n.MediaID, n.Scope = m.ID, content.CommonScope
	_, err = ws.Media.Upload(t.Context(), n)
	require.ErrorIs(t, err, fault.ErrInvalid)
	n.MediaID = "missing"
	_, err = ws.Media.Upload(t.Context(), n)
	require.ErrorIs(t, err, fault.ErrNotFound)
	for _, f := range []content.MediaFilter{{FileType: "picture"}, {Scope: "public"}} {
		_, _, err = ws.Media.List(t.Context(), f, store.Page{})
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	_, _, err = ws.Media.List(t.Context(), content.MediaFilter{}, store.Page{Limit: 101})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = guerdon.New(t.Context(), memory.New(), &guerdon.Options{MaxFileSize: -1})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

// All 27 types are accepted, with the type of file that follows from each, or "other".
func TestMediaTypes(t *testing.T) {
	t.Parallel()
	g := newGallery(t, memory.New())
	ws := g.in(t, "acme", "default")
	office := "application/vnd.openxmlformats-officedocument."
	types := map[content.FileType][]string{
		content.ImageFile: {"image/jpeg", "image/png", "image/gif", "image/webp", "image/svg+xml", "image/bmp", "image/tiff"},
		content.VideoFile: {"video/mp4", "video/webm", "video/quicktime", "video/x-msvideo", "video/mpeg"},
		content.AudioFile: {"audio/mpeg", "audio/wav", "audio/ogg", "audio/aac", "audio/flac"},
		content.DocumentFile: {
			"application/pdf", "application/msword", office + "wordprocessingml.document", "application/vnd.ms-excel",
			office + "spreadsheetml.sheet", "application/vnd.ms-powerpoint", office + "presentationml.presentation",
			"application/json", "text/plain", "text/csv",
		},
	}
	count := 0
	for fileType, names := range types {
		for _, name := range names {
			for _, as := range []content.FileType{fileType, content.OtherFile} {
				_, err := ws.Media.Upload(t.Context(), content.NewUpload{FileName: "f", ContentType: name, FileType: as, FileSize: 1})
				require.NoError(t, err, name)
			}
			count++
		}
	}
	require.Equal(t, 27, count)
	u, err := ws.Media.Upload(t.Context(), content.NewUpload{FileName: "f", ContentType: "TEXT/CSV;charset=UTF-8", FileSize: 1})
	require.NoError(t, err)
	require.Equal(t, "text/csv; charset=UTF-8", u.MetadataHeaders["Content-Type"])
}

func TestMediaPages(t *testing.T) {
	t.Parallel()
	eachGallery(t, func(t *testing.T, g *gallery) {
		ws := g.in(t, "acme", "default")
		var newest []string
		for i := range 5 {
			g.now = g.now.Add(time.Second)
			m := g.add(t, ws, content.NewUpload{FileType: []content.FileType{content.ImageFile, content.OtherFile}[i%2]}, "bytes")
			newest = append([]string{m.ID}, newest...)
		}
		var all []string
		for page := (store.Page{Limit: 2}); ; {
			list, next, err := ws.Media.List(t.Context(), content.MediaFilter{}, page)
			require.NoError(t, err)
			for _, m := range list {
				all = append(all, m.ID)
				require.NotEmpty(t, m.URL)
			}
			if next == "" {
				break
			}
			page.Token = next
		}
		require.Equal(t, newest, all)
		require.Equal(t, []string{newest[1], newest[3]}, listed(t, ws, content.MediaFilter{FileType: content.OtherFile}))
		require.Empty(t, listed(t, ws, content.MediaFilter{FileType: content.VideoFile}))
	})
}

func TestMediaTranslations(t *testing.T) {
	t.Parallel()
	g := newGallery(t, memory.New())
	ws := g.in(t, "acme", "default")
	m := g.add(t, ws, content.NewUpload{}, "bytes")
	bare, err := ws.Media.Localized(t.Context(), m.ID, "it")
	require.NoError(t, err)
	require.Empty(t, bare.Translations)

	labels := []content.Label{{Lang: "it", Label: "Gatto"}, {Lang: "en", Label: "Cat", Description: "On a mat"}}
	got, err := ws.Media.SetTranslations(t.Context(), m.ID, labels)
	require.NoError(t, err)
	require.Equal(t, labels, got.Translations)
	labels[0].Label = "changed"
	for asked, want := range map[string]string{"it": "Gatto", "it-CH": "Gatto", "en-GB": "Cat", "ja": "Cat", "": "Cat"} {
		one, err := ws.Media.Localized(t.Context(), m.ID, asked)
		require.NoError(t, err)
		require.Len(t, one.Translations, 1)
		require.Equal(t, want, one.Translations[0].Label, asked)
	}
	_, err = ws.Media.Localized(t.Context(), m.ID, "!")
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = ws.Media.Localized(t.Context(), "missing", "en")
	require.ErrorIs(t, err, fault.ErrNotFound)

	many := make([]content.Label, 11)
	for i, lang := range []string{"de", "en", "fr", "it", "es", "pt", "nl", "pl", "da", "sv", "fi"} {
		many[i] = content.Label{Lang: lang, Label: "x"}
	}
	for name, bad := range map[string][]content.Label{
		"many": many, "unknown": {{Lang: "xx", Label: "x"}}, "twice": {many[0], many[0]}, "empty": {{Lang: "en"}},
	} {
		_, err := ws.Media.SetTranslations(t.Context(), m.ID, bad)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
	}
	got, err = ws.Media.Get(t.Context(), m.ID)
	require.NoError(t, err)
	require.Equal(t, "Gatto", got.Translations[0].Label)
	got, err = ws.Media.SetTranslations(t.Context(), m.ID, nil)
	require.NoError(t, err)
	require.Empty(t, got.Translations)
}

func TestMediaTags(t *testing.T) {
	t.Parallel()
	eachGallery(t, func(t *testing.T, g *gallery) {
		ws := g.in(t, "acme", "default")
		_, err := ws.Import(t.Context(), []byte(`{"documents": [
		  {"kind": "Tag", "id": "cats", "namespace": "topic", "variant": "cats", "defaultLang": "en", "translations": [{"lang": "en", "label": "Cats"}]}
		]}`))
		require.NoError(t, err)
		before, err := ws.Export(t.Context())
		require.NoError(t, err)
		m := g.add(t, ws, content.NewUpload{}, "bytes")
		_, err = ws.Media.AssignTags(t.Context(), m.ID, tenancy.Tagging{TagID: "dogs"})
		require.ErrorIs(t, err, fault.ErrNotFound)
		assigned, err := ws.Media.AssignTags(t.Context(), m.ID, tenancy.Tagging{TagID: "cats", Priority: 1})
		require.NoError(t, err)
		require.Equal(t, "Media", assigned[0].EntityType)
		_, err = ws.Media.AssignTags(t.Context(), m.ID, tenancy.Tagging{TagID: "cats"})
		require.ErrorIs(t, err, fault.ErrExists)
		_, err = ws.Media.UpdateTags(t.Context(), m.ID, tenancy.Tagging{TagID: "cats", Priority: 2})
		require.NoError(t, err)
		tags, _, err := ws.Media.AssignedTags(t.Context(), m.ID, store.Page{})
		require.NoError(t, err)
		require.Len(t, tags, 1)
		require.Equal(t, 2, tags[0].Priority)
		one, err := ws.Media.AssignedTag(t.Context(), m.ID, "cats")
		require.NoError(t, err)
		require.Equal(t, tags[0], one)
		after, err := ws.Export(t.Context())
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))

		require.NoError(t, ws.Media.RemoveTags(t.Context(), m.ID, "cats"))
		require.ErrorIs(t, ws.Media.RemoveTags(t.Context(), m.ID, "cats"), fault.ErrNotFound)
		_, err = ws.Media.AssignedTag(t.Context(), m.ID, "cats")
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = ws.Media.AssignTags(t.Context(), m.ID, tenancy.Tagging{TagID: "cats"})
		require.NoError(t, err)
		require.NoError(t, ws.Media.Delete(t.Context(), m.ID))
		_, _, err = ws.Media.AssignedTags(t.Context(), m.ID, store.Page{})
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

// Without blobs every call says so.
func TestMediaWithoutBlobs(t *testing.T) {
	t.Parallel()
	eng, err := guerdon.New(t.Context(), memory.New(), nil)
	require.NoError(t, err)
	_, err = eng.Platform.CreateAccount(t.Context(), tenancy.Account{ID: "acme"})
	require.NoError(t, err)
	w, err := eng.Workspace(t.Context(), store.Scope{Account: "acme", Workspace: "default"})
	require.NoError(t, err)
	calls := map[string]error{}
	_, calls["upload"] = w.Media.Upload(t.Context(), content.NewUpload{FileName: "f", ContentType: "image/png", FileSize: 1})
	_, calls["confirm"] = w.Media.Confirm(t.Context(), "m")
	_, calls["get"] = w.Media.Get(t.Context(), "m")
	_, calls["localized"] = w.Media.Localized(t.Context(), "m", "en")
	_, _, calls["list"] = w.Media.List(t.Context(), content.MediaFilter{}, store.Page{})
	_, calls["translate"] = w.Media.SetTranslations(t.Context(), "m", nil)
	calls["delete"] = w.Media.Delete(t.Context(), "m")
	_, calls["zero"] = (&guerdon.Workspace{}).Media.Get(t.Context(), "m")
	for call, err := range calls {
		require.ErrorIs(t, err, fault.ErrConflict, call)
		require.ErrorContains(t, err, "Blobs", call)
	}
	require.NoError(t, eng.Advance(t.Context()))
}

// Two who replace a medium at once leave one of the two files, and nothing of the other.
func TestMediaReplacedTwice(t *testing.T) {
	t.Parallel()
	g := newGallery(t, memory.New())
	ws := g.in(t, "acme", "default")
	m := g.add(t, ws, content.NewUpload{}, "first")
	one, two := announce(t, ws, content.NewUpload{MediaID: m.ID}), announce(t, ws, content.NewUpload{MediaID: m.ID})
	require.Equal(t, http.StatusCreated, g.send(t, one, "one.."))
	_, err := ws.Media.Confirm(t.Context(), m.ID)
	require.ErrorIs(t, err, fault.ErrConflict)
	require.Equal(t, http.StatusCreated, g.send(t, two, "two.."))
	after, err := ws.Media.Confirm(t.Context(), m.ID)
	require.NoError(t, err)
	body, _ := g.read(t, after.URL)
	require.Equal(t, "two..", body)
	g.now = g.now.Add(3 * time.Hour)
	require.NoError(t, g.Advance(t.Context()))
	for _, u := range []content.Upload{one, two} {
		key := strings.TrimPrefix(strings.SplitN(u.UploadURL, "?", 2)[0], "https://example.org/media/")
		_, err := g.bucket.Stat(t.Context(), key)
		require.Equal(t, key == after.Key, err == nil, fmt.Sprint(key, err))
	}
}
