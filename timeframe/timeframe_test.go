package timeframe_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/timeframe"
)

// edit returns a valid permanent timeframe of a fixed zone after a change.
func edit(t testing.TB, change func(*timeframe.Timeframe)) timeframe.Timeframe {
	t.Helper()
	f := timeframe.Timeframe{
		Type: timeframe.Permanent, TimezoneType: timeframe.Fixed, Timezone: "Europe/Rome",
		StartsAt: utc(t, "2025-01-01T00:00:00Z"),
	}
	change(&f)
	return f
}

func TestValidate(t *testing.T) {
	t.Parallel()
	later, same, earlier := at(t, "2025-07-01T00:00:00Z"), at(t, "2025-01-01T00:00:00Z"), at(t, "2024-07-01T00:00:00Z")
	tests := []struct {
		name   string
		change func(*timeframe.Timeframe)
		want   []string // the fields at fault
	}{
		{"permanent", func(*timeframe.Timeframe) {}, nil},
		{"permanent with an end", func(f *timeframe.Timeframe) { f.EndsAt = later }, []string{"timeframeEndsAt"}},
		{"permanent that recurs", func(f *timeframe.Timeframe) { f.Recurrence = timeframe.Daily }, []string{"recurrence"}},
		{"permanent with a schedule", func(f *timeframe.Timeframe) { f.Cron = "0 0 * * *" }, nil},
		{"permanent with a bad schedule", func(f *timeframe.Timeframe) { f.Cron = "hourly" }, []string{"scheduleCron"}},
		{"no start", func(f *timeframe.Timeframe) { f.StartsAt = time.Time{} }, []string{"timeframeStartsAt"}},
		{"start before the calendar", func(f *timeframe.Timeframe) { f.StartsAt = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) }, []string{"timeframeStartsAt"}},
		{"start after the calendar", func(f *timeframe.Timeframe) { f.StartsAt = time.Date(9999, 12, 31, 13, 0, 0, 0, time.UTC) }, []string{"timeframeStartsAt"}},
		{"end after the calendar", func(f *timeframe.Timeframe) {
			f.Type, f.EndsAt = timeframe.Range, new(time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC))
		}, []string{"timeframeEndsAt"}},
		{"range", func(f *timeframe.Timeframe) { f.Type, f.EndsAt = timeframe.Range, later }, nil},
		{"range without end", func(f *timeframe.Timeframe) { f.Type = timeframe.Range }, []string{"timeframeEndsAt"}},
		{"empty range", func(f *timeframe.Timeframe) { f.Type, f.EndsAt = timeframe.Range, same }, []string{"timeframeEndsAt"}},
		{"backward range", func(f *timeframe.Timeframe) { f.Type, f.EndsAt = timeframe.Range, earlier }, []string{"timeframeEndsAt"}},
		{"recurring", func(f *timeframe.Timeframe) { f.Type, f.Recurrence = timeframe.Recurring, timeframe.Weekly }, nil},
		{"recurring with an end", func(f *timeframe.Timeframe) {
			f.Type, f.Recurrence, f.EndsAt = timeframe.Recurring, timeframe.Monthly, later
		}, nil},
		{"recurring without recurrence", func(f *timeframe.Timeframe) { f.Type = timeframe.Recurring }, []string{"recurrence"}},
		{"unknown recurrence", func(f *timeframe.Timeframe) { f.Type, f.Recurrence = timeframe.Recurring, "YEARLY" }, []string{"recurrence"}},
		{"custom", func(f *timeframe.Timeframe) {
			f.Type, f.Recurrence, f.Cron = timeframe.Recurring, timeframe.Custom, "0 0 1 */3 *"
		}, nil},
		{"custom without schedule", func(f *timeframe.Timeframe) {
			f.Type, f.Recurrence = timeframe.Recurring, timeframe.Custom
		}, []string{"scheduleCron"}},
		{"custom that never fires", func(f *timeframe.Timeframe) {
			f.Type, f.Recurrence, f.Cron = timeframe.Recurring, timeframe.Custom, "0 0 30 2 *"
		}, []string{"scheduleCron"}},
		{"users' zones", func(f *timeframe.Timeframe) { f.TimezoneType, f.Timezone = timeframe.User, "" }, nil},
		{"users' zones with a zone", func(f *timeframe.Timeframe) { f.TimezoneType = timeframe.User }, []string{"timeframeTimezone"}},
		{"no zone", func(f *timeframe.Timeframe) { f.Timezone = "" }, []string{"timeframeTimezone"}},
		{"unknown zone", func(f *timeframe.Timeframe) { f.Timezone = "Europe/Atlantis" }, []string{"timeframeTimezone"}},
		{"this machine's zone", func(f *timeframe.Timeframe) { f.Timezone = "Local" }, []string{"timeframeTimezone"}},
		{"lower case", func(f *timeframe.Timeframe) { f.Type, f.TimezoneType = "permanent", "fixed" }, []string{
			"timeframeType", "timeframeTimezoneType",
		}},
		{"all at once", func(f *timeframe.Timeframe) { *f = timeframe.Timeframe{Recurrence: timeframe.Custom} }, []string{
			"timeframeType", "timeframeStartsAt", "timeframeTimezoneType", "recurrence", "scheduleCron",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := edit(t, test.change).Validate()
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			requireFault(t, err, test.want...)
		})
	}
}

func TestValidateBoard(t *testing.T) {
	t.Parallel()
	season := edit(t, func(f *timeframe.Timeframe) { f.Type, f.Recurrence = timeframe.Recurring, timeframe.Custom })
	requireFault(t, season.ValidateBoard(), "timeframeEndsAt")
	season.EndsAt = at(t, "2025-02-01T00:00:00Z")
	require.NoError(t, season.ValidateBoard())
	season.EndsAt, season.Cron = nil, "0 0 1 * *"
	require.NoError(t, season.ValidateBoard())
	season.Timezone = ""
	requireFault(t, season.ValidateBoard(), "timeframeTimezone")
}

func TestState(t *testing.T) {
	t.Parallel()
	open := edit(t, func(*timeframe.Timeframe) {})
	closed := edit(t, func(f *timeframe.Timeframe) { f.EndsAt = at(t, "2025-07-01T00:00:00Z") })
	tests := []struct {
		now          string
		open, closed timeframe.State
	}{
		{"2024-12-31T23:59:59.999999999Z", timeframe.Pending, timeframe.Pending},
		{"2025-01-01T00:00:00Z", timeframe.Active, timeframe.Active},
		{"2025-06-30T23:59:59.999999999Z", timeframe.Active, timeframe.Active},
		{"2025-07-01T00:00:00Z", timeframe.Active, timeframe.Ended},
		{"9999-12-31T00:00:00Z", timeframe.Active, timeframe.Ended},
	}
	for _, test := range tests {
		require.Equal(t, test.open, open.State(utc(t, test.now)))
		require.Equal(t, test.closed, closed.State(utc(t, test.now)))
	}
}

func TestTimeframeJSON(t *testing.T) {
	t.Parallel()
	type rule struct {
		Name string `json:"name"`
		timeframe.Timeframe
	}
	want := rule{Name: "seasons", Timeframe: timeframe.Timeframe{
		Type: timeframe.Recurring, TimezoneType: timeframe.Fixed, Timezone: "Asia/Tokyo",
		StartsAt: utc(t, "2025-01-01T00:00:00Z"), EndsAt: at(t, "2026-01-01T00:00:00Z"),
		Recurrence: timeframe.Custom, Cron: "0 0 1 */3 *",
	}}
	text, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"name": "seasons", "timeframeType": "RECURRING", "timeframeTimezoneType": "FIXED",
		"timeframeTimezone": "Asia/Tokyo", "timeframeStartsAt": "2025-01-01T00:00:00Z",
		"timeframeEndsAt": "2026-01-01T00:00:00Z", "recurrence": "CUSTOM", "scheduleCron": "0 0 1 */3 *"
	}`, string(text))
	var got rule
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, want, got)

	text, err = json.Marshal(rule{Timeframe: timeframe.Timeframe{
		Type: timeframe.Permanent, TimezoneType: timeframe.User, StartsAt: utc(t, "2025-01-01T00:00:00Z"),
	}})
	require.NoError(t, err)
	require.JSONEq(t, `{
		"name": "", "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2025-01-01T00:00:00Z"
	}`, string(text))
}
