package leaderboard

import (
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/timeframe"
)

// A Period is a stretch of time whose scores a board keeps by themselves.
type Period struct {
	ID       string    `json:"periodId"`
	StartsAt time.Time `json:"timeframeStartsAt"`
	// EndsAt is exclusive, zero for never. In USER zones the period ends when it has in every zone.
	EndsAt time.Time       `json:"timeframeEndsAt,omitzero"`
	State  timeframe.State `json:"state"`
	// Frozen says that its scores never change any more.
	Frozen bool `json:"frozen,omitempty"`
	// Provisional says that it has ended and is not frozen yet: what is late still counts.
	Provisional bool `json:"provisional,omitempty"`
}

// An At picks a period of a board: by its ID, otherwise by an instant that it contains. In USER zones,
// where several are open at once, that is the period which the clock is in that shows UTC.
type At struct {
	Period string
	Time   time.Time
	// AsOf asks for the board as it was at a moment, with all that happened at it, by what is known now: what was told later counts when it
	// happened, and what was corrected since as it is. Zero asks for the board as it is. If neither a period nor a time is said, it is the
	// period of the moment. What is counted, and who is shown, is as the board is published now and as users take part now. From its end on, a period that
	// is closed stands as it was closed.
	//
	// Nothing is kept for that: what happened from the beginning of the period to the moment is added up in memory, of a snapshot. So it reads the
	// steps of all users, and what they did in the period; a board of tags over what can be corrected reads only what it counted. The memory
	// grows with who is on the board, and for count_distinct with the values, not with what happened. See [Service] for what is refused.
	AsOf time.Time
}

// last returns the last period; ok is false if there is none.
func (b *board) last() (p timeframe.Period, ok bool) {
	if b.frame.EndsAt == nil || b.frame.Chained() {
		return timeframe.Period{}, false
	}
	return b.at(b.frame.EndsAt.Truncate(time.Second).Add(-1))
}

// at returns the period that contains an instant.
func (b *board) at(t time.Time) (timeframe.Period, bool) { return b.periods.PeriodAt(t, time.UTC) }

// begun returns the period that has begun last.
func (b *board) begun(now time.Time) (timeframe.Period, bool) {
	if p, ok := b.at(now); ok {
		return p, true
	}
	p, ok := b.last()
	return p, ok && !now.Before(p.StartsAt)
}

// period returns the period with an id.
func (b *board) period(id string) (p timeframe.Period, ok bool) {
	if first := b.periods.First(); first.ID == id {
		return first, true
	}
	// Behind the recurrence, the id says when the period starts.
	const stamp = "2006-01-02T15:04:05.000Z"
	stamps := strings.TrimPrefix(id, string(b.frame.Recurrence)+"-")
	if len(stamps) < len(stamp) {
		return timeframe.Period{}, false
	}
	start, err := time.Parse(stamp, stamps[:len(stamp)])
	if err != nil {
		return timeframe.Period{}, false
	}
	p, ok = b.at(start)
	return p, ok && p.ID == id
}

// unfrozen returns the first period that had not ended by an instant, zero for the board's first.
func (b *board) unfrozen(at time.Time) (p timeframe.Period, ok bool) {
	if at.IsZero() {
		return b.periods.First(), true
	}
	for p := range b.periods.Open(at) {
		return p, true
	}
	return timeframe.Period{}, false
}

// before returns the period before p.
func (b *board) before(p timeframe.Period) (timeframe.Period, bool) {
	start := p.StartsAt
	if b.frame.TimezoneType == timeframe.User {
		start = start.Add(timeframe.Earliest)
	}
	return b.at(start.Add(-time.Nanosecond))
}
