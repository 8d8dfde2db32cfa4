package sqltext

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/guerdonhq/guerdon/store"
)

// asidePrefix begins the names of tables that are set aside. The rows in them name their scope.
const asidePrefix = "guerdon_aside_"

// SetAside sets the tables of a former layout aside, which are all that are there, and prepares those of the schemas. Where
// that was done before, or there is none, it only prepares. If it returns an error, the transaction must be rolled back.
func (d *Dialect) SetAside(ctx context.Context, db DB, schemas []*store.Schema, former []string) error {
	p, err := d.look(ctx, db)
	if err != nil {
		return err
	}
	older := slices.ContainsFunc(schemas, p.former)
	for name := range p.versions {
		older = older && slices.Contains(former, name)
	}
	if !older { // where something is wrong with that, it says so
		return p.prepareAll(ctx, schemas)
	}
	texts := []string{"delete from guerdon_tables"}
	for name := range p.versions {
		texts = append(texts, p.rename("guerdon_"+name, asidePrefix+name)...)
		delete(p.columns, "guerdon_"+name)
	}
	for _, text := range texts {
		if err := p.Exec(ctx, text); err != nil {
			return err
		}
	}
	clear(p.versions)
	return p.prepareAll(ctx, schemas)
}

// former tells whether a table that is there was kept in another form: no packed table has version 1.
func (p *preparation) former(s *store.Schema) bool { return s.Packed && p.versions[s.Name] == 1 }

// Aside reads what is set aside. Where it is says only where to look first: others may take rows away.
type Aside struct {
	*Dialect

	tables     []string // that may have rows, in their order
	scope, key string   // behind which the first has them
}

// NewAside returns what reads the tables of a former layout that are set aside.
func NewAside(d *Dialect, former []string) *Aside {
	return &Aside{Dialect: d, tables: slices.Clone(former)}
}

// Portion calls move with the next rows that are set aside and takes them away. A table that has none it drops. It
// tells whether to go on. If it returns an error, the transaction must be rolled back.
func (a *Aside) Portion(ctx context.Context, db DB, move func(s store.Scope, table string, rows []store.Former) error) (next Aside, more bool, err error) {
	p := &preparation{Dialect: a.Dialect, DB: db, columns: map[string][]string{}}
	if err := p.names(ctx, p.columns, p.Columns); err != nil {
		return *a, false, err
	}
	next = *a
	for len(next.tables) > 0 && len(p.columns[asidePrefix+next.tables[0]]) == 0 {
		next = Aside{Dialect: a.Dialect, tables: next.tables[1:]}
	}
	if len(next.tables) == 0 {
		return next, false, nil
	}
	name := next.tables[0]
	from := quote(asidePrefix + name)
	var scope string
	var rows []store.Former
	err = db.Query(ctx, func(columns []string) error {
		if len(rows) == 0 {
			scope = columns[0]
		}
		if scope == columns[0] {
			rows = append(rows, store.Former{Key: columns[1], Record: []byte(columns[2])})
		}
		return nil
	}, fmt.Sprintf(`select scope, "key", cast(record as text) from %s where (scope, "key") > (%s, %s) order by scope, "key" limit %d`,
		from, a.Param(1), a.Param(2), fillBatch), next.scope, next.key)
	switch {
	case err != nil:
		return next, false, err
	case len(rows) > 0:
		next.scope, next.key = scope, rows[len(rows)-1].Key
		err = move(store.ParseScope(scope), name, rows)
		return next, true, errors.Join(err, db.Exec(ctx,
			fmt.Sprintf(`delete from %s where scope = %s and "key" <= %s`, from, a.Param(1), a.Param(2)), next.scope, next.key))
	case next.scope != "": // none is left behind what this call has moved: it begins once more, because others may have failed
		next.scope, next.key = "", ""
		return next, true, nil
	}
	return next, true, db.Exec(ctx, "drop table "+from)
}
