package streaks

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Kind says how a period came to count as kept.
type Kind string

// The kinds: the user acted, the user paid, or, of what lasts longer than a period, either. Of a [Change]
// it may also be that the user did neither.
const (
	Regular Kind = "REGULAR"
	Freeze  Kind = "FREEZE"
	Any     Kind = "ANY"
	Missed  Kind = "MISSED"
)

// day is one civil day on which a user acted, or the first day of a period that was frozen. All that
// is known of a streak follows from its days. It is a value: its slices are never modified.
type day struct {
	Day  timeframe.Day `json:"day"`
	Kind Kind          `json:"kind"`
	// Moments are when the user acted first in each zone, in order of zone.
	Moments []moment `json:"moments,omitempty"`
	// Over is when a frozen period was over, as far as was known when it was paid for.
	Over time.Time `json:"over,omitzero"`
	// Told says that an event of this day's growth was caused.
	Told bool `json:"told,omitempty"`
}

// moment is when and on which clock a user acted.
type moment struct {
	At   time.Time `json:"at"`
	Zone string    `json:"zone"`
}

func (m moment) compare(n moment) int { return strings.Compare(m.Zone, n.Zone) }

// at returns when the day was first acted on; zero if it never was.
func (d *day) at() (at time.Time) {
	for _, m := range d.Moments {
		if at.IsZero() || m.At.Before(at) {
			at = m.At
		}
	}
	return at
}

// zones returns the zones on whose clocks the user acted, without repetition, in order.
func (d *day) zones() []string {
	names := make([]string, 0, 1)
	for _, m := range d.Moments {
		if len(names) == 0 || names[len(names)-1] != m.Zone {
			names = append(names, m.Zone)
		}
	}
	return names
}

// with returns the day with a moment more, and whether that made a difference.
func (d day) with(m moment) (day, bool) {
	i, found := slices.BinarySearchFunc(d.Moments, m, moment.compare)
	if found && !m.At.Before(d.Moments[i].At) {
		return d, false
	}
	moments := slices.Clone(d.Moments)
	if found {
		moments[i] = m
	} else {
		moments = slices.Insert(moments, i, m)
	}
	return day{Day: d.Day, Kind: Regular, Moments: moments, Told: d.Told}, true
}

// compareDays orders days by date.
func compareDays(d day, date timeframe.Day) int { return cmp.Compare(d.Day, date) }

// dayRow is a day of one user's streak.
type dayRow struct {
	UserID string `json:"userId"`
	RuleID string `json:"streakRuleId"`
	day
}

var dayTable = store.Define("streak_days", (*dayRow).key, nil).Packed()

func (d *dayRow) key() string { return dayKey(d.UserID, d.RuleID, d.Day) }

func dayKey(userID, ruleID string, d timeframe.Day) string {
	return streakKey(userID, ruleID) + "/" + d.String()
}

func streakKey(userID, ruleID string) string { return userID + "/" + ruleID }
