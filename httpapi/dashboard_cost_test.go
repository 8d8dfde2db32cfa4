package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/httpapi"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A meter is a store that counts how often it is gone to: what is prefetched costs one call, however much it is.
type meter struct {
	store.Store

	calls int
}

func (m *meter) View(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return m.Store.View(ctx, s, func(tx store.Tx) error { return fn(&metered{tx, m, map[string]bool{}}) })
}

func (m *meter) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return m.Store.Update(ctx, s, func(tx store.Tx) error { return fn(&metered{tx, m, map[string]bool{}}) })
}

type metered struct {
	store.Tx

	meter *meter
	known map[string]bool // by table and key, or query
}

func (t *metered) In(s store.Scope) store.Tx { return &metered{t.Tx.In(s), t.meter, t.known} }

func (t *metered) nameOf(s *store.Schema, what any) string {
	return fmt.Sprintf("%v %s %+v", t.Scope(), s.Name, what)
}

func (t *metered) Prefetch(ctx context.Context, reads ...store.Read) error {
	t.meter.calls++
	for _, r := range reads {
		for _, key := range r.Keys {
			t.known[t.nameOf(r.Table, key)] = true
		}
		if r.Query != nil {
			t.known[t.nameOf(r.Table, *r.Query)] = true
		}
	}
	return t.Tx.Prefetch(ctx, reads...)
}

func (t *metered) Get(ctx context.Context, s *store.Schema, keys ...string) ([]store.Row, error) {
	for _, key := range keys {
		if !t.known[t.nameOf(s, key)] {
			t.meter.calls++
			break
		}
	}
	return t.Tx.Get(ctx, s, keys...)
}

func (t *metered) List(ctx context.Context, s *store.Schema, q store.Query) ([]store.Row, error) {
	if !t.known[t.nameOf(s, q)] {
		t.meter.calls++
	}
	return t.Tx.List(ctx, s, q)
}

func (t *metered) Count(ctx context.Context, s *store.Schema, q store.Query) (int, error) {
	t.meter.calls++
	return t.Tx.Count(ctx, s, q)
}

// A page of a hundred rows with all that may be asked for goes to the store as often as one of two.
func TestAPageCostsAsManyCallsWhateverIsOnIt(t *testing.T) {
	t.Parallel()
	m := &meter{Store: memory.New()}
	w := newWorld(t, m)
	ctx := t.Context()
	const n = store.MaxPage
	docs := []content.Document{guerdontest.Currency("coins"), guerdontest.Tag("sort", "many")}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("of-%03d", i)
		docs = append(docs, guerdontest.Activity(ids[i]), guerdontest.Story(ids[i]), guerdontest.Slide(ids[i]))
	}
	for _, id := range ids {
		quiz := guerdontest.Quiz(id)
		quiz.StoryID, quiz.Placement = id, content.InStory
		conf := guerdontest.MissionConfiguration(id, guerdontest.Doing(id), "3")
		streak := guerdontest.StreakConfiguration(id, guerdontest.Doing(id))
		group := guerdontest.Group(id, guerdontest.Activity(id), quiz)
		path := guerdontest.Path(id, guerdontest.Slide(id), guerdontest.Story(id), group)
		docs = append(docs, quiz, conf, guerdontest.MissionRule(id, conf, ""), streak, guerdontest.StreakRule(id, streak), group, path, guerdontest.PathRule(id, path),
			guerdontest.RewardRule(id, guerdontest.Doing(id), "coins", `{"if": [{"==": [{"var": "event.entityId"}, "`+id+`"]}, 1, 2]}`))
	}
	bundle, err := guerdon.Bundle(docs...)
	require.NoError(t, err)
	for _, kind := range []string{"Activity", "Story", "LearningPath", "StreakRule"} {
		head := fmt.Appendf(nil, `"kind": %q,`, kind)
		require.Equal(t, n, bytes.Count(bundle, head), kind)
		bundle = bytes.ReplaceAll(bundle, head, append(slices.Clip(head), ` "tags": [{"tagId": "many"}],`...))
	}
	_, err = w.ws.Import(ctx, bundle)
	require.NoError(t, err)
	for _, id := range ids {
		_, err = w.ws.Users.Create(ctx, tenancy.NewUser{ID: id, Email: id + "@many.test", Tags: []tenancy.Tagging{{TagID: "many"}}})
		require.NoError(t, err)
		_, err = w.ws.Learning.Assign(ctx, learning.NewAssignment{PathID: id, UserID: id})
		require.NoError(t, err)
	}
	c := w.as("admin", httpapi.Dashboard)
	for path, fields := range map[string]string{
		"/activities":             "tags,translations",
		"/quizzes":                "tags,translations",
		"/slides":                 "tags,translations",
		"/stories":                "tags,translations,quizzes",
		"/learning-groups":        "tags,translations,items",
		"/learning-paths":         "tags,translations,items,assignments",
		"/learning-path-rules":    "translations",
		"/mission-configurations": "tags,translations",
		"/mission-rules":          "tags,translations",
		"/reward-rules":           "translations",
		"/streak-configurations":  "tags,translations",
		"/streak-rules":           "tags,translations",
		"/users":                  "tags,principal",
	} {
		cost := func(limit int) int {
			before := m.calls
			rows := items(c.do("GET", fmt.Sprintf("%s?limit=%d&fields=%s", path, limit, fields), "", 200))
			require.Len(t, rows, limit)
			for name := range strings.SplitSeq(fields, ",") {
				require.Contains(t, rows[limit-1], name, path)
			}
			return m.calls - before
		}
		few, many := cost(2), cost(n)
		require.LessOrEqual(t, many, few, path)
		require.LessOrEqual(t, many, 20, path)
	}
}
