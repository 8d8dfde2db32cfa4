package httpapi_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/store/memory"
)

// The examples in the documents are what the operations of the fixtures are asked with, and what they answer: each as the document says.
func TestExamplesAreWhatIsAnswered(t *testing.T) {
	n := 0
	w := newWorldOf(t, memory.New(), &guerdon.Options{
		NewID:  func() string { n++; return fmt.Sprintf("id%08d", n) },
		Random: rand.NewChaCha8([32]byte{1}),
	})
	w.furnish()
	require.NoError(t, w.counts.CatchUp(t.Context(), w.ws))
	type example struct {
		Request json.RawMessage `json:"request,omitempty"`
		Answer  json.RawMessage `json:"answer,omitempty"`
	}
	all := map[string]example{}
	everyOperation(w, "owner", func(o *httpapi.Operation, f *fixture) {
		answer := w.as("owner", o.Context).send(o.Method, f.url(o), f.body)
		require.Equal(t, o.Statuses[0], answer.Code, "%s: %s", name(o), answer.Body)
		var e example
		if json.Valid([]byte(f.body)) {
			e.Request = shortened(t, f.body)
		}
		if answer.Header().Get("Content-Type") == "application/json" {
			e.Answer = shortened(t, answer.Body.String())
		}
		if len(e.Request)+len(e.Answer) > 0 {
			all[name(o)] = e
		}
		w.now.set(w.now.get().Add(1))
	})
	text, err := json.MarshalIndent(all, "", "\t")
	require.NoError(t, err)
	golden(t, "examples.json", append(text, '\n'))
}

// shortened returns JSON whose lists have one row, and that names nothing of the tests.
func shortened(t *testing.T, text string) json.RawMessage {
	t.Helper()
	var value any
	d := json.NewDecoder(strings.NewReader(strings.ReplaceAll(text, secret, "Running")))
	d.UseNumber()
	require.NoError(t, d.Decode(&value))
	out, err := json.Marshal(first(value))
	require.NoError(t, err)
	return out
}

// first cuts the lists in a value to their first row.
func first(value any) any {
	switch v := value.(type) {
	case []any:
		if len(v) > 0 {
			return []any{first(v[0])}
		}
	case map[string]any:
		for name, member := range v {
			v[name] = first(member)
		}
	}
	return value
}
