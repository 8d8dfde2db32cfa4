package guerdon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/room"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/people"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// wings are the rooms of the mechanics, in the order in which these react to an event. This is the one place that
// lists them: the room of each, where an outcome has what it changed, and where a workspace has its service.
func wings(e *Engine) []wing {
	return []wing{
		newWing(e, people.Room, func(o *Outcome) *[]people.Change { return &o.Tags },
			func(*Workspace) *people.Service { return &people.Service{} }),
		newWing(e, streaks.Room, func(o *Outcome) *[]streaks.Change { return &o.Streaks },
			func(ws *Workspace) *streaks.Service { return &ws.Streaks }),
		newWing(e, missions.Room, func(o *Outcome) *[]missions.Change { return &o.Missions },
			func(ws *Workspace) *missions.Service { return &ws.Missions }),
		newWing(e, economy.Room, func(o *Outcome) *[]economy.Change { return &o.Transactions },
			func(ws *Workspace) *economy.Service { return &ws.Economy }),
		newWing(e, badges.Room, func(o *Outcome) *[]badges.Change { return &o.Badges },
			func(ws *Workspace) *badges.Service { return &ws.Badges }),
		newWing(e, leaderboard.Room, func(o *Outcome) *[]leaderboard.Change { return &o.Scores },
			func(ws *Workspace) *leaderboard.Service { return &ws.Leaderboards }),
		newWing(e, learning.Room, func(o *Outcome) *[]learning.Change { return &o.Learning },
			func(ws *Workspace) *learning.Service { return &ws.Learning }),
		newWing(e, mobility.Room, func(o *Outcome) *[]mobility.Change { return &o.Mobility },
			func(ws *Workspace) *mobility.Service { return &ws.Mobility }),
		newWing(e, levels.Room, func(o *Outcome) *[]levels.Change { return &o.Levels },
			func(ws *Workspace) *levels.Service { return &ws.Levels }),
	}
}

// wing is a room as the engine uses it: all have one form.
type wing struct {
	tables  []*store.Schema
	parts   []mechanic.Part
	former  []mechanic.Former
	remains []mechanic.Remains
	compile func(context.Context, *session.Tx, room.Setting) (machine, error)
	serve   func(*Workspace) // gives a handle its service
}

// newWing returns the wing of a room whose mechanic's changes are in a list of the outcome.
func newWing[C, S any](
	e *Engine, open func(room.Engine[C]) room.Room[C, S], changes func(*Outcome) *[]C, service func(*Workspace) *S,
) wing {
	r := open(room.Engine[C]{Library: e.library, Past: e.past, History: e.history, Portion: e.portion, Follow: follow(changes)})
	current := func(ctx context.Context, tx *session.Tx) (mechanic.Mechanic[C], error) {
		p, err := e.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		return find[mechanic.Mechanic[C]](p), nil
	}
	return wing{
		tables: r.Tables, parts: r.Parts, former: r.Former, remains: r.Remains,
		compile: func(ctx context.Context, tx *session.Tx, s room.Setting) (machine, error) {
			m, err := r.Compile(ctx, tx, s)
			if err != nil {
				return machine{}, err
			}
			return plug(m, changes), nil
		},
		serve: func(ws *Workspace) { *service(ws) = r.Service(ws.run, current) },
	}
}

// parts are the tables that hold rows of users' folds, by name.
func parts(wings []wing) map[string]*mechanic.Part {
	all := map[string]*mechanic.Part{}
	for _, w := range wings {
		for i := range w.parts {
			all[w.parts[i].Table.Name] = &w.parts[i]
		}
	}
	return all
}

// program is the published documents of a workspace, compiled. It is immutable.
type program struct {
	docs      *content.Program
	mechanics []machine
	// Wallet is the one of them by which users pay for what the others ask.
	mechanic.Wallet
}

// compile compiles documents.
func (e *Engine) compile(ctx context.Context, tx *session.Tx, docs *content.Program) (*program, error) {
	p := &program{docs: docs, mechanics: make([]machine, len(e.wings))}
	faults := make([]error, len(e.wings))
	for i, w := range e.wings {
		p.mechanics[i], faults[i] = w.compile(ctx, tx, room.Setting{Documents: docs, Wallet: p, Audience: p, Gauge: p})
	}
	p.Wallet = find[mechanic.Wallet](p)
	return p, errors.Join(faults...)
}

// Awaits tells whether a document in force may ask for the end of something whose events have a type.
func (p *program) Awaits(t event.Type) bool {
	return slices.ContainsFunc(p.mechanics, func(m machine) bool { return m.awaits(t) })
}

// Hears tells since when a document asks for a change of users that nobody makes, zero for none, and whether any ever did.
func (p *program) Hears(change string) (since time.Time, ever bool) {
	for _, m := range p.mechanics {
		asks, did := m.hears(change)
		if !asks.IsZero() && (since.IsZero() || asks.Before(since)) {
			since = asks
		}
		ever = ever || did
	}
	return since, ever
}

// Gauge asks the mechanics that know how far a user is with a document.
func (p *program) Gauge(ctx context.Context, tx *session.Tx, u *tenancy.User, kind, id string) (done, needed decimal.Decimal, known bool, err error) {
	for _, m := range p.mechanics {
		if g, is := m.mechanic.(mechanic.Gauge); is && !known && err == nil {
			done, needed, known, err = g.Gauge(ctx, tx, u, kind, id)
		}
	}
	return done, needed, known, err
}

// find returns the mechanic of a program that is a T.
func find[T any](p *program) (found T) {
	for _, m := range p.mechanics {
		if t, ok := m.mechanic.(T); ok {
			return t
		}
	}
	return found
}

// program returns the program that is in force in the transaction's workspace. One read tells whether
// the one compiled last still is.
func (e *Engine) program(ctx context.Context, tx *session.Tx) (*program, error) {
	edition, err := content.Edition(ctx, tx)
	if err != nil {
		return nil, err
	}
	var p *program
	e.space(tx.Scope(), func(sp *space) { p = sp.program })
	if p != nil && p.docs.Edition == edition {
		return p, nil
	}
	docs, err := e.library.Load(ctx, tx)
	if err != nil {
		return nil, err
	}
	if p, err = e.compile(ctx, tx, docs); err != nil {
		return nil, fmt.Errorf("guerdon: compiling the program of %s: %w", tx.Scope(), err)
	}
	e.space(tx.Scope(), func(sp *space) { sp.program, sp.former = p, map[string]*program{} })
	return p, nil
}

// ready returns the program for a transaction that writes, with its boards open, unless nobody may.
func (e *Engine) ready(ctx context.Context, tx *session.Tx) (*program, error) {
	p, err := e.program(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := content.Writable(ctx, tx); err != nil {
		return nil, err
	}
	var opened string
	e.space(tx.Scope(), func(sp *space) { opened = sp.opened })
	if p.docs.Edition == opened || p.docs.Edition == tx.Opened {
		return p, nil
	}
	for _, m := range p.mechanics {
		if err := m.open(ctx, tx); err != nil {
			return nil, err
		}
	}
	tx.Opened = p.docs.Edition
	return p, nil
}

// committed notes what a transaction has done for good.
func (e *Engine) committed(tx *session.Tx) {
	if tx.Opened != "" {
		e.space(tx.Scope(), func(sp *space) { sp.opened = tx.Opened })
	}
	switch r := recorderOf(tx); {
	case r.moved:
		e.eachFollower(func(f *follower) { f.again(tx.Scope()) })
	case r.lastSeq > 0:
		e.eachFollower(func(f *follower) { f.note(tx.Scope(), r.lastSeq, false) })
		e.wakeWatchers(tx.Scope())
	}
}

// countingBack are the kinds whose documents count from the beginning of their timeframes, and what these need.
var countingBack = []string{
	content.Tags.Name(), content.Activities.Name(), content.Stories.Name(), content.Slides.Name(), content.Quizzes.Name(),
	learning.Groups.Name(), learning.Paths.Name(), streaks.Configurations.Name(), streaks.Rules.Name(),
	levels.Ladders.Name(),
}

// programAt returns the program that judges what was recorded at a moment when it is folded again: the one that was in
// force then, so that nothing is paid by rules that came later, and of what came later only what counts back.
func (e *Engine) programAt(ctx context.Context, tx *session.Tx, at time.Time) (*program, error) {
	return e.programMade(ctx, tx, at, time.Time{})
}

// programMade is programAt for what was folded again at a later moment, zero for now: what counts back is that of then.
func (e *Engine) programMade(ctx context.Context, tx *session.Tx, at, made time.Time) (*program, error) {
	now, err := e.program(ctx, tx)
	if err != nil || !at.Before(now.docs.At) {
		return now, err
	}
	id, since, err := content.EditionAt(ctx, tx, at)
	if err != nil {
		return nil, err
	}
	later, then := now.docs, now.docs.At
	if !made.IsZero() && made.Before(now.docs.At) {
		var asOf string
		if asOf, then, err = content.EditionAt(ctx, tx, made); err != nil {
			return nil, err
		}
		id += "/" + asOf
	}
	var p *program
	e.space(tx.Scope(), func(sp *space) {
		if sp.program == now {
			p = sp.former[id]
		}
	})
	if p != nil {
		return p, nil
	}
	docs, err := e.library.LoadAt(ctx, tx, since)
	if err != nil {
		return nil, err
	}
	if then.Before(now.docs.At) {
		if later, err = e.library.LoadAt(ctx, tx, then); err != nil {
			return nil, err
		}
	}
	if p, err = e.compile(ctx, tx, docs.With(later, countingBack...)); err != nil {
		return nil, fmt.Errorf("guerdon: compiling the program of %s at %s: %w", tx.Scope(), since, err)
	}
	for i := range p.mechanics { // who counts what several users do is always of now
		if then := &p.mechanics[i]; !then.folded {
			awaits := then.awaits
			*then = now.mechanics[i]
			then.awaits = awaits
		}
	}
	e.space(tx.Scope(), func(sp *space) {
		if sp.program == now {
			sp.former[id] = p
		}
	})
	return p, nil
}

// machine is a mechanic as the engine runs it: all have one form.
type machine struct {
	mechanic any // which it is
	folded   bool
	open     func(context.Context, *session.Tx) error
	reads    func(*session.Tx, *mechanic.Occasion) []store.Read
	heeds    func(keys []string) bool
	awaits   func(event.Type) bool
	hears    func(change string) (since time.Time, ever bool)
	foresee  func(*mechanic.Occasion) []event.Event
	enact    func(context.Context, *session.Tx, *mechanic.Occasion) (*event.Event, error)
	react    func(context.Context, *session.Tx, *mechanic.Occasion, *Outcome, *question) error
	present  func(context.Context, *session.Tx, *mechanic.Occasion, *Outcome) error
	leave    func(ctx context.Context, tx *session.Tx, userID string) error
	join     func(context.Context, *session.Tx, mechanic.Naming) (since time.Time, err error)
	joined   func(context.Context, *session.Tx, mechanic.Naming, *Outcome) error
	amend    func(context.Context, *session.Tx, mechanic.Amendment, *Outcome) error
	rewind   func(context.Context, *session.Tx, *tenancy.User) error
	due      func(context.Context, *session.Tx, string) (at time.Time, kind, id string, err error)
	recalls  func(context.Context, *session.Tx, *tenancy.User, time.Time) (func(*mechanic.Occasion) bool, error)
	settle   func(context.Context, *session.Tx, []*mechanic.Occasion) error
	advance  func(ctx context.Context, tx *session.Tx, limit int) (more bool, err error)
	moved    func(*Outcome, string, string) bool
}

// plug returns a mechanic whose changes are in a list of the outcome.
func plug[C any](m mechanic.Mechanic[C], list func(*Outcome) *[]C) machine {
	moved := func(changes []C, kind, id string) bool {
		return slices.ContainsFunc(changes, func(c C) bool { return m.Moves(&c, kind, id) })
	}
	add := func(out *Outcome, changes []C) {
		to := list(out)
		*to = append(*to, changes...)
	}
	react := func(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, out *Outcome, ask *question) error {
		var changes []C
		var err error
		if ask != nil && m.Explains(ask.kind) {
			changes, err = explain(ctx, tx, m, o, ask, list)
		} else {
			changes, err = m.React(ctx, tx, o)
		}
		add(out, changes)
		return err
	}
	return machine{
		mechanic: m, folded: m.Folded(), open: m.Open,
		reads: m.Reads, enact: m.Enact, heeds: m.Heeds, awaits: m.Awaits, hears: m.Hears, foresee: m.Foresee, rewind: m.Rewind, due: m.Due,
		recalls: m.Recalls, settle: m.Settle, advance: m.Advance, leave: m.Leave, join: m.Join, react: react,
		joined: func(ctx context.Context, tx *session.Tx, n mechanic.Naming, out *Outcome) error {
			changes, err := m.Joined(ctx, tx, n)
			add(out, changes)
			return err
		},
		present: func(ctx context.Context, tx *session.Tx, o *mechanic.Occasion, out *Outcome) error {
			changes, err := m.Present(ctx, tx, o)
			add(out, changes)
			return err
		},
		amend: func(ctx context.Context, tx *session.Tx, a mechanic.Amendment, out *Outcome) (err error) {
			to := list(out)
			*to, err = m.Amend(ctx, tx, a, *to)
			return err
		},
		moved: func(out *Outcome, kind, id string) bool { return moved(*list(out), kind, id) },
	}
}

// explain lets a mechanic say why it reacts to an occasion as it does, and returns what that changes.
func explain[C any](
	ctx context.Context, tx *session.Tx, m mechanic.Mechanic[C], o *mechanic.Occasion, ask *question, list func(*Outcome) *[]C,
) ([]C, error) {
	o.Forget()
	v, conclude, err := m.Explain(ctx, tx, o, ask.kind, ask.id)
	if err != nil {
		return nil, err
	}
	tx.Problems() // of asking
	v.EventID = o.Event.ID
	if !m.Folded() {
		if conclude != nil {
			conclude(list(&ask.outcome), ask.outcome.Problems)
		}
		ask.hear(v)
		return nil, nil
	}
	changes, err := m.React(ctx, tx, o)
	if err != nil {
		return nil, err
	}
	v.Moved = slices.ContainsFunc(changes, func(c C) bool { return m.Moves(&c, ask.kind, ask.id) })
	if conclude != nil {
		conclude(&changes, tx.Reported())
	}
	ask.hear(v)
	return changes, nil
}
