package content_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
)

func TestDeclarationsOfData(t *testing.T) {
	t.Parallel()
	a := content.Activity{Name: "Run", Labels: content.Labels{Translations: []content.Label{{Lang: "en", Label: "Run"}}}}
	a.AdditionalData = []content.DataField{{Name: "minutes", Type: content.NumberData, Required: true}, {Name: "day", Type: content.DateData}}
	require.NoError(t, a.Validate())
	for want, field := range map[string]content.DataField{
		`additionalData[2].name: is empty`:                                                                        {Type: content.StringData},
		`additionalData[2].name: "a.b" has a ".", which expressions could not read`:                               {Name: "a.b", Type: content.StringData},
		`additionalData[2].name: "day" occurs twice`:                                                              {Name: "day", Type: content.StringData},
		`additionalData[2].type: "number" is none of NUMBER, STRING, BOOLEAN, DATE`:                               {Name: "km", Type: "number"},
		"additionalData[2].name: is empty\nadditionalData[2].type: \"\" is none of NUMBER, STRING, BOOLEAN, DATE": {},
	} {
		wrong := a
		wrong.AdditionalData = slices.Concat(a.AdditionalData, []content.DataField{field})
		err := wrong.Validate()
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.EqualError(t, err, want)
	}
	a.AdditionalData = make([]content.DataField, content.MaxData+1)
	require.EqualError(t, a.Validate(), "additionalData: are 101, at most 100 are allowed")
}
