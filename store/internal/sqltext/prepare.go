package sqltext

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// A DB is an open transaction in which nobody else prepares tables.
type DB interface {
	// Exec runs a statement that returns no rows.
	Exec(ctx context.Context, text string, args ...any) error
	// Query calls each for every row, with the row's columns, which are all texts.
	Query(ctx context.Context, each func(columns []string) error, text string, args ...any) error
}

// fillBatch is how many records are read at a time to fill a new column.
const fillBatch = 500

// maxName is the longest name that every database keeps whole, in bytes.
const maxName = 63

// Prepare creates what the tables of the schemas lack, fills new columns from the records, and notes
// the versions. If it returns an error, the transaction must be rolled back.
func (d *Dialect) Prepare(ctx context.Context, db DB, schemas []*store.Schema) error {
	for _, s := range schemas {
		if err := check(s); err != nil {
			return err
		}
	}
	if err := d.register(ctx, db); err != nil {
		return err
	}
	named, err := d.scopes(ctx, db, schemas)
	if err != nil {
		return err
	}
	for _, s := range schemas {
		if err := d.prepare(ctx, db, s, named); err != nil {
			return err
		}
	}
	return nil
}

// register creates the table of tables. Where it is, nothing is asked for that takes the right to create.
func (d *Dialect) register(ctx context.Context, db DB) error {
	have, err := d.names(ctx, db, d.Columns, &store.Schema{Name: "tables"})
	if err != nil || len(have) > 0 {
		return err
	}
	return db.Exec(ctx, fmt.Sprintf("create table if not exists guerdon_tables (name %s not null primary key, version %s not null)%s",
		d.Text, d.Int, d.Options))
}

// layout is the version of what all tables have in common, noted under a name that no table has. In the first, which was
// not noted, rows had the name of their scope.
const layout = 2

// scopes creates the table of scopes, and tells whether the tables that are there, which must be those of schemas, name
// theirs.
func (d *Dialect) scopes(ctx context.Context, db DB, schemas []*store.Schema) (named bool, err error) {
	noted := &store.Schema{Name: "", Version: layout}
	have, err := d.version(ctx, db, noted)
	if err != nil || have == layout {
		return false, err
	}
	if have > layout {
		return false, &store.NewerError{Table: "guerdon_scopes", Have: have, Want: layout}
	}
	err = db.Query(ctx, func(columns []string) error {
		if !slices.ContainsFunc(schemas, func(s *store.Schema) bool { return s.Name == columns[0] }) {
			return fault.Conflict(columns[0], "was kept by an earlier version of the program, and this one does not know the table")
		}
		return nil
	}, "select name from guerdon_tables")
	if err != nil {
		return false, err
	}
	create := fmt.Sprintf("create table guerdon_scopes (id %s primary key, name %s not null unique, version %s not null default 0)", d.Numbered, d.Text, d.Int)
	return true, errors.Join(db.Exec(ctx, create), d.note(ctx, db, noted))
}

// Edition is the query for a number that is another as soon as a table is prepared that is new, or newer than before, and
// Versions that for all names and versions.
const (
	Edition  = "select cast(coalesce(sum(version), 0) as bigint) from guerdon_tables"
	Versions = "select name, version from guerdon_tables"
)

// Newer returns a [*store.NewerError] if a table has a version that is newer than that of a program which has prepared schemas,
// the keys of prepared.
func Newer(table string, version int64, prepared *sync.Map) (err error) {
	if table == "" && version > layout {
		return &store.NewerError{Table: "guerdon_scopes", Have: int(version), Want: layout}
	}
	prepared.Range(func(key, _ any) bool {
		if s := key.(*store.Schema); s.Name == table && version > int64(s.Version) {
			err = &store.NewerError{Table: table, Have: int(version), Want: s.Version}
		}
		return err == nil
	})
	return err
}

// number converts a table whose rows name their scope. The table must be there.
func (d *Dialect) number(ctx context.Context, db DB, s *store.Schema) error {
	indexes, err := d.names(ctx, db, d.Indexes, s)
	if err != nil {
		return err
	}
	columns := []string{`"key"`, "record"}
	have, err := d.names(ctx, db, d.Columns, s)
	if err != nil {
		return err
	}
	for _, c := range s.Columns {
		if slices.Contains(have, c.Name) {
			columns = append(columns, quote(c.Name))
		}
	}
	rest := strings.Join(columns, ", ")
	now, before := quote(tableName(s)), quote(tableName(s)+"_1")
	var texts []string
	for _, name := range indexes {
		if strings.HasPrefix(name, tableName(s)+"_by_") {
			texts = append(texts, "drop index "+quote(name))
		}
	}
	texts = append(texts, "alter table "+now+" rename to "+before,
		"insert into guerdon_scopes (name) select distinct scope from "+before+" where true on conflict (name) do nothing")
	for _, text := range texts {
		if err := db.Exec(ctx, text); err != nil {
			return err
		}
	}
	if _, err := d.columns(ctx, db, s); err != nil {
		return err
	}
	for _, text := range []string{
		"insert into " + now + " (scope, " + rest + ") select (select s.id from guerdon_scopes s where s.name = b.scope), " + rest + " from " + before + " b",
		"drop table " + before,
	} {
		if err := db.Exec(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// check refuses names that would clash.
func check(s *store.Schema) error {
	names := []string{tableName(s)}
	for _, c := range s.Columns {
		if slices.Contains([]string{"scope", "key", "record"}, strings.ToLower(c.Name)) {
			return fault.Invalid(s.Name+"."+c.Name, "a column of every table has this name")
		}
		names = append(names, c.Name)
	}
	for _, x := range s.Indexes {
		names = append(names, indexName(s, x.Name))
	}
	for _, name := range names {
		if len(name) > maxName {
			return fault.Invalid(s.Name, "the name %q is longer than %d bytes", name, maxName)
		}
	}
	return nil
}

// prepare does for one schema what Prepare does. named says that tables that are there have rows that name their scope.
func (d *Dialect) prepare(ctx context.Context, db DB, s *store.Schema, named bool) error {
	have, err := d.version(ctx, db, s)
	if err != nil {
		return err
	}
	if have > s.Version {
		return &store.NewerError{Table: s.Name, Have: have, Want: s.Version}
	}
	if s.Packed && have == 1 { // which no packed table has
		return fault.Conflict(s.Name, "was kept by an earlier version of the program, in a form that this one does not read")
	}
	if named && have > 0 {
		if err := d.number(ctx, db, s); err != nil {
			return err
		}
	}
	added, err := d.columns(ctx, db, s)
	if err != nil {
		return err
	}
	if added || 0 < have && have < s.Version {
		if err := d.fill(ctx, db, s); err != nil {
			return err
		}
	}
	if err := d.indexes(ctx, db, s); err != nil {
		return err
	}
	if have == s.Version {
		return nil
	}
	return d.note(ctx, db, s)
}

// note notes the version of a table.
func (d *Dialect) note(ctx context.Context, db DB, s *store.Schema) error {
	note := fmt.Sprintf("insert into guerdon_tables (name, version) values (%s, %s)"+
		" on conflict (name) do update set version = excluded.version", d.Param(1), d.Param(2))
	return db.Exec(ctx, note, s.Name, int64(s.Version))
}

// version returns the version that a table was prepared with, 0 if it was not.
func (d *Dialect) version(ctx context.Context, db DB, s *store.Schema) (version int, err error) {
	err = db.Query(ctx, func(columns []string) error {
		_, err := fmt.Sscan(columns[0], &version)
		return err
	}, "select cast(version as text) from guerdon_tables where name = "+d.Param(1), s.Name)
	return version, err
}

// names returns the first column of a query of the catalogue, whose argument is the table's name.
func (d *Dialect) names(ctx context.Context, db DB, query string, s *store.Schema) (names []string, err error) {
	err = db.Query(ctx, func(columns []string) error {
		names = append(names, columns[0])
		return nil
	}, query, tableName(s))
	return names, err
}

// columns creates the table or the columns that it lacks, and tells whether there are columns to
// fill.
func (d *Dialect) columns(ctx context.Context, db DB, s *store.Schema) (added bool, err error) {
	have, err := d.names(ctx, db, d.Columns, s)
	if err != nil {
		return false, err
	}
	table := quote(tableName(s))
	if len(have) == 0 {
		parts := []string{"scope " + d.Scope + " not null", `"key" ` + d.Text + " not null"}
		for _, c := range s.Columns {
			parts = append(parts, quote(c.Name)+" "+d.kind(c.Kind))
		}
		record := d.JSON
		if s.Packed {
			record = d.Bytes
		}
		parts = append(parts, "record "+record+" not null", `primary key (scope, "key")`)
		options := d.Options
		if s.Large {
			options = d.LargeOptions
		}
		return false, db.Exec(ctx, "create table "+table+" ("+strings.Join(parts, ", ")+")"+options)
	}
	for _, c := range s.Columns {
		if slices.Contains(have, c.Name) {
			continue
		}
		added = true
		if err := db.Exec(ctx, "alter table "+table+" add column "+quote(c.Name)+" "+d.kind(c.Kind)); err != nil {
			return false, err
		}
	}
	return added, nil
}

func (d *Dialect) kind(k store.Kind) string {
	if k == store.KindInt {
		return d.Int
	}
	return d.Text
}

// indexes creates the indexes that a table lacks.
func (d *Dialect) indexes(ctx context.Context, db DB, s *store.Schema) error {
	have, err := d.names(ctx, db, d.Indexes, s)
	if err != nil {
		return err
	}
	for _, x := range s.Indexes {
		name := indexName(s, x.Name)
		if slices.Contains(have, name) {
			continue
		}
		kind, columns, present := "unique index", []string{"scope"}, []string(nil)
		for _, c := range x.Columns {
			columns = append(columns, quote(c))
			present = append(present, quote(c)+" is not null")
		}
		if !x.Unique {
			kind, columns = "index", append(columns, `"key"`)
		}
		text := fmt.Sprintf("create %s %s on %s (%s) where %s", kind, quote(name), quote(tableName(s)),
			strings.Join(columns, ", "), strings.Join(present, " and "))
		if err := db.Exec(ctx, text); err != nil {
			return fmt.Errorf("index %q of table %q: %w", x.Name, s.Name, err)
		}
	}
	return nil
}

// fill computes the columns of every row from its record.
func (d *Dialect) fill(ctx context.Context, db DB, s *store.Schema) error {
	if len(s.Columns) == 0 {
		return nil
	}
	var set []string
	for i, c := range s.Columns {
		set = append(set, quote(c.Name)+" = "+d.Param(i+1))
	}
	n := len(set)
	update := fmt.Sprintf(`update %s set %s where scope = %s and "key" = %s`,
		quote(tableName(s)), strings.Join(set, ", "), d.Param(n+1), d.Param(n+2))
	record := "cast(record as text)"
	if s.Packed {
		record = d.Hex("record")
	}
	read := fmt.Sprintf(`select cast(scope as text), "key", %s from %s where (scope, "key") > (%s, %s)`+
		` order by scope, "key" limit %d`, record, quote(tableName(s)), d.Param(1), d.Param(2), fillBatch)
	scope, key := int64(0), ""
	for {
		var batch [][]string
		err := db.Query(ctx, func(columns []string) error {
			batch = append(batch, slices.Clone(columns))
			return nil
		}, read, scope, key)
		if err != nil {
			return err
		}
		for _, was := range batch {
			key = was[1]
			if scope, err = strconv.ParseInt(was[0], 10, 64); err != nil {
				return err
			}
			record := []byte(was[2])
			if s.Packed {
				if record, err = hex.DecodeString(was[2]); err != nil {
					return err
				}
			}
			row, err := s.Decode(record)
			if err != nil {
				return err
			}
			var args []any
			for _, v := range row.Values {
				args = append(args, v.Any())
			}
			if err := db.Exec(ctx, update, append(args, scope, key)...); err != nil {
				return err
			}
		}
		if len(batch) < fillBatch {
			return nil
		}
	}
}
