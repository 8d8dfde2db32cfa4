package main

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	require.Equal(t, `sent: 200 OK
there: runs.csv text/csv 25 bytes
read: 200 OK "runner,kilometres\nada,42\n"
deleted: 404 Not Found
`, out.String())
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	ctx, bucket := t.Context(), memblob.OpenBucket(nil)
	b := blobs{bucket}
	_, err := b.Stat(ctx, "a/b.csv")
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.NoError(t, b.Delete(ctx, "a/b.csv"))
	require.NoError(t, bucket.WriteAll(ctx, "a/b.csv", []byte("1,2"), &blob.WriterOptions{ContentType: "text/csv"}))
	there, err := b.Stat(ctx, "a/b.csv")
	require.NoError(t, err)
	require.Equal(t, content.Blob{Key: "a/b.csv", ContentType: "text/csv", Size: 3}, there)
	require.NoError(t, b.Delete(ctx, "a/b.csv"))
	_, err = b.Stat(ctx, "a/b.csv")
	require.ErrorIs(t, err, fault.ErrNotFound)

	// A bucket in memory has no URLs, and says so.
	_, _, err = b.UploadURL(ctx, there, time.Minute)
	require.Equal(t, gcerrors.Unimplemented, gcerrors.Code(err))
	_, err = b.DownloadURL(ctx, there, time.Minute)
	require.Equal(t, gcerrors.Unimplemented, gcerrors.Code(err))

	// A failure is not taken for a blob that is not there.
	require.NoError(t, bucket.Close())
	_, err = b.Stat(ctx, "a/b.csv")
	require.Error(t, err)
	require.NotErrorIs(t, err, fault.ErrNotFound)
	require.Error(t, b.Delete(ctx, "a/b.csv"))
}

// What is sent is what was announced, or it does not become a medium.
func TestOtherFilesAreRefused(t *testing.T) {
	t.Parallel()
	c, err := openCloud(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, c.close()) }()
	ws, err := workspace(t.Context(), blobs{c.bucket})
	require.NoError(t, err)
	upload, err := ws.Media.Upload(t.Context(), content.NewUpload{FileName: "a.csv", ContentType: "text/csv", FileSize: 3})
	require.NoError(t, err)

	status, _, err := send(t.Context(), http.MethodPut, upload.UploadURL, map[string]string{"Content-Type": "text/html"}, "1,2")
	require.NoError(t, err)
	require.Equal(t, "403 Forbidden", status)
	status, _, err = send(t.Context(), http.MethodPut, upload.UploadURL, upload.MetadataHeaders, "larger")
	require.NoError(t, err)
	require.Equal(t, "200 OK", status)
	_, err = ws.Media.Confirm(t.Context(), upload.MediaID)
	require.ErrorIs(t, err, fault.ErrConflict)
	_, err = ws.Media.Get(t.Context(), upload.MediaID)
	require.ErrorIs(t, err, fault.ErrNotFound)
}
