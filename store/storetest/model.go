package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// Model makes the same random calls on every store and on a naive one, and tells where an answer
// differs. Each function returns a new, empty store, which is closed at the end; its name is what a
// difference is reported by.
func Model(t *testing.T, stores map[string]func(testing.TB) store.Store) {
	t.Helper()
	open := make(map[string]store.Store)
	for name, fn := range stores {
		open[name] = opened(t, fn)
	}
	names := slices.Sorted(maps.Keys(open))
	cases := 0
	rapid.Check(t, func(rt *rapid.T) {
		cases++ // the stores are shared: a workspace that nobody has used is as good as an empty store
		p := drawProgram(rt, fmt.Sprint("model-", cases))
		want := p.play(t.Context(), newNaive())
		for _, name := range names {
			got := p.play(t.Context(), open[name])
			for i := range p {
				require.Equal(rt, want[i], got[i], "%s answers otherwise to the last of:\n%s", name, p[:i+1])
			}
		}
	})
}

// A program is transactions, run one after another.
type program []transaction

// A transaction is calls in a View, a rehearsal or an Update, and how it ends.
type transaction struct {
	kind  kind
	scope store.Scope
	calls []call
	end   ending
}

type kind string

const (
	viewing    kind = "View"
	rehearsing kind = "Rehearse"
	updating   kind = "Update"
)

type ending string

const (
	commits ending = "return nil"
	fails   ending = "return an error"
	panics  ending = "panic"
)

// A call is one method of a Tx with its arguments.
type call struct {
	scope store.Scope
	says  string
	make  func(context.Context, store.Tx) (answer, error)
}

// An answer is what a call returned.
type answer struct {
	Rows  []store.Row
	Count int
	Err   string
}

// An outcome is what a transaction returned.
type outcome struct {
	Answers []answer
	End     string
}

func (p program) String() string {
	var b strings.Builder
	for _, x := range p {
		fmt.Fprintf(&b, "%s %s\n", x.kind, x.scope)
		for _, c := range x.calls {
			fmt.Fprintf(&b, "\t%s: %s\n", c.scope, c.says)
		}
		fmt.Fprintf(&b, "\t%s\n", x.end)
	}
	return b.String()
}

// play runs the program on a store.
func (p program) play(ctx context.Context, s store.Store) []outcome {
	outcomes := make([]outcome, len(p))
	for i, x := range p {
		outcomes[i] = x.play(ctx, s)
	}
	return outcomes
}

func (x transaction) play(ctx context.Context, s store.Store) (o outcome) {
	defer func() {
		if why := recover(); why != nil {
			o.End = fmt.Sprint("panic: ", why)
		}
	}()
	run := s.Update
	switch x.kind {
	case viewing:
		run = s.View
	case rehearsing:
		run = s.Rehearse
	case updating:
	}
	err := run(ctx, x.scope, func(tx store.Tx) error {
		o.Answers = nil // this may be another try
		for _, c := range x.calls {
			a, err := c.make(ctx, tx.In(c.scope))
			a.Err = refusal(err)
			o.Answers = append(o.Answers, a)
		}
		switch x.end {
		case fails:
			return errStop
		case panics:
			panic(x.end)
		default:
			return nil
		}
	})
	o.End = refusal(err)
	return o
}

// refusal says which error it is, as far as every store must agree on it.
func refusal(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, fault.ErrExists):
		return "exists"
	case errors.Is(err, store.ErrReadOnly):
		return "read only"
	default:
		return err.Error()
	}
}

// What the programs are about: few enough rows and values that calls meet.
var (
	modelTables = []modelTable{
		{items.Schema(), drawItem},
		{counters.Schema(), func(rt *rapid.T) any { return counter{drawText(rt), drawNumber(rt)} }},
		{notes.Schema(), func(rt *rapid.T) any { return note{drawText(rt), drawText(rt)} }},
	}
	modelTexts   = []string{"", "a", "A", "a!", "a/b", "a/c", "aa", "b", "b:a", "é", "中", "😀", "\U0010ffff"}
	modelNumbers = []int64{math.MinInt64, -1, 0, 1, 2, math.MaxInt64}
)

type modelTable struct {
	schema *store.Schema
	record func(*rapid.T) any
}

// row draws a row of the table.
func (m modelTable) row(rt *rapid.T) store.Row {
	record, err := m.schema.JSON(store.Row{Record: m.record(rt)})
	require.NoError(rt, err)
	row, err := m.schema.ParseJSON(record)
	require.NoError(rt, err)
	return row
}

func drawText(rt *rapid.T) string  { return rapid.SampledFrom(modelTexts).Draw(rt, "text") }
func drawNumber(rt *rapid.T) int64 { return rapid.SampledFrom(modelNumbers).Draw(rt, "number") }

// chance is true about once in n.
func chance(rt *rapid.T, n int) bool { return rapid.IntRange(1, n).Draw(rt, "chance") == n }

func drawItem(rt *rapid.T) any {
	x := thing(drawText(rt)).note(drawText(rt))
	if !chance(rt, 4) {
		x = x.owner(drawText(rt))
	}
	if !chance(rt, 4) {
		x = x.score(drawNumber(rt))
	}
	if chance(rt, 3) {
		x = x.code(drawText(rt))
	}
	if chance(rt, 3) {
		x = x.slot(drawNumber(rt))
	}
	return x
}

func drawProgram(rt *rapid.T, account string) program {
	scopes := []store.Scope{{Account: account, Workspace: "a"}, {Account: account, Workspace: "b"}, {Account: account}}
	p := make(program, rapid.IntRange(1, 6).Draw(rt, "transactions"), 8)
	var known []call
	for i := range p {
		p[i] = transaction{
			kind:  rapid.SampledFrom([]kind{updating, updating, updating, viewing, rehearsing}).Draw(rt, "kind"),
			scope: rapid.SampledFrom(scopes).Draw(rt, "scope"),
			end:   rapid.SampledFrom([]ending{commits, commits, commits, fails, panics}).Draw(rt, "end"),
		}
		for range rapid.IntRange(1, 8).Draw(rt, "calls") {
			c := drawCall(rt)
			if len(known) > 0 && chance(rt, 2) { // what a store may remember
				c = rapid.SampledFrom(known).Draw(rt, "again")
			}
			known = append(known, c)
			c.scope = p[i].scope
			if chance(rt, 4) {
				c.scope = rapid.SampledFrom(scopes).Draw(rt, "scope")
			}
			p[i].calls = append(p[i].calls, c)
		}
	}
	return append(p, everything(scopes))
}

// everything is the transaction that reads all that is left, in every order.
func everything(scopes []store.Scope) transaction {
	x := transaction{kind: viewing, scope: scopes[0], end: commits}
	for _, scope := range scopes {
		for _, m := range modelTables {
			for _, index := range append(m.schema.Indexes, store.Index{}) {
				c := listing(m.schema, store.By(index.Name))
				c.scope = scope
				x.calls = append(x.calls, c)
			}
		}
	}
	return x
}

func drawCall(rt *rapid.T) call {
	m := rapid.SampledFrom(modelTables).Draw(rt, "table")
	switch rapid.SampledFrom([]string{"get", "list", "count", "insert", "insert", "put", "put", "delete", "prefetch"}).Draw(rt, "call") {
	case "get":
		keys := rapid.SliceOfN(rapid.SampledFrom(modelTexts), 0, 4).Draw(rt, "keys")
		return call{says: fmt.Sprintf("Get %s %q", m.schema.Name, keys), make: func(ctx context.Context, tx store.Tx) (answer, error) {
			return answered(tx.Get(ctx, m.schema, keys...))
		}}
	case "list":
		return listing(m.schema, drawQuery(rt, m.schema))
	case "count":
		q := drawQuery(rt, m.schema)
		return call{says: fmt.Sprintf("Count %s %s", m.schema.Name, describe(q)), make: func(ctx context.Context, tx store.Tx) (answer, error) {
			n, err := tx.Count(ctx, m.schema, q)
			return answer{Count: n}, err
		}}
	case "insert":
		return writing("Insert", m.schema, drawRows(rt, m), store.Tx.Insert)
	case "put":
		return writing("Put", m.schema, drawRows(rt, m), store.Tx.Put)
	case "delete":
		keys := rapid.SliceOfN(rapid.SampledFrom(modelTexts), 0, 3).Draw(rt, "keys")
		return call{says: fmt.Sprintf("Delete %s %q", m.schema.Name, keys), make: func(ctx context.Context, tx store.Tx) (answer, error) {
			return answer{}, tx.Delete(ctx, m.schema, keys...)
		}}
	default:
		q := drawQuery(rt, m.schema)
		keys := rapid.SliceOfN(rapid.SampledFrom(modelTexts), 0, 4).Draw(rt, "keys")
		reads := []store.Read{{Table: m.schema, Keys: keys}, {Table: m.schema, Query: &q}}
		return call{says: fmt.Sprintf("Prefetch %s %q, %s", m.schema.Name, keys, describe(q)), make: func(ctx context.Context, tx store.Tx) (answer, error) {
			return answer{}, tx.Prefetch(ctx, reads...)
		}}
	}
}

func listing(s *store.Schema, q store.Query) call {
	return call{says: fmt.Sprintf("List %s %s", s.Name, describe(q)), make: func(ctx context.Context, tx store.Tx) (answer, error) {
		return answered(tx.List(ctx, s, q))
	}}
}

func writing(name string, s *store.Schema, rows []store.Row, write func(store.Tx, context.Context, *store.Schema, ...store.Row) error) call {
	records := make([]string, len(rows))
	for i, row := range rows {
		record, _ := s.Encode(row)
		records[i] = string(record)
	}
	return call{says: fmt.Sprintf("%s %s %s", name, s.Name, strings.Join(records, ", ")), make: func(ctx context.Context, tx store.Tx) (answer, error) {
		return answer{}, write(tx, ctx, s, rows...)
	}}
}

// answered makes an answer of rows: whether what is empty is nil does not matter.
func answered(rows []store.Row, err error) (answer, error) {
	if len(rows) == 0 {
		rows = nil
	}
	for i, row := range rows {
		if len(row.Values) == 0 {
			rows = slices.Clone(rows)
			rows[i].Values = nil
		}
	}
	return answer{Rows: rows}, err
}

func drawRows(rt *rapid.T, m modelTable) []store.Row {
	rows := make([]store.Row, rapid.IntRange(1, 4).Draw(rt, "rows"))
	for i := range rows {
		rows[i] = m.row(rt)
	}
	return rows
}

func drawQuery(rt *rapid.T, s *store.Schema) store.Query {
	index := rapid.SampledFrom(append(slices.Clone(s.Indexes), store.Index{})).Draw(rt, "index").Name
	var values []store.Value // of the index's columns
	bounded := []store.Kind{}
	for _, at := range columns(s, index) {
		values = append(values, drawValue(rt, s.Columns[at].Kind))
		bounded = append(bounded, s.Columns[at].Kind)
	}
	bounded = append(bounded, store.KindText) // of the key
	fixed := rapid.IntRange(0, len(values)).Draw(rt, "fixed")
	q := store.By(index, values[:fixed:fixed]...)
	if chance(rt, 3) {
		q.From = drawValue(rt, bounded[fixed])
	}
	if chance(rt, 3) {
		q.Until = drawValue(rt, bounded[fixed])
	}
	if chance(rt, 3) {
		q.After = &store.Position{Key: drawText(rt)}
		for i, v := range values {
			if i >= fixed || chance(rt, 3) {
				v = drawValue(rt, v.Kind())
			}
			q.After.Values = append(q.After.Values, v)
		}
	}
	q.Descending = rapid.Bool().Draw(rt, "descending")
	q.Limit = rapid.IntRange(0, 4).Draw(rt, "limit")
	return q
}

func drawValue(rt *rapid.T, k store.Kind) store.Value {
	if k == store.KindText {
		return store.Text(drawText(rt))
	}
	return store.Int(drawNumber(rt))
}

// describe returns a query for a person to read.
func describe(q store.Query) string {
	s := fmt.Sprintf("by %q %v from %v until %v limit %d", q.Index, q.Equal, q.From, q.Until, q.Limit)
	if q.Descending {
		s += " descending"
	}
	if q.After != nil {
		s += fmt.Sprintf(" after %v %q", q.After.Values, q.After.Key)
	}
	return s
}
