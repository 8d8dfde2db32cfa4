package proof_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// An order says when a history arrives: what happens now does so in its own moment, events may be late.
type order struct {
	name     string
	delays   []time.Duration // of each event
	places   []int           // of each event among those that arrive at once
	waits    []time.Duration // of each fact that may be told later; nil for none
	batch    int             // how many are recorded together, at most
	advances []time.Time
	archive  time.Time // the advance at which all that lies before the horizon is archived, too
	horizon  time.Time
}

// lived is the order in which things happen.
func (s *scenario) lived() *order {
	return &order{name: "as it happens", delays: make([]time.Duration, len(s.events)), places: make([]int, len(s.events)), batch: 1}
}

// never is longer than any history.
const never = 1000 * time.Hour

// orders draws another order than that in which things happen.
func (s *scenario) orders() *rapid.Generator[*order] {
	return rapid.Custom(func(t *rapid.T) *order {
		a, o := author{T: t}, s.lived()
		switch o.name = pick(a, "order", "in reverse", "shuffled", "in batches", "with the clock", "shuffled with the clock"); o.name {
		case "in reverse":
			for i := range s.events {
				o.delays[i], o.places[i] = never, -i
			}
			for range s.facts {
				o.waits = append(o.waits, never)
			}
			return o
		case "in batches":
			o.batch = rapid.IntRange(2, 5).Draw(t, "batch")
		case "with the clock", "shuffled with the clock":
			o.advances = a.advances()
			if o.name == "with the clock" {
				return o
			}
		}
		for i := range s.events {
			o.delays[i] = pick(a, "delay", 0, time.Hour, 26*time.Hour, 100*time.Hour, never)
			o.places[i] = rapid.IntRange(0, 9).Draw(t, "place")
		}
		for range s.facts {
			o.waits = append(o.waits, pick(a, "wait", 0, time.Hour, 26*time.Hour, never))
		}
		return o
	})
}

// advances draws when the clock is asked.
func (a author) advances() (all []time.Time) {
	for range rapid.IntRange(1, 4).Draw(a.T, "advances") {
		all = append(all, a.moment("advance").Add(45*time.Second))
	}
	return all
}

// settles tells whether periods of a board of a log that have ended must be the same as in any other order. They need
// not if the clock may have closed them, for good, without what came later: a late event, or what missions and paths
// count that are assigned later than what they count.
func (s *scenario) settles(o *order, source string) bool {
	late := func(d delivery) bool {
		return slices.ContainsFunc(d.events, func(e event.Event) bool { return e.At.Before(d.at) })
	}
	return len(o.advances) == 0 || source == "activity_logs" && !slices.ContainsFunc(s.deliveries(o), late)
}

// A delivery is what a host does at a moment.
type delivery struct {
	at     time.Time
	place  int
	events []event.Event
	do     func(tester, *world) error
	text   string
}

// deliveries are all that a host does, in their order.
func (s *scenario) deliveries(o *order) []delivery {
	var all []delivery
	for i, f := range s.facts {
		id := fmt.Sprint("fact-", i)
		d := delivery{at: f.at, text: id, do: func(t tester, w *world) error { return f.do(t, w, id) }}
		if f.tell != nil {
			d.do = func(t tester, w *world) error { return f.tell(t, w, f.at) }
			if len(o.waits) > 0 && len(s.late) == 0 {
				d.at, d.place = slices.MinFunc([]time.Time{f.at.Add(o.waits[i]), lastDay}, time.Time.Compare), -i
			}
		}
		all = append(all, d)
	}
	for _, at := range o.advances {
		d := delivery{at: at, text: "advance", do: func(t tester, w *world) error { return w.Advance(t.Context()) }}
		if at.Equal(o.archive) {
			d = delivery{at: at, text: "archive until " + instant(o.horizon), do: func(t tester, w *world) error {
				w.archived(t, o.horizon)
				return nil
			}}
		}
		all = append(all, d)
	}
	for _, after := range []bool{false, true} {
		all = append(all, s.arrivals(o, after)...)
	}
	if len(s.late) > 0 {
		all = append(all, delivery{at: s.publishAt, text: "publish", do: func(t tester, w *world) error {
			_, err := w.Import(t.Context(), bundle(t, s.late...))
			return err
		}})
	}
	slices.SortStableFunc(all, func(x, y delivery) int { return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.place, y.place)) })
	return all
}

// arrivals are how the events arrive that are recorded after the late documents are published, or before: what
// is recorded later is judged by them.
func (s *scenario) arrivals(o *order, after bool) []delivery {
	from, to := firstDay, lastDay
	if after {
		from = s.publishAt.Add(time.Second)
	} else if len(s.late) > 0 {
		to = s.publishAt.Add(-time.Second)
	}
	var singly []delivery
	for i, e := range s.events {
		if later := len(s.late) > 0 && (e.after || e.At.After(s.publishAt)); later != after {
			continue
		}
		at := e.At.Add(o.delays[i])
		if at.Before(from) {
			at = from
		}
		if at.After(to) {
			at = to
		}
		singly = append(singly, delivery{at: at, place: o.places[i], events: []event.Event{e.Event}, text: e.ID})
	}
	slices.SortStableFunc(singly, func(x, y delivery) int { return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.place, y.place)) })
	var all []delivery
	for chunk := range slices.Chunk(singly, o.batch) {
		d := chunk[len(chunk)-1]
		d.events, d.text = nil, ""
		for _, of := range chunk {
			d.events, d.text = append(d.events, of.events...), strings.TrimSpace(d.text+" "+of.text)
		}
		all = append(all, d)
	}
	return all
}

// A told is an order of a scenario, for a person to read.
type told struct {
	*order

	of *scenario
}

// GoString returns what a host does.
func (o *order) GoString() string { return o.name }

func (o told) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", o.name)
	for _, d := range o.of.deliveries(o.order) {
		fmt.Fprintf(&b, "%s  %s\n", d.at.Format("Mon 2 Jan 15:04:05"), d.text)
	}
	return b.String()
}

// enact lets a scenario happen in a world without a program, whose clock shows at the end what it would in any
// other order. It returns what was refused.
func (w *world) enact(t tester, s *scenario, o *order, record func(delivery)) (refused []string) {
	t.Helper()
	w.settle(t, s)
	recorded := 0
	for _, d := range s.deliveries(o) {
		w.set(d.at)
		if d.do == nil {
			record(d)
			recorded += len(d.events)
			continue
		}
		w.newID = counting(d.text)
		if err := d.do(t, w); err != nil {
			wrong := func(is error) bool { return errors.Is(err, is) }
			require.True(t, slices.ContainsFunc([]error{fault.ErrConflict, fault.ErrForbidden, fault.ErrNotFound, fault.ErrExists, fault.ErrInvalid}, wrong), "%v", err)
			refused = append(refused, d.text+" is refused")
		}
		w.newID = counting("other")
	}
	require.Len(t, s.events, recorded)
	w.set(lastDay.AddDate(0, 0, 8))
	require.NoError(t, w.Advance(t.Context()))
	slices.Sort(refused) // what is told is refused when it is
	return refused
}

// settle publishes the first documents and gives everybody coins to spend.
func (w *world) settle(t tester, s *scenario) {
	t.Helper()
	ctx := t.Context()
	if s.years {
		w.set(founding.AddDate(-1, 0, 4))
	}
	_, err := w.Import(ctx, bundle(t, s.docs...))
	require.NoError(t, err)
	outdoor := tenancy.Tagging{TagID: "outdoor"}
	_, err = w.Activities.AssignTags(ctx, "run", outdoor)
	require.NoError(t, err)
	for _, doc := range s.docs {
		if doc["id"] == "m1" {
			_, err := w.Missions.Configurations.AssignTags(ctx, "m1", outdoor)
			require.NoError(t, err)
		}
	}
	red := []tenancy.Tagging{{TagID: "red"}}
	for _, u := range []tenancy.NewUser{{ID: "ada", Timezone: "America/New_York", Tags: red}, {ID: "bob", Timezone: "Asia/Tokyo", Tags: red}, {ID: "eve"}} {
		if s.twins && u.ID == "eve" {
			u.Timezone, u.Tags = "Asia/Tokyo", red
		}
		if w.as(u.ID) == u.ID {
			_, err := w.Users.Create(ctx, u)
			require.NoError(t, err)
		}
		_, err := w.Economy.Grant(ctx, []economy.Grant{{ID: "first-" + u.ID, CurrencyID: "coins", Amount: decimal.NewFromInt(100), DestinationUserID: w.as(u.ID)}})
		require.NoError(t, err)
	}
}

// records returns what records deliveries, one event by itself and several as a batch.
func (w *world) records(t tester) func(delivery) {
	return func(d delivery) {
		d.events = slices.Clone(d.events)
		for i := range d.events {
			d.events[i].UserID = w.as(d.events[i].UserID)
		}
		if len(d.events) == 1 {
			_, err := w.Record(t.Context(), d.events[0])
			require.NoError(t, err, d.text)
			return
		}
		_, err := w.RecordBatch(t.Context(), d.events)
		require.NoError(t, err, d.text)
	}
}

// pages returns all rows of a list.
func pages[T any](t tester, list func(store.Page) ([]T, string, error)) (all []T) {
	t.Helper()
	for page := (store.Page{Limit: 100}); ; {
		rows, next, err := list(page)
		require.NoError(t, err)
		all = append(all, rows...)
		if page.Token = next; next == "" {
			return all
		}
	}
}
