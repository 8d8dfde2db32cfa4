// Package economy gives users virtual currencies: rules that pay for what users do, transfers, spending,
// balances, and books that add up.
//
// # Double entry
//
// Every movement takes from one account what it gives to another. An account is a user's or SYSTEM's,
// in one currency. A [Transaction] is the side of a movement that belongs to a user; if the counterpart
// is SYSTEM, the row stands for SYSTEM's side too, and a transfer between two users is two rows. The
// balances of a currency, SYSTEM's included, add up to zero at every commit; [Service.Verify] proves it
// from the transactions. What somebody did is not taken back by deleting: [Service.Reverse] adds the
// opposite, of all of it or of a part, several times up to the whole. What takes back names what it takes back, and has an
// initiator's type of its own.
//
// # Once
//
// Grants, transfers, spends and reversals take an id of the caller's, by which they can be repeated: a call whose answer was lost is made again,
// and gives the first result whether or not it had been done. The same id with another content is refused.
//
// # What happened otherwise
//
// A reward follows from an event. If an event that comes late shows that what was paid for happened at
// another time, or not at all, the reward is another, or is gone, and the late event's outcome says so.
// What somebody has decided stays: a reward that was redeemed or voided stays as it was then, and one of which some
// was reversed is at least that, which is a problem in the outcome where it would be otherwise; and what was spent is owed: the
// balance is below its lower bound until the user has earned it, and the outcome says how much that is.
//
// # Bounds
//
// A currency bounds what a user may have, and no movement crosses a bound. The lower bound, 0 unless
// the currency says otherwise, is one on what is available: completed credits less completed and pending
// debits. The upper bound is one on completed and pending credits less completed debits. They are chosen
// so that a pending transaction was already counted for the worst: neither its redemption nor its expiry
// can cross a bound. A movement that would cross one is refused with a [*BoundError]. If a bound is
// tightened, or a balance is beyond it because of what happened otherwise, that can only move towards it.
// What a refund gives back was the user's before, and no bound is in its way.
//
// # Expiry
//
// A pending transaction whose time is over is expired for every reader and writer, whether or not it is
// marked. It is marked as of that very moment, with the user's next event or by the workspace's
// Advance.
//
// # Lapse
//
// A currency whose credits have a [Life] is spent by what lapses first. What is left of a credit when its life is over is taken by the clock, by
// a debit to SYSTEM whose initiator's type is LAPSE: every reader of balances sees it from that moment on, and the history has it when it is marked, as of that
// very moment. A life begins when something is earned, granted or sent, also if it is redeemed later; what is not redeemed by its end has expired. What makes up for
// a debt does not lapse any more. What is set aside for a transfer that waits, or held, is out of reach: what lapses first of what the user has is left for it, and lapses when it is
// set free. [Service.Lapsing] says what lapses when.
//
// # Holds
//
// What a user is going to spend can be held ([Service.Hold]): a PENDING debit, which is captured, in part or whole ([Service.Capture]), voided, or expires at
// the time that it has to have. A user cannot end it, and it stays when the user is deleted.
//
// # Reviews
//
// A reward may be held for review by a condition ([Reward.ReviewCondition]). It is PENDING with [Transaction.HeldForReview], cannot be redeemed and does not expire, unless what it pays lapses before, and
// nothing follows from it before somebody has released it ([Service.Release]). What is released or voided by somebody was held for review, whatever turns out
// later to have happened; whether other rewards are is decided anew then, as all that follows is. A condition may read how many of the rule's events
// happened lately ([Count]).
//
// # Voiding
//
// What is pending can be voided, by an admin ([Service.Void]), or a transfer by who has sent it ([Service.Withdraw]). What waits for
// a user who is deleted is voided in the transaction that deletes the user. Nothing was moved, so nothing is reversed: what had been set
// aside is there again, and the state is REJECTED.
//
// # Events
//
// A transaction causes an event of type VirtualTransaction when it is completed: at once, or when it is
// redeemed. The event's id is the transaction's with ":completed" appended. One that expires causes one with
// ":expired" and the state EXPIRED, and one that is voided one with ":voided" and the state REJECTED, which are for boards that read
// the state: the others count what was moved. The event of a reversal has reversalOf, the id of what it takes back; to sum up what
// was earned is to leave out those that have it.
// If a reward follows no longer, neither do its events.
//
// # Expressions
//
// Package rule lists what the expressions of a reward rule read; it depends on its matchEntity. Thus
// {"*": [2, {"var": "targetAmount"}]} pays for a mission, and {"var": "additionalData.distance"} for an
// activity.
package economy
