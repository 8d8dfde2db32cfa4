// Package badges gives users badges: what they can show for what they have done.
//
// A [Configuration] says what a badge is. It is awarded by a reward of type BADGE of a reward rule, or by hand
// ([Service.Award]). Either is an event of type Badge, which missions, boards and reward rules may match.
//
// A badge can be awarded often: each time is an [Award], which says why and by which rule, and the [Badge] counts them.
//
// # What happened otherwise
//
// An award follows from an event. If that turns out not to have happened, or otherwise, the award is gone, as all else is
// that followed from it. A configuration may say that its badges are not revocable: then who had one keeps it ([Award].Kept) and
// nothing else follows from it. Whether somebody had it by mistake depends on the order in which it became known, so two users of whom
// the same is known can have such a badge or not; of a revocable one they cannot.
package badges
