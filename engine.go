package guerdon

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/holding"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Options are what an engine may be told; the zero value is right for production.
type Options struct {
	// Now is the engine's only clock; nil means the machine's. It may be called concurrently. What Observe is told is measured by it.
	Now func() time.Time
	// NewID makes identifiers of at most 64 characters of A-Z a-z 0-9 _ -; nil means UUIDs of version
	// 7, which grow with time. It may be called concurrently.
	NewID func() string
	// Random is what secrets are made of, such as those of package webhook; nil means the machine's ([rand.Reader]). It may be read
	// concurrently.
	Random io.Reader
	// Blobs is where the bytes of media are; nil means nowhere, and that there can be no media.
	Blobs content.Blobs
	// MaxFileSize is the greatest size of a medium in bytes; 0 means [content.MaxFileSize].
	MaxFileSize int64
	// Portion bounds what one transaction of [Workspace.Advance] or [Workspace.RecordBatch] does, so that others need not wait long for
	// it: in events, users, missions, streaks, transactions, or things that happened which a board counts that opens over a history;
	// and in rows, what one of [Workspace.Archive] drops. 0 means 50. With 250, an import where nobody else waits is up to 1.4 times as
	// fast on SQLite.
	Portion int
	// Tables are the host's own, which it fills through [Workspace.UpdateTables] and [Engine.ConsumeOnce]: they are prepared with the engine's, and what a workspace has in
	// them is a part of its dumps and goes with it when it is erased. Their names must be none of the engine's ([Tables]).
	Tables []*store.Schema
	// Log takes what goes wrong in the background, and how far [New] is with taking over an older database; nil means
	// [slog.Default].
	Log *slog.Logger
	// Observe is told what the engine does; the zero Observer is told nothing and costs nothing.
	Observe Observer
}

// An Engine runs the workspaces of one store. It may be used concurrently; one per process is enough,
// and several processes may share a store. It keeps in memory the compiled program of every workspace
// that it has worked for, and the ranks of the boards that were asked for last.
type Engine struct {
	// Platform manages accounts and workspaces.
	Platform tenancy.Platform

	store store.Store
	// What runs transactions on the platform's scope, and says who may write to a workspace.
	platform session.Runner
	gate     holding.Gate
	// A token for each transaction under way that is never committed.
	rehearsals chan struct{}

	now      func() time.Time
	newID    func() string
	log      *slog.Logger // nil: the default
	observer Observer
	random   io.Reader
	zones    *timeframe.Zones
	library  *content.Library
	types    *session.Types
	blobs    content.Blobs
	maxSize  int64 // of a medium
	portion  int
	wings    []wing
	holdings []holding.Holding
	remains  []mechanic.Remains
	parts    map[string]*mechanic.Part
	hosts    []*store.Schema // the host's own tables

	mu     sync.Mutex
	spaces map[store.Scope]*space
	// followers are the consumers at work.
	followers map[*follower]struct{}
	// watchers wait for what is recorded.
	watchers map[*watcher]struct{}
}

// space is what an engine keeps in memory of a workspace: nothing that the store does not know.
type space struct {
	program *program            // compiled last
	former  map[string]*program // those before it, as they judge what was recorded then
	opened  string              // the edition for which the boards were opened last
}

// space calls fn with what is kept of a workspace.
func (e *Engine) space(s store.Scope, fn func(*space)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sp := e.spaces[s]
	if sp == nil {
		sp = &space{}
		e.spaces[s] = sp
	}
	fn(sp)
}

// New prepares the store for use and returns an engine on it. The caller closes the store when the
// engine is no longer used.
//
// A database that the last version kept before users were folds is taken over first, as it is: balances, transactions,
// missions, streaks, scores and the journal stay what they were, and programs of that version write nothing any more.
// [Options].Log is told how far that is. It takes many short transactions; after an interruption, of whatever kind, the
// next call goes on. What had happened before that moment and is recorded later is counted as the first that happened since,
// and [Workspace.Explain] does not explain what was recorded before.
func New(ctx context.Context, st store.Store, opts *Options) (*Engine, error) {
	if st == nil {
		return nil, fault.Invalid("store", "is nil")
	}
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.MaxFileSize < 0 {
		return nil, fault.Invalid("maxFileSize", "is %d; it must be 0 or more", o.MaxFileSize)
	}
	if o.Portion < 0 {
		return nil, fault.Invalid("portion", "is %d; it must be 0 or more", o.Portion)
	}
	e := &Engine{
		store: st, now: o.Now, newID: o.NewID, log: o.Log, observer: o.Observe,
		zones: &timeframe.Zones{}, types: &session.Types{}, blobs: o.Blobs, maxSize: o.MaxFileSize, portion: cmp.Or(o.Portion, portion),
		gate: content.Gate(), rehearsals: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), spaces: map[store.Scope]*space{}, followers: map[*follower]struct{}{}, watchers: map[*watcher]struct{}{},
	}
	e.library = newLibrary().Knowing(func(ctx context.Context, tx *session.Tx) (*content.Program, error) {
		p, err := e.program(ctx, tx)
		if err != nil {
			return nil, err
		}
		return p.docs, nil
	})
	e.wings = wings(e)
	e.parts, e.holdings, e.remains, e.hosts = parts(e.wings), holdings(e.wings), e.leaving(), o.Tables
	for _, t := range o.Tables {
		if slices.ContainsFunc(tables(e.wings), func(own *store.Schema) bool { return own.Name == t.Name }) {
			return nil, fault.Invalid("tables", "%q is the engine's", t.Name)
		}
		e.holdings = append(e.holdings, holding.Of(t))
	}
	if e.now == nil {
		e.now = time.Now
	}
	if e.newID == nil {
		e.newID = newUUID
	}
	if e.random = o.Random; e.random == nil {
		e.random = rand.Reader
	}
	if err := e.prepare(ctx); err != nil {
		return nil, fmt.Errorf("guerdon: preparing the store: %w", err)
	}
	e.platform = e.runner(store.Scope{})
	e.Platform = tenancy.NewPlatform(e.platform, e.gate)
	return e, nil
}

// Now returns the moment by the engine's clock, in UTC and to the microsecond, for packages that work on top of the engine.
func (e *Engine) Now() time.Time { return e.now().UTC().Truncate(time.Microsecond) }

// NewID returns a new identifier from where the engine has its own.
func (e *Engine) NewID() string { return e.newID() }

// Random returns where what nobody may guess comes from.
func (e *Engine) Random() io.Reader { return e.random }

// UpdatePlatform runs fn with a service for accounts and workspaces whose calls all belong to one transaction, and with that transaction, for
// tables of the host's own ([Options].Tables): on the platform's rows, or by [store.Tx.In] on those of an account. All is committed together if
// fn returns nil. fn may run again after a conflict with another process, so it must have no effects but through these two, which must not be
// used after fn has returned. A call that fails halfway through its writes makes the whole fail, even if fn ignores its error. With the context
// of fn, a call of a workspace, or of [Engine.Platform], is refused as [fault.ErrConflict]: it would wait for the transaction to end.
func (e *Engine) UpdatePlatform(ctx context.Context, fn func(ctx context.Context, tx store.Tx, platform tenancy.Platform) error) error {
	if fn == nil {
		return fault.Invalid("fn", "is nil")
	}
	return e.platform.Update(ctx, func(tx *session.Tx) error {
		ctx := context.WithValue(ctx, updating{}, &within{e, store.Scope{}})
		j := &joint{tx: tx}
		join := func(_ context.Context, call session.Func) error { return j.call(func() error { return call(tx) }) }
		return errors.Join(fn(ctx, recorderOf(tx).Tx, tenancy.NewPlatform(session.NewRunner(join, join), e.gate)), j.broken)
	})
}

// Store returns the engine's store. What is written to the tables of the host's own ([Options].Tables) outside of the engine's transactions
// is written through it.
func (e *Engine) Store() store.Store { return e.store }

// HostTables returns the tables of the host's own that the engine was given as [Options].Tables.
func (e *Engine) HostTables() []*store.Schema { return slices.Clone(e.hosts) }

// Failed tells [Options].Log and [Observer].Failed of an error of the background, for packages that work on top of the engine: what
// failed in a workspace, or the zero Scope, and the error. That ctx has ended is none, and is told to nobody.
func (e *Engine) Failed(ctx context.Context, s store.Scope, during string, err error) {
	e.failed(ctx, s, during, err)
}

func newUUID() string { return uuid.Must(uuid.NewV7()).String() }

// Diff returns what is different in the second of two bundles, as [Workspace.Export] makes them; the
// order of documents and fields does not count. A bundle that cannot be read is [fault.ErrInvalid].
func Diff(from, to []byte) (content.Difference, error) { return newLibrary().Diff(from, to) }

// Bundle returns documents as a bundle for [Workspace.Import], in their order. It returns [fault.ErrInvalid] for what
// is not a document that a workspace holds.
func Bundle(docs ...content.Document) ([]byte, error) { return newLibrary().Bundle(docs...) }

// JoinBundles returns bundles as one for [Workspace.Import], so that documents may refer to those of others, and all are published or
// none. One that cannot be read is [fault.ErrInvalid], with its place ("bundles[1].documents").
func JoinBundles(bundles ...[]byte) ([]byte, error) { return content.Join(bundles...) }

// Kinds returns the kinds of documents that a workspace holds, in the order in which bundles list them.
func Kinds() []content.AnyKind { return newLibrary().Kinds() }

// newLibrary returns the kinds of documents, in the order in which bundles list them: what others
// refer to comes first.
func newLibrary() *content.Library {
	return content.NewLibrary(content.Tags, content.Activities, content.Stories, content.Slides, content.Quizzes,
		learning.Groups, learning.Paths, learning.Rules, mobility.FactorsKind, mobility.GoalsKind,
		economy.Currencies, missions.Configurations, missions.Rules, badges.Configurations, economy.RewardRules, economy.Boosts,
		streaks.Configurations, streaks.Rules, levels.Ladders, leaderboard.Configurations, leaderboard.Boards)
}

// Tables are all tables that [New] prepares in a store, for who prepares a database before: see postgres.Store.Migration.
func Tables() []*store.Schema { return tables(wings(&Engine{})) }

// tables are all tables of a store.
func tables(wings []wing) []*store.Schema {
	all := slices.Concat(tenancy.Tables(), content.Tables())
	for _, w := range wings {
		all = append(all, w.tables...)
	}
	return append(all, own()...)
}

// own are the tables that the engine itself keeps.
func own() []*store.Schema {
	return []*store.Schema{journal.Schema(), heads.Schema(), problems.Schema(), steps.Schema(), consumers.Schema(), merges.Schema()}
}

// holdings are what a workspace holds, in the order in which it is restored.
func holdings(wings []wing) []holding.Holding {
	all := slices.Concat(tenancy.Holdings(), content.Holdings())
	for _, w := range wings {
		for _, t := range w.tables {
			all = append(all, holding.Of(t))
		}
	}
	for _, t := range own() {
		all = append(all, holding.Of(t))
	}
	return all
}

// session returns the transaction as the domains see it.
func (e *Engine) session(tx store.Tx) *session.Tx {
	own := &session.Tx{
		Tx:  &recorder{tx, &ink{parts: e.parts}, true},
		Now: e.Now(), NewID: e.newID, Zones: e.zones, Types: e.types,
	}
	own.Enter = func(ctx context.Context, ev event.Event) error {
		return own.For(ev.UserID, func() error { return e.tick(ctx, own, ev) })
	}
	own.Submit = func(ctx context.Context, ev event.Event) (event.Event, error) { return e.submit(ctx, own, ev) }
	own.Wake = func(ctx context.Context, userID string) error {
		return own.For(userID, func() error { return e.wake(ctx, own, userID) })
	}
	own.Horizon = func(ctx context.Context) (time.Time, int64, error) { return horizon(ctx, own) }
	return own
}

// runner returns what runs the transactions of a scope that is not a workspace: nothing in it causes
// events.
func (e *Engine) runner(s store.Scope) session.Runner {
	with := func(run func(context.Context, store.Scope, func(store.Tx) error) error, read *store.Scope) func(context.Context, session.Func) error {
		return func(ctx context.Context, fn session.Func) error {
			if err := e.apart(ctx, read); err != nil {
				return err
			}
			return run(ctx, s, func(tx store.Tx) error { return fn(e.session(tx)) })
		}
	}
	return session.NewRunner(with(e.store.View, &s), with(e.apply, nil))
}
