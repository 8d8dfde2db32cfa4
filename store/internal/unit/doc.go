// Package unit is what the SQL backends share: a unit of work that gives store.Tx to the callers of
// one database transaction, and a group in which many callers share one commit, and what they read.
//
// A unit keeps what it has read, unless that is much and nothing is going to be committed, and gathers what is
// written. Reads never send writes ahead: pending rows are merged into every answer in Go, which is right
// because all backends order texts by their bytes. When the transaction ends each changed row is written once, all of them in one step.
package unit

import (
	"context"

	"github.com/guerdonhq/guerdon/store"
)

// A Session is one database transaction. It is used by one goroutine at a time. What it answers does
// not change while it lasts: it holds the locks, or the snapshot, that this takes.
type Session interface {
	// Read answers the asks in their order, in one round trip if the database can. After an error
	// the session can only be rolled back.
	Read(ctx context.Context, asks []Ask) ([]Answer, error)
	// Commit makes the changes in their order and ends the transaction. After an error the session
	// can only be rolled back. The error matches [fault.ErrUnknown] if the changes may have been made.
	Commit(ctx context.Context, changes []Change) error
	// Rollback ends a transaction that was not committed. Nothing of it remains.
	Rollback(ctx context.Context)
	// Statements returns how many statements the session has sent so far.
	Statements() int
}

// An Ask asks for rows of a table: those that Query describes, or how many those are if Count is
// set; those that have one of Entries in Index, which is unique; or else those with Keys.
type Ask struct {
	Scope   store.Scope
	Table   *store.Schema
	Keys    []string
	Index   string
	Entries [][]store.Value
	Query   *store.Query
	Count   bool
}

// An Answer has the rows, in the order of the query if there is one, and the error of the first that cannot be read; or the
// number of rows.
type Answer struct {
	Rows    []store.Row
	Count   int
	Damaged *store.DamagedError
}

// Add adds the row of a record that a database has kept under a key.
func (a *Answer) Add(of *store.Schema, key, record []byte) {
	row, err := of.Decode(string(key), record)
	switch {
	case err == nil:
		a.Rows = append(a.Rows, row)
	case a.Damaged == nil:
		a.Damaged = &store.DamagedError{Table: of.Name, Key: string(key), Err: err}
	}
}

// A Survey is the rows of a table in all scopes.
type Survey struct {
	Found   []store.Surveyed
	Damaged error // of the first row that cannot be read
}

// Add adds a row of the scope of a name.
func (s *Survey) Add(of *store.Schema, scope, key, record []byte) {
	var a Answer
	a.Add(of, key, record)
	for _, row := range a.Rows {
		s.Found = append(s.Found, store.Surveyed{Scope: store.ParseScope(string(scope)), Row: row})
	}
	if a.Damaged != nil && s.Damaged == nil {
		s.Damaged = a.Damaged
	}
}

// A Change is what is to be written to a table, in the order of the fields.
type Change struct {
	Scope store.Scope
	Table *store.Schema
	// Delete has the keys of rows to be removed, if they are there.
	Delete []string
	// Put has rows to be added, or to replace those of the same key.
	Put []Record
	// Record has rows that are there and whose columns stay as they are.
	Record []Record
}

// A Record is a row whose record has been encoded.
type Record struct {
	Key    string
	Values []store.Value
	Bytes  []byte // what the schema makes of the record
}
