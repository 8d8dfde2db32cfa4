// Package text says what a text may be that somebody wrote: one rule for names, descriptions and URIs.
package text

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/guerdonhq/guerdon/fault"
)

// MaxURI is the greatest length of a URI in bytes.
const MaxURI = 2048

// Line refuses a text that is not least to most characters, or that holds control characters.
func Line(field, s string, least, most int) error {
	return check(field, s, least, most, unicode.IsControl)
}

// Prose is [Line] for a text that may have several lines and tabs.
func Prose(field, s string, least, most int) error {
	return check(field, s, least, most, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) })
}

func check(field, s string, least, most int, refused func(rune) bool) error {
	switch n := utf8.RuneCountInString(s); {
	case !utf8.ValidString(s):
		return fault.Invalid(field, "is not valid UTF-8")
	case s == "" && least > 0:
		return fault.Invalid(field, "is empty")
	case n < least || n > most:
		return fault.Invalid(field, "is %d characters long; allowed are %d to %d", n, least, most)
	case strings.ContainsFunc(s, refused):
		return fault.Invalid(field, "holds a control character")
	}
	return nil
}

// Required refuses an empty text.
func Required(field, s string) error {
	if s == "" {
		return fault.Invalid(field, "is empty")
	}
	return nil
}

// Optional applies a check to a text unless it is empty.
func Optional(check func(field, s string) error, field, s string) error {
	if s == "" {
		return nil
	}
	return check(field, s)
}

// Cut returns the beginning of a text that has more than most bytes, without a part of a character at its end.
func Cut(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// URI refuses what is not an absolute URI.
func URI(field, s string) error {
	if len(s) > MaxURI {
		return fault.Invalid(field, "is %d bytes long, at most %d are allowed", len(s), MaxURI)
	}
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() || u.Host+u.Opaque+u.Path == "" || strings.ContainsFunc(s, outsideURI) {
		return fault.Invalid(field, "is not an absolute URI")
	}
	return nil
}

// outsideURI tells whether a character must be escaped in a URI.
func outsideURI(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }

// Values returns texts as a list of JSON values, as rules read it.
func Values(texts []string) []any {
	all := make([]any, len(texts))
	for i, s := range texts {
		all[i] = s
	}
	return all
}
