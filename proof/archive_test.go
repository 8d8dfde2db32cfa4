package proof_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/tenancy"
)

// archived archives what lies before a moment, and returns the rows that were.
func (w *world) archived(t tester, before time.Time) (rows []guerdon.ArchivedRow) {
	t.Helper()
	var file bytes.Buffer
	done, err := w.Archive(t.Context(), before, &file)
	require.NoError(t, err)
	for row, err := range guerdon.ReadArchive(&file) {
		require.NoError(t, err)
		rows = append(rows, row)
	}
	require.Equal(t, guerdon.Archived{Horizon: before, Written: len(rows), Dropped: len(rows)}, done)
	return rows
}

// Whatever the program, and in whatever order what happened is recorded: a workspace that is archived in the middle of it, up to a
// moment from which on all else happens, and again in the end, has what it would have had otherwise, but for what had ended.
func TestArchivedGoesOnTheSame(t *testing.T) {
	for _, d := range dimensions {
		t.Run(d.name, func(t *testing.T) {
			checkStores(t, func(rt *rapid.T, b *backend) {
				s := scenarios(d.features).Draw(rt, "scenario")
				whole := s.orders().Draw(rt, "order")
				s.archiveIn(author{T: rt}, whole)
				asIs := *whole
				asIs.archive = time.Time{}
				one, other := founded(rt, memory.New(), "acme", founding), b.emptyIn(rt, founding, rapid.SampledFrom([]int{0, 1, 10}).Draw(rt, "portion"))
				all := func(string) bool { return true }
				want, got := one.enact(rt, s, &asIs, one.records(rt)), other.enact(rt, s, whole, other.records(rt))
				if one.toldBehind(rt, whole) {
					return
				}
				one.horizon, other.horizon = whole.horizon, whole.horizon
				want, got = append(want, one.lines(rt, s, all)...), append(got, other.lines(rt, s, all)...)
				if !slices.Equal(want, got) {
					require.Fail(rt, "another end than if nothing is archived", "%s\n%s", told{whole, s}, strings.Join(differences(want, got), "\n"))
				}
				end := *other.now.Load()
				one.horizon, other.horizon = end, end
				other.archived(rt, end)
				require.Empty(rt, strings.Join(differences(one.lines(rt, s, all), other.lines(rt, s, all)), "\n"))
			})
		})
	}
}

// toldBehind tells whether it was known only after the archive that a group had completed a mission, or had not, before the horizon: if that
// is settled, nobody is told.
func (w *world) toldBehind(t tester, o *order) bool {
	t.Helper()
	entries, err := w.Journal(t.Context(), 0)
	require.NoError(t, err)
	for i := range entries {
		if entries[i].RecordedAt.Before(o.archive) {
			continue
		}
		if slices.ContainsFunc(entries[i].Outcome.Missions, func(c missions.Change) bool {
			return c.GroupTagID != "" && (c.Gone || !c.CompletedAt.IsZero() && c.CompletedAt.Before(o.horizon))
		}) {
			return true
		}
	}
	return false
}

// What a group turns out to have completed before the horizon is completed, and nobody's fold is taken back there: what had followed of it
// goes on to count once.
func TestNobodyIsToldBehindTheHorizon(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.publish(t,
			document("Tag", "club", object{"namespace": "team", "variant": "club"}),
			document("MissionConfiguration", "two", object{
				"missionType": "GROUP", "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run", "targetAmountExpression": 2,
			}),
			document("MissionRule", "asked", object{
				"missionType": "GROUP", "groupTagId": "club", "missionConfigurationsPool": []string{"two"}, "assignmentMode": "LAZY", "timeframeType": "PERMANENT",
				"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2020-01-01T00:00:00Z",
			}),
			payingRule("four-runs", 1, object{"matchEntityId": "run", "maxPerUser": 4}))
		_, err := w.Users.AssignTags(ctx, "ada", tenancy.Tagging{TagID: "club"})
		require.NoError(t, err)
		w.aged(t, 20, 21)
		w.set(start.AddDate(0, 0, 22))
		w.archived(t, *w.now.Load())
		_, err = w.Missions.Evaluate(ctx, "ada")
		require.NoError(t, err)
		for _, m := range pages(t, func(p store.Page) ([]missions.Mission, string, error) {
			return w.Missions.GroupList(ctx, "club", missions.Query{}, p)
		}) {
			require.True(t, m.IsCompleted)
		}
		w.aged(t, 23, 24)
		_, err = w.Economy.Transaction(ctx, "day-24:four-runs:0")
		require.NoError(t, err, "two had been paid before")
		report, err := w.Economy.Verify(ctx)
		require.NoError(t, err)
		require.True(t, report.OK())
	})
}

// archiveIn lets an order have an advance at which all is archived that lies before a moment: one from which on all happens that
// is recorded later. What is published later would count back no farther.
func (s *scenario) archiveIn(a author, o *order) {
	at := a.moment("archived").Add(50 * time.Second)
	if len(s.late) > 0 && at.Before(s.publishAt) {
		at = s.publishAt.Add(20 * time.Second)
	}
	o.advances = append(o.advances, at)
	o.archive, o.horizon = at, at
	o.waits = nil // what is told later than the archive may lie before its horizon
	for _, d := range s.deliveries(o) {
		for _, e := range d.events {
			if d.at.After(at) && e.At.Before(o.horizon) {
				o.horizon = e.At
			}
		}
	}
	if h := a.moment("horizon"); h.Before(o.horizon) {
		o.horizon = h
	}
}

// aged lets ada run on days since the start, and ends an hour after the last.
func (w *world) aged(t tester, days ...int) {
	t.Helper()
	for _, d := range days {
		at := start.AddDate(0, 0, d)
		w.set(at.Add(time.Hour))
		_, err := w.Record(t.Context(), run(fmt.Sprint("day-", d), "ada", at))
		require.NoError(t, err)
	}
	require.NoError(t, w.Advance(t.Context()))
}

// Whatever days a user is active on over years, and from whatever moment on they are known: who counts the streak again after it was
// archived counts what it would have been, and shows all since the year of the horizon.
func TestArchivedStreaksGoOn(t *testing.T) {
	checkStores(t, func(rt *rapid.T, b *backend) {
		gaps := rapid.SliceOfN(rapid.SampledFrom([]int{1, 1, 1, 2, 3, 40, 200}), 2, 20).Draw(rt, "gaps")
		day := 0
		days := make([]int, len(gaps))
		for i, gap := range gaps {
			day += gap
			days[i] = day
		}
		horizon := start.AddDate(0, 0, rapid.IntRange(1, day).Draw(rt, "horizon")).Add(-time.Hour)
		one, other := found(rt, memory.New(), "acme"), b.world(rt)
		for _, w := range []*world{one, other} {
			w.aged(rt, days...)
		}
		other.archived(rt, horizon)
		standings := func(w *world) string {
			standing, err := w.Streaks.Current(rt.Context(), "ada", "daily")
			require.NoError(rt, err)
			shown := map[streaks.PeriodType][]streaks.Streak{}
			for _, by := range []streaks.PeriodType{streaks.ByDay, streaks.ByWeek, streaks.ByMonth, streaks.ByYear, streaks.ByIteration, streaks.ByGoal} {
				for _, row := range pages(rt, func(p store.Page) ([]streaks.Streak, string, error) {
					return w.Streaks.Streaks(rt.Context(), "ada", streaks.Query{PeriodType: by}, p)
				}) {
					if row.CreatedAt.Year() >= horizon.AddDate(0, 0, -9).Year() { // it began since
						shown[by] = append(shown[by], row)
					}
				}
			}
			return jsonOf(rt, []any{standing, shown})
		}
		require.Equal(rt, standings(one), standings(other))
		for i, d := range rapid.SliceOfN(rapid.IntRange(0, day), 1, 4).Draw(rt, "late") { // days that turn out to have been active
			at := start.AddDate(0, 0, d).Add(time.Minute)
			if at.Before(horizon) {
				continue
			}
			for _, w := range []*world{one, other} {
				_, err := w.Record(rt.Context(), run(fmt.Sprint("late-", i), "ada", at))
				require.NoError(rt, err)
			}
		}
		require.Equal(rt, standings(one), standings(other))
	})
}

// What is settled cannot be recorded, asked for or shown any more, and the workspace holds less.
func TestHorizon(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.publish(t, payingRule("once-a-day", 1, object{"matchEntityId": "run", "maxPerUser": 1, "per": "DAY"}),
			payingRule("few-a-week", 1, object{"matchEntityId": "run", "rewards": []object{{
				"virtualCurrencyId": "points", "redemptionMode": "AUTO", "maxAmountPerUser": 5, "timeframe": object{
					"timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z",
				},
			}}}),
			document("LearningPath", "swimming", object{"estimatedDuration": 1, "items": []object{{"itemId": "swim", "itemType": "activity"}}}))
		w.set(start)
		for _, days := range []int{10, 60} {
			_, err := w.Learning.Assign(ctx, learning.NewAssignment{PathID: "swimming", UserID: "ada", StartsAt: start.AddDate(0, 0, days-1), EndsAt: start.AddDate(0, 0, days)})
			require.NoError(t, err)
		}
		w.aged(t, 0, 1, 2, 40, 41, 42, 80)
		horizon := start.AddDate(0, 0, 41)
		before := len(w.dump(t, w.Scope()))
		rows := w.archived(t, horizon)
		require.Less(t, len(w.dump(t, w.Scope())), before)

		kinds := map[string]int{}
		for _, row := range rows {
			kinds[row.Table]++
			switch row.Table {
			case "journal":
				var e guerdon.Entry
				require.NoError(t, json.Unmarshal(row.Record, &e))
				require.Equal(t, row.Key, e.Event.ID)
				require.True(t, e.Event.At.Before(horizon))
			case "missions":
				var m missions.Mission
				require.NoError(t, json.Unmarshal(row.Record, &m))
				require.True(t, m.EndsAt.Before(horizon))
			}
		}
		for _, kind := range []string{"journal", "steps", "missions", "mission_evaluations", "leaderboard_scores"} {
			require.NotZero(t, kinds[kind], "%v", kinds)
		}
		require.Equal(t, 3+1, kinds["reward_tallies"], "day 40 is not over where the sun sets last, nor is its week")
		require.Equal(t, 1, kinds["learning_path_assignments"], "the other has not ended")

		settled := "is settled"
		for name, ev := range map[string]event.Event{
			"one that is archived":   run("day-0", "ada", start),
			"another":                run("other", "bob", horizon.Add(-time.Microsecond)),
			"one of nobody":          run("nobody", "zoe", start),
			"one of long ago":        run("day-1", "ada", time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC)),
			"one of another content": run("day-1", "bob", start.AddDate(0, 0, 1)),
		} {
			_, err := w.Record(ctx, ev)
			f, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok, name)
			require.ErrorIs(t, err, fault.ErrConflict, name)
			require.Equal(t, "completedAt", f.Field, name)
			require.Contains(t, f.Reason, horizon.Format(time.RFC3339), name)
			require.Contains(t, f.Reason, settled, name)
		}
		_, err := w.RecordBatch(ctx, []event.Event{run("b0", "bob", horizon), run("b1", "eve", horizon.Add(-1000))})
		require.ErrorContains(t, err, "events[1].completedAt")
		known, err := w.Record(ctx, run("day-41", "ada", horizon)) // that is not before it
		require.NoError(t, err)
		require.Equal(t, "day-41", known.EventID)
		_, err = w.Record(ctx, event.Event{ID: "day-0", UserID: "ada", EntityID: "run"}) // which is a new one, but for what was paid
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "before it was archived")

		_, err = w.Entry(ctx, "day-0")
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = w.Explain(ctx, "day-0", "StreakRule", "daily")
		require.ErrorIs(t, err, fault.ErrNotFound)
		why, err := w.Explain(ctx, "day-42", "StreakRule", "daily")
		require.NoError(t, err)
		require.True(t, why.Moved)
		_, err = w.Leaderboards.Top(ctx, "monthly", 0, &leaderboard.At{Time: start})
		require.ErrorIs(t, err, fault.ErrNotFound)
		periods, err := w.Leaderboards.Periods(ctx, "monthly", 0, time.Time{})
		require.NoError(t, err)
		require.True(t, periods[len(periods)-1].EndsAt.After(horizon))
		entries, err := w.Journal(ctx, 0)
		require.NoError(t, err)
		for i := range entries {
			require.Equal(t, entries[0].Outcome.Seq+int64(i), entries[i].Outcome.Seq)
		}
		require.Greater(t, entries[0].Outcome.Seq, int64(1))
		rank, err := w.Leaderboards.Rank(ctx, "all-time", "ada", nil)
		require.NoError(t, err)
		require.Equal(t, 1, rank.Rank)

		w.set(horizon.Add(-time.Hour)) // the clock goes back
		_, err = w.Users.AssignTags(ctx, "ada", tenancy.Tagging{TagID: "outdoor"})
		require.ErrorIs(t, err, fault.ErrConflict)
	})
}

// What a mission without end may yet count, for a user whom it was not assigned to, stays, and nothing else of then: it counts that
// when it is assigned, and again when that is folded again, also after the next archive.
func TestArchivedIsCountedYet(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.Import(ctx, []byte(`{"documents": [
			{"kind": "MissionConfiguration", "id": "ten", "name": "Ten runs", "missionType": "INDIVIDUAL", "matchType": "INSTANCE", "matchEntity": "Activity",
				"matchEntityId": "run", "targetAmountExpression": 10, "defaultLang": "en", "translations": [{"lang": "en", "label": "Ten"}]},
			{"kind": "MissionRule", "id": "swimmers", "name": "Swimmers", "missionType": "INDIVIDUAL", "missionConfigurationsPool": ["ten"],
				"timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2020-01-01T00:00:00Z", "assignmentMode": "EVENT", "eventMatchType": "INSTANCE",
				"eventMatchEntity": "Activity", "eventMatchEntityId": "swim", "defaultLang": "en", "translations": [{"lang": "en"}]}]}`))
		require.NoError(t, err)
		w.aged(t, 0, 1, 2)
		swim := func(id string, day int) event.Event {
			return event.Event{ID: id, UserID: "ada", EntityID: "swim", At: start.AddDate(0, 0, day)}
		}
		steps := func() (left int) {
			for _, row := range w.dump(t, w.Scope()) {
				if strings.Contains(row, " steps ada/") {
					left++
				}
			}
			return left
		}
		counted := func(want string) {
			t.Helper()
			m, err := w.Missions.Mission(ctx, "ada:swimmers:ten:"+w.period(t, "ada", "ten"))
			require.NoError(t, err)
			require.Equal(t, want, m.CurrentAmount.String())
		}
		w.set(start.AddDate(0, 0, 90))
		w.archived(t, start.AddDate(0, 0, 60))
		require.Equal(t, 4, steps(), "three runs, and the last step, which is the clock's")
		_, err = w.Record(ctx, swim("late", 80))
		require.NoError(t, err)
		counted("3")
		_, err = w.Record(ctx, swim("later", 70)) // that of the other is folded again
		require.NoError(t, err)
		counted("3")
		w.archived(t, start.AddDate(0, 0, 69))
		_, err = w.Record(ctx, run("run-69", "ada", start.AddDate(0, 0, 69)))
		require.NoError(t, err)
		counted("4")
		w.archived(t, start.AddDate(0, 0, 75)) // behind the first swim: the mission has counted them for good
		require.Less(t, steps(), 5)
		counted("4")
	})
}

// period returns the period of a user's mission.
func (w *world) period(t tester, user, configuration string) string {
	t.Helper()
	for _, m := range pages(t, func(p store.Page) ([]missions.Mission, string, error) {
		return w.Missions.List(t.Context(), user, missions.Query{}, p)
	}) {
		if m.ConfigurationID == configuration {
			return m.PeriodID
		}
	}
	return ""
}

// What Archive refuses, and that it changes nothing then.
func TestArchiveRefuses(t *testing.T) {
	w := newWorld(t, memory.New())
	ctx := t.Context()
	w.aged(t, 0, 1, 2)
	horizon := start.AddDate(0, 0, 1)
	w.archived(t, horizon)
	before := w.dump(t, w.Scope())
	for name, tt := range map[string]struct {
		before time.Time
		w      io.Writer
		kind   error
		field  string
	}{
		"no writer":     {horizon, nil, fault.ErrInvalid, "w"},
		"no moment":     {time.Time{}, io.Discard, fault.ErrInvalid, "before"},
		"what is ahead": {w.now.Load().Add(time.Second), io.Discard, fault.ErrInvalid, "before"},
		"going back":    {horizon.Add(-time.Second), io.Discard, fault.ErrConflict, "before"},
	} {
		_, err := w.Archive(ctx, tt.before, tt.w)
		require.ErrorIs(t, err, tt.kind, name)
		f, _ := errors.AsType[*fault.Error](err)
		require.Equal(t, tt.field, f.Field, name)
	}
	require.ErrorIs(t, w.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
		_, err := ws.Archive(ctx, horizon, io.Discard)
		return err
	}), fault.ErrInvalid)
	_, err := (&guerdon.Workspace{}).Archive(ctx, horizon, io.Discard)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.Equal(t, before, w.dump(t, w.Scope()))
	_, err = w.engine.Platform.CloseWorkspace(ctx, w.Scope())
	require.NoError(t, err)
	_, err = w.Archive(ctx, horizon, io.Discard)
	require.ErrorIs(t, err, fault.ErrConflict)
}

// A sink takes so many writes, and keeps what it was told to before.
type sink struct {
	bytes.Buffer

	left   int
	synced []byte
}

func (s *sink) Write(b []byte) (int, error) {
	if s.left--; s.left < 0 {
		return 0, errBroken
	}
	return s.Buffer.Write(b)
}

func (s *sink) Sync() error {
	if s.left--; s.left < 0 {
		return errBroken
	}
	s.synced = bytes.Clone(s.Bytes())
	return nil
}

// read returns the rows of an archive that may be cut off, by their tables and keys.
func readRows(t tester, file []byte) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for row, err := range guerdon.ReadArchive(bytes.NewReader(file)) {
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, "cut off")
			break
		}
		rows[row.Table+" "+row.Key] = string(row.Record)
	}
	return rows
}

// Wherever the writer fails, nothing is dropped that it has not kept; whoever calls again ends where nothing had failed.
func TestArchiveInterrupted(t *testing.T) {
	aged := func(t *testing.T) *world {
		w := foundedIn(t, memory.New(), "acme", start, 7)
		_, err := w.Import(t.Context(), fullGame(t))
		require.NoError(t, err)
		_, err = w.Users.Create(t.Context(), tenancy.NewUser{ID: "ada"})
		require.NoError(t, err)
		w.aged(t, 0, 1, 2, 40, 41, 42, 80)
		return w
	}
	horizon := start.AddDate(0, 0, 41)
	rowsOf := func(w *world) map[string]string {
		rows := map[string]string{}
		for _, line := range body(dumped(t, w.Workspace)) {
			var row struct {
				Table, Key string
				Record     json.RawMessage
			}
			require.NoError(t, json.Unmarshal([]byte(line), &row))
			rows[row.Table+" "+row.Key] = string(row.Record)
		}
		return rows
	}
	whole := aged(t)
	require.NoError(t, whole.Advance(t.Context()))
	had := rowsOf(whole)
	var file sink
	file.left = 1 << 30
	_, err := whole.Archive(t.Context(), horizon, &file)
	require.NoError(t, err)
	all, end := readRows(t, file.synced), rowsOf(whole)
	for writes := 0; ; writes++ {
		w := aged(t)
		failing := &sink{left: writes}
		_, err := w.Archive(t.Context(), horizon, failing)
		if err == nil {
			require.Greater(t, writes, 20)
			break
		}
		require.ErrorIs(t, err, errBroken)
		kept, now := readRows(t, failing.synced), rowsOf(w)
		for key, record := range had {
			if _, there := now[key]; !there {
				require.Equal(t, record, kept[key], "%s is dropped, after %d writes", key, writes)
			}
		}
		rest := &sink{left: 1 << 30}
		_, err = w.Archive(t.Context(), horizon, rest)
		require.NoError(t, err)
		require.Equal(t, end, rowsOf(w))
		maps.Copy(kept, readRows(t, rest.synced))
		require.Equal(t, all, kept)
	}
}

// A store that fails at whichever call loses nothing either, and neither does a context that ends.
func TestArchiveOnAFailingStore(t *testing.T) {
	f := &faulty{Store: memory.New()}
	f.heal()
	w := newWorld(t, f)
	w.aged(t, 0, 1, 2, 40)
	horizon := start.AddDate(0, 0, 30)
	f.failAfter(60)
	var file bytes.Buffer
	_, err := w.Archive(t.Context(), horizon, &file)
	require.ErrorIs(t, err, errBroken)
	f.heal()
	first := readRows(t, file.Bytes())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.Archive(ctx, horizon, &file)
	require.ErrorIs(t, err, context.Canceled)
	for _, row := range w.archived(t, horizon) {
		first[row.Table+" "+row.Key] = string(row.Record)
	}
	other := newWorld(t, memory.New())
	other.aged(t, 0, 1, 2, 40)
	for _, row := range other.archived(t, horizon) {
		require.Equal(t, string(row.Record), first[row.Table+" "+row.Key])
	}
	require.Equal(t, other.dump(t, w.Scope()), w.dump(t, w.Scope()))
}

// What is no archive is refused with its line, and so is what does not agree with its sums.
func TestReadArchiveRefuses(t *testing.T) {
	w := newWorld(t, memory.New())
	w.aged(t, 0, 1, 2, 40)
	var file bytes.Buffer
	_, err := w.Archive(t.Context(), start.AddDate(0, 0, 30), &file)
	require.NoError(t, err)
	zip, err := gzip.NewReader(bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	plain, err := io.ReadAll(zip)
	require.NoError(t, err)
	text := string(plain)
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	zipped := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := io.WriteString(z, text)
		require.NoError(t, errors.Join(err, z.Close()))
		return b.String()
	}
	for name, tt := range map[string]struct{ archive, field, reason string }{
		"empty":           {"", "line 1", "cut off"},
		"not compressed":  {text, "line 1", "damaged"},
		"a bundle":        {zipped("{}\n"), "line 1", "not the first of an archive"},
		"a newer format":  {zipped(strings.Replace(text, `"guerdonArchive":1`, `"guerdonArchive":2`, 1)), "line 1", "a newer version wrote it"},
		"no last line":    {zipped(strings.Join(lines[:len(lines)-1], "")), fmt.Sprint("line ", len(lines)), "cut off"},
		"another row":     {zipped(strings.Replace(text, `"table":"`, `"table":"x`, 1)), "line ", "another sum"},
		"a row is gone":   {zipped(strings.Join(slices.Delete(slices.Clone(lines), 1, 2), "")), "line ", "counts"},
		"a row and a sum": {zipped(lines[0] + `{"table":"journal","rows":0}` + "\n"), "line 2", "is a row, and the last line"},
		"more":            {zipped(text + "\n{}\n"), fmt.Sprint("line ", len(lines)+1), "follows"},
	} {
		var last error
		for _, err := range guerdon.ReadArchive(strings.NewReader(tt.archive)) {
			last = err
		}
		require.ErrorIs(t, last, fault.ErrInvalid, name)
		require.ErrorContains(t, last, tt.field, name)
		require.ErrorContains(t, last, tt.reason, name)
	}
	for _, err := range guerdon.ReadArchive(bytes.NewReader(file.Bytes())) {
		require.NoError(t, err)
		break // whoever has seen enough
	}
	for _, err := range guerdon.ReadArchive(nil) {
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
}
