package fileblob_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/content/fileblob"
	"github.com/guerdonhq/guerdon/fault"
)

var (
	noon   = time.Date(2025, time.September, 29, 12, 0, 0, 0, time.UTC)
	secret = bytes.Repeat([]byte("s"), fileblob.MinSecret)
	other  = bytes.Repeat([]byte("o"), fileblob.MinSecret)
)

const base = "https://example.org/media"

// world is a bucket in a folder, whose clock moves when told.
type world struct {
	*fileblob.Bucket
	dir string
	now time.Time
	log bytes.Buffer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "blobs"), secret)
}

func open(t testing.TB, dir string, secrets ...[]byte) *world {
	t.Helper()
	w := &world{dir: dir, now: noon}
	var err error
	w.Bucket, err = fileblob.Open(dir, fileblob.Options{
		URL: base, Secrets: secrets, Now: func() time.Time { return w.now }, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

func (w *world) uploadURL(t testing.TB, b content.Blob) string {
	t.Helper()
	u, header, err := w.UploadURL(t.Context(), b, time.Minute)
	require.NoError(t, err)
	require.Len(t, header, 1)
	return u
}

func (w *world) downloadURL(t testing.TB, b content.Blob) string {
	t.Helper()
	u, err := w.DownloadURL(t.Context(), b, time.Minute)
	require.NoError(t, err)
	return u
}

// do sends a request; header holds names and values in turn.
func (w *world) do(t testing.TB, method, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

// keep uploads a blob.
func (w *world) keep(t testing.TB, b content.Blob, body string) {
	t.Helper()
	b.Size = int64(len(body))
	rec := w.do(t, http.MethodPut, w.uploadURL(t, b), body, "Content-Type", b.ContentType)
	require.Equal(t, http.StatusCreated, rec.Code, rec.Body)
}

// requireNothing requires that no file is left in the bucket, finished or not.
func (w *world) requireNothing(t testing.TB) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(w.dir, func(name string, entry os.DirEntry, err error) error {
		require.True(t, err != nil || entry.IsDir(), name)
		return err
	}))
}

var photo = content.Blob{Key: "acme/workspaces/default/1.png", ContentType: "image/png", Size: 5, FileName: "Été.png"}

func TestUploadAndDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep(t, photo, "bytes")
	stat, err := w.Stat(t.Context(), photo.Key)
	require.NoError(t, err)
	require.Equal(t, content.Blob{Key: photo.Key, Size: 5}, stat)

	target := w.downloadURL(t, photo)
	require.True(t, strings.HasPrefix(target, base+"/"+photo.Key+"?"), target)
	rec := w.do(t, http.MethodGet, target, "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, "bytes", rec.Body.String())
	for name, want := range map[string]string{
		"Content-Type":            "image/png",
		"X-Content-Type-Options":  "nosniff",
		"Content-Disposition":     "inline; filename*=utf-8''%C3%89t%C3%A9.png",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
		"Cache-Control":           "private, max-age=60",
	} {
		require.Equal(t, want, rec.Header().Get(name), name)
	}

	rec = w.do(t, http.MethodGet, target, "", "Range", "bytes=1-2")
	require.Equal(t, http.StatusPartialContent, rec.Code)
	require.Equal(t, "yt", rec.Body.String())
	rec = w.do(t, http.MethodHead, target, "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.Empty(t, rec.Body.String())
	require.Equal(t, "5", rec.Header().Get("Content-Length"))

	require.NoError(t, w.Delete(t.Context(), photo.Key))
	require.NoError(t, w.Delete(t.Context(), photo.Key))
	require.Equal(t, http.StatusNotFound, w.do(t, http.MethodGet, target, "").Code)
	_, err = w.Stat(t.Context(), photo.Key)
	require.ErrorIs(t, err, fault.ErrNotFound)
	w.requireNothing(t)
}

// What a browser would run must not run on the host's origin.
func TestDisposition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for contentType, how := range map[string]string{
		"image/png": "inline", "video/mp4": "inline", "audio/mpeg": "inline",
		"image/svg+xml": "attachment", "IMAGE/SVG+XML; charset=utf-8": "attachment", "text/html": "attachment",
		"application/pdf": "attachment", "": "attachment",
	} {
		b := content.Blob{Key: "a", ContentType: contentType}
		if contentType == "" {
			w.keep(t, content.Blob{Key: "a", ContentType: "application/octet-stream"}, "<script>")
		} else {
			w.keep(t, b, "<script>")
		}
		rec := w.do(t, http.MethodGet, w.downloadURL(t, b), "")
		require.Equal(t, how, rec.Header().Get("Content-Disposition"), contentType)
		require.Contains(t, rec.Header().Get("Content-Security-Policy"), "sandbox")
		require.Equal(t, "nosniff", rec.Header().Get("X-Content-Type-Options"))
	}
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body   io.Reader // hides its length, as chunks do
		header []string
		want   int
	}{
		"longer":            {strings.NewReader("longer"), nil, http.StatusRequestEntityTooLarge},
		"longer, in chunks": {io.MultiReader(strings.NewReader("longer")), nil, http.StatusRequestEntityTooLarge},
		"shorter":           {strings.NewReader("shor"), nil, http.StatusBadRequest},
		"shorter, chunks":   {io.MultiReader(strings.NewReader("shor")), nil, http.StatusBadRequest},
		"empty":             {http.NoBody, nil, http.StatusBadRequest},
		"other type":        {strings.NewReader("bytes"), []string{"Content-Type", "text/html"}, http.StatusUnsupportedMediaType},
		"no type":           {strings.NewReader("bytes"), []string{"Content-Type", ""}, http.StatusUnsupportedMediaType},
		"part":              {strings.NewReader("bytes"), []string{"Content-Range", "bytes 0-4/5"}, http.StatusBadRequest},
		"encoded":           {strings.NewReader("bytes"), []string{"Content-Encoding", "gzip"}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, w.uploadURL(t, photo), tt.body)
			r.Header.Set("Content-Type", "image/png")
			for i := 0; i < len(tt.header); i += 2 {
				r.Header.Set(tt.header[i], tt.header[i+1])
			}
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, r)
			require.Equal(t, tt.want, rec.Code, rec.Body)
			w.requireNothing(t)
		})
	}
}

// A connection that breaks leaves nothing, and what was there stays.
func TestUploadBreaksOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep(t, photo, "bytes")
	server := httptest.NewServer(w)
	defer server.Close()
	target := strings.Replace(w.uploadURL(t, content.Blob{Key: photo.Key, ContentType: "image/png", Size: 1 << 20}), "https://example.org", server.URL, 1)
	body, pipe := io.Pipe()
	go func() { // ends when the client has read the error
		_, _ = pipe.Write([]byte("half"))
		_ = pipe.CloseWithError(io.ErrClosedPipe)
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target, body)
	require.NoError(t, err)
	r.ContentLength = 1 << 20
	r.Header.Set("Content-Type", "image/png")
	resp, err := http.DefaultClient.Do(r)
	if err == nil {
		require.NoError(t, resp.Body.Close())
	}
	require.Error(t, err)
	server.Close() // waits for the handler
	require.Equal(t, "bytes", w.do(t, http.MethodGet, w.downloadURL(t, photo), "").Body.String())
	left, err := os.ReadDir(filepath.Join(w.dir, ".uploads"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// edit changes the parameters of a URL.
func edit(t testing.TB, target string, change func(*url.URL, url.Values)) string {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	q := u.Query()
	change(u, q)
	u.RawQuery = q.Encode()
	return u.String()
}

// What is wrong inside is told to the log, and not to the client.
func TestWhatCannotBeReachedIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := content.Blob{Key: "acme/a.txt", ContentType: "text/plain", Size: 1, FileName: "a.txt"}
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "acme"), nil, 0o600)) // where the folder is to be
	rec := w.do(t, http.MethodPut, w.uploadURL(t, b), "a", "Content-Type", "text/plain")
	require.Equal(t, http.StatusInternalServerError, rec.Code)
	require.Equal(t, "the file cannot be reached\n", rec.Body.String())
	require.Contains(t, w.log.String(), "level=ERROR")
	require.Contains(t, w.log.String(), "acme")
}

func TestTamperedURLs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep(t, photo, "bytes")
	w.keep(t, content.Blob{Key: "other/secret", ContentType: "text/plain"}, "secret")
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "..", "outside"), []byte("outside"), 0o600))
	set := func(name, value string) func(*url.URL, url.Values) {
		return func(_ *url.URL, q url.Values) { q.Set(name, value) }
	}
	path := func(path string) func(*url.URL, url.Values) {
		return func(u *url.URL, _ url.Values) { u.Path, u.RawPath = path, "" }
	}
	for name, change := range map[string]func(*url.URL, url.Values){
		"other key":        path("/media/other/secret"),
		"no key":           path("/media/"),
		"not below":        path("/acme/workspaces/default/1.png"),
		"parent":           path("/media/../outside"),
		"deep parent":      path("/media/acme/../../outside"),
		"absolute":         path("/media//etc/passwd"),
		"hidden":           path("/media/.uploads/1-1"),
		"back slash":       path(`/media/..\outside`),
		"zero byte":        path("/media/acme\x00"),
		"later":            set("expires", "99999999999"),
		"other type":       set("type", "text/html"),
		"other name":       set("name", "x.html"),
		"upload":           set("size", "5"),
		"no signature":     func(_ *url.URL, q url.Values) { q.Del("signature") },
		"empty signature":  set("signature", ""),
		"forged signature": set("signature", strings.Repeat("A", 43)),
		"short signature":  func(_ *url.URL, q url.Values) { q.Set("signature", q.Get("signature")[:40]) },
		"twice":            func(_ *url.URL, q url.Values) { q.Add("type", "text/html") },
		"more":             set("more", "1"),
		"leading zero":     func(_ *url.URL, q url.Values) { q.Set("expires", "0"+q.Get("expires")) },
		"no query":         func(_ *url.URL, q url.Values) { clear(q) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, target := range []string{w.downloadURL(t, photo), w.uploadURL(t, photo)} {
				forged := edit(t, target, change)
				for _, method := range []string{http.MethodGet, http.MethodPut} {
					if name == "upload" && strings.Contains(target, "size=5") {
						continue // it is one
					}
					rec := w.do(t, method, forged, "bytes", "Content-Type", "image/png")
					require.Equal(t, http.StatusForbidden, rec.Code, forged)
					require.Equal(t, "this link is not valid\n", rec.Body.String())
				}
			}
		})
	}
}

func TestURLsAllowWhatTheySay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep(t, photo, "bytes")
	up, down := w.uploadURL(t, photo), w.downloadURL(t, photo)
	require.Equal(t, http.StatusForbidden, w.do(t, http.MethodGet, up, "").Code)
	require.Equal(t, http.StatusForbidden, w.do(t, http.MethodPut, down, "bytes", "Content-Type", "image/png").Code)
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodOptions, http.MethodPatch} {
		rec := w.do(t, method, up, "bytes")
		require.Equal(t, http.StatusMethodNotAllowed, rec.Code)
		require.Equal(t, "GET, HEAD, PUT", rec.Header().Get("Allow"))
	}
	w.now = noon.Add(time.Minute - time.Second)
	require.Equal(t, http.StatusOK, w.do(t, http.MethodGet, down, "").Code)
	w.now = noon.Add(time.Minute)
	for method, target := range map[string]string{http.MethodGet: down, http.MethodPut: up} {
		rec := w.do(t, method, target, "bytes", "Content-Type", "image/png")
		require.Equal(t, http.StatusForbidden, rec.Code)
		require.Equal(t, "this link has expired\n", rec.Body.String())
		rec = w.do(t, method, edit(t, target, func(_ *url.URL, q url.Values) { q.Set("signature", "AAAA") }), "bytes")
		require.Equal(t, "this link is not valid\n", rec.Body.String())
	}
}

func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before, during, after := open(t, dir, secret), open(t, dir, other, secret), open(t, dir, other)
	before.keep(t, photo, "bytes")
	old, fresh := before.downloadURL(t, photo), during.downloadURL(t, photo)
	require.Equal(t, http.StatusOK, during.do(t, http.MethodGet, old, "").Code)
	require.Equal(t, http.StatusOK, during.do(t, http.MethodGet, fresh, "").Code)
	require.Equal(t, http.StatusOK, after.do(t, http.MethodGet, fresh, "").Code)
	require.Equal(t, http.StatusForbidden, after.do(t, http.MethodGet, old, "").Code)
	require.Equal(t, http.StatusForbidden, before.do(t, http.MethodGet, fresh, "").Code)
}

// Whoever ends last wins, and a reader sees one or the other, whole.
func TestConcurrentUploads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const size, writers = 1 << 16, 8
	first := strings.Repeat("0", size)
	w.keep(t, photo, first)
	var group sync.WaitGroup
	codes := make([]int, writers)
	bodies := make([]string, writers)
	big := photo
	big.Size = size
	up, down := w.uploadURL(t, big), w.downloadURL(t, photo)
	for i := range writers {
		group.Go(func() {
			codes[i] = w.do(t, http.MethodPut, up, strings.Repeat(strconv.Itoa(i), size), "Content-Type", "image/png").Code
		})
		group.Go(func() { bodies[i] = w.do(t, http.MethodGet, down, "").Body.String() })
	}
	group.Wait()
	for i := range writers {
		require.Equal(t, http.StatusCreated, codes[i])
		require.Len(t, bodies[i], size)
		require.Equal(t, size, strings.Count(bodies[i], bodies[i][:1]))
	}
	left, err := os.ReadDir(filepath.Join(w.dir, ".uploads"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestKeysStayInTheFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{
		"", "/", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", ".uploads/x", "a/.hidden", `a\b`, "a b", "a\x00", "ä", "C:x",
		strings.Repeat("a", 600),
	} {
		b := content.Blob{Key: key, ContentType: "image/png"}
		_, _, err := w.UploadURL(t.Context(), b, time.Minute)
		require.ErrorIs(t, err, fault.ErrInvalid, key)
		_, err = w.DownloadURL(t.Context(), b, time.Minute)
		require.ErrorIs(t, err, fault.ErrInvalid, key)
		_, err = w.Stat(t.Context(), key)
		require.ErrorIs(t, err, fault.ErrInvalid, key)
		require.ErrorIs(t, w.Delete(t.Context(), key), fault.ErrInvalid, key)
	}
	// Nor does a link lead out of it.
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "file"), []byte("outside"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(w.dir, "link")))
	b := content.Blob{Key: "link/file", ContentType: "image/png", Size: 5}
	require.Equal(t, http.StatusInternalServerError, w.do(t, http.MethodGet, w.downloadURL(t, b), "").Code)
	require.Equal(t, http.StatusInternalServerError, w.do(t, http.MethodPut, w.uploadURL(t, b), "bytes", "Content-Type", "image/png").Code)
	kept, err := os.ReadFile(filepath.Join(outside, "file"))
	require.NoError(t, err)
	require.Equal(t, "outside", string(kept))
	// A folder is no blob.
	w.keep(t, content.Blob{Key: "a/b", ContentType: "image/png"}, "bytes")
	require.Equal(t, http.StatusNotFound, w.do(t, http.MethodGet, w.downloadURL(t, content.Blob{Key: "a"}), "").Code)
	_, err = w.Stat(t.Context(), "a")
	require.ErrorIs(t, err, fault.ErrNotFound)
}

func TestBadGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, b := range []content.Blob{{Key: "a", Size: -1}, {Key: "a", ContentType: "image"}, {Key: "a", ContentType: "a/b; c"}} {
		_, _, err := w.UploadURL(t.Context(), b, time.Minute)
		require.ErrorIs(t, err, fault.ErrInvalid, b)
	}
	_, err := w.DownloadURL(t.Context(), content.Blob{Key: "a"}, 0)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return noon }
	for name, o := range map[string]fileblob.Options{
		"url: no URL":         {URL: "media", Secrets: [][]byte{secret}, Now: now},
		"url: other scheme":   {URL: "ftp://example.org", Secrets: [][]byte{secret}, Now: now},
		"url: query":          {URL: base + "?a=b", Secrets: [][]byte{secret}, Now: now},
		"secrets: none":       {URL: base, Now: now},
		"secrets[1]: short":   {URL: base, Secrets: [][]byte{secret, secret[1:]}, Now: now},
		"now: none":           {URL: base, Secrets: [][]byte{secret}},
		"url, secrets: empty": {},
	} {
		_, err := fileblob.Open(t.TempDir(), o)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		require.ErrorContains(t, err, name[:3], name)
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := fileblob.Open(file, fileblob.Options{URL: base, Secrets: [][]byte{secret}, Now: now})
	require.Error(t, err)
}

// What a killed process left behind goes, what another process is writing stays.
func TestOpenRemovesRemains(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".uploads"), 0o700))
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": time.Hour} {
		file := filepath.Join(dir, ".uploads", name)
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		require.NoError(t, os.Chtimes(file, noon.Add(-age), noon.Add(-age)))
	}
	open(t, dir, secret)
	left, err := os.ReadDir(filepath.Join(dir, ".uploads"))
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "young", left[0].Name())
}

// No URL but the signed one opens the file, however it is written, and none breaks the handler.
func FuzzURL(f *testing.F) {
	w := newWorld(f)
	w.keep(f, photo, "bytes")
	signed := w.downloadURL(f, photo)
	want, err := url.Parse(signed)
	require.NoError(f, err)
	f.Add(want.Path, want.RawQuery)
	f.Add("/media/../x", "expires=1&type=image%2Fpng&name=&signature=AAAA")
	f.Add("/media/%2e%2e/x", "size=5;signature=%zz")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, path, query string) {
		for _, method := range []string{http.MethodGet, http.MethodPut} {
			r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader("bytes"))
			r.Header.Set("Content-Type", "image/png")
			r.URL.Path, r.URL.RawQuery = path, query
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, r)
			if rec.Code == http.StatusForbidden {
				continue
			}
			require.Equal(t, http.StatusOK, rec.Code)
			require.Equal(t, want.Path, path)
			require.Equal(t, want.Query(), r.URL.Query())
		}
	})
}
