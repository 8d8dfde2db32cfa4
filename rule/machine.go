package rule

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A node is one compiled place of an expression. It is never modified after Compile.
type node struct {
	code   code
	op     *operator      // nil for a constant and an array
	name   string         // the operator's name
	at     string         // JSON pointer of the place
	value  value          // of codeConstant
	path   []segment      // of codeVar
	source string         // of codeVar: the path as it was written
	args   []node         // of codeVar: the default, if any
	zone   *time.Location // of the date operators, if it is constant

	index uint16 // among the arguments of the node around it
	reads bool   // it reads the data of its scope
	ticks bool   // it reads the clock
	cost  int
	size  int // how many nodes it has, itself included
}

// A segment is one step of a path: into an object by key, or into an array by index.
type segment struct {
	key   string
	index int // -1 if the key is not an index
}

func segments(path string) []segment {
	if path == "" {
		return nil
	}
	parts := strings.Split(path, ".")
	s := make([]segment, len(parts))
	for i, p := range parts {
		s[i] = segment{p, arrayIndex(p)}
	}
	return s
}

// arrayIndex reads a decimal index without leading zeros.
func arrayIndex(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || len(s) > 1 && s[0] == '0' {
		return -1
	}
	return int(n)
}

// A machine runs one evaluation. It lives on the stack of the call: no node and no function reached
// through a pointer may keep it.
type machine struct {
	steps int // what is left of the budget; negative once it is spent
	now   time.Time
	scope scope

	tracing bool
	traced  []step // what was noted so far
	kept    []any  // values that steps refer to

	fault error // why the evaluation cannot go on
}

// A scope is what var sees: the data, an element of an array, or the two variables of a reduce.
type scope struct {
	data        any // in a reduce: the current element
	reducing    bool
	accumulator value
}

// fail ends the evaluation.
func (m *machine) fail(err error) {
	if !m.spent() {
		m.fault, m.steps = err, -1
	}
}

func (m *machine) spent() bool { return m.steps < 0 }

// bytesPerStep makes long texts cost what they take: reading or writing so many bytes is one step.
const bytesPerStep = 16

func (m *machine) chargeText(bytes int) { m.steps -= bytes / bytesPerStep }

// eval runs a node. Once the budget is spent it returns null at once.
func (m *machine) eval(n *node) value {
	m.steps--
	if m.spent() {
		return value{}
	}
	if m.tracing {
		return m.trace(n)
	}
	return m.run(n)
}

func (m *machine) run(n *node) value {
	switch n.code {
	case codeConstant:
		return n.value
	case codeList:
		return m.list(n)
	case codeVar:
		return m.variable(n.path, n.args)
	case codeDynamicVar:
		return m.dynamicVariable(n)
	case codeMissing:
		return m.missing(n)
	case codeMissingSome:
		return m.missingSome(n)
	case codeIf:
		return m.choose(n)
	case codeAnd:
		return m.first(n, false)
	case codeOr:
		return m.first(n, true)
	case codeNot:
		return truth(!m.argument(n, 0).truthy())
	case codeTruth:
		return truth(m.argument(n, 0).truthy())
	case codeEqual:
		return truth(m.equal(n))
	case codeNotEqual:
		return truth(!m.equal(n))
	case codeSame:
		return truth(m.same(n))
	case codeNotSame:
		return truth(!m.same(n))
	case codeOrder:
		return truth(m.ordered(n))
	case codeFold:
		return m.fold(n)
	case codeMinus:
		return m.minus(n)
	case codeIn:
		return truth(m.in(n))
	case codeCat:
		return m.cat(n)
	case codeSubstr:
		return m.substr(n)
	case codeMerge:
		return m.merge(n)
	case codeFilter:
		return m.filter(n)
	case codeMap:
		return m.mapped(n)
	case codeReduce:
		return m.reduce(n)
	case codeSome:
		return truth(m.find(n, true))
	case codeAll:
		return m.all(n)
	case codeNone:
		return truth(!m.find(n, true))
	case codeMath:
		return m.math(n)
	case codePow:
		return m.pow(n)
	case codeTextTest:
		return m.textTest(n)
	case codeTextMap:
		return m.textMap(n)
	case codeNow:
		return textual(formatInstant(m.now))
	case codeDatePart:
		return m.datePart(n)
	case codeDateDiff:
		return m.dateDiff(n)
	case codeDateAdd:
		return m.dateAdd(n)
	}
	return value{}
}

// argument runs the i-th argument; one that was not written is null.
func (m *machine) argument(n *node, i int) value {
	if i >= len(n.args) {
		return value{}
	}
	return m.eval(&n.args[i])
}

// scalar runs the i-th argument and makes an array or an object the text that JavaScript makes of it.
func (m *machine) scalar(n *node, i int) value { return m.toScalar(m.argument(n, i)) }

func (m *machine) toScalar(v value) value {
	switch v.kind {
	case text:
		m.chargeText(len(v.string()))
	case list, object:
		var b strings.Builder
		m.write(&b, v)
		return textual(b.String())
	case null, boolean, number:
	}
	return v
}

// write appends JavaScript's String(v), as long as the budget lasts.
func (m *machine) write(b *strings.Builder, v value) {
	m.steps--
	if m.spent() {
		return
	}
	if v.kind != list {
		s := toText(v)
		m.chargeText(len(s))
		b.WriteString(s)
		return
	}
	for i, item := range v.items() {
		if i > 0 {
			b.WriteByte(',')
		}
		if m.spent() {
			return
		}
		m.writeJoined(b, valueOf(item))
	}
}

// writeJoined is write for an element that is joined to others, where null is nothing.
func (m *machine) writeJoined(b *strings.Builder, v value) {
	if v.kind != null {
		m.write(b, v)
		return
	}
	m.steps--
}

// weigh charges what a value holds. Whatever is put into a new array is weighed, so that arrays that
// hold one another many times over cannot grow beyond the budget.
func (m *machine) weigh(v value) value {
	switch v.kind {
	case list:
		for _, item := range v.items() {
			if m.steps--; m.spent() {
				break
			}
			m.weigh(valueOf(item))
		}
	case object:
		members, _ := v.ref.(map[string]any)
		for _, member := range members {
			if m.steps--; m.spent() {
				break
			}
			m.weigh(valueOf(member))
		}
	case null, boolean, number, text:
	}
	return v
}

func (m *machine) list(n *node) value {
	items := make([]any, 0, len(n.args))
	for i := range n.args {
		items = append(items, m.weigh(m.eval(&n.args[i])).plain())
	}
	return listed(items)
}

func (m *machine) variable(path []segment, otherwise []node) value {
	if v, ok := m.read(path); ok {
		return v
	}
	if len(otherwise) == 0 {
		return value{}
	}
	return m.eval(&otherwise[0])
}

func (m *machine) dynamicVariable(n *node) value {
	return m.variable(segments(m.key(m.eval(&n.args[0]))), n.args[1:])
}

// key is the path that a value stands for.
func (m *machine) key(v value) string {
	if v.kind == null {
		return ""
	}
	return toText(m.toScalar(v))
}

// read follows a path from the scope and reports whether there is something at its end.
func (m *machine) read(path []segment) (value, bool) {
	x := m.scope.data
	if m.scope.reducing {
		switch {
		case len(path) == 0:
			return valueOf(map[string]any{"current": x, "accumulator": m.scope.accumulator.plain()}), true
		case path[0].key == "accumulator" && len(path) == 1:
			return m.scope.accumulator, true
		case path[0].key == "accumulator":
			x = m.scope.accumulator.plain()
		case path[0].key != "current":
			return value{}, false
		}
		path = path[1:]
	}
	if l, is := x.(Lookup); is {
		if len(path) == 0 {
			return valueOf(l.Vars()), true
		}
		member, there := l.Var(path[0].key)
		if !there {
			return value{}, false
		}
		x, path = member, path[1:]
	}
	for i := range path {
		var ok bool
		if x, ok = path[i].step(x); !ok {
			return value{}, false
		}
	}
	return valueOf(x), true
}

func (s *segment) step(x any) (any, bool) {
	switch x := x.(type) {
	case map[string]any:
		member, ok := x[s.key]
		return member, ok
	case []any:
		if s.index >= 0 && s.index < len(x) {
			return x[s.index], true
		}
	}
	return nil, false
}

// missing lists the keys that are absent, null or empty. The keys are the arguments, or what the
// first argument holds if it is an array.
func (m *machine) missing(n *node) value {
	if len(n.args) == 0 {
		return listed([]any{})
	}
	first := m.eval(&n.args[0])
	if first.kind == list {
		return listed(m.absent(first.items()))
	}
	keys := []any{first.plain()}
	for i := range n.args[1:] {
		keys = append(keys, m.eval(&n.args[i+1]).plain())
	}
	return listed(m.absent(keys))
}

func (m *machine) absent(keys []any) []any {
	absent := make([]any, 0, len(keys))
	for _, key := range keys {
		if m.steps--; m.spent() {
			break
		}
		v, _ := m.read(segments(m.key(valueOf(key))))
		if v.kind == null || v.kind == text && v.string() == "" {
			absent = append(absent, key)
		}
	}
	return absent
}

func (m *machine) missingSome(n *node) value {
	need := toNumber(m.scalar(n, 0)).num
	keys := m.eval(&n.args[1])
	if keys.kind != list {
		keys = listed([]any{keys.plain()})
	}
	absent := m.absent(keys.items())
	if float64(len(keys.items())-len(absent)) >= need {
		return listed([]any{})
	}
	return listed(absent)
}

func (m *machine) choose(n *node) value {
	last := len(n.args) - 1
	for i := 0; i < last; i += 2 {
		if m.eval(&n.args[i]).truthy() {
			return m.eval(&n.args[i+1])
		}
	}
	if last%2 == 0 {
		return m.eval(&n.args[last])
	}
	return value{}
}

// first returns the first argument whose truth is the wanted one, or else the last.
func (m *machine) first(n *node, wanted bool) value {
	var v value
	for i := range n.args {
		if v = m.eval(&n.args[i]); v.truthy() == wanted {
			return v
		}
	}
	return v
}

func (m *machine) equal(n *node) bool {
	a, b := m.eval(&n.args[0]), m.eval(&n.args[1])
	if a.composite() && b.composite() {
		return false
	}
	if a.kind == null || b.kind == null {
		return a.kind == b.kind
	}
	return equal(m.toScalar(a), m.toScalar(b))
}

func (m *machine) same(n *node) bool {
	a, b := m.eval(&n.args[0]), m.eval(&n.args[1])
	m.chargeText(len(a.string()))
	return same(a, b)
}

func (m *machine) ordered(n *node) bool {
	a, b := m.scalar(n, 0), m.scalar(n, 1)
	if len(n.args) == 2 {
		return n.op.order(a, b)
	}
	return n.op.order(a, b) && n.op.order(b, m.scalar(n, 2))
}

func (m *machine) fold(n *node) value {
	total := n.op.coerce(m.scalar(n, 0))
	for i := 1; i < len(n.args); i++ {
		total = n.op.fold(total, n.op.coerce(m.scalar(n, i)))
	}
	return total
}

func (m *machine) minus(n *node) value {
	a := toNumber(m.scalar(n, 0))
	if len(n.args) == 1 {
		return negate(a)
	}
	return subtract(a, toNumber(m.scalar(n, 1)))
}

func (m *machine) in(n *node) bool {
	needle, stack := m.eval(&n.args[0]), m.eval(&n.args[1])
	if stack.kind == text {
		m.chargeText(len(stack.string()))
		return stack.string() != "" && strings.Contains(stack.string(), toText(m.toScalar(needle)))
	}
	each := 1 + len(needle.string())/bytesPerStep
	for _, item := range stack.items() {
		if m.steps -= each; m.spent() {
			break
		}
		if same(needle, valueOf(item)) {
			return true
		}
	}
	return false
}

func (m *machine) cat(n *node) value {
	var b strings.Builder
	for i := range n.args {
		m.writeJoined(&b, m.eval(&n.args[i]))
	}
	return textual(b.String())
}

// substr counts in Unicode code points. A negative end leaves out that many at the end.
func (m *machine) substr(n *node) value {
	source := toText(m.scalar(n, 0))
	length := utf8.RuneCountInString(source)
	start := toInteger(m.scalar(n, 1), length)
	if start < 0 {
		start = max(0, length+start)
	}
	rest := source[runeOffset(source, start):]
	if len(n.args) < 3 {
		return textual(rest)
	}
	end := toInteger(m.scalar(n, 2), length)
	if end < 0 {
		end = max(0, length-start+end)
	}
	return textual(rest[:runeOffset(rest, end)])
}

// runeOffset returns where the n-th code point begins, or the length of s if it has fewer.
func runeOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// toInteger drops a number's fraction and keeps it within the bound on either side; NaN is 0.
func toInteger(v value, bound int) int {
	f := toNumber(v).num
	if math.IsNaN(f) {
		return 0
	}
	return int(max(-float64(bound), min(float64(bound), f)))
}

func (m *machine) merge(n *node) value {
	merged := make([]any, 0, len(n.args))
	for i := range n.args {
		v := m.weigh(m.eval(&n.args[i]))
		if m.spent() {
			break
		}
		if v.kind == list {
			merged = append(merged, v.items()...)
		} else {
			merged = append(merged, v.plain())
		}
	}
	return listed(merged)
}

// within runs a body in a scope of its own.
func (m *machine) within(n *node, s scope, i int) value {
	outer := m.scope
	m.scope = s
	v := m.eval(&n.args[1])
	m.scope = outer
	if m.tracing && !m.spent() {
		m.markItem(i)
	}
	return v
}

// items runs the argument of an array operator whose elements its body is run for.
func (m *machine) items(n *node) []any {
	items := m.eval(&n.args[0]).items()
	if m.tracing {
		m.expect(n, len(items))
	}
	return items
}

func (m *machine) filter(n *node) value {
	kept := make([]any, 0)
	for i, item := range m.items(n) {
		if m.spent() {
			break
		}
		if m.within(n, scope{data: item}, i).truthy() {
			kept = append(kept, item)
		}
	}
	return listed(kept)
}

func (m *machine) mapped(n *node) value {
	items := m.items(n)
	results := make([]any, 0, min(len(items), max(0, m.steps)))
	for i, item := range items {
		if m.spent() {
			break
		}
		results = append(results, m.weigh(m.within(n, scope{data: item}, i)).plain())
	}
	return listed(results)
}

func (m *machine) reduce(n *node) value {
	items := m.items(n)
	total := m.argument(n, 2)
	for i, item := range items {
		if m.spent() {
			break
		}
		total = m.within(n, scope{data: item, reducing: true, accumulator: total}, i)
	}
	return total
}

// find reports whether the body's truth is the wanted one for some element.
func (m *machine) find(n *node, wanted bool) bool {
	for i, item := range m.items(n) {
		if m.spent() {
			break
		}
		if m.within(n, scope{data: item}, i).truthy() == wanted {
			return true
		}
	}
	return false
}

// all is false for an empty array.
func (m *machine) all(n *node) value {
	items := m.items(n)
	for i, item := range items {
		if m.spent() {
			break
		}
		if !m.within(n, scope{data: item}, i).truthy() {
			return truth(false)
		}
	}
	return truth(len(items) > 0)
}

func (m *machine) math(n *node) value {
	v := m.eval(&n.args[0])
	if v.kind != number {
		return nothing()
	}
	if d := v.exact(); d != nil && n.op.exact != nil {
		return exactly(n.op.exact(*d))
	}
	return numeric(n.op.math(v.num))
}

func (m *machine) pow(n *node) value {
	base, exponent := m.eval(&n.args[0]), m.eval(&n.args[1])
	if base.kind != number || exponent.kind != number {
		return nothing()
	}
	return numeric(math.Pow(base.num, exponent.num))
}

func (m *machine) textTest(n *node) value {
	s, affix := m.scalar(n, 0), m.scalar(n, 1)
	if s.kind != text || affix.kind != text {
		return value{}
	}
	return truth(n.op.test(s.string(), affix.string()))
}

func (m *machine) textMap(n *node) value {
	v := m.eval(&n.args[0])
	if v.kind != text {
		return value{}
	}
	m.chargeText(len(v.string()))
	return textual(n.op.edit(v.string()))
}
