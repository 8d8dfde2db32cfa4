// Package fileblob keeps media in a folder of the machine, and serves them under signed URLs.
//
// A [Bucket] is the [content.Blobs] that an engine is given, and the [http.Handler] behind the URLs that
// it makes:
//
//	bucket, err := fileblob.Open("media", fileblob.Options{
//		URL: "https://example.org/media", Secrets: [][]byte{secret}, Now: time.Now,
//	})
//	eng, err := guerdon.New(ctx, st, &guerdon.Options{Blobs: bucket})
//	mux.Handle("/media/", bucket)
//
// Several processes may serve one folder if they have the same secrets.
package fileblob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

// MinSecret is the least length of a secret in bytes.
const MinSecret = 32

// Options say how a bucket signs. All of them but Log are needed.
type Options struct {
	// URL is where the bucket is served, without a query: "https://example.org/media". The handler must
	// see the path as it is there.
	URL string
	// Secrets sign the URLs, each with at least [MinSecret] bytes that nobody can guess. The first signs;
	// all are accepted. To change the secret, put a new one first, and take the old one away when what
	// it signed has expired.
	Secrets [][]byte
	// Now is the clock by which URLs expire, such as [time.Now]. It is called concurrently.
	Now func() time.Time
	// Log takes why a request met a file that cannot be reached, of which the client is told no more than that; nil means
	// [slog.Default].
	Log *slog.Logger
}

// A Bucket is a folder of files, each under the key that is its path. It may be used concurrently.
type Bucket struct {
	root    *os.Root
	base    *url.URL
	secrets [][]byte
	now     func() time.Time
	log     *slog.Logger // nil: the default
	uploads atomic.Int64 // numbers the files that are being written
}

var _ content.Blobs = (*Bucket)(nil)

// Open returns the bucket in a folder, which it makes if there is none. Nothing outside the folder is
// read or written, whatever links it holds. It returns [fault.ErrInvalid] for every option at fault.
func Open(dir string, o Options) (*Bucket, error) {
	base, err := o.check()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("fileblob: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("fileblob: %w", err)
	}
	b := &Bucket{root: root, base: base, now: o.Now, log: o.Log}
	for _, secret := range o.Secrets {
		b.secrets = append(b.secrets, append([]byte(nil), secret...))
	}
	if err := b.removeRemains(); err != nil {
		return nil, errors.Join(fmt.Errorf("fileblob: %w", err), root.Close())
	}
	return b, nil
}

func (o *Options) check() (*url.URL, error) {
	var faults []error
	base, err := url.Parse(o.URL)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || base.User != nil ||
		base.RawQuery != "" || base.Fragment != "" {
		faults = append(faults, fault.Invalid("url", "%.200q is not an absolute URL of http or https without a query", o.URL))
	}
	if len(o.Secrets) == 0 {
		faults = append(faults, fault.Invalid("secrets", "are missing"))
	}
	for i, secret := range o.Secrets {
		if len(secret) < MinSecret {
			faults = append(faults, fault.Invalid(fmt.Sprintf("secrets[%d]", i), "has %d bytes; it needs at least %d", len(secret), MinSecret))
		}
	}
	if o.Now == nil {
		faults = append(faults, fault.Invalid("now", "is missing"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	base.Path, base.RawPath = strings.TrimSuffix(base.Path, "/"), ""
	return base, nil
}

// Close releases the folder. Calls after it fail.
func (b *Bucket) Close() error { return b.root.Close() }

// UploadURL returns a URL to which exactly what blob describes can be sent with PUT: the type and the
// size are signed. It returns [fault.ErrInvalid] for a key that is not a plain path, and for a negative
// size.
func (b *Bucket) UploadURL(_ context.Context, blob content.Blob, valid time.Duration) (string, map[string]string, error) {
	if blob.Size < 0 {
		return "", nil, fault.Invalid("size", "is %d; it must be 0 or more", blob.Size)
	}
	g, err := b.grant(blob, valid)
	if err != nil {
		return "", nil, err
	}
	g.upload, g.size = true, blob.Size
	return b.sign(g), map[string]string{"Content-Type": g.contentType}, nil
}

// DownloadURL returns a URL to read the blob with GET or HEAD. It is served as of blob's content type,
// and saved under its file name. It returns [fault.ErrInvalid] for a key that is not a plain path.
func (b *Bucket) DownloadURL(_ context.Context, blob content.Blob, valid time.Duration) (string, error) {
	g, err := b.grant(blob, valid)
	if err != nil {
		return "", err
	}
	g.fileName = blob.FileName
	return b.sign(g), nil
}

// Stat returns the key and the size of a blob; [fault.ErrNotFound] if there is none.
func (b *Bucket) Stat(_ context.Context, key string) (content.Blob, error) {
	if err := checkKey(key); err != nil {
		return content.Blob{}, err
	}
	info, err := b.root.Stat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular():
		return content.Blob{}, fault.NotFound("key", key)
	case err != nil:
		return content.Blob{}, fmt.Errorf("fileblob: %w", err)
	}
	return content.Blob{Key: key, Size: info.Size()}, nil
}

// Delete removes a blob; one that is not there is no error.
func (b *Bucket) Delete(_ context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := b.root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("fileblob: %w", err)
	}
	return nil
}

// checkKey refuses a key that is not names of letters, digits, "_", "-" and "." joined by "/", or whose
// names begin with ".".
func checkKey(key string) error {
	const field, most = "key", 512
	if len(key) > most {
		return fault.Invalid(field, "is %d bytes long, at most %d are allowed", len(key), most)
	}
	for name := range strings.SplitSeq(key, "/") {
		if name == "" || name[0] == '.' || strings.ContainsFunc(name, foreign) {
			return fault.Invalid(field, "%q is not a path of names of A-Z a-z 0-9 _ - . that begin with no dot", key)
		}
	}
	return nil
}

// foreign tells whether no name may hold the character.
func foreign(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && r != '_' && r != '-' && r != '.'
}

// uploadFolder holds files that are being written. No key begins with a dot.
const uploadFolder = ".uploads"

// removeRemains deletes what a killed process has left behind: what nobody has written to for a day.
func (b *Bucket) removeRemains() error {
	if err := b.root.MkdirAll(uploadFolder, 0o750); err != nil {
		return err
	}
	entries, err := fs.ReadDir(b.root.FS(), uploadFolder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(b.now().Add(-24*time.Hour)) {
			err = b.root.Remove(path.Join(uploadFolder, entry.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // another process was faster
			return err
		}
	}
	return nil
}

// create makes a file for an upload, under a name of its own.
func (b *Bucket) create() (*os.File, string, error) {
	for {
		name := fmt.Sprintf("%s/%d-%d", uploadFolder, os.Getpid(), b.uploads.Add(1))
		f, err := b.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
		if !errors.Is(err, fs.ErrExist) { // of a process that had the same number, or another bucket
			return f, name, err
		}
	}
}
