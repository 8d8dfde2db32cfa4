package timeframe_test

import (
	_ "embed"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests do not depend on the machine's time zone database

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/timeframe"
)

//go:embed testdata/zones.txt
var zoneNames string

// allZones returns every zone of the time zone database.
func allZones(t testing.TB) []*time.Location {
	t.Helper()
	var zones timeframe.Zones
	var all []*time.Location
	for name := range strings.FieldsSeq(zoneNames) {
		zone, err := zones.Load(name)
		require.NoError(t, err)
		all = append(all, zone)
	}
	return all
}

func loadZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := new(timeframe.Zones).Load(name)
	require.NoError(t, err)
	return zone
}

// utc reads an instant.
func utc(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	require.NoError(t, err)
	return at.UTC()
}

// at returns the instant as a timeframe's end.
func at(t testing.TB, s string) *time.Time {
	t.Helper()
	return new(utc(t, s))
}

func day(t testing.TB, s string) timeframe.Day {
	t.Helper()
	d, err := timeframe.ParseDay(s)
	require.NoError(t, err)
	return d
}

// stamps writes instants for comparison.
func stamps(times ...time.Time) []string {
	all := []string{}
	for _, t := range times {
		all = append(all, t.Format(time.RFC3339Nano))
	}
	return all
}

// requireFault requires that err holds exactly one fault for each field, in order.
func requireFault(t testing.TB, err error, fields ...string) {
	t.Helper()
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.Equal(t, fields, faultFields(t, err))
}

func faultFields(t testing.TB, err error) []string {
	t.Helper()
	if e, ok := err.(*fault.Error); ok { //nolint:errorlint // walks the tree of errors itself
		return []string{e.Field}
	}
	many, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%T is neither a fault nor a join of faults", err)
	var fields []string
	for _, e := range many.Unwrap() {
		fields = append(fields, faultFields(t, e)...)
	}
	return fields
}
