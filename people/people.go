// Package people keeps what documents make of users, and what nobody does to them: the tags that documents give and take, that a user did something for the first time, and
// anniversaries. A step of a ladder gives its perks to who stands on it,
// and a reward rule may give a tag, or take one, for good or for a time.
//
// What a user carries because of documents is rows of the user's fold. So it is what it would be if all had been known from the start, and rules see of
// everything that happens the tags of then. A step of a fold sees the tags as they were before it, but for the event that says which changed.
package people
