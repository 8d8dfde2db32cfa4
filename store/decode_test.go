package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// A mixture has what records are made of.
type mixture struct {
	mark

	ID     string             `json:"id"`
	Kind   kind               `json:"kind,omitempty"`
	Texts  []string           `json:"texts"`
	Data   map[string]any     `json:"data,omitempty"`
	Names  map[string]string  `json:"names"`
	Counts map[int]int        `json:"counts,omitempty"`
	Flags  map[string]bool    `json:"flags,omitempty"`
	N      int64              `json:"n"`
	F      float64            `json:"f,omitempty"`
	OK     bool               `json:"ok,omitempty"`
	Raw    json.RawMessage    `json:"raw,omitempty"`
	At     time.Time          `json:"at"`
	Until  time.Time          `json:"until,omitzero"`
	Amount decimal.Decimal    `json:"amount,omitzero"`
	Target *decimal.Decimal   `json:"target,omitempty"`
	Deep   *mixture           `json:"deep,omitempty"`
	Many   []mixture          `json:"many,omitempty"`
	By     map[string]mixture `json:"by,omitempty"`
}

type kind string

type mark struct {
	Seq     int64  `json:"seq,omitempty"`
	EventID string `json:"eventId,omitempty"`
}

var mixtures = store.Define("mixtures", func(m *mixture) string { return m.ID }, nil)

// What Encode makes of a record, Decode reads as the standard library does.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"id":"a","texts":["x","\u0000\ud83d\ude00"," <&>"],"n":-9223372036854775808,"ok":true}`,
		`{"seq":7,"eventId":"e","kind":"K","counts":{"3":4,"-1":0},"flags":{"a":true},"names":{"":"é"}}`,
		`{"data":{"a":[1,2.5,null,{"b":"c"}],"big":1e300},"f":0.1,"raw":{"z":[1.0, 1e400],"z":"twice"}}`,
		`{"at":"2025-09-15T09:17:57.5Z","until":"0001-01-01T00:00:00Z","amount":"1.000001","target":"-3"}`,
		`{"deep":{"at":"9999-12-31T23:59:59.999999+14:00"},"many":[{},{"id":"b"}],"by":{"x":{"raw":null}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var record mixture
		if json.Unmarshal(text, &record) != nil {
			t.Skip()
		}
		encoded, err := mixtures.Schema().Encode(mixtures.Row(record))
		if err != nil {
			t.Skip() // a year that JSON cannot write
		}
		var want mixture
		require.NoError(t, json.Unmarshal(encoded, &want))
		got, err := mixtures.Schema().Decode(want.ID, encoded)
		require.NoError(t, err)
		require.Equal(t, want, got.Record)
		shown, err := mixtures.Schema().JSON(got)
		require.NoError(t, err)
		parsed, err := mixtures.Schema().ParseJSON(shown)
		if err == nil { // the key may be one that no table keeps
			require.Equal(t, want, parsed.Record)
		} else {
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
		for end := range encoded {
			_, err := mixtures.Schema().Decode(want.ID, encoded[:end])
			require.Error(t, err, "cut off at %d", end)
		}
	})
}
