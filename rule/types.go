package rule

import (
	"maps"
	"slices"
	"strings"
)

// A Sort is what sort of value stands at a path.
type Sort uint8

// The sorts. An Instant is a text that RFC 3339 describes, or a date; Texts is an array of texts.
const (
	Anything Sort = iota
	Number
	Text
	Boolean
	Instant
	Texts
)

// String says what a value of the sort is, in an author's words.
func (s Sort) String() string {
	switch s {
	case Number:
		return "a number"
	case Text:
		return "a text"
	case Boolean:
		return "true or false"
	case Instant:
		return "an instant"
	case Texts:
		return "a list of texts"
	case Anything:
	}
	return "anything"
}

// A Type is what is known of the value at a path before there is any data. The zero Type knows nothing.
type Type struct {
	Sort Sort
	// Values are the only texts that a Text can be; nil means any.
	Values []string
	// Of is the kind of the documents whose ids a Text or Texts holds, "" if it holds none.
	Of string
	// Optional says that the data may lack the value.
	Optional bool
	// Declared says that somebody declared the sort, and so that a comparison with a constant of another is a
	// mistake, even if JSON Logic would find a way to compare the two.
	Declared bool
}

// And returns the context with more paths, as [NewContext] takes them.
func (c *Context) And(paths ...string) *Context {
	if len(paths) == 0 {
		return c
	}
	own, more := *c, NewContext(paths...)
	own.paths = slices.Concat(c.paths, more.paths)
	own.roots = slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.roots, more.roots))))
	return &own
}

// With returns the context with what is known of the values at some of its paths. A path that ends in ".*" speaks
// of all that is below it.
func (c *Context) With(types map[string]Type) *Context {
	own := *c
	own.types = maps.Clone(c.types)
	if own.types == nil {
		own.types = map[string]Type{}
	}
	maps.Copy(own.types, types)
	return &own
}

// Mirroring returns the context for data in which all that is below a root is at top level too, so that root.path
// and path are the same value. [Context.With] then names it by the shorter of the two.
func (c *Context) Mirroring(root string) *Context {
	own := *c
	own.mirrored = root + "."
	return &own
}

// Hinting returns the context with what to tell the author of a path that it lacks, by the path or the beginning of
// it ("mission" is that of "mission.periodId"). The texts go on after the path: "is read by …".
func (c *Context) Hinting(elsewhere map[string]string) *Context {
	own := *c
	own.elsewhere = elsewhere
	return &own
}

// Declare returns the context in which of what lies below an open path only the given names can be read, each with
// its type: of "additionalData", say, "minutes".
func (c *Context) Declare(open string, names map[string]Type) *Context {
	own := *c
	own.paths, own.types = nil, maps.Clone(c.types)
	delete(own.types, open+".*")
	for _, k := range c.paths {
		if !k.open || c.canonical(strings.Join(k.parts, ".")) != open {
			own.paths = append(own.paths, k)
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			own.paths = append(own.paths, contextPath{parts: append(slices.Clip(k.parts), name)})
		}
	}
	if own.types == nil {
		own.types = map[string]Type{}
	}
	for name, t := range names {
		own.types[open+"."+name] = t
	}
	return &own
}

// canonical returns the one name of a path that may have two.
func (c *Context) canonical(path string) string {
	if c == nil || c.mirrored == "" {
		return path
	}
	return strings.TrimPrefix(path, c.mirrored)
}

// typeOf returns what is known of the value at a path.
func (c *Context) typeOf(path string) Type {
	if c == nil {
		return Type{}
	}
	path = c.canonical(path)
	if t, ok := c.types[path]; ok {
		return t
	}
	for i, letter := range path {
		if letter == '.' {
			if t, ok := c.types[path[:i]+".*"]; ok {
				return t
			}
		}
	}
	return Type{}
}

// readElsewhere says where a path can be read that the context lacks, if somewhere.
func (c *Context) readElsewhere(path string) (hint string, ok bool) {
	for _, name := range []string{c.canonical(path), path} {
		for name != "" {
			if hint, ok = c.elsewhere[name]; ok && !c.allows(name) {
				return name + " " + hint, true
			}
			name = name[:max(0, strings.LastIndexByte(name, '.'))]
		}
	}
	return "", false
}
