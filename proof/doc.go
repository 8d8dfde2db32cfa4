// Package proof proves what the engine promises, on the public API alone and on every backend: properties over random
// programs and histories, models beside it, what an event costs in calls and rows, and how fast it is beside
// baselines. It exports nothing; its tests are all there is.
//
// The files programs_… draw the programs and histories. A property that fails shows them as a script: what is published,
// what happens when, in which order it arrives, and what differs. A new kind, field or way for things to happen is to be
// drawn there too.
package proof
