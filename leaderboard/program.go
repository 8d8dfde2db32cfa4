package leaderboard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A program is the published boards, compiled. It is immutable and may be used concurrently.
type program struct {
	mechanic.Plain[Change]

	docs     *content.Program
	past     mechanic.Past
	history  mechanic.History
	portion  int
	boards   map[string]*board
	order    []*board // as published
	counters mechanic.Matching[*counter]
	zones    *timeframe.Zones
}

// A board is a published board.
type board struct {
	id            string
	version       int
	life          int // of the workspace
	frame         timeframe.Timeframe
	grace         *int // minutes
	periods       timeframe.Board
	counter       *counter
	configuration int  // the version that it counts by
	stopped       bool // its configuration is out of use
	topN          int
	follows       bool // the status of users
}

// hides tells whether the board does not show a user of a status, or "" for one who takes part or a tag.
func (b *board) hides(s tenancy.Status) bool {
	return s == tenancy.Deleted || b.follows && s == tenancy.Suspended
}

// A counter is a query and the boards that count by it.
type counter struct {
	Query
	expressions
	tags   map[string]bool // those that get scores; nil: the user does
	boards []*board
}

// loadProgram compiles the program's boards. A board that has opened counts by the version of its
// configuration that was in force then; another counts by the one that is in force now.
//
// The engine's past is what a user did, for a score that is counted again, and its history what all did, for a board that
// opens; no history is nothing.
func loadProgram(ctx context.Context, tx *session.Tx, p *content.Program, e *room.Engine[Change]) (*program, error) {
	var ids []string
	for _, b := range content.Live(p, Boards) {
		ids = append(ids, b.ID)
	}
	opened, err := openingsThen(ctx, tx, ids...)
	if err != nil {
		return nil, err
	}
	out, err := compile(p, tx.Zones, opened)
	if err == nil {
		out.past, out.history, out.portion = e.Past, e.History, cmp.Or(e.Portion, math.MaxInt)
	}
	return out, err
}

func compile(p *content.Program, zones *timeframe.Zones, opened []opening) (*program, error) {
	pins := make(map[string]*opening, len(opened))
	for i := range opened {
		pins[opened[i].BoardID] = &opened[i]
	}
	out := &program{docs: p, boards: map[string]*board{}, zones: zones}
	known := map[string]*counter{}
	for _, doc := range content.Live(p, Boards) {
		pin := pins[doc.ID]
		if pin != nil && pin.Version != doc.Version {
			pin = nil
		}
		if err := out.add(p, doc, pin, known); err != nil {
			return nil, fmt.Errorf("%s %q: %w", Boards.Name(), doc.ID, err)
		}
	}
	return out, nil
}

// add takes a board up; known are the counters by their configuration and its version.
func (p *program) add(docs *content.Program, doc *Board, pin *opening, known map[string]*counter) error {
	configuration := content.Find(docs, Configurations, doc.ConfigurationID)
	b := &board{
		id: doc.ID, version: doc.Version, life: docs.Life, frame: doc.Timeframe, grace: doc.GraceMinutes, topN: DefaultTopN, stopped: configuration == nil,
		follows: doc.FollowsStatus == nil || *doc.FollowsStatus,
	}
	var query Query
	switch {
	case pin != nil:
		query, b.configuration = pin.Query, pin.ConfigurationVersion
	case configuration != nil:
		query, b.configuration = configuration.Query, configuration.Version
	default:
		return nil // its configuration was taken out of use before it opened
	}
	if configuration != nil && configuration.DisplayTopN > 0 {
		b.topN = configuration.DisplayTopN
	}
	var err error
	if b.periods, err = doc.Board(p.zones); err != nil {
		return err
	}
	key := fmt.Sprintf("%s/%d", doc.ConfigurationID, b.configuration)
	if known[key] == nil {
		c := &counter{Query: query, tags: tagsOf(docs, query.EntityID)}
		if c.expressions, err = query.compile(); err != nil {
			return err
		}
		known[key] = c
		p.counters.Add(c.matcher(), c)
	}
	b.counter = known[key]
	b.counter.boards = append(b.counter.boards, b)
	p.boards[b.id] = b
	p.order = append(p.order, b)
	return nil
}

// matcher picks the events that the query may count: those of its source or, if its condition asks for one
// entity, only that one's. So the boards of all others cost an event nothing.
func (c *counter) matcher() event.Matcher {
	of := sources[c.Source]
	if c.where != nil {
		for _, path := range of.EntityPaths() {
			if id, ok := c.where.Requires(path); ok {
				return event.Matcher{Type: event.MatchInstance, Entity: string(of), EntityID: id}
			}
		}
	}
	return event.Matcher{Type: event.MatchEntity, Entity: string(of)}
}

// tagsOf returns the tags that an entity may be, nil if it is the user.
func tagsOf(p *content.Program, e Entity) map[string]bool {
	if e.TagNamespace == "" {
		return nil
	}
	ids := map[string]bool{}
	for _, tag := range content.Live(p, content.Tags) {
		if tag.Namespace == e.TagNamespace {
			ids[tag.ID] = true
		}
	}
	return ids
}

// Awaits tells whether a board may ask for the end of something.
func (p *program) Awaits(t event.Type) bool {
	return slices.ContainsFunc(p.counters.All(), func(c *counter) bool { return sources[c.Source] == t && c.ends() })
}

// Reads names what React will read for the event.
func (p *program) Reads(_ *session.Tx, o *mechanic.Occasion) []store.Read {
	d := p.decide(o)
	if len(d.contributions) == 0 {
		return nil
	}
	reads := []store.Read{openings.Keys(d.boards()...), scores.Keys(d.scores()...)}
	if keys := d.values(); len(keys) > 0 {
		reads = append(reads, values.Keys(keys...))
	}
	return reads
}

// A Change is a score that an event changed.
type Change struct {
	BoardID string `json:"runtimeLeaderboardId"`
	Version int    `json:"version"`
	// ConfigurationVersion is the version of the board's configuration that decided.
	ConfigurationVersion int    `json:"configurationVersion"`
	PeriodID             string `json:"periodId"`
	EntityID             string `json:"entityId"`
	// Score is what the entity has since, and ReachedAt the time that ranks it among equals.
	Score     decimal.Decimal `json:"score"`
	ReachedAt time.Time       `json:"reachedAt,omitzero"`
	// Gone says that the entity is no longer on the board: what had brought it there happened in
	// another period, or not at all; or the user was suspended or deleted.
	Gone bool `json:"gone,omitempty"`
}

// React adds the event up in every board that counts it and returns the scores that it changed. A row
// that gives no amount, and one for a period that is frozen, is reported as a problem. A board that
// has not opened takes the event from the journal when it does. A step that is made anew changes nothing here:
// [program.Amend] is told what is different.
func (p *program) React(ctx context.Context, tx *session.Tx, o *mechanic.Occasion) ([]Change, error) {
	if tx.Replaying {
		return nil, nil
	}
	d := p.decide(o)
	for _, problem := range d.problems {
		tx.Report(problem.Source, problem.Field, problem.Reason)
	}
	if err := d.admit(ctx, tx, tx.Report); err != nil {
		return nil, err
	}
	if len(d.contributions) == 0 {
		return nil, nil
	}
	return p.sum(ctx, tx, &d)
}

// sum adds contributions to their scores and returns those that changed.
func (p *program) sum(ctx context.Context, tx *session.Tx, d *decision) ([]Change, error) {
	s, err := load(ctx, tx, d)
	if err != nil {
		return nil, err
	}
	for i := range d.contributions {
		if c := &d.contributions[i]; !s.add(c) {
			tx.Report(c.board.source(), "", c.overflow())
		}
	}
	changed, err := s.save(ctx, tx)
	if err != nil {
		return nil, err
	}
	changes := make([]Change, len(changed))
	for i := range changed {
		changes[i] = p.change(&changed[i])
	}
	return changes, nil
}

// overflow says why a contribution cannot be added.
func (c *contribution) overflow() string {
	return "the score of " + c.entity + " would be larger than an amount can be"
}

func (p *program) change(s *score) Change {
	b := p.boards[s.BoardID]
	return Change{
		BoardID: s.BoardID, Version: b.version, ConfigurationVersion: b.configuration,
		PeriodID: s.PeriodID, EntityID: s.EntityID, Score: amount.FromMicros(s.Micros), ReachedAt: s.ReachedAt, Gone: s.Hidden,
	}
}

// Folded tells that scores are not rows of a user's fold.
func (*program) Folded() bool { return false }

// source names the board in problems.
func (b *board) source() string { return Boards.Name() + "/" + b.id }

// A decision is what an event does to boards, as far as the event alone says.
type decision struct {
	contributions []contribution
	problems      []event.Problem
}

func (p *program) decide(o *mechanic.Occasion) (d decision) {
	for _, c := range p.counters.On(o.All()) {
		c.decide(&d, o, c.boards, p.zones)
	}
	return d
}

// decide adds what an occasion does to the given boards of the counter.
func (c *counter) decide(d *decision, o *mechanic.Occasion, boards []*board, zones *timeframe.Zones) {
	if len(o.All()) == 0 || o.Ends() && !c.minds(o) { // no document matches it, or not this one
		return
	}
	env := &rule.Env{Now: o.Event.At, Data: o}
	if c.where != nil {
		holds, err := c.where.Match(env)
		if err != nil {
			d.problem(boards, "query.where", err)
		}
		if err != nil || !holds {
			return
		}
	}
	worth, counts, err := c.worth(env)
	if err != nil {
		d.problem(boards, "query.score."+string(c.Score.Function), err)
	}
	if err != nil || !counts {
		return
	}
	c.place(d, o, worth, boards, zones)
}

// minds tells whether the query counts that something is over which an occasion tells of: of what lapses, it asks for the initiator's type.
func (c *counter) minds(o *mechanic.Occasion) bool {
	if o.Lapses() {
		return mechanic.ReadsLapse(c.where) || mechanic.ReadsLapse(c.of)
	}
	return c.ends()
}

// ends tells whether the query counts that something is over: it asks for the status, the state or the direction, or shows how streaks
// are now.
func (c *counter) ends() bool {
	return c.Score.Function == Last && c.Source == Streaks || mechanic.ReadsEnd(c.where, sources[c.Source]) || mechanic.ReadsEnd(c.of, sources[c.Source])
}

// place adds what an occasion is worth to the periods of boards.
func (c *counter) place(d *decision, o *mechanic.Occasion, worth contribution, boards []*board, zones *timeframe.Zones) {
	for _, b := range boards {
		period, ok, err := b.periodOf(o, zones)
		if err != nil {
			d.problem([]*board{b}, "timeframeTimezoneType", err)
		}
		if err != nil || !ok {
			continue
		}
		worth.board, worth.period, worth.at, worth.eventID, worth.by = b, period, o.Event.At, o.Event.ID, o.Event.UserID
		in := ranking(b.id, period.ID)
		c.each(o, func(entity string) {
			worth.entity, worth.of = entity, scoreKey(in, entity)
			d.contributions = append(d.contributions, worth)
		})
	}
}

func (d *decision) problem(boards []*board, field string, err error) {
	for _, b := range boards {
		d.problems = append(d.problems, event.Problem{Source: b.source(), Field: field, Reason: err.Error()})
	}
}

// one is a row or value that is counted, in millionths.
const one = 1_000_000

// worth evaluates what a row is worth and whether it counts.
func (c *counter) worth(env *rule.Env) (w contribution, counts bool, err error) {
	w.micros = one
	if c.of == nil {
		return w, true, nil
	}
	v, err := c.of.Eval(env)
	if err != nil {
		return w, false, err
	}
	switch c.Score.Function {
	case Count:
		return w, v != nil, nil
	case CountDistinct:
		if v != nil {
			w.hash, err = hash(v)
		}
		return w, v != nil && err == nil, err
	case Sum, Max, Min, Last:
	}
	w.micros, err = toMicros(v)
	return w, err == nil, err
}

// hash identifies a JSON value.
func hash(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// periodOf returns the period in which the event counts.
func (b *board) periodOf(o *mechanic.Occasion, zones *timeframe.Zones) (p timeframe.Period, ok bool, err error) {
	zone := time.UTC
	if b.frame.TimezoneType == timeframe.User {
		if zone, err = o.User.Location(zones); err != nil {
			return p, false, err
		}
	}
	p, ok = b.periods.PeriodAt(o.Event.At, zone)
	return p, ok, nil
}

// each calls fn with the entities that get the score.
func (c *counter) each(o *mechanic.Occasion, fn func(entity string)) {
	if c.tags == nil {
		fn(o.Event.UserID)
		return
	}
	for _, tag := range o.User.Tags {
		if c.tags[tag.TagID] {
			fn(tag.TagID)
		}
	}
}

func (d *decision) boards() []string {
	var ids []string
	for i := range d.contributions {
		if c := &d.contributions[i]; i == 0 || d.contributions[i-1].board != c.board {
			ids = append(ids, c.board.id)
		}
	}
	return ids
}

func (d *decision) scores() []string {
	keys := make([]string, len(d.contributions))
	for i := range d.contributions {
		keys[i] = d.contributions[i].of
	}
	return keys
}

func (d *decision) values() (keys []string) {
	for i := range d.contributions {
		if c := &d.contributions[i]; c.hash != "" {
			keys = append(keys, valueKey(c.of, c.hash))
		}
	}
	return keys
}

// admit drops the contributions that come too early or too late for their boards: those that a board will come to which
// still counts what happened before it opened, too.
func (d *decision) admit(ctx context.Context, tx *session.Tx, report func(source, field, reason string)) error {
	if len(d.contributions) == 0 {
		return nil
	}
	opened, err := openings.GetMany(ctx, tx, d.boards()...)
	if err != nil {
		return err
	}
	d.contributions = slices.DeleteFunc(d.contributions, func(c contribution) bool {
		i := slices.IndexFunc(opened, func(o opening) bool { return o.BoardID == c.board.id })
		switch {
		case i < 0 || !opened[i].of(c.board) || !opened[i].has(c.period) || opened[i].comesTo(c.by):
			return true
		case opened[i].frozen(c.period):
			report(c.board.source(), "periodId", c.period.ID+" has ended and is closed for good")
			return true
		}
		return false
	})
	return nil
}
