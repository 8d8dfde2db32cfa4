package mechanic

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
)

// A Distinct is a compiled expression whose values are told apart. One without a rule, such as the zero one, tells nothing apart.
type Distinct struct {
	rule          *rule.Rule
	source, field string
}

// CompileDistinct compiles and lints the expression in a field of a document; nothing or null is none. One that always gives what is no
// value is refused.
func CompileDistinct(source, field string, e json.RawMessage, ctx *rule.Context) (Distinct, error) {
	if Absent(e) {
		return Distinct{nil, source, field}, nil
	}
	r, err := rule.Compile(e, ctx)
	if err != nil {
		return Distinct{}, fault.In(field, err)
	}
	if v, constant := r.Constant(); constant {
		switch key, err := distinctKey(v); {
		case err != nil:
			return Distinct{}, fault.In(field, err)
		case key == "":
			return Distinct{}, fault.Invalid(field, "always gives null, which counts nothing")
		}
	}
	return Distinct{r, source, field}, nil
}

// Given tells whether there is an expression.
func (d Distinct) Given() bool { return d.rule != nil }

// Always tells whether the expression gives the same, whatever happens.
func (d Distinct) Always() bool {
	if d.rule == nil {
		return false
	}
	_, constant := d.rule.Constant()
	return constant
}

// Reads tells whether the expression may read a variable or a field of one.
func (d Distinct) Reads(name string) bool { return mayRead(d.rule, name) }

// Of evaluates the expression and returns a short text for its value, which no other value has; "" for null. A list or an object is
// reported as a problem; the second result is then false.
func (d Distinct) Of(tx *session.Tx, data Data) (string, bool) {
	v, err := d.rule.Eval(env(tx, data))
	var key string
	if err == nil {
		key, err = distinctKey(v)
	}
	if err != nil {
		tx.Report(d.source, d.field, err.Error())
	}
	return key, err == nil
}

// Check asks the expression for its value as [Distinct.Of] does. It holds if it gives one that is not among those that were counted.
func (d Distinct) Check(vars map[string]any, now time.Time, counted func(key string) bool) rule.Check {
	t, reason, err := explain(d.rule, vars, now)
	if err != nil {
		return rule.Check{Name: d.field, Reason: err.Error()}
	}
	key, err := distinctKey(t.Value())
	holds := false
	switch {
	case err != nil:
		reason += "; it " + err.Error()
	case key == "":
		reason += "; null counts nothing"
	case counted(key):
		reason += "; this value had been counted already"
	default:
		holds = true
	}
	return rule.Check{Name: d.field, Holds: holds, Reason: reason + lost(t, vars), Trace: t}
}

// distinctKey returns a text of 22 characters for a text, a number, true or false, "" for null.
func distinctKey(v any) (string, error) {
	switch v.(type) {
	case nil:
		return "", nil
	case string, float64, json.Number, bool:
	default:
		return "", fault.Invalid("", "gave %s, which is neither a text nor a number, and neither true nor false", kindOf(v))
	}
	b, err := json.Marshal(v)
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:16]), err
}
