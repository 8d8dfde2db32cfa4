package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

// blobs are the files of a bucket that gocloud.dev can reach.
type blobs struct{ bucket *blob.Bucket }

var _ content.Blobs = blobs{}

// UploadURL signs the content type. Not every bucket can sign the size: the engine looks at what came.
func (b blobs) UploadURL(ctx context.Context, of content.Blob, valid time.Duration) (string, map[string]string, error) {
	url, err := b.bucket.SignedURL(ctx, of.Key, &blob.SignedURLOptions{
		Method: http.MethodPut, ContentType: of.ContentType, Expiry: valid,
	})
	return url, map[string]string{"Content-Type": of.ContentType}, err
}

// DownloadURL signs the key alone: the bucket knows the content type.
func (b blobs) DownloadURL(ctx context.Context, of content.Blob, valid time.Duration) (string, error) {
	return b.bucket.SignedURL(ctx, of.Key, &blob.SignedURLOptions{Method: http.MethodGet, Expiry: valid})
}

// Stat returns what the bucket knows of a blob.
func (b blobs) Stat(ctx context.Context, key string) (content.Blob, error) {
	about, err := b.bucket.Attributes(ctx, key)
	switch {
	case gcerrors.Code(err) == gcerrors.NotFound:
		return content.Blob{}, fault.NotFound("key", key)
	case err != nil:
		return content.Blob{}, fmt.Errorf("the bucket's attributes: %w", err)
	}
	return content.Blob{Key: key, ContentType: about.ContentType, Size: about.Size}, nil
}

// Delete removes a blob, if it is there.
func (b blobs) Delete(ctx context.Context, key string) error {
	err := b.bucket.Delete(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return err
}
