// Package fault holds the errors of guerdon: five sentinels that say what is refused and one type that says where, and
// three that say what the machine below could not do.
//
// A caller asks which with [errors.Is] and where with [errors.AsType]:
//
//	if e, ok := errors.AsType[*fault.Error](err); ok && errors.Is(err, fault.ErrInvalid) {
//		fmt.Println(e.Field, e.Reason)
//	}
//
// Packages add types of their own where a caller needs more than a field and a reason (a bound, an
// amount); those wrap one of the sentinels too. Whatever wraps none of the five is a failure of the
// machine below: a disk, a network, a cancelled context, which is context.Canceled or context.DeadlineExceeded.
package fault

import (
	"errors"
	"fmt"
)

// The five kinds of refusal. Every error that guerdon causes on purpose wraps exactly one of them.
var (
	// ErrNotFound says that what was named does not exist in the workspace.
	ErrNotFound = errors.New("not found")
	// ErrExists says that what was to be made is there already.
	ErrExists = errors.New("exists already")
	// ErrConflict says that the request is well formed but the present state forbids it.
	ErrConflict = errors.New("conflict")
	// ErrInvalid says that the request can never succeed as it is.
	ErrInvalid = errors.New("invalid")
	// ErrForbidden says that the caller may not do this.
	ErrForbidden = errors.New("forbidden")
)

// What stores say of failures that a host can do something about.
var (
	// ErrFull says that there is no room left where the records are kept. Nothing has changed.
	ErrFull = errors.New("no room left")
	// ErrLost says that the database cannot be reached, or that the connection was lost, also when it was tried again. Nothing
	// has changed.
	ErrLost = errors.New("no connection")
	// ErrUnknown says that nobody knows whether the transaction took place, because the connection was lost before the answer
	// came. Run it again if it can tell that it was there before, as an event with its id can.
	ErrUnknown = errors.New("the outcome of the commit is unknown")
)

// An Error is a refusal that names the field it is about. It is never modified after it is made.
type Error struct {
	Kind   error  // one of the five sentinels
	Field  string // what it is about: a field's path ("rewards[0].expression"), or a noun ("user")
	Reason string // why, for a person to read; never empty
}

// Error returns "field: reason", or the reason alone where there is no field.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Reason
	}
	return e.Field + ": " + e.Reason
}

// Unwrap returns the sentinel, so that errors.Is(err, ErrInvalid) holds.
func (e *Error) Unwrap() error { return e.Kind }

// Invalid returns an [Error] of kind [ErrInvalid].
func Invalid(field, format string, args ...any) error {
	return &Error{ErrInvalid, field, fmt.Sprintf(format, args...)}
}

// NotFound returns an [Error] of kind [ErrNotFound] that names the noun and the id asked for.
func NotFound(noun, id string) error {
	return &Error{ErrNotFound, noun, fmt.Sprintf("%q not found", id)}
}

// Exists returns an [Error] of kind [ErrExists].
func Exists(field, format string, args ...any) error {
	return &Error{ErrExists, field, fmt.Sprintf(format, args...)}
}

// Conflict returns an [Error] of kind [ErrConflict].
func Conflict(field, format string, args ...any) error {
	return &Error{ErrConflict, field, fmt.Sprintf(format, args...)}
}

// Forbidden returns an [Error] of kind [ErrForbidden].
func Forbidden(field, format string, args ...any) error {
	return &Error{ErrForbidden, field, fmt.Sprintf(format, args...)}
}

// In puts every [Error] inside err under a parent field, so that "amount" found wrong inside
// "rewards[0]" is reported as "rewards[0].amount". It leaves other errors as they are, and all of them
// if parent is "". It returns nil for nil.
func In(parent string, err error) error {
	if err == nil || parent == "" {
		return err
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range many.Unwrap() {
			all = append(all, In(parent, e))
		}
		return errors.Join(all...)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	field := parent
	switch {
	case e.Field == "":
	case e.Field[0] == '/' || e.Field[0] == '[':
		field += e.Field
	default:
		field += "." + e.Field
	}
	return &Error{e.Kind, field, e.Reason}
}
