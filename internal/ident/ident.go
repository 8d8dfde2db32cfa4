// Package ident says what an identifier may be: one rule for accounts, workspaces, users, documents
// and events.
package ident

import "github.com/guerdonhq/guerdon/fault"

// Max is the greatest length of an identifier that a caller may choose.
const Max = 64

// Check refuses an identifier that is not 1 to [Max] characters of A-Z, a-z, 0-9, "_" and "-".
// Identifiers that the engine derives from others join them with ":" and are therefore never equal
// to one that a caller chose.
func Check(field, id string) error {
	switch {
	case id == "":
		return fault.Invalid(field, "is empty")
	case len(id) > Max:
		return fault.Invalid(field, "is %d bytes long, at most %d are allowed", len(id), Max)
	}
	for _, r := range id {
		if !allowed(r) {
			return fault.Invalid(field, "holds %q; allowed are A-Z a-z 0-9 _ -", r)
		}
	}
	return nil
}

func allowed(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-'
}
