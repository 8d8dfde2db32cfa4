package proof_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A ladder that an event does not meet asks the store for nothing more. One of which the clock lets users fall asks where they stand, of which nothing
// is there to read.
func TestALadderCostsWhatItMeasures(t *testing.T) {
	t.Parallel()
	week := func(change func(*levels.Ladder)) []cost {
		w, m := newMeteredWorld(t, memory.New(), 10)
		docs := []content.Document{guerdontest.Activity("sit")}
		if change != nil {
			l := guerdontest.Ladder("still", levels.Measure{Type: levels.Events, RuleType: "INSTANCE", MatchEntity: "Activity", MatchEntityID: "sit"}, guerdontest.Step("one", "1"))
			change(l)
			docs = append(docs, l)
		}
		b, err := guerdon.Bundle(docs...)
		require.NoError(t, err)
		_, err = w.Import(t.Context(), b)
		require.NoError(t, err)
		return m.week(t, w)[1:] // by the first, all is open
	}
	without, still := week(nil), week(func(*levels.Ladder) {})
	require.Equal(t, without, still)
	falling := week(func(l *levels.Ladder) { l.Demotion, l.DemotionPeriod = levels.ByPeriod, timeframe.ByMonth })
	for i := range without {
		require.Equal(t, [2]int{without[i].read, without[i].written}, [2]int{falling[i].read, falling[i].written})
		require.LessOrEqual(t, falling[i].calls, without[i].calls+3, "one for each time that it is asked what is due")
	}
}
