package guerdon

import (
	"context"
	"errors"
	"fmt"

	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A Workspace is the handle on one workspace. Everything reads and writes through one, so nothing can
// reach another's records. It may be used concurrently, unless it came from [Workspace.Update]. The
// zero Workspace refuses every call.
type Workspace struct {
	// Users manages the people of the workspace, Settings its configuration.
	Users    tenancy.Users
	Settings tenancy.Settings
	// Activities, Quizzes, Slides, Stories and Tags are the documents that belong to no mechanic.
	Activities content.Documents[content.Activity]
	Quizzes    content.Documents[content.Quiz]
	Slides     content.Documents[content.Slide]
	Stories    content.Documents[content.Story]
	Tags       content.Documents[content.Tag]
	// Media are the files that authors use.
	Media content.MediaLibrary

	Missions     missions.Service
	Streaks      streaks.Service
	Economy      economy.Service
	Badges       badges.Service
	Leaderboards leaderboard.Service
	Learning     learning.Service
	Mobility     mobility.Service
	Levels       levels.Service

	engine    *Engine
	scope     store.Scope
	run       session.Runner
	rehearsal session.Runner // whose Update keeps nothing
	snapshot  session.Runner // the same for what waits for the host more than it computes
	joined    bool           // to a running transaction

	revocable bool           // what a call did can be rolled back when it has returned
	actor     *content.Actor // of [Workspace.As]
}

// Workspace returns the handle on a workspace, [fault.ErrNotFound] if there is none, or [fault.ErrConflict] while it is being
// restored or erased.
func (e *Engine) Workspace(ctx context.Context, s store.Scope) (*Workspace, error) {
	w, err := e.Platform.Workspace(ctx, s)
	if err == nil {
		err = w.Whole()
	}
	if err != nil {
		return nil, err
	}
	return e.workspace(s), nil
}

// View runs fn with a handle on a workspace whose calls all read one snapshot of it, that in which the workspace was found: it is
// [Engine.Workspace] and [Workspace.View] in one. The records of users whom fn is going to read are read along, in one trip.
func (e *Engine) View(ctx context.Context, s store.Scope, fn func(context.Context, *Workspace) error, users ...string) error {
	if fn == nil {
		return fault.Invalid("fn", "is nil")
	}
	ws := &Workspace{engine: e, scope: s}
	return e.view(ctx, s, func(tx *session.Tx) error {
		if err := tx.Prefetch(ctx, tenancy.Reading(s, users...)...); err != nil {
			return err
		}
		w, err := tenancy.FindWorkspace(ctx, tx, s)
		if err == nil {
			err = w.Whole()
		}
		if err != nil {
			return err
		}
		return fn(ctx, ws.within(tx))
	})
}

// view runs fn on a snapshot of a workspace.
func (e *Engine) view(ctx context.Context, s store.Scope, fn session.Func) error {
	if err := e.apart(ctx, &s); err != nil {
		return err
	}
	seen := e.viewing()
	err := e.store.View(ctx, s, func(tx store.Tx) error {
		own := e.session(tx)
		own.Committed, own.Observed = true, seen
		own.Enter = func(context.Context, event.Event) error { return session.ErrDue }
		return fn(own)
	})
	e.rebuilt(ctx, s, seen)
	return err
}

// workspace returns a handle whose calls are transactions of their own.
func (e *Engine) workspace(s store.Scope) *Workspace {
	view := func(ctx context.Context, fn session.Func) error { return e.view(ctx, s, fn) }
	failed := func(ctx context.Context, during string, err error) { e.failed(ctx, s, during, err) }
	update := func(ctx context.Context, look, fn session.Func) error {
		if err := e.apart(ctx, nil); err != nil {
			return err
		}
		var last *session.Tx
		w := e.watch()
		err := e.update(ctx, s, look, func(tx store.Tx) error {
			w.begin(tx)
			defer w.end()
			last = e.session(tx)
			w.over(last)
			return e.transact(ctx, last, fn)
		})
		if err == nil {
			e.committed(last)
			w.tell(ctx, s)
			last.RunAfterwards(ctx, view, func(ctx context.Context, name string, err error) {
				failed(ctx, "afterwards", fmt.Errorf("guerdon: ranking %q: %w", name, err))
			})
		}
		return err
	}
	run := session.NewRunner(view, func(ctx context.Context, fn session.Func) error { return update(ctx, nil, fn) }).Ahead(update).Telling(failed)
	ws := &Workspace{engine: e, scope: s, rehearsal: e.rehearsing(e.store, s)}
	ws.snapshot = session.NewRunner(nil, func(ctx context.Context, fn session.Func) error { return e.rehearse(ctx, e.store, s, fn) })
	return ws.bind(run, false)
}

// update runs fn in a transaction of the store. Unless look is nil, it tells a store that asks what fn will read.
func (e *Engine) update(ctx context.Context, s store.Scope, look session.Func, fn func(store.Tx) error) error {
	if look == nil {
		return e.store.Update(ctx, s, fn)
	}
	return store.UpdateAhead(ctx, e.store, s, func(tx store.Tx) error { return look(e.session(tx)) }, fn)
}

// rehearsing returns what runs transactions that are never committed, as many at once as leave half of the processors to those
// that are: they wait for nobody else, and would take what time there is.
func (e *Engine) rehearsing(st store.Store, s store.Scope) session.Runner {
	return session.NewRunner(nil, func(ctx context.Context, fn session.Func) error {
		select {
		case e.rehearsals <- struct{}{}:
			defer func() { <-e.rehearsals }()
		case <-ctx.Done():
			return ctx.Err()
		}
		return e.rehearse(ctx, st, s, fn)
	})
}

// rehearse runs a transaction that is never committed.
func (e *Engine) rehearse(ctx context.Context, st store.Store, s store.Scope, fn session.Func) error {
	if err := e.apart(ctx, &s); err != nil {
		return err
	}
	return st.Rehearse(ctx, s, func(tx store.Tx) error { return fn(e.session(tx)) })
}

// bind gives the handle's services the way to run transactions. revocable says that what a call did can
// still be rolled back when it has returned.
func (ws *Workspace) bind(run session.Runner, revocable bool) *Workspace {
	e := ws.engine
	ws.run, ws.revocable = run, revocable
	ws.Users = tenancy.NewUsers(run, content.TagPublished)
	ws.Settings = tenancy.NewSettings(run)
	ws.Activities = content.NewDocuments(run, e.library, content.Activities)
	ws.Quizzes = content.NewDocuments(run, e.library, content.Quizzes)
	ws.Slides = content.NewDocuments(run, e.library, content.Slides)
	ws.Stories = content.NewDocuments(run, e.library, content.Stories)
	ws.Tags = content.NewDocuments(run, e.library, content.Tags)
	ws.Media = content.NewMediaLibrary(run, e.blobs, e.maxSize, revocable)
	for _, w := range e.wings {
		w.serve(ws)
	}
	return ws
}

// Scope returns which workspace this is.
func (ws *Workspace) Scope() store.Scope { return ws.scope }

// On returns the same workspace on another view of its store: with the Join of package store/sqlite or
// store/postgres, calls become part of a transaction that the host has begun, and are committed or
// rolled back with it.
//
// On the zero Workspace, or with no store, it returns the zero Workspace.
func (ws *Workspace) On(joined store.Store) *Workspace {
	e := ws.engine
	if e == nil || joined == nil {
		return &Workspace{}
	}
	view := func(ctx context.Context, fn session.Func) error {
		if err := e.apart(ctx, &ws.scope); err != nil {
			return err
		}
		return joined.View(ctx, ws.scope, func(tx store.Tx) error { return fn(e.session(tx)) })
	}
	update := func(ctx context.Context, fn session.Func) error {
		if err := e.apart(ctx, nil); err != nil {
			return err
		}
		return joined.Update(ctx, ws.scope, func(tx store.Tx) error { return e.transact(ctx, e.session(tx), fn) })
	}
	on := (&Workspace{engine: e, scope: ws.scope, rehearsal: e.rehearsing(joined, ws.scope)}).bind(session.NewRunner(view, update), true)
	if ws.actor != nil {
		return on.As(*ws.actor)
	}
	return on
}

// As returns the same workspace for somebody to act in: the histories of documents say who published and
// archived them, tracks who reviewed them, and transactions who granted. Without it, that is the system. It grants and refuses nothing. Calls return
// [fault.ErrInvalid] for an actor that is not valid.
func (ws *Workspace) As(a content.Actor) *Workspace {
	if ws.engine == nil {
		return &Workspace{}
	}
	acting := func(run func(context.Context, session.Func) error) func(context.Context, session.Func) error {
		return func(ctx context.Context, fn session.Func) error {
			if err := a.Validate(); err != nil {
				return err
			}
			return run(ctx, func(tx *session.Tx) error {
				beforeType, beforeID := tx.ActorType, tx.ActorID
				defer func() { tx.ActorType, tx.ActorID = beforeType, beforeID }()
				tx.ActorType, tx.ActorID = string(a.Type), a.ID
				return fn(tx)
			})
		}
	}
	own := *ws
	own.actor, own.rehearsal = &a, session.NewRunner(nil, acting(ws.rehearsal.Update))
	run := session.NewRunner(acting(ws.run.View), acting(ws.run.Update)).Ahead(func(ctx context.Context, look, fn session.Func) error {
		return acting(func(ctx context.Context, fn session.Func) error { return ws.run.UpdateAhead(ctx, look, fn) })(ctx, fn)
	}).Telling(ws.run.Failed)
	return own.bind(run, ws.revocable)
}

// Update runs fn with a handle on the same workspace whose calls all belong to one transaction: they
// see one another's effects, and are committed together if fn returns nil. fn may run again after a
// conflict with another process, so it must have no effects but through the handle, which must not be
// used after fn has returned, nor by several goroutines. A call that fails halfway through its writes
// makes the whole transaction fail, even if fn ignores its error.
//
// Inside fn, use the handle and the context that fn is given. A call of ws itself, one that writes to another workspace, or one
// that writes through [Engine.Platform] would wait for the transaction to end, and so for itself: with the context of fn it is
// refused at once, as [fault.ErrConflict].
func (ws *Workspace) Update(ctx context.Context, fn func(context.Context, *Workspace) error) error {
	if fn == nil {
		return fault.Invalid("fn", "is nil")
	}
	return ws.update(ctx, func(ctx context.Context, _ *session.Tx, inner *Workspace) error { return fn(ctx, inner) })
}

// View runs fn with a handle on the same workspace whose calls all read one snapshot of it: what they return belongs together, whatever is
// recorded meanwhile, and holds up nobody. A call of the handle that writes is refused as [fault.ErrConflict], and so is an evaluation
// that has something to assign. The handle must not be used after fn has returned, nor by several goroutines. fn may run again.
func (ws *Workspace) View(ctx context.Context, fn func(context.Context, *Workspace) error) error {
	if fn == nil {
		return fault.Invalid("fn", "is nil")
	}
	return ws.run.View(ctx, func(tx *session.Tx) error { return fn(ctx, ws.within(tx)) })
}

// within returns a handle on the same workspace whose calls read in a transaction.
func (ws *Workspace) within(tx *session.Tx) *Workspace {
	refuse := func(context.Context, session.Func) error {
		return fault.Conflict("ctx", "is within a view of %s, which writes nothing", ws.scope)
	}
	inner := &Workspace{engine: ws.engine, scope: ws.scope, joined: true, actor: ws.actor, rehearsal: session.NewRunner(nil, refuse)}
	view := func(_ context.Context, call session.Func) error { return call(tx) }
	return inner.bind(session.NewRunner(view, refuse), true)
}

// Detached returns a handle on the same workspace that is no part of a transaction: each of its calls is one of its own.
func (ws *Workspace) Detached() *Workspace {
	e := ws.engine
	if e == nil {
		return &Workspace{}
	}
	apart := e.workspace(ws.scope)
	if ws.actor != nil {
		return apart.As(*ws.actor)
	}
	return apart
}

// UpdateTables is [Workspace.Update] with the transaction, for tables of the host's own ([Options].Tables): what fn writes to them through tx
// and what it does through the handle is committed together, or not at all. tx is on the workspace's rows; like the handle, it must not be used
// after fn has returned.
func (ws *Workspace) UpdateTables(ctx context.Context, fn func(ctx context.Context, tx store.Tx, ws *Workspace) error) error {
	if fn == nil {
		return fault.Invalid("fn", "is nil")
	}
	return ws.update(ctx, func(ctx context.Context, tx *session.Tx, inner *Workspace) error {
		return fn(ctx, recorderOf(tx).Tx, inner)
	})
}

// ViewTables runs fn with a transaction that reads tables of the host's own ([Options].Tables), on the snapshot of [Workspace.View] if the
// handle has one. fn may run again.
func (ws *Workspace) ViewTables(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	if fn == nil {
		return fault.Invalid("fn", "is nil")
	}
	return ws.run.View(ctx, func(tx *session.Tx) error { return fn(ctx, recorderOf(tx).Tx) })
}

// update is Update with the transaction of the handle.
func (ws *Workspace) update(ctx context.Context, fn func(context.Context, *session.Tx, *Workspace) error) error {
	return ws.run.Update(ctx, func(tx *session.Tx) error {
		ctx := context.WithValue(ctx, updating{}, &within{ws.engine, ws.scope})
		j := &joint{tx: tx}
		try := func(ctx context.Context, call session.Func) error { // takes back what the call has written
			return recorderOf(tx).try(ctx, func() error { return call(tx) })
		}
		inner := &Workspace{engine: ws.engine, scope: ws.scope, joined: true, rehearsal: session.NewRunner(nil, try)}
		view := func(_ context.Context, call session.Func) error { return call(tx) }
		update := func(ctx context.Context, call session.Func) error {
			return j.call(func() error { return ws.engine.transact(ctx, tx, call) })
		}
		return errors.Join(fn(ctx, tx, inner.bind(session.NewRunner(view, update), true)), j.broken)
	})
}

// updating is the key of what the context of a function that [Workspace.Update] runs says: which transaction it is within.
type updating struct{}

type within struct {
	engine *Engine
	scope  store.Scope
}

// apart refuses a call of a handle that is not that of the transaction which the context is within: one that writes, or
// one that reads the rows of its workspace, if scope names it, and would not see what the transaction has written.
func (e *Engine) apart(ctx context.Context, scope *store.Scope) error {
	in, _ := ctx.Value(updating{}).(*within)
	if in == nil || in.engine != e || scope != nil && *scope != in.scope {
		return nil
	}
	return fault.Conflict("ctx", "is within a transaction of %s: call the handle that its function is given; another waits for it to end", in.scope)
}

// joint is several calls in one transaction.
type joint struct {
	tx     *session.Tx
	broken error // of a call that failed after it had written something
}

func (j *joint) call(do func() error) error {
	r := recorderOf(j.tx)
	before := r.writes
	err := do()
	if err != nil && r.writes > before {
		j.broken = errors.Join(j.broken, fmt.Errorf("guerdon: a call of the transaction failed halfway: %w", err))
	}
	return err
}

// Import makes the documents of a bundle the ones in force: it creates, updates and publishes them,
// all or nothing, and returns what became of each, and what there is to warn of. A bundle is JSON:
//
//	{"documents": [{"kind": "Activity", "id": "commit", "name": "Commit", …}, …]}
//
// Beside the documents it may have "$schema", for editors. The documentation of this package lists the kinds. A document may also have "tags", the tags that it carries
// and no others: [{"tagId": "outdoor", "priority": 1}, …]. Rules of a kind apply in the order in which they stand.
//
// What the bundle does not hold stays as it is. With [content.Prune] it is archived: the bundle is then all that is in force, as
// [Workspace.Export] shows it.
//
// Every fault is reported with its place in the bundle, as [fault.ErrInvalid]; also that a document names one which is to be archived.
// What is to be archived and cannot be, because a document stays in force that names it, is [fault.ErrConflict].
func (ws *Workspace) Import(ctx context.Context, bundle []byte, options ...content.ImportOption) (content.Imported, error) {
	return session.Write(ctx, ws.run, func(tx *session.Tx) (content.Imported, error) {
		return ws.engine.library.Import(ctx, tx, bundle, options...)
	})
}

// DryImport returns what [Workspace.Import] would do now, and keeps nothing: it is the same code in a transaction that
// is never committed. It cannot be part of [Workspace.Update].
func (ws *Workspace) DryImport(ctx context.Context, bundle []byte, options ...content.ImportOption) (content.Imported, error) {
	return dry(ctx, ws, func(tx *session.Tx) (content.Imported, error) {
		return ws.engine.library.Import(ctx, tx, bundle, options...)
	})
}

// Export returns the documents in force as a bundle. The same documents give the same bytes.
func (ws *Workspace) Export(ctx context.Context) ([]byte, error) {
	return session.Read(ctx, ws.run, func(tx *session.Tx) ([]byte, error) { return ws.engine.library.Export(ctx, tx) })
}
