package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/guerdonhq/guerdon/cmd/guerdon/demo"
	"github.com/guerdonhq/guerdon/httpapi"
)

// tell prints where the server is and, with tokens of its own, whose there are and what may be asked with them.
func (s *server) tell(out io.Writer) error {
	var text strings.Builder
	for _, c := range []httpapi.Context{httpapi.App, httpapi.Dashboard, httpapi.Portal} {
		fmt.Fprintf(&text, "%-10s %s%s\n", c, s.base, c.Base())
	}
	fmt.Fprintf(&text, "%-10s %s\n", "database", s.db)
	if s.tokens != nil && s.demo {
		if err := s.tellOfClub(&text); err != nil {
			return err
		}
	}
	text.WriteString("\nStop it with Ctrl-C.\n")
	_, err := io.WriteString(out, text.String())
	return err
}

// tellOfClub tells of the demonstration: three tokens, and five requests that work as they are printed.
func (s *server) tellOfClub(text *strings.Builder) error {
	names := []string{"MEMBER", "ADMIN", "OWNER"}
	var made [3]string
	for i, who := range []struct {
		user string
		of   httpapi.Context
	}{{demo.Member, httpapi.App}, {demo.Admin, httpapi.Dashboard}, {demo.Owner, httpapi.Dashboard}} {
		token, err := s.tokens(who.user, who.of)
		if err != nil {
			return err
		}
		made[i] = token
	}
	text.WriteString("\nTokens for development, which are good for an hour:\n\n")
	for i, name := range names {
		fmt.Fprintf(text, "%s=%s\n", name, made[i])
	}
	text.WriteString("\n")
	app, dashboard := s.base+httpapi.App.Base(), s.base+httpapi.Dashboard.Base()
	for _, ask := range []struct {
		who  int
		rest string
	}{
		{0, fmt.Sprintf("'%s/missions'", app)},
		{0, fmt.Sprintf("'%s/runtime-leaderboards/all-time/rankings?limit=5'", app)},
		{0, fmt.Sprintf(`-H 'Content-Type: application/json' -d '{"activityId": "run", "value": 45}' '%s/activity-logs'`, app)},
		{1, fmt.Sprintf("'%s/mission-rules?fields=translations&limit=3'", dashboard)},
		{2, fmt.Sprintf("'%s/workspace-configuration'", dashboard)},
	} {
		fmt.Fprintf(text, "curl -H 'Authorization: Bearer %s' %s\n", made[ask.who], ask.rest)
	}
	return nil
}
