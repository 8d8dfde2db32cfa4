package fileblob

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"path"
	"strings"
)

// ServeHTTP answers the URLs of the bucket: PUT keeps a blob, GET and HEAD read one, in ranges too. A URL
// that allows nothing is 403; a body of another type than signed 415, a longer one 413, a shorter one
// 400, and nothing is kept of either. What browsers would run is neither run nor shown on the host's
// origin: it can only be saved, or embedded in a page as an image.
//
// Limits on time are the server's to set.
func (b *Bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		b.serve(w, r)
	case http.MethodPut:
		b.receive(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT")
		http.Error(w, "the method is not allowed", http.StatusMethodNotAllowed)
	}
}

// serve answers a download.
func (b *Bucket) serve(w http.ResponseWriter, r *http.Request) {
	g, reason := b.verify(r.URL, false)
	if reason != "" {
		http.Error(w, reason, http.StatusForbidden)
		return
	}
	f, info, err := b.open(g.key)
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	defer f.Close() //nolint:errcheck // nothing was written
	header := w.Header()
	header.Set("Content-Type", g.contentType)
	header.Set("Content-Disposition", g.disposition())
	// A document that is opened by itself runs nothing, loads nothing and has an origin of its own.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	header.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", g.expires-b.now().Unix()))
	http.ServeContent(w, r, "", info.ModTime(), f)
}

// open returns the file of a blob.
func (b *Bucket) open(key string) (*os.File, fs.FileInfo, error) {
	f, err := b.root.Open(key)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// disposition says what a browser may do with a file that is opened by itself: show it if it is a
// picture, a sound or a film. An SVG is a document that can hold scripts.
func (g *grant) disposition() string {
	how := "attachment"
	kind, _, _ := strings.Cut(g.contentType, "/")
	if (kind == "image" || kind == "audio" || kind == "video") && !strings.HasPrefix(g.contentType, "image/svg") {
		how = "inline"
	}
	if g.fileName == "" {
		return how
	}
	return mime.FormatMediaType(how, map[string]string{"filename": g.fileName})
}

// receive answers an upload.
func (b *Bucket) receive(w http.ResponseWriter, r *http.Request) {
	g, reason := b.verify(r.URL, true)
	switch {
	case reason != "":
		http.Error(w, reason, http.StatusForbidden)
	case canonicalType(r.Header.Get("Content-Type")) != g.contentType:
		http.Error(w, "the content type is not the one announced", http.StatusUnsupportedMediaType)
	case r.Header.Get("Content-Range") != "" || r.Header.Get("Content-Encoding") != "":
		http.Error(w, "the body must be the whole file as it is", http.StatusBadRequest)
	case r.ContentLength > g.size:
		b.refuse(w, r, errLonger)
	case r.ContentLength >= 0 && r.ContentLength < g.size:
		b.refuse(w, r, errShorter)
	default:
		if err := b.keep(&g, r.Body); err != nil {
			b.refuse(w, r, err)
			return
		}
		w.WriteHeader(http.StatusCreated)
	}
}

var (
	errLonger  = errors.New("fileblob: the body is longer than announced")
	errShorter = errors.New("fileblob: the body is shorter than announced")
)

// refuse answers what an error means, which is nothing of what is inside: the log says that, unless whoever asked has gone.
func (b *Bucket) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errLonger):
		http.Error(w, "the file is larger than announced", http.StatusRequestEntityTooLarge)
	case errors.Is(err, errShorter):
		http.Error(w, "the file is smaller than announced", http.StatusBadRequest)
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, "there is no such file", http.StatusNotFound)
	default:
		if r.Context().Err() == nil {
			log := cmp.Or(b.log, slog.Default())
			log.LogAttrs(r.Context(), slog.LevelError, "guerdon: media", slog.String("method", r.Method), slog.Any("error", err))
		}
		http.Error(w, "the file cannot be reached", http.StatusInternalServerError)
	}
}

// keep writes a blob beside the others and then puts it in its place, so that readers see the old one or
// the new one, whole.
func (b *Bucket) keep(g *grant, body io.Reader) (err error) {
	f, name, err := b.create()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.root.Remove(name))
		}
	}()
	if err := errors.Join(fill(f, body, g.size), f.Close()); err != nil {
		return err
	}
	if err := b.root.MkdirAll(path.Dir(g.key), 0o750); err != nil {
		return err
	}
	return b.root.Rename(name, g.key)
}

// fill writes exactly size bytes, and sees to it that they last.
func fill(f *os.File, body io.Reader, size int64) error {
	n, err := io.Copy(f, io.LimitReader(body, size+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errShorter
	case err != nil:
		return err
	case n > size:
		return errLonger
	case n < size:
		return errShorter
	}
	return f.Sync()
}
