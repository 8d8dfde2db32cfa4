// Package proof proves what the engine promises, on the public API alone and on every backend: properties over random
// programs and histories, models beside it, what an event costs in calls and rows, and how fast it is beside
// baselines. It exports nothing; its tests are all there is.
package proof
