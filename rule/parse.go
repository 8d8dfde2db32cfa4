package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
)

// A syntax is a JSON value as it was written: keys in their order, repeated ones included.
type syntax struct {
	value   value    // of a scalar, and of an empty object
	kind    kind     // which of the fields hold it
	keys    []string // of an object
	members []syntax // of an object or an array
}

// parse reads one JSON text. Numbers that no float64 can hold are refused, and so is whatever
// follows the value.
func parse(src []byte) (*syntax, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(src, &whole); err != nil {
		return nil, fault.Invalid("", "not valid JSON: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	s, err := parseValue(dec)
	if err != nil {
		return nil, fault.Invalid("", "not valid JSON: %v", err)
	}
	return s, nil
}

func parseValue(dec *json.Decoder) (*syntax, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return parseArray(dec)
		}
		return parseObject(dec)
	case json.Number:
		d, err := amount.Read(token.String())
		if err != nil {
			return nil, fmt.Errorf("number %.40s is out of range", token)
		}
		return &syntax{kind: number, value: valueOf(amount.JSON(d))}, nil
	default:
		v := valueOf(token)
		return &syntax{kind: v.kind, value: v}, nil
	}
}

func parseArray(dec *json.Decoder) (*syntax, error) {
	s := &syntax{kind: list}
	for dec.More() {
		m, err := parseValue(dec)
		if err != nil {
			return nil, err
		}
		s.members = append(s.members, *m)
	}
	_, err := dec.Token()
	return s, err
}

func parseObject(dec *json.Decoder) (*syntax, error) {
	s := &syntax{kind: object, value: valueOf(map[string]any{})}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		m, err := parseValue(dec)
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		s.keys = append(s.keys, key)
		s.members = append(s.members, *m)
	}
	_, err := dec.Token()
	return s, err
}

// repeated returns the first key that the object has twice.
func (s *syntax) repeated() (string, bool) {
	seen := make(map[string]bool, len(s.keys))
	for _, k := range s.keys {
		if seen[k] {
			return k, true
		}
		seen[k] = true
	}
	return "", false
}

// pointerEscaper escapes a key for a JSON pointer (RFC 6901).
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

func quote(s string) string {
	if len(s) > longestHinted {
		s = s[:longestHinted] + "…"
	}
	return strconv.Quote(s)
}
