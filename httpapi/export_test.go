package httpapi

import (
	"maps"
	"reflect"
	"slices"
)

// Types returns the types that are on the wire, by the names under which something is said of them.
func (h *Handler) Types() map[string]bool {
	all := map[string]bool{}
	for _, f := range append(slices.Collect(maps.Values(h.forms.made)), slices.Collect(maps.Values(bundledForms().made))...) {
		all[wordsKey(f.typ)] = true
		for _, m := range f.members {
			if m.of != nil {
				all[wordsKey(m.of)] = true
			}
		}
	}
	for _, o := range h.operations {
		for _, p := range o.params {
			all[wordsKey(p.of)] = true
		}
		if o.takes != nil {
			all[wordsKey(o.takes.typ)] = true
			for _, m := range o.takes.members {
				all[wordsKey(m.of)] = true
			}
		}
	}
	delete(all, wordsKey(reflect.TypeFor[string]()))
	return all
}
