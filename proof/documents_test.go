package proof_test

import (
	"context"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

// actors returns who made each row of a document's history, the newest first.
func (w *world) actors(t *testing.T) []content.Actor {
	t.Helper()
	history, _, err := w.Economy.RewardRules.History(t.Context(), "per-run", store.Page{})
	require.NoError(t, err)
	var all []content.Actor
	for _, v := range history {
		all = append(all, v.Actor)
	}
	return all
}

func TestHistoryNamesWhoActed(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		system, ann, bot := content.Actor{Type: content.BySystem}, content.Actor{Type: content.ByPrincipal, ID: "ann"}, content.Actor{Type: content.ByMachine, ID: "ci"}
		rules := w.As(ann).Economy.RewardRules
		rule, err := rules.Get(ctx, "per-run")
		require.NoError(t, err)
		_, err = rules.Update(ctx, rule)
		require.NoError(t, err)
		require.NoError(t, w.As(bot).Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
			if _, err := ws.Economy.RewardRules.Publish(ctx, "per-run"); err != nil {
				return err
			}
			_, err := ws.As(ann).Economy.RewardRules.Archive(ctx, "per-run")
			return err
		}))
		require.Equal(t, []content.Actor{ann, bot, system}, w.actors(t))
		_, err = w.Economy.RewardRules.Unarchive(ctx, "per-run")
		require.NoError(t, err)
		_, err = w.As(ann).On(w.store).Economy.RewardRules.Publish(ctx, "per-run")
		require.NoError(t, err)
		require.Equal(t, []content.Actor{ann, ann, bot, system}, w.actors(t))
	})
}

func TestActorsAreValid(t *testing.T) {
	w := newWorld(t, memory.New())
	for field, a := range map[string]content.Actor{
		"actorType": {Type: "cat", ID: "tom"},
		"actorId":   {Type: content.ByUser},
	} {
		_, err := w.As(a).Economy.RewardRules.Archive(t.Context(), "per-run")
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, field+": ")
	}
	require.Len(t, w.actors(t), 1)
	_, err := (&guerdon.Workspace{}).As(content.Actor{Type: content.BySystem}).Activities.Get(t.Context(), "run")
	require.ErrorIs(t, err, fault.ErrInvalid)
}

// A board says which of its periods is open: the first before it opens, the last after it has ended.
func TestBoardsShowTheirPeriod(t *testing.T) {
	w := newWorld(t, memory.New())
	at := func(s string) time.Time {
		day, err := time.Parse(time.DateTime, s)
		require.NoError(t, err)
		return day
	}
	const first, last = "DAILY-2025-10-01T00:00:00.000Z-2025-10-02T00:00:00.000Z", "DAILY-2025-10-02T00:00:00.000Z-2025-10-03T00:00:00.000Z"
	for _, zones := range []object{{"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC"}, {"timeframeTimezoneType": "USER"}} {
		fields := object{
			"runtimeLeaderboardConfigurationId": "earned", "timeframeType": "RECURRING", "recurrence": "DAILY",
			"timeframeStartsAt": "2025-10-01T00:00:00Z", "timeframeEndsAt": "2025-10-03T00:00:00Z",
		}
		maps.Copy(fields, zones)
		w.publish(t, document("RuntimeLeaderboard", "days", fields))
		users := zones["timeframeTimezoneType"] == "USER"
		for _, tt := range []struct {
			now             string
			period          string
			state, forUsers timeframe.State
		}{
			{"2025-09-30 09:59:59", first, timeframe.Pending, timeframe.Pending},
			{"2025-09-30 10:00:00", first, timeframe.Pending, timeframe.Active}, // the date begins somewhere
			{"2025-10-01 00:00:00", first, timeframe.Active, timeframe.Active},
			{"2025-10-02 00:00:00", last, timeframe.Active, timeframe.Active},
			{"2025-10-03 11:59:59", last, timeframe.Ended, timeframe.Active}, // it ends everywhere
			{"2025-10-03 12:00:00", last, timeframe.Ended, timeframe.Ended},
		} {
			w.set(at(tt.now))
			b, err := w.Leaderboards.Boards.Get(t.Context(), "days")
			require.NoError(t, err)
			want := tt.state
			if users {
				want = tt.forUsers
			}
			require.Equal(t, want, b.TimeframeState, tt.now)
			require.Equal(t, tt.period, b.PeriodID, tt.now)
		}
	}
}

// What no calendar shows is refused by the field, not by an encoder.
func TestTimeframesOutsideTheCalendar(t *testing.T) {
	w := newWorld(t, memory.New())
	b, err := w.Leaderboards.Boards.Get(t.Context(), "all-time")
	require.NoError(t, err)
	for _, year := range []int{-1, 0, 10000, 300000} {
		b.StartsAt = time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)
		_, err = w.Leaderboards.Boards.Update(t.Context(), b)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.EqualError(t, err, "timeframeStartsAt: is not in the years 1 to 9999 of every time zone")
	}
}

func TestEventsAreAboutDocumentsOfAKind(t *testing.T) {
	t.Parallel()
	for of, kind := range map[event.Type]content.AnyKind{
		event.Activity: content.Activities, event.Quiz: content.Quizzes, event.Slide: content.Slides, event.Story: content.Stories,
		event.LearningGroup: learning.Groups, event.LearningPath: learning.Paths, event.Mission: missions.Configurations,
		event.Streak: streaks.Configurations, event.VirtualTransaction: economy.Currencies, event.Badge: badges.Configurations,
		event.MobilityTracking: mobility.FactorsKind, event.MobilityMilestone: mobility.GoalsKind, event.Tag: content.Tags,
	} {
		require.Equal(t, kind.Name(), of.Kind())
	}
}

func TestEveryKindIsDocumented(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.New())
	_, err := w.Import(t.Context(), []byte(`{"documents": [{"kind": "Nope"}]}`))
	require.Error(t, err)
	_, list, found := strings.Cut(err.Error(), "is none of [")
	require.True(t, found, err)
	documented, err := os.ReadFile("../doc.go")
	require.NoError(t, err)
	for kind := range strings.FieldsSeq(strings.TrimSuffix(list, "]")) {
		require.Regexp(t, `(?m)^//\t.*\b`+kind+`\b`, string(documented))
	}
}
