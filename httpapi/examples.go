package httpapi

import (
	_ "embed"
	"encoding/json"
)

// examples.json is what operations are asked with and answer in the tests, lists cut to one row: a test writes it, and tells when it is stale.
//
//go:embed examples.json
var examplesJSON []byte

// An example is what an operation may be asked with, and what it answers then.
type example struct {
	Request json.RawMessage `json:"request,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

// readExamples returns examples by the context, the method and the path of their operations.
func readExamples() (all map[string]example) {
	if err := json.Unmarshal(examplesJSON, &all); err != nil {
		panic(err) // it is compiled in
	}
	return all
}

// withExample adds an example to a media type of the document, if there is one.
func withExample(media object, e json.RawMessage) object {
	if len(e) > 0 {
		media["example"] = e
	}
	return media
}
