package sqltext

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

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
	create := fmt.Sprintf("create table if not exists guerdon_tables (name %s not null primary key, version %s not null)%s",
		d.Text, d.Int, d.Options)
	if err := db.Exec(ctx, create); err != nil {
		return err
	}
	for _, s := range schemas {
		if err := d.prepare(ctx, db, s); err != nil {
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

// prepare does for one schema what Prepare does.
func (d *Dialect) prepare(ctx context.Context, db DB, s *store.Schema) error {
	have, err := d.version(ctx, db, s)
	if err != nil {
		return err
	}
	if have > s.Version {
		return &store.NewerError{Table: s.Name, Have: have, Want: s.Version}
	}
	if s.Packed && 0 < have && have < s.Version {
		return fault.Conflict(s.Name, "was kept by an earlier version of the program, in a form that this one does not read")
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
		parts := []string{"scope " + d.Text + " not null", `"key" ` + d.Text + " not null"}
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
	read := fmt.Sprintf(`select scope, "key", %s from %s where (scope, "key") > (%s, %s)`+
		` order by scope, "key" limit %d`, record, quote(tableName(s)), d.Param(1), d.Param(2), fillBatch)
	scope, key := "", ""
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
			scope, key = was[0], was[1]
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
