package leaderboard_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/store"
)

func team(id string) string {
	return fmt.Sprintf(`{"kind": "Tag", "id": %q, "namespace": "team", "variant": %q, "defaultLang": "en", "translations": [{"lang": "en", "label": "x"}]}`, id, id)
}

// teams are the tags that users carry.
var teams = map[string][]string{"ada": {"red"}, "bob": {"red", "blue"}, "eve": nil}

// kept returns what the tables keep of a board, without its name.
func (w *world) kept(t failer, boardID string) (all []string) {
	require.NoError(t, w.run.View(w.ctx, func(tx *session.Tx) error {
		for _, table := range w.room.Tables {
			rows, err := tx.List(w.ctx, table, store.Prefix(boardID+"/"))
			if err != nil {
				return err
			}
			for _, row := range rows {
				record, err := json.Marshal(row.Record)
				if err != nil {
					return err
				}
				text := strings.ReplaceAll(string(record), boardID+"/", "board/")
				text = strings.ReplaceAll(text, fmt.Sprintf(`"runtimeLeaderboardId":%q`, boardID), "")
				all = append(all, table.Name+" "+strings.TrimPrefix(row.Key, boardID+"/")+" "+text)
			}
		}
		return nil
	}))
	return all
}

// Whatever turns out not to have happened, to have happened as well, or otherwise: boards of users and of tags are
// what they would be if that had been known. They keep nothing that a board which counts all of it anew does not.
func TestAmendedBoardsAreThoseOfWhatHappened(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		function := rapid.SampledFrom(functions).Draw(t, "function")
		query := func(entity string) string {
			return fmt.Sprintf(`{"source": "mission_logs", "entityId": %s, "score": {%q: {"var": "value"}}}`, entity, function)
		}
		w := newWorld(t)
		for id, tags := range teams {
			w.user(id, "", tags...)
		}
		w.publish(t, team("red"), team("blue"),
			configuration("c", query(`"userId"`)), board("b", "c", daily),
			configuration("d", query(`{"tagNamespace": "team"}`)), board("e", "d", daily))
		var all []happening
		draw := func(id string) happening {
			return happening{
				id: id, entity: rapid.SampledFrom([]string{"ada", "bob", "eve"}).Draw(t, "user"),
				at:    start.AddDate(0, 0, rapid.IntRange(0, 2).Draw(t, "day")).Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "hour")) * time.Hour),
				value: rapid.IntRange(-1, 2).Draw(t, "value"),
			}
		}
		mission := func(h happening) event.Event {
			return event.Event{ID: h.id, Type: event.Mission, UserID: h.entity, At: h.at, Value: new(decimal.NewFromInt(int64(h.value)))}
		}
		n := 0
		add := func() event.Event {
			n++
			h := draw(fmt.Sprintf("e%02d", n))
			all = append(all, h)
			return mission(h)
		}
		step := func() {
			var late *event.Event
			if rapid.Bool().Draw(t, "record") {
				late = new(add())
			}
			var gone []string
			var come []event.Event
			var next []happening
			for _, h := range all {
				switch {
				case late != nil && h.id == late.ID:
				case rapid.IntRange(0, 4).Draw(t, "gone") == 0:
					gone = append(gone, h.id)
					continue
				case rapid.IntRange(0, 4).Draw(t, "otherwise") == 0:
					user := h.entity
					h = draw(h.id)
					h.entity = user
					come = append(come, mission(h))
				}
				next = append(next, h)
			}
			all = next
			for range rapid.IntRange(0, 2).Draw(t, "come") {
				come = append(come, add())
			}
			changes := w.amend(t, late, gone, come...)
			var named []string
			for _, c := range changes {
				named = append(named, strings.Join([]string{c.BoardID, c.PeriodID, c.EntityID}, " "))
			}
			slices.Sort(named)
			require.Equal(t, slices.Compact(slices.Clone(named)), named, "each score is told of once")
		}
		check := func(users, tags string) {
			for day := range 3 {
				from := start.AddDate(0, 0, day).Truncate(24 * time.Hour)
				var byUser, byTag []happening
				for _, h := range all {
					if h.at.Before(from) || !h.at.Before(from.AddDate(0, 0, 1)) {
						continue
					}
					byUser = append(byUser, h)
					for _, tag := range teams[h.entity] {
						h.entity = tag
						byTag = append(byTag, h)
					}
				}
				want := map[string][]leaderboard.Row{
					users: numbered("", lived(function, byUser, false)), tags: numbered("", lived(function, byTag, false)),
				}
				for i := range want[tags] {
					want[tags][i].EntityType = leaderboard.TagEntity
				}
				for _, s := range []leaderboard.Service{w.Service, w.Stored} {
					for id, rows := range want {
						top, err := s.Top(w.ctx, id, 10, &leaderboard.At{Time: from.Add(12 * time.Hour)})
						require.NoError(t, err)
						requireRows(t, rows, top.Rows)
						require.Equal(t, len(rows), top.Total)
					}
				}
			}
		}
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			step()
			if rapid.IntRange(0, 3).Draw(t, "look") == 0 {
				check("b", "e")
			}
		}
		w.transaction(t, true, func() {
			for range rapid.IntRange(0, 3).Draw(t, "steps in one transaction") {
				step()
			}
			check("b", "e")
		})
		check("b", "e")
		w.publish(t, board("late-b", "c", daily), board("late-e", "d", daily))
		check("late-b", "late-e")
		require.Equal(t, w.kept(t, "late-b"), w.kept(t, "b"))
		require.Equal(t, w.kept(t, "late-e"), w.kept(t, "e"))
		require.Empty(t, w.problems)
	})
}

func TestAmendSaysWhatScoresAre(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return start.AddDate(0, 0, n) }
	mission := func(id, user string, at time.Time, value int64) event.Event {
		return event.Event{ID: id, Type: event.Mission, UserID: user, At: at, Value: new(decimal.NewFromInt(value))}
	}
	told := func(changes []leaderboard.Change) (all []string) {
		for _, c := range changes {
			text := fmt.Sprintf("%s %s %s %s", c.BoardID, c.PeriodID[6:16], c.EntityID, c.Score)
			if c.Gone {
				text = fmt.Sprintf("%s %s %s gone", c.BoardID, c.PeriodID[6:16], c.EntityID)
			}
			all = append(all, text)
		}
		slices.Sort(all)
		return all
	}
	for _, tt := range []struct {
		name string
		late *event.Event
		gone []string
		come []event.Event
		want []string
	}{
		{name: "nothing"},
		{name: "nothing is another", come: []event.Event{mission("m1", "ada", day(0), 1)}},
		{
			name: "another, but worth the same then",
			come: []event.Event{{ID: "m1", Type: event.Mission, UserID: "ada", At: day(0), Value: new(decimal.NewFromInt(1)), Fields: map[string]any{"completedAmount": 7.0}}},
		},
		{
			name: "one of two", gone: []string{"m2"},
			want: []string{"b 2025-08-31 ada 1", "e 2025-08-31 red 5"},
		},
		{
			name: "all of them", gone: []string{"m1", "m2"},
			want: []string{"b 2025-08-31 ada gone", "e 2025-08-31 red 4"},
		},
		{
			name: "a whole team's", gone: []string{"m1", "m2", "m3"},
			want: []string{"b 2025-08-31 ada gone", "b 2025-08-31 bob gone", "e 2025-08-31 blue gone", "e 2025-08-31 red gone"},
		},
		{
			name: "the day before", come: []event.Event{mission("m2", "ada", day(-1), 2)},
			want: []string{"b 2025-08-30 ada 2", "b 2025-08-31 ada 1", "e 2025-08-30 red 2", "e 2025-08-31 red 5"},
		},
		{
			name: "an hour later", come: []event.Event{mission("m2", "ada", day(0).Add(time.Hour), 2)},
			want: []string{"b 2025-08-31 ada 3", "e 2025-08-31 red 7"}, // reached then
		},
		{name: "an hour before, and another was the last", come: []event.Event{mission("m2", "ada", day(0).Add(-time.Hour), 2)}},
		{
			name: "one more", come: []event.Event{mission("m4", "ada", day(0), 8)},
			want: []string{"b 2025-08-31 ada 11", "e 2025-08-31 red 15"},
		},
		{
			name: "one for another", gone: []string{"m1"}, come: []event.Event{mission("m4", "bob", day(0), 1)},
			want: []string{"b 2025-08-31 ada 2", "b 2025-08-31 bob 5", "e 2025-08-31 blue 5"}, // red has both
		},
		{
			name: "with what made it so", late: new(mission("m4", "ada", day(0), 8)), gone: []string{"m1"},
			want: []string{"b 2025-08-31 ada 10", "e 2025-08-31 red 14"},
		},
		{
			name: "beside it", late: new(mission("m4", "bob", day(0), 8)), gone: []string{"m1"},
			want: []string{"b 2025-08-31 ada 2", "b 2025-08-31 bob 12", "e 2025-08-31 blue 12", "e 2025-08-31 red 14"},
		},
		{name: "who has no team", come: []event.Event{mission("m4", "eve", day(1), 3)}, want: []string{"b 2025-09-01 eve 3"}},
		{name: "what no board counts", come: []event.Event{{ID: "q1", Type: event.Quiz, UserID: "ada", At: day(0)}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for id, tags := range teams {
				w.user(id, "", tags...)
			}
			const sum = `{"source": "mission_logs", "entityId": %s, "score": {"sum": {"var": "value"}}}`
			w.publish(t, team("red"), team("blue"),
				configuration("c", fmt.Sprintf(sum, `"userId"`)), board("b", "c", daily),
				configuration("d", fmt.Sprintf(sum, `{"tagNamespace": "team"}`)), board("e", "d", daily))
			w.record(t, mission("m1", "ada", day(0), 1))
			w.record(t, mission("m2", "ada", day(0), 2))
			w.record(t, mission("m3", "bob", day(0), 4))
			require.Equal(t, tt.want, told(w.amend(t, tt.late, tt.gone, tt.come...)))
			require.Empty(t, w.problems)
		})
	}
}

// What was counted once counts again when all that had its value is gone.
func TestDistinctValuesAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", `{"source": "mission_logs", "score": {"count_distinct": {"var": "entityId"}}}`), board("b", "c", forever))
	mission := func(id, entity string) event.Event {
		return event.Event{ID: id, Type: event.Mission, UserID: "ada", EntityID: entity, At: start}
	}
	for _, e := range []event.Event{mission("m1", "run"), mission("m2", "run"), mission("m3", "swim")} {
		w.record(t, e)
	}
	require.Equal(t, []string{"1 ada 2"}, top(t, w.Service, w, "b"))
	require.Empty(t, w.amend(t, nil, []string{"m1"}), "there is another")
	w.amend(t, nil, []string{"m2"})
	require.Equal(t, []string{"1 ada 1"}, top(t, w.Service, w, "b"))
	require.Len(t, w.record(t, mission("m4", "run")), 1)
	require.Equal(t, []string{"1 ada 2"}, top(t, w.Service, w, "b"))
	w.amend(t, nil, []string{"m3", "m4"})
	require.Empty(t, top(t, w.Service, w, "b"))
	require.Empty(t, w.kept(t, "b"))
}

// What is frozen stays, and that is said.
func TestAmendLeavesWhatIsFrozen(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return start.AddDate(0, 0, n) }
	const (
		first  = "DAILY-2025-08-31T22:00:00.000Z-2025-09-01T22:00:00.000Z has ended and is closed for good"
		second = "DAILY-2025-09-01T22:00:00.000Z-2025-09-02T22:00:00.000Z has ended and is closed for good"
	)
	for _, tt := range []struct {
		name     string
		gone     []string
		at       map[string]time.Time // of missions now
		problems []string
		rows     [3]int // of the days
	}{
		{name: "nothing", rows: [3]int{1, 0, 1}},
		{name: "the same", at: map[string]time.Time{"m1": day(0)}, rows: [3]int{1, 0, 1}},
		{name: "gone", gone: []string{"m1"}, problems: []string{first}, rows: [3]int{1, 0, 1}},
		{name: "moved within", at: map[string]time.Time{"m1": day(0).Add(-time.Hour)}, problems: []string{first}, rows: [3]int{1, 0, 1}},
		{name: "moved between", at: map[string]time.Time{"m1": day(1)}, problems: []string{first, second}, rows: [3]int{1, 0, 1}},
		{name: "moved in", at: map[string]time.Time{"m2": day(0)}, problems: []string{first}, rows: [3]int{1, 0, 0}},
		{name: "moved out", at: map[string]time.Time{"m1": day(2)}, problems: []string{first}, rows: [3]int{1, 0, 1}},
		{name: "more", at: map[string]time.Time{"m3": day(1)}, problems: []string{second}, rows: [3]int{1, 0, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(t, configuration("c", `{"source": "mission_logs", "score": {"count": null}}`), board("b", "c", daily))
			mission := func(id string, at time.Time) event.Event {
				return event.Event{ID: id, Type: event.Mission, UserID: "ada", At: at}
			}
			w.record(t, mission("m1", day(0)))
			w.advance(t, day(2))
			w.record(t, mission("m2", day(2)))
			frozen := w.kept(t, "b/DAILY-2025-08-31T22:00:00.000Z-2025-09-01T22:00:00.000Z")
			require.Len(t, frozen, 1)
			var come []event.Event
			for id, at := range tt.at {
				come = append(come, mission(id, at))
			}
			w.amend(t, nil, tt.gone, come...)
			var problems []string
			for _, p := range w.problems {
				require.Equal(t, "RuntimeLeaderboard/b periodId", p.Source+" "+p.Field)
				problems = append(problems, p.Reason)
			}
			require.Equal(t, tt.problems, problems)
			require.Equal(t, frozen, w.kept(t, "b/DAILY-2025-08-31T22:00:00.000Z-2025-09-01T22:00:00.000Z"))
			for n, want := range tt.rows {
				top, err := w.Top(w.ctx, "b", 10, &leaderboard.At{Time: day(n)})
				require.NoError(t, err)
				require.Len(t, top.Rows, want)
			}
		})
	}
}

// A step that is made anew leaves scores alone: boards are told afterwards what is different.
func TestReplayedStepsChangeNoScore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", points), board("b", "c", forever))
	w.did(t, "ada", start, "1")
	require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
		p, err := w.program(w.ctx, tx)
		require.NoError(t, err)
		o, err := w.occasion(tx, event.Event{ID: "again", UserID: "ada", At: start, Value: new(decimal.NewFromInt(5))})
		require.NoError(t, err)
		changes, err := p.React(w.ctx, tx.Then(start, 1), o)
		require.Empty(t, changes)
		return err
	}))
	require.Equal(t, []string{"1 ada 1"}, top(t, w.Stored, w, "b"))
}

// That a streak broke counts for the last count, and for who asks for the status.
func TestAStreakThatBreaks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		query string
		want  []string // after it was kept up, and broke
	}{
		{`"score": {"last": {"var": "count"}}`, []string{"3", "0"}},
		{`"score": {"last": 7}`, []string{"7", "7"}},
		{`"score": {"max": {"var": "count"}}`, []string{"3", "3"}},
		{`"score": {"min": {"var": "count"}}`, []string{"3", "3"}},
		{`"score": {"sum": {"var": "count"}}`, []string{"3", "3"}},
		{`"score": {"count": null}`, []string{"1", "1"}},
		{`"score": {"count": {"var": "count"}}`, []string{"1", "1"}},
		{`"score": {"count_distinct": {"var": "count"}}`, []string{"1", "1"}},
		{`"score": {"count_distinct": {"var": "status"}}`, []string{"1", "2"}},
		{`"score": {"count": {"var": "event.status"}}`, []string{"1", "2"}},
		{`"score": {"count": null}, "where": {"==": [{"var": "status"}, "BROKEN"]}`, []string{"", "1"}},
		{`"score": {"count": null}, "where": {"!=": [{"var": "status"}, "BROKEN"]}`, []string{"1", "1"}},
		{`"score": {"last": {"var": "count"}}, "where": {"!=": [{"var": "status"}, "BROKEN"]}`, []string{"3", "3"}},
		{`"score": {"min": {"var": "count"}}, "where": {"in": [{"var": "event.status"}, ["ACTIVE", "BROKEN"]]}`, []string{"3", "0"}},
	} {
		t.Run(tt.query, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(t, configuration("c", `{"source": "streaks", `+tt.query+`}`), board("b", "c", forever))
			streak := func(id string, at time.Time, count float64, status string) string {
				w.record(t, event.Event{
					ID: id, Type: event.Streak, UserID: "ada", At: at,
					Fields: map[string]any{"streakRuleId": "s", "count": count, "status": status},
				})
				standing, err := w.Rank(w.ctx, "b", "ada", nil)
				require.NoError(t, err)
				if standing.Rank == 0 {
					return ""
				}
				return standing.Score.String()
			}
			kept := streak("s1", start, 3, "ACTIVE")
			require.Equal(t, tt.want, []string{kept, streak("s2", start.AddDate(0, 0, 2), 0, "BROKEN")})
			require.Empty(t, w.problems)
		})
	}
}
