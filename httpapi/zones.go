package httpapi

import (
	_ "embed"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
)

// zones.txt lists the names of zones that clients know, with their aliases: it says how it is made.
//
//go:embed zones.txt
var zonesText string

// zoneNames are the names of zones that clients know, by each name that a zone has.
type zoneNames map[string]string

func readZones() zoneNames {
	all := zoneNames{}
	for line := range strings.Lines(zonesText) {
		names := strings.Fields(line)
		if len(names) == 0 || names[0] == "#" {
			continue
		}
		for _, name := range names {
			all[name] = names[0]
		}
	}
	return all
}

// told returns the name under which clients know a zone. One that they do not know, such as a host may store with the engine, is told as it is.
func (z zoneNames) told(name string) string {
	if known, is := z[name]; is {
		return known
	}
	return name
}

// known returns the names that clients know, in their order.
func (z zoneNames) known() []string { return slices.Compact(slices.Sorted(maps.Values(z))) }

// isZone tells whether a member is the name of a zone, by the member's own name.
func isZone(member string) bool { return member == "timezone" || strings.HasSuffix(member, "Timezone") }

// taken returns a body with the zones in it under the names that clients know, which are those that are kept. It refuses a zone that has no
// such name.
func (z zoneNames) taken(of *form, text []byte) ([]byte, error) {
	if !slices.ContainsFunc(of.members, func(m member) bool { return m.form.zone }) {
		return text, nil
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, malformed(err)
	}
	var faults []error
	changed := false
	for _, m := range of.members {
		var name string
		if !m.form.zone || json.Unmarshal(body[m.name], &name) != nil || name == "" {
			continue
		}
		known, is := z[name]
		if !is {
			faults = append(faults, fault.Invalid(m.name, "%.80q is no time zone", name))
		}
		if known != name {
			body[m.name], changed = appendText(nil, known), true
		}
	}
	if err := errors.Join(faults...); err != nil || !changed {
		return text, err
	}
	return json.Marshal(body)
}
