package levels

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// state is a user's place on a ladder.
type state struct {
	UserID   string `json:"userId"`
	LadderID string `json:"ladderId"`
	// Met is when what was measured first happened, but for what was before it.
	Met time.Time `json:"met,omitzero"`
	// Of tells which measure it is.
	Of string `json:"of"`
	// Measure is how much there is of it, in the period Span if the measure begins anew.
	Measure decimal.Decimal `json:"measure"`
	Span    span            `json:"span,omitzero"`
	// Step is where the user stands, "" below the first, Threshold what that took, and Since when the user came there.
	Step      string          `json:"step,omitempty"`
	Threshold decimal.Decimal `json:"threshold,omitzero"`
	Since     time.Time       `json:"since,omitzero"`
	// Highest is the highest step that the user ever stood on, and Summit what that took.
	Highest string          `json:"highest,omitempty"`
	Summit  decimal.Decimal `json:"summit,omitzero"`
	// Told says how often each change of the place was told.
	Told map[string]int `json:"told,omitempty"`
	// Perks are the tags that the user was given for the step, and Given how often they have become others.
	Perks []string `json:"perks,omitempty"`
	Given int      `json:"given,omitempty"`
	// Watch is the period in the end of which the user may fall, nil while the measure is not below the step.
	Watch *watch `json:"watch,omitempty"`
	// CheckAt is when the clock looks at it next.
	CheckAt time.Time `json:"checkAt,omitzero"`
}

// A span is a period of the user's calendar, as it was when it began: who moves keeps it until it ends there.
type span struct {
	First timeframe.Day `json:"first,omitempty"`
	Ends  time.Time     `json:"ends,omitzero"`
}

// A watch is a period of the user's calendar that is looked at, and the highest measure in it.
type watch struct {
	span
	From time.Time       `json:"from"`
	Peak decimal.Decimal `json:"peak"`
}

// places are the rows of users' folds, one for each user and ladder.
var places = store.Define("levels", func(s *state) string { return placeKey(s.UserID, s.LadderID) },
	[]store.Field[state]{
		{Name: "check_at", Kind: store.KindInt, Of: func(s *state) store.Value { return store.Time(s.CheckAt) }},
	},
	store.Index{Name: "due", Columns: []string{"check_at"}},
).Version(2)

func placeKey(userID, ladderID string) string { return userID + "/" + ladderID }

// next returns the period of a calendar after s, or that of a moment if it is later. The zero span comes before all.
func (s span) next(c timeframe.Calendar, at time.Time, zone *time.Location) span {
	first := c.First(timeframe.DayOf(at, zone))
	if !s.Ends.IsZero() { // who moved west may be in the same one once more
		first = max(first, c.Next(s.First))
	}
	return span{first, c.Next(first).Start(zone)}
}

// turn is one place while it changes in a transaction.
type turn struct {
	tx      *session.Tx
	plan    *plan
	user    *tenancy.User
	state   state
	silent  bool // nothing follows
	changes []Change
}

// zone is where the user lived right before a moment: what is over then is over before anything else happens.
func (t *turn) zone(ctx context.Context, at time.Time) (*time.Location, error) {
	u, err := t.user.At(ctx, t.tx, at.Add(-time.Microsecond))
	if err != nil {
		return nil, err
	}
	return u.Location(t.tx.Zones)
}

// clock lets the clock do what it does up to a moment.
func (t *turn) clock(ctx context.Context, at time.Time) error {
	for {
		due := t.due()
		if due.IsZero() || due.After(at) {
			return t.roll(ctx, at)
		}
		if err := t.judge(ctx, due); err != nil {
			return err
		}
	}
}

// due returns when the clock may let the user fall next, zero for never.
func (t *turn) due() (at time.Time) {
	s := &t.state
	if t.plan.demotion() == Never || s.Step == "" {
		return time.Time{}
	}
	if t.plan.Measure.Per != "" {
		at = s.Span.Ends
	}
	if w := s.Watch; w != nil && (at.IsZero() || w.Ends.Before(at)) {
		at = w.Ends
	}
	return at
}

// judge ends what is over at a moment.
func (t *turn) judge(ctx context.Context, at time.Time) error {
	over := t.state.Watch
	if over != nil && over.Ends.After(at) {
		over = nil
	}
	if over != nil {
		t.stand(t.plan.reached(over.Peak), at)
	}
	if err := t.roll(ctx, at); err != nil {
		return err
	}
	if over != nil {
		zone, err := t.zone(ctx, at)
		if err != nil {
			return err
		}
		t.state.Watch = &watch{over.next(t.plan.DemotionPeriod, at, zone), at, t.state.Measure}
	}
	return t.settle(ctx, at)
}

// roll begins to measure anew if a period of the measure is over.
func (t *turn) roll(ctx context.Context, at time.Time) error {
	per := t.plan.Measure.Per
	if per == "" || at.Before(t.state.Span.Ends) {
		return nil
	}
	zone, err := t.zone(ctx, at)
	if err != nil {
		return err
	}
	t.state.Span, t.state.Measure = t.state.Span.next(per, at, zone), decimal.Decimal{}
	return nil
}

// settle lets the user stand where the measure says, as far as the demotion lets it.
func (t *turn) settle(ctx context.Context, at time.Time) error {
	to := t.plan.reached(t.state.Measure)
	if t.plan.demotion() != AtOnce {
		to = max(to, t.plan.place(t.state.Step, t.state.Threshold))
	}
	t.stand(to, at)
	if t.plan.demotion() != ByPeriod || to < 0 || !t.state.Measure.LessThan(t.plan.Steps[to].Threshold) {
		t.state.Watch = nil
		return nil
	}
	if w := t.state.Watch; w != nil {
		if at.Before(w.From) {
			w = &watch{w.span, w.From, t.state.Measure}
		} else {
			w = &watch{w.span, w.From, decimal.Max(w.Peak, t.state.Measure)}
		}
		t.state.Watch = w
		return nil
	}
	return t.watch(ctx, at)
}

// watch begins to look at the first period that the measure is below the step in from its beginning on.
func (t *turn) watch(ctx context.Context, at time.Time) error {
	zone, err := t.zone(ctx, at)
	if err != nil {
		return err
	}
	c := t.plan.DemotionPeriod
	first := c.First(timeframe.DayOf(at, zone))
	if first.Start(zone).Before(at) {
		first = c.Next(first)
	}
	t.state.Watch = &watch{span{first, c.Next(first).Start(zone)}, first.Start(zone), t.state.Measure}
	return nil
}

// A shift is that a user comes from one step to another; -1 is none.
type shift struct {
	from, to int
	at       time.Time
}

// stand lets the user stand on a step since a moment, and tells of it.
func (t *turn) stand(to int, at time.Time) {
	s, was := &t.state, t.state.Step
	sh := shift{t.plan.place(s.Step, s.Threshold), to, at}
	s.Step, s.Threshold = t.plan.at(to)
	if s.Threshold.GreaterThan(s.Summit) {
		s.Highest, s.Summit = s.Step, s.Threshold
	}
	if was == s.Step || sh.from == to { // a step may have another id since
		return
	}
	s.Since = at
	if t.silent {
		return
	}
	about := string(sh.direction()) + ":" + s.Step
	told := map[string]int{about: s.Told[about] + 1}
	for of, n := range s.Told {
		told[of] = max(told[of], n)
	}
	s.Told = told
	t.tx.Cause(t.plan.told(s, sh, told[about]))
	c := t.change()
	c.From, c.Direction = was, sh.direction()
	t.changes = append(t.changes, c)
}

// give lets the user carry the perks of the step.
func (t *turn) give(at time.Time, silent bool) {
	s := &t.state
	var perks []string
	if i := t.plan.place(s.Step, s.Threshold); i >= 0 {
		perks = t.plan.Steps[i].Perks
	}
	if slices.Equal(perks, s.Perks) {
		return
	}
	s.Perks, s.Given = perks, s.Given+1
	order := mechanic.TagOrder{TagWord: tenancy.TagWord{By: Ladders.Name() + "/" + t.plan.ID, At: at, Holds: true, Held: perks}, Silent: silent}
	t.tx.Cause(order.Event(strings.Join([]string{s.UserID, "level", t.plan.ID, "perks", strconv.Itoa(s.Given)}, ":"), t.user))
}

// grant lets the user stand on a step, if that is higher.
func (t *turn) grant(ctx context.Context, stepID string, at time.Time) error {
	if err := t.clock(ctx, at); err != nil {
		return err
	}
	i := slices.IndexFunc(t.plan.Steps, func(s Step) bool { return s.ID == stepID })
	if i > t.plan.place(t.state.Step, t.state.Threshold) {
		t.stand(i, at)
	}
	return t.settle(ctx, at)
}

// at returns the id and the threshold of a step, "" and 0 of none.
func (pl *plan) at(i int) (string, decimal.Decimal) {
	if i < 0 {
		return "", decimal.Decimal{}
	}
	return pl.Steps[i].ID, pl.Steps[i].Threshold
}

func (sh shift) direction() Direction {
	if sh.to > sh.from {
		return Up
	}
	return Down
}

// told is the event that a user has come to another step, for the nth time in that direction. Its id says no more, so that it stays the same
// whatever turns out to have brought the user there.
func (pl *plan) told(s *state, sh shift, nth int) event.Event {
	to, threshold := pl.at(sh.to)
	from, _ := pl.at(sh.from)
	number := decimal.NewFromInt(int64(sh.to + 1))
	fields := map[string]any{
		"direction": string(sh.direction()), "from": nil, "to": nil, "threshold": nil, "number": amount.JSON(number), "measure": amount.JSON(s.Measure),
	}
	if from != "" {
		fields["from"] = from
	}
	if to != "" {
		fields["to"], fields["threshold"] = to, amount.JSON(threshold)
	}
	return event.Event{
		ID:   strings.Join([]string{s.UserID, "level", pl.ID, string(sh.direction()), to, strconv.Itoa(nth)}, ":"),
		Type: event.Level, EntityID: pl.ID, UserID: s.UserID, At: sh.at, Value: &number, Fields: fields,
	}
}
