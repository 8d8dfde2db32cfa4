package rule

import (
	"slices"

	"github.com/guerdonhq/guerdon/fault"
)

// mostParts bounds the work of looking for what excludes one another: of a path that is in more parts, or compared with
// more constants, nothing is refused.
const mostParts = 50

// exclusions returns a fault if the parts of a condition that must all hold cannot hold together, whatever is at a
// path that they compare with constants.
func (l *linter) exclusions(root *node) []error {
	about := map[string][]*node{} // by the one path that a part is about
	var order []string
	for _, part := range root.conjuncts(nil) {
		path, ok := l.about(part)
		if !ok || path == "" || l.ctx.typeOf(path).Sort == Texts {
			continue
		}
		if about[path] == nil {
			order = append(order, path)
		}
		about[path] = append(about[path], part)
	}
	var faults []error
	for _, path := range order {
		if err := l.exclude(path, about[path]); err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

// conjuncts returns the parts that must all hold for the node to.
func (n *node) conjuncts(parts []*node) []*node {
	if n.code != codeAnd {
		return append(parts, n)
	}
	for i := range n.args {
		parts = n.args[i].conjuncts(parts)
	}
	return parts
}

// about returns the one path whose value decides the truth of a node by being compared with constants, "" if
// no path does; ok is false if something else decides too.
func (l *linter) about(n *node) (path string, ok bool) {
	switch n.code {
	case codeConstant:
		return "", true
	case codeVar:
		path, ok = n.readsPath()
		return l.ctx.canonical(path), ok
	case codeIn:
		if n.args[1].code != codeConstant || n.args[1].value.kind != list {
			return "", false
		}
	case codeAnd, codeOr, codeNot, codeTruth, codeEqual, codeNotEqual, codeSame, codeNotSame, codeOrder:
	default:
		return "", false
	}
	for i := range n.args {
		other, ok := l.about(&n.args[i])
		if !ok || other != "" && path != "" && other != path {
			return "", false
		}
		if path == "" {
			path = other
		}
	}
	return path, true
}

// exclude returns a fault if no value of a path meets all parts. It names the first part that cannot hold, and one
// that excludes it.
func (l *linter) exclude(path string, parts []*node) error {
	if len(parts) > mostParts || len(parts) == 1 && parts[0].satisfiable() {
		return nil
	}
	values := l.witnesses(path, parts)
	if values == nil {
		return nil
	}
	met := make([][]bool, len(parts)) // by part and value
	left := slices.Repeat([]bool{true}, len(values))
	for i, part := range parts {
		met[i] = make([]bool, len(values))
		for v := range values {
			met[i][v] = l.holds(part, path, values[v])
			left[v] = left[v] && met[i][v]
		}
		if slices.Contains(left, true) {
			continue
		}
		if !slices.Contains(met[i], true) {
			return fault.Invalid(part.at, "no value of %s meets it, so the condition is always false", path)
		}
		for j := range i {
			if !overlap(met[i], met[j]) {
				return fault.Invalid(part.at, "no value of %s meets both this and %s, so the condition is always false", path, parts[j].at)
			}
		}
		return fault.Invalid(part.at, "no value of %s meets this and what stands before it, so the condition is always false", path)
	}
	return nil
}

// satisfiable tells whether a part that is about a path is a comparison which some value of it meets: what a value
// cannot be has been refused.
func (n *node) satisfiable() bool {
	for i := range n.args {
		if n.args[i].code == codeConstant && n.args[i].value.kind == null {
			return false
		}
	}
	switch n.code {
	case codeVar, codeEqual, codeNotEqual, codeSame, codeNotSame:
		return true
	case codeIn:
		return len(n.args[1].value.items()) > 0
	case codeOrder:
		return len(n.args) == 2
	default:
		return false
	}
}

// overlap tells whether two lists are both true somewhere.
func overlap(a, b []bool) bool {
	for i := range a {
		if a[i] && b[i] {
			return true
		}
	}
	return false
}

// holds evaluates a node that is about a path for a value of it.
func (l *linter) holds(n *node, path string, v any) bool {
	m := machine{steps: MaxSteps, scope: scope{data: l.dataWith(n, path, v, map[string]any{})}}
	return m.eval(n).truthy()
}

// dataWith puts a value where the node reads the path, under each of its names.
func (l *linter) dataWith(n *node, path string, v any, data map[string]any) map[string]any {
	if n.code == codeVar && l.ctx.canonical(n.source) == path {
		at := data
		for _, step := range n.path[:len(n.path)-1] {
			below, ok := at[step.key].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[step.key] = below
			}
			at = below
		}
		at[n.path[len(n.path)-1].key] = v
	}
	for i := range n.args {
		l.dataWith(&n.args[i], path, v, data)
	}
	return data
}

// witnesses returns values of a path such that, if any value meets parts that compare it with constants, one of these
// does: the constants, what lies between two neighbours, and what lies beyond them. It is nil if there are too many.
func (l *linter) witnesses(path string, parts []*node) []any {
	t := l.ctx.typeOf(path)
	var all []any
	if t.Optional || t.Sort == Anything {
		all = append(all, nil)
	}
	switch {
	case t.Values != nil:
		for _, v := range t.Values {
			all = append(all, v)
		}
		return all
	case t.Sort == Boolean:
		return append(all, true, false)
	}
	var numbers []float64
	texts := []string{"", "0"}
	found := constants(parts, nil)
	if len(found) > mostParts {
		return nil
	}
	for _, v := range found {
		if f := asFloat(v); v.kind != null && finite(f) {
			numbers = append(numbers, f)
		}
		if v.kind == number && (t.Sort == Anything || t.Sort == Number) {
			all = append(all, v.plain()) // which may be more exact than what is computed of it
		}
		if v.kind == text {
			texts = append(texts, v.string(), v.string()+"\x00")
		}
	}
	numbers = append(numbers, 0)
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	between := []float64{numbers[0] - 1, numbers[len(numbers)-1] + 1}
	for i := range numbers[1:] {
		between = append(between, numbers[i]/2+numbers[i+1]/2)
	}
	for _, f := range slices.Concat(numbers, between) {
		if t.Sort == Anything || t.Sort == Number {
			all = append(all, f)
		}
		texts = append(texts, formatNumber(f))
	}
	if t.Sort == Number {
		return all
	}
	for _, s := range texts {
		all = append(all, s)
	}
	if t.Sort == Anything {
		all = append(all, true, false)
		for _, s := range texts {
			all = append(all, []any{s})
		}
	}
	return all
}

// constants returns the scalar constants of nodes, those inside arrays included.
func constants(parts []*node, found []value) []value {
	for _, n := range parts {
		if n.code == codeConstant {
			found = append(found, n.value)
			for _, item := range n.value.items() {
				found = append(found, valueOf(item))
			}
		}
		for i := range n.args {
			found = constants([]*node{&n.args[i]}, found)
		}
	}
	return found
}
