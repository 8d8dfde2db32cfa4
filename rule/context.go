package rule

import (
	"slices"
	"strings"
)

// A Context lists the paths that an expression may read at its place. It is never modified after it
// is made and may be used by many goroutines. A nil *Context allows every path.
type Context struct {
	paths []contextPath
	roots []string

	types     map[string]Type   // of canonical paths
	mirrored  string            // a root and a dot, if what is below it is at top level too
	elsewhere map[string]string // hints
}

// A contextPath is a known path; open means that anything may be below it.
type contextPath struct {
	parts []string
	open  bool
}

// NewContext returns a context of dotted paths such as "event.userId". A path that ends in ".*"
// stands for anything below it ("event.additionalData.*"). What lies on the way to a known path
// ("event") is readable too, and so is the whole data.
func NewContext(paths ...string) *Context {
	c := &Context{}
	for _, p := range paths {
		base, open := strings.CutSuffix(p, ".*")
		parts := strings.Split(base, ".")
		c.paths = append(c.paths, contextPath{parts, open})
		c.roots = append(c.roots, parts[0])
	}
	slices.Sort(c.roots)
	c.roots = slices.Compact(c.roots)
	return c
}

// reduceContext is what the body of a reduce sees.
var reduceContext = NewContext("current.*", "accumulator.*")

// allows reports whether a path can be read.
func (c *Context) allows(path string) bool {
	if c == nil || path == "" {
		return true
	}
	parts := strings.Split(path, ".")
	return slices.ContainsFunc(c.paths, func(k contextPath) bool { return k.covers(parts) })
}

func (k contextPath) covers(parts []string) bool {
	n := min(len(k.parts), len(parts))
	return slices.Equal(k.parts[:n], parts[:n]) && (k.open || len(parts) <= len(k.parts))
}

// hint returns what to tell an author who wrote an unknown path: where it can be read, the nearest known one, or
// what there is where it ceases to be known.
func (c *Context) hint(path string) string {
	parts := strings.Split(path, ".")
	candidates := make([]string, len(c.paths))
	for i, k := range c.paths {
		candidates[i] = strings.Join(k.parts, ".")
		if k.open && len(parts) > len(k.parts) {
			candidates[i] += "." + strings.Join(parts[len(k.parts):], ".")
		}
	}
	if hint, ok := c.readElsewhere(path); ok {
		return hint + "; " + c.known(parts)
	}
	if near, ok := nearest(path, candidates); ok {
		return "did you mean " + quote(near) + "?"
	}
	return c.known(parts)
}

// known says what there is where a path ceases to be known.
func (c *Context) known(parts []string) string {
	for n := len(parts) - 1; n > 0; n-- {
		if names := c.below(parts[:n]); len(names) > 0 {
			return strings.Join(parts[:n], ".") + " has " + strings.Join(names, ", ")
		}
	}
	return "it must begin with one of " + strings.Join(c.roots, ", ")
}

// below returns the names that are known right below a path, sorted.
func (c *Context) below(path []string) []string {
	var names []string
	for _, k := range c.paths {
		if len(k.parts) > len(path) && slices.Equal(k.parts[:len(path)], path) {
			names = append(names, k.parts[len(path)])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// longestHinted bounds the work of looking for a neighbour.
const longestHinted = 128

// nearest returns the candidate that takes the fewest edits to reach from word, and of equals the one
// that begins most like it, unless it takes so many that it is another word.
func nearest(word string, candidates []string) (string, bool) {
	if len(word) > longestHinted {
		return "", false
	}
	best, least := "", 1+max(1, len(word)/4)
	for _, c := range candidates {
		if len(c) > longestHinted {
			continue
		}
		d := editDistance(word, c)
		if d < least || best != "" && d == least && commonPrefix(word, c) > commonPrefix(word, best) {
			best, least = c, d
		}
	}
	return best, best != ""
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// editDistance counts the insertions, deletions and replacements of one byte, and the swaps of two
// neighbours, that turn a into b.
func editDistance(a, b string) int {
	before, last, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			next[j] = min(replace, last[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}
