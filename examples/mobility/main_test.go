package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/mobility"
	"github.com/guerdonhq/guerdon/store"
)

func TestADayIsReported(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, &out))
	for _, line := range []string{"2024-05-06\n", "06:00 walk ", "suspicious", "✓ 10 minutes", "✓ 5 km", "✓ 1 co2", "– 60 minutes: 24 missing", "Open Government Licence v3.0"} {
		require.Contains(t, out.String(), line)
	}
	require.Equal(t, 1, strings.Count(out.String(), "suspicious"))
}

// A day on foot, by bicycle and by bus is worth what the game says, and no more than its caps.
func TestTheGameHasCaps(t *testing.T) {
	now := time.Date(2024, 5, 6, 22, 0, 0, 0, time.UTC)
	ws, err := found(t.Context(), now)
	require.NoError(t, err)
	var list []mobility.Tracking
	begins := now.Add(-20 * time.Hour)
	track := func(of mobility.Mode, metres int64, takes time.Duration) {
		list = append(list, mobility.Tracking{
			ProviderID: fmt.Sprint("t", len(list)), UserID: user, Provider: provider, Status: mobility.Track, Type: of, Length: metres,
			StartsAt: begins, EndsAt: begins.Add(takes), StartsAtTimezone: "UTC", EndsAtTimezone: "UTC",
		})
		begins = begins.Add(takes + time.Minute)
	}
	track(mobility.Walk, 240, 3*time.Minute) // too short
	for range 3 {
		track(mobility.Walk, 4900, time.Hour)
	}
	track(mobility.Bicycle, 32_500, 2*time.Hour)
	for _, metres := range []int64{400, 4000, 6000, 12_000, 25_000, 600, 600, 600, 600, 600} {
		track(mobility.Bus, metres, 40*time.Minute)
	}
	_, err = ws.Mobility.Track(t.Context(), list)
	require.NoError(t, err)
	rows, _, err := ws.Economy.History(t.Context(), user, store.Page{Limit: 100})
	require.NoError(t, err)
	paid := map[string]string{}
	sums := map[string]decimal.Decimal{}
	for _, row := range rows {
		if row.State == economy.Completed {
			sums[row.Initiator] = sums[row.Initiator].Add(row.Amount)
			paid[row.Initiator] = sums[row.Initiator].String()
		}
	}
	require.Equal(t, map[string]string{
		"rewardRuleId#walk": "100", "rewardRuleId#bicycle": "150", "rewardRuleId#public-transport": "110", "rewardRuleId#zero-impact": "75",
	}, paid)
	week, err := ws.Leaderboards.Rank(t.Context(), "week", user, nil)
	require.NoError(t, err)
	require.Equal(t, "435", week.Score.String())
}

func TestFilesAreRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.gpx")
	require.NoError(t, os.WriteFile(name, day, 0o600))
	var once, twice bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-zone", "Europe/Rome", name}, &once, &once))
	require.NoError(t, run(t.Context(), []string{"-zone", "Europe/Rome", "-mode", "bus", name}, &twice, &twice))
	require.Equal(t, once.String(), twice.String(), "each track says how")
	for _, args := range [][]string{{"-zone", "Mars/Olympus"}, {filepath.Join(t.TempDir(), "none.gpx")}} {
		require.Error(t, run(t.Context(), args, &once, &once))
	}
	require.ErrorIs(t, run(t.Context(), []string{"-help"}, &once, &once), flag.ErrHelp)
	require.NoError(t, os.WriteFile(name, []byte("<kml/>"), 0o600))
	require.ErrorIs(t, run(t.Context(), []string{name}, &once, &once), fault.ErrInvalid)
}

func TestTracksOfAFile(t *testing.T) {
	list, err := readGPX([]byte(`<gpx><trk><type> Hiking </type><trkseg><trkpt lat="45" lon="9"><time>2024-05-06T08:00:00.5Z</time></trkpt>
		<trkpt lat="45.001" lon="9"><time>2024-05-06T08:02:00Z</time></trkpt></trkseg></trk><trk><trkseg/></trk></gpx>`), mobility.Other, "Europe/Rome")
	require.NoError(t, err)
	require.Equal(t, []mobility.Tracking{{
		ProviderID: "20240506T080000-500000000", UserID: "you", Provider: "gpx", Status: mobility.Track, Type: mobility.Walk,
		StartsAt: time.Date(2024, 5, 6, 8, 0, 0, 5e8, time.UTC), EndsAt: time.Date(2024, 5, 6, 8, 2, 0, 0, time.UTC),
		StartsAtTimezone: "Europe/Rome", EndsAtTimezone: "Europe/Rome", Geometry: `{"coordinates":[[[9,45],[9,45.001]]],"type":"MultiLineString"}`,
	}}, list)
	for text, field := range map[string]string{
		"": "empty", "<gpx>": "no GPX", "<kml/>": `it is a "kml"`, `<gpx><trk><trkseg><trkpt lat="x"/></trkseg></trk></gpx>`: "no GPX",
		`<gpx><trk><trkseg><trkpt lat="1" lon="1"/></trkseg></trk></gpx>`: "trk[0].trkseg[0].trkpt[0].time: ",
		`<gpx><trk><trkseg><trkpt lat="91" lon="1"><time>2024-05-06T08:00:00Z</time></trkpt><trkpt lat="1" lon="1"><time>2024-05-06T08:00:00Z</time></trkpt></trkseg></trk></gpx>`: "trk[0].geometry: ",
	} {
		_, err := readGPX([]byte(text), mobility.Other, "UTC")
		require.ErrorIs(t, err, fault.ErrInvalid, text)
		require.ErrorContains(t, err, field)
	}
}

func FuzzGPX(f *testing.F) {
	f.Add(day)
	f.Add([]byte(`<gpx><trk><trkseg><trkpt lat="NaN" lon="1"><time>2024-05-06T08:00:00Z</time></trkpt><trkpt lat="1" lon="1"><time>2024-05-06T08:00:00Z</time></trkpt></trkseg></trk></gpx>`))
	f.Add([]byte("<gpx/>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := readGPX(text, mobility.Walk, "UTC")
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		for _, one := range list {
			require.False(t, one.EndsAt.Before(one.StartsAt))
			require.LessOrEqual(t, len(one.ProviderID), 64)
		}
	})
}
