package text_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
)

func TestTexts(t *testing.T) {
	for s, want := range map[string]struct{ line, prose bool }{
		"abc":      {true, true},
		"äöü世界":    {true, true},
		"a\nb\tc":  {false, true},
		"a\x00c":   {false, false},
		"ab":       {false, false},
		"":         {false, false},
		"abcdef":   {false, false},
		"ab\xff":   {false, false},
		"ab\u0085": {false, false},
	} {
		line, prose := text.Line("name", s, 3, 5), text.Prose("name", s, 3, 5)
		require.Equal(t, want.line, line == nil, "%q: %v", s, line)
		require.Equal(t, want.prose, prose == nil, "%q: %v", s, prose)
		if line != nil {
			require.ErrorIs(t, line, fault.ErrInvalid)
			require.ErrorContains(t, line, "name: ")
		}
	}
	require.NoError(t, text.Line("name", "", 0, 5))
}

func TestURI(t *testing.T) {
	for _, s := range []string{"https://example.org", "https://example.org/a%20b?c=d#e", "urn:isbn:1", "file:///a"} {
		require.NoError(t, text.URI("image", s), s)
	}
	for _, s := range []string{"", "a", "/a/b", "//example.org/a", "https:", "https://example.org/a b", "https://exämple.org", "https://e.org/" + strings.Repeat("a", text.MaxURI)} {
		err := text.URI("image", s)
		require.ErrorIs(t, err, fault.ErrInvalid, s)
		require.ErrorContains(t, err, "image: ")
	}
}

func TestRequiredAndOptional(t *testing.T) {
	require.NoError(t, text.Required("name", "a"))
	require.ErrorIs(t, text.Required("name", ""), fault.ErrInvalid)
	require.EqualError(t, text.Required("name", ""), "name: is empty")
	require.NoError(t, text.Optional(text.URI, "image", ""))
	require.NoError(t, text.Optional(text.URI, "image", "urn:isbn:1"))
	require.EqualError(t, text.Optional(text.URI, "image", "a"), "image: is not an absolute URI")
}

func TestCut(t *testing.T) {
	for s, want := range map[string]string{"": "", "abc": "abc", "abcd": "abc", "aéé": "aé", "éé": "é", "世界": "世"} {
		require.Equal(t, want, text.Cut(s, 3), s)
	}
}
