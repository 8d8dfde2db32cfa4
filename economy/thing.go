package economy

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Things are the rewards that are no money. The economy decides that a rule gives one, and causes the event that says so; who keeps badges, tags and
// levels reacts to it.

// TagAction says what a reward of type TAG does.
type TagAction string

// The actions: the user carries the tag since, or does not.
const (
	AddTag    TagAction = "ADD"
	RemoveTag TagAction = "REMOVE"
)

// MaxTagMinutes is for how long a tag may be given or taken: ten years.
const MaxTagMinutes = 10 * 366 * 24 * 60

// The fields of rewards that are no money.
const (
	fieldBadge  = "badgeConfigurationId"
	fieldTagID  = "tagId"
	fieldAction = "tagAction"
	fieldTime   = "tagMinutes"
	fieldLadder = "ladderId"
	fieldStep   = "stepId"
)

// The kinds of what such rewards name, where a room keeps them that this one does not know.
const (
	tagKind    = event.Tag
	ladderKind = "Ladder"
)

// money tells whether the reward is an amount of a currency.
func (w *Reward) money() bool { return w.Type == "" || w.Type == CurrencyReward }

// given are the fields of the reward that are there, with the type that has them.
func (w *Reward) given() (fields []string, of []RewardType) {
	for _, f := range []struct {
		name  string
		of    RewardType
		there bool
	}{
		{"virtualCurrencyId", CurrencyReward, w.CurrencyID != ""},
		{"redemptionMode", CurrencyReward, w.RedemptionMode != ""},
		{"expression", CurrencyReward, !mechanic.Absent(w.Expression)},
		{fieldCap, CurrencyReward, w.MaxAmountPerUser != nil},
		{fieldBudget, CurrencyReward, w.Budget != nil},
		{fieldExceeded, CurrencyReward, w.WhenExceeded != ""},
		{fieldLife, CurrencyReward, w.Life != nil},
		{fieldReview, CurrencyReward, !mechanic.Absent(w.ReviewCondition)},
		{fieldBadge, BadgeReward, w.BadgeID != ""},
		{fieldTagID, TagReward, w.TagID != ""},
		{fieldAction, TagReward, w.TagAction != ""},
		{fieldTime, TagReward, w.TagMinutes != nil},
		{fieldLadder, StepReward, w.LadderID != ""},
		{fieldStep, StepReward, w.StepID != ""},
	} {
		if f.there {
			fields, of = append(fields, f.name), append(of, f.of)
		}
	}
	return fields, of
}

func (w *Reward) validate() error {
	var faulty error
	is := cmp.Or(w.Type, CurrencyReward)
	switch is {
	case CurrencyReward:
		faulty = errors.Join(ident.Check("virtualCurrencyId", w.CurrencyID), w.RedemptionMode.check(), w.Life.check())
	case BadgeReward:
		faulty = ident.Check(fieldBadge, w.BadgeID)
	case TagReward:
		faulty = errors.Join(ident.Check(fieldTagID, w.TagID), w.checkTag())
	case StepReward:
		faulty = errors.Join(ident.Check(fieldLadder, w.LadderID), ident.Check(fieldStep, w.StepID))
	default:
		return fault.Invalid("rewardType", "%.80q is none of VIRTUAL_CURRENCY, BADGE, TAG, STEP", w.Type)
	}
	fields, of := w.given()
	for i, name := range fields {
		if of[i] != is {
			faulty = errors.Join(faulty, fault.Invalid(name, "is for another rewardType than %s", is))
		}
	}
	return faulty
}

func (w *Reward) checkTag() error {
	var action, minutes error
	switch w.TagAction {
	case "", AddTag, RemoveTag:
	default:
		action = fault.Invalid(fieldAction, "%.80q is none of ADD, REMOVE", w.TagAction)
	}
	if m := w.TagMinutes; m != nil && (*m < 1 || *m > MaxTagMinutes) {
		minutes = fault.Invalid(fieldTime, "is %d; it must be 1 to %d", *m, MaxTagMinutes)
	}
	return errors.Join(action, minutes)
}

// endless refuses a reward that could be for what it leads to.
func (w *Reward) endless(of string) error {
	switch {
	case w.Type == BadgeReward && of == string(event.Badge):
		return fault.Invalid("rewardType", "is BADGE: a badge for a badge would have no end; let a mission count the badges")
	case w.Type == TagReward && of == string(event.User):
		return fault.Invalid("rewardType", "is TAG: a tag for a change of tags would have no end")
	case w.Type == StepReward && of == string(event.Level):
		return fault.Invalid("rewardType", "is STEP: a step for a step would have no end")
	}
	return nil
}

// reference returns the document that the reward gives.
func (w *Reward) reference() content.Reference {
	switch w.Type {
	case BadgeReward:
		return content.Reference{Field: fieldBadge, Kind: event.Badge.Kind(), ID: w.BadgeID}
	case TagReward:
		return content.Reference{Field: fieldTagID, Kind: tagKind, ID: w.TagID}
	case StepReward:
		return content.Reference{Field: fieldLadder, Kind: ladderKind, ID: w.LadderID}
	case CurrencyReward:
	}
	return content.Reference{Field: "virtualCurrencyId", Kind: Currencies.Name(), ID: w.CurrencyID}
}

// fitsLadder refuses a step that no reward can bring a user to.
func (w *Reward) fitsLadder(find func(kind, id string) (content.Document, error)) error {
	if w.Type != StepReward {
		return nil
	}
	doc, err := find(ladderKind, w.LadderID)
	if err != nil {
		return err
	}
	if l, is := doc.(interface{ Grants(stepID string) error }); is {
		return l.Grants(w.StepID)
	}
	return nil
}

// out says that what a reward gives is not published, "" if it is.
func (p *program) out(w *Reward) (field, reason string) {
	ref := w.reference()
	if w.money() && p.published(w.CurrencyID) || !w.money() && p.docs.Document(ref.Kind, ref.ID) != nil {
		return "", ""
	}
	return ref.Field, "the " + w.noun() + " " + strconv.Quote(ref.ID) + " is not published"
}

func (w *Reward) noun() string {
	switch w.Type {
	case BadgeReward:
		return "badge"
	case TagReward:
		return "tag"
	case StepReward:
		return "ladder"
	case CurrencyReward:
	}
	return "currency"
}

// says says what a reward is that is no money.
func (w *Reward) says() string {
	switch {
	case w.Type == TagReward && w.TagAction == RemoveTag:
		return "it takes the tag " + w.TagID
	case w.Type == StepReward:
		return "it is the step " + w.StepID + " of the ladder " + w.LadderID
	}
	return "it is the " + w.noun() + " " + w.reference().ID
}

// thing returns what a reward has that is no money.
func thing(o *mechanic.Occasion, r *payer, i int) Transaction {
	return Transaction{ID: rewardID(o.Event.ID, r.ID, i), UserID: o.User.ID, At: o.Event.At, State: Completed, Initiator: initiatorPrefix + r.ID, RuleVersion: r.Version}
}

// The fields of the event of a thing that say which rule gave it.
const (
	fieldRule    = "rewardRuleId"
	fieldVersion = "ruleVersion"
)

// event returns the event that the thing is given.
func (r *reward) event(o *mechanic.Occasion) event.Event {
	w := r.of()
	e := event.Event{ID: r.ID, UserID: r.UserID, At: r.At, Value: new(decimal.NewFromInt(1)), Fields: map[string]any{}}
	switch w.Type {
	case TagReward:
		e = mechanic.TagOrder{TagWord: tenancy.TagWord{By: r.rule.source(), At: r.At, TagID: w.TagID, Taken: w.TagAction == RemoveTag}}.Event(r.ID, o.User)
	case StepReward:
		e.Type, e.EntityID, e.Fields[mechanic.Counts], e.Fields[mechanic.Granted] = event.Level, w.LadderID, false, w.StepID
	case BadgeReward:
		e.Type, e.EntityID = event.Badge, w.BadgeID
	case CurrencyReward:
	}
	e.Fields[fieldRule], e.Fields[fieldVersion] = r.rule.ID, amount.JSON(decimal.NewFromInt(int64(r.RuleVersion)))
	e.Fields["sourceEntityType"], e.Fields["sourceEntityId"] = string(o.Event.Type), o.Event.EntityID
	return e
}

// tagEnd is when what a rule has said of a tag for a time is over.
type tagEnd struct {
	UserID string    `json:"userId"`
	TagID  string    `json:"tagId"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

var tagEnds = store.Define("tag_ends", (*tagEnd).key,
	[]store.Field[tagEnd]{{Name: "at", Kind: store.KindInt, Of: func(e *tagEnd) store.Value { return store.Time(e.At) }}},
	store.Index{Name: "due", Columns: []string{"at"}},
)

func tagEndKey(userID, tagID string) string { return userID + "/" + tagID }

// give causes the event that the thing is given, and notes when that is over.
func (r *reward) give(ctx context.Context, tx *session.Tx, p *program, o *mechanic.Occasion) error {
	tx.Cause(r.event(o))
	w := r.of()
	if w.Type != TagReward || !p.timed {
		return nil
	}
	e := tagEnd{UserID: o.User.ID, TagID: w.TagID, At: r.At, By: r.rule.source()}
	if w.TagMinutes != nil {
		e.At = e.At.Add(time.Duration(*w.TagMinutes) * time.Minute)
		return tagEnds.Put(ctx, tx, e)
	}
	_, known, err := tagEnds.Get(ctx, tx, e.key()) // it is for good since
	if err == nil && known {
		err = tagEnds.Delete(ctx, tx, e.key())
	}
	return err
}

func (e *tagEnd) key() string { return tagEndKey(e.UserID, e.TagID) }

// tickedTag is the kind of an event of the clock that is about what was said of a tag for a time.
const tickedTag = event.Tag

// endTag ends what was said of a tag.
func endTag(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) error {
	e, found, err := tagEnds.Get(ctx, tx, tagEndKey(o.User.ID, o.Event.EntityID))
	if err != nil || !found {
		return err
	}
	order := mechanic.TagOrder{TagWord: tenancy.TagWord{By: e.By, At: o.Event.At, TagID: e.TagID, Over: true}}
	tx.Cause(order.Event(strings.Join([]string{e.UserID, "tag", e.TagID, "over", mechanic.Stamp(e.At)}, ":"), o.User))
	return tagEnds.Delete(ctx, tx, e.key())
}

// nextTagEnd returns when the first of what was said of a user's tags is over, and of which tag; zero for never.
func (p *program) nextTagEnd(ctx context.Context, tx *session.Tx, userID string) (at time.Time, tagID string, err error) {
	if !p.timed {
		return time.Time{}, "", nil
	}
	rows, err := tagEnds.List(ctx, tx, store.Prefix(tagEndKey(userID, "")))
	for i := range rows {
		if e := &rows[i]; at.IsZero() || e.At.Before(at) {
			at, tagID = e.At, e.TagID
		}
	}
	return at, tagID, err
}

// timed tells whether any of all versions of rules that were ever published gives a tag for a time.
func timed(ever []*RewardRule) bool {
	return slices.ContainsFunc(ever, func(r *RewardRule) bool {
		return slices.ContainsFunc(r.Rewards, func(w Reward) bool { return w.TagMinutes != nil })
	})
}

// named lets a change name the thing of a reward.
func (w *Reward) named(c *Change) {
	c.BadgeID, c.TagID, c.LadderID, c.StepID = w.BadgeID, w.TagID, w.LadderID, w.StepID
}

// amendThings adds to changes the things that no rule gives any more.
func amendThings(a mechanic.Amendment, changes []Change) []Change {
	for _, o := range a.Lost() {
		e := o.Event
		ruleID, given := e.Fields[fieldRule].(string)
		if !given {
			continue
		}
		version, _ := e.Fields[fieldVersion].(float64)
		c := Change{RewardRuleID: ruleID, RuleVersion: int(version), UserID: e.UserID, State: Completed, Undone: true, At: e.At}
		switch step, _ := e.Fields[mechanic.Granted].(string); e.Type {
		case event.Badge:
			c.BadgeID = e.EntityID
		case event.User:
			order, _ := mechanic.TagOrderOf(e)
			c.TagID = order.TagID
		case event.Level:
			c.LadderID, c.StepID = e.EntityID, step
		default: // a transaction tells of itself
			continue
		}
		changes = append(changes, c)
	}
	return changes
}
