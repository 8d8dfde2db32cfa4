// Package levels says how far users have come: a [Ladder] has steps, a measure of a user says on which of them the user stands,
// and whoever gets to another is told, by an event that rules pay for, missions and streaks count, and boards rank.
//
// A user's place on a ladder is a row of the user's fold. So it is what it would be if all had been known from the start: what
// comes late, is taken back or put right, or turns out to be another user's, moves it as it would have moved it in time.
package levels
