package rule

import "math"

// mostLooks bounds the work of looking for what is absent: each part is held against all that may guard it. Beyond it
// nothing more is found.
const mostLooks = 100_000

// A guard is parts of an expression whose truth decides whether another part matters.
type guard struct {
	parts  []node
	except int  // the place of the other part among them, -1 if it is not
	truth  bool // of each where the other part matters
	freely bool // those that compare by order decide too
	outer  *guard
}

// absences finds every comparison that an absent value passes because it counts as 0, where nothing around leaves the
// absent value out. guards are what is around.
func (l *linter) absences(n *node, use Use, guards *guard) {
	l.absent(n, true, use == Amount, guards)
}

// absent is absences for a node. positive tells whether its truth, and not its falsity, is what passes; gives tells
// whether it is the result of the expression and that is an amount.
func (l *linter) absent(n *node, positive, gives bool, guards *guard) {
	switch n.code {
	case codeAnd, codeOr:
		l.absentAmong(n, positive, guards)
	case codeNot:
		l.absentBelow(n, !positive, guards)
	case codeTruth:
		l.absentBelow(n, positive, guards)
	case codeIf:
		l.absentBranches(n, positive, gives, guards)
	case codeOrder:
		l.absentPasses(n, positive, guards)
		l.absentBelow(n, true, guards)
	default:
		if gives && n.name == "-" && len(n.args) == 2 {
			l.absentTaken(n, guards)
		}
		for arg := range n.outside {
			l.absent(arg, true, gives && n.passesAmounts(), guards)
		}
	}
}

func (l *linter) absentBelow(n *node, positive bool, guards *guard) {
	for arg := range n.outside {
		l.absent(arg, positive, false, guards)
	}
}

// absentAmong is absent for the parts of "and" and "or". Where all must pass, each guards the others. Where one that
// passes is enough, each does that says of the absent value on purpose that it passes: without a comparison of order.
func (l *linter) absentAmong(n *node, positive bool, guards *guard) {
	and := n.code == codeAnd
	for i := range n.args {
		l.absent(&n.args[i], positive, false, &guard{n.args, i, and, and == positive, guards})
	}
}

// absentBranches is absent for "if": a branch matters where its condition holds, and none before it does.
func (l *linter) absentBranches(n *node, positive, gives bool, guards *guard) {
	for i := 0; i < len(n.args); i += 2 {
		if i+1 == len(n.args) {
			l.absent(&n.args[i], positive, gives, guards)
			return
		}
		l.absent(&n.args[i], true, false, guards)
		l.absent(&n.args[i+1], positive, gives, &guard{n.args[i : i+1], -1, true, true, guards})
		guards = &guard{n.args[i : i+1], -1, false, true, guards}
	}
}

// orders tells whether there is a comparison of order in a node.
func (n *node) orders() bool {
	if n.code == codeOrder {
		return true
	}
	for i := range n.args {
		if n.args[i].orders() {
			return true
		}
	}
	return false
}

// absentPasses finds the paths whose absence makes a comparison pass.
func (l *linter) absentPasses(n *node, positive bool, guards *guard) {
	for _, path := range l.optional(n, nil) {
		passes, counts := l.passesWithout(n, path, positive)
		if !passes || l.guarded(path, guards) || l.looked > mostLooks {
			continue
		}
		l.find(n, `an absent %s passes this comparison, because it counts as %s; unless that is meant, guard it: {"and": [{"!=": [{"var": %s}, null]}, …]}`,
			path, counts, quote(path))
	}
}

// passesWithout tells whether a comparison passes where a path is absent, and as what the absent value counts.
func (l *linter) passesWithout(n *node, path string, positive bool) (passes bool, counts string) {
	bare := *n // with constants for what is known
	bare.args = make([]node, len(n.args))
	known, zero := true, -1
	for i := range n.args {
		v, ok := l.valueWithout(&n.args[i], path)
		bare.args[i] = node{value: v}
		known = known && ok
		if ok && n.args[i].code != codeConstant {
			zero, counts = i, toText(v)
			if v.kind == null {
				counts = "0"
			}
		}
	}
	if zero < 0 || math.IsNaN(asFloat(bare.args[zero].value)) {
		return false, ""
	}
	if known {
		m := machine{steps: MaxSteps}
		return m.eval(&bare).truthy() == positive, counts
	}
	if len(n.args) != 2 {
		return false, ""
	}
	// What it is compared with is not known; small passes where less is asked for.
	less := n.name[0] == '<'
	return (less == (zero == 0)) == positive, counts
}

// absentTaken finds what an amount is diminished by that may be absent.
func (l *linter) absentTaken(n *node, guards *guard) {
	for _, path := range l.optional(&n.args[1], nil) {
		if v, ok := l.valueWithout(&n.args[1], path); ok && asFloat(v) == 0 && !l.guarded(path, guards) && l.looked <= mostLooks {
			l.find(n, `an absent %s takes nothing away, because it counts as 0; unless that is meant, ask for it: {"if": [{"!=": [{"var": %s}, null]}, …, 0]}`,
				path, quote(path))
		}
	}
}

// passesAmounts tells whether the arguments of a node become its result by arithmetic.
func (n *node) passesAmounts() bool {
	switch n.name {
	case "+", "-", "*", "/", "max", "min", "abs", "ceil", "floor", "round":
		return true
	}
	return false
}

// optional returns the paths that a node reads and that may be absent.
func (l *linter) optional(n *node, found []string) []string {
	if n.code == codeVar && n.source != "" && l.ctx.typeOf(n.source).Optional {
		for _, path := range found {
			if l.ctx.canonical(path) == l.ctx.canonical(n.source) {
				return found
			}
		}
		return append(found, n.source)
	}
	for arg := range n.outside {
		found = l.optional(arg, found)
	}
	return found
}

// guarded tells whether what is guarded does not matter where a path is absent.
func (l *linter) guarded(path string, guards *guard) bool {
	for g := guards; g != nil; g = g.outer {
		for i := range g.parts {
			if i == g.except || !g.freely && g.parts[i].orders() {
				continue
			}
			if v := l.truthWithout(&g.parts[i], path); v != unknown && v != verdictOf(g.truth) {
				return true
			}
		}
	}
	return false
}

// truthWithout tells whether a node is true where a path is absent, whatever else there is.
func (l *linter) truthWithout(n *node, path string) verdict {
	if l.looked++; l.looked > mostLooks {
		return unknown
	}
	switch n.code {
	case codeNot:
		if len(n.args) == 1 {
			return l.truthWithout(&n.args[0], path).not()
		}
	case codeTruth:
		if len(n.args) == 1 {
			return l.truthWithout(&n.args[0], path)
		}
	case codeAnd, codeOr:
		decides, settled := verdictOf(n.code == codeOr), true
		for i := range n.args {
			switch l.truthWithout(&n.args[i], path) {
			case decides:
				return decides
			case unknown:
				settled = false
			default:
			}
		}
		if settled {
			return decides.not()
		}
		return unknown
	case codeMissing:
		if l.asksFor(n, path) {
			return always
		}
	default:
	}
	if v, ok := l.valueWithout(n, path); ok {
		return verdictOf(v.truthy())
	}
	return unknown
}

// asksFor tells whether a path is among the constant keys of missing.
func (l *linter) asksFor(n *node, path string) bool {
	for i := range n.args {
		for _, key := range constants([]*node{&n.args[i]}, nil) {
			if key.kind == text && l.ctx.canonical(key.string()) == l.ctx.canonical(path) {
				return true
			}
		}
	}
	return false
}

// valueWithout returns what a node gives where a path is absent; ok is false if that depends on something else.
func (l *linter) valueWithout(n *node, path string) (v value, ok bool) {
	switch n.code {
	case codeDatePart, codeDateDiff, codeDateAdd: // without an instant there is nothing
		instants := map[code][]int{codeDatePart: {1}, codeDateDiff: {0, 1}, codeDateAdd: {0}}[n.code]
		for _, i := range instants {
			if v, ok := l.valueWithout(&n.args[i], path); ok && v.kind == null {
				return value{}, true
			}
		}
	default:
	}
	if n.ticks || !l.readsOnly(n, path) {
		return value{}, false
	}
	m := machine{steps: MaxSteps}
	v = m.eval(n)
	return v, !m.spent()
}

// readsOnly tells whether a node reads nothing of the data but a path.
func (l *linter) readsOnly(n *node, path string) bool {
	if l.looked++; l.looked > mostLooks {
		return false
	}
	switch n.code {
	case codeDynamicVar, codeMissing, codeMissingSome:
		return false
	case codeVar:
		if l.ctx.canonical(n.source) != l.ctx.canonical(path) {
			return false
		}
	default:
	}
	for arg := range n.outside {
		if !l.readsOnly(arg, path) {
			return false
		}
	}
	return true
}
