package economy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store"
)

// A Count is how many of the events that a rule's matcher picks happened to the user within the last so many minutes, the one included that is
// judged, whether the rule paid for them or not. The rule's expressions read it as recent and its name: {"var": "recent.fast"}. It counts what is recorded while the rule is in
// force, in the order in which things happened, however late they are known, and no further than [MaxCounted].
type Count struct {
	// Name is 1 to 64 characters of A-Z, a-z, 0-9, "_" and "-".
	Name string `json:"name"`
	// Minutes is 1 to [MaxCountMinutes]. An event that happened exactly so long ago is not counted.
	Minutes int `json:"minutes"`
}

const (
	// MaxCounts is how many counts a rule may have.
	MaxCounts = 5
	// MaxCounted is how far a count goes. One that says so stands for as many or more.
	MaxCounted = 100
	// MaxCountMinutes is a day.
	MaxCountMinutes = 24 * 60
)

// countsRoot is where expressions read the counts of their rule. An event of a tracking has a field counts.
const countsRoot = "recent"

// fieldCounts is where a rule has its counts.
const fieldCounts = "counts"

func (r *RewardRule) checkCounts() error {
	if n := len(r.Counts); n > MaxCounts {
		return fault.Invalid(fieldCounts, "are %d; a rule has at most %d", n, MaxCounts)
	}
	var faults []error
	for i, c := range r.Counts {
		err := ident.Check("name", c.Name)
		if c.Minutes < 1 || c.Minutes > MaxCountMinutes {
			err = errors.Join(err, fault.Invalid("minutes", "is %d; allowed are 1 to %d", c.Minutes, MaxCountMinutes))
		}
		if slices.ContainsFunc(r.Counts[:i], func(other Count) bool { return other.Name == c.Name }) {
			err = errors.Join(err, fault.Invalid("name", "%q occurs twice", c.Name))
		}
		faults = append(faults, fault.In(fmt.Sprintf("%s[%d]", fieldCounts, i), err))
	}
	return errors.Join(faults...)
}

// sees returns what the expressions of the rule read.
func (r *RewardRule) sees() *rule.Context {
	var paths []string
	types := map[string]rule.Type{}
	for _, c := range r.Counts {
		path := countsRoot + "." + c.Name
		paths, types[path] = append(paths, path), rule.Type{Sort: rule.Number}
	}
	sees := mechanic.EventContext(r.Matcher(), paths...)
	if len(paths) > 0 {
		sees = sees.With(types)
	}
	return sees
}

// recent is when the events happened lately that the matcher of a rule with counts picked, of one user.
type recent struct {
	RuleID string      `json:"rewardRuleId"`
	UserID string      `json:"userId"`
	At     []time.Time `json:"at"` // in their order, at most MaxCounted
}

var recents = store.Define("reward_counts", (*recent).key, nil).Packed()

func (r *recent) key() string { return r.UserID + "/" + r.RuleID }

// add takes a moment up and drops those that the counts of a rule do not reach any more.
func (r *recent) add(at time.Time, counts []Count) {
	window := time.Duration(0)
	for _, c := range counts {
		window = max(window, c.window())
	}
	all := append(slices.Clone(r.At), at)
	slices.SortStableFunc(all, time.Time.Compare)
	from := all[len(all)-1].Add(-window)
	all = slices.DeleteFunc(all, func(t time.Time) bool { return !t.After(from) })
	r.At = all[max(0, len(all)-MaxCounted):]
}

func (c *Count) window() time.Duration { return time.Duration(c.Minutes) * time.Minute }

// of returns a count at a moment that has been taken up.
func (r *recent) of(c *Count, at time.Time) int {
	n, from := 0, at.Add(-c.window())
	for _, t := range r.At {
		if t.After(from) && !t.After(at) {
			n++
		}
	}
	return n
}

// over tells whether nothing that happens from a moment on counts any of it.
func (r *recent) over(before time.Time) bool {
	return len(r.At) == 0 || !r.At[len(r.At)-1].Add(MaxCountMinutes*time.Minute).After(before)
}

// counted is what the expressions of rules that have counts read of them for an event.
type counted map[*payer]map[string]any

// count counts an event for the rules among its candidates that have counts. It writes nothing if it only looks.
func count(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, candidates []*payer, look bool) (counted, error) {
	var seen counted
	for _, r := range candidates {
		if len(r.Counts) == 0 {
			continue
		}
		now := recent{RuleID: r.ID, UserID: o.User.ID}
		if was, there, err := recents.Get(ctx, tx, now.key()); err != nil {
			return nil, err
		} else if there {
			now = was
		}
		now.add(o.Event.At, r.Counts)
		if !look {
			if err := recents.Put(ctx, tx, now); err != nil {
				return nil, err
			}
		}
		values := make(map[string]any, len(r.Counts))
		for i := range r.Counts {
			values[r.Counts[i].Name] = float64(now.of(&r.Counts[i], o.Event.At))
		}
		if seen == nil {
			seen = counted{}
		}
		seen[r] = values
	}
	return seen, nil
}

// with runs fn while the expressions of a rule read its counts.
func (c counted) with(o *mechanic.Occasion, r *payer, fn func()) {
	if values, has := c[r]; has {
		o.With(countsRoot, values, fn)
		return
	}
	fn()
}

// meets tells whether a condition of a rule holds.
func (c counted) meets(tx *session.Tx, o *mechanic.Occasion, r *payer, condition *mechanic.Condition) (holds bool) {
	c.with(o, r, func() { holds = condition.Holds(tx, o) })
	return holds
}

// reads tells whether an expression of the rule may read something.
func (c *payer) reads(path string) bool {
	return c.condition.Reads(path) || slices.ContainsFunc(c.amounts, func(a mechanic.Amount) bool { return a.Reads(path) }) ||
		slices.ContainsFunc(c.reviews, func(r mechanic.Condition) bool { return r.Reads(path) })
}

// unread warns of counts that no expression reads.
func (r *RewardRule) unread() (all []content.Warning) {
	c, err := compileRule(r)
	if err != nil {
		return nil // is refused
	}
	for i := range r.Counts {
		if path := countsRoot + "." + r.Counts[i].Name; !c.reads(path) {
			all = append(all, content.Warning{Field: fmt.Sprintf("%s[%d]", fieldCounts, i), Reason: "is read by no expression: " + path})
		}
	}
	return all
}
