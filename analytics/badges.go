package analytics

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// granted is where an award of a badge is counted, so that it can be counted elsewhere. There is none of a user who is erased.
type granted struct {
	ID              string        `json:"badgeAwardId"`
	UserID          string        `json:"userId"`
	ConfigurationID string        `json:"badgeConfigurationId"`
	On              timeframe.Day `json:"on"`

	gone bool // there is none any more
}

func (g *granted) key() string { return g.UserID + "/" + g.ConfigurationID + "/" + g.ID }

var awardRows = store.Define("analytics_awards", (*granted).key, nil).Packed()

// holders is how many users have a badge.
type holders struct {
	ConfigurationID string `json:"badgeConfigurationId"`
	Users           int64  `json:"users,omitempty"`
}

func (h *holders) key() string { return h.ConfigurationID }

func (h *holders) none() bool { return h.Users == 0 }

func (h *holders) plus(o *holders) { h.Users += o.Users }

var badgeHolders = store.Define("analytics_holders", (*holders).key, nil)

// grant takes in what an entry says of awards: those that were made because of it, and what a late event changed of others. One that is kept though what it
// was for did not happen is still had.
func (d *delta) grant(e *guerdon.Entry, zone *time.Location) {
	for i := range e.Outcome.Badges {
		c := &e.Outcome.Badges[i]
		g := granted{c.ID, c.UserID, c.ConfigurationID, timeframe.DayOf(c.At, zone), c.Undone && !c.Kept}
		d.awards[g.key()] = g
	}
}

// applyAwards counts awards where they are since.
func (d *delta) applyAwards(ctx context.Context, tx store.Tx) error {
	keys := slices.Sorted(maps.Keys(d.awards))
	before, err := awardRows.GetMany(ctx, tx, keys...)
	if err != nil {
		return err
	}
	for i := range before {
		g := &before[i]
		d.tally.mark(holding.of(g.ConfigurationID), g.UserID, g.On, -1)
	}
	var now []granted
	var gone []string
	for _, key := range keys {
		g := d.awards[key]
		if g.gone {
			gone = append(gone, key)
			continue
		}
		d.tally.mark(holding.of(g.ConfigurationID), g.UserID, g.On, 1)
		now = append(now, g)
	}
	if err := awardRows.Put(ctx, tx, now...); err != nil {
		return err
	}
	return awardRows.Delete(ctx, tx, gone...)
}

// hold counts a user for the badges that the user has. Who is erased, or was another all along, has none.
func (l *ledger) hold(p *person, n int64) {
	if p.Stranger {
		return
	}
	for i := range p.Where {
		of := p.Where[i].Topic
		id, is := strings.CutPrefix(string(of), string(holding)+":")
		if !is || i > 0 && p.Where[i-1].Topic == of {
			continue
		}
		if l.holders[id] == nil {
			l.holders[id] = &holders{ConfigurationID: id}
		}
		l.holders[id].Users += n
	}
}

// Badges is how often badges were awarded in a range, and how rare they are.
type Badges struct {
	AsOf

	// TotalUsers is how many users there are, suspended or not; who is erased is none.
	TotalUsers int64 `json:"totalUsers"`
	// Badges are in the order of their ids.
	Badges []BadgeCount `json:"badges"`
	// AwardsOverTime has each day of the range.
	AwardsOverTime []DayOfAwards `json:"awardsOverTime"`
}

// A BadgeCount is how often a badge was awarded, and how rare it is.
type BadgeCount struct {
	ConfigurationID string `json:"badgeConfigurationId"`
	// Awards is how often it was awarded in the range, and Users to how many.
	Awards int64 `json:"awards"`
	Users  int64 `json:"users"`
	// TotalAwards is how often it has been awarded so far.
	TotalAwards int64 `json:"totalAwards"`
	// Holders are the users who have it now, whenever they were awarded it: those of all users whom TotalUsers counts.
	Holders int64 `json:"holders"`
	// Rarity is how many of all users have it now, in percent, with two places: the less, the rarer.
	Rarity float64 `json:"rarity"`
}

// A DayOfAwards is how often badges were awarded on a day.
type DayOfAwards struct {
	Day    timeframe.Day `json:"date"`
	Awards int64         `json:"awards"`
}

// Badges returns how often each badge was awarded on the days of a range, and how many users have it now. A badge that nobody was ever awarded is not there, and one that is out of
// use is. An award counts on the day on which that happened what it is for. What does not follow after all, because something came late or was taken back, is not counted, unless it
// is kept, as of badges that are not revocable. Of who is erased since, the awards stay counted, and nothing is had; who is suspended has what they had.
func (r Reader) Badges(ctx context.Context, in Range) (out Badges, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		out = Badges{AsOf: at.asOf(), TotalUsers: at.Users, Badges: []BadgeCount{}, AwardsOverTime: make([]DayOfAwards, in.To.Sub(in.From)+1)}
		for i := range out.AwardsOverTime {
			out.AwardsOverTime[i].Day = in.From.Add(i)
		}
		totals, err := topicTotals.List(ctx, tx, store.Prefix(string(holding)+":"))
		if err != nil {
			return err
		}
		had, err := badgeHolders.List(ctx, tx, store.Query{})
		if err != nil {
			return err
		}
		by := map[string]int64{}
		for i := range had {
			by[had[i].ConfigurationID] = had[i].Users
		}
		for i := range totals {
			t := &totals[i]
			if t.Count == 0 { // none of it has followed
				continue
			}
			got, err := during(ctx, tx, t.Topic, in)
			if err != nil {
				return err
			}
			id := strings.TrimPrefix(string(t.Topic), string(holding)+":")
			out.Badges = append(out.Badges, BadgeCount{id, got.count, got.users, t.Count, by[id], percent(by[id], at.Users)})
			for i := range got.days {
				out.AwardsOverTime[i].Awards += got.days[i].Count
			}
		}
		return nil
	})
	return out, err
}

// BadgeSeries is how often a badge was awarded on each day of a range.
type BadgeSeries struct {
	AsOf

	Days []BadgeDay `json:"days"`
}

// A BadgeDay is how often a badge was awarded on a day, and to how many users.
type BadgeDay struct {
	Day    timeframe.Day `json:"date"`
	Awards int64         `json:"awards"`
	Users  int64         `json:"users"`
}

// BadgeSeries returns what [Reader.Badges] counts of one badge, for each day of a range, days without anything included. It returns [fault.ErrInvalid] for an id or a range that is none.
func (r Reader) BadgeSeries(ctx context.Context, badgeID string, in Range) (out BadgeSeries, err error) {
	if err := errors.Join(in.Validate(), isID("badgeConfigurationId", badgeID)); err != nil {
		return out, err
	}
	err = r.view(ctx, func(tx store.Tx, at *state) error {
		got, err := during(ctx, tx, holding.of(badgeID), in)
		out = BadgeSeries{AsOf: at.asOf(), Days: make([]BadgeDay, len(got.days))}
		for i := range got.days {
			d := &got.days[i]
			out.Days[i] = BadgeDay{d.Day, d.Count, d.users(d.Day)}
		}
		return err
	})
	return out, err
}
