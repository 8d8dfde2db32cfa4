package httpapi

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/tenancy"
)

// BundleSchemaID is the name of the schema of bundles, under which editors find it.
const BundleSchemaID = "https://raw.githubusercontent.com/guerdonhq/guerdon/main/schema/bundle.json"

// BundleSchema returns the JSON Schema (2020-12) of bundles, as [guerdon.Workspace.Import] takes them, for editors: it is made of the types and
// the comments of which the OpenAPI documents are made. It refuses unknown kinds, unknown fields and values of another type. What else is wrong
// with a document, the import says.
func BundleSchema() []byte {
	f := bundledForms()
	b := &bundleSchema{forms: f, defs: object{}}
	var names []string
	var cases []object
	for _, k := range guerdon.Kinds() {
		names = append(names, k.Name())
		def := b.members(f.of(reflect.TypeOf(k.New()).Elem()))
		properties := def["properties"].(object)
		properties["kind"] = object{"const": k.Name()}
		properties["tags"] = object{
			"type": "array", "items": b.schema(f.of(reflect.TypeFor[tenancy.Tagging]())), "description": "The tags that it carries, and no others. Without this, they stay as they are.",
		}
		def["required"] = []string{"kind", "id"}
		b.defs[k.Name()] = def
		cases = append(cases, object{
			"if":   object{"properties": object{"kind": object{"const": k.Name()}}, "required": []string{"kind"}},
			"then": defined(k.Name()),
		})
	}
	text, err := json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     BundleSchemaID,
		"title":   "guerdon bundle",
		"type":    "object",
		"properties": object{
			"$schema": object{"type": "string", "description": "What editors check the bundle by."},
			"documents": object{
				"type": "array", "description": "Rules of a kind apply in the order in which they stand.",
				"items": object{
					"type": "object", "required": []string{"kind", "id"},
					"properties": object{"kind": object{"enum": names, "description": "What the document is."}},
					"allOf":      cases,
				},
			},
		},
		"required":             []string{"documents"},
		"additionalProperties": false,
		"$defs":                b.defs,
	}, "", "\t")
	if err != nil {
		panic(err) // it is maps, lists and texts
	}
	return append(text, '\n')
}

// bundledForms returns the forms of all that bundles hold: as Go's JSON has them, without what is different on the wire.
func bundledForms() *forms {
	f := &forms{made: map[reflect.Type]*form{}, shapes: map[reflect.Type]shape{}, zones: readZones(), words: readWords()}
	for _, k := range guerdon.Kinds() {
		f.of(reflect.TypeOf(k.New()).Elem())
	}
	f.of(reflect.TypeFor[tenancy.Tagging]())
	f.of(reflect.TypeFor[leaderboard.Function]())
	return f
}

// A bundleSchema is one in the making.
type bundleSchema struct {
	forms *forms
	defs  object
}

// defined refers to a definition.
func defined(name string) object { return object{"$ref": "#/$defs/" + name} }

// define makes a definition, unless it is there, and refers to it.
func (b *bundleSchema) define(name string, made func() object) object {
	if b.defs[name] == nil {
		b.defs[name] = object{} // a type may hold itself
		b.defs[name] = made()
	}
	return defined(name)
}

var (
	typeHeader = reflect.TypeFor[content.Header]()
	typeEntity = reflect.TypeFor[leaderboard.Entity]()
	typeScore  = reflect.TypeFor[leaderboard.Score]()
)

// schema returns the schema of a form.
func (b *bundleSchema) schema(f *form) object {
	if f.zone {
		return b.define("Timezone", func() object {
			return object{"anyOf": []object{{"enum": b.forms.zones.known()}, {"type": "string"}}, "description": "The name of a time zone, as \"Europe/Rome\"."}
		})
	}
	switch base(f) {
	case typeRule:
		return b.expression()
	case typePool:
		return b.define("Pool", func() object {
			return object{
				"anyOf":       []object{{"const": "ALL"}, {"type": "array", "items": object{"type": "string"}}},
				"description": "The documents among which a rule picks: their ids, or all there are of the kind, also those that are published later.",
			}
		})
	case typeDecimal:
		return object{"type": []string{"number", "string"}, "pattern": `^-?[0-9]+(\.[0-9]+)?$`}
	case typeEntity:
		one := object{"type": "object", "properties": object{"tagNamespace": object{"type": "string"}}, "required": []string{"tagNamespace"}, "additionalProperties": false}
		return object{"anyOf": []object{{"const": "userId"}, one}}
	case typeScore:
		properties := object{}
		for _, name := range b.forms.of(reflect.TypeFor[leaderboard.Function]()).values {
			properties[name] = b.expression()
		}
		return object{"type": "object", "properties": properties, "minProperties": 1, "maxProperties": 1, "additionalProperties": false}
	}
	switch f.kind {
	case "":
		return object{}
	case "array":
		return object{"type": "array", "items": b.schema(f.item)}
	case "object":
		if f.item != nil {
			return object{"type": "object", "additionalProperties": b.schema(f.item)}
		}
		return b.define(wordsKey(base(f)), func() object { return b.members(f) })
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

func (b *bundleSchema) expression() object {
	return b.define("JsonLogicExpression", func() object {
		return object{"description": "A rule in JSON Logic. It may be any JSON: a constant is a rule too."}
	})
}

// members returns the schema of an object, which has no other fields.
func (b *bundleSchema) members(f *form) object {
	properties := object{}
	for i := range f.members {
		m := &f.members[i]
		schema := b.schema(m.form)
		if about := b.forms.words.of(m.of).Fields[m.field]; about != "" {
			schema["description"] = about
		}
		if m.of == typeHeader && m.name != "id" && slices.Contains(server, m.name) && m.name != "catalogId" && m.name != "catalogVersion" {
			schema["readOnly"] = true
		}
		properties[m.name] = schema
	}
	made := object{"type": "object", "properties": properties, "additionalProperties": false}
	if about := b.forms.words.of(base(f)).Doc; about != "" {
		made["description"] = about
	}
	return made
}
