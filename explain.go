package guerdon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/session"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/streaks"
)

// An Explanation says why an event did, or did not, move something.
type Explanation struct {
	// EventID is the event that was judged: the one asked about, or one that it caused.
	EventID string `json:"eventId"`
	// Kind and ID name the document, Version is the one that decided; 0 if none was in force.
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Version int    `json:"version,omitempty"`
	// Moved says whether the event's outcome has a change by the document.
	Moved bool `json:"moved"`
	// Checks are the questions that decided, in the order in which they were asked. If nothing moved, the
	// last one is the first that does not hold.
	Checks []rule.Check `json:"checks"`
}

// String returns the explanation for a person to read: the verdict, then a line for each check.
func (x Explanation) String() string {
	var b strings.Builder
	verb := "did not move"
	if x.Moved {
		verb = "moved"
	}
	fmt.Fprintf(&b, "event %s %s %s %s", x.EventID, verb, x.Kind, x.ID)
	if x.Version > 0 {
		fmt.Fprintf(&b, " (version %d)", x.Version)
	}
	for _, c := range x.Checks {
		b.WriteString("\n  " + c.String())
	}
	return b.String()
}

// explainable are the names of the kinds whose documents events move.
var explainable = []string{
	missions.Rules.Name(), missions.Configurations.Name(), economy.RewardRules.Name(), streaks.Rules.Name(), leaderboard.Boards.Name(),
	learning.Rules.Name(), learning.Paths.Name(),
}

// Explain says why a recorded event did, or did not, move a document: one of the kinds MissionRule,
// MissionConfiguration, RewardRule, StreakRule, LearningPathRule, LearningPath and RuntimeLeaderboard. Of the event
// and those that it caused, it explains the one that got farthest. The answer comes from the documents that were in
// force and from what was known when the event was recorded; what has happened since does not change it. Of paths
// there are exceptions: of assignments that were taken back nothing is known any more, an assignment that was made
// at the very moment of the event counts as there before it, and an item counts below all parents that have been
// named for it since. A LearningGroup has no explanation of its own; that of its path says how far it was.
//
// The journal does not keep a user's nickname and external id. A condition that reads them reads nothing
// here, and its reason says so; Moved is what happened nevertheless.
//
// Explain returns [fault.ErrInvalid] for another kind, and [fault.ErrNotFound] for an event that was not
// recorded or a document that does not exist. Of one that was not published then, the only check is
// "published".
func (ws *Workspace) Explain(ctx context.Context, eventID, kind, id string) (Explanation, error) {
	return session.Read(ctx, ws.run, func(tx *session.Tx) (Explanation, error) { return ws.engine.explain(ctx, tx, eventID, kind, id) })
}

func (e *Engine) explain(ctx context.Context, tx *session.Tx, eventID, kind, id string) (Explanation, error) {
	if !slices.Contains(explainable, kind) {
		return Explanation{}, fault.Invalid("kind", "%q is none of %v", kind, explainable)
	}
	entry, found, err := journal.Get(ctx, tx, eventID)
	if err != nil {
		return Explanation{}, err
	}
	if !found {
		return Explanation{}, fault.NotFound("event", eventID)
	}
	// Whoever asks for the time is told that of the event's transaction.
	then := &session.Tx{Tx: tx.Tx, Now: entry.RecordedAt, NewID: tx.NewID, Zones: tx.Zones}
	doc, err := e.library.InForce(ctx, then, kind, id, then.Now)
	if err != nil {
		return Explanation{}, err
	}
	docs, err := e.library.LoadAt(ctx, then, then.Now)
	if err != nil {
		return Explanation{}, err
	}
	p, err := e.compile(ctx, then, docs)
	if err != nil {
		return Explanation{}, err
	}
	v, err := p.judge(ctx, then, &entry, kind, id, doc)
	if err != nil {
		return Explanation{}, err
	}
	return Explanation{EventID: v.EventID, Kind: kind, ID: id, Version: v.Version, Moved: v.Moved, Checks: v.Checks}, nil
}

// judge lets the mechanic that a document belongs to judge the events of an entry. The document is nil
// if none was in force.
func (p *program) judge(ctx context.Context, tx *session.Tx, e *Entry, kind, id string, doc content.Document) (mechanic.Verdict, error) {
	var judged []*mechanic.Occasion
	for _, ev := range e.events() {
		o, err := e.judged(ctx, tx, &ev)
		if err != nil {
			return mechanic.Verdict{}, err
		}
		judged = append(judged, o)
	}
	cases := mechanic.Cases(e.Outcome.Seq, e.RecordedAt, e.Outcome.Problems, judged...)
	switch doc := doc.(type) {
	case *missions.Rule:
		return p.missions.ExplainRule(ctx, tx, cases, doc)
	case *missions.Configuration:
		return p.missions.ExplainConfiguration(ctx, tx, cases, id, doc, e.Outcome.Missions)
	case *economy.RewardRule:
		return p.economy.Explain(ctx, tx, cases, doc, e.Outcome.Transactions)
	case *streaks.Rule:
		return p.streaks.Explain(ctx, tx, cases, doc, e.Outcome.Streaks)
	case *learning.Rule:
		return p.learning.ExplainRule(ctx, tx, cases, doc)
	case *leaderboard.Board:
		return p.boards.Explain(ctx, tx, cases, doc, e.Outcome.Scores)
	}
	switch kind {
	case learning.Paths.Name(): // of any version that the user is on
		return p.learning.ExplainPath(ctx, tx, cases, id)
	case missions.Configurations.Name(): // its missions go on
		return p.missions.ExplainConfiguration(ctx, tx, cases, id, nil, e.Outcome.Missions)
	case economy.RewardRules.Name(): // what it has paid stays
		return p.economy.ExplainGone(cases, id, e.Outcome.Transactions)
	}
	v := mechanic.Verdict{EventID: e.Event.ID}
	v.Unpublished()
	return v, nil
}
