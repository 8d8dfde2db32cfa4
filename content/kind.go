package content

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"

	fastjson "github.com/segmentio/encoding/json"
)

// A Kind is one sort of document. It is immutable.
type Kind[T any] struct{ name string }

// NewKind declares the documents of type T, whose pointer must be a [Document]; it panics otherwise.
func NewKind[T any](name string) *Kind[T] {
	if _, ok := any(new(T)).(Document); !ok {
		panic(fmt.Sprintf("content: *%T is not a Document", *new(T)))
	}
	return &Kind[T]{name}
}

// Name returns the kind's name, as bundles and references use it.
func (k *Kind[T]) Name() string { return k.name }

// New returns a document of the kind with nothing in it.
func (*Kind[T]) New() Document { return any(new(T)).(Document) }

// holds tells whether a document is of the kind.
func (k *Kind[T]) holds(doc Document) bool {
	_, ok := any(doc).(*T)
	return ok
}

// parse reads a document of the kind from JSON, refusing fields it does not have. It returns every fault,
// each with its field.
func (k *Kind[T]) parse(b []byte) (Document, error) {
	doc := new(T)
	err := decode(b, doc)
	if err == nil {
		return any(doc).(Document), nil
	}
	if broken := checkSyntax(b); broken != nil {
		return nil, broken
	}
	var head struct {
		ID string `json:"id"`
	}
	subject := k.name
	if json.Unmarshal(b, &head) == nil && head.ID != "" {
		subject = fmt.Sprintf("%s %.80q", k.name, head.ID)
	}
	return nil, cmp.Or(explain(subject, b, reflect.TypeFor[T]()), err)
}

// reopen reads a document as it is kept: what parse has read before, so that a faster reader may do.
func (k *Kind[T]) reopen(b []byte) (Document, error) {
	doc := new(T)
	if rest, err := fastjson.Parse(b, doc, fastjson.DisallowUnknownFields); err != nil || len(rest) > 0 {
		return k.parse(b)
	}
	return any(doc).(Document), nil
}

// AnyKind is a [Kind] of whatever type.
type AnyKind interface {
	// Name returns the kind's name, as bundles and references use it.
	Name() string
	// New returns a document of the kind with nothing in it.
	New() Document
	parse([]byte) (Document, error)
	reopen([]byte) (Document, error)
	holds(Document) bool
}
