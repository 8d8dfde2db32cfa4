package guerdon_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/content/fileblob"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// album returns a workspace whose media are in a folder, which a server serves, and what ends both.
func album(ctx context.Context) (ws *guerdon.Workspace, end func()) {
	dir, err := os.MkdirTemp("", "guerdon")
	check(err)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	now := func() time.Time { return monday } // time.Now
	bucket, err := fileblob.Open(dir, fileblob.Options{
		URL:     server.URL + "/media",
		Secrets: [][]byte{bytes.Repeat([]byte("?"), fileblob.MinSecret)}, // from where secrets are kept
		Now:     now,
	})
	check(err)
	mux.Handle("/media/", bucket)
	eng, err := guerdon.New(ctx, memory.New(), &guerdon.Options{Now: now, Blobs: bucket})
	check(err)
	_, err = eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"})
	check(err)
	ws, err = eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
	check(err)
	return ws, func() {
		server.Close()
		check(bucket.Close())
		check(os.RemoveAll(dir))
	}
}

// send does what a browser does with an upload.
func send(ctx context.Context, u content.Upload, file string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, u.UploadURL, strings.NewReader(file))
	check(err)
	for name, value := range u.MetadataHeaders {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	check(err)
	check(response.Body.Close())
	fmt.Println(http.MethodPut, response.Status)
}

// fetch prints what is at a URL.
func fetch(ctx context.Context, target string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	check(err)
	response, err := http.DefaultClient.Do(request)
	check(err)
	body, err := io.ReadAll(response.Body)
	check(err)
	check(response.Body.Close())
	fmt.Println(http.MethodGet, response.Status, response.Header.Get("Content-Type"), string(body))
}

// How do authors get a picture into the workspace? They announce it, send it to the URL that they are
// given, and say that they have. The URL to read it is good for an hour: keep the medium's id.
func Example_media() {
	ctx := context.Background()
	ws, end := album(ctx)
	defer end()
	upload, err := ws.Media.Upload(ctx, content.NewUpload{FileName: "medal.svg", ContentType: "image/svg+xml", FileSize: 6})
	check(err)
	send(ctx, upload, "<svg/>")
	medal, err := ws.Media.Confirm(ctx, upload.MediaID)
	check(err)
	fmt.Println(medal.FileType, medal.OriginalFileName)
	fetch(ctx, medal.URL)
	check(ws.Media.Delete(ctx, medal.ID))
	fetch(ctx, medal.URL)
	// Output:
	// PUT 201 Created
	// image medal.svg
	// GET 200 OK image/svg+xml <svg/>
	// GET 404 Not Found text/plain; charset=utf-8 there is no such file
}

// How do all workspaces of an account share a logo, and how is it replaced? Until the new file is there,
// the medium has the old one.
func Example_commonMedia() {
	ctx := context.Background()
	ws, end := album(ctx)
	defer end()
	logo := content.NewUpload{FileName: "logo.txt", ContentType: "text/plain", FileSize: 3, Scope: content.CommonScope}
	for _, text := range []string{"old", "new"} {
		upload, err := ws.Media.Upload(ctx, logo)
		check(err)
		send(ctx, upload, text)
		medium, err := ws.Media.Confirm(ctx, upload.MediaID)
		check(err)
		fetch(ctx, medium.URL)
		logo.MediaID = upload.MediaID // to be replaced
	}
	common, _, err := ws.Media.List(ctx, content.MediaFilter{Scope: content.CommonScope}, store.Page{})
	check(err)
	fmt.Println(len(common), "common")
	// Output:
	// PUT 201 Created
	// GET 200 OK text/plain old
	// PUT 201 Created
	// GET 200 OK text/plain new
	// 1 common
}
