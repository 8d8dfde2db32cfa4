package rule

import "math"

// places is how many decimal places an amount has.
const places = 6

// amount finds what makes an amount finer than it may be for most inputs, and what is never a number.
func (l *linter) amount(root *node) {
	if n := root.neverNumber(l.ctx); n != nil {
		l.find(n, "is never a number, and so no amount")
	}
	if n := root.fractional(); n != nil {
		what := quote(n.name)
		if n.code == codeConstant {
			what = toText(n.value)
		}
		l.find(n, "%s gives what is finer than 0.000001, and so no amount, for most inputs; round the result with floor, ceil or round", what)
	}
}

// fractional returns what makes the result of a node finer than an amount for most whole inputs, nil if nothing does.
func (n *node) fractional() *node {
	switch n.name {
	case "floor", "ceil", "round":
		return nil
	case "sqrt", "log", "exp":
		return n
	case "pow":
		if !n.args[1].whole() || asFloat(n.args[1].value) < 0 {
			return n
		}
		return n.args[0].fractional()
	case "/":
		if !n.args[1].divides() {
			return n
		}
		return n.args[0].fractional()
	case "+", "-", "*", "%", "max", "min", "abs", "and", "or", "reduce":
		return n.fractionalAmong(n.args)
	case "if", "?:":
		for i := range n.args {
			if i%2 == 1 || i == len(n.args)-1 {
				if f := n.args[i].fractional(); f != nil {
					return f
				}
			}
		}
	}
	if n.code == codeConstant && n.value.kind == number && !multiple(n.value) {
		return n
	}
	return nil
}

func (n *node) fractionalAmong(args []node) *node {
	for i := range args {
		if f := args[i].fractional(); f != nil {
			return f
		}
	}
	return nil
}

// whole tells whether a node is a constant whole number.
func (n *node) whole() bool {
	return n.code == codeConstant && n.value.kind == number && math.Trunc(asFloat(n.value)) == asFloat(n.value)
}

// divides tells whether a node is a constant by which a whole number can be divided.
func (n *node) divides() bool {
	return n.code == codeConstant && n.value.kind == number && multiple(numeric(1/asFloat(n.value)))
}

// multiple tells whether a number is a multiple of the finest amount, but for what binary arithmetic adds.
func multiple(v value) bool {
	millionths := asFloat(v) * math.Pow10(places)
	return math.Abs(millionths-math.Round(millionths)) <= 1e-9*max(1, math.Abs(millionths))
}

// neverNumber returns what makes the result of a node something else than a number, whatever the data, nil if
// it may be one.
func (n *node) neverNumber(ctx *Context) *node {
	switch n.code {
	case codeList, codeNot, codeTruth, codeEqual, codeNotEqual, codeSame, codeNotSame, codeOrder, codeIn, codeCat, codeSubstr, codeMerge,
		codeFilter, codeMap, codeSome, codeAll, codeNone, codeTextTest, codeTextMap, codeNow, codeDateAdd, codeMissing, codeMissingSome:
		return n
	case codeVar:
		if path, ok := n.readsPath(); ok {
			if s := ctx.typeOf(path).Sort; s != Anything && s != Number {
				return n
			}
		}
	default:
	}
	return nil
}
