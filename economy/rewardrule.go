package economy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// ApplicationMode says when a rule that matches pays.
type ApplicationMode string

// The modes: whenever it matches; only if no rule of mode ALWAYS matches; never.
const (
	Always   ApplicationMode = "ALWAYS"
	Fallback ApplicationMode = "FALLBACK"
	Disabled ApplicationMode = "DISABLED"
)

// RewardRules is the kind of [RewardRule].
var RewardRules = content.NewKind[RewardRule]("RewardRule")

// A RewardRule pays users for what they do. It pays the event's user: who did the activity, has the streak
// or completed the mission. A mission of type GROUP is completed, once, by the user whose event made it
// reach its target in the order in which things happened, and that user is paid. That a streak breaks is
// paid only by a rule whose condition reads the status, that a user falls from a level only by one that reads the direction, and that a user did something
// for the first time, or has an anniversary, only by one that matches users and reads the change ([tenancy.Users]).
//
// An event is paid by every ALWAYS rule whose matcher and condition it meets; if there is none, by every
// FALLBACK rule that it meets. A rule that has paid the user as often as MaxPerUser allows meets nothing
// until the next period; one whose reward has a [Cap] that leaves nothing is met nevertheless. Which events of a period are the first is decided by when they happened, whenever they
// arrive, and so is which reward finds an account full. A rule pays for what is recorded while it is in force, and
// never for what was recorded before.
type RewardRule struct {
	content.Header
	content.Descriptions
	Name          string          `json:"name"`
	RuleType      event.MatchType `json:"ruleType"`
	MatchEntity   string          `json:"matchEntity"`
	MatchEntityID string          `json:"matchEntityId,omitempty"`
	// MatchCondition picks among the matching events; it may read event and user; package
	// rule lists their fields.
	MatchCondition  json.RawMessage `json:"matchCondition,omitempty"`
	ApplicationMode ApplicationMode `json:"applicationMode"`
	// Counts are what the rule's expressions may read of how often its events happened lately, at most [MaxCounts].
	Counts []Count `json:"counts,omitempty"`
	// Rewards are paid in their order, 1 to 10 of them.
	Rewards []Reward `json:"rewards"`
	// MaxPerUser is how often the rule pays one user; 0 means without limit.
	MaxPerUser int `json:"maxPerUser,omitempty"`
	// Per makes MaxPerUser one for each DAY, WEEK, MONTH or YEAR of the user's calendar; empty means for ever.
	Per timeframe.Calendar `json:"per,omitempty"`
	// Budget is how often the rule pays all users together; nil means without limit. Once it is used up, the rule meets nothing until the next period.
	Budget *Budget `json:"budget,omitempty"`
}

// A RewardType says what a reward is.
type RewardType string

// The types: an amount of a currency, which a reward without a type is; a badge, once; a tag that the user carries since, or carries no longer; and a
// step of a ladder, for who stands below it.
const (
	CurrencyReward RewardType = "VIRTUAL_CURRENCY"
	BadgeReward    RewardType = "BADGE"
	TagReward      RewardType = "TAG"
	StepReward     RewardType = "STEP"
)

// A Reward is what a rule gives. Of each type it has its own fields, and those of the others are absent.
type Reward struct {
	// Type is VIRTUAL_CURRENCY unless said.
	Type RewardType `json:"rewardType,omitempty"`
	// CurrencyID is the currency of which it gives an amount.
	CurrencyID string `json:"virtualCurrencyId,omitempty"`
	// RedemptionMode says whether the user has the amount at once or must redeem it.
	RedemptionMode RedemptionMode `json:"redemptionMode,omitempty"`
	// Expression gives the amount; null means 1, and a result of 0 pays nothing. It may read what the
	// rule's MatchCondition may.
	Expression json.RawMessage `json:"expression,omitempty"`
	// ReviewCondition lets what is paid be held for review where it holds: it waits for somebody to release it ([Service.Release]) or to void it, and
	// counts for caps and bounds meanwhile. Nothing is held if it is null. It may read what the rule's MatchCondition may.
	ReviewCondition json.RawMessage `json:"reviewCondition,omitempty"`
	// BadgeID is the configuration of the badge that it awards: an event of type Badge, which the rule's MaxPerUser bounds as it does amounts.
	BadgeID string `json:"badgeConfigurationId,omitempty"`
	// TagID is the tag that it gives the user, on top of those that are assigned, or takes from the user, whoever gave it, as TagAction says; empty means ADD.
	// What was said of a tag last counts, be it by a rule or by who assigns it. A tag that is a perk of the user's level is not taken.
	TagID     string    `json:"tagId,omitempty"`
	TagAction TagAction `json:"tagAction,omitempty"`
	// TagMinutes is for how long: 1 to [MaxTagMinutes] minutes. If it is not said, it is for good.
	TagMinutes *int `json:"tagMinutes,omitempty"`
	// LadderID and StepID are the step on which the user stands since, if that is higher. From then on, the ladder's demotion is that of who has come there
	// by what is measured. Of a ladder whose demotion is AT_ONCE, no step can be given: the user would fall from it with the next event.
	LadderID string `json:"ladderId,omitempty"`
	StepID   string `json:"stepId,omitempty"`
	Cap
	// Life says when what it pays lapses, instead of what the currency says; that has to have a life, NEVER at least.
	Life *Life `json:"life,omitempty"`
}

// MaxRewards is how many rewards a rule may have.
const MaxRewards = 10

// entities are the events that are paid for. Transactions are not among them, whatever tags their
// currency carries: a payment for a payment would have no end. For the same reason, a badge is not paid for with a badge. That a user has changed
// is paid for by rules that name users, and not by those that name a tag which the user carries.
var entities = []string{
	string(event.Mission), string(event.Activity), string(event.Quiz), string(event.LearningPath), string(event.LearningGroup),
	string(event.Slide), string(event.MobilityTracking), string(event.MobilityMilestone), string(event.Streak), string(event.Badge), string(event.Level),
	string(event.User),
}

var matchFields = event.Fields{Type: "ruleType", Entity: "matchEntity", EntityID: "matchEntityId"}

// Matcher returns which events the rule is about.
func (r *RewardRule) Matcher() event.Matcher {
	return event.Matcher{Type: r.RuleType, Entity: r.MatchEntity, EntityID: r.MatchEntityID}
}

// Pays tells whether the rule pays in a currency, "" for any, for events of a type. One that matches a tag is not known to.
func (r *RewardRule) Pays(currencyID string, of event.Type) bool {
	return r.ApplicationMode != Disabled && r.MatchEntity == string(of) && slices.ContainsFunc(r.Rewards, func(w Reward) bool {
		return currencyID == "" || w.CurrencyID == currencyID
	})
}

// Validate returns every fault of the rule's fields, joined.
func (r *RewardRule) Validate() error {
	_, err := compileRule(r)
	return errors.Join(text.Required("name", r.Name), r.Matcher().Check(matchFields, entities...), r.checkMode(), r.checkLimit(), r.Budget.checkTimes(), r.checkBudgets(), r.checkCounts(), r.checkRewards(), err)
}

func (r *RewardRule) checkMode() error {
	switch r.ApplicationMode {
	case Always, Fallback, Disabled:
		return nil
	}
	return fault.Invalid("applicationMode", "%q is none of ALWAYS, FALLBACK, DISABLED", r.ApplicationMode)
}

func (r *RewardRule) checkLimit() error {
	switch {
	case r.MaxPerUser < 0:
		return fault.Invalid("maxPerUser", "is %d; it must be more than 0", r.MaxPerUser)
	case r.Per == "":
		return nil
	case !r.Per.Valid():
		return fault.Invalid("per", "%q is none of DAY, WEEK, MONTH, YEAR", r.Per)
	case r.MaxPerUser == 0:
		return fault.Invalid("per", "needs maxPerUser")
	}
	return nil
}

func (r *RewardRule) checkRewards() error {
	if n := len(r.Rewards); n < 1 || n > MaxRewards {
		return fault.Invalid("rewards", "are %d; a rule has 1 to %d", n, MaxRewards)
	}
	var faults []error
	for i := range r.Rewards {
		w := &r.Rewards[i]
		faults = append(faults, fault.In(rewardField(i), errors.Join(w.validate(), w.checkCap(), w.endless(r.MatchEntity))))
	}
	return errors.Join(faults...)
}

func rewardField(i int) string { return fmt.Sprintf("rewards[%d]", i) }

// Expressions returns the condition, the amounts of the rewards, and the conditions of those that may be held for review.
func (r *RewardRule) Expressions() []content.Expression {
	on := r.Matcher()
	sees := r.sees()
	all := []content.Expression{{Field: "matchCondition", Source: r.MatchCondition, Use: rule.Condition, Sees: sees, On: on}}
	for i, w := range r.Rewards {
		all = append(all, content.Expression{Field: rewardField(i) + ".expression", Source: w.Expression, Use: rule.Amount, Sees: sees, On: on})
	}
	for i, w := range r.Rewards {
		all = append(all, content.Expression{Field: rewardField(i) + "." + fieldReview, Source: w.ReviewCondition, Use: rule.Condition, Sees: sees, On: on})
	}
	return all
}

// References returns what the rule gives, and what the events are about.
func (r *RewardRule) References() []content.Reference {
	refs := content.Matched("matchEntityId", r.Matcher())
	for i, w := range r.Rewards {
		ref := w.reference()
		ref.Field = rewardField(i) + "." + ref.Field
		refs = append(refs, ref)
	}
	return refs
}

// Fits refuses rewards that what they name does not allow: a life of their own, or a step.
func (r *RewardRule) Fits(find func(kind, id string) (content.Document, error)) error {
	var faults []error
	for i := range r.Rewards {
		w := &r.Rewards[i]
		faults = append(faults, fault.In(rewardField(i), errors.Join(w.fitsCurrency(find), w.fitsLadder(find))))
	}
	return errors.Join(faults...)
}

// payer is a compiled rule.
type payer struct {
	*RewardRule
	condition mechanic.Condition
	amounts   []mechanic.Amount    // of the rewards
	reviews   []mechanic.Condition // of the rewards, not given where nothing is held
}

func compileRule(r *RewardRule) (*payer, error) {
	c := &payer{RewardRule: r}
	x := r.Expressions()
	condition, err := mechanic.CompileCondition(c.source(), x[0].Field, x[0].Source, x[0].Sees)
	c.condition = condition
	faults := []error{err}
	n := 1 + len(r.Rewards)
	for _, w := range x[1:n] {
		a, err := mechanic.CompileAmount(c.source(), w.Field, w.Source, w.Sees)
		c.amounts, faults = append(c.amounts, a), append(faults, err)
	}
	for _, w := range x[n:] {
		held, err := mechanic.CompileCondition(c.source(), w.Field, w.Source, w.Sees)
		c.reviews, faults = append(c.reviews, held), append(faults, err)
	}
	return c, errors.Join(faults...)
}

// meets tells whether the rule may pay for an occasion that its matcher picks.
func (c *payer) meets(o *mechanic.Occasion) bool {
	t := o.Event.Type
	if o.Ends() && !c.condition.ReadsEnd(t) || t == event.User && c.MatchEntity != string(t) {
		return false
	}
	return !slices.ContainsFunc(c.Rewards, func(w Reward) bool { return w.endless(string(t)) != nil })
}

// source names the rule in problems.
func (c *payer) source() string { return RewardRules.Name() + "/" + c.ID }

// reacts tells whether any rule may pay for events of a type.
func reacts(t event.Type) bool { return slices.Contains(entities, string(t)) }
