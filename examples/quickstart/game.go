package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// rules is the game as a bundle of documents, in which $ZONE stands for the time zone.
//
//go:embed game.json
var rules string

// The documents of the game that the report asks about.
const (
	allTime = "all-time"
	monthly = "monthly"
	streak  = "every-day"
)

// A game is one source's history in one time zone, with all that followed from it.
type game struct {
	ws      *guerdon.Workspace
	source  string // its name, for people
	zone    *time.Location
	users   map[string]bool // who are known to exist
	tally   tally
	fresh   news // what this run added
	skipped int  // commits whose date cannot be right
}

// account is the owner of all games of this program.
const account = "quickstart"

// openGame returns the game of a source, which is begun if there is none. Every source has a workspace
// of its own, and so has every time zone, because its days are others.
func openGame(ctx context.Context, st store.Store, src source, zone string) (*game, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, err
	}
	engine, err := guerdon.New(ctx, st, nil)
	if err != nil {
		return nil, err
	}
	scope := store.Scope{Account: account, Workspace: "game-" + digest(src.key+" in "+zone)}
	if err := found(ctx, engine, scope); err != nil {
		return nil, err
	}
	ws, err := engine.Workspace(ctx, scope)
	if err != nil {
		return nil, err
	}
	if _, err := ws.Import(ctx, []byte(strings.ReplaceAll(rules, "$ZONE", zone))); err != nil {
		return nil, err
	}
	g := &game{ws: ws, source: src.name, zone: location, users: map[string]bool{}, tally: tally{people: map[string]*person{}}}
	_, err = g.follow(ctx) // what earlier runs left
	return g, err
}

// found makes the workspace unless it is there.
func found(ctx context.Context, engine *guerdon.Engine, scope store.Scope) error {
	_, err := engine.Platform.CreateAccount(ctx, tenancy.Account{ID: scope.Account, Name: "Quickstart"})
	if err != nil && !errors.Is(err, fault.ErrExists) {
		return err
	}
	_, err = engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{ID: scope.Workspace, AccountID: scope.Account, Name: scope.Workspace})
	if err != nil && !errors.Is(err, fault.ErrExists) {
		return err
	}
	return nil
}

// play records a history and learns what was new in it. cutOff is what ended the history early, nil if
// nothing did. Whatever ends the game early, what was recorded before stays, and the error says how much
// that is.
func (g *game) play(ctx context.Context, commits []commit, cutOff error, notes io.Writer) error {
	dated := slices.DeleteFunc(commits, misdated(time.Now()))
	g.skipped = len(commits) - len(dated)
	recorded, err := g.recordAll(ctx, dated, newBar(notes, len(dated)))
	if err == nil {
		err = cutOff
	}
	if err != nil {
		return fmt.Errorf("%w (recorded before it: %s)", err, plural(recorded, "event"))
	}
	g.fresh, err = g.follow(ctx)
	return err
}

// beginning is the first year of the game, as in its rules.
const beginning = 1900

// misdated returns what tells whether a commit is from the future, which the engine refuses, or from
// before the game: histories hold those of clocks that were wrong.
func misdated(now time.Time) func(commit) bool {
	return func(c commit) bool {
		return c.At.After(now.Add(event.MaxFuture)) || c.At.UTC().Year() < beginning
	}
}

// batch is how many commits are recorded at once.
const batch = 250

// recordAll records commits in batches and returns how many are recorded, repeated ones included.
func (g *game) recordAll(ctx context.Context, commits []commit, progress *bar) (recorded int, err error) {
	defer progress.end()
	for some := range slices.Chunk(commits, batch) {
		n, err := g.record(ctx, some)
		recorded += n
		if err != nil {
			return recorded, err
		}
		progress.add(n)
	}
	return recorded, nil
}

// record records commits, and those who made them, in one transaction. If one is refused, those before
// it are recorded, and the error names its place.
func (g *game) record(ctx context.Context, commits []commit) (recorded int, err error) {
	if len(commits) == 0 {
		return 0, nil
	}
	events := make([]event.Event, len(commits))
	for i, c := range commits {
		events[i] = c.Event
	}
	err = g.ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
		if err := g.welcome(ctx, ws, commits); err != nil {
			return err
		}
		_, err := ws.RecordBatch(ctx, events)
		return err
	})
	if err == nil {
		for _, c := range commits {
			g.users[c.UserID] = true
		}
		return len(commits), nil
	}
	i, reason := refused(err)
	if i < 0 {
		return 0, err
	}
	if recorded, err = g.record(ctx, commits[:i]); err != nil {
		return recorded, err
	}
	return recorded, fmt.Errorf("%s: %w", commits[i].place, reason)
}

// welcome makes users of those who are none yet.
func (g *game) welcome(ctx context.Context, ws *guerdon.Workspace, commits []commit) error {
	met := map[string]bool{}
	for i, c := range commits {
		if met[c.UserID] || g.users[c.UserID] {
			continue
		}
		met[c.UserID] = true
		_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: c.UserID, Nickname: nickname(c.author)})
		if err != nil && !errors.Is(err, fault.ErrExists) {
			return fault.In(inBatch(i), err)
		}
	}
	return nil
}

// inBatch names an event of a batch as the engine does.
func inBatch(i int) string { return fmt.Sprintf("events[%d]", i) }

// refused returns which event of a batch an error is about, and why in the words of the source; -1 if it
// is about none.
func refused(err error) (int, error) {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return -1, err
	}
	var i int
	if _, err := fmt.Sscanf(e.Field, "events[%d]", &i); err != nil {
		return -1, e
	}
	_, field, _ := strings.Cut(e.Field, "].")
	reason := e.Reason
	if field == "entityId" {
		field = "activityId"
		reason += fmt.Sprintf("; it must be %q", activity)
	}
	return i, &fault.Error{Kind: e.Kind, Field: field, Reason: reason}
}

// nickname returns as much of a name as a nickname may hold: 2 to 40 letters, digits and symbols with
// single separators; "" if that is nothing.
func nickname(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.S) })
	letters := []rune(strings.Join(words, " "))
	short := strings.TrimSpace(string(letters[:min(len(letters), 40)]))
	if len([]rune(short)) < 2 {
		return ""
	}
	return short
}

// A tally is what the journal tells of a game.
type tally struct {
	seq         int64 // of the last entry that was read
	people      map[string]*person
	first, last time.Time // of all commits
}

// A person is the commits of one user.
type person struct {
	commits int
	days    map[timeframe.Day]int
}

// news is what a part of the journal adds.
type news struct {
	commits, missions int
	people            map[string]int // commits by user
	points            decimal.Decimal
}

// follow reads on in the journal from where it was left, to its end, and returns what was there.
func (g *game) follow(ctx context.Context) (news, error) {
	n := news{people: map[string]int{}}
	for {
		entries, err := g.ws.Journal(ctx, g.tally.seq)
		if err != nil || len(entries) == 0 {
			return n, err
		}
		for i := range entries {
			g.users[entries[i].Event.UserID] = true
			if entries[i].Event.Type == event.Activity {
				g.tally.add(&entries[i].Event, g.zone)
				n.add(&entries[i])
			}
		}
		g.tally.seq = entries[len(entries)-1].Outcome.Seq
	}
}

func (t *tally) add(e *event.Event, zone *time.Location) {
	p := t.people[e.UserID]
	if p == nil {
		p = &person{days: map[timeframe.Day]int{}}
		t.people[e.UserID] = p
	}
	p.commits++
	p.days[timeframe.DayOf(e.At, zone)]++
	if t.first.IsZero() || e.At.Before(t.first) {
		t.first = e.At
	}
	if e.At.After(t.last) {
		t.last = e.At
	}
}

func (n *news) add(e *guerdon.Entry) {
	n.commits++
	n.people[e.Event.UserID]++
	for _, m := range e.Outcome.Missions {
		if m.Completed {
			n.missions++
		}
	}
	for _, t := range e.Outcome.Transactions {
		n.points = n.points.Add(t.Amount)
	}
}
