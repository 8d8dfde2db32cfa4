package mobility

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"

	"github.com/guerdonhq/guerdon/fault"
)

// Bounds of a geometry.
const (
	// MaxGeometry is how many bytes of GeoJSON a geometry may have.
	MaxGeometry = 512 << 10
	// MaxPositions is how many positions it may have.
	MaxPositions = 20_000
)

// A Position is a place on earth, in degrees.
type Position struct{ Longitude, Latitude float64 }

// A Geometry is where somebody moved or stayed: lines of positions, of which one alone is a point. It is never modified.
type Geometry struct{ lines [][]Position }

// ParseGeometry reads a geometry of GeoJSON (RFC 7946) of type Point, MultiPoint, LineString or MultiLineString. It returns
// [fault.ErrInvalid] that names the field "geometry" for anything else, for a position that is not on earth, and for what is
// longer than [MaxGeometry] or has more than [MaxPositions]. A third number of a position, the height, is ignored.
func ParseGeometry(text []byte) (Geometry, error) {
	if n := len(text); n > MaxGeometry {
		return Geometry{}, fault.Invalid("geometry", "is %d bytes long, at most %d are allowed", n, MaxGeometry)
	}
	var object struct {
		Type        *string         `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	}
	if err := decode(text, &object); err != nil {
		return Geometry{}, fault.Invalid("geometry", "is no GeoJSON: %v", err)
	}
	if object.Type == nil {
		return Geometry{}, fault.Invalid("geometry", "is no GeoJSON: it has no type")
	}
	var raw [][]json.RawMessage
	var err error
	switch *object.Type {
	case "Point":
		raw = [][]json.RawMessage{{object.Coordinates}}
	case "MultiPoint", "LineString":
		raw = make([][]json.RawMessage, 1)
		err = list(object.Coordinates, &raw[0])
	case "MultiLineString":
		err = list(object.Coordinates, &raw)
	default:
		err = fault.Invalid("geometry", "is a %.80q, which is none of Point, MultiPoint, LineString, MultiLineString", *object.Type)
	}
	if err != nil {
		return Geometry{}, err
	}
	g, err := positions(raw)
	if err == nil && *object.Type != "Point" && *object.Type != "MultiPoint" {
		for _, line := range g.lines {
			if len(line) == 1 {
				return Geometry{}, fault.Invalid("geometry", "is no GeoJSON: a line has 2 positions or more")
			}
		}
	}
	if *object.Type == "MultiPoint" { // no way leads from one to the next
		g = g.apart()
	}
	return g, err
}

// decode reads one JSON value.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("it is empty")
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it is more than one JSON value")
	}
	return nil
}

func list(raw json.RawMessage, into any) error {
	if head := bytes.TrimSpace(raw); len(head) == 0 || head[0] != '[' || json.Unmarshal(raw, into) != nil {
		return fault.Invalid("geometry", "is no GeoJSON: its coordinates are not those of its type")
	}
	return nil
}

// positions reads lines of positions.
func positions(raw [][]json.RawMessage) (Geometry, error) {
	g, n := Geometry{}, 0
	for _, line := range raw {
		if n += len(line); n > MaxPositions {
			return Geometry{}, fault.Invalid("geometry", "has more than %d positions", MaxPositions)
		}
		read := make([]Position, len(line))
		for i, one := range line {
			var numbers []float64
			if err := list(one, &numbers); err != nil {
				return Geometry{}, err
			}
			if len(numbers) < 2 || math.Abs(numbers[0]) > 180 || math.Abs(numbers[1]) > 90 {
				return Geometry{}, fault.Invalid("geometry", "is no GeoJSON: a position is a longitude from -180 to 180 and a latitude from -90 to 90")
			}
			read[i] = Position{numbers[0], numbers[1]}
		}
		if len(read) > 0 {
			g.lines = append(g.lines, read)
		}
	}
	return g, nil
}

// apart returns the geometry with each position alone.
func (g Geometry) apart() (points Geometry) {
	for _, line := range g.lines {
		for _, p := range line {
			points.lines = append(points.lines, []Position{p})
		}
	}
	return points
}

// Length returns how long the lines are together, in whole metres along great circles.
func (g Geometry) Length() int64 {
	var metres float64
	for _, line := range g.lines {
		for i := 1; i < len(line); i++ {
			metres += line[i-1].distance(line[i])
		}
	}
	return int64(math.Round(metres))
}

// earth is the mean radius of the earth in metres.
const earth = 6_371_008.8

// distance returns the length of the great circle between two positions in metres, by the haversine formula.
func (p Position) distance(q Position) float64 {
	const degree = math.Pi / 180
	half := func(degrees float64) float64 { s := math.Sin(degrees * degree / 2); return s * s }
	h := half(q.Latitude-p.Latitude) + math.Cos(p.Latitude*degree)*math.Cos(q.Latitude*degree)*half(q.Longitude-p.Longitude)
	return 2 * earth * math.Asin(math.Min(1, math.Sqrt(h)))
}
