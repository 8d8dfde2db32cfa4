package tenancy

import (
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/text/cases"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Bounds of texts.
const (
	maxText  = 255 // characters
	maxEmail = 254 // bytes
)

// checkNickname refuses a nickname that is not 2 to 40 letters, marks, digits, symbols and separators
// (space _ . -), or in which two separators follow one another.
func checkNickname(field, s string) error {
	if err := text.Line(field, s, 2, 40); err != nil {
		return err
	}
	separated := false
	for _, r := range s {
		separator := strings.ContainsRune("_.- ", r)
		switch {
		case !separator && !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.S):
			return fault.Invalid(field, "holds %q; allowed are letters, digits, symbols, and single spaces, _ . -", r)
		case separator && separated:
			return fault.Invalid(field, "has two of space _ . - in a row")
		}
		separated = separator
	}
	return nil
}

// checkName refuses a person's name that is not 2 to 50 letters, marks, spaces, apostrophes and hyphens.
func checkName(field, s string) error {
	if err := text.Line(field, s, 2, 50); err != nil {
		return err
	}
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.M) && !strings.ContainsRune("' -", r) {
			return fault.Invalid(field, "holds %q; allowed are letters, spaces, ' and -", r)
		}
	}
	return nil
}

// checkEmail refuses what is not a plain address such as "ann@example.org".
func checkEmail(field, s string) error {
	if len(s) > maxEmail {
		return fault.Invalid(field, "is %d bytes long, at most %d are allowed", len(s), maxEmail)
	}
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
		return fault.Invalid(field, "is not an e-mail address")
	}
	return nil
}

// foldEmail returns what two spellings of an e-mail have in common.
func foldEmail(s string) string { return cases.Fold().String(s) }

func checkLang(field, s string) error {
	if !ValidLang(s) {
		return fault.Invalid(field, "%q is not a supported language", s)
	}
	return nil
}

// checkTimezone accepts every zone of the time zone database, former names such as "Asia/Calcutta"
// too: a host passes on what its users' devices say.
func checkTimezone(field, s string) error {
	return fault.In(field, timeframe.CheckZone(s))
}
