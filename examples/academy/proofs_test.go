package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A glass store shows every row that it has.
type glass struct {
	store.Store

	tables []*store.Schema
}

func (g *glass) Prepare(ctx context.Context, tables ...*store.Schema) error {
	g.tables = tables
	return g.Store.Prepare(ctx, tables...)
}

// drawn are the ids that the engine draws: no two academies have the same.
var drawn = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// rows returns every row of the store, whose one workspace is the academy, as text, without the ids that were drawn.
func (g *glass) rows(t *testing.T, a *academy) []string {
	t.Helper()
	var all []string
	for _, s := range []store.Scope{{}, {Account: a.ws.Scope().Account}, a.ws.Scope()} {
		require.NoError(t, g.View(t.Context(), s, func(tx store.Tx) error {
			for _, table := range g.tables {
				rows, err := tx.List(t.Context(), table, store.Query{})
				if err != nil {
					return err
				}
				for _, row := range rows {
					record, err := json.Marshal(row.Record)
					if err != nil {
						return err
					}
					line := fmt.Sprintf("%s %s %v %s", table.Name, row.Key, row.Values, record)
					all = append(all, drawn.ReplaceAllString(line, "(drawn)"))
				}
			}
			return nil
		}))
	}
	return all
}

// open founds an academy on a store that shows its rows.
func open(t *testing.T) (*academy, *glass) {
	t.Helper()
	g := &glass{Store: memory.New()}
	a, err := found(t.Context(), g, io.Discard)
	require.NoError(t, err)
	return a, g
}

// again does what an entry of a journal says, at the time at which it was recorded.
func (a *academy) again(t *testing.T, e *guerdon.Entry) {
	t.Helper()
	ctx := t.Context()
	a.now = e.RecordedAt
	field := func(name string) string { text, _ := e.Event.Fields[name].(string); return text }
	who := learning.Submission{UserID: e.Event.UserID, Context: field("context")}
	var err error
	switch e.Event.Type {
	case event.Activity:
		_, err = a.ws.Record(ctx, event.Event{ID: e.Event.ID, UserID: e.Event.UserID, EntityID: e.Event.EntityID, At: e.Event.At})
	case event.Story:
		s := learning.StorySubmission{Submission: who, StoryID: e.Event.EntityID, Action: learning.Action(field("action"))}
		_, err = a.ws.Learning.SubmitStory(ctx, s)
	case event.Slide:
		s := learning.SlideSubmission{Submission: who, SlideID: e.Event.EntityID, Progress: learning.Progress(e.Event.Progress)}
		_, err = a.ws.Learning.SubmitSlide(ctx, s)
	case event.Quiz:
		s := learning.QuizSubmission{Submission: who, QuizID: e.Event.EntityID, Answer: content.Option(field("answer"))}
		_, err = a.ws.Learning.SubmitQuiz(ctx, s)
	case event.User: // enrolled
	case event.Clock:
		require.NoError(t, a.ws.Advance(ctx))
		_, err = a.ws.Learning.Evaluate(ctx, e.Event.UserID)
	default:
		require.Fail(t, "an event of another type", "%s %s", e.Event.Type, e.Event.ID)
	}
	require.NoError(t, err)
}

// Whoever does again what the journal says, in an empty workspace with the same course, has the same academy.
func TestJournalReplayedGivesTheSameAcademy(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	lived, original := open(t)
	require.NoError(t, lived.play(ctx))
	path, err := lived.ws.Learning.Paths.Get(ctx, firstPath)
	require.NoError(t, err)
	entries, err := lived.ws.Journal(ctx, 0)
	require.NoError(t, err)
	require.Len(t, entries, 37)

	replayed, copied := open(t)
	for i := range entries {
		if before := replayed.now; entries[i].RecordedAt.After(path.UpdatedAt) && !before.After(path.UpdatedAt) {
			replayed.now = path.UpdatedAt
			require.NoError(t, replayed.revise(ctx))
		}
		replayed.again(t, &entries[i])
	}
	require.Equal(t, original.rows(t, lived), copied.rows(t, replayed))
}

// What an academy exports, another imports, and exports to the byte.
func TestBundleSurvivesTheJourney(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, _ := open(t)
	written, err := a.ws.Export(ctx)
	require.NoError(t, err)
	require.NoError(t, a.play(ctx)) // in which the author changes a path
	revised, err := a.ws.Export(ctx)
	require.NoError(t, err)
	require.NotEqual(t, string(written), string(revised))
	for i, bundle := range [][]byte{written, revised} {
		_, err := a.engine.Platform.CreateWorkspace(ctx, tenancy.Workspace{ID: fmt.Sprint("copy-", i), AccountID: "academy", Name: fmt.Sprint("Copy ", i)})
		require.NoError(t, err)
		other, err := a.engine.Workspace(ctx, store.Scope{Account: "academy", Workspace: fmt.Sprint("copy-", i)})
		require.NoError(t, err)
		_, err = other.Import(ctx, bundle)
		require.NoError(t, err)
		again, err := other.Export(ctx)
		require.NoError(t, err)
		require.Equal(t, string(bundle), string(again))
		done, err := other.Import(ctx, again)
		require.NoError(t, err)
		require.Empty(t, append(done.Created, done.Changed...))
	}
}

// totals are what an academy adds up, as JSON.
func (a *academy) totals(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	all := map[string]any{}
	put := func(name string, v any, err error) {
		require.NoError(t, err)
		all[name] = v
	}
	system, err := a.ws.Economy.System(ctx, "crumbs")
	put("system", system, err)
	report, err := a.ws.Economy.Verify(ctx)
	put("books", report, err)
	require.True(t, report.OK())
	for _, l := range a.learners {
		balances, err := a.ws.Economy.Balances(ctx, l.id)
		put(l.id+" balances", balances, err)
		stats, err := a.ws.Learning.Stats(ctx, l.id)
		put(l.id+" stats", stats, err)
		missions, _, err := a.ws.Missions.List(ctx, l.id, missions.Query{}, store.Page{})
		put(l.id+" missions", missions, err)
		paths, _, err := a.ws.Learning.Assignments(ctx, l.id, learning.Query{}, store.Page{})
		for i := range paths {
			paths[i].Path = learning.Path{} // its texts are in the language of who looks
		}
		put(l.id+" paths", paths, err)
	}
	text, err := json.MarshalIndent(all, "", " ")
	require.NoError(t, err)
	return string(text)
}

// A learner who is forgotten leaves nothing in any table that says who it was, is on no board, and leaves every total as it
// was.
func TestForgottenLearnerLeavesTotalsAndNoName(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, g := open(t)
	identity := []string{"Hanako", "Yamada", "hanako@example.org", "customer 4711", "hana-chan", "https://example.org/hanako.png"}
	yuki, err := a.ws.Users.Create(ctx, tenancy.NewUser{
		ID: "u-1", FirstName: identity[0], LastName: identity[1], Email: identity[2], ExternalID: identity[3], Nickname: identity[4],
		ProfileImage: identity[5], Lang: "en", Timezone: "Asia/Tokyo",
	})
	require.NoError(t, err)
	a.learners[0].id = yuki.ID // she learns under this name
	require.NoError(t, a.play(ctx))
	traces := func() (found []string) {
		for _, row := range g.rows(t, a) {
			for _, trace := range identity {
				if strings.Contains(strings.ToLower(row), strings.ToLower(trace)) {
					found = append(found, trace+" in "+row)
				}
			}
		}
		return found
	}
	for _, trace := range identity {
		require.True(t, slices.ContainsFunc(traces(), func(s string) bool { return strings.HasPrefix(s, trace+" in ") }), trace)
	}
	ranked := func() (ids []string) {
		top, err := a.ws.Leaderboards.Top(ctx, board, 10, nil)
		require.NoError(t, err)
		for _, row := range top.Rows {
			ids = append(ids, row.EntityID)
		}
		return ids
	}
	before := a.totals(t)
	require.Equal(t, []string{"giulia", yuki.ID, "leo"}, ranked())
	_, err = a.ws.Users.Anonymise(ctx, yuki.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"giulia", "leo"}, ranked())
	require.Empty(t, traces())
	require.Equal(t, before, a.totals(t))
}
