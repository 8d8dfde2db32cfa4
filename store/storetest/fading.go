package storetest

import (
	"context"
	"sync/atomic"
)

// Fading returns a context that ends by itself when its Done or Err has been called looks times: the next
// caller finds that it was cancelled. With looks from 0 upwards, a test ends a context at every place
// where the code under test cares. It may be used concurrently.
func Fading(ctx context.Context, looks int) context.Context {
	f := &fading{}
	f.Context, f.end = context.WithCancel(ctx)
	f.left.Store(int64(looks))
	return f
}

type fading struct {
	context.Context

	end  context.CancelFunc
	left atomic.Int64
}

func (f *fading) Done() <-chan struct{} {
	f.look()
	return f.Context.Done()
}

func (f *fading) Err() error {
	f.look()
	return f.Context.Err()
}

func (f *fading) look() {
	if f.left.Add(-1) < 0 {
		f.end()
	}
}
