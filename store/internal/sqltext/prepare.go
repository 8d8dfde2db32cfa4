package sqltext

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
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
// the versions. If it returns an error, the transaction must be rolled back. What is there it reads at once, however
// many tables there are.
func (d *Dialect) Prepare(ctx context.Context, db DB, schemas []*store.Schema) error {
	for _, s := range schemas {
		if err := check(s); err != nil {
			return err
		}
	}
	p, err := d.look(ctx, db)
	if err != nil {
		return err
	}
	for name := range p.columns {
		if of, aside := strings.CutPrefix(name, asidePrefix); aside {
			return &store.OlderError{Table: of}
		}
	}
	return p.prepareAll(ctx, schemas)
}

// prepareAll does what Prepare does when it is known what is there.
func (p *preparation) prepareAll(ctx context.Context, schemas []*store.Schema) error {
	for _, s := range schemas {
		if p.former(s) {
			return &store.OlderError{Table: s.Name}
		}
	}
	if err := p.scopes(ctx, schemas); err != nil {
		return err
	}
	for _, s := range schemas {
		if err := p.prepare(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// A preparation knows what is there, and what it has added.
type preparation struct {
	*Dialect
	DB

	columns, indexes map[string][]string // names by that of the table
	versions         map[string]int      // by the name of the schema
	named            map[string]int      // the versions of the tables whose rows name their scope
}

// look reads what is there, and creates the table of tables. Where it is, nothing is asked for that takes the right to create.
func (d *Dialect) look(ctx context.Context, db DB) (*preparation, error) {
	p := &preparation{Dialect: d, DB: db, columns: map[string][]string{}, indexes: map[string][]string{}, versions: map[string]int{}}
	if err := p.names(ctx, p.columns, p.Columns); err != nil {
		return nil, err
	}
	if err := p.names(ctx, p.indexes, p.Indexes); err != nil {
		return nil, err
	}
	if len(p.columns["guerdon_tables"]) == 0 {
		return p, p.Exec(ctx, fmt.Sprintf("create table if not exists guerdon_tables (name %s not null primary key, version %s not null)%s",
			p.Text, p.Int, p.Options))
	}
	return p, p.Query(ctx, func(columns []string) (err error) {
		p.versions[columns[0]], err = strconv.Atoi(columns[1])
		return err
	}, "select name, cast(version as text) from guerdon_tables")
}

// names collects what a query of the catalogue finds.
func (p *preparation) names(ctx context.Context, into map[string][]string, query string) error {
	return p.Query(ctx, func(columns []string) error {
		into[columns[0]] = append(into[columns[0]], columns[1])
		return nil
	}, query)
}

// layout is the version of what all tables have in common, noted under a name that no table has. In the first, which was
// not noted, rows had the name of their scope.
const layout = 2

// scopes creates the table of scopes. Where there was none, the tables that are there, which must be those of schemas, name theirs.
func (p *preparation) scopes(ctx context.Context, schemas []*store.Schema) error {
	noted := &store.Schema{Name: "", Version: layout}
	have := p.versions[noted.Name]
	if have == layout {
		return nil
	}
	if have > layout {
		return &store.NewerError{Table: "guerdon_scopes", Have: have, Want: layout}
	}
	for name := range p.versions {
		if !slices.ContainsFunc(schemas, func(s *store.Schema) bool { return s.Name == name }) {
			return fault.Conflict(name, "was kept by an earlier version of the program, and this one does not know the table")
		}
	}
	create := fmt.Sprintf("create table guerdon_scopes (id %s primary key, name %s not null unique, version %s not null default 0)", p.Numbered, p.Text, p.Int)
	p.named = maps.Clone(p.versions)
	return errors.Join(p.Exec(ctx, create), p.note(ctx, noted))
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
func (p *preparation) number(ctx context.Context, s *store.Schema) error {
	name := tableName(s)
	columns := []string{`"key"`, "record"}
	for _, c := range s.Columns {
		if slices.Contains(p.columns[name], c.Name) {
			columns = append(columns, quote(c.Name))
		}
	}
	rest := strings.Join(columns, ", ")
	now, before := quote(name), quote(name+"_1")
	texts := append(p.rename(name, name+"_1"),
		"insert into guerdon_scopes (name) select distinct scope from "+before+" where true on conflict (name) do nothing",
		p.table(s),
		"insert into "+now+" (scope, "+rest+") select (select s.id from guerdon_scopes s where s.name = b.scope), "+rest+" from "+before+" b",
		"drop table "+before)
	for _, text := range texts {
		if err := p.Exec(ctx, text); err != nil {
			return err
		}
	}
	p.created(s)
	delete(p.named, s.Name)
	return nil
}

// rename returns the statements that give a table another name, and take away its indexes, which would keep theirs.
func (p *preparation) rename(name, to string) (texts []string) {
	for _, index := range p.indexes[name] {
		if strings.HasPrefix(index, name+"_by_") {
			texts = append(texts, "drop index "+quote(index))
		}
	}
	return append(texts, "alter table "+quote(name)+" rename to "+quote(to))
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
func (p *preparation) prepare(ctx context.Context, s *store.Schema) error {
	have := p.versions[s.Name]
	if have > s.Version {
		return &store.NewerError{Table: s.Name, Have: have, Want: s.Version}
	}
	converted := p.named[s.Name] > 0
	if converted {
		if err := p.number(ctx, s); err != nil {
			return err
		}
	}
	added, err := p.complete(ctx, s)
	if err != nil {
		return err
	}
	if added || converted || 0 < have && have < s.Version {
		if err := p.fill(ctx, s); err != nil {
			return err
		}
	}
	if err := p.index(ctx, s); err != nil {
		return err
	}
	if have == s.Version {
		return nil
	}
	return p.note(ctx, s)
}

// note notes the version of a table.
func (p *preparation) note(ctx context.Context, s *store.Schema) error {
	p.versions[s.Name] = s.Version
	note := fmt.Sprintf("insert into guerdon_tables (name, version) values (%s, %s)"+
		" on conflict (name) do update set version = excluded.version", p.Param(1), p.Param(2))
	return p.Exec(ctx, note, s.Name, int64(s.Version))
}

// complete creates the table or the columns that it lacks, and tells whether there are columns to
// fill.
func (p *preparation) complete(ctx context.Context, s *store.Schema) (added bool, err error) {
	name := tableName(s)
	if len(p.columns[name]) == 0 {
		p.created(s)
		return false, p.Exec(ctx, p.table(s))
	}
	for _, c := range s.Columns {
		if slices.Contains(p.columns[name], c.Name) {
			continue
		}
		added = true
		if err := p.Exec(ctx, "alter table "+quote(name)+" add column "+quote(c.Name)+" "+p.kind(c.Kind)); err != nil {
			return false, err
		}
		p.columns[name] = append(p.columns[name], c.Name)
	}
	return added, nil
}

// created notes that a table is there, and has no indexes but that of its keys.
func (p *preparation) created(s *store.Schema) {
	columns := []string{"scope", "key", "record"}
	for _, c := range s.Columns {
		columns = append(columns, c.Name)
	}
	p.columns[tableName(s)], p.indexes[tableName(s)] = columns, nil
}

// table returns the statement that creates a table.
func (d *Dialect) table(s *store.Schema) string {
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
	return "create table " + quote(tableName(s)) + " (" + strings.Join(parts, ", ") + ")" + options
}

func (d *Dialect) kind(k store.Kind) string {
	if k == store.KindInt {
		return d.Int
	}
	return d.Text
}

// index creates the indexes that a table lacks.
func (p *preparation) index(ctx context.Context, s *store.Schema) error {
	table := tableName(s)
	for _, x := range s.Indexes {
		name := indexName(s, x.Name)
		if slices.Contains(p.indexes[table], name) {
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
		text := fmt.Sprintf("create %s %s on %s (%s) where %s", kind, quote(name), quote(table),
			strings.Join(columns, ", "), strings.Join(present, " and "))
		if err := p.Exec(ctx, text); err != nil {
			return fmt.Errorf("index %q of table %q: %w", x.Name, s.Name, err)
		}
		p.indexes[table] = append(p.indexes[table], name)
	}
	return nil
}

// fill computes the columns of every row from its record.
func (p *preparation) fill(ctx context.Context, s *store.Schema) error {
	if len(s.Columns) == 0 {
		return nil
	}
	var set []string
	for i, c := range s.Columns {
		set = append(set, quote(c.Name)+" = "+p.Param(i+1))
	}
	n := len(set)
	update := fmt.Sprintf(`update %s set %s where scope = %s and "key" = %s`,
		quote(tableName(s)), strings.Join(set, ", "), p.Param(n+1), p.Param(n+2))
	record := "cast(record as text)"
	if s.Packed {
		record = p.Hex("record")
	}
	read := fmt.Sprintf(`select cast(scope as text), "key", %s from %s where (scope, "key") > (%s, %s)`+
		` order by scope, "key" limit %d`, record, quote(tableName(s)), p.Param(1), p.Param(2), fillBatch)
	scope, key := int64(0), ""
	for {
		var batch [][]string
		err := p.Query(ctx, func(columns []string) error {
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
			row, err := s.Decode(key, record)
			if err != nil {
				return err
			}
			var args []any
			for _, v := range row.Values {
				args = append(args, v.Any())
			}
			if err := p.Exec(ctx, update, append(args, scope, key)...); err != nil {
				return err
			}
		}
		if len(batch) < fillBatch {
			return nil
		}
	}
}
