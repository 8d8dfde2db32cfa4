// Package room is the door between the engine and its mechanics: what the engine offers a room, and what it holds of
// one. A room has one exported function that takes an [Engine] and returns a [Room]; all else that it exports is for
// hosts.
package room

import (
	"context"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// An Engine is what the engine offers a room whose mechanic changes a C.
type Engine[C any] struct {
	// Library is the kinds of documents.
	Library *content.Library
	// Past is what a user did, for what counts it when it is new or is counted again.
	Past mechanic.Past
	// History is what all did, for what is opened late; nil is nothing.
	History mechanic.History
	// Portion is how many steps of folds a transaction looks at where it can leave the rest to others, 0 for all.
	Portion int
	// Follow is what the mechanic changed; nil if nobody can say.
	Follow Follow[C]
}

// A Follow reads the journal in a transaction: for every entry behind a position, in order, it calls apply with the
// entry's position and with what a mechanic changed in it, in the order in which it did. It returns the position of the
// last entry there is, which grows by one from entry to entry. At an entry that cannot be read, or is archived, it
// ends with a [store.DamagedError].
type Follow[C any] func(ctx context.Context, tx *session.Tx, after int64, apply func(position int64, changes []C) error) (head int64, err error)

// A Setting is what a mechanic is compiled from.
type Setting struct {
	// Documents are those in force.
	Documents *content.Program
	// Wallet is where users pay for what a rule of the mechanic asks; nil is nowhere. It is not used before all of the
	// program is compiled.
	Wallet mechanic.Wallet
	// Audience are those who may ask for what the mechanic tells; nil is nobody. It is not used before all of the program is
	// compiled.
	Audience mechanic.Audience
	// Gauge tells how far users are with what the documents of other mechanics ask; nil is nobody. It is not used before all of the
	// program is compiled.
	Gauge mechanic.Gauge
}

// A Current returns what is in force in the workspace of a transaction.
type Current[M any] func(ctx context.Context, tx *session.Tx) (M, error)

// A Room is what the engine holds of a room: C is what its mechanic changes, S its service for hosts.
type Room[C, S any] struct {
	// Tables are all that the room keeps.
	Tables []*store.Schema
	// Parts are the tables among them that hold rows of users' folds.
	Parts []mechanic.Part
	// Remains are what of the tables is over before a moment, in the order in which it is dropped; set by [Room.Leaving].
	Remains []mechanic.Remains
	// Compile returns the mechanic for a setting in the workspace of a transaction. It may be used concurrently.
	Compile func(ctx context.Context, tx *session.Tx, s Setting) (mechanic.Mechanic[C], error)
	// Service returns the service of a workspace that runs its transactions with run. What is in force is what Compile
	// has returned.
	Service func(run session.Runner, current Current[mechanic.Mechanic[C]]) S
	// Former move rows that were kept before users were folds.
	Former []mechanic.Former
}

// Inheriting returns the room with what moves rows that were kept before users were folds.
func (r Room[C, S]) Inheriting(former ...mechanic.Former) Room[C, S] {
	r.Former = former
	return r
}

// Leaving returns the room with what of its tables is over before a moment.
func (r Room[C, S]) Leaving(remains ...mechanic.Remains) Room[C, S] {
	r.Remains = remains
	return r
}

// New returns a room whose mechanic is an M, so that a room's own functions need no other type.
func New[C, S any, M mechanic.Mechanic[C]](
	tables []*store.Schema, parts []mechanic.Part,
	compile func(ctx context.Context, tx *session.Tx, s Setting) (M, error),
	service func(run session.Runner, current Current[M]) S,
) Room[C, S] {
	return Room[C, S]{
		Tables: tables,
		Parts:  parts,
		Compile: func(ctx context.Context, tx *session.Tx, s Setting) (mechanic.Mechanic[C], error) {
			m, err := compile(ctx, tx, s)
			if err != nil {
				return nil, err
			}
			return m, nil
		},
		Service: func(run session.Runner, current Current[mechanic.Mechanic[C]]) S {
			return service(run, func(ctx context.Context, tx *session.Tx) (M, error) {
				m, err := current(ctx, tx)
				if err != nil {
					var none M
					return none, err
				}
				return m.(M), nil
			})
		},
	}
}
