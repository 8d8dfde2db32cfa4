package event

import (
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
)

// A MatchType says how a rule picks events.
type MatchType string

// The ways to match: one entity by its id, every entity of a type, every entity that carries a tag.
const (
	MatchInstance MatchType = "INSTANCE"
	MatchEntity   MatchType = "ENTITY"
	MatchTag      MatchType = "TAG"
)

// Tag is the entity of a matcher of type TAG.
const Tag = "Tag"

// A Matcher picks events by what they are about. Owners name its three fields differently on the
// wire ("matchType", "eventMatchType", "ruleType"), so it has no JSON form of its own.
type Matcher struct {
	Type     MatchType
	Entity   string // an event's type, or "Tag"
	EntityID string // the entity's or the tag's id; empty for ENTITY
}

// Fields are the names under which an owner shows its matcher, for errors.
type Fields struct{ Type, Entity, EntityID string }

// MatchFields returns the usual names: matchType, matchEntity, matchEntityId.
func MatchFields() Fields { return Fields{"matchType", "matchEntity", "matchEntityId"} }

// Check refuses a matcher that could match nothing: INSTANCE needs one of the given entities and an
// id, ENTITY an entity and no id, TAG the entity "Tag" and the tag's id. The error says which entities there are.
func (m Matcher) Check(names Fields, entities ...string) error {
	switch m.Type {
	case MatchInstance, MatchEntity:
		switch {
		case m.Entity == Tag:
			return fault.Invalid(names.Entity, "is \"Tag\", which needs %s TAG; with %s it is one of %s", names.Type, m.Type, strings.Join(entities, ", "))
		case !slices.Contains(entities, m.Entity):
			return fault.Invalid(names.Entity, "%.80q is none of %s%s", m.Entity, strings.Join(entities, ", "), sameButCase(m.Entity, entities))
		}
	case MatchTag:
		if m.Entity != Tag {
			return fault.Invalid(names.Entity, "is %q, but with TAG it must be \"Tag\"", m.Entity)
		}
	default:
		return fault.Invalid(names.Type, "%q is none of INSTANCE, ENTITY, TAG", m.Type)
	}
	if m.Type == MatchEntity {
		if m.EntityID != "" {
			return fault.Invalid(names.EntityID, "must be absent with ENTITY")
		}
		return nil
	}
	return ident.Check(names.EntityID, m.EntityID)
}

// sameButCase asks whether somebody meant an entity who wrote it in another case.
func sameButCase(written string, entities []string) string {
	for _, e := range entities {
		if strings.EqualFold(e, written) {
			return fmt.Sprintf("; did you mean %q?", e)
		}
	}
	return ""
}

// Key returns the text that stands for the matcher in an index: an event matches if one of its
// [Event.MatchKeys] is the same.
func (m Matcher) Key() string {
	if m.Type == MatchEntity {
		return m.Entity
	}
	return m.Entity + ":" + m.EntityID
}

// MatchKeys returns the keys of all matchers that the event matches: of its type, of its entity, then
// of the tags that its entity carries.
func (e *Event) MatchKeys() []string {
	keys := make([]string, 0, 2+len(e.EntityTags))
	keys = append(keys, string(e.Type), string(e.Type)+":"+e.EntityID)
	for _, tag := range e.EntityTags {
		keys = append(keys, Tag+":"+tag)
	}
	return keys
}
