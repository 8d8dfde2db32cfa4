package fileblob

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

// grant is what a URL allows whoever has it.
type grant struct {
	key         string
	upload      bool // to write; otherwise to read
	contentType string
	size        int64  // of an upload
	fileName    string // of a download
	expires     int64  // second since 1970 from which it allows nothing
}

// grant returns what upload and download have in common.
func (b *Bucket) grant(blob content.Blob, valid time.Duration) (grant, error) {
	if err := checkKey(blob.Key); err != nil {
		return grant{}, err
	}
	contentType := "application/octet-stream"
	if blob.ContentType != "" {
		if contentType = canonicalType(blob.ContentType); contentType == "" {
			return grant{}, fault.Invalid("contentType", "%.200q is not a content type", blob.ContentType)
		}
	}
	if valid <= 0 {
		return grant{}, fault.Invalid("valid", "is %s; it must be more than 0", valid)
	}
	return grant{key: blob.Key, contentType: contentType, expires: b.now().Add(valid).Unix()}, nil
}

// canonicalType returns a content type as it is always written, "" if it is none.
func canonicalType(s string) string {
	name, parameters, err := mime.ParseMediaType(s)
	if err != nil || !strings.Contains(name, "/") { // which mime takes for a disposition
		return ""
	}
	return mime.FormatMediaType(name, parameters)
}

// The parameters of a URL. Every URL has those of its sort, each once.
const (
	paramExpires   = "expires"
	paramType      = "type"
	paramSize      = "size" // of an upload
	paramName      = "name" // of a download
	paramSignature = "signature"
)

// query returns the parameters, without the signature.
func (g *grant) query() url.Values {
	q := url.Values{paramExpires: {strconv.FormatInt(g.expires, 10)}, paramType: {g.contentType}}
	if g.upload {
		q.Set(paramSize, strconv.FormatInt(g.size, 10))
	} else {
		q.Set(paramName, g.fileName)
	}
	return q
}

// url returns the URL of a grant, with further parameters.
func (b *Bucket) url(g *grant, more url.Values) string {
	u, q := b.base.JoinPath(g.key), g.query()
	maps.Copy(q, more)
	u.RawQuery = q.Encode()
	return u.String()
}

// mac returns the code of a grant's URL, which says all that the grant does: it is escaped and ordered,
// so no two grants have the same.
func (b *Bucket) mac(g *grant, secret []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("guerdon fileblob 1 " + b.url(g, nil))) // never fails
	return h.Sum(nil)
}

// sign returns the URL of a grant with its signature.
func (b *Bucket) sign(g grant) string {
	return b.url(&g, url.Values{paramSignature: {base64.RawURLEncoding.EncodeToString(b.mac(&g, b.secrets[0]))}})
}

// What a client is told of a URL that allows nothing. Only who had a URL that was right learns that it
// has expired.
const (
	reasonInvalid = "this link is not valid"
	reasonExpired = "this link has expired"
)

// verify returns what a URL allows to do by PUT, or else by GET; or why it allows nothing.
func (b *Bucket) verify(u *url.URL, upload bool) (g grant, reason string) {
	g, signature, ok := b.parse(u)
	if !ok || g.upload != upload || !b.signed(&g, signature) {
		return grant{}, reasonInvalid
	}
	if b.now().Unix() >= g.expires {
		return grant{}, reasonExpired
	}
	return g, ""
}

// signed tells whether one of the secrets signed the grant. It takes as long whichever it was.
func (b *Bucket) signed(g *grant, signature []byte) bool {
	found := false
	for _, secret := range b.secrets {
		found = hmac.Equal(signature, b.mac(g, secret)) || found
	}
	return found
}

// parse reads a URL. It accepts none but those that sign could have made.
func (b *Bucket) parse(u *url.URL) (g grant, signature []byte, ok bool) {
	key, below := strings.CutPrefix(u.Path, b.base.Path+"/")
	q, err := url.ParseQuery(u.RawQuery)
	if !below || err != nil || checkKey(key) != nil {
		return grant{}, nil, false
	}
	signature, err = base64.RawURLEncoding.Strict().DecodeString(q.Get(paramSignature))
	if err != nil {
		return grant{}, nil, false
	}
	q.Del(paramSignature)
	g = grant{key: key, upload: q.Has(paramSize), contentType: q.Get(paramType), fileName: q.Get(paramName)}
	g.expires, _ = strconv.ParseInt(q.Get(paramExpires), 10, 64)
	g.size, _ = strconv.ParseInt(q.Get(paramSize), 10, 64)
	return g, signature, g.query().Encode() == q.Encode() // nothing is missing, said twice, unknown or malformed
}
