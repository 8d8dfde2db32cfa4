package proof_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/store/memory"
)

// A mistake is something that is recorded and corrected later.
type mistake struct {
	with    int         // it is recorded with the so-manieth delivery of events
	until   int         // it is corrected after the so-manieth
	wrong   event.Event // as it is recorded first
	right   *event.Event
	restore bool // it is taken back first
}

func (m *mistake) String() string {
	return fmt.Sprintf("%s from delivery %d until %d, restored %t: %s %s %s at %s", m.wrong.ID, m.with, m.until, m.restore, m.wrong.EntityID, m.wrong.Value, m.wrong.Outcome, instant(m.wrong.At))
}

// mistakes draws what goes wrong when a scenario is recorded in an order: events that never happened, and others that happened otherwise.
func (s *scenario) mistakes(t *rapid.T, o *order) (all []*mistake) {
	a, n := author{T: t}, 0
	var deliveries []delivery
	for _, d := range s.deliveries(o) {
		if d.do == nil {
			deliveries = append(deliveries, d)
		}
	}
	for _, d := range deliveries {
		for _, e := range d.events {
			m := &mistake{with: n, wrong: e}
			switch pick(a, "mistake", "none", "none", "ghost", "value", "outcome", "time", "entity") {
			case "none":
				continue
			case "ghost":
				m.wrong.ID = "ghost-" + e.ID
				m.wrong.At = e.At.Add(-pick(a, "ghost's time", 0, time.Hour, 24*time.Hour))
			case "value":
				m.wrong.Value, m.right = new(decimal.NewFromInt(int64(rapid.IntRange(0, 9).Draw(t, "value")))), &e
			case "outcome":
				m.wrong.Outcome, m.right = event.Failure, &e
			case "time":
				m.wrong.At, m.right = e.At.Add(-pick(a, "time", time.Second, time.Hour, 30*time.Hour)), &e
			case "entity":
				m.wrong.EntityID, m.right = pick(a, "entity", "run", "swim"), &e
			}
			m.until = rapid.IntRange(n, len(deliveries)-1).Draw(t, "until")
			m.restore = m.right != nil && rapid.Bool().Draw(t, "restore")
			all = append(all, m)
		}
		n++
	}
	return all
}

// mistaken returns what records deliveries with mistakes, and corrects them.
func (w *world) mistaken(t tester, all []*mistake) func(delivery) {
	n, right := 0, w.records(t)
	why := guerdon.Correction{Reason: "it was not so"}
	return func(d delivery) {
		ctx := t.Context()
		d.events = slices.Clone(d.events)
		for _, m := range all {
			if i := slices.IndexFunc(d.events, func(e event.Event) bool { return e.ID == m.wrong.ID }); i >= 0 {
				d.events[i] = m.wrong
			} else if m.with == n {
				d.events = append(d.events, m.wrong)
			}
		}
		right(d)
		for _, m := range all {
			if m.until != n {
				continue
			}
			if m.right == nil || m.restore {
				_, err := w.Retract(ctx, m.wrong.ID, why)
				require.NoError(t, err, m)
			}
			if m.right != nil {
				_, err := w.Amend(ctx, *m.right, why)
				require.NoError(t, err, m)
			}
		}
		n++
	}
}

// firstThere is when a balance was first there.
var firstThere = regexp.MustCompile(`,"isActive":true,"createdAt":"[^"]*"`)

// Whatever was recorded wrongly: once it is corrected, all that users can see is as if it had been recorded rightly from the start. No document
// is published in between: what counts back does so when a user's fold is folded again, for whatever reason.
func TestCorrectedIsAsIfItHadBeenSo(t *testing.T) {
	for _, d := range dimensions {
		f := d.features
		f.later = false
		t.Run(d.name, func(t *testing.T) {
			checkStores(t, func(rt *rapid.T, b *backend) {
				s := scenarios(f).Draw(rt, "scenario")
				o := s.orders().Draw(rt, "order")
				all := s.mistakes(rt, o)
				straight, other := founded(rt, memory.New(), "acme", founding), b.emptyIn(rt, founding, 0)
				want := straight.enact(rt, s, o, straight.records(rt))
				got := other.enact(rt, s, o, other.mistaken(rt, all))
				never := func(string) bool { return len(o.advances) == 0 }
				want, got = append(want, straight.lines(rt, s, never)...), append(got, other.lines(rt, s, never)...)
				for _, lines := range [][]string{want, got} {
					for i := range lines { // when a balance was first there, is no matter of what is true now
						lines[i] = firstThere.ReplaceAllString(lines[i], "")
					}
				}
				if !slices.Equal(want, got) {
					var said []string
					for _, m := range all {
						said = append(said, m.String())
					}
					require.Fail(rt, "another end than without mistakes", "%s\n%s\n%s", told{o, s}, strings.Join(said, "\n"), strings.Join(differences(want, got), "\n"))
				}
			})
		})
	}
}
