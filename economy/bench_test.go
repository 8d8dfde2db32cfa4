package economy_test

import (
	"fmt"
	"testing"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
)

// BenchmarkReact is one event and its transaction on the memory store: one that no rule matches, one that
// a rule pays for, and one that has a limit to keep too; each among a hundred rules about other things.
func BenchmarkReact(b *testing.B) {
	for _, bm := range []struct {
		name string
		kind event.Type
	}{{"unmatched", event.Quiz}, {"paid", event.Activity}, {"limited", event.Slide}} {
		b.Run(bm.name, func(b *testing.B) {
			w := newWorld(b)
			w.coin(b, "gold", "", "")
			w.rule(b, "paid")
			w.rule(b, "limited", entity("Slide"), func(r *economy.RewardRule) { r.MaxPerUser, r.Per = 1<<30, "DAY" })
			for i := range 100 {
				w.rule(b, fmt.Sprintf("other%d", i), entity("Mission"))
			}
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				e := activity(fmt.Sprintf("e%d", n), "ada", start)
				e.Type = bm.kind
				w.record(b, e)
			}
		})
	}
}
