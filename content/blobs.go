package content

import (
	"context"
	"time"
)

// Blobs is where the bytes of media are: a folder (package content/fileblob), or an object store behind
// an adapter. They never pass through the engine, which gives out signed URLs instead: whoever has one
// may do what it says until it ends. It is called concurrently, and with keys that the engine makes:
// letters, digits, "_", "-", "." and "/", at most 300 characters, none with a meaning to a file system.
type Blobs interface {
	// UploadURL returns a URL to which b's bytes may be sent with PUT for as long as valid says, and the
	// headers that the request must have. What is not of b's type or size should be refused, if that can
	// be signed; [MediaLibrary.Confirm] refuses it in any case. Sent twice, the bytes that end last count.
	UploadURL(ctx context.Context, b Blob, valid time.Duration) (url string, header map[string]string, err error)

	// DownloadURL returns a URL from which the bytes may be read with GET for as long as valid says.
	// There need be no blob with b's key.
	DownloadURL(ctx context.Context, b Blob, valid time.Duration) (url string, err error)

	// Stat returns what is known of a blob: at least Key and Size, which no upload under way has changed.
	// It returns [fault.ErrNotFound] if there is none.
	Stat(ctx context.Context, key string) (Blob, error)

	// Delete removes a blob for good; one that is not there is no error.
	Delete(ctx context.Context, key string) error
}

// A Blob describes the bytes of one file, which its key identifies.
type Blob struct {
	Key string
	// ContentType is a media type with its parameters ("text/csv; charset=utf-8"), "" if unknown.
	ContentType string
	// Size is the number of bytes.
	Size int64
	// FileName is what the file should be called where it is saved.
	FileName string
}
