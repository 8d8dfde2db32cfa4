package mobility

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
)

// A Suspicion says why a track is hardly true.
type Suspicion string

// The suspicions: what the provider says, what the track is by itself, and what it is beside another that counts. Of two tracks that
// contradict one another, the one that began first counts, or of those that began at once, the one whose id comes first.
const (
	ByProvider Suspicion = "PROVIDER"
	TooFast    Suspicion = "SPEED"   // it is faster than its mode can be
	Overlap    Suspicion = "OVERLAP" // it began more than a minute before the other ended
	Jump       Suspicion = "JUMP"    // it began more than 5 km farther from where the other ended than 1200 km/h allow
)

// What providers are allowed to be wrong by, and how fast anybody is.
const (
	overlapSlack = time.Minute
	jumpSlack    = 5_000     // metres
	jumpSpeed    = 1_200_000 // metres an hour
	// reach is when anybody may be anywhere: half around the earth takes less.
	reach = 17 * time.Hour
)

// A Verdict is what somebody has decided about a track.
type Verdict string

// The verdicts: a track that is RELEASED counts, whatever it is suspected of, and one that is REJECTED does not.
const (
	Released Verdict = "RELEASED"
	Rejected Verdict = "REJECTED"
)

// A Review is what somebody has decided about a track, who, when and why.
type Review struct {
	Verdict Verdict       `json:"verdict"`
	Reason  string        `json:"reason"`
	By      content.Actor `json:"by"`
	At      time.Time     `json:"reviewedAt"`
}

// MaxReason is how long the reason of a review may be, in characters.
const MaxReason = 500

// String says who has decided what, and why.
func (r *Review) String() string {
	verb := "released"
	if r.Verdict == Rejected {
		verb = "rejected"
	}
	by := string(r.By.Type)
	if r.By.ID != "" {
		by += " " + r.By.ID
	}
	return fmt.Sprintf("%s has %s it: %s", by, verb, r.Reason)
}

// verdict returns what somebody has decided about the tracking, "" for nothing.
func (t *Tracking) verdict() Verdict {
	if t.Review == nil {
		return ""
	}
	return t.Review.Verdict
}

// bySelf returns why the tracking is suspicious whatever else there is.
func (t *Tracking) bySelf() Suspicion {
	if t.Suspicion == ByProvider || t.Suspicion == TooFast {
		return t.Suspicion
	}
	return ""
}

// why says why the tracking is suspicious.
func (t *Tracking) why() string {
	if t.verdict() == Rejected {
		return t.Review.String()
	}
	switch t.Suspicion {
	case ByProvider:
		return "its provider says so"
	case TooFast:
		return fmt.Sprintf("it is faster than %d km/h", topSpeeds[t.Type])
	case Overlap:
		return "it began before " + t.ContradictsID + " ended"
	case Jump:
		return "it began farther from where " + t.ContradictsID + " ended than anybody gets meanwhile"
	}
	return "it was told so"
}

// A telling is a tracking that is going to be told, in place of another one or of none.
type telling struct {
	now Tracking
	was *Tracking
}

// A chain judges the tracks of a user one after another, in the order in which they began.
type chain struct {
	// last is the one that ended last of those that count.
	last *Tracking
}

// add judges the next track, and tells whether it is judged otherwise than it says.
func (c *chain) add(ctx context.Context, tx *session.Tx, t *Tracking) (otherwise bool, err error) {
	was := *t
	t.Suspicion, t.ContradictsID = t.bySelf(), ""
	if t.Suspicion == "" && t.Status == Track && !t.MisdetectedCompletely && t.verdict() != Rejected && c.last != nil {
		if t.Suspicion, err = t.beside(ctx, tx, c.last); err != nil {
			return false, err
		}
		if t.Suspicion != "" {
			t.ContradictsID = c.last.ID
		}
	}
	t.Suspicious = t.verdict() == Rejected || t.Suspicion != "" && t.verdict() != Released
	c.take(t)
	return t.Suspicion != was.Suspicion || t.ContradictsID != was.ContradictsID || t.Suspicious != was.Suspicious, nil
}

// take goes on behind a track that is judged.
func (c *chain) take(t *Tracking) {
	if t.Counts() && (c.last == nil || !t.EndsAt.Before(c.last.EndsAt)) {
		c.last = new(*t)
	}
}

// beside returns what a track is suspicious of beside one that counts and ended last of those that began before it.
func (t *Tracking) beside(ctx context.Context, tx *session.Tx, last *Tracking) (Suspicion, error) {
	between := t.StartsAt.Sub(last.EndsAt)
	switch {
	case between < -overlapSlack:
		return Overlap, nil
	case between >= reach:
		return "", nil
	}
	from, err := placesOf(ctx, tx, last.ID)
	if err != nil || len(from) == 0 {
		return "", err
	}
	to, err := placesOf(ctx, tx, t.ID)
	if err != nil || len(to) == 0 {
		return "", err
	}
	far := int64(from[len(from)-1].distance(to[0]))
	if far > jumpSlack+jumpSpeed*int64(max(0, between)/time.Second)/3600 {
		return Jump, nil
	}
	return "", nil
}

// placesOf returns the first and the last position of a tracking, none if nobody knows.
func placesOf(ctx context.Context, tx *session.Tx, id string) ([]Position, error) {
	s, known, err := shapes.Get(ctx, tx, id)
	if err != nil || !known || s.Geometry == "" {
		return nil, err
	}
	g, err := ParseGeometry([]byte(s.Geometry))
	if err != nil || len(g.lines) == 0 {
		return nil, err
	}
	line := g.lines[len(g.lines)-1]
	return []Position{g.lines[0][0], line[len(line)-1]}, nil
}

// solid tells whether whoever began after the tracking is judged by it or by what began after it: it counts by itself, and ended
// no earlier than all that began before it.
func (t *Tracking) solid() bool {
	return t.Counts() && t.verdict() == "" && t.seconds() >= int64(overlapSlack/time.Second)
}

// judgedAtOnce is how many trackings are read at once to judge them.
const judgedAtOnce = 20

// judge judges what is going to be told of a user beside all that is known, and returns it with what is judged otherwise because of
// it, which is told anew. What that is follows from all trackings that there are, and not from the order in which they came: each is
// judged by those that began before it, so that who comes between others changes nothing before, and behind it as far as it makes a difference.
func (p *program) judge(ctx context.Context, tx *session.Tx, given []telling) ([]telling, error) {
	userID, from, until := given[0].now.UserID, given[0].now.StartsAt, time.Time{}
	told := map[string]bool{}
	for i := range given {
		told[given[i].now.ID] = true
		for _, t := range []*Tracking{&given[i].now, given[i].was} {
			if t != nil && t.StartsAt.Before(from) {
				from = t.StartsAt
			}
			if t != nil && t.StartsAt.After(until) {
				until = t.StartsAt
			}
		}
	}
	slices.SortFunc(given, func(a, b telling) int { return begins(a.now, b.now) })
	c, err := chainTo(ctx, tx, userID, from)
	if err != nil {
		return nil, err
	}
	var all []telling
	next := func(t telling, known bool) error {
		otherwise, err := c.add(ctx, tx, &t.now)
		if err != nil || known && !otherwise {
			return err
		}
		t.now.weigh(p.factors)
		t.now.revise(1)
		if t.was != nil {
			t.now.revise(t.was.Revision + 1)
		}
		all = append(all, t)
		return nil
	}
	q := store.By("starts", store.Text(userID)).Between(store.Time(from), store.Value{}).First(judgedAtOnce)
	for more := true; more; {
		list, err := trackings.List(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		list = slices.Clone(list)
		if more = len(list) == judgedAtOnce; more {
			q.After = trackings.At(q.Index, list[len(list)-1])
		}
		for i := range list {
			t := &list[i]
			if told[t.ID] {
				continue
			}
			for len(given) > 0 && begins(given[0].now, *t) < 0 {
				if err := next(given[0], false); err != nil {
					return nil, err
				}
				given = given[1:]
			}
			before := len(all)
			if err := next(telling{*t, t}, true); err != nil {
				return nil, err
			}
			if len(given) == 0 && t.StartsAt.After(until) && len(all) == before && t.solid() {
				return all, nil // behind it, nothing is another
			}
		}
	}
	for _, t := range given {
		if err := next(t, false); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// chainTo returns the chain of what a user's trackings were judged to that began before a moment.
func chainTo(ctx context.Context, tx *session.Tx, userID string, at time.Time) (*chain, error) {
	var before []Tracking // the last first
	q := store.By("starts", store.Text(userID)).Between(store.Value{}, store.Time(at)).Reverse().First(judgedAtOnce)
	for more := true; more; {
		list, err := trackings.List(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		if more = len(list) == judgedAtOnce; more {
			q.After = trackings.At(q.Index, list[len(list)-1])
		}
		for i := range list {
			before = append(before, list[i])
			if list[i].solid() {
				more = false
				break
			}
		}
	}
	c := &chain{}
	for i := range slices.Backward(before) {
		c.take(&before[i])
	}
	return c, nil
}
