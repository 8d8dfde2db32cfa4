package rule

// verdict is what is known of an expression's truth before there is any data.
type verdict uint8

const (
	unknown verdict = iota
	always
	never
)

func verdictOf(b bool) verdict {
	if b {
		return always
	}
	return never
}

func (v verdict) not() verdict {
	switch v {
	case always:
		return never
	case never:
		return always
	case unknown:
	}
	return unknown
}

// verdict tells whether a node is always true, or never, and which constant makes it so.
func (n *node) verdict() (v verdict, because *node) {
	switch n.code {
	case codeConstant:
		return verdictOf(n.value.truthy()), n
	case codeList:
		return always, n
	case codeNot, codeTruth:
		v, because = n.args[0].verdict()
		if n.code == codeNot {
			v = v.not()
		}
		return v, because
	case codeAnd:
		return n.arms(never)
	case codeOr:
		return n.arms(always)
	case codeIf:
		return n.branches()
	case codeSome:
		if v, because = n.args[1].verdict(); v == never {
			return never, because
		}
	default: // It depends on the data.
	}
	return unknown, nil
}

// arms is the verdict of "and", which one arm that is never true decides, and of "or", which one
// that always is does.
func (n *node) arms(decides verdict) (verdict, *node) {
	settled := true
	for i := range n.args {
		v, because := n.args[i].verdict()
		if v == decides {
			return v, because
		}
		settled = settled && v != unknown
	}
	if settled {
		return decides.not(), n
	}
	return unknown, nil
}

// branches is the verdict of "if": never, if none of the branches that it may take is ever true.
func (n *node) branches() (verdict, *node) {
	for i := 0; i < len(n.args); i += 2 {
		outcome, condition := &n.args[i], unknown
		if i+1 < len(n.args) {
			condition, _ = n.args[i].verdict()
			outcome = &n.args[i+1]
		}
		if condition == never {
			continue
		}
		if v, _ := outcome.verdict(); v != never {
			return unknown, nil
		}
		if condition == always {
			break
		}
	}
	return never, n
}
