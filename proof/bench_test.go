package proof_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/guerdontest"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/internal/ratio"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/postgres"
	"github.com/guerdonhq/guerdon/store/sqlite"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// The club is what the benchmarks measure with: users who each do one of four sports, and a program of
// which every event matches about a quarter, with every user's first event recorded.
const (
	clubUsers = 10_000
	clubBatch = 100
)

var sports = []string{"run", "swim", "bike", "row"}

// clubDocs returns 20 mission rules, 20 reward rules, 3 streak rules and 5 boards. Those of other sports,
// which no event matches, are as many times as many as others says.
func clubDocs(others int) []content.Document {
	docs := []content.Document{guerdontest.Currency("points"), guerdontest.Currency("gems")}
	all := slices.Clone(sports)
	for i := range (others - 1) * len(sports) {
		all = append(all, fmt.Sprintf("other-%d", i))
	}
	for _, sport := range all {
		docs = append(docs, sportDocs(sport)...)
	}
	for i, name := range []string{"run", "swim", "land"} {
		c := guerdontest.StreakConfiguration(name, guerdontest.Doing(name))
		if i == 2 {
			c.MatchType, c.MatchEntityID = event.MatchEntity, ""
			c.MatchCondition = json.RawMessage(`{"in": [{"var": "entityId"}, ["bike", "row"]]}`)
		}
		docs = append(docs, c, guerdontest.StreakRule(name, c))
	}
	points := guerdontest.BoardConfiguration("points", "points")
	return append(docs, points, guerdontest.Board("points", points, ""))
}

// rankedClub is the club with levels, badges and caps: a ladder on all points that a user earns, a badge for each mission that is completed, and for each
// sport so many points a day.
func rankedClub() (docs []content.Document) {
	for _, doc := range clubDocs(1) {
		if r, is := doc.(*economy.RewardRule); is && strings.HasSuffix(r.ID, "-0") {
			r.Rewards[0].MaxAmountPerUser, r.Rewards[0].Per, r.Rewards[0].WhenExceeded = new(decimal.NewFromInt(20)), timeframe.ByDay, economy.PayPart
		}
		docs = append(docs, doc)
	}
	docs = append(docs, guerdontest.Ladder("club", levels.Measure{Type: levels.Earned, CurrencyID: "points"},
		guerdontest.Step("bronze", "100"), guerdontest.Step("silver", "1000"), guerdontest.Step("gold", "10000")))
	for _, sport := range sports {
		for i := range 5 {
			id := fmt.Sprint(sport, "-", i)
			docs = append(docs, guerdontest.Badge(id), guerdontest.AwardRule("badge-"+id, guerdontest.Completing(id), id))
		}
	}
	return docs
}

// sportDocs returns an activity with 5 mission rules, 5 reward rules and a board.
func sportDocs(sport string) []content.Document {
	docs := []content.Document{guerdontest.Activity(sport)}
	doing := guerdontest.Doing(sport)
	for i, target := range []string{"3", "10", "50", "200", "1000"} {
		id := fmt.Sprint(sport, "-", i)
		c := guerdontest.MissionConfiguration(id, doing, target)
		c.MatchCondition = json.RawMessage(`{"and": [{"==": [{"var": "progress"}, "COMPLETE"]}, {"<": [{"var": "value"}, 1000]}]}`)
		if i > 1 {
			c.IncrementExpression = json.RawMessage(`{"var": "value"}`)
		}
		recurrence := []timeframe.Recurrence{"WEEKLY", "MONTHLY"}[i%2]
		r := guerdontest.RewardRule(id, doing, []string{"points", "gems"}[i/4], `{"*": [{"var": "value"}, 2]}`)
		docs = append(docs, c, guerdontest.MissionRule(id, c, recurrence), r)
	}
	board := guerdontest.BoardConfiguration(sport, "points")
	board.Query = leaderboard.Query{
		Source: leaderboard.ActivityLogs, Where: json.RawMessage(fmt.Sprintf(`{"==": [{"var": "entityId"}, %q]}`, sport)),
		Score: leaderboard.Score{Function: leaderboard.Sum, Of: json.RawMessage(`{"var": "value"}`)},
	}
	return append(docs, board, guerdontest.Board(sport, board, "MONTHLY"))
}

// clubStart is when the first event happened.
var clubStart = time.Date(2025, time.September, 15, 9, 0, 0, 0, time.UTC)

// clubMade is how many events there are of the club that was opened last. Its clock goes with them, so that what a call
// does happens after them, and not after those to come.
var clubMade atomic.Int64

func clubTime(n int64) time.Time { return clubStart.Add(time.Duration(n) * 100 * time.Millisecond) }

func clubUser(i int) string { return fmt.Sprintf("user-%04d", i) }

func clubZone(i int) string {
	zones := []string{"UTC", "Europe/Rome", "America/New_York", "Asia/Tokyo"}
	return zones[i/len(sports)%len(zones)]
}

// clubEvent returns the nth event of all. The users take turns.
func clubEvent(n int) event.Event {
	for made := clubMade.Load(); made < int64(n); made = clubMade.Load() {
		clubMade.CompareAndSwap(made, int64(n))
	}
	user := n % clubUsers
	return event.Event{
		ID: fmt.Sprintf("event-%08d", n), UserID: clubUser(user), EntityID: sports[user%len(sports)],
		At: clubTime(int64(n)), Value: new(decimal.NewFromInt(int64(1 + n%7))),
	}
}

func clubEvents(from, n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = clubEvent(from + i)
	}
	return events
}

// openClub returns the club's workspace on a store, which need not hold it yet. It may be observed.
func openClub(b testing.TB, st store.Store, observe ...guerdon.Observer) *guerdon.Workspace {
	b.Helper()
	clubMade.Store(0)
	opts := &guerdon.Options{Now: func() time.Time { return clubTime(clubMade.Load()) }, NewID: func() string { return "none" }}
	for _, o := range observe {
		opts.Observe = o
	}
	eng, err := guerdon.New(b.Context(), st, opts)
	require.NoError(b, err)
	_, err = eng.Platform.CreateAccount(b.Context(), tenancy.Account{ID: "club"})
	if !errors.Is(err, fault.ErrExists) {
		require.NoError(b, err)
	}
	ws, err := eng.Workspace(b.Context(), store.Scope{Account: "club", Workspace: tenancy.DefaultWorkspace})
	require.NoError(b, err)
	return ws
}

// publishClub makes a club without users on an empty store.
func publishClub(b testing.TB, st store.Store, docs []content.Document) *guerdon.Workspace {
	b.Helper()
	bundle, err := guerdontest.New(b, docs...).Export(b.Context())
	require.NoError(b, err)
	ws := openClub(b, st)
	_, err = ws.Import(b.Context(), bundle)
	require.NoError(b, err)
	return ws
}

// joinClub makes a club with its users, to whom nothing has happened yet, on an empty store.
func joinClub(b testing.TB, st store.Store, docs []content.Document) *guerdon.Workspace {
	b.Helper()
	return joinSome(b, st, docs, clubUsers)
}

// joinSome makes a club with so many users.
func joinSome(b testing.TB, st store.Store, docs []content.Document, users int) *guerdon.Workspace {
	b.Helper()
	ctx := b.Context()
	ws := publishClub(b, st, docs)
	require.NoError(b, ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
		for i := range users {
			_, err := ws.Users.Create(ctx, tenancy.NewUser{ID: clubUser(i), Timezone: clubZone(i)})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return ws
}

// foundClub makes the club on an empty store.
func foundClub(b testing.TB, st store.Store, docs []content.Document) *guerdon.Workspace {
	b.Helper()
	ws := joinClub(b, st, docs)
	for from := 0; from < clubUsers; from += clubBatch {
		_, err := ws.RecordBatch(b.Context(), clubEvents(from, clubBatch))
		require.NoError(b, err)
	}
	return ws
}

// recordAll records events one by one, with a number of callers at once.
func recordAll(b testing.TB, ws *guerdon.Workspace, events []event.Event, callers int) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(events)); i = next.Add(1) - 1 {
				if _, err := ws.Record(context.WithoutCancel(b.Context()), events[i]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// recordBatches records events a batch at a time.
func recordBatches(b testing.TB, ws *guerdon.Workspace, events []event.Event) {
	b.Helper()
	for batch := range slices.Chunk(events, clubBatch) {
		_, err := ws.RecordBatch(b.Context(), batch)
		require.NoError(b, err)
	}
}

// roundEvents is how many events each round of a comparison records.
const roundEvents = 256

// round returns the events of a round of a comparison.
func round(n int) []event.Event { return clubEvents(clubUsers+n*roundEvents, roundEvents) }

func memoryClub(b testing.TB) *guerdon.Workspace {
	b.Helper()
	return foundClub(b, memory.New(), clubDocs(1))
}

// BenchmarkRecord is an event of the club, for profiles, and to compare versions of the program by: on each store, one caller,
// 500 users.
func BenchmarkRecord(b *testing.B) {
	stores := map[string]func(*testing.B) store.Store{
		"memory": func(*testing.B) store.Store { return memory.New() },
		"sqlite": func(b *testing.B) store.Store {
			b.Helper()
			st, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "club.db"), &sqlite.Options{Synchronous: sqlite.Normal})
			require.NoError(b, err)
			return st
		},
		"postgres": func(b *testing.B) store.Store {
			b.Helper()
			st, err := postgres.Open(b.Context(), pgtest.DSN(b), nil)
			require.NoError(b, err)
			return st
		},
	}
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		b.Run(name, func(b *testing.B) {
			st := stores[name](b)
			b.Cleanup(func() { require.NoError(b, st.Close()) })
			ws := foundClub(b, st, clubDocs(1))
			b.ReportAllocs()
			n := clubUsers
			for b.Loop() {
				e := clubEvent(n)
				e.UserID = clubEvent(n % 500).UserID
				_, err := ws.Record(b.Context(), e)
				require.NoError(b, err)
				n++
			}
		})
	}
}

// clubSports returns the activities of the club and nothing that matches them.
func clubSports() []content.Document {
	var docs []content.Document
	for _, sport := range sports {
		docs = append(docs, guerdontest.Activity(sport))
	}
	return docs
}

// examDocs returns a path of quizzes, which everybody has, and all that it holds.
func examDocs(quizzes int) []content.Document {
	var parts []content.Document
	for i := range quizzes {
		parts = append(parts, guerdontest.Quiz(fmt.Sprint("question-", i)))
	}
	path := guerdontest.Path("exam", parts...)
	return append(parts, path, guerdontest.PathRule("everybody", path))
}

// examUsers is how many users answer in each round of a comparison.
const examUsers = 64

// sitExam lets the users of a round of a comparison answer the questions of the exam from one to another.
func sitExam(b testing.TB, ws *guerdon.Workspace, n, from, to int) {
	b.Helper()
	for i := range examUsers {
		userID := clubEvent(n*examUsers + i).UserID
		for q := from; q < to; q++ {
			s := learning.QuizSubmission{Submission: learning.Submission{UserID: userID}, QuizID: fmt.Sprint("question-", q), Answer: content.Option1}
			_, err := ws.Learning.SubmitQuiz(b.Context(), s)
			require.NoError(b, err)
		}
	}
}

func BenchmarkRatioMemory(b *testing.B) {
	b.Run("1,000 documents, as many matching : 50 documents", func(b *testing.B) {
		small, large := memoryClub(b), foundClub(b, memory.New(), clubDocs(20))
		ratio.Compare(b, 0.95,
			func(n int) { recordAll(b, large, round(n), 1) },
			func(n int) { recordAll(b, small, round(n), 1) })
	})
	b.Run("Record, with levels, badges and caps : without", func(b *testing.B) {
		plain, ranked := memoryClub(b), foundClub(b, memory.New(), rankedClub())
		ratio.Compare(b, 0.8,
			func(n int) { recordAll(b, ranked, round(n), 1) },
			func(n int) { recordAll(b, plain, round(n), 1) })
	})
	for _, baseline := range []struct {
		name string
		docs []content.Document
	}{{"event", clubDocs(1)}, {"event that moves nothing", clubSports()}} {
		b.Run("answer that completes a path of 50 : "+baseline.name, func(b *testing.B) {
			const quizzes = 50
			ws := foundClub(b, memory.New(), append(baseline.docs, examDocs(quizzes)...))
			for n := range ratio.Rounds {
				for i := range examUsers {
					_, err := ws.Learning.Evaluate(b.Context(), clubEvent(n*examUsers+i).UserID)
					require.NoError(b, err)
				}
				sitExam(b, ws, n, 0, quizzes-1)
			}
			ratio.Compare(b, 0.33,
				func(n int) { sitExam(b, ws, n, quizzes-1, quizzes) },
				func(n int) { recordAll(b, ws, clubEvents(clubUsers+n*examUsers, examUsers), 1) })
			stats, err := ws.Learning.Stats(b.Context(), clubEvent(0).UserID)
			require.NoError(b, err)
			require.Equal(b, 1, stats.CompletedPaths)
		})
	}
	b.Run("replay of a journal : Record one by one", func(b *testing.B) {
		var worlds [ratio.Rounds][2]*guerdon.Workspace
		for n := range worlds {
			for side := range worlds[n] {
				worlds[n][side] = joinClub(b, memory.New(), clubDocs(1))
			}
		}
		history := clubEvents(0, guerdon.MaxBatch)
		ratio.Compare(b, 2,
			func(n int) {
				_, err := worlds[n][0].RecordBatch(b.Context(), history)
				require.NoError(b, err)
				worlds[n][0] = nil
			},
			func(n int) {
				recordAll(b, worlds[n][1], history, 1)
				worlds[n][1] = nil
			})
	})
}
