// Package economy gives users virtual currencies: rules that pay for what users do, transfers, spending,
// balances, and books that add up.
//
// # Double entry
//
// Every movement takes from one account what it gives to another. An account is a user's or SYSTEM's,
// in one currency. A [Transaction] is the side of a movement that belongs to a user; if the counterpart
// is SYSTEM, the row stands for SYSTEM's side too, and a transfer between two users is two rows. The
// balances of a currency, SYSTEM's included, add up to zero at every commit; [Service.Verify] proves it
// from the transactions. Nothing is taken back by deleting: [Service.Reverse] adds the opposite.
//
// # Bounds
//
// A currency bounds what a user may have, and the bounds hold at every commit. The lower bound, 0 unless
// the currency says otherwise, is one on what is available: completed credits less completed and pending
// debits. The upper bound is one on completed and pending credits less completed debits. They are chosen
// so that a pending transaction was already counted for the worst: neither its redemption nor its expiry
// can cross a bound. A movement that would cross one is refused with a [*BoundError]. If a bound is
// tightened, a balance beyond it can only move towards it.
//
// # Expiry
//
// A pending transaction whose time is over is expired for every reader and writer, whether or not
// [Program.Advance] has marked it.
//
// # Events
//
// A transaction causes an event of type VirtualTransaction when it is completed: at once, or when it is
// redeemed. One that is rejected or expires causes none, so that whoever counts these events counts what
// was moved. The event's id is the transaction's with ":completed" appended.
//
// # Expressions
//
// Package rule lists what the expressions of a reward rule read; it depends on its matchEntity. Thus
// {"*": [2, {"var": "targetAmount"}]} pays for a mission, and {"var": "additionalData.distance"} for an
// activity.
package economy

import "github.com/guerdonhq/guerdon/store"

// Tables returns what the package keeps.
func Tables() []*store.Schema {
	return []*store.Schema{transactions.Schema(), accounts.Schema(), tallies.Schema()}
}
