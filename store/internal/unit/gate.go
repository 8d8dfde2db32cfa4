package unit

import (
	"sync"

	"github.com/guerdonhq/guerdon/store"
)

// A Gate counts who is inside a store, so that Close can wait for them. The zero Gate is open. The
// methods may be called concurrently.
type Gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

// Enter lets a caller in, who must call Leave. It returns [store.ErrClosed] if the gate is closed.
func (g *Gate) Enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return store.ErrClosed
	}
	g.inside.Add(1)
	return nil
}

// Leave lets a caller out.
func (g *Gate) Leave() { g.inside.Done() }

// Close lets nobody in any more and waits until nobody is inside. It returns false if the gate was
// closed before.
func (g *Gate) Close() bool {
	g.mu.Lock()
	was := g.closed
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
	return !was
}
