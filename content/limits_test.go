package content_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

func TestLimits(t *testing.T) {
	text := func(n int) string { return strings.Repeat("ü", n) }
	for name, tt := range map[string]struct {
		change func(*box)
		fault  string // the beginning of the error, "" if there is none
	}{
		"longest label":       {func(b *box) { b.Translations[0].Label = text(content.MaxName) }, ""},
		"label":               {func(b *box) { b.Translations[0].Label = text(content.MaxName + 1) }, "translations[0].label: is 256 characters"},
		"label of two lines":  {func(b *box) { b.Translations[0].Label = "a\nb" }, "translations[0].label: holds a control"},
		"longest description": {func(b *box) { b.Translations[0].Description = text(content.MaxText-1) + "\n" }, ""},
		"description":         {func(b *box) { b.Translations[0].Description = text(content.MaxText + 1) }, "translations[0].description: is 5001 characters"},
		"NUL in description":  {func(b *box) { b.Translations[0].Description = "\x00" }, "translations[0].description: holds a control"},
		"broken UTF-8":        {func(b *box) { b.Translations[0].Description = "\xff" }, "translations[0].description: is not valid UTF-8"},
		"long id in a list":   {func(b *box) { b.Holds = []string{"a", text(content.MaxText + 1)} }, "holds[1]: is 5001 characters"},
		"longest list":        {func(b *box) { b.Holds = make([]string, content.MaxItems) }, ""},
		"long list":           {func(b *box) { b.Holds = make([]string, content.MaxItems+1) }, "holds: are 1001, at most 1000 are allowed"},
		"inside a pointer":    {func(b *box) { b.Inner = &box{Holds: []string{text(content.MaxText + 1)}} }, "inner.holds[0]: is 5001 characters"},
		"large document": {
			func(b *box) {
				b.Holds = strings.Split(text(content.MaxText)+strings.Repeat(","+text(content.MaxText), 110), ",")
			},
			`Box "b" is 1110`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, b := newShelf(t), newBox("b")
			tt.change(&b)
			_, err := s.boxes.Create(t.Context(), b)
			if tt.fault == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.True(t, strings.HasPrefix(err.Error(), tt.fault), err)
			_, err = s.boxes.Get(t.Context(), "b")
			require.ErrorIs(t, err, fault.ErrNotFound)
		})
	}
	s := newShelf(t)
	_, err := s.importBundle(t, `{"documents":[]}`+strings.Repeat(" ", content.MaxBundle))
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "bundle: is ")
}
