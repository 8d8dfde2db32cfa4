package rule_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/diegoholiveira/jsonlogic/v3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/rule"
)

// The standard operators agree with another implementation, in Go too. It differs from JSON Logic's
// JavaScript in what follows, and is no witness there; the tables of the other tests are.
//
//   - filter, some, all, none: the data around an element shows through; reduce forces the type of
//     its accumulator and skips null.
//   - + - * / % max min: a text that is no number is 0, and null, a boolean or an array is an error.
//   - == and the orders: an array is NaN, null <= 0 is false, " 1", "0x1" and "1e999" are NaN, and
//     "inf" and "1_0" follow Go.
//   - Truth: NaN is true, {} is false.
//   - cat: white space is trimmed around the result, a boolean is an error, 1e21 has no exponent.
//   - substr: from beyond the end it is the whole text.
//   - in: a number also equals its text, [1, 5] is a range, everything contains "".
//   - var: a default replaces null too, empty steps of a path are skipped.
//   - missing: an empty text is not missing.
//   - if: a result that is an object with one key is run as an expression.
//   - Infinity and NaN are returned as they are.
//
// The generator keeps to the rest. Where the other implementation returns an error there is nothing
// to compare.
func differ(t *rapid.T) {
	g := generator{t}
	data := map[string]any{
		"n": g.constantNumber(), "zero": 0.0, "t": g.constantText(), "b": rapid.Bool().Draw(t, "bool"), "null": nil,
		"o": map[string]any{"n": g.constantNumber(), "t": g.constantText()},
		"l": []any{g.constantNumber(), g.constantText(), true},
	}
	src, err := json.Marshal(g.any(4))
	require.NoError(t, err)
	var expression any
	require.NoError(t, json.Unmarshal(src, &expression))

	r, err := rule.Compile(src, nil)
	require.NoError(t, err, "%s", src)
	got, err := r.Eval(&rule.Env{Data: data})
	require.NoError(t, err, "%s", src)

	want, err := jsonlogic.ApplyInterface(expression, data)
	if err != nil {
		t.Skip("the other implementation fails: ", err)
	}
	if f, ok := want.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		want = nil
	}
	require.Equal(t, want, got, "%s with %v", src, data)
}

func TestDifferential(t *testing.T) {
	t.Parallel()
	rapid.Check(t, differ)
}

func FuzzDifferential(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(differ))
}

// A generator draws expressions of a kind, no deeper than asked.
type generator struct{ t *rapid.T }

func (g generator) pick(label string, of ...func() any) any {
	return of[rapid.IntRange(0, len(of)-1).Draw(g.t, label)]()
}

func (g generator) name(names ...string) string { return rapid.SampledFrom(names).Draw(g.t, "name") }

func (g generator) op(name string, args ...any) any { return map[string]any{name: args} }

func (g generator) variable(path string) any {
	return g.pick("var", func() any { return map[string]any{"var": path} }, func() any { return g.op("var", path) })
}

func (g generator) several(least, most int, draw func() any) []any {
	args := make([]any, rapid.IntRange(least, most).Draw(g.t, "arguments"))
	for i := range args {
		args[i] = draw()
	}
	return args
}

func (g generator) constantNumber() any {
	return float64(rapid.IntRange(-40, 40).Draw(g.t, "number")) / 4
}

func (g generator) constantText() any {
	return rapid.StringMatching(`[ac01.]{1,3}`).Draw(g.t, "text")
}

// number draws what is a finite number; divisors are constants other than 0.
func (g generator) number(depth int) any {
	leaf := func() any {
		return g.pick("leaf", g.constantNumber, func() any { return g.variable(g.name("n", "zero", "o.n", "l.0")) })
	}
	if depth == 0 {
		return leaf()
	}
	deeper := func() any { return g.number(depth - 1) }
	numeral := func() any { return g.name("12", "-3.5", "0", "7.25") }
	return g.pick("number", leaf,
		func() any {
			return g.op(g.name("+", "*", "max", "min"), g.several(1, 3, func() any { return g.pick("operand", deeper, numeral) })...)
		},
		func() any { return g.op("-", g.several(1, 2, deeper)...) },
		func() any {
			return g.op(g.name("/", "%"), deeper(), rapid.SampledFrom([]any{2, -3, 0.5}).Draw(g.t, "divisor"))
		},
		func() any { return g.op("abs", deeper()) },
		func() any { return g.op("var", "gone", deeper()) },
		func() any { return g.op(g.name("if", "?:"), g.any(depth-1), deeper(), deeper()) },
	)
}

func (g generator) text(depth int) any {
	leaf := func() any {
		return g.pick("leaf", g.constantText, func() any { return g.variable(g.name("t", "o.t", "l.1")) })
	}
	if depth == 0 {
		return leaf()
	}
	deeper := func() any { return g.text(depth - 1) }
	return g.pick("text", leaf,
		func() any {
			return g.op("cat", g.several(1, 3, func() any { return g.pick("piece", deeper, g.constantNumber) })...)
		},
		func() any { return g.op("substr", "guerdon", rapid.IntRange(-7, 7).Draw(g.t, "start")) },
		func() any {
			return g.op("substr", "guerdon", rapid.IntRange(-7, 7).Draw(g.t, "start"), rapid.IntRange(-7, 9).Draw(g.t, "end"))
		},
		func() any { return g.op("if", g.any(depth-1), deeper(), deeper()) },
	)
}

// scalar draws what == < and > compare alike in both implementations.
func (g generator) scalar(depth int) any {
	return g.pick("scalar",
		func() any { return g.number(depth) },
		func() any { return g.text(depth) },
		func() any { return g.boolean(depth) },
		func() any { return g.name("", " ", "1.0", "0.00") },
		func() any { return nil },
		func() any { return g.variable(g.name("null", "gone", "o.gone", "n.x", "l.9")) },
	)
}

func (g generator) boolean(depth int) any {
	leaf := func() any {
		return g.pick("leaf", func() any { return rapid.Bool().Draw(g.t, "bool") }, func() any { return g.variable("b") })
	}
	if depth == 0 {
		return leaf()
	}
	scalar := func() any { return g.scalar(depth - 1) }
	number := func() any { return g.number(depth - 1) }
	return g.pick("boolean", leaf,
		func() any { return g.op(g.name("==", "!=", "===", "!=="), scalar(), scalar()) },
		func() any { return g.op(g.name("<", ">"), g.several(2, 3, scalar)...) },
		func() any { return g.op(g.name("<=", ">="), g.several(2, 3, number)...) },
		func() any { return g.op(g.name("!", "!!"), g.any(depth-1)) },
		func() any { return g.op("in", g.constantText(), g.op("cat", "x", g.text(depth-1))) },
		func() any { return g.op("in", g.constantText(), g.several(0, 3, g.constantText)) },
		func() any { return g.op("in", number(), g.several(0, 3, g.constantNumber)) },
	)
}

func (g generator) array(depth int) any {
	element := func() any { return g.any(max(0, depth-1)) }
	key := func() any { return g.name("n", "o.t", "gone", "o.gone", "null", "l.0", "l.7", "t.x") }
	return g.pick("array",
		func() any { return g.several(0, 3, element) },
		func() any { return g.op("merge", g.several(0, 3, element)...) },
		func() any { return g.op("missing", g.several(0, 3, key)...) },
		func() any { return g.op("missing_some", rapid.IntRange(0, 3).Draw(g.t, "need"), g.several(0, 3, key)) },
		func() any { return g.variable("l") },
	)
}

func (g generator) any(depth int) any {
	scalar := func() any { return g.scalar(depth) }
	if depth == 0 {
		return scalar()
	}
	deeper := func() any { return g.any(depth - 1) }
	return g.pick("any", scalar,
		func() any { return g.boolean(depth) },
		func() any { return g.array(depth) },
		func() any { return g.op(g.name("and", "or"), g.several(1, 3, deeper)...) },
		func() any { return g.op("if", g.several(0, 5, deeper)...) },
	)
}
