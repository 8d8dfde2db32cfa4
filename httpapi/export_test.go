package httpapi

import "reflect"

// Types returns the types that are on the wire, by the names under which something is said of them.
func (h *Handler) Types() map[string]bool {
	all := map[string]bool{}
	for t := range h.forms.made {
		all[wordsKey(t)] = true
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
	for _, f := range h.forms.made {
		for _, m := range f.members {
			if m.of != nil {
				all[wordsKey(m.of)] = true
			}
		}
	}
	delete(all, wordsKey(reflect.TypeFor[string]()))
	return all
}
