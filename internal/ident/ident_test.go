package ident_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
)

func TestCheck(t *testing.T) {
	for _, id := range []string{"a", "A-z_09", strings.Repeat("x", ident.Max)} {
		require.NoError(t, ident.Check("id", id), id)
	}
	for _, id := range []string{"", " ", "a b", "a/b", "a:b", "a\x00", "a\n", "ünïcode", "数", strings.Repeat("x", ident.Max+1), strings.Repeat("x", 10<<10)} {
		err := ident.Check("userId", id)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "userId: ")
		require.Less(t, len(err.Error()), 200)
	}
}
