// Package ratio measures two ways of doing the same work beside each other. What a machine does at the
// moment changes both, so their ratio says more than the time of either.
package ratio

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// Rounds is how often both ways are measured. The first round, which fills caches, does not count.
const Rounds = 1 + 7

// Compare lets both do the same work in turns and reports how many times as fast as the baseline ours is:
// the median of all rounds ("x"), the least and the most of one round ("x-low", "x-high"), and what it
// should be at least ("x-wanted"). round counts from 0.
func Compare(b *testing.B, wanted float64, ours, baseline func(round int)) {
	b.Helper()
	b.StopTimer()
	ratios := make([]float64, Rounds)
	for i := range ratios {
		var took [2]time.Duration
		for _, side := range []int{i % 2, 1 - i%2} { // nobody is always first
			took[side] = measure(b, i, [](func(int)){ours, baseline}[side])
		}
		ratios[i] = float64(took[1]) / float64(took[0])
	}
	ratios = ratios[1:]
	slices.Sort(ratios)
	Report(b, ratios[len(ratios)/2], wanted)
	b.ReportMetric(ratios[0], "x-low")
	b.ReportMetric(ratios[len(ratios)-1], "x-high")
}

// measure returns how long a function takes that need not collect the garbage of others.
func measure(b *testing.B, round int, do func(int)) time.Duration {
	b.Helper()
	runtime.GC()
	before := b.Elapsed()
	b.StartTimer()
	do(round)
	b.StopTimer()
	return b.Elapsed() - before
}

// Report reports a ratio that was measured in another way than by time.
func Report(b *testing.B, got, wanted float64) {
	b.Helper()
	b.ReportMetric(got, "x")
	b.ReportMetric(wanted, "x-wanted")
	b.ReportMetric(0, "ns/op") // says nothing
}

// Heap returns how many bytes of the heap are in use, garbage left out.
func Heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
