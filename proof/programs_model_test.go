package proof_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store/memory"
)

// dimensions are the programs and histories for which the properties of the whole are checked, from narrow ones to
// all that there is.
var dimensions = []struct {
	name string
	features
}{
	{"missions", features{missions: true, times: true, byHand: true}},
	{"missions by counts", features{missions: true, counts: true, moves: true}},
	{"groups", features{missions: true, groups: true}},
	{"streaks", features{streaks: true, times: true, moves: true}},
	{"streaks on missions", features{missions: true, streaks: true, rewards: true, fed: true, times: true}},
	{"freezes", features{streaks: true, rewards: true, freezes: true, money: true}},
	{"rewards", features{missions: true, streaks: true, rewards: true, fed: true, limits: true, money: true}},
	{"boards", features{missions: true, streaks: true, rewards: true, boards: true, fed: true, times: true, moves: true}},
	{"learning", features{missions: true, rewards: true, boards: true, learning: true, fed: true, locks: true, byHand: true}},
	{"late documents", features{missions: true, streaks: true, rewards: true, boards: true, fed: true, later: true}},
	{"late paths", features{missions: true, rewards: true, boards: true, learning: true, fed: true, later: true}},
	{"all", features{
		missions: true, groups: true, streaks: true, freezes: true, rewards: true, limits: true, boards: true, learning: true,
		fed: true, times: true, counts: true, money: true, moves: true, locks: true, byHand: true, later: true,
	}},
}

// Whatever the program, and in whatever order, singly or in batches, what happened is recorded, and whether the
// clock is asked every now and then or only in the end: all that users can see ends up the same as if everything
// had been recorded as it happened.
func TestAnyOrderEndsTheSame(t *testing.T) {
	for _, d := range dimensions {
		t.Run(d.name, func(t *testing.T) {
			checkStores(t, func(rt *rapid.T, b *backend) {
				s := scenarios(d.features).Draw(rt, "scenario")
				o := s.orders().Draw(rt, "order")
				lived, other := founded(rt, memory.New(), "acme", founding), b.empty(rt, founding)
				want := lived.enact(rt, s, s.lived(), lived.records(rt))
				got := other.enact(rt, s, o, other.records(rt))
				settled := func(source string) bool { return s.settles(o, source) }
				want, got = append(want, lived.lines(rt, s, settled)...), append(got, other.lines(rt, s, settled)...)
				if !slices.Equal(want, got) {
					require.Fail(rt, "another end than as it happens", "%s\n%s", told{o, s}, strings.Join(differences(want, got), "\n"))
				}
			})
		})
	}
}

// Streaks and boards that are published late have counted, once the next event that they count has come, what they would
// have if they had been published in the beginning.
func TestCountingLooksBack(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		late := scenarios(features{streaks: true, boards: true, times: true, moves: true, later: true, plain: true}).Draw(rt, "scenario")
		for _, user := range people {
			late.events = append(late.events, farewell(user, "run"), farewell(user, "swim"))
		}
		early := *late
		early.docs, early.late = slices.Concat(late.docs, late.late), nil
		open := func(string) bool { return false } // of periods that had ended there is no board
		ends := func(w *world, s *scenario) []string {
			w.enact(rt, s, s.lived(), w.records(rt))
			return w.lines(rt, s, open)
		}
		want, got := ends(founded(rt, memory.New(), "acme", founding), &early), ends(b.empty(rt, founding), late)
		require.Empty(rt, strings.Join(differences(want, got), "\n"))
	})
}

// farewell is what a user does on the last day.
func farewell(user, activity string) late {
	return late{event.Event{ID: "last-" + user + "-" + activity, UserID: user, EntityID: activity, At: lastDay, Value: new(decimal.NewFromInt(1))}, false}
}

// differences are the lines that only one of two has.
func differences(want, got []string) (lines []string) {
	for _, l := range want {
		if !slices.Contains(got, l) {
			lines = append(lines, "- "+l)
		}
	}
	for _, l := range got {
		if !slices.Contains(want, l) {
			lines = append(lines, "+ "+l)
		}
	}
	return lines
}
