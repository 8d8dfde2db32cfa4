package streaks

import (
	"errors"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A program is the published rules of a workspace with their configurations, compiled. It is
// immutable and may be used concurrently.
type program struct {
	mechanic.Plain[Change]

	wallet  mechanic.Wallet
	past    mechanic.Past
	plans   []*plan // in the order in which they apply
	byID    map[string]*plan
	idle    map[string]*Rule         // whose configuration is out of use
	matches mechanic.Matching[*plan] // by the configuration's matcher
}

// plan is a compiled rule.
type plan struct {
	*Rule
	configuration *Configuration
	later         bool // it came in force after what it judges was recorded, and counts in silence
	match, users  mechanic.Condition
	cost          mechanic.Amount
}

// compile compiles what is published. A rule whose configuration is archived is not in force. Periods are paid for
// through the wallet, nil pays for nothing; past is what a streak that is new counts of what was before.
func compile(docs *content.Program, wallet mechanic.Wallet, past mechanic.Past) (*program, error) {
	p := &program{wallet: wallet, past: past, byID: map[string]*plan{}, idle: map[string]*Rule{}}
	var faults []error
	for _, r := range content.Live(docs, Rules) {
		c := content.Find(docs, Configurations, r.StreakConfigurationID)
		if c == nil {
			p.idle[r.ID] = r
			continue
		}
		pl, err := compileRule(r)
		match, wrong := compileMatch(c)
		faults = append(faults, err, wrong)
		pl.configuration, pl.match, pl.later = c, match, docs.Later(Rules.Name(), r.ID)
		p.plans = append(p.plans, pl)
		p.byID[r.ID] = pl
		p.matches.Add(c.Matcher(), pl)
	}
	return p, errors.Join(faults...)
}

// streakPaths are what the price of a freeze may read of the streak.
var streakPaths = []string{
	"streak.streakRuleId", "streak.streakConfigurationId", "streak.cadence", "streak.metric", "streak.count", "streak.longest",
	"streak.iterationId", "streak.goalId", "streak.lastContributingDay", "streak.frozen", "streak.periodId",
}

func compileRule(r *Rule) (*plan, error) {
	pl := &plan{Rule: r}
	source := Rules.Name() + "/" + r.ID
	x := r.Expressions()
	var faults [2]error
	pl.users, faults[0] = mechanic.CompileCondition(source, x[0].Field, x[0].Source, x[0].Sees)
	pl.cost, faults[1] = mechanic.CompileAmount(source, x[1].Field, x[1].Source, x[1].Sees)
	return pl, errors.Join(faults[:]...)
}

// Reads names what [program.React] reads first.
func (p *program) Reads(tx *session.Tx, o *mechanic.Occasion) []store.Read {
	reads := []store.Read{stateTable.Rows(store.Prefix(streakKey(o.User.ID, "")))}
	if pl := p.byID[o.Event.EntityID]; o.Ticks(Rules.Name()) && pl != nil && pl.Freezes() {
		reads = append(reads, consents.Rows(wordsOf(o.User.ID, pl.ID)))
	}
	var days []string
	for _, pl := range p.matches.On(o.Keys) {
		if _, clock, err := pl.zone(tx, o.User); err == nil { // otherwise React says what is wrong
			days = append(days, dayKey(o.User.ID, pl.ID, timeframe.DayOf(o.Event.At, clock)))
		}
	}
	if len(days) > 0 {
		reads = append(reads, dayTable.Keys(days...))
	}
	return reads
}

// zone returns the name and the clock of the zone in which a user's days are counted.
func (pl *plan) zone(tx *session.Tx, u *tenancy.User) (string, *time.Location, error) {
	name := pl.Timezone
	if pl.TimezoneType == timeframe.User {
		name = u.Timezone
	}
	if name == "" {
		name = "UTC"
	}
	clock, err := tx.Zones.Load(name)
	return name, clock, err
}

// until returns the moment at which a streak is judged: now, or the end of the rule's timeframe if
// that is past.
func (pl *plan) until(now time.Time) time.Time {
	if pl.EndsAt != nil && pl.EndsAt.Before(now) {
		return *pl.EndsAt
	}
	return now
}
