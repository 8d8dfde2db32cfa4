package timeframe_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/timeframe"
)

func TestCheckGrace(t *testing.T) {
	t.Parallel()
	const most = 90 * 24 * 60
	for _, tt := range []struct {
		kind    timeframe.Type
		minutes *int
		wrong   string
	}{
		{timeframe.Permanent, nil, ""},
		{timeframe.Permanent, new(0), "graceMinutes: is not allowed when timeframeType is PERMANENT, because it never ends"},
		{timeframe.Range, new(0), ""},
		{timeframe.Range, new(-1), "graceMinutes: is -1; allowed are 0 to 129600"},
		{timeframe.Recurring, new(most), ""},
		{timeframe.Recurring, new(most + 1), "graceMinutes: is 129601; allowed are 0 to 129600"},
	} {
		err := timeframe.Timeframe{Type: tt.kind}.CheckGrace(tt.minutes)
		if tt.wrong == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, tt.wrong)
	}
}

func TestGraceEndsAt(t *testing.T) {
	t.Parallel()
	end := time.Date(2025, time.October, 6, 0, 0, 0, 0, time.UTC)
	week := timeframe.Period{StartsAt: end.AddDate(0, 0, -7), EndsAt: end}
	require.Equal(t, end, week.GraceEndsAt(nil))
	require.Equal(t, end.Add(2*time.Hour), week.GraceEndsAt(new(120)))
	require.Zero(t, timeframe.Period{StartsAt: end}.GraceEndsAt(new(120)))
}
