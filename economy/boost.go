package economy

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
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
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Boosts is the kind of [Boost].
var Boosts = content.NewKind[Boost]("Boost")

// A Stacking says what a boost multiplies where several apply.
type Stacking string

// What a boost multiplies. ADD multiplies what the rule pays without any boost, so that two that double pay three times as much. MULTIPLY multiplies what there
// is after those that are ADD, so that two that double pay four times as much. Of those that are GREATEST, the one with the greatest factor
// multiplies what there is after all others.
const (
	StackAdd      Stacking = "ADD"
	StackMultiply Stacking = "MULTIPLY"
	StackGreatest Stacking = "GREATEST"
)

// MaxFactor is the most that a boost multiplies by.
const MaxFactor = 1000

// A Boost lets reward rules pay more: for a time, to users who match, for some rules or all. It is in force when what is paid for is recorded, as rules
// are, and its time is asked of the moment at which that happened. What a rule pays with all boosts counts for caps, budgets and bounds. Things are not boosted.
type Boost struct {
	content.Header
	content.Labels
	Name string `json:"name"`
	// RewardRules are the rules that pay more.
	RewardRules content.Pool `json:"rewardRulesPool"`
	// CurrencyID is the currency of which they pay more; empty means any.
	CurrencyID string `json:"virtualCurrencyId,omitempty"`
	// MatchCondition says for whom and for what; null means for all. It may read event and user.
	MatchCondition json.RawMessage `json:"matchCondition,omitempty"`
	// Timeframe says when; nil means always.
	Timeframe *timeframe.Timeframe `json:"timeframe,omitempty"`
	// Factor is what it multiplies by: more than 1, at most [MaxFactor]. What comes out is cut to a millionth.
	Factor decimal.Decimal `json:"factor"`
	// Stacking says what it multiplies.
	Stacking Stacking `json:"stacking"`
}

// A RunningBoost is a boost of which the time has come for a user, and is not over.
type RunningBoost struct {
	BoostID      string `json:"boostId"`
	BoostVersion int    `json:"boostVersion"`
	// RewardRules, CurrencyID, Factor and Stacking are those of the boost.
	RewardRules content.Pool    `json:"rewardRulesPool"`
	CurrencyID  string          `json:"virtualCurrencyId,omitempty"`
	Factor      decimal.Decimal `json:"factor"`
	Stacking    Stacking        `json:"stacking"`
	// Conditional says that its condition asks for more than the user: not all that the user does is boosted.
	Conditional bool `json:"conditional"`
	// EndsAt is when its time is over; zero means never.
	EndsAt time.Time `json:"endsAt,omitzero"`
}

// RunningBoosts returns the boosts that are on for a user now, in the order in which they were made. Those whose condition reads nothing but the user are left out where it does not
// hold; of the others, only what the user does can tell. It returns [fault.ErrNotFound] for an unknown user.
func (s Service) RunningBoosts(ctx context.Context, userID string) ([]RunningBoost, error) {
	return session.Read(ctx, s.run, func(tx *session.Tx) ([]RunningBoost, error) {
		u, p, err := s.reading(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		var on []RunningBoost
		for _, b := range p.boosters {
			endsAt, is, err := b.within(tx, u, tx.Now)
			if err != nil {
				return nil, err
			}
			ofUser := b.condition.ReadsOnly("user")
			if !is || ofUser && !b.condition.Holds(tx, mechanic.Values{"user": u.Vars()}) {
				continue
			}
			on = append(on, RunningBoost{
				BoostID: b.ID, BoostVersion: b.Version, RewardRules: b.RewardRules, CurrencyID: b.CurrencyID, Factor: b.Factor, Stacking: b.Stacking,
				Conditional: !ofUser, EndsAt: endsAt,
			})
		}
		return on, nil
	})
}

// A Boosted is what a boost has added to what a rule pays.
type Boosted struct {
	BoostID      string          `json:"boostId"`
	BoostVersion int             `json:"boostVersion"`
	Amount       decimal.Decimal `json:"amount"` // more than 0
}

// Validate returns every fault of the boost's fields, joined.
func (b *Boost) Validate() error {
	_, err := compileBoost(b)
	faults := []error{b.ValidateTexts(), text.Required("name", b.Name), b.checkRules(), b.checkFactor(), b.checkStacking(), err}
	if b.CurrencyID != "" {
		faults = append(faults, ident.Check("virtualCurrencyId", b.CurrencyID))
	}
	if b.Timeframe != nil {
		faults = append(faults, fault.In(fieldFrame, b.Timeframe.Validate()))
	}
	return errors.Join(faults...)
}

func (b *Boost) checkRules() error {
	if len(b.RewardRules) == 0 {
		return fault.Invalid("rewardRulesPool", `is none; name the rules that pay more, or say "ALL"`)
	}
	return nil
}

func (b *Boost) checkFactor() error {
	err := amount.Check("factor", b.Factor)
	if err == nil && (!b.Factor.GreaterThan(decimal.NewFromInt(1)) || b.Factor.GreaterThan(decimal.NewFromInt(MaxFactor))) {
		err = fault.Invalid("factor", "is %s; it must be more than 1, and at most %d", amount.Show(b.Factor), MaxFactor)
	}
	return err
}

func (b *Boost) checkStacking() error {
	switch b.Stacking {
	case StackAdd, StackMultiply, StackGreatest:
		return nil
	}
	return fault.Invalid("stacking", "%.80q is none of ADD, MULTIPLY, GREATEST", b.Stacking)
}

// Expressions returns the condition.
func (b *Boost) Expressions() []content.Expression {
	whatever := event.Matcher{Type: event.MatchTag}
	return []content.Expression{{Field: "matchCondition", Source: b.MatchCondition, Use: rule.Condition, Sees: mechanic.EventContext(whatever), On: whatever}}
}

// References returns the rules and the currency.
func (b *Boost) References() []content.Reference {
	refs := b.RewardRules.References("rewardRulesPool", RewardRules.Name())
	if b.CurrencyID != "" {
		refs = append(refs, content.Reference{Field: "virtualCurrencyId", Kind: Currencies.Name(), ID: b.CurrencyID})
	}
	return refs
}

// Fits refuses rules that pay nothing of what is boosted.
func (b *Boost) Fits(find func(kind, id string) (content.Document, error)) error {
	if b.RewardRules.IsAll() {
		return nil
	}
	var faults []error
	for i, id := range b.RewardRules {
		doc, err := find(RewardRules.Name(), id)
		if err != nil {
			return err
		}
		if r, is := doc.(*RewardRule); is && !slices.ContainsFunc(r.Rewards, b.raises) {
			what := "amounts"
			if b.CurrencyID != "" {
				what = b.CurrencyID
			}
			faults = append(faults, fault.Invalid(b.RewardRules.Entry("rewardRulesPool", i), "names RewardRule %q, which pays no %s", id, what))
		}
	}
	return errors.Join(faults...)
}

// raises tells whether the boost is about rewards such as one.
func (b *Boost) raises(w Reward) bool {
	return w.money() && (b.CurrencyID == "" || b.CurrencyID == w.CurrencyID)
}

// Warnings warns of a time that is over.
func (b *Boost) Warnings(_ context.Context, in content.View) ([]content.Warning, error) {
	if b.Timeframe == nil || b.Timeframe.EndsAt == nil || b.Timeframe.EndsAt.After(in.Now()) {
		return nil, nil
	}
	return []content.Warning{{Field: fieldFrame + ".timeframeEndsAt", Reason: "is over, so nothing is boosted any more"}}, nil
}

// booster is a compiled boost.
type booster struct {
	*Boost
	condition mechanic.Condition
}

func compileBoost(b *Boost) (*booster, error) {
	x := b.Expressions()[0]
	condition, err := mechanic.CompileCondition(b.source(), x.Field, x.Source, x.Sees)
	return &booster{b, condition}, err
}

// source names the boost in problems.
func (b *Boost) source() string { return Boosts.Name() + "/" + b.ID }

// within tells whether a moment is one of the boost's for a user, and when its time is over then, zero for never.
func (b *booster) within(tx *session.Tx, u *tenancy.User, at time.Time) (endsAt time.Time, is bool, err error) {
	if b.Timeframe == nil {
		return time.Time{}, true, nil
	}
	p, is, err := mechanic.Trigger{Timeframe: *b.Timeframe}.PeriodAt(tx, u, at)
	return p.EndsAt, is, err
}

// boosts returns the boosts that are on for an occasion, for whatever rule.
func (p *program) boosts(tx *session.Tx, o *mechanic.Occasion) (on []*booster, err error) {
	for _, b := range p.boosters {
		_, is, err := b.within(tx, o.User, o.Event.At)
		if err != nil {
			return nil, err
		}
		if is && b.condition.Holds(tx, o) {
			on = append(on, b)
		}
	}
	return on, nil
}

// boosted returns what a reward of a rule comes to with the boosts that are on, and what each of them has added.
func boosted(tx *session.Tx, on []*booster, r *payer, w *Reward, base decimal.Decimal) (total decimal.Decimal, added []Boosted) {
	var mine []*booster
	for _, b := range on {
		if b.RewardRules.Has(r.ID) && b.raises(*w) {
			mine = append(mine, b)
		}
	}
	total = base
	raise := func(b *booster, to decimal.Decimal) {
		to = to.Truncate(amount.Places)
		if err := amount.Check("factor", to); err != nil {
			tx.Report(b.source(), "factor", "what comes out is no amount: "+err.Error())
			return
		}
		if n := to.Sub(total); n.IsPositive() {
			total, added = to, append(added, Boosted{b.ID, b.Version, n})
		}
	}
	var greatest *booster
	for _, b := range mine {
		switch {
		case b.Stacking == StackAdd:
			raise(b, total.Add(base.Mul(b.Factor.Sub(decimal.NewFromInt(1)))))
		case b.Stacking == StackGreatest && (greatest == nil || b.Factor.GreaterThan(greatest.Factor)):
			greatest = b
		}
	}
	for _, b := range mine {
		if b.Stacking == StackMultiply {
			raise(b, total.Mul(b.Factor))
		}
	}
	if greatest != nil {
		raise(greatest, total.Mul(greatest.Factor))
	}
	return total, added
}

// raised says what a reward was without boosts, and what each has added; "" if none has.
func raised(base decimal.Decimal, added []Boosted) string {
	if len(added) == 0 {
		return ""
	}
	parts := make([]string, len(added))
	for i, b := range added {
		parts[i] = b.Amount.String() + " by " + b.BoostID
	}
	return " (" + base.String() + ", and " + strings.Join(parts, ", ") + ")"
}
