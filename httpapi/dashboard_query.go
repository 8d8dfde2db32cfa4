package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/leaderboard"
)

// A querySpec is a query of a board as clients write it, in the words of a table: of the many that they could write, those that a
// [leaderboard.Query] is.
type querySpec struct {
	From    specFrom    `json:"from"`
	Select  specSelect  `json:"select"`
	With    []specWith  `json:"with,omitempty"`
	GroupBy *specGroup  `json:"groupBy,omitempty"`
	OrderBy *specOrders `json:"orderBy,omitempty"`
}

type (
	specFrom struct {
		Sources []specSource    `json:"sources"`
		Where   json.RawMessage `json:"where,omitempty"`
	}
	specSource struct {
		Table string            `json:"table"`
		Alias string            `json:"alias"`
		Joins []json.RawMessage `json:"joins,omitempty"`
	}
	specSelect struct {
		Fields      []specField      `json:"fields"`
		Expressions []specExpression `json:"expressions,omitempty"`
	}
	specField struct {
		Source string `json:"source"`
		Alias  string `json:"alias,omitempty"`
	}
	specExpression struct {
		Name       string          `json:"name"`
		Expression json.RawMessage `json:"expression"`
	}
	specWith struct {
		Name  string    `json:"name"`
		Query querySpec `json:"query"`
		Join  struct {
			Type string          `json:"type"`
			On   json.RawMessage `json:"on"`
		} `json:"join"`
	}
	specGroup struct {
		Columns []string `json:"columns"`
	}
	specOrders struct {
		Expressions []specOrder `json:"expressions"`
		Window      *specWindow `json:"window,omitempty"`
	}
	specOrder struct {
		Expression json.RawMessage   `json:"expression"`
		Direction  leaderboard.Order `json:"direction"`
	}
	specWindow struct {
		Function leaderboard.RankStyle `json:"function"`
		Alias    string                `json:"alias"`
	}
)

// The words that a query and a client have in common.
const (
	entityColumn = "entityId"
	scoreColumn  = "score"
	rankColumn   = "rank"
	userColumn   = "userId"
	tagColumns   = "tags."
	usersTable   = "users"
)

// querySupported says what a query may be.
const querySupported = `supported is one source of from.sources without joins, from.where, select.fields [{"source": "userId" or "tags.<namespace>", "alias": "entityId"}], ` +
	`select.expressions [{"name": "score", "expression": {"sum": [an expression]}}] (or count, max, min, last, count_distinct), groupBy.columns of that field, and ` +
	`orderBy.expressions [{"expression": {"var": "score"}, "direction": "DESC" or "ASC"}] with a window; or the same as the one query of with, joined to a source "users"`

// queryNames returns the names on the wire of a query's parts.
func queryNames() map[string]string {
	return map[string]string{
		"query.source": "query.from.sources[0].table", "query.where": "query.from.where", "query.entityId": "query.select.fields[0].source",
		"query.score": "query.select.expressions[0].expression", "query.order": "query.orderBy.expressions[0].direction",
		"query.rankStyle": "query.orderBy.window.function",
	}
}

// unsupported refuses a part of a query.
func unsupported(field, format string, args ...any) error {
	return fault.Invalid("query."+field, "%s; %s", fmt.Sprintf(format, args...), querySupported)
}

// parseQuery returns the query that a client has written.
func parseQuery(source []byte) (q leaderboard.Query, err error) {
	var s querySpec
	d := json.NewDecoder(bytes.NewReader(source))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return q, fault.Invalid("query", "%v; %s", err, querySupported)
	}
	if len(s.With) > 0 {
		if s, err = s.joined(); err != nil {
			return q, err
		}
	}
	return s.query()
}

// joined returns the query of with that a query over users does nothing but show: its score, by user.
func (s *querySpec) joined() (inner querySpec, err error) {
	w := &s.With[0]
	switch {
	case len(s.With) > 1:
		return inner, unsupported("with", "are %d queries", len(s.With))
	case len(s.From.Sources) != 1 || s.From.Sources[0].Table != usersTable:
		return inner, unsupported("from.sources", "is to be users alone beside with")
	case len(s.From.Sources[0].Joins) > 0 || !noRule(s.From.Where):
		return inner, unsupported("from", "has joins or a condition beside with")
	case len(s.Select.Fields) != 1 || !s.is(s.Select.Fields[0].Source, userColumn) && !s.is(s.Select.Fields[0].Source, "id"):
		return inner, unsupported("select.fields", "is not the user's id")
	case len(s.Select.Expressions) != 1 || s.Select.Expressions[0].Name != scoreColumn:
		return inner, unsupported("select.expressions", "is not the score alone")
	case len(w.Query.With) > 0 || w.Query.OrderBy != nil:
		return inner, unsupported("with[0].query", "has a query or an order of its own")
	case len(w.Query.Select.Expressions) != 1:
		return inner, unsupported("with[0].query.select.expressions", "are %d", len(w.Query.Select.Expressions))
	}
	shown, worth := variable(s.Select.Expressions[0].Expression), w.Query.Select.Expressions[0].Name
	if shown != worth && shown != w.Name+"."+worth {
		return inner, unsupported("select.expressions[0].expression", "does not read what with[0] has")
	}
	if !w.byUser(s.From.Sources[0].Alias) {
		return inner, unsupported("with[0].join.on", "does not compare the users' ids")
	}
	inner = w.Query
	inner.Select.Expressions = []specExpression{{scoreColumn, w.Query.Select.Expressions[0].Expression}}
	inner.OrderBy = s.OrderBy
	return inner, nil
}

// byUser tells whether with is joined by the user.
func (w *specWith) byUser(users string) bool {
	var on map[string][]json.RawMessage
	if json.Unmarshal(w.Join.On, &on) != nil || len(on) != 1 || len(on["=="]) != 2 {
		return false
	}
	of := func(name, alias string) bool {
		return name == alias+"."+userColumn || name == alias+".id" || name == alias+"."+entityColumn
	}
	a, b := variable(on["=="][0]), variable(on["=="][1])
	return of(a, users) && of(b, w.Name) || of(b, users) && of(a, w.Name)
}

// is tells whether a source is a column, with its alias or without.
func (s *querySpec) is(source, column string) bool {
	return source == column || source == s.From.Sources[0].Alias+"."+column
}

func (s *querySpec) query() (q leaderboard.Query, err error) {
	switch {
	case len(s.From.Sources) != 1:
		return q, unsupported("from.sources", "are %d", len(s.From.Sources))
	case len(s.From.Sources[0].Joins) > 0:
		return q, unsupported("from.sources[0].joins", "are there")
	case len(s.Select.Fields) != 1:
		return q, unsupported("select.fields", "are %d", len(s.Select.Fields))
	case len(s.Select.Expressions) != 1:
		return q, unsupported("select.expressions", "are %d", len(s.Select.Expressions))
	}
	q.Source = leaderboard.Source(s.From.Sources[0].Table)
	prefix := s.From.Sources[0].Alias + "."
	field := s.Select.Fields[0]
	column := strings.TrimPrefix(field.Source, prefix)
	namespace, tags := strings.CutPrefix(column, tagColumns)
	switch {
	case field.Alias != "" && field.Alias != entityColumn:
		return q, unsupported("select.fields[0].alias", "is %q", field.Alias)
	case tags && namespace != "":
		q.EntityID.TagNamespace = namespace
	case column != userColumn:
		return q, unsupported("select.fields[0].source", "is %q", field.Source)
	}
	if g := s.GroupBy; g != nil {
		if len(g.Columns) != 1 || !slices.Contains([]string{entityColumn, column, field.Source}, g.Columns[0]) {
			return q, unsupported("groupBy.columns", "is not the field alone")
		}
	}
	if q.Where, err = unprefixed(s.From.Where, prefix); err != nil {
		return q, fault.Invalid("query.from.where", "is no JSON")
	}
	if q.Score, err = s.score(prefix); err != nil {
		return q, err
	}
	return q, s.order(&q)
}

// score returns what rows add up to.
func (s *querySpec) score(prefix string) (score leaderboard.Score, err error) {
	const field = "select.expressions[0]"
	e := s.Select.Expressions[0]
	if e.Name != scoreColumn {
		return score, unsupported(field+".name", "is %q", e.Name)
	}
	var object map[leaderboard.Function]json.RawMessage
	if json.Unmarshal(e.Expression, &object) != nil || len(object) != 1 {
		return score, unsupported(field+".expression", "is no function")
	}
	for function, of := range object {
		var arguments []json.RawMessage
		if json.Unmarshal(of, &arguments) == nil {
			if len(arguments) > 1 {
				return score, unsupported(field+".expression", "has %d arguments", len(arguments))
			}
			of = nil
			if len(arguments) == 1 {
				of = arguments[0]
			}
		}
		score.Function = function
		if score.Of, err = unprefixed(of, prefix); err != nil {
			return score, fault.Invalid("query."+field+".expression", "is no JSON")
		}
	}
	return score, nil
}

// order says how scores are ranked.
func (s *querySpec) order(q *leaderboard.Query) error {
	o := s.OrderBy
	if o == nil {
		return nil
	}
	if len(o.Expressions) != 1 {
		return unsupported("orderBy.expressions", "are %d", len(o.Expressions))
	}
	by := variable(o.Expressions[0].Expression)
	if text := ""; json.Unmarshal(o.Expressions[0].Expression, &text) == nil {
		by = text
	}
	if by != scoreColumn {
		return unsupported("orderBy.expressions[0].expression", "is not the score")
	}
	q.Order = o.Expressions[0].Direction
	if o.Window != nil {
		q.RankStyle = o.Window.Function
	}
	return nil
}

// variable returns the name that {"var": name} or {"var": [name]} reads, "" for anything else.
func variable(source []byte) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(source, &object) != nil || len(object) != 1 {
		return ""
	}
	var name string
	var names []string
	if json.Unmarshal(object["var"], &name) != nil && json.Unmarshal(object["var"], &names) == nil && len(names) == 1 {
		name = names[0]
	}
	return name
}

// unprefixed returns an expression that reads fields of a row without their table's alias; nil for none.
func unprefixed(source []byte, prefix string) (json.RawMessage, error) {
	if noRule(source) {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(source))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(without(v, prefix))
}

func without(v any, prefix string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = without(v[i], prefix)
		}
	case map[string]any:
		for key, inner := range v {
			v[key] = without(inner, prefix)
			if key != "var" {
				continue
			}
			switch name := inner.(type) {
			case string:
				v[key] = strings.TrimPrefix(name, prefix)
			case []any:
				if len(name) > 0 {
					if first, is := name[0].(string); is {
						name[0] = strings.TrimPrefix(first, prefix)
					}
				}
			}
		}
	}
	return v
}

// specOf returns a query as clients write it. Its table is its own alias.
func specOf(q *leaderboard.Query) querySpec {
	column := userColumn
	if q.EntityID.TagNamespace != "" {
		column = tagColumns + q.EntityID.TagNamespace
	}
	arguments := []json.RawMessage{}
	if !noRule(q.Score.Of) {
		arguments = append(arguments, q.Score.Of)
	}
	expression, _ := json.Marshal(map[leaderboard.Function][]json.RawMessage{q.Score.Function: arguments}) // valid since it was written
	order, style := q.Order, q.RankStyle
	if order == "" {
		order = leaderboard.Descending
	}
	if style == "" {
		style = leaderboard.Rank
	}
	return querySpec{
		From:    specFrom{[]specSource{{Table: string(q.Source), Alias: string(q.Source)}}, q.Where},
		Select:  specSelect{[]specField{{column, entityColumn}}, []specExpression{{scoreColumn, expression}}},
		GroupBy: &specGroup{[]string{column}},
		OrderBy: &specOrders{[]specOrder{{json.RawMessage(`{"var":"` + scoreColumn + `"}`), order}}, &specWindow{style, rankColumn}},
	}
}
