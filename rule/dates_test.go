package rule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/rule"
)

func TestDates(t *testing.T) {
	t.Parallel()
	check(t, []vector{
		{`{"now": []}`, ``, `"2026-03-29T12:00:00Z"`},

		{`{"date_part": ["year", "2026-12-31T23:30:00Z"]}`, ``, `2026`},
		{`{"date_part": ["year", "2026-12-31T23:30:00Z", "Europe/Rome"]}`, ``, `2027`},
		{`{"date_part": ["month", "2026-12-31T23:30:00Z"]}`, ``, `12`},
		{`{"date_part": ["day", "2026-12-31T23:30:00-05:00"]}`, ``, `1`},
		{`{"date_part": ["hour", {"now": []}, "Europe/Rome"]}`, ``, `14`},
		{`{"date_part": ["minute", "2026-01-01T10:20:30.5Z", "Asia/Kolkata"]}`, ``, `50`},
		{`{"date_part": ["second", "2026-01-01T10:20:30.5Z"]}`, ``, `30`},
		{`{"date_part": ["weekday", "2026-03-29"]}`, ``, `7`},
		{`{"date_part": ["weekday", "2026-03-30"]}`, ``, `1`},
		{`{"date_part": ["iso_week", "2027-01-01"]}`, ``, `53`},
		{`{"date_part": ["iso_year", "2027-01-01"]}`, ``, `2026`},
		{`{"date_part": ["day_of_year", "2024-12-31"]}`, ``, `366`},
		{`{"date_part": ["day", "2026-03-29", "America/New_York"]}`, ``, `29`},
		{`{"date_part": ["hour", "2026-04-24", "Africa/Cairo"]}`, ``, `1`},
		{`{"date_part": ["hour", "2018-11-04", "America/Sao_Paulo"]}`, ``, `1`},
		{`{"date_part": ["day", "2018-11-04", "America/Sao_Paulo"]}`, ``, `4`},
		{`{"date_part": ["day", {"now": []}, null]}`, ``, `29`},
		{`{"date_part": ["hour", {"now": []}, {"var": "zone"}]}`, `{"zone": "Asia/Tokyo"}`, `21`},
		{`{"date_part": ["hour", {"now": []}, {"var": "zone"}]}`, `{}`, `12`},

		{`{"date_part": [{"var": "part"}, {"now": []}]}`, `{"part": "era"}`, `null`},
		{`{"date_part": ["day", {"var": "at"}]}`, `{"at": "yesterday"}`, `null`},
		{`{"date_part": ["day", {"var": "at"}]}`, `{"at": 1774785600}`, `null`},
		{`{"date_part": ["day", {"var": "at"}]}`, `{}`, `null`},

		{`{"date_diff": ["2026-01-01T00:00:00Z", "2026-01-01T00:01:59.9Z", "second"]}`, ``, `119`},
		{`{"date_diff": ["2026-01-01T00:01:59.9Z", "2026-01-01T00:00:00Z", "second"]}`, ``, `-119`},
		{`{"date_diff": ["2026-01-01T00:00:00.9Z", "2026-01-01T00:00:02.1Z", "second"]}`, ``, `1`},
		{`{"date_diff": ["2026-01-01T00:00:02.1Z", "2026-01-01T00:00:00.9Z", "second"]}`, ``, `-1`},
		{`{"date_diff": ["2026-01-01T00:00:00Z", "2026-01-01T00:01:59Z", "minute"]}`, ``, `1`},
		{`{"date_diff": ["0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "hour"]}`, ``, `87649392`},
		{`{"date_diff": ["2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z", "day"]}`, ``, `1`},
		{`{"date_diff": ["2026-03-29T00:00:00Z", "2026-03-29T23:59:59Z", "day"]}`, ``, `0`},
		{`{"date_diff": ["2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z", "day", "Europe/Rome"]}`, ``, `0`},
		{`{"date_diff": ["2026-03-29", "2026-03-30", "hour", "Europe/Rome"]}`, ``, `23`},
		{`{"date_diff": ["2026-03-29", "2026-03-30", "day", "Europe/Rome"]}`, ``, `1`},
		{`{"date_diff": ["2026-03-30", "2026-03-29", "day"]}`, ``, `-1`},
		{`{"date_diff": ["2026-03-01", "2026-03-14", "week"]}`, ``, `1`},
		{`{"date_diff": ["2026-01-31", "2026-02-28", "month"]}`, ``, `0`},
		{`{"date_diff": ["2026-01-31", "2026-03-31", "month"]}`, ``, `2`},
		{`{"date_diff": ["2026-03-31", "2026-01-31", "month"]}`, ``, `-2`},
		{`{"date_diff": ["2000-11-22", "2026-11-21", "year"]}`, ``, `25`},
		{`{"date_diff": ["2000-11-21", "2026-11-21", "year"]}`, ``, `26`},
		{`{"date_diff": [{"var": "at"}, {"now": []}, "day"]}`, `{"at": "2026-03-01"}`, `28`},
		{`{"date_diff": [{"var": "at"}, {"now": []}, "day"]}`, `{}`, `null`},
		{`{"date_diff": [{"now": []}, {"now": []}, {"var": "unit"}]}`, `{"unit": "eon"}`, `null`},

		{`{"date_add": ["2026-01-01T00:00:00Z", 90, "minute"]}`, ``, `"2026-01-01T01:30:00Z"`},
		{`{"date_add": ["2026-01-01T00:00:00.25Z", -1, "second"]}`, ``, `"2025-12-31T23:59:59.25Z"`},
		{`{"date_add": ["2026-03-28T12:00:00+01:00", 1, "day", "Europe/Rome"]}`, ``, `"2026-03-29T10:00:00Z"`},
		{`{"date_add": ["2026-03-28T12:00:00+01:00", 24, "hour", "Europe/Rome"]}`, ``, `"2026-03-29T11:00:00Z"`},
		{`{"date_add": ["2026-01-31", 1, "month"]}`, ``, `"2026-02-28T00:00:00Z"`},
		{`{"date_add": ["2026-01-31", -11, "month"]}`, ``, `"2025-02-28T00:00:00Z"`},
		{`{"date_add": ["2024-02-29", 1, "year"]}`, ``, `"2025-02-28T00:00:00Z"`},
		{`{"date_add": ["2026-01-01", 2, "week"]}`, ``, `"2026-01-15T00:00:00Z"`},
		{`{"date_add": ["2026-01-01", 0.5, "day"]}`, ``, `null`},
		{`{"date_add": ["2026-01-01", "1", "day"]}`, ``, `null`},
		{`{"date_add": ["2026-01-01", 9000, "year"]}`, ``, `null`},
		{`{"date_add": ["2026-01-01", 1e300, "day"]}`, ``, `null`},
		{`{"date_add": ["2026-01-01", 1e12, "second"]}`, ``, `null`},
		{`{"date_add": ["2026-01-01", -1e12, "year"]}`, ``, `null`},
		{`{"date_add": [{"var": "at"}, 1, "day"]}`, `{"at": "2026-13-01"}`, `null`},
		{`{"<": [{"date_add": ["2026-03-01", 1, "month"]}, {"now": []}]}`, ``, `false`},
	})
}

// Whoever is asked for a zone and has none is in UTC; what is no zone is a fault of the data, and nothing is
// made of it.
func TestWhatIsNoZoneEndsTheEvaluation(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`{"date_part": ["hour", {"now": []}, {"var": "zone"}]}`,
		`{"<": [{"date_part": ["hour", {"now": []}, {"var": "zone"}]}, 4]}`,
		`{"date_diff": [{"now": []}, {"now": []}, "day", {"var": "zone"}]}`,
		`{"date_add": [{"now": []}, 1, "day", {"var": "zone"}]}`,
	} {
		r := compiled(t, src)
		for _, zone := range []any{"", "Mars/Olympus", "../etc/passwd", "Local", 1.0, false, []any{}, strings.Repeat("x", 100)} {
			env := &rule.Env{Data: map[string]any{"zone": zone}, Now: noon}
			v, err := r.Eval(env)
			require.ErrorIs(t, err, fault.ErrConflict, "%s with %v gave %v", src, zone, v)
			require.Regexp(t, `/date_[a-z]+/[23]: gave what is no IANA time zone$`, err.Error(), "the zone may say who somebody is")
			ok, err := r.Match(env)
			require.ErrorIs(t, err, fault.ErrConflict)
			require.False(t, ok)
			_, err = r.Explain(env)
			require.ErrorIs(t, err, fault.ErrConflict)
		}
		for _, data := range []map[string]any{{}, {"zone": nil}, {"zone": "UTC"}} {
			_, err := r.Eval(&rule.Env{Data: data, Now: noon})
			require.NoError(t, err)
		}
	}
}

// What a date operator cannot say is no small number: no comparison with it is true.
func TestNoInstantIsBeforeNothing(t *testing.T) {
	t.Parallel()
	for _, date := range []string{
		`{"date_part": ["hour", {"var": "gone"}]}`, `{"date_part": ["hour", {"var": "text"}, {"var": "gone"}]}`,
		`{"date_diff": [{"var": "gone"}, {"now": []}, "day"]}`, `{"date_diff": [{"now": []}, {"var": "gone"}, "day"]}`,
		`{"date_part": ["hour", {"date_add": [{"var": "gone"}, 1, "day"]}]}`, `{"date_add": [{"var": "gone"}, 1, "day"]}`,
		`{"date_add": [{"now": []}, {"var": "gone"}, "day"]}`,
		`{"floor": {"var": "gone"}}`, `{"abs": {"var": "gone"}}`, `{"pow": [{"var": "gone"}, 2]}`,
	} {
		for _, src := range []string{
			`{"<": [` + date + `, 4]}`, `{"<=": [` + date + `, 4]}`, `{">": [4, ` + date + `]}`, `{">": [` + date + `, -4]}`, `{">=": [` + date + `, -4]}`,
			`{"==": [` + date + `, 0]}`, `{"===": [` + date + `, ` + date + `]}`, `{"<=": [-1, ` + date + `, 24]}`,
			`{"<": [{"-": [` + date + `, 1]}, 4]}`, `{"<": [{"max": [` + date + `, 1]}, 4]}`, `{"<=": [` + date + `, ` + date + `]}`, date,
		} {
			ok, err := compiled(t, src).Match(&rule.Env{Data: map[string]any{"text": "yesterday"}, Now: noon})
			require.NoError(t, err)
			require.False(t, ok, src)
		}
		v, err := compiled(t, date).Eval(&rule.Env{Data: map[string]any{"text": "yesterday"}, Now: noon})
		require.NoError(t, err)
		require.Nil(t, v)
	}
}

func TestNowIsWrittenInUTC(t *testing.T) {
	t.Parallel()
	tokyo := time.FixedZone("JST", 9*60*60)
	got, err := compiled(t, `{"now": []}`).Eval(&rule.Env{Now: time.Date(2026, 1, 1, 9, 0, 0, 5000, tokyo)})
	require.NoError(t, err)
	require.Equal(t, "2026-01-01T00:00:00.000005Z", got)
}

// Whatever is added is the difference, in every unit whose lengths do not vary with the date.
func TestDateAddAndDiffAgree(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Rome", "Africa/Cairo", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"}
	type compiledPair struct{ add, diff *rule.Rule }
	pairs := map[string]compiledPair{}
	for _, zone := range zones {
		for _, unit := range []string{"second", "minute", "hour", "day"} {
			pairs[zone+unit] = compiledPair{
				compiled(t, fmt.Sprintf(`{"date_add": [{"var": "at"}, {"var": "n"}, %q, %q]}`, unit, zone)),
				compiled(t, fmt.Sprintf(`{"date_diff": [{"var": "at"}, {"var": "to"}, %q, %q]}`, unit, zone)),
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		unit := rapid.SampledFrom([]string{"second", "minute", "hour", "day"}).Draw(t, "unit")
		pair := pairs[zone+unit]
		at := time.Unix(rapid.Int64Range(1_400_000_000, 2_000_000_000).Draw(t, "at"), 0).UTC()
		n := float64(rapid.IntRange(-2000, 2000).Draw(t, "n"))
		data := map[string]any{"at": at.Format(time.RFC3339), "n": n}

		to, err := pair.add.Eval(&rule.Env{Data: data})
		require.NoError(t, err)
		data["to"] = to
		diff, ok, err := pair.diff.Number(&rule.Env{Data: data})
		require.NoError(t, err)
		require.True(t, ok)
		require.InDelta(t, n, diff, 0)
	})
}
