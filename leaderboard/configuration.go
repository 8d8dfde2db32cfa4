package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Configurations is the kind of [Configuration].
var Configurations = content.NewKind[Configuration]("RuntimeLeaderboardConfiguration")

// A Configuration says what boards count and how they rank it.
type Configuration struct {
	content.Header
	content.Labels
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Query says what is counted, for whom and in which order.
	Query Query `json:"query"`
	// DisplayTopN is how many rows a board shows, at most 100; 0 means 10.
	DisplayTopN int `json:"displayTopN,omitempty"`
	// ShowRank and ShowScore tell clients whether to show ranks and scores; nil means that they do.
	ShowRank  *bool `json:"showRank,omitempty"`
	ShowScore *bool `json:"showScore,omitempty"`
}

// How many rows a board shows.
const (
	DefaultTopN = 10
	MaxTopN     = 100
)

// Validate refuses a configuration without a name, with a query that is not supported, or with a
// translation without a label.
func (c *Configuration) Validate() error {
	faults := []error{text.Required("name", c.Name)}
	if c.DisplayTopN < 0 || c.DisplayTopN > MaxTopN {
		faults = append(faults, fault.Invalid("displayTopN", "is %d; allowed are 1 to %d", c.DisplayTopN, MaxTopN))
	}
	return errors.Join(append(faults, fault.In("query", c.Query.validate()), c.ValidateTexts())...)
}

// Expressions returns the condition and the score of the query.
func (c *Configuration) Expressions() []content.Expression {
	on, use := c.Query.matcher(), rule.Value
	if c.Query.Score.Function.adds() {
		use = rule.Amount
	}
	sees := mechanic.EventContext(on)
	return []content.Expression{
		{Field: "query.where", Source: c.Query.Where, Use: rule.Condition, Sees: sees, On: on},
		{Field: "query.score." + string(c.Query.Score.Function), Source: c.Query.Score.Of, Use: use, Sees: sees, On: on},
	}
}

// Warnings warns of a namespace that no tag has.
func (c *Configuration) Warnings(ctx context.Context, in content.View) ([]content.Warning, error) {
	namespace := c.Query.EntityID.TagNamespace
	if namespace == "" {
		return nil, nil
	}
	known, err := in.TagNamespace(ctx, namespace)
	if err != nil || known {
		return nil, err
	}
	return []content.Warning{{
		Field:  "query.entityId",
		Reason: fmt.Sprintf("no published tag has the namespace %q, so nobody gets a score", namespace),
	}}, nil
}

// References returns none.
func (*Configuration) References() []content.Reference { return nil }

// Boards is the kind of [Board].
var Boards = content.NewKind[Board]("RuntimeLeaderboard")

// A Board counts what its configuration says while its timeframe lasts: once, or anew in every period
// if it is RECURRING.
type Board struct {
	content.Header
	content.Untranslated
	ConfigurationID string `json:"runtimeLeaderboardConfigurationId"`
	timeframe.Timeframe
	// GraceMinutes is how long after its end a period takes what is late, whoever calls Advance meanwhile: at most 90 days. If it is not said,
	// as with 0, Advance closes what has ended. What never ends has none.
	GraceMinutes *int `json:"graceMinutes,omitempty"`
	// FollowsStatus says that the board does not show users who are suspended; nil means true. A board that does not
	// follow it shows them where they are, in periods that are closed too. Nobody who was deleted is on any board.
	FollowsStatus *bool `json:"followsStatus,omitempty"`
	// PeriodID is computed when a board is read: the period that is open, on the clock of UTC where each
	// user has their own; the first before it opens, the last after it has ended.
	PeriodID string `json:"periodId,omitempty"`
}

// State returns whether the board has opened and ended.
func (b *Board) State(now time.Time) timeframe.State { return b.BoardState(now) }

// Compute sets the period, or empties it if now is the zero time.
func (b *Board) Compute(now time.Time, zones *timeframe.Zones) {
	b.PeriodID = ""
	if now.IsZero() {
		return
	}
	if board, err := b.Board(zones); err == nil { // a draft is valid, unless zones have changed since
		b.PeriodID = board.At(now).ID
	}
}

// Validate refuses a board without a configuration, with a timeframe that is not valid for a board, or with a time of grace that is none.
func (b *Board) Validate() error {
	return errors.Join(ident.Check(fieldConfiguration, b.ConfigurationID), b.ValidateBoard(), b.CheckGrace(b.GraceMinutes))
}

const fieldConfiguration = "runtimeLeaderboardConfigurationId"

// References names the configuration. When it is archived, the open period goes on and none follows.
func (b *Board) References() []content.Reference {
	return []content.Reference{{Field: fieldConfiguration, Kind: Configurations.Name(), ID: b.ConfigurationID, Outlives: true}}
}
