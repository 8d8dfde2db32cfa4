// Package sqltext writes the SQL that the SQL backends have in common: the tables and indexes of
// schemas, their upgrade, and the reading of rows by a query. What differs between databases is in a
// [Dialect].
//
// A table of guerdon's is a table guerdon_<name> with the columns scope and key, which are its primary
// key, a column for each of the schema's, and the record as JSON. Each index starts with the scope and
// ends with the key, and leaves out the rows that lack a value in it. A scope is a number, to which the table
// guerdon_scopes gives the scope's name.
package sqltext

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/guerdonhq/guerdon/store"
)

// A Dialect is what differs between two databases.
type Dialect struct {
	// Param returns the placeholder of the nth argument, counted from 1.
	Param func(n int) string
	// Text, Int, JSON and Bytes are the types of columns. Hex returns an expression for bytes as text. Scope is the type of
	// the number of a scope, and Numbered that of a column which numbers the rows of guerdon_scopes by itself.
	Text, Int, JSON, Bytes string
	Scope, Numbered        string
	Hex                    func(bytes string) string
	// Options follow the columns of a new table, and LargeOptions those of one whose records are long.
	Options, LargeOptions string
	// Hint follows the table's name in a query on an index, with %s in the place of the index's
	// name; "" leaves the choice of the index to the database.
	Hint string
	// Columns and Indexes are queries for the names of guerdon's tables, each with the name of something that it has.
	Columns, Indexes string
}

// Dollar returns "$1" for 1, the way of PostgreSQL.
func Dollar(n int) string { return "$" + strconv.Itoa(n) }

// Question returns "?", for databases that count themselves.
func Question(int) string { return "?" }

// A Cache keeps what a backend made for each schema. Its methods may be called concurrently.
type Cache[T any] struct {
	build  func(*store.Schema) T
	tables sync.Map // of T by *store.Schema
}

// NewCache returns an empty cache, which build fills.
func NewCache[T any](build func(*store.Schema) T) *Cache[T] { return &Cache[T]{build: build} }

// Of returns what was built for a schema.
func (c *Cache[T]) Of(s *store.Schema) T {
	t, ok := c.tables.Load(s)
	if !ok {
		t, _ = c.tables.LoadOrStore(s, c.build(s))
	}
	return t.(T)
}

// A Table has the names and texts of one schema. It is immutable.
type Table struct {
	// Name is the table's name, quoted.
	Name string
	// Columns are the names of the schema's columns, quoted.
	Columns []string
	// Survey is the query for the scopes, keys and records of all rows, to be followed by [SurveyOrder].
	Survey string

	schema  *store.Schema
	dialect *Dialect
	indexes map[string]*index
}

// An index has the parts of the texts that read it.
type index struct {
	columns  []string // quoted, the last one is the key
	from     string
	present  string // the condition that a row is in it
	up, down string // the order
}

// SurveyOrder is the order of rows in all scopes.
const SurveyOrder = ` order by t.scope, t."key"`

// NewTable returns the texts of a schema.
func NewTable(d *Dialect, s *store.Schema) *Table {
	t := &Table{Name: quote(tableName(s)), schema: s, dialect: d, indexes: map[string]*index{}}
	t.Survey = `select s.name, t."key", t.record from ` + t.Name + " t join guerdon_scopes s on s.id = t.scope"
	for _, c := range s.Columns {
		t.Columns = append(t.Columns, quote(c.Name))
	}
	t.indexes[""] = t.newIndex("", nil)
	for _, x := range s.Indexes {
		t.indexes[x.Name] = t.newIndex(x.Name, x.Columns)
	}
	return t
}

func (t *Table) newIndex(name string, columns []string) *index {
	x := &index{from: " from " + t.Name}
	if name != "" && t.dialect.Hint != "" {
		x.from += fmt.Sprintf(t.dialect.Hint, quote(indexName(t.schema, name)))
	}
	for _, c := range columns {
		x.columns = append(x.columns, quote(c))
		x.present += " and " + quote(c) + " is not null"
	}
	x.columns = append(x.columns, `"key"`)
	x.up = " order by " + strings.Join(x.columns, ", ")
	x.down = " order by " + strings.Join(x.columns, " desc, ") + " desc"
	return x
}

// Select returns the text and arguments of the query for the keys and records that q describes in the scope of a number. It
// returns "" if no row can be among them.
func (t *Table) Select(scope int64, q store.Query) (string, []any) {
	x := t.indexes[q.Index]
	b := t.where(`select "key", record`, x, scope, q)
	if b == nil {
		return "", nil
	}
	if q.Descending {
		b.text.WriteString(x.down)
	} else {
		b.text.WriteString(x.up)
	}
	if q.Limit > 0 {
		// The cast hides the number from SQLite's planner, which would plan the query anew for each.
		b.text.WriteString(" limit cast(")
		b.param(int64(q.Limit))
		b.text.WriteString(" as bigint)")
	}
	return b.text.String(), b.args
}

// Count returns the text and arguments of the query for the number of rows that q describes in the scope of a number,
// without its limit. It returns "" if there can be none.
func (t *Table) Count(scope int64, q store.Query) (string, []any) {
	b := t.where("select count(*)", t.indexes[q.Index], scope, q)
	if b == nil {
		return "", nil
	}
	return b.text.String(), b.args
}

// where begins a query with all of its conditions. It returns nil if they cannot be met.
func (t *Table) where(what string, x *index, scope int64, q store.Query) *builder {
	q, ok := narrow(q)
	if !ok {
		return nil
	}
	b := &builder{dialect: t.dialect, args: make([]any, 0, len(q.Equal)+5)}
	b.text.Grow(256)
	b.text.WriteString(what)
	b.text.WriteString(x.from)
	b.text.WriteString(" where scope = ")
	b.param(scope)
	for i, v := range q.Equal {
		b.compare(x.columns[i], " = ", v)
	}
	open := x.columns[len(q.Equal):]
	if !q.From.Absent() {
		b.compare(open[0], " >= ", q.From)
	}
	if !q.Until.Absent() {
		b.compare(open[0], " < ", q.Until)
	}
	if q.After != nil {
		b.after(open, q)
	}
	b.text.WriteString(x.present)
	return b
}

// narrow drops the position of a query or the bound at the same end, whichever the other implies: one
// condition at each end is what an index can be searched by. It returns false if no row of the query
// is behind the position.
func narrow(q store.Query) (store.Query, bool) {
	if q.After == nil {
		return q, true
	}
	fixed := len(q.Equal)
	for i, v := range q.After.Values[:fixed] {
		if c := v.Compare(q.Equal[i]); c != 0 { // all rows are on one side of the position
			q.After = nil
			return q, (c < 0) != q.Descending
		}
	}
	first := store.Text(q.After.Key)
	if fixed < len(q.After.Values) {
		first = q.After.Values[fixed]
	}
	switch {
	case !q.Descending && !q.From.Absent() && first.Compare(q.From) >= 0:
		q.From = store.Value{}
	case !q.Descending && !q.From.Absent():
		q.After = nil
	case q.Descending && !q.Until.Absent() && first.Compare(q.Until) < 0:
		q.Until = store.Value{}
	case q.Descending && !q.Until.Absent():
		q.After = nil
	}
	return q, true
}

// A builder collects a text and its arguments.
type builder struct {
	dialect *Dialect
	text    strings.Builder
	args    []any
}

func (b *builder) param(v any) {
	b.args = append(b.args, v)
	b.text.WriteString(b.dialect.Param(len(b.args)))
}

func (b *builder) compare(column, operator string, v store.Value) {
	b.text.WriteString(" and ")
	b.text.WriteString(column)
	b.text.WriteString(operator)
	b.param(v.Any())
}

// after adds the condition that a row is behind q.After, where columns are those that q leaves open.
func (b *builder) after(columns []string, q store.Query) {
	operator := " > "
	if q.Descending {
		operator = " < "
	}
	if len(columns) == 1 {
		b.compare(columns[0], operator, store.Text(q.After.Key))
		return
	}
	b.text.WriteString(" and (" + strings.Join(columns, ", ") + ")" + operator + "(")
	for _, v := range q.After.Values[len(q.Equal):] {
		b.param(v.Any())
		b.text.WriteString(", ")
	}
	b.param(q.After.Key)
	b.text.WriteString(")")
}

// tableName returns the name of a schema's table.
func tableName(s *store.Schema) string { return "guerdon_" + s.Name }

// indexName returns the name of an index of a schema. Indexes and tables share one space of names.
func indexName(s *store.Schema, index string) string { return tableName(s) + "_by_" + index }

// quote makes a name one that may also be a word of SQL.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
