package httpapi

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/learning"
)

// A description is a document in the making.
type description struct {
	context  Context
	words    words
	examples map[string]example
	forms    *forms
	// names are those of types that are not called as in Go.
	names map[reflect.Type]string
	// taken are the names that schemas have, and types what types are called.
	taken   map[string]reflect.Type
	types   map[reflect.Type]string
	schemas object
}

// answer returns the schema of what an operation answers, under the name that the operation gives it.
func (d *description) answer(o *operation) object {
	name := o.answer()
	d.schemas[name] = d.inline(o.form, o)
	return ref("schemas", name)
}

// body returns the schema of an operation's body, under the name that the operation gives it.
func (d *description) body(o *operation) object {
	name := o.request()
	if o.takes.kind != "object" || d.name(o.takes) != "" && o.takes.typ == o.body {
		d.schemas[name] = d.schema(o.takes)
	} else {
		d.schemas[name] = d.members(o.takes, nil)
	}
	return ref("schemas", name)
}

// inline returns the schema of what an operation answers. What has fields of the operation's own is written out, in lists too.
func (d *description) inline(f *form, o *operation) object {
	switch {
	case f.kind == "array":
		return object{"type": "array", "items": d.inline(f.item, o)}
	case f.kind != "object" || f.members == nil || d.names[base(f)] != "" || d.name(f) != "" && !spreads(f, nil):
		return d.schema(f)
	}
	return d.members(f, o)
}

// spreads tells whether an object, or what is in it, has members that only the operation knows.
func spreads(f *form, above []*form) bool {
	if f == nil || slices.Contains(above, f) {
		return false
	}
	above = append(above, f)
	return spreads(f.item, above) || slices.ContainsFunc(f.members, func(m member) bool { return m.flat && m.form.item.kind != "" || spreads(m.form, above) })
}

// schema returns the schema of a form: a reference, if it has a name.
func (d *description) schema(f *form) object {
	if f.typ == typeRule {
		d.schemas["JsonLogicExpression"] = object{
			"type": "object", "additionalProperties": true, "description": "A rule in JSON Logic. In a request it may be any JSON: a constant is a rule too.",
		}
		return ref("schemas", "JsonLogicExpression")
	}
	if f.typ == typePool {
		d.schemas["Pool"] = object{
			"anyOf":       []object{{"type": "string", "enum": []string{"ALL"}}, {"type": "array", "items": object{"type": "string"}}},
			"description": "The documents among which a rule picks: their ids, or all there are of the kind, also those that are published later.",
		}
		return ref("schemas", "Pool")
	}
	if f.zone {
		d.schemas["Timezone"] = object{
			"type": "string", "enum": d.forms.zones.known(),
			"description": "A time zone. Another name that one of these has is taken for it in a request. A zone that is none of these, which only a host can store, is told as it is.",
		}
		if f.typ == typeCleared {
			return object{"anyOf": []object{ref("schemas", "Timezone"), {"type": "string", "enum": []string{""}}}}
		}
		return ref("schemas", "Timezone")
	}
	switch f.kind {
	case "":
		return object{}
	case "array":
		return object{"type": "array", "items": d.schema(f.item)}
	case "object":
		if f.item != nil {
			return object{"type": "object", "additionalProperties": d.schema(f.item)}
		}
		name := d.name(f)
		if name == "" {
			return d.members(f, nil)
		}
		if d.schemas[name] == nil {
			d.schemas[name] = object{} // a type may hold itself
			d.schemas[name] = d.members(f, nil)
			if base(f) == typeItem && d.forms.items[d.context] != nil {
				d.schemas[name] = d.items(d.schemas[name].(object))
			}
		}
		return ref("schemas", name)
	}
	made := object{"type": f.kind}
	if f.format != "" {
		made["format"] = f.format
	}
	if f.values != nil {
		made["enum"] = f.values
	}
	return made
}

// typeItem is what is one of several: its type says which.
var typeItem = reflect.TypeFor[itemRow]()

// items returns the schema of a row of an item, one for each type of item, which says what the item's data is.
func (d *description) items(row object) object {
	either, mapping := []object{}, object{}
	data := d.forms.items[d.context]
	for _, t := range slices.Sorted(maps.Keys(data)) {
		one, properties := maps.Clone(row), maps.Clone(row["properties"].(object))
		properties["itemType"] = object{"type": "string", "enum": []learning.ItemType{t}}
		properties["itemData"] = d.schema(d.forms.of(data[t]))
		properties["itemData"].(object)["description"] = row["properties"].(object)["itemData"].(object)["description"]
		one["properties"] = properties
		name := upper(string(t)) + "Item"
		d.schemas[name] = one
		either = append(either, ref("schemas", name))
		mapping[string(t)] = "#/components/schemas/" + name
	}
	return object{"oneOf": either, "discriminator": object{"propertyName": "itemType", "mapping": mapping}}
}

// base returns the type of a form that is none of pointers.
func base(f *form) reflect.Type {
	if f.typ.Kind() == reflect.Pointer {
		return f.typ.Elem()
	}
	return f.typ
}

// name returns what an object is called in the document, "" if it is written out where it is.
func (d *description) name(f *form) string {
	if f.anonymous {
		return ""
	}
	t := base(f)
	if name := d.types[t]; name != "" {
		return name
	}
	name := d.names[t]
	if name == "" && (t.Name() == "" || t.Name()[len(t.Name())-1] == ']' || t.Kind() != reflect.Struct) {
		return ""
	}
	if name == "" {
		name = upper(t.Name())
	}
	if other := d.taken[name]; other != nil {
		panic(fmt.Sprintf("httpapi: %s and %s are both called %s: say with called what one is", other, t, name))
	}
	d.taken[name], d.types[t] = t, name
	return name
}

// members returns the schema of an object, written out; o is the operation that answers it, nil within what others share.
func (d *description) members(f *form, o *operation) object {
	properties, required := object{}, []string{}
	made, rows := object{"type": "object", "properties": properties}, holdsRows(f)
	for i := range f.members {
		m := &f.members[i]
		if m.flat {
			if named := d.spread(m, o, properties); named != nil {
				required = append(required, named...)
			} else {
				made["additionalProperties"] = true
			}
			continue
		}
		var schema object
		if inner := o.within(f); o != nil && rows || inner != nil && spreads(m.form, nil) {
			schema = d.inline(m.form, inner)
			if items, is := schema["items"].(object); is && o == nil && items["$ref"] == nil {
				name := upper(strings.TrimSuffix(inner.own, "Id")) + upper(singular(m.name)) // such as ActivityTranslation
				d.schemas[name], schema["items"] = items, ref("schemas", name)
			}
		} else {
			schema = d.schema(m.form)
		}
		if m.null || m.form.null && (!m.omit || m.form.typ == typeRule && d.names[base(f)] == "") {
			schema = nullable(schema)
		}
		if about := d.words.of(m.of).Fields[m.field]; about != "" {
			if rest, is := strings.CutPrefix(about, m.json+" "); is {
				about = m.name + " " + rest
			}
			schema["description"] = about
		}
		properties[m.name] = schema
		if m.always || !m.omit && m.unless == nil {
			required = append(required, m.name)
		}
	}
	if len(required) > 0 {
		slices.Sort(required)
		made["required"] = required
	}
	if about := d.words.of(described(base(f))).Doc; about != "" {
		made["description"] = about
	}
	return made
}

// described returns the type whose comment says what a row is: that of the document in it, if it is of one, or is such a row and more.
func described(t reflect.Type) reflect.Type {
	for field := range t.Fields() {
		if field.Tag.Get("wire") == "inline" {
			return field.Type
		}
		if field.Anonymous && field.Type.Kind() == reflect.Struct {
			if of := described(field.Type); of != field.Type {
				return of
			}
		}
	}
	return t
}

// within returns the operation as what is in an object of its answer sees it: the object's own id, if it has one, is what that is of. The
// operation is nil within what others share.
func (o *operation) within(f *form) *operation {
	i := slices.IndexFunc(f.members, func(m member) bool { return m.json == "id" })
	if i < 0 {
		return o
	}
	var inner operation
	if o != nil {
		inner = *o
	}
	inner.own = f.members[i].name
	return &inner
}

// holdsRows tells whether an object is nothing but lists of rows, and what leads to the next.
func holdsRows(f *form) bool {
	return !slices.ContainsFunc(f.members, func(m member) bool { return m.form.kind != "array" && m.name != "nextToken" })
}

// spread adds the id that a map holds: that of the entity that a row is of, under the name that it has there. It returns what is always
// there; nil says that nobody knows.
func (d *description) spread(m *member, o *operation, properties object) (required []string) {
	if o == nil || m.form.item.kind == "" {
		return nil
	}
	own := o.own
	for first := range pathParams(o.Path) {
		own = cmp.Or(own, first)
		break
	}
	if own == "" {
		return nil
	}
	if properties[own] == nil {
		properties[own] = object{"type": "string"}
		required = append(required, own)
	}
	return required
}

// nullable returns the schema of what may be null too.
func nullable(schema object) object {
	if kind, is := schema["type"].(string); is && schema["enum"] == nil {
		schema["type"] = []string{kind, "null"}
		return schema
	}
	return object{"anyOf": []object{schema, {"type": "null"}}}
}
