package rule_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/rule"
)

// Arithmetic is that of decimals, whatever their size.
func TestNumbersAreDecimals(t *testing.T) {
	t.Parallel()
	data := map[string]any{
		"big": json.Number("12345678901.234567"), "id": int64(9007199254740993), "idText": "9007199254740993",
		"next": json.Number("9007199254740992"), "ids": []any{json.Number("9007199254740993"), 1.0}, "negative": int64(math.MinInt64),
		"most": json.Number("9223372036854.775807"), "km": 5.2, "bad": json.Number("1e999"),
	}
	for src, want := range map[string]string{
		`{"var": "big"}`:                                            `12345678901.234567`,
		`{"+": [{"var": "big"}, 0.000001]}`:                         `12345678901.234568`,
		`{"-": [{"var": "big"}, 12345678901]}`:                      `0.234567`,
		`{"-": {"var": "big"}}`:                                     `-12345678901.234567`,
		`{"*": [{"var": "big"}, 10]}`:                               `123456789012.34567`,
		`{"*": [{"var": "big"}, {"var": "big"}]}`:                   `152415787532388345526.596755677489`,
		`{"/": [{"var": "big"}, 0.1]}`:                              `123456789012.34567`,
		`{"%": [{"var": "big"}, 1]}`:                                `0.234567`,
		`{"floor": {"var": "big"}}`:                                 `12345678901`,
		`{"ceil": {"var": "big"}}`:                                  `12345678902`,
		`{"round": {"*": [{"var": "big"}, 1000]}}`:                  `12345678901235`,
		`{"abs": {"-": {"var": "big"}}}`:                            `12345678901.234567`,
		`{"max": [{"var": "big"}, 12345678901.234568]}`:             `12345678901.234568`,
		`{"min": [{"var": "big"}, 12345678901.234568]}`:             `12345678901.234567`,
		`{"min": [12345678901.234568, {"var": "big"}]}`:             `12345678901.234567`,
		`{"+": ["12345678901.234567 points"]}`:                      `12345678901.234567`,
		`{"cat": [{"var": "big"}, "/", {"var": "id"}]}`:             `"12345678901.234567/9007199254740993"`,
		`[{"var": "id"}]`:                                           `[9007199254740993]`,
		`{"var": "negative"}`:                                       `-9223372036854775808`,
		`{"+": [{"var": "id"}, 1]}`:                                 `9007199254740994`,
		`{"==": [{"var": "id"}, 9007199254740993]}`:                 `true`,
		`{"==": [{"var": "id"}, 9007199254740992]}`:                 `false`,
		`{"===": [{"var": "id"}, {"var": "next"}]}`:                 `false`,
		`{"==": [{"var": "id"}, {"var": "idText"}]}`:                `true`,
		`{"==": [{"var": "next"}, {"var": "idText"}]}`:              `false`,
		`{">": [{"var": "id"}, {"var": "next"}]}`:                   `true`,
		`{"<=": [{"var": "id"}, {"var": "next"}]}`:                  `false`,
		`{">=": [{"var": "id"}, {"var": "id"}]}`:                    `true`,
		`{"<": [{"var": "next"}, {"var": "id"}, 9007199254740994]}`: `true`,
		`{"in": [{"var": "id"}, {"var": "ids"}]}`:                   `true`,
		`{"in": [{"var": "next"}, {"var": "ids"}]}`:                 `false`,
		`{"in": [9007199254740993, {"var": "ids"}]}`:                `true`,
		`{"-": [{"var": "most"}, 0.000001]}`:                        `9223372036854.775806`,
		`{"+": [0.1, 0.2]}`:                                         `0.3`,
		`{"==": [{"+": [0.1, 0.2]}, 0.3]}`:                          `true`,
		`{"floor": {"/": [0.3, 0.1]}}`:                              `3`,
		`{"%": [0.3, 0.1]}`:                                         `0`,
		`{"*": [{"var": "km"}, 1.1]}`:                               `5.72`,
		`{"*": [0.0000001, 3]}`:                                     `3e-7`,
		`{"*": [-0.5, 0.25]}`:                                       `-0.125`,
		`{"/": [9000000000001, 8]}`:                                 `1125000000000.125`,
		`{"/": [10, 3]}`:                                            `3.3333333333333335`,
		`{"*": [{"/": [1, 3]}, 3]}`:                                 `1`,
		`{"pow": [{"var": "id"}, 0]}`:                               `1`,
		`{"*": [1e300, 1e300]}`:                                     `null`,
		`{"var": "bad"}`:                                            `null`,
		`{"*": [1e-300, {"var": "big"}, 1e-300]}`:                   `0`,
		`{"-": 0}`: `0`,
		`-0`:       `0`,
	} {
		r := compiled(t, src)
		got, err := r.Eval(&rule.Env{Data: data})
		require.NoError(t, err)
		b, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, want, string(b), src)

		trace, err := r.Explain(&rule.Env{Data: data})
		require.NoError(t, err)
		require.Equal(t, got, trace.Value(), src)
	}
}

// A minus zero is no value of its own.
func TestThereIsOneZero(t *testing.T) {
	t.Parallel()
	for src, data := range map[string]any{`{"var": ""}`: math.Copysign(0, -1), `{"*": [{"var": ""}, 0]}`: -1.0, `-0.0`: nil} {
		got, err := compiled(t, src).Eval(&rule.Env{Data: data})
		require.NoError(t, err)
		require.False(t, math.Signbit(got.(float64)), src)
	}
}

// exact is a random expression of exact operators, with what it comes to.
type exact struct {
	src  string
	rats *big.Rat
}

func drawAmount(t *rapid.T) decimal.Decimal {
	if rapid.Bool().Draw(t, "large") {
		return decimal.New(rapid.Int64().Draw(t, "millionths"), -6)
	}
	return decimal.New(rapid.Int64Range(-1e9, 1e9).Draw(t, "digits"), -rapid.Int32Range(0, 6).Draw(t, "places"))
}

func drawExact(t *rapid.T, data map[string]any, depth int) exact {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		d := drawAmount(t)
		if rapid.Bool().Draw(t, "constant") {
			return exact{d.String(), d.Rat()}
		}
		name := fmt.Sprint("v", len(data))
		data[name] = amount.JSON(d)
		return exact{fmt.Sprintf(`{"var": %q}`, name), d.Rat()}
	}
	a, b := drawExact(t, data, depth-1), drawExact(t, data, depth-1)
	op := rapid.SampledFrom([]string{"+", "-", "*", "max", "min", "floor", "ceil", "round", "abs", "if"}).Draw(t, "op")
	both := fmt.Sprintf(`{%q: [%s, %s]}`, op, a.src, b.src)
	one := fmt.Sprintf(`{%q: %s}`, op, a.src)
	d := func() decimal.Decimal { return decimal.NewFromBigRat(a.rats, 40) }
	switch op {
	case "+":
		return exact{both, new(big.Rat).Add(a.rats, b.rats)}
	case "-":
		return exact{both, new(big.Rat).Sub(a.rats, b.rats)}
	case "*":
		return exact{both, new(big.Rat).Mul(a.rats, b.rats)}
	case "floor":
		return exact{one, d().Floor().Rat()}
	case "ceil":
		return exact{one, d().Ceil().Rat()}
	case "round":
		return exact{one, d().Add(decimal.New(5, -1)).Floor().Rat()}
	case "abs":
		return exact{one, new(big.Rat).Abs(a.rats)}
	}
	less := a.rats.Cmp(b.rats) < 0
	if op == "if" {
		both = fmt.Sprintf(`{"if": [{"<": [%s, %s]}, %s, %s]}`, a.src, b.src, a.src, b.src)
	}
	if less == (op == "max") {
		return exact{both, b.rats}
	}
	return exact{both, a.rats}
}

// Amounts go through rules exactly: what comes out as an amount is the amount, and what is none is refused.
func TestAmountsGoThroughRulesToTheDigit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := map[string]any{}
		x := drawExact(t, data, 2)
		r, err := rule.Compile([]byte(x.src), nil)
		require.NoError(t, err)
		v, err := r.Eval(&rule.Env{Data: data})
		require.NoError(t, err)
		got, err := asAmount(v)
		scaled := new(big.Rat).Mul(x.rats, big.NewRat(1_000_000, 1))
		if !scaled.IsInt() || !scaled.Num().IsInt64() {
			require.Error(t, err, "%s with %v is %s, not %v", x.src, data, x.rats.FloatString(12), got)
			return
		}
		require.NoError(t, err, "%s with %v is %s", x.src, data, x.rats.FloatString(6))
		require.Zero(t, got.Rat().Cmp(x.rats), "%s with %v is %s, not %v", x.src, data, x.rats.FloatString(6), got)
	})
}

// A quotient that is an amount is the amount; of any other nothing is made that is off by more than floats
// are.
func TestQuotientsAreNotRounded(t *testing.T) {
	t.Parallel()
	r := compiled(t, `{"/": [{"var": "a"}, {"var": "b"}]}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawAmount(t), drawAmount(t)
		if b.IsZero() {
			t.Skip("nothing divides by 0")
		}
		want := new(big.Rat).Quo(a.Rat(), b.Rat())
		v, err := r.Eval(&rule.Env{Data: map[string]any{"a": amount.JSON(a), "b": amount.JSON(b)}})
		require.NoError(t, err)
		got, err := asAmount(v)
		if scaled := new(big.Rat).Mul(want, big.NewRat(1_000_000, 1)); scaled.IsInt() && scaled.Num().IsInt64() {
			require.NoError(t, err, "%v / %v", a, b)
			require.Zero(t, got.Rat().Cmp(want), "%v / %v is not %v", a, b, got)
			return
		}
		if err == nil {
			off := new(big.Rat).Abs(new(big.Rat).Sub(got.Rat(), want))
			require.Negative(t, off.Cmp(new(big.Rat).Mul(new(big.Rat).Abs(want), big.NewRat(2, 1_000_000_000_000_000))), "%v / %v is not %v", a, b, got)
		}
	})
}

func asAmount(v any) (decimal.Decimal, error) {
	if f, ok := v.(float64); ok {
		return amount.FromFloat("", f)
	}
	d := decimal.RequireFromString(string(v.(json.Number)))
	return d, amount.Check("", d)
}
