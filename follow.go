package guerdon

import (
	"context"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// A watcher waits for what is recorded in a workspace.
type watcher struct {
	scope store.Scope
	wake  chan struct{} // holds a token when there may be something
}

// Follow calls handle with what is recorded in a workspace behind a number, in the order of its journal and as it is recorded, until ctx ends,
// and returns nil then. An error of handle ends it too, and is returned, as is one of [Workspace.Journal]. What is recorded through this
// engine comes at once, what other processes record, or transactions of the host's, within about a second.
//
// Nothing is kept of how far it has come: it is for those who look on, such as a screen, and who say from where when they come again. See
// [Engine.Consume] for what must not be missed.
func (e *Engine) Follow(ctx context.Context, ws *Workspace, after int64, handle func(context.Context, []Entry) error) error {
	switch {
	case ws == nil || ws.engine != e:
		return fault.Invalid("ws", "is none of the engine")
	case handle == nil:
		return fault.Invalid("handle", "is nil")
	}
	own := e.workspace(ws.scope) // what others commit is not seen by a handle that has a snapshot
	w := &watcher{ws.scope, make(chan struct{}, 1)}
	e.listen(w, true)
	defer e.listen(w, false)
	tick := time.NewTicker(surveyEvery)
	defer tick.Stop()
	for {
		entries, err := own.Journal(ctx, after)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if n := len(entries); n > 0 {
			if err := handle(ctx, entries); err != nil {
				return err
			}
			after = entries[n-1].Outcome.Seq
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
		case <-tick.C:
		}
	}
}

// listen lets a watcher be told of what is recorded, or not any more.
func (e *Engine) listen(w *watcher, there bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if there {
		e.watchers[w] = struct{}{}
	} else {
		delete(e.watchers, w)
	}
}

// wakeWatchers tells those who wait for a workspace that something was recorded.
func (e *Engine) wakeWatchers(s store.Scope) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for w := range e.watchers {
		if w.scope == s {
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
	}
}
