package content

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
)

// decode reads one JSON value into what into points to, refusing fields it does not have. Its errors are
// those of the decoder; [explain] says the same to authors.
func decode(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// checkSyntax refuses what is not one JSON value, and says where it ceases to be.
func checkSyntax(b []byte) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return fault.Invalid("", "is empty")
	}
	var whole json.RawMessage
	err := json.Unmarshal(b, &whole)
	e, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return err
	}
	before := b[:min(max(int(e.Offset)-1, 0), len(b))] // the offset is that after the culprit
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return fault.Invalid("", "line %d, column %d: %v", 1+bytes.Count(before, []byte("\n")), 1+utf8.RuneCount(line), e)
}

// explain returns why well-formed JSON does not decode into a type: every fault, each with its field.
// The reasons name the subject. It returns nil if it finds none.
func explain(subject string, raw json.RawMessage, t reflect.Type) error {
	e := examiner{subject: subject}
	e.value("", raw, t)
	return errors.Join(e.faults...)
}

// An examiner collects the faults of a value of JSON.
type examiner struct {
	subject string
	faults  []error
}

// value looks for faults in raw, which is to become a t.
func (e *examiner) value(field string, raw json.RawMessage, t reflect.Type) {
	err := decode(raw, reflect.New(t).Interface())
	if err == nil {
		return
	}
	before := len(e.faults)
	switch head := bytes.TrimSpace(raw)[0]; {
	case t.Kind() == reflect.Pointer:
		e.value(field, raw, t.Elem())
	case t.Kind() == reflect.Struct && head == '{':
		e.object(field, raw, t)
	case t.Kind() == reflect.Slice && head == '[':
		e.list(field, raw, t.Elem())
	}
	if len(e.faults) == before {
		e.mismatch(field, raw, t, err)
	}
}

// object looks for faults in the fields of an object. Which fields there are is left to a type that reads
// itself, because it tells more of them.
func (e *examiner) object(field string, raw json.RawMessage, t reflect.Type) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return
	}
	known := fieldsOf(t)
	names := slices.Sorted(maps.Keys(known))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		path := name
		if field != "" {
			path = field + "." + name
		}
		// The decoder takes upper case for lower.
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		switch {
		case i >= 0:
			e.value(path, members[name], known[names[i]])
		case !readsItself(t):
			e.add(path, "is unknown", hint(name, names))
		}
	}
}

// list looks for faults in the items of a list.
func (e *examiner) list(field string, raw json.RawMessage, t reflect.Type) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return
	}
	for i, item := range items {
		e.value(fmt.Sprintf("%s[%d]", field, i), item, t)
	}
}

// mismatch adds what a value should have been, or the reason that its type gave for refusing it.
func (e *examiner) mismatch(field string, raw json.RawMessage, t reflect.Type, err error) {
	own, refused := errors.AsType[*fault.Error](err)
	wanted := expected(t)
	_, overflow := strconv.ParseInt(string(raw), 10, 64)
	switch {
	case refused:
		e.add(field, own.Reason, "")
	case wanted == "":
		e.add(field, "cannot be "+excerpt(raw), "")
	case wanted == wholeNumber && errors.Is(overflow, strconv.ErrRange):
		e.add(field, "has too many digits", "")
	default:
		e.add(field, fmt.Sprintf("must be %s, not %s", wanted, excerpt(raw)), "")
	}
}

func (e *examiner) add(field, reason, hint string) {
	e.faults = append(e.faults, fault.Invalid(field, "%s (%s)%s", reason, e.subject, hint))
}

// fieldsOf returns the names that a struct's fields have in JSON, with their types.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			all[name] = f.Type
		}
	}
	return all
}

// readsItself tells whether a type decides on its own what JSON it takes.
func readsItself(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}

const wholeNumber = "a whole number"

// expected says in an author's words what is a t, "" if there are none.
func expected(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return `a time such as "2026-01-31T09:00:00Z"`
	case t == reflect.TypeFor[decimal.Decimal]():
		return "a number"
	case t == reflect.TypeFor[Pool]():
		return `a list of ids, or "ALL"`
	case readsItself(t):
		return ""
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return "a text"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return wholeNumber
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "an object"
	default:
		return ""
	}
}

// excerpt shows a value of JSON, if it is not too long.
func excerpt(raw json.RawMessage) string {
	const most = 40
	s := string(bytes.TrimSpace(raw))
	switch {
	case s[0] == '{':
		return "an object"
	case s[0] == '[':
		return "a list"
	case len(s) > most:
		return text.Cut(s, most) + "…"
	}
	return s
}

// hint asks whether somebody who wrote word meant one of names: that which takes the fewest edits to
// reach, unless it takes so many that it is another. Case and what divides words do not count.
func hint(word string, names []string) string {
	const longest = 64 // bounds the work
	if len(word) > longest {
		return ""
	}
	best, least := "", 2+len(word)/4
	for _, name := range names {
		if n := edits(squeeze(word), squeeze(name)); n < least {
			best, least = name, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// squeeze returns a name without case and without what divides words.
func squeeze(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

// edits counts the insertions, deletions and replacements of one byte that turn a into b; a swap of two
// neighbours is two.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
