package httpapi

import (
	_ "embed"
	"encoding/json"
	"path"
	"reflect"
	"strings"
)

// words.json is what the comments of the code say of the types that are on the wire: a test writes it, and tells when it is stale.
//
//go:embed words.json
var wordsJSON []byte

// words says of types, under [wordsKey], what their comments say.
type words map[string]typeWords

// typeWords is what is said of a type.
type typeWords struct {
	// Doc is the comment of the type.
	Doc string `json:"doc,omitempty"`
	// Fields are the comments of the fields of a struct, by their names in Go.
	Fields map[string]string `json:"fields,omitempty"`
	// Values are the constants of a type of texts.
	Values []string `json:"values,omitempty"`
}

func readWords() (all words) {
	if err := json.Unmarshal(wordsJSON, &all); err != nil {
		panic(err) // it is compiled in
	}
	return all
}

// of returns what is said of a type.
func (w words) of(t reflect.Type) typeWords { return w[wordsKey(t)] }

// wordsKey returns the name under which something is said of a type: that of its package's folder and its own.
func wordsKey(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return path.Base(t.PkgPath()) + "." + name
}
