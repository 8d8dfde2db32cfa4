package content_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// boxes are open from their OpensAt for an hour.
func (b *box) State(now time.Time) timeframe.State {
	switch {
	case now.Before(b.OpensAt):
		return timeframe.Pending
	case now.Before(b.OpensAt.Add(time.Hour)):
		return timeframe.Active
	}
	return timeframe.Ended
}

func TestListsPickByStageAndState(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	for id, opens := range map[string]time.Duration{"ended": -2 * time.Hour, "open": -time.Minute, "later": time.Hour} {
		b := newBox(id)
		b.OpensAt = s.now.Add(opens)
		s.fill(t, b)
	}
	s.fill(t, newBox("gone"))
	_, err := s.boxes.Archive(ctx, "gone")
	require.NoError(t, err)
	_, err = s.boxes.Publish(ctx, "open")
	require.NoError(t, err)
	s.fill(t, newBox("revised"))
	published, err := s.boxes.Publish(ctx, "revised")
	require.NoError(t, err)
	revised := newBox("revised")
	revised.OpensAt = s.now.Add(time.Hour)
	_, err = s.boxes.Update(ctx, revised)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		filter content.Filter
		want   []string
	}{
		"all but the archived": {content.Filter{}, []string{"ended", "later", "open", "revised"}},
		"in force":             {content.Filter{InForce: true}, []string{"open", "revised"}},
		"ended in force":       {content.Filter{InForce: true, State: timeframe.Ended}, []string{"revised"}},
		"archived":             {content.Filter{Stages: []content.Stage{content.Archived}}, []string{"gone"}},
		"drafts":               {content.Filter{Stages: []content.Stage{content.Draft}}, []string{"ended", "later", "revised"}},
		"all":                  {content.Filter{Stages: []content.Stage{content.Draft, content.Published, content.Archived}}, []string{"ended", "gone", "later", "open", "revised"}},
		"pending":              {content.Filter{State: timeframe.Pending}, []string{"later", "revised"}},
		"active":               {content.Filter{State: timeframe.Active}, []string{"open"}},
		"active drafts":        {content.Filter{State: timeframe.Active, Stages: []content.Stage{content.Draft}}, nil},
		"ended":                {content.Filter{State: timeframe.Ended}, []string{"ended"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, next, err := s.boxes.List(ctx, tt.filter, store.Page{})
			require.NoError(t, err)
			require.Empty(t, next)
			got := ids(found, boxID)
			slices.Sort(got)
			require.Equal(t, tt.want, got)
			for _, b := range found {
				require.Equal(t, b.State(s.now), b.TimeframeState)
			}
		})
	}
	found, _, err := s.boxes.List(ctx, content.Filter{InForce: true, State: timeframe.Ended}, store.Page{})
	require.NoError(t, err)
	require.Equal(t, published, found[0], "the draft is not shown")
	s.now = s.now.Add(2 * time.Hour)
	later, err := s.boxes.Get(ctx, "later")
	require.NoError(t, err)
	require.Equal(t, timeframe.Ended, later.TimeframeState, "the clock alone moves it")
	_, err = s.boxes.Update(ctx, later)
	require.NoError(t, err)
	require.NotContains(t, s.export(t), `"state"`, "what is computed is not kept")

	for field, filter := range map[string]content.Filter{"stage": {Stages: []content.Stage{"LIVE"}}, "state": {State: "OPEN"}} {
		_, _, err = s.boxes.List(ctx, filter, store.Page{})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, field+": ")
	}
	_, _, err = s.boxes.List(ctx, content.Filter{InForce: true, Stages: []content.Stage{content.Published}}, store.Page{})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "stage: ")
	_, _, err = s.activities.List(ctx, content.Filter{State: timeframe.Active}, store.Page{})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "state: ")
}

// The pages of a filtered list hold what the filter picks, each once and in order, and all are full but
// the last.
func TestFilteredPagesAreExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newShelf(t)
		var want []string
		n := rapid.IntRange(0, 30).Draw(rt, "boxes")
		archived := rapid.SliceOfN(rapid.Bool(), n, n).Draw(rt, "archived")
		for i, gone := range archived {
			id := fmt.Sprint("b", i)
			_, err := s.boxes.Create(s.ctx, newBox(id))
			require.NoError(rt, err)
			if gone {
				_, err = s.boxes.Archive(s.ctx, id)
				require.NoError(rt, err)
				continue
			}
			want = append(want, id)
		}
		page := store.Page{Limit: rapid.IntRange(1, 6).Draw(rt, "limit"), Ascending: rapid.Bool().Draw(rt, "ascending")}
		if !page.Ascending {
			slices.Reverse(want)
		}
		var got []string
		for {
			found, next, err := s.boxes.List(s.ctx, content.Filter{}, page)
			require.NoError(rt, err)
			got = append(got, ids(found, boxID)...)
			if next == "" {
				break
			}
			require.Len(rt, found, page.Limit)
			page.Token = next
		}
		require.Equal(rt, want, got)
	})
}

func TestTranslationsInPages(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	a := activity("run", "Run", "it", "de")
	_, err := s.activities.Create(ctx, a)
	require.NoError(t, err)
	for ascending, want := range map[bool][]string{true: {"de", "en", "it"}, false: {"it", "en", "de"}} {
		first, next, err := s.activities.Translations(ctx, "run", store.Page{Limit: 2, Ascending: ascending})
		require.NoError(t, err)
		rest, last, err := s.activities.Translations(ctx, "run", store.Page{Limit: 2, Ascending: ascending, Token: next})
		require.NoError(t, err)
		require.Empty(t, last)
		require.Equal(t, want, ids(append(first, rest...), content.Text.Language))
		require.Equal(t, "Run in "+want[2], rest[0].(content.Label).Label)
	}
	_, _, err = s.activities.Translations(ctx, "run", store.Page{Token: "?"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, _, err = s.activities.Translations(ctx, "swim", store.Page{})
	require.ErrorIs(t, err, fault.ErrNotFound)
}

// History says what was done with a document, when, and by whom: here by nobody but the system.
func TestHistoryShowsArchiving(t *testing.T) {
	ctx, s := t.Context(), newShelf(t)
	s.fill(t, newBox("b"))
	for range 2 {
		_, err := s.boxes.Archive(ctx, "b")
		require.NoError(t, err)
		_, err = s.boxes.Unarchive(ctx, "b")
		require.NoError(t, err)
	}
	_, err := s.boxes.Publish(ctx, "b")
	require.NoError(t, err)
	_, err = s.boxes.Archive(ctx, "b")
	require.NoError(t, err)
	list, _, err := s.boxes.History(ctx, "b", store.Page{Ascending: true})
	require.NoError(t, err)
	var got []string
	for _, v := range list {
		require.Equal(t, content.Actor{Type: content.BySystem}, v.Actor)
		require.Equal(t, v.Stage, v.Document.Stage)
		require.Equal(t, v.Number, v.Document.Version)
		got = append(got, fmt.Sprint(v.Number, " ", v.Stage))
	}
	require.Equal(t, []string{"0 ARCHIVED", "0 ARCHIVED", "1 PUBLISHED", "1 ARCHIVED"}, got)
}
