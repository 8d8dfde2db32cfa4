package mechanic_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A schedule in a zone that the machine does not know fires for nobody, and says so.
func TestAScheduleInAnUnknownZone(t *testing.T) {
	t.Parallel()
	pushes := mechanic.DefinePushes("pushes")
	st := memory.New()
	require.NoError(t, st.Prepare(t.Context(), pushes.Schema()))
	rule := mechanic.PushedRule{Kind: "Kind", ID: "id", PublishedAt: noon.AddDate(0, 0, -7), Trigger: mechanic.Trigger{
		Mode: mechanic.ScheduledPush,
		Timeframe: timeframe.Timeframe{
			Type: timeframe.Recurring, Recurrence: timeframe.Daily, Cron: "0 8 * * *",
			TimezoneType: timeframe.Fixed, Timezone: "Europe/Atlantis", StartsAt: noon.AddDate(0, 0, -7),
		},
	}}
	require.NoError(t, st.Update(t.Context(), store.Scope{Account: "acme", Workspace: "default"}, func(raw store.Tx) error {
		tx := &session.Tx{Tx: raw, Now: noon, Zones: &timeframe.Zones{}}
		limit := 10
		done, err := rule.Carry(t.Context(), tx, pushes, &limit)
		require.NoError(t, err)
		require.True(t, done)
		problems := tx.Problems()
		require.Len(t, problems, 1)
		require.Equal(t, "Kind/id timeframeTimezone", problems[0].Source+" "+problems[0].Field)
		require.Contains(t, problems[0].Reason, `"Europe/Atlantis" is not a time zone`)
		return nil
	}))
}
