package rule_test

import (
	"testing"

	"github.com/diegoholiveira/jsonlogic/v3"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/rule"
)

const benchData = `{
	"event": {"type": "activity", "value": 42, "outcome": "SUCCESS", "userId": "u-1"},
	"user": {"level": 7, "tags": ["beta", "team-red"]},
	"items": [
		{"sku": "a", "price": 10, "qty": 1}, {"sku": "b", "price": 20, "qty": 2},
		{"sku": "c", "price": 30, "qty": 3}, {"sku": "d", "price": 40, "qty": 4},
		{"sku": "e", "price": 50, "qty": 5}, {"sku": "f", "price": 60, "qty": 6},
		{"sku": "g", "price": 70, "qty": 7}, {"sku": "h", "price": 80, "qty": 8},
		{"sku": "i", "price": 90, "qty": 9}, {"sku": "j", "price": 99, "qty": 10}
	]
}`

var benchRules = []struct{ name, src string }{
	{"four conditions", `{"and": [
		{"==": [{"var": "event.type"}, "activity"]},
		{">=": [{"var": "event.value"}, 10]},
		{"<": [{"var": "user.level"}, 9]},
		{"==": [{"var": "event.outcome"}, "SUCCESS"]}]}`},
	{"some of ten", `{"some": [{"var": "items"}, {">": [{"var": "price"}, 95]}]}`},
	{"reduce ten", `{"reduce": [{"var": "items"}, {"+": [{"var": "accumulator"}, {"var": "current.price"}]}, 0]}`},
}

func BenchmarkEval(b *testing.B) {
	data := decode(b, benchData)
	for _, bm := range benchRules {
		b.Run(bm.name+"/compiled", func(b *testing.B) {
			r, err := rule.Compile([]byte(bm.src), nil)
			require.NoError(b, err)
			env := &rule.Env{Data: data}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Eval(env); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bm.name+"/library", func(b *testing.B) {
			expression := decode(b, bm.src)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jsonlogic.ApplyInterface(expression, data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bm.name+"/explain", func(b *testing.B) {
			r, err := rule.Compile([]byte(bm.src), nil)
			require.NoError(b, err)
			env := &rule.Env{Data: data}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Explain(env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRatioRule compares compiled rules with the library that the ecosystem uses, and their explanation
// with their evaluation.
func BenchmarkRatioRule(b *testing.B) {
	data := decode(b, benchData)
	env := &rule.Env{Data: data}
	for _, bm := range benchRules {
		r, err := rule.Compile([]byte(bm.src), nil)
		require.NoError(b, err)
		eval := func() {
			if _, err := r.Eval(env); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(bm.name+" : library", func(b *testing.B) {
			expression := decode(b, bm.src)
			ratio.Compare(b, 4, times(eval), times(func() {
				if _, err := jsonlogic.ApplyInterface(expression, data); err != nil {
					b.Fatal(err)
				}
			}))
		})
		b.Run(bm.name+", explained : evaluated", func(b *testing.B) {
			ratio.Compare(b, 0.25, times(func() {
				if _, err := r.Explain(env); err != nil {
					b.Fatal(err)
				}
			}), times(eval))
		})
	}
}

// times returns a round of a comparison that does something often.
func times(do func()) func(int) {
	return func(int) {
		for range 20_000 {
			do()
		}
	}
}

// A condition allocates nothing.
func TestConditionAllocatesNothing(t *testing.T) {
	env := &rule.Env{Data: decode(t, benchData)}
	for _, bm := range benchRules[:2] {
		r, err := rule.CompileCondition([]byte(bm.src), nil)
		require.NoError(t, err)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if _, err := r.Match(env); err != nil {
				t.Fatal(err)
			}
		}), bm.name)
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, bm := range benchRules {
		b.Run(bm.name, func(b *testing.B) {
			src := []byte(bm.src)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rule.Compile(src, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
