package proof_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
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

// What a ladder let the clock do is done by it, also if the clock comes when another version is in force, by which nobody falls, or none.
func TestTheClockJudgesByTheLadderThatWas(t *testing.T) {
	at := time.Date(2025, 10, 6, 10, 0, 0, 0, time.UTC)
	ladder := func(demotion string, measure object) object {
		return document("Ladder", "club", object{
			"demotion": demotion, "measure": measure,
			"steps": []object{{"id": "low", "name": "Low", "threshold": 1, "perks": []string{"red"}}},
		})
	}
	for name, change := range map[string]func(*testing.T, *world){
		"another version": func(t *testing.T, w *world) {
			_, err := w.Import(t.Context(), bundle(t, ladder("NEVER", object{"type": "EARNED", "virtualCurrencyId": "points"})))
			require.NoError(t, err)
		},
		"archived": func(t *testing.T, w *world) {
			_, err := w.Levels.Ladders.Archive(t.Context(), "club")
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				ctx := t.Context()
				w.set(at)
				_, err := w.Import(ctx, bundle(t, document("Tag", "red", object{"namespace": "colour", "variant": "red"}),
					ladder("AT_ONCE", object{"type": "EVENTS", "ruleType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "swim", "per": "DAY"})))
				require.NoError(t, err)
				w.set(at.Add(time.Hour))
				_, err = w.Record(ctx, swim("a", at.Add(time.Hour), 3))
				require.NoError(t, err)
				carried := func() []tenancy.UserTag {
					tags, err := w.Users.Tags(ctx, "eve")
					require.NoError(t, err)
					return tags
				}
				require.Len(t, carried(), 1)
				w.set(at.Add(48 * time.Hour))
				change(t, w)
				require.NoError(t, w.Advance(ctx))
				require.Empty(t, carried())
			})
		})
	}
}
