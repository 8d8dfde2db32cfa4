package pgtest

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// Trips counts the round trips of the connections whose tracer it is, and can spoil one of them. Its zero value has counted none.
type Trips struct {
	n      atomic.Int64
	begun  atomic.Int64
	at     int64 // the trip that is struck
	strike func(context.Context, *pgx.Conn) context.Context
}

// Count returns how many there were.
func (t *Trips) Count() int64 { return t.n.Load() }

// Begun returns how many of them began a transaction.
func (t *Trips) Begun() int64 { return t.begun.Load() }

// StrikeAfter lets so many trips pass and spoils the next one, which goes on with the context that strike returns; nil spoils none. No
// trip may be under way.
func (t *Trips) StrikeAfter(trips int, strike func(context.Context, *pgx.Conn) context.Context) {
	t.at, t.strike = t.n.Load()+int64(trips)+1, strike
}

func (t *Trips) start(ctx context.Context, on *pgx.Conn) context.Context {
	if t.n.Add(1) == t.at && t.strike != nil {
		return t.strike(ctx, on)
	}
	return ctx
}

// TraceQueryStart counts a query.
func (t *Trips) TraceQueryStart(ctx context.Context, on *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return t.start(ctx, on)
}

// TraceQueryEnd does nothing.
func (*Trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart counts a batch, which is one round trip.
func (t *Trips) TraceBatchStart(ctx context.Context, on *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return t.start(ctx, on)
}

// TraceBatchQuery notes the beginning of a transaction.
func (t *Trips) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	if strings.HasPrefix(data.SQL, "begin") {
		t.begun.Add(1)
	}
}

// TraceBatchEnd does nothing.
func (*Trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
