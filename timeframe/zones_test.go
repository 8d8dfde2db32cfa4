package timeframe_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/timeframe"
)

func TestZonesLoad(t *testing.T) {
	t.Parallel()
	var zones timeframe.Zones
	rome, err := zones.Load("Europe/Rome")
	require.NoError(t, err)
	require.Equal(t, "Europe/Rome", rome.String())
	again, err := zones.Load("Europe/Rome")
	require.NoError(t, err)
	require.Same(t, rome, again)
	utc, err := zones.Load("UTC")
	require.NoError(t, err)
	require.Same(t, time.UTC, utc)
}

func TestZonesRefuse(t *testing.T) {
	t.Parallel()
	names := []string{
		"", "Local", "localtime", "posixrules", "Factory", "posix/Europe/Rome", "right/Europe/Rome", "Europe",
		"Europe/Atlantis", "+02:00", "../Europe/Rome", "/etc/localtime", "iso3166.tab", "Europe/Rome\x00", "CEST",
		strings.Repeat("x", 10_000),
	}
	var zones timeframe.Zones
	for _, name := range names {
		_, err := zones.Load(name)
		requireFault(t, err, "")
		require.Equal(t, err, timeframe.CheckZone(name))
	}
}

func TestZonesConcurrently(t *testing.T) {
	t.Parallel()
	var zones timeframe.Zones
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for name := range strings.FieldsSeq(zoneNames) {
				if zone, err := zones.Load(name); err != nil || zone.String() != name {
					t.Errorf("%s: %v, %v", name, zone, err)
				}
			}
		})
	}
	group.Wait()
}

func TestEveryZoneIsValid(t *testing.T) {
	t.Parallel()
	require.Len(t, allZones(t), 597)
	require.NoError(t, timeframe.CheckZone("America/Argentina/ComodRivadavia"))
}
