package timeframe

import (
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// Zones loads time zones by their IANA names and keeps those it has loaded. The zero value is ready.
// It may be used concurrently and must not be copied.
//
// The rules of the zones come from the machine's time zone database. A program that may run where
// there is none imports time/tzdata.
type Zones struct {
	loaded atomic.Pointer[map[string]*time.Location] // replaced, never modified
}

// Load returns the zone of an IANA name such as "Europe/Rome" or "UTC". For "", "Local" and names
// that the time zone database lacks it returns a [fault.ErrInvalid] that names no field.
func (z *Zones) Load(name string) (*time.Location, error) {
	if known := z.loaded.Load(); known != nil {
		if zone, ok := (*known)[name]; ok {
			return zone, nil
		}
	}
	zone, err := loadZone(name)
	if err != nil {
		return nil, err
	}
	z.keep(name, zone)
	return zone, nil
}

func (z *Zones) keep(name string, zone *time.Location) {
	for {
		before := z.loaded.Load()
		after := map[string]*time.Location{}
		if before != nil {
			after = maps.Clone(*before)
		}
		after[name] = zone
		if z.loaded.CompareAndSwap(before, &after) {
			return
		}
	}
}

// CheckZone returns the error that [Zones.Load] returns for the name. It reads the time zone database.
func CheckZone(name string) error {
	_, err := loadZone(name)
	return err
}

func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, fault.Invalid("", "the name of a time zone is missing")
	}
	zone, err := time.LoadLocation(name)
	if err != nil || private(name) {
		return nil, fault.Invalid("", `%.80q is not a time zone; it must be an IANA name such as "Europe/Berlin"`, name)
	}
	return zone, nil
}

// private reports whether a name means another zone on another machine, or is a file that some
// machines keep beside their zones.
func private(name string) bool {
	switch name {
	case "Local", "localtime", "posixrules", "Factory":
		return true
	}
	return strings.HasPrefix(name, "posix/") || strings.HasPrefix(name, "right/")
}
