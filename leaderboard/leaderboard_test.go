package leaderboard_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A happening is what an event means for one score.
type happening struct {
	entity string
	at     time.Time
	id     string
	value  int
}

// A place is what an entity has according to the model.
type place struct {
	entity  string
	score   int
	reached time.Time
}

// lived returns the scores of those who lived through happenings one after another.
func lived(function string, all []happening, ascending bool) []place {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b happening) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	byEntity := map[string]*place{}
	seen := map[string]bool{}
	var places []*place
	for _, h := range all {
		p := byEntity[h.entity]
		first := p == nil
		if first {
			p = &place{entity: h.entity}
			byEntity[h.entity] = p
			places = append(places, p)
		}
		before := p.score
		value := fmt.Sprint(h.entity, "/", h.value)
		switch function {
		case "sum":
			p.score += h.value
		case "count":
			p.score++
		case "max":
			p.score = max(p.score, h.value)
		case "min":
			p.score = min(p.score, h.value)
		case "count_distinct":
			if !seen[value] {
				p.score++
			}
			seen[value] = true
		}
		if first && function != "count" && function != "count_distinct" || function == "last" {
			p.score = h.value
		}
		if first || p.score != before || function == "last" {
			p.reached = h.at
		}
	}
	sorted := make([]place, len(places))
	for i, p := range places {
		sorted[i] = *p
	}
	slices.SortFunc(sorted, func(a, b place) int {
		byScore := cmp.Compare(b.score, a.score)
		if ascending {
			byScore = -byScore
		}
		return cmp.Or(byScore, a.reached.Compare(b.reached), cmp.Compare(a.entity, b.entity))
	})
	return sorted
}

// numbered returns the rows of a sorted list.
func numbered(style string, places []place) []leaderboard.Row {
	rows := make([]leaderboard.Row, len(places))
	rank := 0
	for i, p := range places {
		tie := i > 0 && places[i-1].score == p.score
		switch {
		case style == "ROW_NUMBER" || style != "DENSE_RANK" && !tie:
			rank = i + 1
		case !tie:
			rank++
		}
		rows[i] = leaderboard.Row{Rank: rank, EntityID: p.entity, EntityType: "User", Score: decimal.NewFromInt(int64(p.score)), ReachedAt: p.reached}
	}
	return rows
}

func requireRows(t failer, want, got []leaderboard.Row) {
	show := func(rows []leaderboard.Row) []string {
		out := lines(rows)
		for i, r := range rows {
			out[i] += " " + r.EntityType + " " + r.ReachedAt.Format(time.RFC3339Nano)
		}
		return out
	}
	require.Equal(t, show(want), show(got))
}

var functions = []string{"sum", "count", "max", "min", "last", "count_distinct"}

// Whatever the function, the order, the style and the order of arrival: the board is what living
// through the events in order would have made of it, and every method agrees with it; also inside a
// transaction, about what that has changed, and outside again, whether it was committed or not.
func TestBoardIsASortedSlice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		function := rapid.SampledFrom(functions).Draw(t, "function")
		style := rapid.SampledFrom([]string{"", "RANK", "DENSE_RANK", "ROW_NUMBER"}).Draw(t, "style")
		order := rapid.SampledFrom([]string{"DESC", "ASC"}).Draw(t, "order")
		w := newWorld(t)
		w.publish(t,
			configuration("c", fmt.Sprintf(`{"source": "activity_logs", "score": {%q: {"var": "value"}}, "order": %q, "rankStyle": %q}`, function, order, style)),
			board("b", "c", forever))
		var all []happening
		check := func() { checkBoard(t, w, style, lived(function, all, order == "ASC")) }
		record := func(n int) {
			for range n {
				h := happening{
					entity: rapid.StringMatching(`[a-eA-C_-]`).Draw(t, "entity"),
					at:     start.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "at")) * time.Minute),
					id:     w.newID(),
					value:  rapid.IntRange(-3, 3).Draw(t, "value"),
				}
				all = append(all, h)
				w.record(t, event.Event{ID: h.id, UserID: h.entity, At: h.at, Value: new(decimal.NewFromInt(int64(h.value)))})
				if rapid.IntRange(0, 9).Draw(t, "look") == 0 {
					check()
				}
			}
		}
		for range rapid.IntRange(0, 4).Draw(t, "transactions") {
			record(rapid.IntRange(0, 8).Draw(t, "events"))
			before, commit := all, rapid.Bool().Draw(t, "commit")
			w.transaction(t, commit, func() { record(rapid.IntRange(0, 4).Draw(t, "events in one transaction")) })
			if !commit {
				all = before
			}
		}
		check()
	})
}

func checkBoard(t *rapid.T, w *world, style string, places []place) {
	want := numbered(style, places)
	for name, s := range map[string]leaderboard.Service{"index": w.Service, "store": w.Stored} {
		t.Logf("asking the %s", name)
		n := rapid.IntRange(1, 12).Draw(t, "n")
		top, err := s.Top(w.ctx, "b", n, nil)
		require.NoError(t, err)
		require.Equal(t, len(want), top.Total)
		requireRows(t, want[:min(n, len(want))], top.Rows)

		offset := rapid.IntRange(0, 12).Draw(t, "offset")
		page, err := s.Page(w.ctx, "b", offset, n, nil)
		require.NoError(t, err)
		require.Equal(t, len(want), page.Total)
		from := min(offset, len(want))
		requireRows(t, want[from:min(from+n, len(want))], page.Rows)

		for i, row := range want {
			standing, err := s.Rank(w.ctx, "b", row.EntityID, nil)
			require.NoError(t, err)
			require.Equal(t, len(want), standing.Total)
			requireRows(t, []leaderboard.Row{row}, []leaderboard.Row{standing.Row})

			around, err := s.Around(w.ctx, "b", row.EntityID, n, nil)
			require.NoError(t, err)
			rows := min(n, len(want))
			first := min(max(0, i-n/2), len(want)-rows)
			requireRows(t, want[first:first+rows], around.Rows)
		}
		nobody, err := s.Rank(w.ctx, "b", "nobody", nil)
		require.NoError(t, err)
		require.Equal(t, leaderboard.Row{EntityID: "nobody", EntityType: "User"}, nobody.Row)
		require.Equal(t, len(want), nobody.Total)
		around, err := s.Around(w.ctx, "b", "nobody", n, nil)
		require.NoError(t, err)
		require.Empty(t, around.Rows)
	}
}

// A board that opens late, in whatever state the program was before, is the board that was there from
// the start.
func TestNewBoardCountsTheJournal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		function := rapid.SampledFrom(functions).Draw(t, "function")
		style := "RANK"
		query := fmt.Sprintf(`{"source": "activity_logs", "score": {%q: {"var": "value"}}}`, function)
		w := newWorld(t)
		w.publish(t, configuration("c", query))
		var all []happening
		record := func() {
			for range rapid.IntRange(0, 12).Draw(t, "events") {
				h := happening{
					entity: rapid.SampledFrom([]string{"ada", "bob", "eve"}).Draw(t, "entity"),
					at:     start.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "at")) * time.Minute),
					id:     fmt.Sprintf("e%02d", len(all)),
					value:  rapid.IntRange(-2, 2).Draw(t, "value"),
				}
				all = append(all, h)
				w.record(t, event.Event{ID: h.id, UserID: h.entity, At: h.at, Value: new(decimal.NewFromInt(int64(h.value)))})
			}
		}
		record()
		w.publish(t, board("b", "c", forever))
		w.open(t) // again does nothing
		checkBoard(t, w, style, lived(function, all, false))
		record()
		checkBoard(t, w, style, lived(function, all, false))
	})
}

func TestBoardWithoutOpeningRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", points))
	w.did(t, "ada", start, "1")
	// Published, but not opened.
	require.NoError(t, w.run.Update(w.ctx, func(tx *session.Tx) error {
		_, err := w.lib.Import(w.ctx, tx, []byte(`{"documents": [`+board("b", "c", forever)+`]}`))
		return err
	}))
	require.Empty(t, w.did(t, "bob", start, "2"))
	_, err := w.Top(w.ctx, "b", 10, nil)
	require.ErrorIs(t, err, fault.ErrConflict)
	w.open(t)
	top, err := w.Top(w.ctx, "b", 10, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"1 bob 2", "2 ada 1"}, lines(top.Rows))
}

func TestQueries(t *testing.T) {
	t.Parallel()
	const rest = `"source": "activity_logs", "score": {"count": null}`
	for _, tt := range []struct{ name, query, want string }{
		{"the least", `{"source": "quiz_logs", "score": {"count": null}}`, ""},
		{"everything", `{"source": "virtual_transactions", "where": {"==": [{"var": "virtualCurrencyId"}, "gold"]}, "entityId": {"tagNamespace": "team"},
			"score": {"sum": {"var": "amount"}}, "order": "ASC", "rankStyle": "DENSE_RANK"}`, ""},
		{"distinct", `{"source": "streaks", "entityId": "userId", "score": {"count_distinct": {"var": "streakRuleId"}}}`, ""},
		{"an unknown log", `{"source": "users", "score": {"count": null}}`, `query.source: "users" is none of activity_logs`},
		{"no score", `{"source": "activity_logs"}`, "query.score: has the function \"\", which is not sum, count, max"},
		{"two scores", `{"source": "activity_logs", "score": {"sum": 1, "max": 1}}`, "must be an object with one key: sum"},
		{"an unknown function", `{"source": "activity_logs", "score": {"avg": {"var": "value"}}}`, `"avg", which is not sum`},
		{"a sum of nothing", `{"source": "activity_logs", "score": {"sum": null}}`, "query.score.sum: needs an expression"},
		{"a sum of words", `{"source": "activity_logs", "score": {"sum": "much"}}`, `query.score.sum: gave a text, which is not a number`},
		{"a typo", `{` + rest + `, "where": {"==": [{"var": "vlaue"}, 1]}}`, `query.where/==/0/var`},
		{"never", `{` + rest + `, "where": false}`, "query.where: makes the condition always false"},
		{"an unknown order", `{` + rest + `, "order": "UP"}`, `query.order: "UP" is not DESC or ASC`},
		{"an unknown style", `{` + rest + `, "rankStyle": "NTILE"}`, `query.rankStyle: "NTILE" is not RANK`},
		{"another entity", `{` + rest + `, "entityId": "groupId"}`, `entityId: is "groupId"; it must be "userId" or {"tagNamespace"`},
		{"SQL", `{"from": {"sources": [{"table": "users", "alias": "u"}]}, "select": {"fields": []}}`, `unknown field "from"; supported is {"source": a log`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			err := w.run.Update(w.ctx, func(tx *session.Tx) error {
				_, err := w.lib.Import(w.ctx, tx, []byte(`{"documents": [`+configuration("c", tt.query)+`]}`))
				return err
			})
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestDocumentsSurviveExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t,
		configuration("c", `{"source": "activity_logs", "where": {">": [{"var": "value"}, 1]}, "entityId": {"tagNamespace": "team"}, "score": {"count": null}, "order": "ASC"}`),
		configuration("d", points), board("b", "c", daily))
	export := func() []byte {
		out, err := session.Read(w.ctx, w.run, func(tx *session.Tx) ([]byte, error) { return w.lib.Export(w.ctx, tx) })
		require.NoError(t, err)
		return out
	}
	first := export()
	again, err := session.Write(w.ctx, w.run, func(tx *session.Tx) (content.Imported, error) { return w.lib.Import(w.ctx, tx, first) })
	require.NoError(t, err)
	require.Empty(t, append(again.Created, again.Changed...))
	require.Equal(t, string(first), string(export()))

	c, err := w.Configurations.Get(w.ctx, "c")
	require.NoError(t, err)
	require.Equal(t, leaderboard.Entity{TagNamespace: "team"}, c.Query.EntityID)
	require.Equal(t, leaderboard.Count, c.Query.Score.Function)
}

func TestConfigurationAndBoardAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := leaderboard.Configuration{DisplayTopN: 101}
	c.ID, c.DefaultLang, c.Translations = "c", "en", []content.Label{{Lang: "en", Label: "C"}}
	_, err := w.Configurations.Create(w.ctx, c)
	for _, field := range []string{"name: is empty", "displayTopN: is 101", "query.source", "query.score"} {
		require.ErrorContains(t, err, field)
	}
	_, err = w.Boards.Create(w.ctx, leaderboard.Board{})
	require.ErrorContains(t, err, "runtimeLeaderboardConfigurationId: is empty")
	require.ErrorContains(t, err, "timeframeType")

	var b leaderboard.Board
	b.ID, b.ConfigurationID = "b", "nothing"
	b.Type, b.TimezoneType, b.StartsAt = timeframe.Permanent, timeframe.User, start
	_, err = w.Boards.Create(w.ctx, b)
	require.NoError(t, err)
	_, err = w.Boards.Publish(w.ctx, "b")
	require.ErrorContains(t, err, "runtimeLeaderboardConfigurationId")
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestWhereAndProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t,
		configuration("c", `{"source": "activity_logs", "where": {"==": [{"var": "entityId"}, "run"]}, "score": {"sum": {"var": "additionalData.km"}}}`),
		board("b", "c", forever))
	km := func(v any) map[string]any { return map[string]any{"km": v} }
	require.Len(t, w.record(t, event.Event{UserID: "ada", EntityID: "run", At: start, Data: km(2.5)}), 1)
	require.Empty(t, w.record(t, event.Event{UserID: "ada", EntityID: "swim", At: start, Data: km(2.5)}))
	require.Empty(t, w.record(t, event.Event{UserID: "ada", EntityID: "run", At: start.AddDate(-1, 0, 0), Data: km(2.5)}))
	require.Empty(t, w.record(t, event.Event{UserID: "ada", Type: event.Quiz, EntityID: "run", At: start, Data: km(2.5)}))
	require.Empty(t, w.problems)
	for _, v := range []any{nil, "far", 0.0000001, 1e300} {
		require.Empty(t, w.record(t, event.Event{UserID: "ada", EntityID: "run", At: start, Data: km(v)}))
	}
	require.Len(t, w.problems, 4)
	require.Equal(t, event.Problem{Source: "RuntimeLeaderboard/b", Field: "query.score.sum", Reason: "gave null, which is not a number"}, w.problems[0])
	for range 2 { // twice the largest amount is none
		w.record(t, event.Event{UserID: "ada", EntityID: "run", At: start, Data: km(9e12)})
	}
	require.Len(t, w.problems, 5)
	require.Contains(t, w.problems[4].Reason, "larger than an amount can be")
	standing, err := w.Rank(w.ctx, "b", "ada", nil)
	require.NoError(t, err)
	require.Equal(t, "9000000000002.5", standing.Score.String())
}

func TestTagsCompete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tag := func(id, namespace string) string {
		return fmt.Sprintf(`{"kind": "Tag", "id": %q, "namespace": %q, "variant": %q, "defaultLang": "en", "translations": [{"lang": "en", "label": "x"}]}`, id, namespace, id)
	}
	w.publish(t, tag("red", "team"), tag("blue", "team"), tag("vip", "level"),
		configuration("c", `{"source": "activity_logs", "entityId": {"tagNamespace": "team"}, "score": {"sum": {"var": "value"}}}`),
		board("b", "c", forever))
	w.user("ada", "", "red", "vip")
	w.user("bob", "", "red", "blue")
	w.user("eve", "", "vip")
	w.did(t, "ada", start, "1")
	w.did(t, "bob", start, "2")
	require.Empty(t, w.did(t, "eve", start, "5"))
	top, err := w.Top(w.ctx, "b", 0, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"1 red 3", "2 blue 2"}, lines(top.Rows))
	require.Equal(t, leaderboard.TagEntity, top.Rows[0].EntityType)
}

func TestPeriodsOpenByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", points), board("b", "c", daily))
	day := 24 * time.Hour
	w.did(t, "ada", start, "1")
	w.did(t, "bob", start.Add(day), "2") // a little ahead of the clock
	w.now = start.Add(2 * day)
	w.did(t, "ada", start.Add(day), "5") // late, but nothing is frozen

	at := func(at *leaderboard.At) []string {
		top, err := w.Top(w.ctx, "b", 10, at)
		require.NoError(t, err)
		return lines(top.Rows)
	}
	require.Empty(t, at(nil))
	require.Equal(t, []string{"1 ada 5", "2 bob 2"}, at(&leaderboard.At{Time: start.Add(day)}))
	require.Equal(t, []string{"1 ada 1"}, at(&leaderboard.At{Time: start}))

	periods, err := w.Periods(w.ctx, "b", 3, time.Time{})
	require.NoError(t, err)
	require.Equal(t, []leaderboard.Period{
		{ID: "DAILY-2025-09-02T22:00:00.000Z-2025-09-03T22:00:00.000Z", StartsAt: time.Date(2025, 9, 2, 22, 0, 0, 0, time.UTC), EndsAt: time.Date(2025, 9, 3, 22, 0, 0, 0, time.UTC), State: timeframe.Active},
		{ID: "DAILY-2025-09-01T22:00:00.000Z-2025-09-02T22:00:00.000Z", StartsAt: time.Date(2025, 9, 1, 22, 0, 0, 0, time.UTC), EndsAt: time.Date(2025, 9, 2, 22, 0, 0, 0, time.UTC), State: timeframe.Ended, Provisional: true},
		{ID: "DAILY-2025-08-31T22:00:00.000Z-2025-09-01T22:00:00.000Z", StartsAt: time.Date(2025, 8, 31, 22, 0, 0, 0, time.UTC), EndsAt: time.Date(2025, 9, 1, 22, 0, 0, 0, time.UTC), State: timeframe.Ended, Provisional: true},
	}, periods)
	require.Equal(t, []string{"1 ada 1"}, at(&leaderboard.At{Period: periods[2].ID}))
	older, err := w.Periods(w.ctx, "b", 1, periods[2].StartsAt)
	require.NoError(t, err)
	require.Equal(t, periods[2].StartsAt, older[0].EndsAt)
	latest, err := w.Periods(w.ctx, "b", 1, w.now.Add(7*day))
	require.NoError(t, err)
	require.Equal(t, periods[:1], latest, "none is to come")

	for _, bad := range []leaderboard.At{
		{Period: "yesterday"},
		{Period: "DAILY-2025-09-01T22:00:00.000Z"},
		{Period: "DAILY-2025-09-01T21:00:00.000Z-2025-09-02T22:00:00.000Z"},
		{Time: start.AddDate(-1, 0, 0)},
	} {
		_, err := w.Top(w.ctx, "b", 10, &bad)
		require.ErrorIs(t, err, fault.ErrNotFound, "%v", bad)
	}
	_, err = w.Top(w.ctx, "nowhere", 10, nil)
	require.ErrorIs(t, err, fault.ErrNotFound)
	for _, n := range []int{-1, leaderboard.MaxRows + 1} {
		want := fmt.Sprintf(" is %d; allowed are 0 to 1000", n)
		_, err = w.Top(w.ctx, "b", n, nil)
		require.EqualError(t, err, "n:"+want)
		_, err = w.Around(w.ctx, "b", "ada", n, nil)
		require.EqualError(t, err, "n:"+want)
		_, err = w.Page(w.ctx, "b", 0, n, nil)
		require.EqualError(t, err, "limit:"+want)
		_, err = w.Periods(w.ctx, "b", n, time.Time{})
		require.EqualError(t, err, "n:"+want)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	_, err = w.Page(w.ctx, "b", -1, 10, nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
}

// Every period of every timeframe is found again by its id.
func TestPeriodIDsAreFound(t *testing.T) {
	t.Parallel()
	const from, until = `"timeframeStartsAt": "2025-08-20T07:30:00Z"`, `"timeframeEndsAt": "2025-09-10T07:30:00Z"`
	var frames []string
	for _, zone := range []string{
		`"timeframeTimezoneType": "FIXED", "timeframeTimezone": "America/New_York"`,
		`"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC"`,
		`"timeframeTimezoneType": "USER"`,
	} {
		for _, kind := range []string{
			`"timeframeType": "PERMANENT"`,
			`"timeframeType": "RANGE", ` + until,
			`"timeframeType": "RECURRING", "recurrence": "DAILY"`,
			`"timeframeType": "RECURRING", "recurrence": "WEEKLY", ` + until,
			`"timeframeType": "RECURRING", "recurrence": "MONTHLY"`,
			`"timeframeType": "RECURRING", "recurrence": "CUSTOM", "scheduleCron": "30 4 * * 2", ` + until,
			`"timeframeType": "RECURRING", "recurrence": "CUSTOM", ` + until,
		} {
			frames = append(frames, strings.Join([]string{kind, zone, from}, ", "))
		}
	}
	for _, frame := range frames {
		w := newWorld(t)
		w.publish(t, configuration("c", points), board("b", "c", frame))
		now, err := w.Top(w.ctx, "b", 1, nil)
		require.NoError(t, err)
		for _, later := range []time.Time{start, start.AddDate(0, 0, 45), start.AddDate(-1, 0, 0)} {
			w.now = later
			periods, err := w.Periods(w.ctx, "b", 100, time.Time{})
			require.NoError(t, err)
			if later.After(start.AddDate(0, 0, -1)) {
				require.NotEmpty(t, periods, frame)
			}
			for i, p := range periods {
				if i > 0 && !strings.Contains(frame, "USER") {
					require.Equal(t, p.EndsAt, periods[i-1].StartsAt, frame)
				}
				top, err := w.Top(w.ctx, "b", 1, &leaderboard.At{Period: p.ID})
				require.NoError(t, err, "%s: %s", frame, p.ID)
				require.Equal(t, p, top.Period)
			}
			top, err := w.Top(w.ctx, "b", 1, nil)
			require.NoError(t, err)
			if len(periods) > 0 {
				require.Equal(t, periods[0], top.Period)
			} else {
				require.Equal(t, timeframe.Pending, top.Period.State)
			}
		}
		require.Equal(t, timeframe.Active, now.Period.State)
	}
}

func TestUsersOfAllZones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", points),
		board("b", "c", `"timeframeType": "RECURRING", "recurrence": "DAILY", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2025-01-01T00:00:00Z"`))
	w.user("ada", "Pacific/Kiritimati") // UTC+14: the 2nd of September
	w.user("bob", "")
	w.user("eve", "Pacific/Pago_Pago") // UTC-11: the 31st of August, 23 o'clock
	for _, id := range []string{"ada", "bob", "eve"} {
		w.did(t, id, start, "1")
	}
	for day, want := range map[int]string{31: "1 eve 1", 32: "1 bob 1", 33: "1 ada 1"} {
		top, err := w.Top(w.ctx, "b", 1, &leaderboard.At{Time: time.Date(2025, 8, day, 12, 0, 0, 0, time.UTC)})
		require.NoError(t, err)
		require.Equal(t, []string{want}, lines(top.Rows))
	}
	// The 31st has not ended for everybody before noon of the 1st.
	w.advance(t, start)
	require.Len(t, w.did(t, "eve", start.Add(-time.Hour), "1"), 1)
	w.advance(t, start.Add(2*time.Hour))
	require.Empty(t, w.did(t, "eve", start.Add(-time.Hour), "1"))
	require.Len(t, w.problems, 1)
}

func TestWhatHasEndedIsFrozen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", points), board("b", "c", daily),
		board("r", "c", `"timeframeType": "RANGE", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-09-01T00:00:00Z", "timeframeEndsAt": "2025-09-02T00:00:00Z"`))
	w.did(t, "ada", start, "1")
	w.now = start.AddDate(0, 0, 1)
	require.Len(t, w.did(t, "bob", start, "2"), 2) // ended, but not frozen
	w.advance(t, start.AddDate(0, 0, 3))
	require.Empty(t, w.did(t, "eve", start, "3"))
	require.Equal(t, []event.Problem{
		{Source: "RuntimeLeaderboard/b", Field: "periodId", Reason: "DAILY-2025-08-31T22:00:00.000Z-2025-09-01T22:00:00.000Z has ended and is closed for good"},
		{Source: "RuntimeLeaderboard/r", Field: "periodId", Reason: "2025-09-01T00:00:00.000Z-2025-09-02T00:00:00.000Z has ended and is closed for good"},
	}, w.problems)
	require.Len(t, w.did(t, "eve", w.now, "3"), 1)

	top, err := w.Top(w.ctx, "r", 10, nil) // the last period, as it ended
	require.NoError(t, err)
	require.Equal(t, []string{"1 bob 2", "2 ada 1"}, lines(top.Rows))
	require.Equal(t, timeframe.Ended, top.Period.State)
	require.True(t, top.Period.Frozen)

	// What is frozen stays, although the board counts anew by another query.
	double := strings.Replace(points, `{"var": "value"}`, `{"*": [{"var": "value"}, 2]}`, 1)
	w.publish(t, configuration("c", double), board("b", "c", daily+`, "timeframeEndsAt": "2026-01-01T00:00:00Z"`))
	was, err := w.Top(w.ctx, "b", 10, &leaderboard.At{Time: start})
	require.NoError(t, err)
	require.Equal(t, []string{"1 bob 2", "2 ada 1"}, lines(was.Rows))
	is, err := w.Top(w.ctx, "b", 10, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"1 eve 6"}, lines(is.Rows))
}

// What another timeframe does to what is frozen.
func TestFrozenUnderAnotherTimeframe(t *testing.T) {
	t.Parallel()
	const (
		zone     = `"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2025-09-01T00:00:00Z", `
		days     = zone + `"timeframeType": "RECURRING", "recurrence": "DAILY"`
		once     = zone + `"timeframeType": "RANGE"`
		repeated = zone + `"timeframeType": "RECURRING", "recurrence": "CUSTOM"`
	)
	until := func(frame, end string) string { return frame + `, "timeframeEndsAt": "` + end + `"` }
	for _, tt := range []struct {
		name, before, after string
		frozen              bool
	}{
		{"the same", days, days, true},
		{"the same with an end", until(days, "2025-10-01T00:00:00Z"), until(days, "2025-10-01T02:00:00+02:00"), true},
		{"a longer chain", until(days, "2025-09-02T00:00:00Z"), days, true},
		{"a shorter chain", days, until(days, "2025-09-02T00:00:00Z"), true},
		{"a day that had been cut short", until(days, "2025-09-01T12:00:00Z"), days, false},
		{"a longer range", until(once, "2025-09-02T00:00:00Z"), until(once, "2025-09-03T00:00:00Z"), false},
		{"longer periods", until(repeated, "2025-09-02T00:00:00Z"), until(repeated, "2025-09-03T00:00:00Z"), false},
		{"another recurrence", days, zone + `"timeframeType": "RECURRING", "recurrence": "WEEKLY"`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(t, configuration("c", points), board("b", "c", tt.before))
			w.did(t, "ada", start, "1")
			w.advance(t, start.AddDate(0, 0, 3))
			w.publish(t, configuration("c", strings.Replace(points, "sum", "max", 1)), board("b", "c", tt.after+`, "origin": "AI"`))
			require.Equal(t, !tt.frozen, len(w.did(t, "bob", start, "2")) == 1)
			was, err := w.Rank(w.ctx, "b", "ada", &leaderboard.At{Time: start})
			require.NoError(t, err)
			require.Equal(t, tt.frozen, was.Period.Frozen)
			require.Equal(t, "1", was.Score.String())
		})
	}
}

// A board goes on as it began when its configuration changes, until it is published again.
func TestRunningBoardKeepsItsQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", points), board("b", "c", forever))
	w.did(t, "ada", start, "3")
	w.record(t, event.Event{UserID: "bob", Type: event.Quiz, At: start})
	w.publish(t, configuration("c", `{"source": "quiz_logs", "score": {"count_distinct": {"var": "id"}}}`))
	top := func() []string {
		top, err := w.Top(w.ctx, "b", 10, nil)
		require.NoError(t, err)
		stored, err := w.Stored.Top(w.ctx, "b", 10, nil)
		require.NoError(t, err)
		require.Equal(t, lines(stored.Rows), lines(top.Rows))
		return lines(top.Rows)
	}
	require.Equal(t, []string{"1 ada 3"}, top())
	require.Len(t, w.did(t, "ada", start, "1"), 1)
	require.Empty(t, w.record(t, event.Event{UserID: "bob", Type: event.Quiz, At: start}))
	require.Equal(t, []string{"1 ada 4"}, top())

	w.publish(t, board("b", "c", strings.Replace(forever, "UTC", "Europe/Rome", 1)))
	require.Equal(t, []string{"1 bob 2"}, top())
	require.Len(t, w.record(t, event.Event{UserID: "ada", Type: event.Quiz, At: start}), 1)
	require.Equal(t, []string{"1 bob 2", "2 ada 1"}, top())
	w.publish(t, configuration("c", points), board("b", "c", forever))
	require.Equal(t, []string{"1 ada 4"}, top())
}

func TestChainStopsWithItsConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", points), board("b", "c", daily))
	_, err := w.Configurations.Archive(w.ctx, "c")
	require.NoError(t, err)
	w.open(t)
	require.Len(t, w.did(t, "ada", start, "1"), 1) // the present period goes on
	w.now = start.AddDate(0, 0, 2)
	require.Empty(t, w.did(t, "ada", w.now, "1"))
	top, err := w.Top(w.ctx, "b", 10, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"1 ada 1"}, lines(top.Rows))
	_, err = w.Top(w.ctx, "b", 10, &leaderboard.At{Time: w.now})
	require.ErrorIs(t, err, fault.ErrNotFound)
	periods, err := w.Periods(w.ctx, "b", 1, time.Time{})
	require.NoError(t, err)
	require.Equal(t, top.Period, periods[0])

	_, err = w.Configurations.Unarchive(w.ctx, "c")
	require.NoError(t, err)
	_, err = w.Configurations.Publish(w.ctx, "c")
	require.NoError(t, err)
	w.open(t)
	require.Len(t, w.did(t, "ada", w.now, "1"), 1)
}

func TestChangesSayWhatDecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", points), board("b", "c", forever))
	changes := w.did(t, "ada", start, "1.5")
	require.Len(t, changes, 1)
	require.Equal(t, "1.5", changes[0].Score.String())
	changes[0].Score = decimal.Decimal{}
	require.Equal(t, leaderboard.Change{
		BoardID: "b", Version: 1, ConfigurationVersion: 1, PeriodID: "2025-01-01T00:00:00.000Z-", EntityID: "ada", ReachedAt: start,
	}, changes[0])
	require.Empty(t, w.did(t, "ada", start, "0"), "nothing changed")
}

// A late opening reports what it could not count once.
func TestOpeningReportsProblemsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.did(t, "ada", start, "1")
	w.did(t, "bob", start, "1")
	w.publish(t, configuration("c", `{"source": "activity_logs", "score": {"max": {"var": "additionalData.x"}}}`), board("b", "c", forever))
	require.Len(t, w.problems, 1)
	require.Equal(t, "2 of the events before it opened do not count; of the first: gave null, which is not a number", w.problems[0].Reason)
}

func TestZeroServiceRefuses(t *testing.T) {
	t.Parallel()
	var s leaderboard.Service
	_, err := s.Top(t.Context(), "b", 1, nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = s.Rank(t.Context(), "b", "ada", nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = s.Boards.Get(t.Context(), "b")
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestNamespaceWithoutTagsIsAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(t, configuration("c", `{"source": "activity_logs", "entityId": {"tagNamespace": "nowhere"}, "score": {"count": null}}`), board("b", "c", forever))
	w.did(t, "ada", start, "1")
	require.Equal(t, []event.Problem{{
		Source: "RuntimeLeaderboard/b", Field: "query.entityId", Reason: `no published tag has the namespace "nowhere", so nobody gets a score`,
	}}, w.problems)
}
