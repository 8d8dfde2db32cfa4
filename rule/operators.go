package rule

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// A code says how the machine runs a node.
type code uint8

const (
	codeConstant code = iota
	codeList
	codeVar
	codeDynamicVar
	codeMissing
	codeMissingSome
	codeIf
	codeAnd
	codeOr
	codeNot
	codeTruth
	codeEqual
	codeNotEqual
	codeSame
	codeNotSame
	codeOrder
	codeFold
	codeMinus
	codeIn
	codeCat
	codeSubstr
	codeMerge
	codeFilter
	codeMap
	codeReduce
	codeSome
	codeAll
	codeNone
	codeMath
	codePow
	codeTextTest
	codeTextMap
	codeNow
	codeDatePart
	codeDateDiff
	codeDateAdd
)

// iterates reports whether the node's second argument is run once for each element of the first.
func (c code) iterates() bool { return codeFilter <= c && c <= codeNone }

// many as the greatest number of arguments means that there is no bound.
const many = -1

// An operator is a row of the table below: how many arguments it takes, how it runs, and the
// function, if any, that tells it from the other operators that run alike.
type operator struct {
	least, most int
	code        code

	order  func(a, b value) bool                 // codeOrder
	coerce func(value) value                     // codeFold
	fold   func(a, b value) value                // codeFold
	math   func(float64) float64                 // codeMath
	exact  func(decimal.Decimal) decimal.Decimal // codeMath, of a number that no float64 holds; nil: the nearest will do
	test   func(s, affix string) bool            // codeTextTest
	edit   func(s string) (other string)         // codeTextMap
}

// operators is every operator there is.
var operators = map[string]*operator{
	"var":          {least: 0, most: 2, code: codeVar},
	"missing":      {least: 0, most: many, code: codeMissing},
	"missing_some": {least: 2, most: 2, code: codeMissingSome},

	"if":  {least: 0, most: many, code: codeIf},
	"?:":  {least: 0, most: many, code: codeIf},
	"and": {least: 1, most: many, code: codeAnd},
	"or":  {least: 1, most: many, code: codeOr},
	"!":   {least: 0, most: 1, code: codeNot},
	"!!":  {least: 0, most: 1, code: codeTruth},

	"==":  {least: 2, most: 2, code: codeEqual},
	"!=":  {least: 2, most: 2, code: codeNotEqual},
	"===": {least: 2, most: 2, code: codeSame},
	"!==": {least: 2, most: 2, code: codeNotSame},
	"<":   {least: 2, most: 3, code: codeOrder, order: less},
	"<=":  {least: 2, most: 3, code: codeOrder, order: lessOrEqual},
	">":   {least: 2, most: 3, code: codeOrder, order: greater},
	">=":  {least: 2, most: 3, code: codeOrder, order: greaterOrEqual},

	"+":   {least: 1, most: many, code: codeFold, coerce: toFloat, fold: add},
	"*":   {least: 1, most: many, code: codeFold, coerce: toFloat, fold: multiply},
	"/":   {least: 2, most: 2, code: codeFold, coerce: toNumber, fold: divide},
	"%":   {least: 2, most: 2, code: codeFold, coerce: toNumber, fold: remainder},
	"max": {least: 1, most: many, code: codeFold, coerce: toNumber, fold: maximum},
	"min": {least: 1, most: many, code: codeFold, coerce: toNumber, fold: minimum},
	"-":   {least: 1, most: 2, code: codeMinus},

	"abs":   {least: 1, most: 1, code: codeMath, math: math.Abs, exact: decimal.Decimal.Abs},
	"ceil":  {least: 1, most: 1, code: codeMath, math: math.Ceil, exact: decimal.Decimal.Ceil},
	"floor": {least: 1, most: 1, code: codeMath, math: math.Floor, exact: decimal.Decimal.Floor},
	"round": {least: 1, most: 1, code: codeMath, math: roundHalfUp, exact: roundDecimal},
	"sqrt":  {least: 1, most: 1, code: codeMath, math: math.Sqrt},
	"log":   {least: 1, most: 1, code: codeMath, math: math.Log},
	"exp":   {least: 1, most: 1, code: codeMath, math: math.Exp},
	"pow":   {least: 2, most: 2, code: codePow},

	"in":          {least: 2, most: 2, code: codeIn},
	"cat":         {least: 1, most: many, code: codeCat},
	"substr":      {least: 2, most: 3, code: codeSubstr},
	"starts_with": {least: 2, most: 2, code: codeTextTest, test: strings.HasPrefix},
	"ends_with":   {least: 2, most: 2, code: codeTextTest, test: strings.HasSuffix},
	"lower":       {least: 1, most: 1, code: codeTextMap, edit: strings.ToLower},
	"upper":       {least: 1, most: 1, code: codeTextMap, edit: strings.ToUpper},

	"merge":  {least: 0, most: many, code: codeMerge},
	"filter": {least: 2, most: 2, code: codeFilter},
	"map":    {least: 2, most: 2, code: codeMap},
	"reduce": {least: 2, most: 3, code: codeReduce},
	"some":   {least: 2, most: 2, code: codeSome},
	"all":    {least: 2, most: 2, code: codeAll},
	"none":   {least: 2, most: 2, code: codeNone},

	"now":       {least: 0, most: 0, code: codeNow},
	"date_part": {least: 2, most: 3, code: codeDatePart},
	"date_diff": {least: 3, most: 4, code: codeDateDiff},
	"date_add":  {least: 3, most: 4, code: codeDateAdd},
}

// foreignNames are what other languages call operators, for those who write them by habit.
var foreignNames = map[string]string{
	"&&": "and", "||": "or", "not": "!", "eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=",
	"mod": "%", "any": "some", "every": "all", "contains": "in", "includes": "in", "concat": "cat", "substring": "substr",
}

// operatorNames returns the names of the operators in alphabetical order.
func operatorNames() []string { return slices.Sorted(maps.Keys(operators)) }

// roundHalfUp rounds as JavaScript's Math.round does: a half goes towards positive infinity.
func roundHalfUp(f float64) float64 {
	whole := math.Floor(f)
	if f-whole >= 0.5 {
		return whole + 1
	}
	return whole
}

// roundDecimal is roundHalfUp of a decimal.
func roundDecimal(d decimal.Decimal) decimal.Decimal { return d.Add(decimal.New(5, -1)).Floor() }
