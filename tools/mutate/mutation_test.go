package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// changes returns what the mutations of a function's body make of it, each as "kind: old -> new".
func changes(t *testing.T, body string) []string {
	t.Helper()
	found, err := Mutations("p.go", []byte("package p\n\nfunc f() {\n"+body+"\n}\n"))
	require.NoError(t, err)
	all := []string{}
	for _, m := range found {
		all = append(all, string(m.Kind)+": "+m.Old+" -> "+m.New)
	}
	return all
}

func TestMutations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body string
		want       []string
	}{
		{"less", "return a < b", []string{"comparison: a < b -> a <= b"}},
		{"at most", "return a <= b", []string{"comparison: a <= b -> a < b"}},
		{"greater", "return a > b", []string{"comparison: a > b -> a >= b"}},
		{"at least", "return a >= b", []string{"comparison: a >= b -> a > b"}},
		{"equal", "return a == b", []string{"comparison: a == b -> a != b"}},
		{"unequal", "return a != b", []string{"comparison: a != b -> a == b"}},
		{"sums are no comparisons", "return a + b", []string{}},
		{"methods that compare", "return a.LessThan(b)", []string{"comparison: a.LessThan(b) -> a.LessThanOrEqual(b)"}},
		{"times that compare", "return p.At.Before(b)", []string{"comparison: p.At.Before(b) -> !p.At.After(b)"}},
		{"signs", "return a.IsPositive()", []string{"comparison: a.IsPositive() -> !a.IsNegative()"}},
		{"a chain of calls over two lines", "return a.\nAdd(1 /* one */).\nAfter(b)", []string{
			"comparison: a.\nAdd(1 /* one */).\nAfter(b) -> !a.\nAdd(1 /* one */).\nBefore(b)",
			"number: 1 -> 2", "number: 1 -> 0",
		}},
		{"functions that compare are no methods", "return Equal(a, b)", []string{}},
		{"if", "if a { b() ; c() }", []string{
			"condition: a -> !(a)", "statement: b() -> if false { b() }", "statement: c() -> if false { c() }",
		}},
		{"if that its comparison negates", "if a == b { return a; return b }", []string{"comparison: a == b -> a != b"}},
		{"if that its method negates", "if a.Equal(b) { return a; return b }", []string{"comparison: a.Equal(b) -> !a.Equal(b)"}},
		{"else", "if a { return } else if b { return }", []string{
			"condition: a -> !(a)", "condition: b -> !(b)", "guard: b -> false && (b)",
		}},
		{"guard that returns", "if a { return }", []string{"condition: a -> !(a)", "guard: a -> false && (a)"}},
		{"guard that returns a value", "if a { return b }", []string{"condition: a -> !(a)", "guard: a -> false && (a)"}},
		{"guard that breaks", "for { if a { break } }", []string{"condition: a -> !(a)", "guard: a -> false && (a)"}},
		{"guard that goes on", "for { if b := c; b { continue } }", []string{"condition: b -> !(b)", "guard: b -> false && (b)"}},
		{"guard of two sides", "if a || b { return }", []string{
			"condition: a || b -> !(a || b)", "guard: a || b -> false && (a || b)",
			"connective: a || b -> a && b",
			"operand: a || b -> (false && a) || b", "operand: a || b -> a || (false && b)",
		}},
		{"errors", "if err != nil { return err }\nif loadErr == nil { return nil }\nreturn err == nil", []string{}},
		{"errors and more", "return a || err != nil", []string{
			"connective: a || err != nil -> a && err != nil", "operand: a || err != nil -> (false && a) || err != nil",
		}},
		{"nothing that is no error", "return a == nil", []string{"comparison: a == nil -> a != nil"}},
		{"cases that ask", "switch { case a, b == c: return }", []string{"condition: a -> !(a)", "comparison: b == c -> b != c"}},
		{"cases that are values", "switch a { case b: return }", []string{}},
		{"three sides of an and", "return a && b && c", []string{
			"connective: a && b && c -> (a && b || c)", "operand: a && b && c -> a && b && (true || c)",
			"connective: a && b -> (a || b)", "operand: a && b -> (true || a) && b", "operand: a && b -> a && (true || b)",
		}},
		{"an or beside an or keeps its brackets", "return a || b || c", []string{
			"connective: a || b || c -> (a || b) && c", "operand: a || b || c -> a || b || (false && c)",
			"connective: a || b -> a && b", "operand: a || b -> (false && a) || b", "operand: a || b -> a || (false && b)",
		}},
		{"numbers", "return 0, 1, 0x1_0, 1.5, \"2\"", []string{
			"number: 0 -> 1", "number: 1 -> 2", "number: 1 -> 0", "number: 0x1_0 -> 17", "number: 0x1_0 -> 15",
		}},
		{"numbers beyond counting", "return 0xffff_ffff_ffff_ffff", []string{}},
		{"names that are counted", "const (\na = iota + 1\nb\n)", []string{}},
		{"constants", "const a = 1", []string{"number: 1 -> 2", "number: 1 -> 0"}},
		{"how much is made", "return make([]int, 1)", []string{"number: 1 -> 2", "number: 1 -> 0"}},
		{"how much room is made", "return make([]int, n, 2)", []string{}},
		{"extremes", "return min(a, slices.Max(b))", []string{
			"extreme: min(a, slices.Max(b)) -> max(a, slices.Max(b))", "extreme: slices.Max(b) -> slices.Min(b)",
		}},
		{"assignments", "a = b\na.c += b\n_ = a\n_, b = c()\nd := a", []string{
			"statement: a = b -> if false { a = b }", "statement: a.c += b -> if false { a.c += b }",
			"statement: _, b = c() -> if false { _, b = c() }",
		}},
		{"counting up", "a++", []string{"statement: a++ -> if false { a++ }"}},
		{"calls", "a(b)", []string{"statement: a(b) -> if false { a(b) }"}},
		{"what a for needs", "for a = b; c; a++ { }", []string{}},
		{"statements of a case", "switch a { case b: c() }\nselect { case <-a: b++ }", []string{
			"statement: c() -> if false { c() }", "statement: b++ -> if false { b++ }",
		}},
		{"what is done later or beside", "defer a()\ngo b()", []string{}},
		{"functions in functions", "return func() { a = b }", []string{"statement: a = b -> if false { a = b }"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, changes(t, tt.body))
		})
	}
}

func TestMutationsKnowTheirPlace(t *testing.T) {
	t.Parallel()
	src := []byte("package p\n\nfunc f(é, b int) bool {\n\treturn é /* the first */ < b // is less\n}\n")
	found, err := Mutations("p.go", src)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "p.go:4:9: comparison: é /* the first */ < b -> é <= b", found[0].describe())
	require.Equal(t, "package p\n\nfunc f(é, b int) bool {\n\treturn é <= b // is less\n}\n", string(found[0].Apply(src)))
}

func TestGeneratedCodeIsLeftAlone(t *testing.T) {
	t.Parallel()
	found, err := Mutations("p.go", []byte("// Code generated by p. DO NOT EDIT.\n\npackage p\n\nvar a = 1\n"))
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestCodeThatDoesNotParse(t *testing.T) {
	t.Parallel()
	_, err := Mutations("p.go", []byte("package p\n\nfunc {"))
	require.ErrorContains(t, err, "p.go:3:6")
}

// What is mutated has to stay a program: here, all of this one and its tests.
func TestMutatedFilesParse(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	kinds := map[Kind]bool{}
	for _, name := range names {
		src, err := os.ReadFile(name)
		require.NoError(t, err)
		found, err := Mutations(name, src)
		require.NoError(t, err)
		for _, m := range found {
			mutated := m.Apply(src)
			require.NotEqual(t, src, mutated, m.describe())
			_, err := parser.ParseFile(token.NewFileSet(), name, mutated, parser.SkipObjectResolution)
			require.NoError(t, err, m.describe())
			kinds[m.Kind] = true
		}
	}
	require.Len(t, kinds, 8, "a kind is not among them")
}

func TestTheSeedAloneSaysTheOrder(t *testing.T) {
	t.Parallel()
	src := []byte("package p\n\nvar a = []int{" + strings.Repeat("1, ", 50) + "}\n")
	draw := func(seed uint64) []Mutation {
		all, err := Mutations("p.go", src)
		require.NoError(t, err)
		shuffle(all, seed)
		return all
	}
	first, again, other := draw(1), draw(1), draw(2)
	require.Equal(t, first, again)
	require.NotEqual(t, first, other)
	require.ElementsMatch(t, first, other)
}
