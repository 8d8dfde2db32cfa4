package webhook

import "github.com/guerdonhq/guerdon"

// Told returns the messages that an entry gives rise to: the journals of tests have few of the entries that there may be.
func Told(ws *guerdon.Workspace, e *guerdon.Entry) (ids, bodies []string, err error) {
	for _, n := range notices(e) {
		body, err := n.body(APIVersion, ws.Scope(), e)
		if err != nil {
			return nil, nil, err
		}
		ids, bodies = append(ids, n.id(ws.Scope(), e)), append(bodies, body)
	}
	return ids, bodies, nil
}
