package streaks

import (
	"encoding/json"
	"errors"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/rule"
)

// Configurations is the kind of [Configuration].
var Configurations = content.NewKind[Configuration]("StreakConfiguration")

// A Configuration says which events a streak counts.
type Configuration struct {
	content.Header
	content.Labels
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Icon is an absolute URI.
	Icon          string          `json:"icon,omitempty"`
	MatchType     event.MatchType `json:"matchType"`
	MatchEntity   string          `json:"matchEntity"`
	MatchEntityID string          `json:"matchEntityId,omitempty"`
	// MatchCondition picks among the matching events; it may read event and user.
	MatchCondition json.RawMessage `json:"matchCondition,omitempty"`
}

// Matcher returns which events count.
func (c *Configuration) Matcher() event.Matcher {
	return event.Matcher{Type: c.MatchType, Entity: c.MatchEntity, EntityID: c.MatchEntityID}
}

// entities are the events that streaks may count.
var entities = []string{
	string(event.Mission), string(event.Activity), string(event.Quiz),
	string(event.LearningPath), string(event.LearningGroup), string(event.Slide), string(event.MobilityTracking), string(event.MobilityMilestone),
	string(event.Level),
}

// Validate returns every fault of the configuration's fields, joined.
func (c *Configuration) Validate() error {
	_, err := compileMatch(c)
	return errors.Join(text.Required("name", c.Name), text.Optional(text.URI, "icon", c.Icon), c.Matcher().Check(event.MatchFields(), entities...), err, c.ValidateTexts())
}

// Expressions returns the condition.
func (c *Configuration) Expressions() []content.Expression {
	on := c.Matcher()
	return []content.Expression{{Field: "matchCondition", Source: c.MatchCondition, Use: rule.Condition, Sees: mechanic.EventContext(on), On: on}}
}

// References returns the document or tag that is matched.
func (c *Configuration) References() []content.Reference {
	return content.Matched("matchEntityId", c.Matcher())
}

// compileMatch compiles the condition under which a matching event counts.
func compileMatch(c *Configuration) (mechanic.Condition, error) {
	x := c.Expressions()[0]
	return mechanic.CompileCondition(Configurations.Name()+"/"+c.ID, x.Field, x.Source, x.Sees)
}
