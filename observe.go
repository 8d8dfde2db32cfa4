package guerdon

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// An Observer is told what an engine does, for metrics, traces and alarms: see the module github.com/guerdonhq/guerdon/otel. Every
// function is optional, and what nobody asks for is not measured.
//
// The functions are called with the context of the call that they are about, on its goroutine, after its transaction is committed
// and while nothing is locked but by the caller. So they may call the engine; the call returns when they have, so they must not take
// long, and it panics where they do. They may be called concurrently. What was rolled back is told to nobody, and neither is what a call did
// in a transaction of the host's ([Workspace.On]) or in a dry run. Durations are measured by the engine's one clock, [Options].Now.
//
// What is told holds nothing of an event's data. Ids are told, and the texts of errors and problems; both may name users by their ids.
type Observer struct {
	// Recorded is told of each transaction that added to the journal, or found events that it had already.
	Recorded func(context.Context, Recorded)
	// Committed is told of each commit, also those that several transactions shared, if the store can tell ([store.Metered]).
	Committed func(context.Context, Committed)
	// Lag is told how far a consumer of the journal is behind in a workspace, after each turn of up to ten batches
	// ([Engine.Consume]).
	Lag func(context.Context, ConsumerLag)
	// Rebuilt is told when a ranking was read into memory anew.
	Rebuilt func(context.Context, Rebuilt)
	// Published is told of each document of which a version came in force, also by an import or from a catalog.
	Published func(context.Context, Published)
	// Problem is told of each problem that was added to the journal: see [Workspace.Problems].
	Problem func(context.Context, Problem)
	// Failed is told of each error of the background, which is no call's to return. It is logged too ([Options].Log).
	Failed func(context.Context, Failed)
}

// A Recorded is a transaction that added entries to the journal: of one event, of a portion of a batch, of all that one
// [Workspace.Update] did, or of what the clock caused.
type Recorded struct {
	Scope store.Scope
	// Start is when the call began to wait for its turn, and Duration is from then until it was committed: Waited until its
	// function ran for the first time, then the function with its reading, and with Committing until what it wrote was durable,
	// which includes others that share the commit. A PostgreSQL server's other processes are waited for while the function reads.
	Start                        time.Time
	Duration, Waited, Committing time.Duration
	// Retries is how often the function was run again after a conflict.
	Retries int
	// Cost is what the store can tell of the last run: the trips, the statements and the rows.
	Cost store.Cost
	// Entries are those that were added, in their order. They must not be modified.
	Entries []RecordedEntry
	// Repeated is how many events were not recorded because the journal had them. Those that [Workspace.RecordBatch] finds before
	// it begins to record are not told.
	Repeated int
}

// A RecordedEntry says what one entry of the journal is, and how much followed.
type RecordedEntry struct {
	Seq     int64
	EventID string
	Type    event.Type
	// EntityID is that of the event: the activity, if that is its type.
	EntityID string
	// Late says that something of the user was known that happened later, and was made anew.
	Late bool
	// Caused is how many events followed, Changes how much changed in all mechanics, and Problems what could not be done.
	Caused, Changes, Problems int
}

// A Committed is a commit.
type Committed struct {
	// Scope is that of one of the transactions.
	Scope  store.Scope
	Commit store.Commit
}

// A ConsumerLag is how far a consumer of a workspace's journal is behind.
type ConsumerLag struct {
	Scope    store.Scope
	Consumer string
	// Entries is how many the consumer has not taken yet, and Since when the first of them was recorded; zero if there is none.
	Entries int64
	Since   time.Time
}

// A Rebuilt is a ranking of a period of a board that was read into memory from the store, because it was asked for and was not
// there, or could not follow the journal any more.
type Rebuilt struct {
	Scope         store.Scope
	Board, Period string
	// Scores is how many it has; they were read from Start on, for Duration.
	Scores   int
	Start    time.Time
	Duration time.Duration
}

// A Published is a version of a document that came in force.
type Published struct {
	Scope store.Scope
	// Kind and ID name the document: "RewardRule", "first-commit".
	Kind, ID string
	Version  int
}

// A Problem is something that could not be done although its event stands.
type Problem struct {
	Scope store.Scope
	event.Problem

	// EventID is the event in whose outcome it is.
	EventID string
}

// A Failed is an error of the background.
type Failed struct {
	// Scope is the workspace; of [Engine.Run], it is zero if the workspaces themselves cannot be listed.
	Scope store.Scope
	// During is what failed: "advance" of [Engine.Run]; "consume" of [Engine.Consume]; "webhook" of package webhook, also that it has
	// paused an endpoint; "media", a file that was to be deleted after its medium and that
	// [Workspace.Advance] tries again to delete; "afterwards", a ranking that was to follow a transaction that had asked for it,
	// and follows as soon as it is asked for again.
	During string
	Err    error
}

// watch is what is noted of one transaction for the observer. A nil watch notes nothing.
type watch struct {
	engine             *Engine
	start, begun, done time.Time
	runs               int
	cost               store.Cost
	own                *session.Tx // of the last run; nil if it is no workspace's
}

// watch begins to watch a transaction that is going to be committed, if somebody is told of such.
func (e *Engine) watch() *watch {
	o := &e.observer
	if o.Recorded == nil && o.Committed == nil && o.Rebuilt == nil && o.Published == nil && o.Problem == nil {
		return nil
	}
	return &watch{engine: e, start: e.now()}
}

// begin notes that the function is run.
func (w *watch) begin(tx store.Tx) {
	if w == nil {
		return
	}
	if w.runs++; w.runs == 1 {
		w.begun = w.engine.now()
	}
	w.cost = store.Cost{}
	if metered, ok := tx.(store.Metered); ok {
		metered.Meter(&w.cost)
	}
}

// over notes that it is a workspace's, and what it is to gather.
func (w *watch) over(own *session.Tx) {
	if w != nil {
		w.own, own.Observed = own, &session.Observed{Now: w.engine.now}
	}
}

// end notes that the function has returned.
func (w *watch) end() {
	if w != nil {
		w.done = w.engine.now()
	}
}

// tell tells the observer of the transaction, which is committed.
func (w *watch) tell(ctx context.Context, s store.Scope) {
	if w == nil {
		return
	}
	e := w.engine
	o, end := &e.observer, e.now()
	if o.Committed != nil && w.cost.Commit.Counts {
		o.Committed(ctx, Committed{s, w.cost.Commit})
	}
	if w.own == nil {
		return
	}
	r := recorderOf(w.own)
	if o.Recorded != nil && len(r.entries)+r.repeated > 0 {
		o.Recorded(ctx, Recorded{
			Scope: s, Start: w.start.UTC(), Duration: end.Sub(w.start), Waited: w.begun.Sub(w.start), Committing: end.Sub(w.done),
			Retries: w.runs - 1, Cost: w.cost, Entries: r.entries, Repeated: r.repeated,
		})
	}
	if o.Problem != nil {
		for _, p := range r.problems {
			p.Scope = s
			o.Problem(ctx, p)
		}
	}
	if o.Published != nil {
		for _, p := range w.own.Observed.Published {
			o.Published(ctx, Published{s, p.Kind, p.ID, p.Version})
		}
	}
	e.rebuilt(ctx, s, w.own.Observed)
}

// viewing returns what notes what a transaction does that only reads; nil if nobody is told.
func (e *Engine) viewing() *session.Observed {
	if e.observer.Rebuilt == nil {
		return nil
	}
	return &session.Observed{Now: e.now}
}

// rebuilt tells the observer which rankings a transaction has read into memory.
func (e *Engine) rebuilt(ctx context.Context, s store.Scope, seen *session.Observed) {
	if e.observer.Rebuilt == nil || seen == nil {
		return
	}
	for _, r := range seen.Rebuilt {
		e.observer.Rebuilt(ctx, Rebuilt{s, r.Board, r.Period, r.Scores, r.Start.UTC(), r.Took})
	}
}

// entered notes an entry that was added to the journal, if somebody is told.
func (r *recorder) entered(tx *session.Tx, f *fact) {
	if tx.Observed == nil {
		return
	}
	ev, out := &f.entry.Event, &f.entry.Outcome
	r.entries = append(r.entries, RecordedEntry{
		Seq: out.Seq, EventID: ev.ID, Type: ev.Type, EntityID: ev.EntityID, Late: f.Late,
		Caused: len(f.entry.Caused), Changes: out.changes(), Problems: len(out.Problems),
	})
	for _, p := range out.Problems {
		r.problems = append(r.problems, Problem{Problem: p, EventID: ev.ID})
	}
}

// apply runs fn in a transaction of the store that is no call of a service.
func (e *Engine) apply(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	w := e.watch()
	err := e.store.Update(ctx, s, func(tx store.Tx) error {
		w.begin(tx)
		defer w.end()
		return fn(tx)
	})
	if err == nil {
		w.tell(ctx, s)
	}
	return err
}

// logger returns where the engine logs.
func (e *Engine) logger() *slog.Logger { return cmp.Or(e.log, slog.Default()) }

// failed logs an error of the background, and tells the observer. That the context has ended is none.
func (e *Engine) failed(ctx context.Context, s store.Scope, during string, err error) {
	if ended(ctx, err) {
		return
	}
	e.logger().LogAttrs(ctx, slog.LevelError, "guerdon: "+during, slog.String("scope", s.String()), slog.Any("error", err))
	if e.observer.Failed != nil {
		e.observer.Failed(ctx, Failed{s, during, err})
	}
}

// ended tells whether an error says nothing but that the context has ended.
func ended(ctx context.Context, err error) bool {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return false
	}
	several, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	return !ok || !slices.ContainsFunc(several.Unwrap(), func(one error) bool { return !ended(ctx, one) })
}
