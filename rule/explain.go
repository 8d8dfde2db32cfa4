package rule

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A Trace is what one place of an expression came to, and why. What was not evaluated, because the
// result was already certain, has no trace. It comes from [Rule.Explain] and is only read. As JSON it is
// an object with what its methods say; what is zero is left out, but for pointer and value.
type Trace struct {
	node  *node
	steps []step // of the place, which is the last, and of all below it
	kept  []any  // the texts, arrays and objects that steps came to
	in    string // where the data is that var sees at the place
}

// A step is a place that was evaluated. Those of its arguments stand right before it, each with those of
// its own arguments, so all that an explanation notes is one slice. There are no pointers in it, which
// would cost more than to evaluate; what is for reading is made when somebody asks for it.
type step struct {
	num    float64 // of a number or boolean
	kept   int32   // how many values were kept when it was noted; the last is its own, if it is more than a float64
	size   int32   // how many steps the place has, itself included
	item   int32   // of an element: its number
	index  uint16  // which argument the place is
	kind   kind
	absent bool
	own    bool // it kept a value
}

// mostItems bounds the elements that a trace keeps.
const mostItems = 20

// Explain evaluates the expression as [Rule.Eval] does and returns how it came to its value. The
// error is that of [Rule.Eval].
func (r *Rule) Explain(env *Env) (*Trace, error) {
	m := machine{steps: MaxSteps, now: env.Now, scope: scope{data: env.Data}, tracing: true, traced: make([]step, 0, r.root.size)}
	m.eval(r.root)
	if err := m.err(); err != nil {
		return nil, err
	}
	return &Trace{node: r.root, steps: m.traced, kept: m.kept}, nil
}

// trace runs a node and notes what it came to.
func (m *machine) trace(n *node) value {
	before := len(m.traced)
	v := m.run(n)
	s := step{num: v.num, size: int32(len(m.traced) - before + 1), index: n.index, kind: v.kind}
	if n.code != codeConstant && (v.kind >= text || v.exact() != nil) { // a constant is in its node
		m.kept, s.own = append(m.kept, v.ref), true
	}
	s.kept = int32(len(m.kept))
	m.traced = append(m.traced, s)
	if n.code == codeDynamicVar || n.code == codeVar && (v.kind == null || len(n.args) > 0) {
		t := Trace{node: n, steps: m.traced[before:], kept: m.kept}
		_, found := m.read(segments(t.Path()))
		t.place().absent = !found
	}
	return v
}

// expect makes room for what an array operator's body will note.
func (m *machine) expect(n *node, items int) {
	m.traced = slices.Grow(m.traced, min(items, mostItems)*n.args[1].size+n.size)
}

// markItem numbers the element that an array operator's body has just left, and lets it take the place
// of the one before if there are many.
func (m *machine) markItem(i int) {
	last := &m.traced[len(m.traced)-1]
	last.item = int32(i + 1)
	if i < mostItems {
		return
	}
	from := len(m.traced) - int(last.size)
	before := from - int(m.traced[from-1].size)
	kept, gone := int(m.traced[before-1].kept), m.traced[from-1].kept-m.traced[before-1].kept
	for j := range m.traced[from:] {
		m.traced[from+j].kept -= gone
	}
	m.traced = slices.Delete(m.traced, before, from)
	m.kept = slices.Delete(m.kept, kept, kept+int(gone))
}

// place returns the step of the trace's own place.
func (t *Trace) place() *step { return &t.steps[len(t.steps)-1] }

// value returns what the place came to.
func (t *Trace) value() value {
	s := t.place()
	switch {
	case t.node.code == codeConstant:
		return t.node.value
	case s.own:
		return value{kind: s.kind, num: s.num, ref: t.kept[s.kept-1]}
	case s.kind == boolean:
		return truth(s.num != 0)
	}
	return value{kind: s.kind, num: s.num}
}

// Pointer returns the JSON pointer of the place in the expression; it is empty for the whole.
func (t *Trace) Pointer() string { return t.node.at }

// Op returns the operator, "[]" for an array, and nothing for a constant.
func (t *Trace) Op() string { return t.node.name }

// Path returns what var read, as a path of the whole data: "items.1.price" for the price of an item.
func (t *Trace) Path() string {
	switch t.node.code {
	case codeVar:
		return joinPath(t.in, t.node.source)
	case codeDynamicVar:
		m := machine{steps: MaxSteps}
		return joinPath(t.in, m.key(t.Args()[0].value()))
	default: // The others read no path themselves.
		return ""
	}
}

// Absent reports whether the data has nothing at Path; Value is then the default, or nil.
func (t *Trace) Absent() bool { return t.place().absent }

// Item counts the elements of an array from 1 and says for which one the body of an array operator was
// run; it is 0 anywhere else.
func (t *Trace) Item() int { return int(t.place().item) }

// Value returns what the place came to, as decoded JSON. It may share memory with the data and the rule,
// so it must not be modified.
func (t *Trace) Value() any { return t.value().plain() }

// Args returns the arguments that were evaluated, in their order. After an array operator's own
// arguments come its elements: at most 20, of which the last is the one that it ended with.
func (t *Trace) Args() []Trace {
	below := t.steps[:len(t.steps)-1]
	n := 0
	for end := len(below); end > 0; end -= int(below[end-1].size) {
		n++
	}
	args := make([]Trace, n)
	for i := range slices.Backward(args) {
		last := &below[len(below)-1]
		from := len(below) - int(last.size)
		args[i] = Trace{&t.node.args[last.index], below[from:], t.kept, t.in}
		if last.item > 0 {
			args[i].in = t.element(int(last.item) - 1)
		}
		below = below[:from]
	}
	return args
}

// element returns where the i-th element of an array operator's subject is, for a person to read.
func (t *Trace) element(i int) string {
	if t.node.code == codeReduce {
		return ""
	}
	index := strconv.Itoa(i)
	if subject := &t.node.args[0]; subject.code == codeVar {
		return joinPath(joinPath(t.in, subject.source), index)
	}
	return "[" + index + "]"
}

func joinPath(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + "." + b
}

// MarshalJSON writes the trace with all below it.
func (t *Trace) MarshalJSON() ([]byte, error) { return json.Marshal(t.shown()) }

// A shown trace is one with all that is made for reading.
type shown struct {
	Pointer string  `json:"pointer"`
	Op      string  `json:"op,omitempty"`
	Path    string  `json:"path,omitempty"`
	Absent  bool    `json:"absent,omitempty"`
	Item    int     `json:"item,omitempty"`
	Value   any     `json:"value"`
	Args    []shown `json:"args,omitempty"`
}

func (t *Trace) shown() shown {
	out := shown{t.Pointer(), t.Op(), t.Path(), t.Absent(), t.Item(), t.Value(), nil}
	args := t.Args()
	for i := range args {
		out.Args = append(out.Args, args[i].shown())
	}
	return out
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
	op := t.Op()
	switch {
	case op == "":
		return found
	case len(t.steps) == 1 || !logical[op]:
		return append(found, t)
	}
	args := t.Args()
	last := &args[len(args)-1]
	holds := t.Holds()
	switch op {
	case "and", "or":
		if holds == (op == "or") {
			return last.decideOr(found)
		}
		return decideAll(args, found)
	case "if", "?:", "!", "!!":
		return decideAll(args, found)
	case "some", "all", "none":
		if last.Item() > 0 && holds == (op == "some") {
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

func decideAll(args []Trace, found []*Trace) []*Trace {
	for i := range args {
		found = args[i].decide(found)
	}
	return found
}

// Holds reports whether the value is true in JSON Logic's sense.
func (t *Trace) Holds() bool { return t.value().truthy() }

// Reason says in one line what the place came to and which data it read:
// "event.value >= 10 is false: event.value is 3".
func (t *Trace) Reason() string {
	if t.Op() == "var" {
		return t.reading()
	}
	reason := t.text() + " is " + shortJSON(t.Value())
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
	b.WriteString(shortJSON(t.Value()))
	b.WriteString("  ")
	if !logical[t.Op()] {
		b.WriteString(t.text())
		if read := t.readings(nil); len(read) > 0 {
			b.WriteString("  (" + strings.Join(read, ", ") + ")")
		}
		b.WriteByte('\n')
		return
	}
	below := t.Args()
	if iterating[t.Op()] {
		b.WriteString(t.text())
		below = t.elements()
	} else {
		b.WriteString(t.Op())
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
	args := t.Args()
	first := slices.IndexFunc(args, func(a Trace) bool { return a.Item() > 0 })
	if first < 0 {
		return nil
	}
	return args[first:]
}

// text writes the place as a formula.
func (t *Trace) text() string {
	op := t.Op()
	switch op {
	case "":
		return shortJSON(t.Value())
	case "var":
		return cmp.Or(t.Path(), "data")
	}
	args := t.Args()
	switch {
	case op == "[]":
		return "[" + strings.Join(texts(op, args), ", ") + "]"
	case iterating[op]:
		return op + " of " + args[0].text()
	case infix[op] && len(args) > 1:
		return strings.Join(texts(op, args), " "+op+" ")
	}
	return op + "(" + strings.Join(texts(op, args), ", ") + ")"
}

// texts writes the arguments of an operator.
func texts(op string, args []Trace) []string {
	out := make([]string, len(args))
	for i := range args {
		a := &args[i]
		out[i] = a.text()
		if infix[op] && infix[a.Op()] && len(a.Args()) > 1 {
			out[i] = "(" + out[i] + ")"
		}
	}
	return out
}

// readings appends what each path read below the place came to, elements left out.
func (t *Trace) readings(read []string) []string {
	if t.Op() == "var" {
		return append(read, t.reading())
	}
	args := t.Args()
	for i := range args {
		if args[i].Item() == 0 {
			read = args[i].readings(read)
		}
	}
	return read
}

func (t *Trace) reading() string {
	if !t.Absent() {
		return t.text() + " is " + shortJSON(t.Value())
	}
	if t.Value() == nil {
		return t.text() + " is absent"
	}
	return t.text() + " is absent, taken as " + shortJSON(t.Value())
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
