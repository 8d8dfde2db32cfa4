package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	fastjson "github.com/segmentio/encoding/json"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/pack"
)

// A Row is one record as a backend sees it.
type Row struct {
	// Key identifies the row in its table and scope.
	Key string
	// Values are those of the table's columns, in the order of Schema.Columns.
	Values []Value
	// Record is the Go value. A backend may keep it as it is, or keep what Schema.Encode makes of it
	// and give back what Schema.Decode returns.
	Record any
}

// A Column is a value of the record that the backend keeps beside it, because an index needs it.
type Column struct {
	Name string
	Kind Kind
}

// An Index orders the rows of a table by columns. It holds only rows that have a value in each.
type Index struct {
	Name    string
	Columns []string
	// Unique lets no two rows of a scope have the same values.
	Unique bool
}

// A Schema is what a backend knows of a table. It is immutable.
type Schema struct {
	Name    string // lower case with underscores
	Version int    // raised when older programs cannot read the records, or would lose something by writing them again
	Columns []Column
	Indexes []Index
	// Packed says that Encode makes bytes and not text. A database then keeps records as bytes, which [JSON] shows.
	Packed bool
	// Large says that records are long, a kilobyte or so. A database may then keep them apart from the order of their keys.
	Large bool

	codec  func() *pack.Codec
	decode func(key string, record []byte) (Row, error)
	parse  func([]byte) (Row, error)
	unpack func(key string, record []byte) (Row, error)
	apply  func(diff []byte, from Row) (Row, error)
}

// Encode returns the record as JSON or, if the schema is packed, as fewer bytes, which do not repeat what the row's key says.
func (s *Schema) Encode(r Row) ([]byte, error) {
	if s.Packed {
		b, err := s.Pack(r)
		return pack.Squeeze(b), err
	}
	return json.Marshal(r.Record)
}

// JSON returns a record that a packed schema has encoded as JSON, for a person to read: what the bytes in a database
// say under a key. It does not need the schema.
func JSON(key string, record []byte) ([]byte, error) { return pack.JSON(key, record) }

// JSON returns the row's record as JSON, whether the schema is packed or not.
func (s *Schema) JSON(r Row) ([]byte, error) { return json.Marshal(r.Record) }

// ParseJSON is the inverse of JSON, for what comes from elsewhere: key and values are computed from the record. A row that a
// table could not keep is [fault.ErrInvalid].
func (s *Schema) ParseJSON(record []byte) (Row, error) { return s.parse(record) }

// Pack returns a record in few bytes, whether the schema is packed or not.
func (s *Schema) Pack(r Row) ([]byte, error) { return s.codec().Pack(r.Key, r.Record) }

// Unpack is the inverse of Pack, for the row's key.
func (s *Schema) Unpack(key string, b []byte) (Row, error) { return s.unpack(key, b) }

// Diff returns what makes one row of another of the same key, as few bytes: the fields in which they differ.
func (s *Schema) Diff(to, from Row) ([]byte, error) {
	return s.codec().Diff(to.Key, to.Record, from.Record)
}

// Apply returns the row that Diff was asked for, from the other.
func (s *Schema) Apply(diff []byte, from Row) (Row, error) { return s.apply(diff, from) }

// Decode returns the row of a record that Encode made, for the row's key; the values are computed from the record. A record
// of another key is refused. The decoder is not the standard library's because reading is most of what a transaction does
// with JSON.
func (s *Schema) Decode(key string, record []byte) (Row, error) { return s.decode(key, record) }

// Shape says what the records keep, in a line for each field. A program that keeps something else has a higher
// [Schema.Version]: an older one would lose what it does not know when it writes a row again.
func (s *Schema) Shape() []string { return s.codec().Shape() }

// Find returns the index with the given name and the positions of its columns in Schema.Columns.
// The name "" is the order of keys, an index without columns. It panics if there is no such index,
// which is a mistake in the program.
func (s *Schema) Find(index string) (Index, []int) {
	if index == "" {
		return Index{Unique: true}, nil
	}
	i := slices.IndexFunc(s.Indexes, func(x Index) bool { return x.Name == index })
	if i < 0 {
		panic(fmt.Sprintf("store: table %q has no index %q", s.Name, index))
	}
	var at []int
	for _, name := range s.Indexes[i].Columns {
		at = append(at, slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == name }))
	}
	return s.Indexes[i], at
}

// A Field declares a column of a table of T and says how to read it from a record.
type Field[T any] struct {
	Name string
	Kind Kind
	Of   func(*T) Value
}

// A Table gives records of type T a place in a store. It is immutable and has no state: what its
// methods read and write is the transaction's.
//
// T must survive json.Marshal and json.Unmarshal unchanged. Records are values: a slice or map inside
// one that came from a table, or was given to it, must not be modified.
type Table[T any] struct {
	schema Schema
	key    func(*T) string
	fields []Field[T]
}

// Define declares a table. It panics on a mistake in the declaration, so call it where package
// variables are initialised.
func Define[T any](name string, key func(*T) string, fields []Field[T], indexes ...Index) *Table[T] {
	t := &Table[T]{schema: Schema{Name: name, Version: 1, Indexes: indexes}, key: key, fields: fields}
	for _, f := range fields {
		t.schema.Columns = append(t.schema.Columns, Column{f.Name, f.Kind})
	}
	t.schema.codec = sync.OnceValue(pack.For[T]) // of most tables, nobody asks for it
	reading := func(read func(key string, b []byte, into any) error) func(string, []byte) (Row, error) {
		return func(key string, b []byte) (Row, error) {
			var rec T
			if err := read(key, b, &rec); err != nil {
				return Row{}, fmt.Errorf("store: table %q: %w", name, err)
			}
			row := t.row(&rec)
			if row.Key != key {
				return Row{}, fmt.Errorf("store: table %q: the record is of %q", name, row.Key)
			}
			return row, nil
		}
	}
	t.schema.unpack = reading(func(key string, b []byte, into any) error { return t.schema.codec().Unpack(key, b, into) })
	t.schema.decode = reading(func(_ string, b []byte, into any) error { return fastjson.Unmarshal(b, into) })
	t.schema.parse = func(b []byte) (Row, error) {
		var rec T
		if err := json.Unmarshal(b, &rec); err != nil {
			return Row{}, fault.Invalid(name, "is no record of the table: %v", err)
		}
		row := t.row(&rec)
		return row, t.check(&row)
	}
	t.schema.apply = func(diff []byte, from Row) (Row, error) {
		return reading(func(key string, b []byte, into any) error {
			*into.(*T) = from.Record.(T)
			return t.schema.codec().Apply(key, b, into)
		})(from.Key, diff)
	}
	for _, x := range indexes {
		if _, at := t.schema.Find(x.Name); slices.Contains(at, -1) || len(at) == 0 {
			panic(fmt.Sprintf("store: index %q of table %q names no column of it", x.Name, name))
		}
	}
	return t
}

// Packed lets the table's records be kept in fewer bytes than JSON, and returns the table. It is for what nobody but
// the program reads in the database. It is called where the table is declared.
func (t *Table[T]) Packed() *Table[T] {
	t.schema.Packed, t.schema.Version = true, 3
	t.schema.decode = t.schema.unpack
	return t
}

// Version raises the version of a table whose [Schema.Shape] has changed, or whose records older programs can no longer read,
// and returns the table: those write nothing any more. It is called where the table is declared, after Packed; other tables
// have version 1 or, packed, 3.
func (t *Table[T]) Version(n int) *Table[T] {
	t.schema.Version = n
	return t
}

// Large says that the table's records are long, a kilobyte or so, and returns the table. It is called where the table is
// declared.
func (t *Table[T]) Large() *Table[T] {
	t.schema.Large = true
	return t
}

// Schema returns what a backend needs to know of the table.
func (t *Table[T]) Schema() *Schema { return &t.schema }

// Row returns a record as a backend sees it.
func (t *Table[T]) Row(rec T) Row { return t.row(&rec) }

func (t *Table[T]) row(rec *T) Row {
	r := Row{Key: t.key(rec), Record: *rec}
	if len(t.fields) > 0 {
		r.Values = make([]Value, len(t.fields))
		for i, f := range t.fields {
			r.Values[i] = f.Of(rec)
		}
	}
	return r
}

func (t *Table[T]) rows(recs []T) ([]Row, error) {
	rows := make([]Row, len(recs))
	for i := range recs {
		rows[i] = t.row(&recs[i])
		if err := t.check(&rows[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// check refuses a row that some backend could not keep.
func (t *Table[T]) check(r *Row) error {
	if err := Text(r.Key).check(t.schema.Name); err != nil {
		return err
	}
	for i, v := range r.Values {
		if err := v.check(t.fields[i].Name); err != nil {
			return err
		}
	}
	return nil
}

func records[T any](rows []Row) []T {
	if len(rows) == 0 {
		return nil
	}
	recs := make([]T, len(rows))
	for i, r := range rows {
		recs[i] = r.Record.(T)
	}
	return recs
}

// checkKeys refuses keys that not every backend can look for.
func (t *Table[T]) checkKeys(keys ...string) error {
	for _, key := range keys {
		if err := Text(key).checkText(t.schema.Name); err != nil {
			return err
		}
	}
	return nil
}

// checkQuery refuses texts that not every backend can look for.
func (t *Table[T]) checkQuery(q Query) error {
	for _, v := range q.Equal {
		if err := v.checkText(t.schema.Name); err != nil {
			return err
		}
	}
	return t.checkKeys(q.From.text, q.Until.text)
}

// Get returns the record with the given key and whether there is one.
func (t *Table[T]) Get(ctx context.Context, tx Tx, key string) (T, bool, error) {
	var none T
	if err := t.checkKeys(key); err != nil {
		return none, false, err
	}
	rows, err := tx.Get(ctx, &t.schema, key)
	if err != nil || len(rows) == 0 {
		return none, false, err
	}
	return rows[0].Record.(T), true, nil
}

// GetMany returns the records that exist, in the order of keys.
func (t *Table[T]) GetMany(ctx context.Context, tx Tx, keys ...string) ([]T, error) {
	if err := t.checkKeys(keys...); err != nil || len(keys) == 0 {
		return nil, err
	}
	rows, err := tx.Get(ctx, &t.schema, keys...)
	return records[T](rows), err
}

// List returns the records that q describes.
func (t *Table[T]) List(ctx context.Context, tx Tx, q Query) ([]T, error) {
	if err := t.checkQuery(q); err != nil {
		return nil, err
	}
	rows, err := tx.List(ctx, &t.schema, q)
	return records[T](rows), err
}

// Page returns the first q.Limit records behind the token that the page before it gave ("" for the
// first page), and the token of the next page, "" if there is none. Without a limit everything is one
// page. A token of another list is [fault.ErrInvalid].
func (t *Table[T]) Page(ctx context.Context, tx Tx, q Query, token string) ([]T, string, error) {
	if err := t.checkQuery(q); err != nil {
		return nil, "", err
	}
	_, at := t.schema.Find(q.Index)
	if token != "" {
		kinds := make([]Kind, len(at))
		for i, c := range at {
			kinds[i] = t.schema.Columns[c].Kind
		}
		after, err := parseToken(token, kinds)
		if err != nil {
			return nil, "", err
		}
		q.After = after
	}
	limit := q.Limit
	if limit > 0 {
		q.Limit++ // one more tells whether there is a next page
	}
	rows, err := tx.List(ctx, &t.schema, q)
	if err != nil || limit == 0 || len(rows) <= limit {
		return records[T](rows), "", err
	}
	rows = rows[:limit]
	return records[T](rows), rows[limit-1].Position(at).token(), nil
}

// Count returns how many records q describes; q.Limit does not matter.
func (t *Table[T]) Count(ctx context.Context, tx Tx, q Query) (int, error) {
	if err := t.checkQuery(q); err != nil {
		return 0, err
	}
	return tx.Count(ctx, &t.schema, q)
}

// At returns where a record stands in the order of an index, to go on behind it.
func (t *Table[T]) At(index string, rec T) *Position {
	_, at := t.schema.Find(index)
	p := t.row(&rec).Position(at)
	return &p
}

// Insert adds records; [fault.ErrExists] if one is there already.
func (t *Table[T]) Insert(ctx context.Context, tx Tx, recs ...T) error {
	rows, err := t.rows(recs)
	if err != nil || len(rows) == 0 {
		return err
	}
	return tx.Insert(ctx, &t.schema, rows...)
}

// Put adds records or replaces those with the same key.
func (t *Table[T]) Put(ctx context.Context, tx Tx, recs ...T) error {
	rows, err := t.rows(recs)
	if err != nil || len(rows) == 0 {
		return err
	}
	return tx.Put(ctx, &t.schema, rows...)
}

// Delete removes the records with the given keys.
func (t *Table[T]) Delete(ctx context.Context, tx Tx, keys ...string) error {
	if err := t.checkKeys(keys...); err != nil || len(keys) == 0 {
		return err
	}
	return tx.Delete(ctx, &t.schema, keys...)
}

// Keys names records for [Tx.Prefetch].
func (t *Table[T]) Keys(keys ...string) Read { return Read{Table: &t.schema, Keys: keys} }

// Rows names the records of a query for [Tx.Prefetch].
func (t *Table[T]) Rows(q Query) Read { return Read{Table: &t.schema, Query: &q} }

// Position returns where the row stands in the index whose columns are at the given places.
func (r Row) Position(at []int) Position {
	p := Position{Key: r.Key}
	for _, i := range at {
		p.Values = append(p.Values, r.Values[i])
	}
	return p
}

// Indexed tells whether the row is in the index whose columns are at the given places.
func (r Row) Indexed(at []int) bool {
	return !slices.ContainsFunc(at, func(i int) bool { return r.Values[i].Absent() })
}
