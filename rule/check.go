package rule

import "strings"

// A Check is one of the questions that decide whether a document takes notice of an event, with its
// answer.
type Check struct {
	// Name is the field of the document that asks ("matchCondition"), or a word for a question that no
	// field asks.
	Name string `json:"name"`
	// Holds says whether the event passed.
	Holds bool `json:"holds"`
	// Reason says why, in one line for a person to read.
	Reason string `json:"reason"`
	// Trace is how the field's expression came to its value; nil where there is none. It is only read.
	Trace *Trace `json:"trace,omitempty"`
}

// String returns the check in one line: "no   matchCondition: event.value >= 10 is false: event.value is 3".
func (c Check) String() string {
	answer := "no   "
	if c.Holds {
		answer = "yes  "
	}
	return answer + c.Name + ": " + c.Reason
}

// Check asks the expression as a condition. It holds exactly if [Rule.Match] says so; the reason is
// that of the places which settled it ([Trace.Decisive]), or why the evaluation was given up.
func (r *Rule) Check(name string, env *Env) Check {
	t, err := r.Explain(env)
	if err != nil {
		return Check{Name: name, Reason: err.Error()}
	}
	decisive := t.Decisive()
	reasons := make([]string, len(decisive))
	for i, d := range decisive {
		reasons[i] = d.Reason()
	}
	return Check{Name: name, Holds: t.Holds(), Reason: strings.Join(reasons, "; "), Trace: t}
}
