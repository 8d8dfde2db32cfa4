package levels

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Ladders is the kind of [Ladder].
var Ladders = content.NewKind[Ladder]("Ladder")

// A Demotion says when who has come to a step falls from it again.
type Demotion string

// The demotions: never, as soon as the measure is below the step, or at the end of each period in which it stayed below.
const (
	Never    Demotion = "NEVER"
	AtOnce   Demotion = "AT_ONCE"
	ByPeriod Demotion = "PERIOD"
)

// Bounds on ladders.
const (
	MaxSteps = 100 // of a ladder
	MaxPerks = 10  // of a step
)

// A Ladder is steps that users climb as something that is measured of them grows.
//
// A ladder counts from the beginning: the first event of a user that it measures lets it measure what was before, for which no
// event follows. So it is when a version measures something else. If only the steps or the demotion of a version are others, each user's place is judged anew
// with the next event that is measured, and that is told as any change of it. What is recorded while a ladder is archived is not measured of who stands on it
// already; a version of another measure measures that, too.
type Ladder struct {
	content.Header
	content.Texts[Text]

	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Image is an absolute URI.
	Image string `json:"image,omitempty"`
	// Measure is what of a user says on which step the user stands.
	Measure Measure `json:"measure"`
	// Demotion says when a user falls; empty means NEVER.
	Demotion Demotion `json:"demotion,omitempty"`
	// DemotionPeriod is the period of PERIOD: each DAY, WEEK or MONTH of the user's calendar. In the end of one, the user falls to the highest
	// step that the measure was at in it.
	DemotionPeriod timeframe.Calendar `json:"demotionPeriod,omitempty"`
	// Steps are 1 to [MaxSteps], the lowest first. Who is below the first stands on none.
	Steps []Step `json:"steps"`
}

// A Step is a level of a ladder.
type Step struct {
	// ID names the step in its ladder, and stays with it: who stands on it stays there while others are added.
	ID string `json:"id"`
	// Threshold is how much of the measure it takes: more than 0, and more than that of the step before.
	Threshold   decimal.Decimal `json:"threshold"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	// Image is an absolute URI.
	Image string `json:"image,omitempty"`
	// Perks are up to [MaxPerks] tags that a user carries while on the step, and not those of the steps before it. Who stands on a step gets the perks of a
	// version that has others with the next event that is measured. Of a ladder that is archived, users keep the perks that they have: to take them away, publish
	// a version without them before.
	Perks []string `json:"perks,omitempty"`
	// Translations are what the step is called in languages of the ladder.
	Translations []Text `json:"translations,omitempty"`
}

// A Text is the name and description of a ladder or a step in one language.
type Text struct {
	Lang        string `json:"lang"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Language returns the language.
func (t Text) Language() string { return t.Lang }

// Validate refuses an empty name.
func (t Text) Validate() error { return text.Required("name", t.Name) }

// Validate returns every fault of the ladder's fields, joined.
func (l *Ladder) Validate() error {
	_, err := compileMeasure(l)
	return errors.Join(text.Required("name", l.Name), text.Optional(text.URI, "image", l.Image), l.ValidateTexts(),
		fault.In("measure", l.Measure.validate()), l.checkDemotion(), l.checkSteps(), err)
}

func (l *Ladder) checkDemotion() error {
	switch l.Demotion {
	case "", Never, AtOnce:
		if l.DemotionPeriod != "" {
			return fault.Invalid("demotionPeriod", "is for the demotion PERIOD")
		}
		return nil
	case ByPeriod:
		switch l.DemotionPeriod {
		case timeframe.ByDay, timeframe.ByWeek, timeframe.ByMonth:
			return nil
		case timeframe.ByYear:
		}
		return fault.Invalid("demotionPeriod", "%q is none of DAY, WEEK, MONTH", l.DemotionPeriod)
	}
	return fault.Invalid("demotion", "%q is none of NEVER, AT_ONCE, PERIOD", l.Demotion)
}

func (l *Ladder) checkSteps() error {
	if n := len(l.Steps); n < 1 || n > MaxSteps {
		return fault.Invalid("steps", "are %d; a ladder has 1 to %d", n, MaxSteps)
	}
	var faults []error
	langs := l.Languages()
	for i := range l.Steps {
		s := &l.Steps[i]
		below := errors.Join(ident.Check("id", s.ID), amount.CheckPositive("threshold", s.Threshold), s.check(langs))
		if i > 0 && s.Threshold.LessThanOrEqual(l.Steps[i-1].Threshold) {
			below = errors.Join(below, fault.Invalid("threshold", "is %s, which is not more than %s of the step before", s.Threshold, l.Steps[i-1].Threshold))
		}
		if slices.ContainsFunc(l.Steps[:i], func(before Step) bool { return before.ID == s.ID }) {
			below = errors.Join(below, fault.Invalid("id", "%q occurs twice", s.ID))
		}
		faults = append(faults, fault.In(stepField(i), below))
	}
	return errors.Join(faults...)
}

// check returns every fault in what the step is called.
func (s *Step) check(langs []string) error {
	return errors.Join(text.Required("name", s.Name), text.Optional(text.URI, "image", s.Image), s.checkPerks(), content.CheckBelow(s.Translations, langs))
}

func (s *Step) checkPerks() error {
	if n := len(s.Perks); n > MaxPerks {
		return fault.Invalid("perks", "are %d, at most %d are allowed", n, MaxPerks)
	}
	var faults []error
	for i, id := range s.Perks {
		field := perkField(i)
		err := ident.Check(field, id)
		if slices.Contains(s.Perks[:i], id) {
			err = errors.Join(err, fault.Invalid(field, "%q occurs twice", id))
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func perkField(i int) string { return fmt.Sprintf("perks[%d]", i) }

func stepField(i int) string { return fmt.Sprintf("steps[%d]", i) }

// References returns what the measure names, and the perks.
func (l *Ladder) References() []content.Reference {
	refs := l.Measure.references()
	for i := range l.Steps {
		for j, id := range l.Steps[i].Perks {
			refs = append(refs, content.Reference{Field: stepField(i) + "." + perkField(j), Kind: tagKind, ID: id})
		}
	}
	return refs
}

// Grants returns an error unless a reward can bring users to a step.
func (l *Ladder) Grants(stepID string) error {
	switch {
	case !slices.ContainsFunc(l.Steps, func(s Step) bool { return s.ID == stepID }):
		return fault.NotFound("stepId", stepID)
	case l.demotion() == AtOnce:
		return fault.Invalid("ladderId", "names Ladder %q, whose demotion is AT_ONCE: who has not reached the step would fall from it", l.ID)
	}
	return nil
}

// Warnings warns of steps that nobody can reach, and of a demotion that never comes.
func (l *Ladder) Warnings(ctx context.Context, in content.View) ([]content.Warning, error) {
	var warnings []content.Warning
	if falls := l.demotion() != Never; falls && !l.Measure.sinks() {
		warnings = append(warnings, content.Warning{Field: "demotion", Reason: "is " + string(l.Demotion) + ", and what is measured never falls, so nobody does"})
	}
	if l.Measure.Type != Balance {
		return warnings, nil
	}
	doc, err := in.Document(ctx, currencyKind, l.Measure.CurrencyID)
	if err != nil || doc == nil {
		return warnings, err
	}
	if bounded, ok := doc.(interface{ UpperBound() *decimal.Decimal }); ok && bounded.UpperBound() != nil {
		most := *bounded.UpperBound()
		for i := range l.Steps {
			if n := l.Steps[i].Threshold; n.GreaterThan(most) {
				warnings = append(warnings, content.Warning{
					Field: stepField(i) + ".threshold", Reason: fmt.Sprintf("is %s, and nobody can have more than %s of the currency", n, most),
				})
			}
		}
	}
	return warnings, nil
}

// demotion returns when a user falls.
func (l *Ladder) demotion() Demotion { return cmp.Or(l.Demotion, Never) }

// reached returns the place of the highest step that takes no more than a measure, -1 for none.
func (l *Ladder) reached(measure decimal.Decimal) int {
	i, found := slices.BinarySearchFunc(l.Steps, measure, func(s Step, n decimal.Decimal) int { return s.Threshold.Cmp(n) })
	if !found {
		i--
	}
	return i
}

// place returns the place of a step that had a threshold when somebody came to it: of one that is gone, the highest that takes no more. It is
// -1 for "".
func (l *Ladder) place(id string, threshold decimal.Decimal) int {
	if id == "" {
		return -1
	}
	if i := slices.IndexFunc(l.Steps, func(s Step) bool { return s.ID == id }); i >= 0 {
		return i
	}
	return l.reached(threshold)
}
