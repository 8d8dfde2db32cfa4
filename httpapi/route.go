package httpapi

import (
	"net/url"
	"slices"
	"strings"
)

// routes are the paths of operations as a tree of their segments. Where a segment may be a word or a parameter, the word goes first, and
// where that leads nowhere the parameter is tried: [http.ServeMux] would refuse /users/by-external-id/{id} beside /users/{id}/tags.
type routes struct {
	words   map[string]*routes
	param   *routes
	methods map[string]*endpoint
}

// An endpoint is an operation at a path, whose parameters have its names.
type endpoint struct {
	*operation

	names []string
}

// add adds an operation under a path.
func (t *routes) add(path string, o *operation) {
	var names []string
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name, is := strings.CutPrefix(segment, "{"); is {
			names = append(names, strings.TrimSuffix(name, "}"))
			if t.param == nil {
				t.param = &routes{}
			}
			t = t.param
			continue
		}
		if t.words == nil {
			t.words = map[string]*routes{}
		}
		if t.words[segment] == nil {
			t.words[segment] = &routes{}
		}
		t = t.words[segment]
	}
	if t.methods == nil {
		t.methods = map[string]*endpoint{}
	}
	if t.methods[o.Method] != nil {
		panic("httpapi: " + o.Method + " " + path + " is declared twice")
	}
	t.methods[o.Method] = &endpoint{o, names}
}

// made returns the name of the parameter behind a path, by which what is added there is found; "" for none.
func (t *routes) made(path string) string {
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if t = t.next(segment); t == nil {
			return ""
		}
	}
	if t.param != nil {
		for _, end := range t.param.methods {
			return end.names[len(end.names)-1]
		}
	}
	return ""
}

// next returns where a segment of a declared path leads.
func (t *routes) next(segment string) *routes {
	if strings.HasPrefix(segment, "{") {
		return t.param
	}
	return t.words[segment]
}

// find returns where an escaped path leads, nil if nowhere, and the values of its parameters.
func (t *routes) find(path string) (at *routes, values []string) {
	return t.walk(strings.Split(strings.Trim(path, "/"), "/"), nil)
}

func (t *routes) walk(segments, values []string) (*routes, []string) {
	if len(segments) == 0 {
		if t.methods == nil {
			return nil, nil
		}
		return t, values
	}
	segment, err := url.PathUnescape(segments[0])
	if err != nil {
		return nil, nil
	}
	if next := t.words[segment]; next != nil {
		if at, all := next.walk(segments[1:], values); at != nil {
			return at, all
		}
	}
	if t.param == nil || segment == "" {
		return nil, nil
	}
	return t.param.walk(segments[1:], append(slices.Clip(values), segment))
}

// allowed returns the methods of a path, as the header Allow lists them.
func (t *routes) allowed() string {
	var all []string
	for method := range t.methods {
		all = append(all, method)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
