package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/sqltext"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

// dialect is PostgreSQL's SQL. The collation orders texts by their bytes. The type json keeps a record
// as it was written; jsonb would reorder it and refuse some texts.
var dialect = &sqltext.Dialect{
	Param:    sqltext.Dollar,
	Text:     `text collate "C"`,
	Int:      "bigint",
	JSON:     "json",
	Bytes:    "bytea",
	Scope:    "integer",
	Numbered: "integer generated always as identity",
	Hex:      func(bytes string) string { return "encode(" + bytes + ", 'hex')" },
	Columns: "select t.relname::text, a.attname::text from pg_attribute a join pg_class t on t.oid = a.attrelid" +
		" where t.relkind in ('r', 'p')" + ours + " and a.attnum > 0 and not a.attisdropped",
	Indexes: "select t.relname::text, i.relname::text from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid" +
		" where true" + ours,
}

// ours is the condition that a table t is one of guerdon's.
const ours = ` and t.relname like 'guerdon\_%' and t.relnamespace = (select n.oid from pg_namespace n where n.nspname = current_schema())`

// A table has the statements of one schema. Those for many rows take one array for each column.
type table struct {
	*sqltext.Table

	one    string // scope, key
	many   string // scope, keys
	put    string // scope, keys, columns, records
	remove string // scope, keys

	entries map[string]string // by unique index: scope, the columns of the entries
}

func newTable(s *store.Schema) *table {
	t := &table{Table: sqltext.NewTable(dialect, s), entries: map[string]string{}}
	t.one = `select "key", record from ` + t.Name + ` where scope = $1 and "key" = $2`
	t.many = `select "key", record from ` + t.Name + ` where scope = $1 and "key" = any($2)`
	t.put = t.putText(s)
	t.remove = "delete from " + t.Name + ` where scope = $1 and "key" = any($2)`
	for _, x := range s.Indexes {
		if x.Unique {
			t.entries[x.Name] = t.entriesText(s, x)
		}
	}
	return t
}

// putText returns the statement that adds or replaces rows.
func (t *table) putText(s *store.Schema) string {
	columns, names, arrays := []string{`"key"`}, []string{"k"}, []string{"$2::text[]"}
	var set []string
	for i, c := range s.Columns {
		columns = append(columns, t.Columns[i])
		names = append(names, fmt.Sprintf("c%d", i))
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+3, kind(c.Kind)))
		set = append(set, t.Columns[i]+" = excluded."+t.Columns[i])
	}
	records, record := "text[]", "r::json"
	if s.Packed {
		records, record = "bytea[]", "r"
	}
	arrays = append(arrays, fmt.Sprintf("$%d::%s", len(s.Columns)+3, records))
	set = append(set, "record = excluded.record")
	list := strings.Join(names, ", ")
	return "insert into " + t.Name + " (scope, " + strings.Join(columns, ", ") + ", record)" +
		" select $1::integer, " + list + ", " + record + " from unnest(" + strings.Join(arrays, ", ") + ") as u(" + list + ", r)" +
		` on conflict (scope, "key") do update set ` + strings.Join(set, ", ")
}

// entriesText returns the query for the rows that have one of some entries of an index.
func (t *table) entriesText(s *store.Schema, x store.Index) string {
	_, at := s.Find(x.Name)
	conditions := []string{"t.scope = $1"}
	var arrays, names []string
	for i, c := range at {
		name := fmt.Sprintf("c%d", i)
		names = append(names, name)
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+2, kind(s.Columns[c].Kind)))
		conditions = append(conditions, fmt.Sprintf("t.%s = %s and t.%[1]s is not null", t.Columns[c], name))
	}
	return `select t."key", t.record from ` + t.Name + " as t, unnest(" + strings.Join(arrays, ", ") + ")" +
		" as u(" + strings.Join(names, ", ") + ") where " + strings.Join(conditions, " and ")
}

func kind(k store.Kind) string {
	if k == store.KindInt {
		return "bigint"
	}
	return "text"
}

// read returns the text and arguments of the query for the records that are asked for, "" if there can
// be none, in the scope of a number. A query for one row is simpler than one for many, so that the server need not plan it anew
// every time.
func (t *table) read(scope int64, a unit.Ask) (string, []any) {
	switch {
	case a.Query != nil:
		return t.Select(scope, *a.Query)
	case len(a.Entries) == 1:
		return t.Select(scope, store.By(a.Index, a.Entries[0]...))
	case a.Entries != nil:
		_, at := a.Table.Find(a.Index)
		args := []any{scope}
		for i, c := range at {
			args = append(args, array(a.Entries, a.Table.Columns[c].Kind, func(entry []store.Value) store.Value { return entry[i] }))
		}
		return t.entries[a.Index], args
	case len(a.Keys) == 1:
		return t.one, []any{scope, a.Keys[0]}
	}
	return t.many, []any{scope, a.Keys}
}

// queue queues the statements of a change in the scope of a number. Rows whose columns stay as they are need no statement of
// their own: the server sees that, and leaves the indexes alone.
func (t *table) queue(b *pgx.Batch, scope int64, c unit.Change) {
	if len(c.Delete) > 0 {
		b.Queue(t.remove, scope, c.Delete)
	}
	rows := slices.Concat(c.Put, c.Record)
	if len(rows) == 0 {
		return
	}
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.Key
	}
	args := []any{scope, keys}
	for i, column := range c.Table.Columns {
		args = append(args, array(rows, column.Kind, func(r unit.Record) store.Value { return r.Values[i] }))
	}
	b.Queue(t.put, append(args, kept(c.Table, rows))...)
}

// kept returns the records of rows as an argument.
func kept(of *store.Schema, rows []unit.Record) any {
	if of.Packed {
		records := make([][]byte, len(rows))
		for i, r := range rows {
			records[i] = r.Bytes
		}
		return records
	}
	records := make([]string, len(rows))
	for i, r := range rows {
		records[i] = string(r.Bytes)
	}
	return records
}

// array returns the values of a column, nil for those that are absent.
func array[T any](of []T, k store.Kind, value func(T) store.Value) any {
	if k == store.KindInt {
		numbers := make([]*int64, len(of))
		for i, x := range of {
			if v := value(x); !v.Absent() {
				numbers[i] = new(v.Int())
			}
		}
		return numbers
	}
	texts := make([]*string, len(of))
	for i, x := range of {
		if v := value(x); !v.Absent() {
			texts[i] = new(v.Text())
		}
	}
	return texts
}
