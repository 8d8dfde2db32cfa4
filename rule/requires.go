package rule

// Requires returns the one text that must be at a path for the condition to hold, where the data has a text
// there: that of {"==": [{"var": path}, text]}, alone or inside an and. What else a condition requires is not
// known, so ok is false for most. It tells where a condition need not be asked at all.
func (r *Rule) Requires(path string) (required string, ok bool) { return r.root.requires(path) }

func (n *node) requires(path string) (required string, ok bool) {
	switch n.code {
	case codeAnd:
		for i := range n.args {
			if required, ok = n.args[i].requires(path); ok {
				return required, true
			}
		}
	case codeEqual, codeSame:
		for i := range n.args {
			read, constant := &n.args[i], &n.args[1-i]
			if read.code == codeVar && read.source == path && len(read.args) == 0 &&
				constant.code == codeConstant && constant.value.kind == text {
				return constant.value.string(), true
			}
		}
	default: // The others may hold whatever is there.
	}
	return "", false
}
