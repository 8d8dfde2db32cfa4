package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/mobility"
)

// gpx is what is read of a file (GPX 1.0 and 1.1).
type gpx struct {
	XMLName xml.Name
	Tracks  []struct {
		Type     string `xml:"type"`
		Segments []struct {
			Points []struct {
				Latitude  float64 `xml:"lat,attr"`
				Longitude float64 `xml:"lon,attr"`
				Time      string  `xml:"time"`
			} `xml:"trkpt"`
		} `xml:"trkseg"`
	} `xml:"trk"`
}

// maxGPX is how many bytes a file may have.
const maxGPX = 64 << 20

// readGPX returns the tracks of a file, each of a mode unless it says another. A file names no ids: that of a track is the moment
// at which it began, so a file that is read again changes nothing, and one that was edited corrects what was read before.
func readGPX(text []byte, mode mobility.Mode, zone string) ([]mobility.Tracking, error) {
	if len(text) > maxGPX {
		return nil, fault.Invalid("", "is more than %d bytes long", maxGPX)
	}
	var file gpx
	d := xml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&file); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fault.Invalid("", "is no GPX: it is empty")
		}
		return nil, fault.Invalid("", "is no GPX: %v", err)
	}
	if file.XMLName.Local != "gpx" {
		return nil, fault.Invalid("", "is no GPX: it is a %.40q", file.XMLName.Local)
	}
	var list []mobility.Tracking
	for i := range file.Tracks {
		var lines [][][2]float64
		t := mobility.Tracking{
			UserID: user, Provider: provider, Status: mobility.Track, Type: modeOf(file.Tracks[i].Type, mode), StartsAtTimezone: zone, EndsAtTimezone: zone,
		}
		for k, segment := range file.Tracks[i].Segments {
			var line [][2]float64
			for j, p := range segment.Points {
				at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(p.Time))
				if err != nil {
					return nil, fault.Invalid(fmt.Sprintf("trk[%d].trkseg[%d].trkpt[%d].time", i, k, j), "is no time: tracks that were not recorded cannot be counted")
				}
				if t.StartsAt.IsZero() || at.Before(t.StartsAt) {
					t.StartsAt = at
				}
				if at.After(t.EndsAt) {
					t.EndsAt = at
				}
				line = append(line, [2]float64{p.Longitude, p.Latitude})
			}
			if len(line) > 1 {
				lines = append(lines, line)
			}
		}
		if t.StartsAt.IsZero() {
			continue // nothing was recorded
		}
		begun := t.StartsAt.UTC()
		t.ProviderID = fmt.Sprintf("%s-%09d", begun.Format("20060102T150405"), begun.Nanosecond())
		shape, err := json.Marshal(map[string]any{"type": "MultiLineString", "coordinates": lines})
		if err != nil {
			return nil, fault.Invalid(fmt.Sprintf("trk[%d]", i), "has a position that is no number")
		}
		if _, err := mobility.ParseGeometry(shape); lines != nil && err != nil {
			return nil, fault.In(fmt.Sprintf("trk[%d]", i), err)
		}
		if lines != nil {
			t.Geometry = string(shape)
		}
		list = append(list, t)
	}
	return list, nil
}

// modes are the words by which programs say how somebody moved.
var modes = map[string]mobility.Mode{
	"walk": mobility.Walk, "walking": mobility.Walk, "hiking": mobility.Walk, "foot": mobility.Walk, "running": mobility.Walk, "run": mobility.Walk,
	"bicycle": mobility.Bicycle, "cycling": mobility.Bicycle, "biking": mobility.Bicycle, "ride": mobility.Bicycle, "bike": mobility.Bicycle,
	"bus": mobility.Bus, "tram": mobility.Tram, "train": mobility.Train, "subway": mobility.Subway, "metro": mobility.Subway,
	"car": mobility.Car, "driving": mobility.Car, "ferry": mobility.Ferry, "airplane": mobility.Airplane,
}

// modeOf returns the mode that a word means, otherwise the one given.
func modeOf(word string, otherwise mobility.Mode) mobility.Mode {
	if m, known := modes[strings.ToLower(strings.TrimSpace(word))]; known {
		return m
	}
	return otherwise
}
