package rule

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// The bounds of an expression. They are generous for what people write and keep what they may write
// by mistake from holding up everybody else.
const (
	// MaxSize is the greatest size of an expression's JSON text in bytes.
	MaxSize = 64 << 10
	// MaxDepth is how many operators and arrays may be inside one another.
	MaxDepth = 32
	// MaxSteps is the budget of one evaluation: every operator, constant and element costs a step,
	// and so do 16 bytes of text. It also bounds an expression's cost when it is compiled, which is
	// the steps that it would take if each array operator met [AssumedItems] elements.
	MaxSteps = 1_000_000
	// AssumedItems is how many elements an array is assumed to have when an expression's cost is
	// counted: two array operators inside one another are cheap, and four are refused.
	AssumedItems = 32
)

// A compiler turns the JSON of one expression into nodes and gathers what is wrong with it.
type compiler struct {
	faults  []error
	paths   map[string]bool
	folding machine // one budget for all that is computed at compile time
}

// A place is where the compiler is: its JSON pointer, how deep, and what var can read there.
type place struct {
	at    string
	depth int
	ctx   *Context
	inner bool // in the body of an array operator
}

func (p place) argument(key string) place {
	p.at += "/" + key
	p.depth++
	return p
}

func (c *compiler) refuse(at, format string, args ...any) {
	c.faults = append(c.faults, fault.Invalid(at, format, args...))
}

// compile returns the node of an expression, or every fault in it.
func compile(src []byte, ctx *Context) (*node, []string, error) {
	if len(src) > MaxSize {
		return nil, nil, fault.Invalid("", "%d bytes long, the most is %d", len(src), MaxSize)
	}
	s, err := parse(src)
	if err != nil {
		return nil, nil, err
	}
	c := compiler{paths: map[string]bool{}, folding: machine{steps: MaxSteps}}
	root := c.node(s, place{ctx: ctx})
	if len(c.faults) == 0 && (c.folding.spent() || root.cost > MaxSteps) {
		c.refuse("", "too costly: array operators inside one another take more than %d steps on arrays of %d elements",
			MaxSteps, AssumedItems)
	}
	if len(c.faults) == 0 {
		l := linter{ctx: ctx}
		c.faults = l.comparisons(&root)
	}
	if len(c.faults) > 0 {
		return nil, nil, errors.Join(c.faults...)
	}
	return &root, slices.Sorted(maps.Keys(c.paths)), nil
}

// refused stands for what has a fault, until the faults are returned. It is not constant, so nothing
// more is found wrong with it.
var refused = node{code: codeVar}

func (c *compiler) node(s *syntax, p place) node {
	var n node
	switch {
	case s.kind < list || s.kind == object && len(s.keys) == 0:
		n = node{value: s.value}
	case p.depth >= MaxDepth:
		c.refuse(p.at, "nested more than %d deep", MaxDepth)
		n = refused
	case s.kind == list:
		n = node{code: codeList, name: "[]"}
		c.arguments(&n, s.members, p)
	default:
		n = c.operation(s, p)
	}
	n.at = p.at
	c.measure(&n)
	c.simplify(&n)
	return n
}

func (c *compiler) arguments(n *node, members []syntax, p place) {
	n.args = make([]node, len(members))
	for i := range members {
		n.args[i] = c.node(&members[i], p.argument(strconv.Itoa(i)))
	}
}

func (c *compiler) operation(s *syntax, p place) node {
	if key, ok := s.repeated(); ok {
		c.refuse(p.at, "key %s is there twice", quote(key))
		return refused
	}
	if len(s.keys) > 1 {
		c.refuse(p.at, "an object with %d keys (%s) is not an operator: it must have one", len(s.keys), quoteAll(s.keys))
		return refused
	}
	name := s.keys[0]
	op, ok := operators[name]
	if !ok {
		c.unknown(name, p.at)
		return refused
	}
	n := node{code: op.code, op: op, name: name}
	p.at += "/" + pointerEscaper.Replace(name)
	members, at := argumentsOf(op, &s.members[0], p)
	if !c.arity(op, name, len(members), p.at) {
		return refused
	}
	n.args = make([]node, len(members))
	for i := range members {
		q := at(i)
		if op.code.iterates() && i == 1 {
			q.inner, q.ctx = true, nil
			if op.code == codeReduce {
				q.ctx = reduceContext
			}
		}
		n.args[i] = c.node(&members[i], q)
	}
	c.special(&n, p, at)
	return n
}

// argumentsOf returns an operator's arguments and the place of each. One that is not in an array
// needs none around it, and an operator without arguments may have null or {} for them.
func argumentsOf(op *operator, s *syntax, p place) ([]syntax, func(i int) place) {
	if s.kind == list {
		return s.members, func(i int) place { return p.argument(strconv.Itoa(i)) }
	}
	p.depth++
	self := func(int) place { return p }
	if op.most == 0 && len(s.keys) == 0 && (s.kind == null || s.kind == object) {
		return nil, self
	}
	return []syntax{*s}, self
}

func (c *compiler) unknown(name, at string) {
	near, ok := foreignNames[name]
	if !ok {
		near, ok = nearest(name, operatorNames())
	}
	if !ok {
		c.refuse(at, "unknown operator %s", quote(name))
		return
	}
	c.refuse(at, "unknown operator %s; did you mean %s?", quote(name), quote(near))
}

func (c *compiler) arity(op *operator, name string, n int, at string) bool {
	var takes string
	switch {
	case n >= op.least && (n <= op.most || op.most == many):
		return true
	case op.most == many:
		takes = "at least " + strconv.Itoa(op.least)
	case op.least == op.most:
		takes = strconv.Itoa(op.least)
	default:
		takes = strconv.Itoa(op.least) + " to " + strconv.Itoa(op.most)
	}
	c.refuse(at, "%s takes %s arguments, not %d", quote(name), takes, n)
	return false
}

// special does for some operators what can be done once, and checks their constant arguments.
func (c *compiler) special(n *node, p place, at func(int) place) {
	switch n.code {
	case codeVar:
		c.variable(n, p, at)
	case codeMissing:
		for i := range n.args {
			c.keys(&n.args[i], p)
		}
	case codeMissingSome:
		c.keys(&n.args[1], p)
	case codeDatePart:
		checkName(c, &n.args[0], parts, "part")
		c.instant(&n.args[1])
		c.zone(n, 2)
	case codeDateDiff:
		c.instant(&n.args[0])
		c.instant(&n.args[1])
		checkName(c, &n.args[2], units, "unit")
		c.zone(n, 3)
	case codeDateAdd:
		c.instant(&n.args[0])
		checkName(c, &n.args[2], units, "unit")
		c.zone(n, 3)
	default: // The others take any arguments.
	}
}

// variable gives var its path if that is constant, and leaves it the default alone as argument.
func (c *compiler) variable(n *node, p place, at func(int) place) {
	if len(n.args) == 0 {
		c.path("", p, p.at)
		return
	}
	path := &n.args[0]
	if path.code != codeConstant {
		n.code = codeDynamicVar
		c.path("", p, p.at)
		return
	}
	if path.value.kind == boolean || path.value.composite() {
		c.refuse(at(0).at, "a path is a text or a whole number")
		return
	}
	name := keyText(path.value)
	c.path(name, p, at(0).at)
	n.source, n.path = name, segments(name)
	n.args = n.args[1:]
}

// keys checks constant keys of missing and missing_some.
func (c *compiler) keys(n *node, p place) {
	if n.code != codeConstant {
		c.path("", p, n.at)
		return
	}
	if n.value.kind != list {
		c.path(keyText(n.value), p, n.at)
		return
	}
	for i, key := range n.value.items() {
		c.path(keyText(valueOf(key)), p, n.at+"/"+strconv.Itoa(i))
	}
}

func keyText(v value) string {
	if v.kind == null {
		return ""
	}
	return toText(v)
}

// path notes that a path is read and checks that there can be such a path.
func (c *compiler) path(path string, p place, at string) {
	if !p.inner {
		c.paths[path] = true
	}
	if !p.ctx.allows(path) {
		c.refuse(at, "unknown path %s; %s", quote(path), p.ctx.hint(path))
	}
}

// checkName checks a constant name against the names there are.
func checkName[T any](c *compiler, n *node, known map[string]T, noun string) {
	if n.code != codeConstant {
		return
	}
	name := toText(n.value)
	if _, ok := known[n.value.string()]; ok {
		return
	}
	names := slices.Sorted(maps.Keys(known))
	if near, ok := nearest(name, names); ok {
		c.refuse(n.at, "unknown %s %s; did you mean %s?", noun, quote(name), quote(near))
		return
	}
	c.refuse(n.at, "unknown %s %s; it must be one of %s", noun, quote(name), strings.Join(names, ", "))
}

func (c *compiler) instant(n *node) {
	if n.code != codeConstant {
		return
	}
	if _, ok := parseInstant(n.value.string(), time.UTC); !ok {
		c.refuse(n.at, "not an RFC 3339 instant nor a date (YYYY-MM-DD)")
	}
}

// zone looks up a constant zone once.
func (c *compiler) zone(n *node, i int) {
	if i >= len(n.args) || n.args[i].code != codeConstant || n.args[i].value.kind == null {
		return
	}
	zone, ok := loadZone(n.args[i].value.string())
	if !ok {
		c.refuse(n.args[i].at, "unknown time zone %s", quote(toText(n.args[i].value)))
	}
	n.zone = zone
}

// measure counts a node's size and cost, numbers its arguments and notes what it depends on. The body of
// an array operator reads the elements and not the data around them.
func (c *compiler) measure(n *node) {
	n.cost, n.size = 1, 1
	n.ticks = n.code == codeNow
	switch n.code {
	case codeVar, codeDynamicVar, codeMissing, codeMissingSome:
		n.reads = true
	default: // The others read what their arguments read.
	}
	for i := range n.args {
		arg := &n.args[i]
		arg.index = uint16(i)
		n.ticks = n.ticks || arg.ticks
		n.size += arg.size
		if n.code.iterates() && i == 1 {
			n.cost += AssumedItems * arg.cost
			continue
		}
		n.reads = n.reads || arg.reads
		n.cost += arg.cost
	}
	n.cost = min(n.cost, MaxSteps+1)
}

// simplify computes a node that depends on nothing.
func (c *compiler) simplify(n *node) {
	if n.code == codeConstant || n.reads || n.ticks {
		return
	}
	v := c.folding.eval(n)
	if c.folding.spent() {
		return
	}
	if boxed := v.plain(); boxed != nil {
		v = valueOf(boxed) // NaN and the infinities stay as they are.
	}
	*n = node{at: n.at, value: v, cost: 1, size: 1}
}

func quoteAll(keys []string) string {
	quoted := make([]string, len(keys))
	for i, k := range keys {
		quoted[i] = quote(k)
	}
	return strings.Join(quoted, ", ")
}
