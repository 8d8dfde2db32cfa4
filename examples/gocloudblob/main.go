// The gocloudblob example keeps the files of the media library in a bucket of gocloud.dev, which may be
// one of Amazon, Google or Azure, or MinIO, or a folder. What it takes is in blobs.go.
//
//	go run .    # in this folder: it is a module of its own, so that others need not have gocloud.dev's
//
// It uses a folder, which is removed afterwards, and stands in for the server that the cloud would be.
// With another bucket nothing changes but how it is opened:
//
//	bucket, err := blob.OpenBucket(ctx, "s3://media?region=eu-south-1") // and import gocloud.dev/blob/s3blob
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gocloudblob:", err)
		os.Exit(1)
	}
}

// run uploads a file to a workspace, reads it and deletes it.
func run(ctx context.Context, out io.Writer) (err error) {
	c, err := openCloud(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	ws, err := workspace(ctx, blobs{c.bucket})
	if err != nil {
		return err
	}

	const file = "runner,kilometres\nada,42\n"
	upload, err := ws.Media.Upload(ctx, content.NewUpload{FileName: "runs.csv", ContentType: "text/csv", FileSize: int64(len(file))})
	if err != nil {
		return err
	}
	status, _, err := send(ctx, http.MethodPut, upload.UploadURL, upload.MetadataHeaders, file)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "sent:", status)
	medium, err := ws.Media.Confirm(ctx, upload.MediaID)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "there:", medium.OriginalFileName, medium.ContentType, medium.FileSize, "bytes")
	status, body, err := send(ctx, http.MethodGet, medium.URL, nil, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "read: %s %q\n", status, body)
	if err := ws.Media.Delete(ctx, medium.ID); err != nil {
		return err
	}
	status, _, err = send(ctx, http.MethodGet, medium.URL, nil, "")
	fmt.Fprintln(out, "deleted:", status)
	return err
}

// workspace returns a workspace whose files are in the given place.
func workspace(ctx context.Context, files content.Blobs) (*guerdon.Workspace, error) {
	eng, err := guerdon.New(ctx, memory.New(), &guerdon.Options{Blobs: files})
	if err != nil {
		return nil, err
	}
	if _, err := eng.Platform.CreateAccount(ctx, tenancy.Account{ID: "acme"}); err != nil {
		return nil, err
	}
	return eng.Workspace(ctx, store.Scope{Account: "acme", Workspace: "default"})
}

// send does what a browser does with a signed URL.
func send(ctx context.Context, method, target string, header map[string]string, body string) (status, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return "", "", err
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", "", err
	}
	read, err := io.ReadAll(response.Body)
	return response.Status, string(read), errors.Join(err, response.Body.Close())
}

// cloud is a bucket in a folder, and the server behind its URLs.
type cloud struct {
	dir    string
	bucket *blob.Bucket
	signer fileblob.URLSigner
	server *http.Server
	done   chan error // what the server ended with
}

func openCloud(ctx context.Context) (*cloud, error) {
	dir, err := os.MkdirTemp("", "gocloudblob")
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	base := &url.URL{Scheme: "http", Host: listener.Addr().String(), Path: "/media"}
	signer := fileblob.NewURLSignerHMAC(base, []byte("a secret that nobody can guess"))
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{URLSigner: signer})
	if err != nil {
		return nil, errors.Join(err, listener.Close(), os.RemoveAll(dir))
	}
	c := &cloud{dir: dir, bucket: bucket, signer: signer, done: make(chan error, 1)}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	go func() { c.done <- c.server.Serve(listener) }()
	return c, nil
}

func (c *cloud) close() error {
	err := errors.Join(c.server.Close(), c.bucket.Close(), os.RemoveAll(c.dir))
	if end := <-c.done; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

// ServeHTTP does as much as the example needs of what a cloud does. The package content/fileblob of
// guerdon is a server for a folder that is meant to be used.
func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, err := c.signer.KeyFromURL(r.Context(), r.URL)
	q := r.URL.Query()
	if err != nil || q.Get("method") != r.Method || q.Get("contentType") != r.Header.Get("Content-Type") {
		http.Error(w, "the URL does not allow this", http.StatusForbidden)
		return
	}
	if r.Method == http.MethodPut {
		err = c.bucket.Upload(r.Context(), key, r.Body, &blob.WriterOptions{ContentType: r.Header.Get("Content-Type")})
	} else {
		err = c.bucket.Download(r.Context(), key, w, nil)
	}
	if err != nil {
		http.Error(w, "there is no such file", http.StatusNotFound)
	}
}
