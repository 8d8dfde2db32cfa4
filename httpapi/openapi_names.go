package httpapi

import (
	"net/http"
	"strings"
)

// operationIDs are those that no rule makes of the method and the path.
var operationIDs = map[string]string{
	"GET /quizzes/{quizId}/translations":                           "quizzes/translations/list",
	"GET /tags/{tagId}/translations":                               "tags/translations/list",
	"GET /mobility/activation":                                     "mobilityActivations/get",
	"PUT /mobility/activation":                                     "mobilityActivations/update",
	"GET /mobility/motiontag/status":                               "mobilityMotiontag/getStatus",
	"GET /runtime-leaderboards/{runtimeLeaderboardId}/rankings":    "runtimeLeaderboards/getRankings",
	"GET /runtime-leaderboards/{runtimeLeaderboardId}/rankings/me": "runtimeLeaderboards/getMyRanking",
	"GET /users/me/principal":                                      "users/me/principal/get",
	"GET /users/me/stats":                                          "users/getMyStats",
	"GET /users/me/tags":                                           "users/me/tags/list",
	"GET /users/me/tags/{tagId}":                                   "users/me/tags/get",
	"POST /runtime-leaderboard-configurations/{runtimeLeaderboardConfigurationId}/instances": "runtimeLeaderboardConfigurations/createInstance",
}

// collections are the names that collections of paths have in ids of operations, where that is not the first word of the path.
var collections = map[string]string{"quiz": "quizzes", "tag": "tags"}

// verbs are those of ids.
var verbs = map[string]string{"GET": "get", "POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}

// id returns the name by which generated clients call the operation: the collection and what is done.
func (o *Operation) id() string {
	if id := operationIDs[o.Method+" "+o.Path]; id != "" {
		return id
	}
	segments := strings.Split(strings.Trim(o.Path, "/"), "/")
	collection, rest := camel(segments[0]), segments[1:]
	if other := collections[collection]; other != "" {
		collection = other
	}
	switch {
	case collection == "analytics" && len(rest) == 1:
		return collection + "/" + camel(rest[0])
	case collection == "mobility" && len(rest) > 0:
		collection += upper(camel(rest[0]))
		rest = rest[1:]
	}
	var word string // the last of the path that is none of its parameters
	for _, segment := range rest {
		if !strings.HasPrefix(segment, "{") {
			word = segment
		}
	}
	one := len(rest) > 0 && strings.HasPrefix(rest[len(rest)-1], "{")
	verb := verbs[o.Method]
	switch {
	case word == "" && o.Method == http.MethodGet && !one && plural(collection):
		verb = "list"
	case word == "":
	case o.Method == http.MethodPost && !plural(word) && !one:
		return collection + "/" + camel(word)
	case one:
		verb += upper(singular(camel(word)))
	case o.Method == http.MethodGet && plural(word):
		verb = "list" + upper(camel(word))
	default:
		verb += upper(camel(word))
	}
	return collection + "/" + verb
}

// answer returns the name of the schema of what the operation answers.
func (o *Operation) answer() string { return o.schemaName("Response") }

// request returns the name of the schema of the operation's body.
func (o *Operation) request() string { return o.schemaName("Request") }

// schemaNames are those that no rule makes of ids, because another operation has them.
var schemaNames = map[string]string{"learningPaths/listAssignments": "ListLearningPathLearners"}

// schemaName returns the verb, the noun, what is done to it, and what it is: GetQuizResponse, ListQuizTagsResponse.
func (o *Operation) schemaName(what string) string {
	if name := schemaNames[o.id()]; name != "" {
		return name + what
	}
	parts := strings.Split(o.id(), "/")
	noun, verb := upper(parts[0]), parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		noun = singular(noun) + upper(part)
	}
	if parts[0] == "analytics" {
		return upper(verb) + noun + what
	}
	end := strings.IndexFunc(verb, func(r rune) bool { return r < 'a' })
	if end < 0 {
		end = len(verb)
	}
	rest := verb[end:]
	if verb[:end] != "list" || rest != "" {
		noun = singular(noun)
	}
	switch rest {
	case "Tag":
		rest = "TagAssignment"
	case "Tags":
		rest = "TagAssignments"
	}
	return upper(verb[:end]) + noun + rest + what
}

// tag returns the name of the group of operations to which it belongs.
func (o *Operation) tag() string {
	collection, _, _ := strings.Cut(o.id(), "/")
	var b strings.Builder
	for i, r := range collection {
		if i > 0 && r < 'a' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return upper(b.String())
}

// camel returns the words of a segment as one.
func camel(segment string) string {
	words := strings.Split(segment, "-")
	for i := range words[1:] {
		words[i+1] = upper(words[i+1])
	}
	return strings.Join(words, "")
}

// upper returns a word with a capital.
func upper(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

func plural(word string) bool {
	return word == "media" || strings.HasSuffix(word, "s") && word != "status"
}

// singular returns one of what a word names.
func singular(word string) string {
	switch stem, is := strings.CutSuffix(word, "ies"); {
	case is:
		return stem + "y"
	case strings.HasSuffix(word, "zzes"):
		return strings.TrimSuffix(word, "zes")
	}
	return strings.TrimSuffix(word, "s")
}
