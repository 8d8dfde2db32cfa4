package proof_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// all returns the ids of the entries of all pages.
func all(t tester, ws *guerdon.Workspace, filter guerdon.EntryFilter, page store.Page) (ids []string) {
	t.Helper()
	for {
		list, next, err := ws.Entries(t.Context(), filter, page)
		require.NoError(t, err)
		require.LessOrEqual(t, len(list), max(page.Limit, 1))
		for i := range list {
			ids = append(ids, list[i].Event.ID)
		}
		if next == "" {
			return ids
		}
		page.Token = next
	}
}

// The entries of a filter are those of the whole journal that it picks: of a user in the order in which they happened, but for what the
// clock did that does not stand any more; otherwise as they were recorded. So it is in both directions and in pages of any size.
func TestEntriesAreThoseOfTheJournal(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		w := b.world(rt)
		users := []string{"ada", "bob", "eve"}
		for range rapid.IntRange(0, 40).Draw(rt, "events") {
			userID := rapid.SampledFrom(users).Draw(rt, "user")
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0: // it may be no step of the user's fold
				language := rapid.SampledFrom([]string{"en", "de", "it"}).Draw(rt, "language")
				_, err := w.Users.Update(rt.Context(), userID, tenancy.UserPatch{Lang: &language})
				require.NoError(rt, err)
			case 1:
				_, err := w.Missions.Evaluate(rt.Context(), userID)
				require.NoError(rt, err)
			default:
				at := w.now.Load().Add(-time.Duration(rapid.IntRange(0, 300).Draw(rt, "hours ago")) * time.Hour)
				_, err := w.Record(rt.Context(), run("", userID, at))
				require.NoError(rt, err)
			}
			w.set(w.now.Load().Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "hours")) * time.Hour))
		}
		var journal []guerdon.Entry
		for after := int64(0); ; {
			some, err := w.Journal(rt.Context(), after)
			require.NoError(rt, err)
			if len(some) == 0 {
				break
			}
			journal, after = append(journal, some...), some[len(some)-1].Outcome.Seq
		}
		filter := guerdon.EntryFilter{
			UserID: rapid.SampledFrom([]string{"", "ada", "bob", "eve", "nobody"}).Draw(rt, "of"),
			Type:   rapid.SampledFrom([]event.Type{"", "", event.Activity, event.Mission, event.VirtualTransaction, event.User}).Draw(rt, "type"),
		}
		if rapid.Bool().Draw(rt, "bounded") {
			filter.From = start.Add(time.Duration(rapid.IntRange(-300, 300).Draw(rt, "from")) * time.Hour)
			filter.Until = filter.From.Add(time.Duration(rapid.IntRange(1, 600).Draw(rt, "hours")) * time.Hour)
		}
		if filter.Type == event.Mission {
			filter.EntityID = rapid.SampledFrom([]string{"", "weekly"}).Draw(rt, "entity")
		}
		want := slices.DeleteFunc(journal, func(e guerdon.Entry) bool {
			about := slices.ContainsFunc(append(e.Caused, e.Event), func(ev event.Event) bool {
				return (filter.Type == "" || ev.Type == filter.Type) && (filter.EntityID == "" || ev.EntityID == filter.EntityID)
			})
			at := e.Event.At
			return filter.UserID != "" && e.Event.UserID != filter.UserID || !about || at.Before(filter.From) || !filter.Until.IsZero() && !at.Before(filter.Until)
		})
		page := store.Page{Limit: rapid.IntRange(1, 7).Draw(rt, "limit"), Ascending: true}
		got := all(rt, w.Workspace, filter, page)
		if filter.UserID == "" {
			var ids []string
			for i := range want {
				ids = append(ids, want[i].Event.ID)
			}
			require.Equal(rt, ids, got)
		} else {
			at := map[string]time.Time{}
			for i := range want {
				at[want[i].Event.ID] = want[i].Event.At
			}
			for i := range want {
				if want[i].Event.Type != event.Clock { // it may have turned out not to be so
					require.Contains(rt, got, want[i].Event.ID)
				}
			}
			require.True(rt, slices.IsSortedFunc(got, func(a, b string) int { return at[a].Compare(at[b]) }))
			for _, id := range got {
				require.Contains(rt, at, id)
			}
			require.Len(rt, slices.Compact(slices.Sorted(slices.Values(got))), len(got), "each once")
		}
		page.Ascending, page.Limit = false, rapid.IntRange(1, 7).Draw(rt, "limit back")
		back := all(rt, w.Workspace, filter, page)
		slices.Reverse(back)
		require.Equal(rt, got, back)
	})
}

// A page of a user's history costs the same however much there is, of the user and of others.
func TestEntriesCostTheSame(t *testing.T) {
	t.Parallel()
	var costs []cost
	for _, n := range []int{200, 1000} {
		w, m := newMeteredWorld(t, memory.New(), n)
		costs = append(costs, m.of(func() {
			list, next, err := w.Entries(t.Context(), guerdon.EntryFilter{UserID: "ada"}, store.Page{})
			require.NoError(t, err)
			require.Len(t, list, store.DefaultPage)
			require.NotEmpty(t, next)
		}))
	}
	require.Equal(t, costs[0], costs[1])
}

// The entry that paid a transaction is found, also where a mission was completed in between.
func TestOrigin(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		var ids []string
		for i := range 3 {
			out, err := w.Record(ctx, run("", "ada", w.now.Load().Add(time.Duration(i-5)*time.Minute)))
			require.NoError(t, err)
			ids = append(ids, out.EventID)
		}
		history, _, err := w.Economy.History(ctx, "ada", store.Page{Ascending: true})
		require.NoError(t, err)
		found := map[string]bool{}
		for _, tr := range history {
			e, err := w.Origin(ctx, tr.UserID, tr.At, tr.GroupID)
			require.NoError(t, err)
			require.Contains(t, ids, e.Event.ID)
			found[e.Event.ID] = true
			require.True(t, slices.ContainsFunc(e.Outcome.Transactions, func(c economy.Change) bool { return c.TransactionID == tr.ID }))
		}
		require.Len(t, found, 3)
		_, err = w.Origin(ctx, "ada", start, "nothing:of:this")
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

// refusal asks for entries and returns the error.
func refusal(w *world, filter guerdon.EntryFilter, page store.Page) error {
	_, _, err := w.Entries(context.Background(), filter, page)
	return err
}

func TestEntriesRefuse(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		_, token, err := w.Entries(t.Context(), guerdon.EntryFilter{}, store.Page{Limit: 1})
		require.NoError(t, err)
		for field, ask := range map[string]func() error{
			"type": func() error { return refusal(w, guerdon.EntryFilter{Type: "Nothing"}, store.Page{}) },
			"until": func() error {
				return refusal(w, guerdon.EntryFilter{From: start, Until: start}, store.Page{})
			},
			"userId": func() error { return refusal(w, guerdon.EntryFilter{UserID: "a/b"}, store.Page{}) },
			"limit":  func() error { return refusal(w, guerdon.EntryFilter{}, store.Page{Limit: 101}) },
			"token":  func() error { return refusal(w, guerdon.EntryFilter{UserID: "ada"}, store.Page{Token: token}) },
		} {
			err := ask()
			require.ErrorIs(t, err, fault.ErrInvalid, field)
			require.ErrorContains(t, err, field)
		}
		require.ErrorIs(t, refusal(w, guerdon.EntryFilter{}, store.Page{Token: "!"}), fault.ErrInvalid)
	})
}
