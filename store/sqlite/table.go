package sqlite

import (
	"strings"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/sqltext"
)

// dialect is SQLite's SQL. Tables are strict, so that a value of the wrong type is an error, and kept
// in the order of their keys. Queries name their index, because without statistics SQLite may prefer
// to sort the whole scope.
var dialect = &sqltext.Dialect{
	Param:    sqltext.Question,
	Text:     "text",
	Int:      "integer",
	JSON:     "text",
	Bytes:    "blob",
	Scope:    "integer",
	Numbered: "integer",
	Hex:      func(bytes string) string { return "hex(" + bytes + ")" },
	Options:  " strict, without rowid",
	// In the order of keys, what is longer than a quarter of a page would take a page of its own.
	LargeOptions: " strict",
	Hint:         " indexed by %s",
	Columns:      "select t.name, c.name from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table' and t.name like 'guerdon!_%' escape '!'",
	Indexes:      "select tbl_name, name from sqlite_master where type = 'index' and tbl_name like 'guerdon!_%' escape '!'",
}

// A table has the statements of one schema.
type table struct {
	*sqltext.Table

	get    string // scope, key
	put    string // scope, key, columns, record
	record string // record, scope, key
	remove string // scope, key
}

func newTable(s *store.Schema) *table {
	t := &table{Table: sqltext.NewTable(dialect, s)}
	columns := append([]string{"scope", `"key"`}, t.Columns...)
	columns = append(columns, "record")
	var set []string
	for _, c := range columns[2:] {
		set = append(set, c+" = excluded."+c)
	}
	t.get = `select "key", record from ` + t.Name + ` where scope = ? and "key" = ?`
	t.put = "insert into " + t.Name + " (" + strings.Join(columns, ", ") + ")" +
		" values (?" + strings.Repeat(", ?", len(columns)-1) + ")" +
		` on conflict (scope, "key") do update set ` + strings.Join(set, ", ")
	t.record = "update " + t.Name + ` set record = ? where scope = ? and "key" = ?`
	t.remove = "delete from " + t.Name + ` where scope = ? and "key" = ?`
	return t
}
