package mechanic

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
)

// A Choice is a compiled expression that gives one of a few texts. The zero Choice is none.
type Choice struct {
	rule          *rule.Rule
	source, field string
	options       []string
}

// CompileChoice compiles and lints the expression in a field of a document that gives one of the options;
// true stands for the first of them and false for the second. Nothing or null is the zero Choice. One
// that always gives something else is refused.
func CompileChoice(source, field string, e json.RawMessage, ctx *rule.Context, options ...string) (Choice, error) {
	if Absent(e) {
		return Choice{}, nil
	}
	r, err := rule.Compile(e, ctx)
	if err != nil {
		return Choice{}, fault.In(field, err)
	}
	c := Choice{r, source, field, options}
	if v, constant := r.Constant(); constant {
		_, err = c.pick(v)
	}
	return c, fault.In(field, err)
}

// Given tells whether there is an expression.
func (c Choice) Given() bool { return c.rule != nil }

// Of evaluates the expression. A result that is none of the options is reported as a problem; ok is then
// false.
func (c Choice) Of(tx *session.Tx, d Data) (option string, ok bool) {
	v, err := c.rule.Eval(env(tx, d))
	if err == nil {
		option, err = c.pick(v)
	}
	if err != nil {
		tx.Report(c.source, c.field, err.Error())
	}
	return option, err == nil
}

// pick returns the option that a result stands for.
func (c Choice) pick(v any) (string, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return c.options[0], nil
		}
		return c.options[1], nil
	case string:
		if slices.Contains(c.options, v) {
			return v, nil
		}
	}
	return "", fault.Invalid("", "gave %s, which is none of %s", kindOf(v), strings.Join(c.options, ", "))
}
