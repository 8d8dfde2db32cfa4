package rule

import (
	"encoding/json"
	"strconv"
	"strings"
)

// A Trace is what one place of an expression came to, and why. What was not evaluated, because the
// result was already certain, has no trace. Once made it is only read.
type Trace struct {
	// Pointer is the JSON pointer of the place in the expression; it is empty for the whole.
	Pointer string `json:"pointer"`
	// Op is the operator, "[]" for an array, and empty for a constant.
	Op string `json:"op,omitempty"`
	// Path is what var read, as a path of the whole data: "items.1.price" for the price of an item.
	Path string `json:"path,omitempty"`
	// Absent says that the data has nothing at Path; Value is then the default, or nil.
	Absent bool `json:"absent,omitempty"`
	// Item counts the elements of an array from 1 and says for which one the body of an array
	// operator was run; it is 0 anywhere else.
	Item int `json:"item,omitempty"`
	// Value is what the place came to, as decoded JSON. It may share memory with the data.
	Value any `json:"value"`
	// Args are the arguments that were evaluated, in their order. After an array operator's own
	// arguments come its elements: at most 20, of which the last is the one that it ended with.
	Args []Trace `json:"args,omitempty"`

	holds bool // Value cannot tell: infinity is true and shown as nil
}

// mostItems bounds the elements that a trace keeps.
const mostItems = 20

// Explain evaluates the expression as [Rule.Eval] does and returns how it came to its value. The
// error is that of [Rule.Eval].
func (r *Rule) Explain(env *Env) (*Trace, error) {
	m := machine{steps: MaxSteps, now: env.Now, scope: scope{data: env.Data}, tracing: true, traces: make([]Trace, 0, 1)}
	m.eval(r.root)
	if err := m.err(); err != nil {
		return nil, err
	}
	return &m.traces[0], nil
}

// trace runs a node and appends what it came to.
func (m *machine) trace(n *node) value {
	traces := m.traces
	m.traces = m.room(n)
	v := m.run(n)
	t := Trace{Pointer: n.at, Op: n.name, Value: v.plain(), Args: m.traces, holds: v.truthy()}
	switch n.code {
	case codeVar:
		t.locate(m, n.source, n.path, v.kind != null && len(n.args) == 0)
	case codeDynamicVar:
		path := m.key(valueOf(t.Args[0].Value))
		t.locate(m, path, segments(path), false)
	default: // The others read no path themselves.
	}
	traces = append(traces, t)
	m.traces = traces
	return v
}

// locate notes what a node read, and whether it was there, if that is not known to be.
func (t *Trace) locate(m *machine, source string, path []segment, found bool) {
	if !found {
		_, found = m.read(path)
	}
	t.Path, t.Absent = m.scope.locate(source), !found
}

// tracesAtOnce is how many traces are allocated at once.
const tracesAtOnce = 16

// room returns an empty slice for what a node traces: its arguments, and elements.
func (m *machine) room(n *node) []Trace {
	size := len(n.args)
	switch n.code {
	case codeFilter, codeMap, codeReduce, codeSome, codeAll, codeNone:
		size += mostItems
	default: // The others have no elements.
	}
	if size > len(m.spare) {
		m.spare = make([]Trace, max(size, tracesAtOnce))
	}
	room := m.spare[:0:size]
	m.spare = m.spare[size:]
	return room
}

// prefix returns where the i-th element of an array operator's subject is, for a person to read.
func (m *machine) prefix(n *node, i int) string {
	if n.code == codeReduce {
		return ""
	}
	index := strconv.Itoa(i)
	if subject := &n.args[0]; subject.code == codeVar {
		return joinPath(m.scope.locate(subject.source), index)
	}
	return "[" + index + "]"
}

// locate returns a path of the scope as a path of the whole data.
func (s *scope) locate(path string) string { return joinPath(s.prefix, path) }

func joinPath(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + "." + b
}

// markItem numbers the trace that an array operator's body has just left, and lets it take the place
// of the one before if there are many.
func (m *machine) markItem(n *node, i int) {
	last := len(m.traces) - 1
	m.traces[last].Item = i + 1
	if own := len(n.args) - 1; last-own >= mostItems {
		m.traces[last-1] = m.traces[last]
		m.traces = m.traces[:last]
	}
}

// Decisive returns the places that settled the truth of the result: comparisons, paths and other
// operators that are not logic. Together they are enough, whatever the rest may be, and in a tree of
// and, or and ! each of them is needed. Of "and" that is false it is the argument that failed, of "or"
// that is false it is all arguments, of "all" that is false it is the element that failed, and so on.
// Constants are left out, unless nothing else settled it.
func (t *Trace) Decisive() []*Trace {
	decisive := t.decide(nil)
	if len(decisive) == 0 {
		return []*Trace{t}
	}
	return decisive
}

func (t *Trace) decide(found []*Trace) []*Trace {
	if len(t.Args) == 0 {
		if t.Op == "" {
			return found
		}
		return append(found, t)
	}
	last := &t.Args[len(t.Args)-1]
	holds := t.Holds()
	switch t.Op {
	case "and", "or":
		if holds == (t.Op == "or") {
			return last.decideOr(found)
		}
		return t.decideAll(found)
	case "if", "?:", "!", "!!":
		return t.decideAll(found)
	case "some", "all", "none":
		if last.Item > 0 && holds == (t.Op == "some") {
			return last.decideOr(found)
		}
	}
	return append(found, t)
}

// decideOr is decide for a place that settled the result alone, so that it is named even if it is a
// constant.
func (t *Trace) decideOr(found []*Trace) []*Trace {
	n := len(found)
	if found = t.decide(found); len(found) > n {
		return found
	}
	return append(found, t)
}

func (t *Trace) decideAll(found []*Trace) []*Trace {
	for i := range t.Args {
		found = t.Args[i].decide(found)
	}
	return found
}

// Holds reports whether the value is true in JSON Logic's sense.
func (t *Trace) Holds() bool { return t.holds }

// Reason says in one line what the place came to and which data it read:
// "event.value >= 10 is false: event.value is 3".
func (t *Trace) Reason() string {
	if t.Op == "var" {
		return t.reading()
	}
	reason := t.text() + " is " + shortJSON(t.Value)
	if read := t.readings(nil); len(read) > 0 {
		reason += ": " + strings.Join(read, ", ")
	}
	return reason
}

// String draws the trace as an indented tree, one place a line, the value first.
func (t *Trace) String() string {
	var b strings.Builder
	t.draw(&b, 0)
	return b.String()
}

func (t *Trace) draw(b *strings.Builder, depth int) {
	b.WriteString(strings.Repeat("  ", depth))
	b.WriteString(shortJSON(t.Value))
	b.WriteString("  ")
	if !logical[t.Op] {
		b.WriteString(t.text())
		if read := t.readings(nil); len(read) > 0 {
			b.WriteString("  (" + strings.Join(read, ", ") + ")")
		}
		b.WriteByte('\n')
		return
	}
	below := t.Args
	if iterating[t.Op] {
		b.WriteString(t.text())
		below = t.elements()
	} else {
		b.WriteString(t.Op)
	}
	b.WriteByte('\n')
	for i := range below {
		below[i].draw(b, depth+1)
	}
}

// logical are the operators whose arguments are drawn below them.
var logical = map[string]bool{
	"and": true, "or": true, "!": true, "!!": true, "if": true, "?:": true,
	"some": true, "all": true, "none": true, "filter": true, "map": true, "reduce": true,
}

var iterating = map[string]bool{
	"some": true, "all": true, "none": true, "filter": true, "map": true, "reduce": true,
}

// infix are the operators that are written between their arguments.
var infix = map[string]bool{
	"==": true, "!=": true, "===": true, "!==": true, "<": true, "<=": true, ">": true, ">=": true,
	"+": true, "-": true, "*": true, "/": true, "%": true, "in": true, "and": true, "or": true,
}

// elements returns the traces of an array operator's elements.
func (t *Trace) elements() []Trace {
	for i := range t.Args {
		if t.Args[i].Item > 0 {
			return t.Args[i:]
		}
	}
	return nil
}

// text writes the place as a formula.
func (t *Trace) text() string {
	switch {
	case t.Op == "":
		return shortJSON(t.Value)
	case t.Op == "var" && t.Path == "":
		return "data"
	case t.Op == "var":
		return t.Path
	case t.Op == "[]":
		return "[" + strings.Join(t.argumentTexts(), ", ") + "]"
	case iterating[t.Op]:
		return t.Op + " of " + t.Args[0].text()
	case infix[t.Op] && len(t.Args) > 1:
		return strings.Join(t.argumentTexts(), " "+t.Op+" ")
	}
	return t.Op + "(" + strings.Join(t.argumentTexts(), ", ") + ")"
}

func (t *Trace) argumentTexts() []string {
	texts := make([]string, len(t.Args))
	for i := range t.Args {
		a := &t.Args[i]
		texts[i] = a.text()
		if infix[t.Op] && infix[a.Op] && len(a.Args) > 1 {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	return texts
}

// readings appends what each path read below the place came to, elements left out.
func (t *Trace) readings(read []string) []string {
	if t.Op == "var" {
		return append(read, t.reading())
	}
	for i := range t.Args {
		if t.Args[i].Item == 0 {
			read = t.Args[i].readings(read)
		}
	}
	return read
}

func (t *Trace) reading() string {
	if !t.Absent {
		return t.text() + " is " + shortJSON(t.Value)
	}
	if t.Value == nil {
		return t.text() + " is absent"
	}
	return t.text() + " is absent, taken as " + shortJSON(t.Value)
}

// longestShown bounds how much of a value is shown to a person.
const longestShown = 60

func shortJSON(x any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil {
		return "?"
	}
	shown := []rune(strings.TrimSuffix(b.String(), "\n"))
	if len(shown) > longestShown {
		return string(shown[:longestShown]) + "…"
	}
	return string(shown)
}
