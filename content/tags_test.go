package content_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Whatever is assigned and removed, by calls and by bundles, a document has at every moment the tags that
// it carried then; and before it was first published, those that it had at that time.
func TestTagsOfThen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ctx, s := t.Context(), newShelf(t)
		_, err := s.importBundle(t, bundleOf(t, tag("a", "n", "a"), tag("a-b", "n", "b"), tag("c", "n", "c")))
		require.NoError(t, err)
		_, err = s.activities.Create(ctx, activity("run", "Run"))
		require.NoError(t, err)
		carried := map[string]bool{}
		var published time.Time
		var moments []time.Time
		var want [][]string
		for range rapid.IntRange(1, 15).Draw(rt, "steps") {
			s.now = s.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "minutes")) * time.Minute)
			id := rapid.SampledFrom([]string{"a", "a-b", "c"}).Draw(rt, "tag")
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				if _, err := s.activities.Publish(ctx, "run"); err == nil {
					published = s.now
				}
			case 1:
				_, err := s.importBundle(t, strings.Replace(bundleOf(t, activity("run", "Run")), `{"kind":"Activity"`,
					`{"kind":"Activity","tags":[{"tagId":"`+id+`","priority":1}]`, 1))
				require.NoError(rt, err)
				if carried = map[string]bool{id: true}; published.IsZero() {
					published = s.now
				}
			case 2, 3:
				if s.activities.RemoveTags(ctx, "run", id) == nil {
					delete(carried, id)
				}
			default:
				if _, err := s.activities.AssignTags(ctx, "run", tenancy.Tagging{TagID: id}); err == nil {
					carried[id] = true
				}
			}
			var now []string
			for _, id := range []string{"a", "a-b", "c"} {
				if carried[id] {
					now = append(now, id)
				}
			}
			if n := len(moments); n > 0 && moments[n-1].Equal(s.now) {
				moments, want = moments[:n-1], want[:n-1]
			}
			moments, want = append(moments, s.now), append(want, now)
			list, _, err := s.activities.AssignedTags(ctx, "run", store.Page{Ascending: true})
			require.NoError(rt, err)
			var shown []string
			for _, a := range list {
				shown = append(shown, a.TagID)
			}
			require.Equal(rt, now, shown)
		}
		if published.IsZero() {
			return // nothing can happen to it
		}
		first := slices.IndexFunc(moments, published.Equal)
		program := s.load(t)
		tags := func(p *content.Program, at time.Time) []string { return p.EntityTags("Activity", "run", at) }
		require.Equal(rt, want[first], tags(program, published.AddDate(-1, 0, 0)))
		for i, moment := range moments {
			require.Equal(rt, want[max(i, first)], tags(program, moment))
			require.Equal(rt, want[max(i, first)], tags(program, moment.Add(time.Second/2)))
			if i < first {
				continue
			}
			then, err := session.Read(ctx, s.run, func(tx *session.Tx) (*content.Program, error) { return library.LoadAt(ctx, tx, moment) })
			require.NoError(rt, err)
			require.Equal(rt, want[i], tags(then, moment))
			require.Equal(rt, want[first], tags(then, published))
		}
		require.Empty(rt, program.EntityTags("Activity", "swim", s.now))
	})
}
