package content

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/guerdonhq/guerdon/fault"
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

// parse reads a document of the kind from JSON, refusing fields it does not have.
func (k *Kind[T]) parse(b []byte) (Document, error) {
	doc := new(T)
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(doc); err != nil {
		return nil, fault.Invalid("", "%s: %v", k.name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Invalid("", "%s: more than one JSON value", k.name)
	}
	return any(doc).(Document), nil
}

// AnyKind is a [Kind] of whatever type.
type AnyKind interface {
	// Name returns the kind's name, as bundles and references use it.
	Name() string
	parse([]byte) (Document, error)
}
