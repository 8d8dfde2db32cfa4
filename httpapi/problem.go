package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
)

// A Problem is the body of every answer that is none of success: RFC 9457 with a code and the fields at fault. It is an error, so that
// [Options].Authenticate may return one.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Code says what kind of problem it is, for a program to read.
	Code string `json:"code"`
	// Message is for a person to read.
	Message   string    `json:"message"`
	RequestID string    `json:"requestId"`
	Timestamp time.Time `json:"timestamp"`
	Path      string    `json:"path"`
	// Details are the fields at fault, under their names on the wire.
	Details []Detail `json:"details"`
	// RetryAfter is when the request may come again, for the header of that name; it is not sent in the body.
	RetryAfter time.Duration `json:"-"`
}

// A Detail is a field at fault, and why.
type Detail struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error returns the message.
func (p *Problem) Error() string { return p.Message }

// The codes of problems.
const (
	CodeInvalidToken = "auth/invalid_token"
	CodeExpiredToken = "auth/expired_token"
	CodeForbidden    = "auth/insufficient_permissions"
	CodeInvalid      = "validation/invalid_input"
	CodeNotFound     = "resource/not_found"
	CodeExists       = "resource/already_exists"
	CodeConflict     = "resource/conflict"
	CodeOperation    = "business/invalid_operation"
	CodePrecondition = "business/precondition_failed"
	CodeRate         = "rate_limit/exceeded"
	CodeInternal     = "server/internal_error"
	CodeDatabase     = "server/database_error"
	CodeExternal     = "server/external_service_error"
)

func problem(status int, code, format string, args ...any) *Problem {
	return &Problem{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// problemOf returns what a caller is told of an error of an operation. Of what nobody caused on purpose it says nothing.
func (o *operation) problemOf(err error) *Problem {
	if p, is := errors.AsType[*Problem](err); is {
		return p
	}
	if stale, is := errors.AsType[*content.StaleError](err); is {
		return o.stale(stale)
	}
	p := &Problem{Message: err.Error()}
	for _, f := range faultsOf(err) {
		p.Details = append(p.Details, Detail{o.wireName(f.Field), f.Reason})
	}
	if len(p.Details) == 1 {
		p.Message = strings.TrimPrefix(p.Details[0].Field+": "+p.Details[0].Message, ": ")
	}
	listed := func(status int) bool { return slices.Contains(o.Statuses, status) }
	_, bound := errors.AsType[*economy.BoundError](err)
	switch {
	case errors.Is(err, fault.ErrInvalid):
		p.Status, p.Code = http.StatusBadRequest, CodeInvalid
	case errors.Is(err, fault.ErrNotFound) && (listed(http.StatusNotFound) || o.Method == http.MethodGet):
		p.Status, p.Code = http.StatusNotFound, CodeNotFound
	case errors.Is(err, fault.ErrNotFound): // what the body names
		p.Status, p.Code = http.StatusBadRequest, CodeNotFound
	case errors.Is(err, fault.ErrExists):
		p.Status, p.Code = http.StatusConflict, CodeExists
	case errors.Is(err, fault.ErrConflict) && (bound || listed(http.StatusConflict)):
		p.Status, p.Code = http.StatusConflict, CodeConflict
	case errors.Is(err, fault.ErrConflict):
		p.Status, p.Code = http.StatusBadRequest, CodeOperation
	case errors.Is(err, fault.ErrForbidden):
		p.Status, p.Code = http.StatusForbidden, CodeForbidden
	case errors.Is(err, fault.ErrLost), errors.Is(err, fault.ErrFull), errors.Is(err, context.DeadlineExceeded):
		return &Problem{Status: http.StatusServiceUnavailable, Code: CodeDatabase, Message: "the request cannot be served at the moment", RetryAfter: time.Second}
	default:
		return &Problem{Status: http.StatusInternalServerError, Code: CodeInternal, Message: "something went wrong"}
	}
	return p
}

// stale returns the problem of who has not seen what a document is by now: the fields that have changed, or in which what was to be written
// differs from it.
func (o *operation) stale(err *content.StaleError) *Problem {
	p := errStale()
	for _, field := range err.Fields {
		p.Details = append(p.Details, Detail{o.wireName(field), "differs by now"})
	}
	return p
}

// faultsOf returns all faults in an error, in their order.
func faultsOf(err error) (all []*fault.Error) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *fault.Error:
		return []*fault.Error{e}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(all, faultsOf(inner)...)
		}
	case interface{ Unwrap() error }:
		return faultsOf(e.Unwrap())
	}
	return all
}

// index is that of an entry in the name of a field.
var index = regexp.MustCompile(`\[\d+\]`)

// wireName returns the name on the wire of a field that the engine names: that of its longest part from the beginning that has
// another, or whose last word has another wherever it stands in a list ("transactions[].user").
func (o *operation) wireName(field string) string {
	for end := len(field); end > 0; end = strings.LastIndexAny(field[:end], ".[") {
		if wire, is := o.names[field[:end]]; is {
			return wire + field[end:]
		}
		place := index.ReplaceAllString(field[:end], "[]")
		if wire, is := o.names[place]; is && place != field[:end] {
			return field[:strings.LastIndexByte(field[:end], '.')+1] + wire + field[end:]
		}
	}
	return field
}

// malformed returns the problem of a body that is no JSON of the type that is asked for.
func malformed(err error) error {
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		return fault.Invalid(cmp.Or(wrong.Field, "body"), "is of the type %s, and is to be %s", wrong.Value, jsonKind(wrong.Type.Kind().String()))
	}
	if _, is := errors.AsType[*http.MaxBytesError](err); is {
		return problem(http.StatusRequestEntityTooLarge, CodeInvalid, "the body is too large")
	}
	if known, is := errors.AsType[*fault.Error](err); is {
		return known
	}
	return fault.Invalid("body", "is not the JSON that is asked for")
}

// jsonKind names a kind of Go as JSON does.
func jsonKind(kind string) string {
	switch kind {
	case "struct", "map":
		return "an object"
	case "slice":
		return "a list"
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	}
	return "a number"
}
