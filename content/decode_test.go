package content_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A sample has a field of every sort.
type sample struct {
	content.Header
	content.Untranslated
	MaxPerUser int              `json:"maxPerUser"`
	Ratio      float64          `json:"ratio"`
	Hidden     *bool            `json:"hidden"`
	StartsAt   time.Time        `json:"startsAt"`
	Bound      *decimal.Decimal `json:"bound"`
	Day        timeframe.Day    `json:"day"`
	Targets    []int            `json:"targets"`
	Rewards    []reward         `json:"rewards"`
	Query      query            `json:"query"`
}

type reward struct {
	CurrencyID string `json:"virtualCurrencyId"`
}

// A query reads itself.
type query struct {
	Source string `json:"source"`
}

func (q *query) UnmarshalJSON(b []byte) error {
	if string(b) != `{"source":"logs"}` {
		return fault.Invalid("query", "is not supported")
	}
	q.Source = "logs"
	return nil
}

func (*sample) Validate() error                 { return nil }
func (*sample) References() []content.Reference { return nil }

var samples = content.NewLibrary(content.NewKind[sample]("Sample"), content.Activities)

// faultsOf returns what is wrong with a bundle.
func faultsOf(t testing.TB, bundle string) []string {
	t.Helper()
	_, err := samples.Diff([]byte(`{"documents":[]}`), []byte(bundle))
	if err == nil {
		return nil
	}
	require.ErrorIs(t, err, fault.ErrInvalid)
	for _, leak := range []string{"Go ", "json:", "content.", "content_test", "EOF"} {
		require.NotContains(t, err.Error(), leak)
	}
	return strings.Split(strings.ReplaceAll(err.Error(), "to.", ""), "\n")
}

func TestFaultsOfBundles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, bundle, want string }{
		{"nothing", "", "bundle: is empty"},
		{"blanks", " \n", "bundle: is empty"},
		{"cut off", `{"documents": [`, "bundle: line 1, column 15: unexpected end of JSON input"},
		{"no JSON", "{\n  \"documents\": [\n    {\"kind\": \"Søk\", }\n  ]\n}", "bundle: line 3, column 21: invalid character '}' looking for beginning of object key string"},
		{"two values", "{\"documents\": []}\n{}", "bundle: line 2, column 1: invalid character '{' after top-level value"},
		{"a list", "[]", "bundle: must be an object, not a list"},
		{"null", "null", "bundle: must be an object, not null"},
		{"no documents", "{}", `documents: are missing; a bundle is {"documents": [ … ]}`},
		{"no documents but what checks them", `{"$schema": "bundle.json"}`, `documents: are missing; a bundle is {"documents": [ … ]}`},
		{"what checks them is no text", `{"$schema": {}, "documents": []}`, `$schema: must be a text, not an object (bundle)`},
		{"documents by id", `{"documents": {}}`, "documents: must be a list, not an object (bundle)"},
		{"another key", `{"document": []}`, `document: is unknown (bundle); did you mean "documents"?`},
		{"no object", `{"documents": ["x"]}`, `documents[0]: must be an object, not "x"`},
		{"no kind", `{"documents": [{}]}`, "documents[0].kind: is missing"},
		{"no name of a kind", `{"documents": [{"kind": 5}]}`, "documents[0].kind: must be a text, not 5"},
		{"an unknown kind", `{"documents": [{"kind": "Badge"}]}`, `documents[0].kind: "Badge" is none of [Sample Activity]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, []string{tt.want}, faultsOf(t, tt.bundle))
		})
	}
	require.Empty(t, faultsOf(t, `{"documents": []}`))
	require.Empty(t, faultsOf(t, `{"$schema": "bundle.json", "documents": []}`))
	require.Empty(t, faultsOf(t, `{"documents": null}`), "as an encoder may write no documents")
}

func TestFaultsOfFields(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ field, want string }{
		{`"maxPerUser": "lots"`, `maxPerUser: must be a whole number, not "lots" (Sample "x")`},
		{`"maxPerUser": 99999999999999999999`, `maxPerUser: has too many digits (Sample "x")`},
		{`"ratio": "half"`, `ratio: must be a number, not "half" (Sample "x")`},
		{`"hidden": 1`, `hidden: must be true or false, not 1 (Sample "x")`},
		{`"startsAt": "2020-01-01"`, `startsAt: must be a time such as "2026-01-31T09:00:00Z", not "2020-01-01" (Sample "x")`},
		{`"bound": "lots"`, `bound: must be a number, not "lots" (Sample "x")`},
		{`"day": 20`, `day: must be a text, not 20 (Sample "x")`},
		{`"targets": 3`, `targets: must be a list, not 3 (Sample "x")`},
		{`"targets": [1, true]`, `targets[1]: must be a whole number, not true (Sample "x")`},
		{`"rewards": [{}, {"virtualCurrencyId": {}}]`, `rewards[1].virtualCurrencyId: must be a text, not an object (Sample "x")`},
		{`"rewards": [{"currency_id": "coins"}]`, `rewards[0].currency_id: is unknown (Sample "x")`},
		{`"rewards": ["` + strings.Repeat("é", 50) + `"]`, `rewards[0]: must be an object, not "` + strings.Repeat("é", 19) + `… (Sample "x")`},
		{`"query": {"source": 5}`, `query.source: must be a text, not 5 (Sample "x")`},
		{`"query": {"from": "logs"}`, `query: is not supported (Sample "x")`},
		{`"max_per_user": 1`, `max_per_user: is unknown (Sample "x"); did you mean "maxPerUser"?`},
		{`"startAt": 1`, `startAt: is unknown (Sample "x"); did you mean "startsAt"?`},
		{`"defualtLang": "en"`, `defualtLang: is unknown (Sample "x"); did you mean "defaultLang"?`},
		{`"colour": "red"`, `colour: is unknown (Sample "x")`},
		{`"MAXPERUSER": 1, "hidden": null`, ""},
	} {
		t.Run(tt.field, func(t *testing.T) {
			t.Parallel()
			got := faultsOf(t, `{"documents": [{"kind": "Sample", "id": "x", "query": {"source": "logs"}, `+tt.field+`}]}`)
			if tt.want == "" {
				require.Empty(t, got)
				return
			}
			require.Equal(t, []string{"documents[0]." + tt.want}, got)
		})
	}
}

func TestEveryFaultOfEveryDocumentIsReported(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		`documents[0].hidden: must be true or false, not "no" (Sample)`,
		`documents[0].id: must be a text, not 7 (Sample)`,
		`documents[1].label: is unknown (Activity "run")`,
		`documents[1].translations[0].lang: must be a text, not 1 (Activity "run")`,
	}, faultsOf(t, `{"documents": [
		{"kind": "Sample", "id": 7, "hidden": "no"},
		{"kind": "Activity", "id": "run", "label": "Run", "translations": [{"lang": 1}]}
	]}`))
}

func TestMissingDefaultLanguageIsEmpty(t *testing.T) {
	s := newShelf(t)
	a := activity("run", "Run")
	a.DefaultLang = ""
	_, err := s.importBundle(t, bundleOf(t, a))
	require.EqualError(t, err, "documents[0].defaultLang: is empty")
}

func BenchmarkBundle(b *testing.B) {
	var docs []string
	for i := range 1000 {
		docs = append(docs, fmt.Sprintf(`{"kind": "Activity", "id": "a%d", "name": "A", "defaultLang": "en", "translations": [{"lang": "en", "label": "A"}]}`, i))
	}
	bundle := []byte(`{"documents": [` + strings.Join(docs, ",") + `]}`)
	for b.Loop() {
		if _, err := library.Diff(bundle, bundle); err != nil {
			b.Fatal(err)
		}
	}
}

// Whatever is refused is refused with a field and a reason.
func FuzzBundle(f *testing.F) {
	f.Add([]byte(`{"documents": [{"kind": "Sample", "id": "x", "rewards": [{}], "query": null}]}`))
	f.Add([]byte(`{"documents": [{"kind": "Activity", "": [], "name": [1.5, {"a": null}]}]}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, bundle []byte) {
		_, err := samples.Diff([]byte(`{"documents":[]}`), bundle)
		if err == nil {
			return
		}
		require.ErrorIs(t, err, fault.ErrInvalid)
		e, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.NotEmpty(t, e.Field)
		require.NotEmpty(t, e.Reason)
	})
}
