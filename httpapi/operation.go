package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
)

// An Operation is what one method of one path does. Its route, its check of the caller, what the document says of it and what is
// recorded of it come from one declaration.
type Operation struct {
	// Context is the part of the API that it belongs to.
	Context Context
	// Method and Path are those of a request; the path begins behind the context's and holds {parameters}.
	Method, Path string
	// Permission is what the caller's role must allow.
	Permission tenancy.Permission
	// Summary says in a few words what it does.
	Summary string
	// Statuses are those that it answers with, beside what any operation may answer: first that of success.
	Statuses []int
}

// operation is one with what makes it work.
type operation struct {
	Operation

	// names are those of fields on the wire that the engine calls otherwise; of "query.where", a part of a field.
	names  map[string]string
	params []param
	body   reflect.Type // nil for none
	bodyAt []int        // the field that takes it
	in     reflect.Type
	out    reflect.Type  // nil for none
	form   *form         // of out
	usual  *atomic.Int64 // how many bytes it answered with last
	takes  *form         // of the body, as the document shows it; that of its type, unless it is another
	zones  zoneNames     // those that the body may name
	own    string        // what rows call the id that they are of; "" is what the path calls it
	serve  func(ctx context.Context, c *call, in any) (any, error)
	follow func(ctx context.Context, c *call, in any, s *stream) error // instead of serve, of what is told as it happens
	limit  int64                                                       // of the body in bytes
	// writes says that it writes although it is asked with GET.
	writes bool
	// lines says that the body may be lines of JSON.
	lines bool
	// apart says that it makes transactions of its own.
	apart bool
	// platform says that it changes the account or its workspaces, and not what is in one.
	platform bool
	// made is the name of the id of what it adds, "" if it adds nothing.
	made string
	// refused returns the body of an answer that refuses, where it is no [Problem].
	refused func(*Problem) any
}

// changes tells whether the operation is asked with a method that changes something: once for its key, and recorded.
func (o *operation) changes() bool { return o.Method != http.MethodGet }

// reads tells whether all that the operation does is to read: it sees one snapshot then. A stream goes on, and sees many.
func (o *operation) reads() bool { return o.Method == http.MethodGet && !o.writes && o.follow == nil }

// byItself lets an operation that changes something make transactions of its own, because it has to make several: its answer is kept, and
// what it did recorded, in another one behind them. All others run in the one transaction in which that is done.
func (o *operation) byItself() *operation {
	o.apart = true
	return o
}

// onPlatform lets an operation that changes something run in a transaction of the platform.
func (o *operation) onPlatform() *operation {
	o.platform = true
	return o
}

// writing lets an operation that is asked with GET write.
func (o *operation) writing() *operation {
	o.writes = true
	return o
}

// upTo lets the body be larger than usual.
func (o *operation) upTo(bytes int64) *operation {
	o.limit = bytes
	return o
}

// naming says what fields are called on the wire that the engine calls otherwise, as [operation.wireName] looks them up.
func (o *operation) naming(names map[string]string) *operation {
	o.names = names
	return o
}

// Anyone is the permission that each active user has: to read what is about oneself.
const Anyone tenancy.Permission = "anyone"

// declare declares an operation: codes are its statuses, first that of success.
func declare[In, Out any](
	method, path string, p tenancy.Permission, summary string, codes []int, do func(context.Context, *call, *In) (Out, error),
) *operation {
	o := &operation{
		Operation: Operation{Method: method, Path: path, Permission: p, Summary: summary, Statuses: codes},
		in:        reflect.TypeFor[In](), out: reflect.TypeFor[Out](), limit: maxBody,
	}
	o.serve = func(ctx context.Context, c *call, in any) (any, error) { return do(ctx, c, in.(*In)) }
	return o.bound()
}

// declareLive declares an operation that tells as it happens what has the form of Out, until the client goes.
func declareLive[In, Out any](path string, p tenancy.Permission, summary string, follow func(context.Context, *call, *In, *stream) error) *operation {
	o := &operation{
		Operation: Operation{Method: http.MethodGet, Path: path, Permission: p, Summary: summary, Statuses: codes(200, 400, 401, 404)},
		in:        reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
	}
	o.follow = func(ctx context.Context, c *call, in any, s *stream) error { return follow(ctx, c, in.(*In), s) }
	return o.bound()
}

// bound returns the operation with what takes its parameters and its body.
func (o *operation) bound() *operation {
	if o.out == reflect.TypeFor[nothing]() {
		o.out = nil
	}
	o.bind(o.in, nil)
	for name := range pathParams(o.Path) {
		if !slices.ContainsFunc(o.params, func(p param) bool { return p.in == "path" && p.name == name }) {
			panic(fmt.Sprintf("httpapi: %s %s: nothing takes {%s}", o.Method, o.Path, name))
		}
	}
	return o
}

// nothing is what an operation takes or returns that takes or returns nothing.
type nothing struct{}

// codes lists the statuses of an operation.
func codes(all ...int) []int { return all }

// maxBody is how many bytes a body may have, unless an operation says otherwise.
const maxBody = 1 << 20

// A param is a parameter of an operation.
type param struct {
	name, in string // "path", "query" or "header"
	index    []int
	list     bool
	kind     reflect.Kind
	allowed  []string // of a text; empty: whatever the engine takes
	required bool     // but for those of the path, which always are
	of       reflect.Type
	field    string // of that type, which says what it is for
}

// bind finds what takes the parameters and the body: fields with the tags path, query, header or body.
func (o *operation) bind(t reflect.Type, index []int) {
	for f := range t.Fields() {
		at := append(slices.Clone(index), f.Index...)
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			o.bind(f.Type, at)
			continue
		case f.Tag.Get("body") == "json":
			o.body, o.bodyAt = f.Type, at
			continue
		}
		for _, in := range []string{"path", "query", "header"} {
			name := f.Tag.Get(in)
			if name == "" {
				continue
			}
			if in == "path" && name == "id" { // the first, whatever the path calls it
				for first := range pathParams(o.Path) {
					name = first
					break
				}
			}
			if in == "path" && !strings.Contains(o.Path, "{"+name+"}") {
				panic(fmt.Sprintf("httpapi: %s %s has no {%s}", o.Method, o.Path, name))
			}
			p := param{name: name, in: in, index: at, kind: f.Type.Kind(), of: t, field: f.Name, required: f.Tag.Get("required") == "true"}
			if p.list = p.kind == reflect.Slice; p.list || p.kind == reflect.Pointer {
				p.kind = f.Type.Elem().Kind()
			}
			if allowed := f.Tag.Get("enum"); allowed != "" {
				p.allowed = strings.Split(allowed, ",")
			}
			o.params = append(o.params, p)
		}
	}
}

// read returns what a request says, as the operation's function takes it.
func (o *operation) read(r *http.Request, path map[string]string) (any, error) {
	in := reflect.New(o.in)
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.Invalid("query", "is malformed")
	}
	var faults []error
	for i := range o.params {
		p := &o.params[i]
		var values []string
		switch p.in {
		case "path":
			values = []string{path[p.name]}
		case "query":
			values = query[p.name]
		case "header":
			values = r.Header.Values(p.name)
		}
		into := reflect.New(reflect.TypeFor[string]()).Elem() // of what the function asks the request for itself
		if p.index != nil {
			into = in.Elem().FieldByIndex(p.index)
		}
		faults = append(faults, p.set(into, values))
	}
	if o.body != nil {
		faults = append(faults, o.readBody(r, in.Elem().FieldByIndex(o.bodyAt)))
	}
	if checked, is := reflect.TypeAssert[interface{ check() error }](in); is {
		faults = append(faults, checked.check())
	}
	return in.Interface(), errors.Join(faults...)
}

// set gives a field the values of the parameter; null, as some clients send it, is none.
func (p *param) set(into reflect.Value, values []string) error {
	if p.list {
		var all []string
		for _, v := range values {
			all = append(all, strings.Split(v, ",")...)
		}
		for _, v := range all {
			if len(p.allowed) > 0 && !slices.Contains(p.allowed, v) {
				return fault.Invalid(p.name, "%q is none of %s", v, strings.Join(p.allowed, ", "))
			}
		}
		into.Set(reflect.ValueOf(all))
		return nil
	}
	if len(values) == 0 || values[0] == "" || values[0] == "null" && p.in == "query" {
		switch {
		case p.required && len(p.allowed) > 0:
			return fault.Invalid(p.name, "is missing; it is one of %s", strings.Join(p.allowed, ", "))
		case p.required:
			return fault.Invalid(p.name, "is missing")
		}
		return nil
	}
	v := values[0]
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	switch p.kind {
	case reflect.String:
		if len(p.allowed) > 0 && !slices.Contains(p.allowed, v) {
			return fault.Invalid(p.name, "%q is none of %s", v, strings.Join(p.allowed, ", "))
		}
		into.SetString(v)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return fault.Invalid(p.name, "%q is no whole number", v)
		}
		into.SetInt(n)
	case reflect.Bool:
		is, err := strconv.ParseBool(v)
		if err != nil {
			return fault.Invalid(p.name, "%q is neither true nor false", v)
		}
		into.SetBool(is)
	default:
		panic(fmt.Sprintf("httpapi: the parameter %s is of a kind that is not read: %s", p.name, p.kind))
	}
	return nil
}

func (o *operation) readBody(r *http.Request, into reflect.Value) error {
	if own, is := reflect.TypeAssert[interface {
		readFrom(*http.Request, *form) error
	}](into.Addr()); is {
		return own.readFrom(r, o.takes)
	}
	text, err := io.ReadAll(r.Body)
	if err == nil && len(text) == 0 && into.Kind() == reflect.Pointer {
		return nil // one that may be absent
	}
	if err != nil {
		return malformed(err)
	}
	if text, err = o.zones.taken(o.takes, text); err != nil {
		return err
	}
	if o.body != typeRule { // a bundle is the engine's to read
		if err := o.takes.given(text); err != nil {
			return err
		}
	}
	err = json.Unmarshal(text, into.Addr().Interface())
	switch {
	case err != nil:
		return malformed(err)
	case bytes.Equal(bytes.TrimSpace(text), null):
		return fault.Invalid("body", "is null")
	}
	return nil
}

// pathParams yields the names of the parameters in a path.
func pathParams(path string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for segment := range strings.SplitSeq(path, "/") {
			if name, is := strings.CutPrefix(segment, "{"); is && !yield(strings.TrimSuffix(name, "}")) {
				return
			}
		}
	}
}
