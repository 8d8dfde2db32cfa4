package proof_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/economy"
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
	{"several goals", features{missions: true, goals: true, counts: true, times: true, byHand: true}},
	{"chains of missions", features{missions: true, chains: true, goals: true, rewards: true, fed: true, moves: true, byHand: true}},
	{"groups", features{missions: true, groups: true}},
	{"streaks", features{streaks: true, times: true, moves: true}},
	{"streaks on missions", features{missions: true, streaks: true, rewards: true, fed: true, times: true}},
	{"freezes", features{streaks: true, rewards: true, freezes: true, money: true}},
	{"rewards", features{missions: true, streaks: true, rewards: true, fed: true, limits: true, money: true}},
	{"lives", features{rewards: true, money: true, lives: true}},
	{"badges", features{missions: true, streaks: true, rewards: true, boards: true, badges: true, fed: true, limits: true}},
	{"reviews", features{missions: true, rewards: true, boards: true, reviews: true, fed: true, limits: true, money: true, moves: true}},
	{"levels", features{levels: true, rewards: true, times: true, moves: true}},
	{"levels on all", features{levels: true, missions: true, streaks: true, rewards: true, boards: true, badges: true, fed: true, limits: true, money: true, freezes: true}},
	{"tags", features{missions: true, rewards: true, boards: true, levels: true, tags: true, fed: true}},
	{"anniversaries", features{rewards: true, badges: true, tags: true, fed: true, moves: true, years: true}},
	{"boards", features{missions: true, streaks: true, rewards: true, boards: true, fed: true, times: true, moves: true}},
	{"learning", features{missions: true, rewards: true, boards: true, learning: true, fed: true, locks: true, byHand: true}},
	{"late documents", features{missions: true, chains: true, goals: true, streaks: true, rewards: true, boards: true, levels: true, fed: true, later: true}},
	{"late paths", features{missions: true, rewards: true, boards: true, learning: true, fed: true, later: true}},
	{"all", features{
		missions: true, groups: true, streaks: true, freezes: true, rewards: true, limits: true, boards: true, learning: true, levels: true,
		fed: true, times: true, counts: true, money: true, moves: true, locks: true, byHand: true, later: true, badges: true, tags: true, lives: true, reviews: true,
		goals: true, chains: true,
	}},
}

// Whatever the program, and in whatever order, singly or in batches, what happened is recorded, and whether the
// clock is asked every now and then or only in the end, and in whatever portions it works: all that users can see ends up the same as if everything
// had been recorded as it happened.
func TestAnyOrderEndsTheSame(t *testing.T) {
	for _, d := range dimensions {
		d.timeless = true
		t.Run(d.name, func(t *testing.T) {
			checkStores(t, func(rt *rapid.T, b *backend) {
				s := scenarios(d.features).Draw(rt, "scenario")
				o := s.orders().Draw(rt, "order")
				lived, other := founded(rt, memory.New(), "acme", founding), b.emptyIn(rt, founding, rapid.SampledFrom([]int{0, 1, 10}).Draw(rt, "portion"))
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

// Whatever comes late, and whichever documents are changed and archived meanwhile: it makes no difference to the end when the
// clock is asked.
func TestClockMayBeAskedAtAnyTime(t *testing.T) {
	f := features{missions: true, streaks: true, rewards: true, boards: true, levels: true, tags: true, fed: true, times: true, edits: true}
	checkStores(t, func(rt *rapid.T, b *backend) {
		s := scenarios(f).Draw(rt, "scenario")
		o := s.orders().Draw(rt, "order")
		rarely, often := *o, *o
		rarely.advances, often.advances = nil, author{T: rt}.advances()
		ends := func(w *world, o *order) []string {
			lines := w.enact(rt, s, o, w.records(rt))
			return append(lines, w.lines(rt, s, func(string) bool { return false })...)
		}
		want, got := ends(founded(rt, memory.New(), "acme", founding), &rarely), ends(b.empty(rt, founding), &often)
		if !slices.Equal(want, got) {
			require.Fail(rt, "another end than if the clock is asked in the end", "%s\n%s", told{&often, s}, strings.Join(differences(want, got), "\n"))
		}
	})
}

// A late event that no document matches changes nothing, though all is folded again: it is judged as it was, by the
// documents that were in force then, also of those that are changed, archived and brought back.
func TestFoldingAgainChangesNothing(t *testing.T) {
	f := features{missions: true, streaks: true, rewards: true, levels: true, tags: true, times: true, edits: true, named: true, plain: true, whole: true, budgets: true, limits: true}
	checkStores(t, func(rt *rapid.T, b *backend) {
		s, w := scenarios(f).Draw(rt, "scenario"), b.empty(rt, founding)
		s.bidFarewell()               // so that streaks that were published late have counted
		for _, user := range people { // the clock judges what follows as soon as this is known, and not as what is recorded before it below
			s.events = append(s.events, late{event.Event{ID: "first-" + user, UserID: user, EntityID: "sit", At: founding.Add(2 * time.Second)}, false})
		}
		w.enact(rt, s, s.orders().Draw(rt, "order"), w.records(rt))
		lines := func() []string { return w.lines(rt, s, nil) }
		before := lines()
		for _, user := range people {
			_, err := w.Record(rt.Context(), event.Event{ID: "sit-" + user, UserID: user, EntityID: "sit", At: founding.Add(time.Second)})
			require.NoError(rt, err)
		}
		require.Empty(rt, strings.Join(differences(before, lines()), "\n"))
	})
}

// What the clock had done and does again is not taken back in between: a late event changes what follows from it, and
// the clock has nothing to put right afterwards.
func TestLateEventLeavesWhatTheClockDid(t *testing.T) {
	f := features{missions: true, streaks: true, rewards: true, levels: true, tags: true, fed: true, times: true}
	checkStores(t, func(rt *rapid.T, b *backend) {
		s, w := scenarios(f).Draw(rt, "scenario"), b.empty(rt, founding)
		late := s.events
		if len(s.events) > 0 {
			n := rapid.IntRange(0, len(s.events)-1).Draw(rt, "in time")
			s.events, late = s.events[:n], s.events[n:]
		}
		w.enact(rt, s, s.lived(), w.records(rt))
		for _, l := range late {
			out, err := w.Record(rt.Context(), l.Event)
			require.NoError(rt, err)
			require.NoError(rt, w.Advance(rt.Context()))
			entries, err := w.Journal(rt.Context(), out.Seq)
			require.NoError(rt, err)
			for _, e := range entries {
				for _, made := range e.Outcome.Transactions {
					undone := func(c economy.Change) bool {
						return c.Undone && made.TransactionID != "" && c.TransactionID == made.TransactionID && c.Amount.Equal(made.Amount) // a thing has no id, and may come at another time
					}
					require.False(rt, slices.ContainsFunc(out.Transactions, undone), "%s takes back %s, which comes again", l.ID, made.TransactionID)
				}
			}
		}
	})
}

// Streaks, levels and boards that are published late have counted, once the next event that they count has come, what they would
// have if they had been published in the beginning.
func TestCountingLooksBack(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		late := scenarios(features{streaks: true, boards: true, levels: true, times: true, moves: true, later: true, plain: true}).Draw(rt, "scenario")
		late.bidFarewell()
		early := *late
		early.docs, early.late = slices.Concat(late.docs, late.late), nil
		open := func(string) bool { return false } // of periods that had ended there is no board
		ends := func(w *world, s *scenario) []string {
			w.enact(rt, s, s.lived(), w.records(rt))
			return w.lines(rt, s, open)
		}
		want, got := ends(founded(rt, memory.New(), "acme", founding), &early), ends(b.emptyIn(rt, founding, 1), late)
		require.Empty(rt, strings.Join(differences(want, got), "\n"))
	})
}

// bidFarewell lets everybody do everything on the last day.
func (s *scenario) bidFarewell() {
	for _, user := range people {
		s.events = append(s.events, farewell(user, "run"), farewell(user, "swim"))
	}
}

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
