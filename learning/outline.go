package learning

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/tenancy"
)

// The bounds of paths and groups.
const (
	// MaxItems is how many items one may have.
	MaxItems = 100
	// MaxNesting is how many groups may be one inside the other.
	MaxNesting = 5
	// MaxOutline is how many different items there may be below one.
	MaxOutline = 1000
)

// An Outline is what paths and groups have in common: what they hold, and when that is begun, done and
// successful. The expressions may read items, a list of {itemId, itemType, progress, outcome}, and user.
// Kinds embed it.
type Outline struct {
	// Items are in the order in which clients show them. A learner need not do what is not meant for the
	// learner's language.
	Items []Item `json:"items,omitempty"`
	// CompletionRule says when all is done; null means when every item is COMPLETE.
	CompletionRule json.RawMessage `json:"completionRule,omitempty"`
	// OutcomeRule gives SUCCESS or FAIL, or true or false, once all is done; null means FAIL if an item
	// has failed.
	OutcomeRule json.RawMessage `json:"outcomeRule,omitempty"`
	// StartRule says when it is begun; null means when an item is.
	StartRule json.RawMessage `json:"startRule,omitempty"`
}

// Title is what a path or a group is called in one language.
type Title struct {
	Lang        string `json:"lang"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	// Image is an absolute URI.
	Image string `json:"image,omitempty"`
}

// Language returns the language.
func (t Title) Language() string { return t.Lang }

// Validate refuses an empty title, and a field at fault.
func (t Title) Validate() error { return checkTitle(t.Title, t.Image) }

func checkTitle(title, image string) error {
	return errors.Join(text.Required("title", title), text.Optional(text.URI, "image", image))
}

// checkMinutes refuses a duration that is no amount, or negative.
func checkMinutes(d *decimal.Decimal) error {
	if d == nil {
		return nil
	}
	return amount.CheckNotNegative("estimatedDuration", *d)
}

// checkItems returns every fault of the items; self is the document that holds them.
func (o *Outline) checkItems(self itemKey) error {
	if n := len(o.Items); n > MaxItems {
		return fault.Invalid("items", "are %d, at most %d are allowed", n, MaxItems)
	}
	var faults []error
	for i := range o.Items {
		item := &o.Items[i]
		err := item.check()
		switch {
		case item.key() == self:
			err = errors.Join(err, fault.Invalid("itemId", "is the document itself"))
		case slices.ContainsFunc(o.Items[:i], func(other Item) bool { return other.key() == item.key() }):
			err = errors.Join(err, fault.Invalid("itemId", "%s occurs twice", item.key()))
		}
		faults = append(faults, fault.In(itemField(i), err))
	}
	return errors.Join(faults...)
}

func itemField(i int) string { return fmt.Sprintf("items[%d]", i) }

func (i *Item) check() error {
	faults := []error{ident.Check("itemId", i.ItemID)}
	if !slices.Contains(itemTypes, i.ItemType) {
		faults = append(faults, fault.Invalid("itemType", "%q is none of %v", i.ItemType, itemTypes))
	}
	for j, lang := range i.Languages {
		if !tenancy.ValidLang(lang) {
			faults = append(faults, fault.Invalid(fmt.Sprintf("languages[%d]", j), "%q is not a supported language", lang))
		}
	}
	return errors.Join(faults...)
}

// references names the items.
func (o *Outline) references() []content.Reference {
	refs := make([]content.Reference, len(o.Items))
	for i, item := range o.Items {
		refs[i] = content.Reference{Field: itemField(i) + ".itemId", Kind: item.ItemType.kind(), ID: item.ItemID}
	}
	return refs
}

// fits refuses an outline that holds the document that it belongs to, or too much.
func (o *Outline) fits(self itemKey, find func(kind, id string) (content.Document, error)) error {
	s := survey{find: find, self: self, known: map[itemKey]int{}}
	if _, err := s.depth(o, nil); err != nil {
		return err
	}
	if n := len(s.known); n > MaxOutline {
		return fault.Invalid("items", "and those below them are %d, at most %d are allowed", n, MaxOutline)
	}
	return nil
}

// A survey walks through all that is below a document.
type survey struct {
	find  func(kind, id string) (content.Document, error)
	self  itemKey
	known map[itemKey]int // with how many groups are one inside the other below it
}

// depth returns how many groups are one inside the other in an outline; via are those that lead to it.
func (s *survey) depth(o *Outline, via []string) (deepest int, err error) {
	for i, item := range o.Items {
		key := item.key()
		below, seen := s.known[key]
		if !seen {
			below, err = s.below(key, via)
			if err != nil && len(via) == 0 {
				err = fault.In(itemField(i)+".itemId", err)
			}
			if err != nil {
				return 0, err
			}
			s.known[key] = below
		}
		deepest = max(deepest, below)
	}
	if deepest > MaxNesting {
		return 0, fault.Invalid("", "has groups inside one another %d deep, at most %d are allowed", deepest, MaxNesting)
	}
	return deepest, nil
}

func (s *survey) below(key itemKey, via []string) (int, error) {
	if key.Type != ItemGroup {
		return 0, nil
	}
	via = append(slices.Clip(via), key.ID)
	if key == s.self {
		return 0, fault.Invalid("", "leads back to the document itself: %s", strings.Join(via, " holds "))
	}
	if len(via) > MaxOutline {
		return 0, fault.Invalid("", "leads through more than %d groups", MaxOutline)
	}
	doc, err := s.find(Groups.Name(), key.ID)
	if err != nil {
		return 0, err
	}
	g, ok := doc.(*Group)
	if !ok { // it is not published: that is refused elsewhere
		return 1, nil
	}
	deepest, err := s.depth(&g.Outline, via)
	return deepest + 1, err
}

// Expressions returns the rules of the outline.
func (o *Outline) Expressions() []content.Expression {
	return []content.Expression{
		{Field: "startRule", Source: o.StartRule, Use: rule.Condition, Sees: outlineContext},
		{Field: "completionRule", Source: o.CompletionRule, Use: rule.Condition, Sees: outlineContext},
		{Field: "outcomeRule", Source: o.OutcomeRule, Use: rule.Value, Sees: outlineContext},
	}
}

// outlineContext is what the rules of an outline may read.
var outlineContext = mechanic.UserContext("items")

// judgement is the compiled rules of an outline.
type judgement struct {
	start, completion mechanic.Condition
	outcome           mechanic.Choice
}

// compile compiles the rules of the outline of a document.
func (o *Outline) compile(source string) (judgement, error) {
	var j judgement
	x := o.Expressions()
	var faults [3]error
	j.start, faults[0] = mechanic.CompileCondition(source, x[0].Field, x[0].Source, x[0].Sees)
	j.completion, faults[1] = mechanic.CompileCondition(source, x[1].Field, x[1].Source, x[1].Sees)
	j.outcome, faults[2] = mechanic.CompileChoice(source, x[2].Field, x[2].Source, x[2].Sees, string(event.Success), string(event.Fail))
	return j, errors.Join(faults[:]...)
}
