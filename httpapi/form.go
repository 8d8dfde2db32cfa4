package httpapi

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A form is how values of a Go type are on the wire. One walk over the type makes it, and the schema of the document is read from it too, so
// what is sent and what is documented cannot differ:
//
//   - the names are those of encoding/json, but for what a shape says of the type,
//   - a decimal is a number, a moment RFC 3339 in UTC with milliseconds, an empty list is [] and never null,
//   - what is omitted where it is empty is absent, and so is a moment that is none,
//   - the name of a time zone is the one that clients know of those that the zone has,
//   - a rule is an object or null: {"if": [true]} for true, as clients know no other,
//   - a pool is a list of ids, or "ALL".
type form struct {
	typ   reflect.Type
	write func(b []byte, v reflect.Value) []byte
	// kind is the JSON type, "" for anything.
	kind    string
	format  string   // of a string
	values  []string // all that a string may be; nil for any
	members []member // of an object
	item    *form    // of a list, or of what a map holds
	null    bool     // may be null
	zone    bool     // a name of a time zone, which clients know
	// anonymous says that the document writes it out where it is: another form of the type has the name.
	anonymous bool
}

// A member is a field of an object.
type member struct {
	name string // on the wire
	json string // in Go's JSON
	// index leads to the field, through structs that are flattened.
	index []int
	// omit says that it is absent where it is empty.
	omit bool
	// always says that it is there although it is omitted where it is empty: it never is.
	always bool
	// null says that null clears it.
	null bool
	// unless leads to a field of the object: where that is not empty, the member is absent if it is empty itself.
	unless []int
	// flat says that it is a map whose entries are members of the object.
	flat bool
	form *form
	// of is the struct and field its field's name in Go: its comment says what it is.
	of    reflect.Type
	field string
}

// A shape is what is different on the wire about the fields of a type, by their names in Go's JSON.
type shape struct {
	// names are other names.
	names map[string]string
	// hidden are not sent, and not read.
	hidden []string
	// omitted are absent where they are empty, although Go sends them.
	omitted []string
	// always are never empty, although Go omits them where they are.
	always []string
	// null are rules that may be null on the wire; other rules that are empty are absent.
	null []string
	// filled are rules that clients expect to be there: what an empty one means. They are absent where another field, unless, is not empty.
	filled map[string]string
	unless string
}

// forms makes each form once.
type forms struct {
	made   map[reflect.Type]*form
	shapes map[reflect.Type]shape
	zones  zoneNames
	words  words
	// names are those of types in the document, where they are not the type's own.
	names map[reflect.Type]string
	// items are what [itemRow.ItemData] is in a context, by the type of the item; none where it is not known.
	items map[Context]map[learning.ItemType]reflect.Type
}

// shapeOf says what is different about a type on the wire.
func shapeOf[T any](f *forms, s shape) { f.shapes[reflect.TypeFor[T]()] = s }

// called says what a type is called in the documents, where that is not what it is called in Go.
func called[T any](f *forms, as string) { f.names[reflect.TypeFor[T]()] = as }

func (f *forms) of(t reflect.Type) *form {
	if known := f.made[t]; known != nil {
		return known
	}
	made := &form{typ: t}
	f.made[t] = made // before what is in it: a type may hold itself
	f.fill(made, t)
	return made
}

var (
	typeTime    = reflect.TypeFor[time.Time]()
	typeDecimal = reflect.TypeFor[decimal.Decimal]()
	typeRule    = reflect.TypeFor[json.RawMessage]()
	typeCleared = reflect.TypeFor[cleared]()
	typeDay     = reflect.TypeFor[timeframe.Day]()
	typePool    = reflect.TypeFor[content.Pool]()
	typeText    = reflect.TypeFor[encoding.TextMarshaler]()
	typeJSON    = reflect.TypeFor[json.Marshaler]()
	typeTrace   = reflect.TypeFor[*rule.Trace]()
)

// null is that of JSON.
var null = []byte("null")

// timeLayout is how moments are written.
const timeLayout = "2006-01-02T15:04:05.000Z"

func (f *forms) fill(m *form, t reflect.Type) {
	switch {
	case t == typeTime:
		m.kind, m.format = "string", "date-time"
		m.write = func(b []byte, v reflect.Value) []byte {
			b = append(b, '"')
			at, _ := reflect.TypeAssert[time.Time](v)
			b = at.UTC().AppendFormat(b, timeLayout)
			return append(b, '"')
		}
	case t == typeCleared:
		m.kind = "string"
	case t == typeDecimal:
		m.kind = "number"
		m.write = func(b []byte, v reflect.Value) []byte {
			d, _ := reflect.TypeAssert[decimal.Decimal](v)
			return append(b, d.String()...)
		}
	case t == typeRule:
		m.kind, m.null = "object", true
		m.write = func(b []byte, v reflect.Value) []byte { return appendRule(b, v.Bytes()) }
	case t == typeTrace:
		inner := f.of(reflect.TypeFor[*trace]())
		*m = *inner
		m.write = func(b []byte, v reflect.Value) []byte {
			return inner.write(b, reflect.ValueOf(traceOf(v.Interface().(*rule.Trace))))
		}
	case t.Kind() == reflect.Pointer:
		inner := f.of(t.Elem())
		*m = form{typ: t, kind: inner.kind, format: inner.format, values: inner.values, members: inner.members, item: inner.item, null: true}
		m.write = func(b []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return append(b, "null"...)
			}
			return inner.write(b, v.Elem())
		}
	case t.Implements(typeJSON): // such as a pool
		m.write = appendJSON
	case t.Implements(typeText):
		m.kind, m.values = "string", f.words.of(t).Values
		if t == typeDay {
			m.format = "date"
		}
		m.write = appendJSON
	default:
		f.fillKind(m, t)
	}
}

func (f *forms) fillKind(m *form, t reflect.Type) {
	switch t.Kind() {
	case reflect.String:
		m.kind, m.values = "string", f.words.of(t).Values
		m.write = func(b []byte, v reflect.Value) []byte { return appendText(b, v.String()) }
	case reflect.Bool:
		m.kind = "boolean"
		m.write = func(b []byte, v reflect.Value) []byte { return strconv.AppendBool(b, v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		m.kind = "integer"
		m.write = func(b []byte, v reflect.Value) []byte { return strconv.AppendInt(b, v.Int(), 10) }
	case reflect.Float64:
		m.kind = "number"
		m.write = func(b []byte, v reflect.Value) []byte { return strconv.AppendFloat(b, v.Float(), 'f', -1, 64) }
	case reflect.Slice:
		m.kind, m.item = "array", f.of(t.Elem())
		m.write = func(b []byte, v reflect.Value) []byte {
			b = append(b, '[')
			for i := range v.Len() {
				if i > 0 {
					b = append(b, ',')
				}
				b = m.item.write(b, v.Index(i))
			}
			return append(b, ']')
		}
	case reflect.Struct:
		if reflect.PointerTo(t).Implements(typeJSON) {
			panic(fmt.Sprintf("httpapi: %s is written by a method, which its fields say nothing of", t))
		}
		m.kind = "object"
		m.members = f.membersOf(t, f.shapes[t], nil, map[string]bool{})
		m.write = m.writeObject
	case reflect.Interface: // whatever has a form has that
		m.write = func(b []byte, v reflect.Value) []byte {
			if !v.IsNil() {
				if known := f.made[v.Elem().Type()]; known != nil {
					return known.write(b, v.Elem())
				}
			}
			return appendJSON(b, v)
		}
	case reflect.Map:
		m.kind, m.item = "object", f.of(t.Elem())
		m.write = appendJSON
	default:
		panic(fmt.Sprintf("httpapi: %s has no form on the wire", t))
	}
}

// membersOf returns the members of a struct, with those of the structs that are flattened into it: what encoding/json flattens, and fields
// with the tag `wire:"inline"`. A name that is nearer hides those that are farther.
func (f *forms) membersOf(t reflect.Type, s shape, index []int, taken map[string]bool) (all []member) {
	var flat []reflect.StructField
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Tag.Get("wire") == "inline", field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct:
			flat = append(flat, field)
			continue
		case field.Tag.Get("wire") == "flat":
			all = append(all, member{index: append(slices.Clone(index), field.Index...), omit: true, flat: true, form: f.of(field.Type)})
			continue
		case !field.IsExported() || name == "-":
			continue
		case name == "":
			name = field.Name
		}
		wire := name
		if other, is := s.names[name]; is {
			wire = other
		}
		if taken[wire] || slices.Contains(s.hidden, name) {
			continue
		}
		taken[wire] = true
		m := member{
			name: wire, json: name, index: append(slices.Clone(index), field.Index...), form: f.of(field.Type),
			omit:   strings.Contains(options, "omit") || slices.Contains(s.omitted, name) || field.Type == typeTime,
			always: field.Type == typeTime && !strings.Contains(options, "omit") || slices.Contains(s.always, name),
			null:   field.Type == typeCleared, of: t, field: field.Name,
		}
		if m.form.kind == "string" && isZone(name) {
			m.form = f.zoneOf(m.form)
		}
		if field.Type == typeRule {
			m.omit = !slices.Contains(s.null, name)
			if source, is := s.filled[name]; is {
				m.omit, m.form = false, filledRule(source)
			}
		}
		all = append(all, m)
	}
	for _, field := range flat {
		inner := s
		if own, is := f.shapes[field.Type]; is {
			inner = own
		}
		all = append(all, f.membersOf(field.Type, inner, append(slices.Clone(index), field.Index...), taken)...)
	}
	if i := slices.IndexFunc(all, func(m member) bool { return s.unless != "" && m.json == s.unless }); i >= 0 {
		for k := range all {
			if _, is := s.filled[all[k].json]; is {
				all[k].unless = all[i].index
			}
		}
	}
	return all
}

// zoneOf returns the form of the name of a time zone, which is told as clients know it.
func (f *forms) zoneOf(text *form) *form {
	m := *text
	m.zone = true
	if text.typ.Kind() == reflect.String {
		m.write = func(b []byte, v reflect.Value) []byte { return appendText(b, f.zones.told(v.String())) }
	}
	return &m
}

// written returns the form of a document of a type as a body gives it: under the names of a shape, without what the server sets.
func (f *forms) written(t reflect.Type, s shape) *form {
	return &form{typ: t, kind: "object", members: f.membersOf(t, s, nil, map[string]bool{}), anonymous: true}
}

// having returns the form with a member of another form, required or not: in the place of the one of the same name, or behind all.
func (m *form) having(name string, of *form, required bool) *form {
	added := member{name: name, json: name, form: of, omit: !required, of: m.typ}
	if i := slices.IndexFunc(m.members, func(one member) bool { return one.name == name }); i >= 0 {
		added.of, added.field = m.members[i].of, m.members[i].field
		m.members[i] = added
	} else {
		m.members = append(m.members, added)
	}
	return m
}

// lenient returns the form with members that need not be there: those named, or, as a patch has it, all, where null clears what need not be
// there anyway.
func (m *form) lenient(names ...string) *form {
	for i := range m.members {
		if len(names) == 0 || slices.Contains(names, m.members[i].name) {
			one := &m.members[i]
			one.null, one.omit, one.always = len(names) == 0 && one.omit, true, false
		}
	}
	return m
}

// listOf returns the form of a list in a body.
func listOf(item *form) *form {
	return &form{typ: reflect.SliceOf(item.typ), kind: "array", item: item}
}

// given refuses JSON of the form in which a text is empty although the document lists what it may be: to the engine such a text is none.
func (m *form) given(text []byte) error {
	if !bytes.Contains(text, []byte(`""`)) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	_ = d.Decode(&value) // whoever reads it says what is wrong with it
	return m.blank(value)
}

func (m *form) blank(value any) error {
	var faults []error
	switch value := value.(type) {
	case string:
		if value == "" && (m.zone || m.values != nil) && m.typ != typeCleared {
			return fault.Invalid("", "is empty; what there is not is left out")
		}
	case []any:
		for i := range value {
			if m.item != nil {
				faults = append(faults, fault.In(fmt.Sprintf("[%d]", i), m.item.blank(value[i])))
			}
		}
	case map[string]any:
		for i := range m.members {
			one := &m.members[i]
			faults = append(faults, fault.In(one.name, one.form.blank(value[one.name])))
		}
	}
	return errors.Join(faults...)
}

func (m *form) writeObject(b []byte, v reflect.Value) []byte {
	b = append(b, '{')
	first := true
	for i := range m.members {
		f := &m.members[i]
		field := v.FieldByIndex(f.index)
		if (f.omit || f.unless != nil && !empty(v.FieldByIndex(f.unless))) && empty(field) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		if f.flat {
			entries := appendJSON(nil, field)
			b = append(b, entries[1:len(entries)-1]...)
			continue
		}
		b = append(b, '"')
		b = append(b, f.name...) // a name needs no escaping
		b = append(b, '"', ':')
		b = f.form.write(b, field)
	}
	return append(b, '}')
}

// empty tells whether a member is absent that is omitted where it is empty.
func empty(v reflect.Value) bool {
	if v.Type() == typeRule {
		return noRule(v.Bytes())
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		if at, is := reflect.TypeAssert[time.Time](v); is {
			return at.IsZero()
		}
	default:
	}
	return v.IsZero()
}

// appendText appends a text as JSON.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a string cannot fail
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendJSON appends what encoding/json makes of a value; a value of the engine's own types cannot fail.
func appendJSON(b []byte, v reflect.Value) []byte {
	if v.Kind() == reflect.Map && v.IsNil() {
		return append(b, "{}"...)
	}
	data, err := json.Marshal(v.Interface())
	if err != nil {
		panic(err)
	}
	return append(b, data...)
}

// filledRule is the form of a rule that is written as another where it is empty.
func filledRule(source string) *form {
	return &form{typ: typeRule, kind: "object", write: func(b []byte, v reflect.Value) []byte {
		if noRule(v.Bytes()) {
			return appendRule(b, []byte(source))
		}
		return appendRule(b, v.Bytes())
	}}
}

// A trace is a [rule.Trace] with what its methods say.
type trace struct {
	// Pointer is the JSON pointer of the place in the expression; it is empty for the whole.
	Pointer string `json:"pointer"`
	// Op is the operator, "[]" for an array; a constant has none.
	Op string `json:"op,omitempty"`
	// Path is what var read, as a path of the whole data.
	Path string `json:"path,omitempty"`
	// Absent says that the data has nothing at the path.
	Absent bool `json:"absent,omitempty"`
	// Item counts the elements of an array from 1, and says for which one this is.
	Item int `json:"item,omitempty"`
	// Value is what the place came to.
	Value any `json:"value"`
	// Args are the arguments that were evaluated, in their order.
	Args []trace `json:"args,omitempty"`
}

// traceOf returns a trace with all below it; nil for none.
func traceOf(t *rule.Trace) *trace {
	if t == nil {
		return nil
	}
	out := &trace{t.Pointer(), t.Op(), t.Path(), t.Absent(), t.Item(), t.Value(), nil}
	args := t.Args()
	for i := range args {
		out.Args = append(out.Args, *traceOf(&args[i]))
	}
	return out
}

// encoded is a value that is written already.
type encoded []byte

// MarshalJSON returns it.
func (e encoded) MarshalJSON() ([]byte, error) { return e, nil }

// noRule tells whether a rule is none: nothing, or null.
func noRule(source []byte) bool {
	source = bytes.TrimSpace(source)
	return len(source) == 0 || bytes.Equal(source, null)
}

// appendRule appends a rule as an object or null. A constant is a rule too: JSON Logic makes it of {"if": [constant]}.
func appendRule(b, source []byte) []byte {
	source = bytes.TrimSpace(source)
	switch {
	case noRule(source):
		return append(b, "null"...)
	case source[0] == '{':
		return append(b, source...)
	}
	b = append(b, `{"if":[`...)
	b = append(b, source...)
	return append(b, `]}`...)
}
