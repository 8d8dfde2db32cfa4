package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// The headers of a request, as Standard Webhooks names them.
const (
	HeaderID        = "webhook-id"        // identifies the message, the same for every try
	HeaderTimestamp = "webhook-timestamp" // when this try was made, in seconds since 1970
	HeaderSignature = "webhook-signature" // one signature for each secret that is valid, separated by spaces
)

// Tolerance is how far the moment of a request may be from that of who verifies it, in either direction.
const Tolerance = 5 * time.Minute

// The bounds of a secret, in bytes before they are written as text.
const (
	MinSecret = 24
	MaxSecret = 64
)

const (
	secretPrefix  = "whsec_"
	schemeVersion = "v1"
	newSecret     = 32      // bytes
	maxSignatures = 4 << 10 // bytes of the header that are looked at
	latestSecond  = 1 << 40 // nobody sends from the year 36812 on
)

// ErrSignature is what [Verify] returns for a request that nobody has signed with the secret.
var ErrSignature = errors.New("webhook: no signature of the request is right")

// key returns the bytes of a secret, or [fault.ErrInvalid] naming "secret". The error does not show it.
func key(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return nil, fault.Invalid("secret", "does not begin with %q", secretPrefix)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil || strings.ContainsAny(text, "\r\n"): // which the decoder passes over
		return nil, fault.Invalid("secret", "is not %q and base64", secretPrefix)
	case len(b) < MinSecret || len(b) > MaxSecret:
		return nil, fault.Invalid("secret", "has %d bytes; it must have %d to %d", len(b), MinSecret, MaxSecret)
	}
	return b, nil
}

// makeSecret returns a new secret.
func makeSecret(random io.Reader) (string, error) {
	b := make([]byte, newSecret)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("webhook: making a secret: %w", err)
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(b), nil
}

// signature returns what a secret's bytes make of a message.
func signature(key []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range []string{id, ".", timestamp, "."} {
		_, _ = io.WriteString(mac, part) // a hash takes everything
	}
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// Sign returns the three headers of a message that is sent at a moment, signed with each of the secrets. It returns
// [fault.ErrInvalid] for a secret that is none. Hosts need it to test what receives their webhooks.
func Sign(id string, at time.Time, body []byte, secrets ...string) (http.Header, error) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signed := make([]string, len(secrets))
	for i, secret := range secrets {
		k, err := key(secret)
		if err != nil {
			return nil, err
		}
		signed[i] = schemeVersion + "," + base64.StdEncoding.EncodeToString(signature(k, id, timestamp, body))
	}
	h := http.Header{}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, strings.Join(signed, " "))
	return h, nil
}

// Verify tells a receiver whether a request comes from who knows the secret, and is not an old one that somebody sends again: its
// timestamp must be within [Tolerance] of now. body is what was received, to the byte: it is verified before it is parsed. A
// receiver that must not do a thing twice keeps the ids ([HeaderID]) that it has seen.
//
// It returns nil, [ErrSignature], or [fault.ErrInvalid] naming the secret or the header that is missing, malformed or too far from now.
func Verify(secret string, header http.Header, body []byte, now time.Time) error {
	k, err := key(secret)
	if err != nil {
		return err
	}
	id, timestamp := header.Get(HeaderID), header.Get(HeaderTimestamp)
	if id == "" {
		return fault.Invalid(HeaderID, "is missing")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || seconds < 0 || seconds > latestSecond || timestamp != strconv.FormatInt(seconds, 10) {
		return fault.Invalid(HeaderTimestamp, "is %.30q; it must be a number of seconds", timestamp)
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > Tolerance || off < -Tolerance {
		return fault.Invalid(HeaderTimestamp, "is %s from now; at most %s are allowed", off.Round(time.Second).Abs(), Tolerance)
	}
	given, err := signatures(header.Values(HeaderSignature))
	if err != nil {
		return err
	}
	want := signature(k, id, timestamp, body)
	for _, s := range given {
		if hmac.Equal(s, want) {
			return nil
		}
	}
	return ErrSignature
}

// signatures returns those of the header that are of this scheme. Others are passed over: they may be of a later one.
func signatures(values []string) (found [][]byte, err error) {
	all := strings.Join(values, " ")
	switch {
	case all == "":
		return nil, fault.Invalid(HeaderSignature, "is missing")
	case len(all) > maxSignatures:
		return nil, fault.Invalid(HeaderSignature, "has %d bytes; at most %d are allowed", len(all), maxSignatures)
	}
	for one := range strings.FieldsSeq(all) {
		version, text, ok := strings.Cut(one, ",")
		if !ok || version != schemeVersion {
			continue
		}
		if b, err := base64.StdEncoding.DecodeString(text); err == nil {
			found = append(found, b)
		}
	}
	return found, nil
}
