package proof_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/event"
)

// A scenario is a program and what happens under it.
type scenario struct {
	docs      []object // published in the beginning
	late      []object // published at a moment
	publishAt time.Time
	facts     []fact // in their order
	events    []late // in their order
	twins     bool   // eve and bob are one person
	years     bool   // users have joined a year before
}

// A fact is something that happens now, and not another time: a submission, a grant, a tag that comes or goes.
type fact struct {
	at   time.Time
	text string
	do   func(tester, *world, string) error // with an id that is the fact's own
	// tell is do of what may be told later than it happened; nil of what happens when it is done.
	tell func(tester, *world, time.Time) error
}

// A late is an event that may be recorded at any time from its own on.
type late struct {
	event.Event

	after bool // it is recorded after the late documents are published, even if it happened before
}

// The days of a history: a week begins on the first and on the eighth, and a month on the third. The world is
// founded a while before.
var (
	founding = firstDay.Add(-time.Hour)
	firstDay = time.Date(2025, 9, 29, 0, 0, 0, 0, time.UTC)
	lastDay  = firstDay.AddDate(0, 0, 12)
)

// moment is a day and a time of day of the history, often at the border of a day somewhere or at noon, so that
// many happen at once.
func (a author) moment(name string) time.Time {
	day := rapid.IntRange(0, 10).Draw(a.T, name)
	clock := pick(a, "clock", 12*time.Hour, 0, 4*time.Hour-time.Minute, 4*time.Hour, 15*time.Hour-time.Minute, 15*time.Hour, 24*time.Hour-time.Minute, 10*time.Hour)
	return firstDay.AddDate(0, 0, day).Add(clock)
}

var people = []string{"ada", "bob", "eve"}

// scenarios draws programs and histories.
func scenarios(of features) *rapid.Generator[*scenario] {
	return rapid.Custom(func(t *rapid.T) *scenario {
		a := newAuthor(t, of)
		s := &scenario{docs: append(a.lively(ground()), a.program()...), twins: of.twins, years: of.years}
		if of.later {
			s.publishAt = a.moment("published").Add(30 * time.Second)
			s.divide(a)
		}
		s.events = slices.Concat(rapid.SliceOfN(draws(a, author.habit), 1, 8).Draw(t, "habits")...)
		s.facts = rapid.SliceOfN(draws(a, author.fact), 0, 6).Draw(t, "facts")
		for i := range s.facts {
			s.facts[i].at = s.facts[i].at.Add(time.Duration(i+1) * time.Second) // none happens at the moment of another
		}
		slices.SortStableFunc(s.facts, func(x, y fact) int { return x.at.Compare(y.at) })
		slices.SortStableFunc(s.events, func(x, y late) int { return x.At.Compare(y.At) })
		for i := range s.events {
			s.events[i].ID = fmt.Sprintf("e%02d", i)
		}
		return s
	})
}

// divide lets some documents be published later, with all that refer to them.
func (s *scenario) divide(a author) {
	later := map[any]bool{}
	var first []object
	for _, doc := range s.docs {
		drawn := slices.Contains([]any{"MissionRule", "StreakRule", "RewardRule", "RuntimeLeaderboard", "LearningPath", "LearningPathRule"}, doc["kind"]) &&
			pick(a, "later", false, true)
		for id := range later {
			drawn = drawn || strings.Contains(encoded(doc), quoted(id))
		}
		if drawn {
			later[doc["id"]] = true
			s.late = append(s.late, doc)
		} else {
			first = append(first, doc)
		}
	}
	s.docs = first
}

// draws returns the generator of what an author draws.
func draws[T any](a author, draw func(author) T) *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T {
		a.T = t
		return draw(a)
	})
}

// habit draws an activity that somebody does once or several times, each somewhat later.
func (a author) habit() (events []late) {
	e := event.Event{
		UserID: pick(a, "user", "ada", "ada", "bob", "eve"), EntityID: pick(a, "activity", "run", "run", "swim"), At: a.moment("at"),
		Value: new(decimal.NewFromInt(pick[int64](a, "value", 1, 0, 2, 3, 4))),
	}
	if pick(a, "data", false, true) {
		e.Data = object{"kind": pick(a, "kind", "a", "b"), "n": pick(a, "n", 1, 2, -1)}
	}
	after, pause := a.later && pick(a, "after", false, true), pick(a, "pause", 24*time.Hour, time.Hour, 48*time.Hour, 0)
	for range rapid.IntRange(1, 4).Draw(a.T, "times") {
		events = append(events, late{e, after})
		if e.At = e.At.Add(pause); !e.At.Before(lastDay) {
			break
		}
	}
	return events
}

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// GoString returns the scenario as a script for a person to read: rapid shows it when a property fails.
func (s *scenario) GoString() string {
	var b strings.Builder
	b.WriteString("\n")
	for _, doc := range s.docs[len(ground()):] {
		fmt.Fprintf(&b, "publish %s\n", brief(doc))
	}
	const stamp = "Mon 2 Jan 15:04:05"
	var lines []struct {
		at   time.Time
		text string
	}
	add := func(at time.Time, text string) {
		lines = append(lines, struct {
			at   time.Time
			text string
		}{at, text})
	}
	for _, doc := range s.late {
		add(s.publishAt, "publish "+brief(doc))
	}
	for i, f := range s.facts {
		add(f.at, fmt.Sprintf("fact-%d: %s", i, f.text))
	}
	for _, e := range s.events {
		line := fmt.Sprintf("%s: %s does %s, value %s", e.ID, e.UserID, e.EntityID, e.Value)
		if e.Data != nil {
			line += ", data " + encoded(e.Data)
		}
		if e.after && e.At.Before(s.publishAt) {
			line += ", recorded after the publishing"
		}
		add(e.At, line)
	}
	slices.SortStableFunc(lines, func(x, y struct {
		at   time.Time
		text string
	},
	) int {
		return x.at.Compare(y.at)
	})
	for _, l := range lines {
		fmt.Fprintf(&b, "%s  %s\n", l.at.Format(stamp), l.text)
	}
	return b.String()
}

// brief is a document without what only its readers need.
func brief(doc object) string {
	short := object{}
	for name, v := range doc {
		if name != "translations" && name != "defaultLang" && name != "name" && name != "title" {
			short[name] = v
		}
	}
	return encoded(short)
}
