package content

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
)

// The limits of what authors write, of every kind. Beyond them it is refused with [fault.ErrInvalid]. A
// kind may limit a list further, and package rule limits expressions.
const (
	// MaxName is how many characters a name, a title or a label may have.
	MaxName = 255
	// MaxText is how many characters any other text may have.
	MaxText = 5000
	// MaxURI is how many bytes an address may have.
	MaxURI = text.MaxURI
	// MaxItems is how many entries a list may have.
	MaxItems = 1000
	// MaxTranslations is how many languages a document may have; it has at least one.
	MaxTranslations = 10
	// MaxTags is how many tags a document of a bundle may carry.
	MaxTags = 100
	// MaxDocument is how many bytes a document may have as JSON.
	MaxDocument = 1 << 20
	// MaxBundle is how many bytes a bundle may have.
	MaxBundle = 64 << 20
)

// names are the fields that hold one line of at most [MaxName] characters.
var names = []string{"name", "label", "title", "namespace", "variant", "source", "background", "textColor", "boxColor"}

// checkLimits returns every text and every list of a document that is beyond the limits.
func checkLimits(doc Document) error {
	var faults []error
	measure("", "", reflect.ValueOf(doc), func(err error) { faults = append(faults, err) })
	return errors.Join(faults...)
}

// measure reports what is beyond the limits in a value, which has a path and the name of a field.
func measure(path, name string, v reflect.Value, report func(error)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			measure(path, name, v.Elem(), report)
		}
	case reflect.String:
		check, most := text.Prose, MaxText
		if slices.Contains(names, name) {
			check, most = text.Line, MaxName
		}
		if err := check(path, v.String(), 0, most); err != nil {
			report(err)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			return // an expression, which package rule measures
		}
		if v.Len() > MaxItems {
			report(fault.Invalid(path, "are %d, at most %d are allowed", v.Len(), MaxItems))
			return
		}
		for i := range v.Len() {
			measure(fmt.Sprintf("%s[%d]", path, i), name, v.Index(i), report)
		}
	case reflect.Struct:
		measureFields(path, v, report)
	default:
	}
}

// measureFields is measure for the fields of a struct.
func measureFields(path string, v reflect.Value, report func(error)) {
	for field, value := range v.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous:
			measure(path, "", value, report)
		case !field.IsExported() || name == "" || name == "-":
		case path == "":
			measure(name, name, value, report)
		default:
			measure(path+"."+name, name, value, report)
		}
	}
}
