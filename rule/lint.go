package rule

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
)

// A Use says what the value of an expression is for.
type Use uint8

// The uses: for its truth, as an amount, or as any value.
const (
	Value Use = iota
	Condition
	Amount
)

// A Finding is something in a valid expression that its author can hardly have meant.
type Finding struct {
	// At is the JSON pointer of the place, empty for the whole.
	At string
	// Reason says what it is, and what to write instead.
	Reason string
}

// A Mention is an id that an expression compares what it reads with.
type Mention struct {
	// At is the JSON pointer of the id.
	At string
	// Kind is that of the documents whose ids stand at the path that is read.
	Kind string
	ID   string
}

// Lint returns what is likely not meant in an expression for a use, and the ids that it mentions, each in the order of
// the text. The error is that of [Compile], or [CompileCondition] for a Condition.
//
// Findings are comparisons that an absent value passes because it counts as 0, unless something around them leaves it
// out; constants where a condition is meant; a list that is compared with a text; and of an Amount, what is finer than
// 0.000001 for most inputs, and what is never a number.
func Lint(src []byte, ctx *Context, use Use) ([]Finding, []Mention, error) {
	compileFor := Compile
	if use == Condition {
		compileFor = CompileCondition
	}
	r, err := compileFor(src, ctx)
	if err != nil {
		return nil, nil, err
	}
	l := linter{ctx: ctx}
	if use != Condition { // which has refused them
		l.report(l.conditions(r.root, false))
	}
	l.absences(r.root, use, nil)
	if use == Amount {
		l.amount(r.root)
	}
	l.mentions(r.root)
	return l.findings, l.mentioned, nil
}

// A linter looks at compiled expressions.
type linter struct {
	ctx       *Context
	looked    int // at how many nodes, for what is absent
	findings  []Finding
	mentioned []Mention
}

func (l *linter) find(n *node, format string, args ...any) {
	f := Finding{n.at, fmt.Sprintf(format, args...)}
	if !slices.Contains(l.findings, f) {
		l.findings = append(l.findings, f)
	}
}

// report turns faults into findings.
func (l *linter) report(faults []error) {
	for _, err := range faults {
		if e, ok := errors.AsType[*fault.Error](err); ok {
			l.findings = append(l.findings, Finding{e.Field, e.Reason})
		}
	}
}

// readsPath returns the path that a node reads and nothing else, without a default.
func (n *node) readsPath() (path string, ok bool) {
	if n.code != codeVar || n.source == "" || len(n.args) > 0 {
		return "", false
	}
	return n.source, true
}

// outside yields the arguments that see the data around a node: all but the body of an array operator.
func (n *node) outside(yield func(*node) bool) {
	for i := range n.args {
		if n.code.iterates() && i == 1 {
			continue
		}
		if !yield(&n.args[i]) {
			return
		}
	}
}

// conditions returns every constant text or number where a condition is meant; meant tells whether the node
// itself is one.
func (l *linter) conditions(n *node, meant bool) []error {
	if n.code == codeConstant {
		if k := n.value.kind; meant && (k == text || k == number) {
			return []error{fault.Invalid(n.at, "is the %s, where a condition is meant%s", literal(n.value), comparisonIn(n.value))}
		}
		return nil
	}
	var faults []error
	for i := range n.args {
		faults = append(faults, l.conditions(&n.args[i], n.means(i, meant))...)
	}
	return faults
}

// means tells whether an argument is there for its truth, if the node is meant to be a condition or not.
func (n *node) means(i int, meant bool) bool {
	switch n.code {
	case codeNot, codeTruth:
		return true
	case codeAnd, codeOr:
		return meant
	case codeIf:
		if i%2 == 0 && i+1 < len(n.args) {
			return true
		}
		return meant
	case codeFilter, codeSome, codeAll, codeNone:
		return i == 1
	default:
		return false
	}
}

// literal shows a scalar constant with its type.
func literal(v value) string {
	switch v.kind {
	case text:
		return "text " + quote(v.string())
	case number:
		return "number " + toText(v)
	case null, boolean, list, object:
	}
	return "constant " + toText(v)
}

// spelled is a comparison as people write it elsewhere.
var spelled = regexp.MustCompile(`^\s*([A-Za-z][\w.]*)\s*(===?|!==?|>=?|<=?)\s*("[^"]*"|'[^']*'|[\w.+-]+)\s*$`)

// comparisonIn shows how a comparison is written that somebody wrote as a text.
func comparisonIn(v value) string {
	parts := spelled.FindStringSubmatch(v.string())
	if parts == nil {
		return ""
	}
	right := strings.ReplaceAll(parts[3], "'", `"`)
	if right[0] != '"' && decimalPrefix(right) != len(right) && right != "true" && right != "false" && right != "null" {
		right = `"` + right + `"`
	}
	return fmt.Sprintf(`; write {"%s": [{"var": "%s"}, %s]}`, parts[2], parts[1], right)
}

// comparisons returns every comparison of a path with a constant that its value can never be.
func (l *linter) comparisons(n *node) []error {
	var faults []error
	switch n.code {
	case codeEqual, codeNotEqual, codeSame, codeNotSame, codeOrder:
		for i := range n.args {
			if path, ok := n.args[i].readsPath(); ok {
				for j := range n.args {
					faults = append(faults, l.comparison(n, path, &n.args[j]))
				}
			}
		}
	case codeIn:
		if path, ok := n.args[0].readsPath(); ok && n.args[1].code == codeConstant {
			for i, item := range n.args[1].value.items() {
				faults = append(faults, l.comparison(n, path, &node{value: valueOf(item), at: fmt.Sprintf("%s/%d", n.args[1].at, i)}))
			}
		}
	default: // It compares nothing.
	}
	for arg := range n.outside {
		faults = append(faults, l.comparisons(arg)...)
	}
	return slices.DeleteFunc(faults, func(err error) bool { return err == nil })
}

// comparison returns the fault of comparing a path with a node, if that is a constant.
func (l *linter) comparison(n *node, path string, with *node) error {
	t := l.ctx.typeOf(path)
	if with.code != codeConstant || with.value.kind == null || t.Sort == Anything || t.Sort == Texts {
		return nil
	}
	v := with.value
	if !t.comparesWith(v, n.code == codeSame || n.code == codeNotSame || n.code == codeIn) {
		return fault.Invalid(with.at, "is the %s, but %s is %s", literal(v), path, t.Sort)
	}
	if t.Values == nil || n.code == codeOrder || v.kind == text && slices.Contains(t.Values, v.string()) {
		return nil
	}
	hint := ""
	if near, ok := nearestFold(v.string(), t.Values); ok {
		hint = "; did you mean " + quote(near) + "?"
	}
	return fault.Invalid(with.at, "is the %s, which %s never is; it is one of %s%s", literal(v), path, strings.Join(t.Values, ", "), hint)
}

// nearestFold is nearest where case does not count.
func nearestFold(word string, candidates []string) (string, bool) {
	for _, c := range candidates {
		if strings.EqualFold(c, word) {
			return c, true
		}
	}
	return nearest(word, candidates)
}

// comparesWith tells whether a comparison of a value of the type with a constant may hold; strictly without
// coercion.
func (t Type) comparesWith(v value, strictly bool) bool {
	switch t.Sort {
	case Number:
		return v.kind == number || !strictly && !t.Declared && finite(asFloat(v))
	case Boolean:
		return v.kind == boolean || !strictly && !t.Declared && (equal(v, truth(true)) || equal(v, truth(false)))
	case Text:
		return v.kind == text || !strictly && !t.Declared && t.Values == nil && v.kind == number
	case Instant:
		return v.kind == text && (!t.Declared || IsInstant(v.string()))
	case Anything, Texts:
	}
	return true
}

// asFloat returns the number that a scalar counts as in a comparison, as near as a float is.
func asFloat(v value) float64 { return toNumber(v).num }

// mentions gathers the ids that are compared with paths that hold ids.
func (l *linter) mentions(n *node) {
	switch n.code {
	case codeEqual, codeNotEqual, codeSame, codeNotSame:
		for i := range n.args {
			if path, ok := n.args[i].readsPath(); ok {
				l.compared(n, path, &n.args[1-i])
			}
		}
	case codeIn:
		if path, ok := n.args[1].readsPath(); ok {
			l.mention(path, n.args[0].at, n.args[0].value)
		}
		if path, ok := n.args[0].readsPath(); ok {
			for i, item := range n.args[1].value.items() {
				l.mention(path, fmt.Sprintf("%s/%d", n.args[1].at, i), valueOf(item))
			}
		}
	case codeSome, codeAll, codeNone, codeFilter:
		if path, ok := n.args[0].readsPath(); ok {
			l.mentionsOfItems(path, &n.args[1])
		}
	default: // It compares nothing.
	}
	for arg := range n.outside {
		l.mentions(arg)
	}
}

// compared is what a path is compared with for being equal.
func (l *linter) compared(n *node, path string, with *node) {
	if with.code != codeConstant || with.value.kind != text {
		return
	}
	if l.ctx.typeOf(path).Sort == Texts {
		l.find(n, `compares the list %s with a text, which it equals only if it has that one entry; to find one among others, write {"in": [%s, {"var": %s}]}`,
			path, quote(with.value.string()), quote(path))
	}
	l.mention(path, with.at, with.value)
}

// mentionsOfItems is mentions for the body of an array operator over a path that holds a list of ids.
func (l *linter) mentionsOfItems(path string, body *node) {
	item := func(n *node) bool { return n.code == codeVar && n.source == "" }
	switch body.code {
	case codeEqual, codeNotEqual, codeSame, codeNotSame:
		for i := range body.args {
			if item(&body.args[i]) {
				l.mention(path, body.args[1-i].at, body.args[1-i].value)
			}
		}
	case codeIn:
		if item(&body.args[0]) {
			for i, id := range body.args[1].value.items() {
				l.mention(path, fmt.Sprintf("%s/%d", body.args[1].at, i), valueOf(id))
			}
		}
	case codeAnd, codeOr, codeNot:
		for i := range body.args {
			l.mentionsOfItems(path, &body.args[i])
		}
	default: // It compares nothing.
	}
}

func (l *linter) mention(path, at string, id value) {
	if kind := l.ctx.typeOf(path).Of; kind != "" && id.kind == text && id.string() != "" {
		l.mentioned = append(l.mentioned, Mention{at, kind, id.string()})
	}
}
