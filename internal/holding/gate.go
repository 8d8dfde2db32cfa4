package holding

import (
	"context"

	"github.com/guerdonhq/guerdon/store"
)

// A Gate says who may write to a workspace, which is the scope of the transactions that its functions are given. The zero
// Gate stands open and cannot be moved.
type Gate struct {
	// Create opens the gate of a workspace that is created, also if there was one of the same name before.
	Create func(context.Context, store.Tx) error
	// Delete closes it for good. It refuses a workspace that holds what is looked after behind the gate.
	Delete func(context.Context, store.Tx) error
	// Close lets nobody write, or everybody again.
	Close func(ctx context.Context, tx store.Tx, closed bool) error

	// BeginRestore lets nobody write but a restore, by its name. One that was under way may not write any more.
	BeginRestore func(ctx context.Context, tx store.Tx, name string) error
	// Restoring returns [fault.ErrConflict] unless the restore of a name may write.
	Restoring func(ctx context.Context, tx store.Tx, name string) error
	// CompleteRestore lets everybody write.
	CompleteRestore func(context.Context, store.Tx) error

	// BeginErasure closes the gate as Delete does, whatever the workspace holds, and returns the number of the next life of a
	// workspace of this name. Done again it changes nothing.
	BeginErasure func(context.Context, store.Tx) (life int, err error)
	// Erasing returns [fault.ErrNotFound] unless the gate was closed so before a life.
	Erasing func(ctx context.Context, tx store.Tx, life int) error
}
