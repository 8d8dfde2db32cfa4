package analytics_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/analytics"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/internal/everystore"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

var databases pgtest.Pool

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" { // what is measured runs as in a host
		debug.SetGCPercent(400) // the worlds of the tests are small, and each is garbage soon
	}
	code := m.Run()
	if err := databases.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// openers are the stores that must answer alike.
var openers = everystore.Openers(&databases)

// tester is a test or a check of a property.
type tester interface {
	require.TestingT
	Helper()
	Context() context.Context
}

// start is what the clock shows in the beginning, a Wednesday.
var start = time.Date(2026, time.March, 18, 12, 0, 0, 0, time.UTC)

// world is a workspace that is counted, with a clock that moves when told.
type world struct {
	*guerdon.Workspace
	engine *guerdon.Engine
	store  store.Store
	count  *analytics.Analytics
	now    atomic.Pointer[time.Time]
}

func (w *world) set(now time.Time) { w.now.Store(&now) }

func (w *world) clock() time.Time { return *w.now.Load() }

// found returns a world with documents and an activity "run" in a new account.
func found(t tester, st store.Store, account string, opts analytics.Options, docs ...content.Document) *world {
	t.Helper()
	w := &world{store: st}
	w.set(start)
	ctx := t.Context()
	var ids atomic.Int64
	var err error
	w.engine, err = guerdon.New(ctx, st, &guerdon.Options{
		Now: w.clock, NewID: func() string { return fmt.Sprintf("id-%06d", ids.Add(1)) }, Tables: analytics.Tables(),
	})
	require.NoError(t, err)
	_, err = w.engine.Platform.CreateAccount(ctx, tenancy.Account{ID: account})
	require.NoError(t, err)
	w.Workspace, err = w.engine.Workspace(ctx, store.Scope{Account: account, Workspace: "default"})
	require.NoError(t, err)
	bundle, err := guerdon.Bundle(append([]content.Document{guerdontest.Activity("run")}, docs...)...)
	require.NoError(t, err)
	_, err = w.Import(ctx, bundle)
	require.NoError(t, err)
	w.count = w.counting(t, opts)
	return w
}

// threeRuns is a mission of three runs a week, which a run assigns.
func threeRuns() []content.Document {
	c := guerdontest.MissionConfiguration("three", guerdontest.Doing("run"), "3")
	return []content.Document{c, guerdontest.MissionRule("weekly", c, "WEEKLY")}
}

// school is what people can do and get: runs are paid and counted by a mission, which is paid too; for both there is a badge, and for
// swims one that is kept; and paths are assigned by hand, each week and because another was completed.
func school() []content.Document {
	q, hard, s, swim := guerdontest.Quiz("q"), guerdontest.Quiz("hard"), guerdontest.Slide("s"), guerdontest.Activity("swim")
	hard.Difficulty = content.Hard
	often := guerdontest.Quiz("often")
	often.MaxAttempts, often.CountedAttempt = 3, content.LastAttempt
	group := guerdontest.Group("group", hard, swim)
	run := guerdontest.Activity("run")
	course, weekly, more := guerdontest.Path("course", run, s, q, often, group), guerdontest.Path("weekly", run, swim), guerdontest.Path("more", s, run, q)
	each := guerdontest.PathRule("each", weekly)
	each.AssignmentMode, each.Type, each.Recurrence = learning.OnEvent, timeframe.Recurring, timeframe.Weekly
	each.EventMatchType, each.EventMatchEntity, each.EventMatchEntityID = event.MatchTag, "Tag", "sport"
	each.LearningPathsMatchCondition = json.RawMessage(`{"!=": [{"var": "event.outcome"}, "FAILURE"]}`)
	then := guerdontest.PathRule("then", more)
	then.AssignmentMode, then.EventMatchType, then.EventMatchEntity, then.EventMatchEntityID = learning.OnEvent, event.MatchInstance, "LearningPathLog", "weekly"
	then.EventMatchCondition = json.RawMessage(`{"==": [{"var": "progress"}, "COMPLETE"]}`)
	kept := guerdontest.Badge("kept")
	kept.IsRevocable = new(false)
	return append(threeRuns(),
		guerdontest.Badge("runner"), guerdontest.AwardRule("runner", guerdontest.Doing("run"), "runner"), guerdontest.Badge("helper"),
		kept, guerdontest.AwardRule("kept", guerdontest.Doing("swim"), "kept"), guerdontest.AwardRule("regular", guerdontest.Completing("three"), "runner"),
		guerdontest.Currency("points"), guerdontest.RewardRule("pays", guerdontest.Doing("run"), "points", "10"),
		guerdontest.RewardRule("bonus", guerdontest.Completing("three"), "points", "50"),
		guerdontest.Tag("topic", "sport"), guerdontest.Tag("topic", "skill"), swim, s, q, hard, often, group, course, weekly, more, guerdontest.PathRule("all", course), each, then)
}

// counting returns what counts for the world.
func (w *world) counting(t tester, opts analytics.Options) *analytics.Analytics {
	t.Helper()
	a, err := analytics.New(w.engine, &opts)
	require.NoError(t, err)
	return a
}

// journal returns all entries.
func (w *world) journal(t tester) (all []guerdon.Entry) {
	t.Helper()
	for after := int64(0); ; after = all[len(all)-1].Outcome.Seq {
		some, err := w.Journal(t.Context(), after)
		require.NoError(t, err)
		if all = append(all, some...); len(some) == 0 {
			return all
		}
	}
}

// listed returns all pages of a list of people, as one.
func listed(t tester, limit int, ascending bool, list func(store.Page) (analytics.People, error)) (ids []string) {
	t.Helper()
	for page := (store.Page{Limit: limit, Ascending: ascending}); ; {
		some, err := list(page)
		require.NoError(t, err)
		require.LessOrEqual(t, len(some.People), limit)
		for _, p := range some.People {
			ids = append(ids, p.UserID)
		}
		if page.Token = some.NextToken; page.Token == "" {
			return ids
		}
	}
}

// on returns a day of the year of start.
func on(text string) timeframe.Day {
	d, err := timeframe.ParseDay("2026-" + text)
	if err != nil {
		panic(err)
	}
	return d
}
