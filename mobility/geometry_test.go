package mobility_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/mobility"
)

func TestGeometriesHaveLengths(t *testing.T) {
	for text, want := range map[string]int64{
		`{"type": "Point", "coordinates": [9.19, 45.46]}`:                                      0,
		`{"type": "MultiPoint", "coordinates": [[0, 0], [90, 0]]}`:                             0,
		`{"type": "LineString", "coordinates": [[0, 0], [0, 1]]}`:                              111_195,
		`{"type": "LineString", "coordinates": [[0, 0, 812], [0, 1, 3]]}`:                      111_195,
		`{"type": "LineString", "coordinates": [[9.19, 45.4642], [12.4964, 41.9028]]}`:         477_265, // Milan to Rome
		`{"type": "LineString", "coordinates": [[-180, 0], [180, 0]]}`:                         0,
		`{"type": "LineString", "coordinates": [[0, 90], [0, -90]]}`:                           20_015_115,
		`{"type": "MultiLineString", "coordinates": [[[0, 0], [0, 1]], [[5, 5], [5, 6]]]}`:     222_390,
		`{"type": "MultiLineString", "coordinates": []}`:                                       0,
		`{"coordinates": [[0, 0], [0, 1]], "bbox": [0, 0, 0, 1], "type": "LineString"}` + "\n": 111_195,
	} {
		g, err := mobility.ParseGeometry([]byte(text))
		require.NoError(t, err, text)
		require.InDelta(t, want, g.Length(), float64(want)/1000, text)
	}
}

func TestWhatIsNoGeometryIsRefused(t *testing.T) {
	many := `{"type": "LineString", "coordinates": [` + strings.Repeat("[0,0],", mobility.MaxPositions) + `[0,0]]}`
	for text, reason := range map[string]string{
		``: "it is empty", `POINT(1 2)`: "no GeoJSON", `{}`: "has no type", `{"type": "Feature"}`: `is a "Feature"`, `[]`: "no GeoJSON", `null`: "has no type",
		`{"type": "Point"}`: "coordinates", `{"type": "Point", "coordinates": [1]}`: "a position is", `{"type": "Point", "coordinates": [181, 0]}`: "a position is",
		`{"type": "Point", "coordinates": [0, -91]}`: "a position is", `{"type": "Point", "coordinates": ["1", 2]}`: "coordinates", `{"type": "Point", "coordinates": null}`: "coordinates",
		`{"type": "LineString", "coordinates": [[0, 0]]}`: "2 positions", `{"type": "LineString", "coordinates": [0, 0]}`: "coordinates",
		`{"type": "Polygon", "coordinates": []}`: `is a "Polygon"`, `{"type": "Point", "coordinates": [0, 0]} {}`: "more than one",
		`{"type": "MultiLineString", "coordinates": [[0, 0]]}`: "coordinates", many: "more than 20000 positions",
		`{"type": "Point", "coordinates": [0, 0], "name": "` + strings.Repeat("x", mobility.MaxGeometry) + `"}`: "bytes long",
	} {
		_, err := mobility.ParseGeometry([]byte(text))
		require.ErrorIs(t, err, fault.ErrInvalid, reason)
		require.ErrorContains(t, err, "geometry: ")
		require.ErrorContains(t, err, reason)
	}
}

// A line is as long backwards, and no longer than with a place more.
func TestLengthsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [2]float64 {
			return [2]float64{rapid.Float64Range(-180, 180).Draw(t, "longitude"), rapid.Float64Range(-90, 90).Draw(t, "latitude")}
		}), 2, 8).Draw(t, "line")
		length := func(line [][2]float64) int64 {
			b, err := json.Marshal(map[string]any{"type": "LineString", "coordinates": line})
			require.NoError(t, err)
			g, err := mobility.ParseGeometry(b)
			require.NoError(t, err)
			return g.Length()
		}
		whole := length(line)
		back := make([][2]float64, len(line))
		for i := range line {
			back[len(line)-1-i] = line[i]
		}
		require.InDelta(t, whole, length(back), 1)
		require.LessOrEqual(t, length([][2]float64{line[0], line[len(line)-1]}), whole+1)
		require.LessOrEqual(t, whole, int64(len(line)-1)*20_015_200)
	})
}

func FuzzGeometry(f *testing.F) {
	for _, text := range []string{
		`{"type": "Point", "coordinates": [9.19, 45.46]}`, `{"type": "LineString", "coordinates": [[0, 0], [0, 1]]}`,
		`{"type": "MultiLineString", "coordinates": [[[0, 0], [0, 1]], []]}`, `{"type": "MultiPoint", "coordinates": [[0, 0], [90, 0]]}`, `{"type": 3}`, `[`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := mobility.ParseGeometry(text)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		require.GreaterOrEqual(t, g.Length(), int64(0))
	})
}
