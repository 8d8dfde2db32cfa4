// Package guerdonotel tells OpenTelemetry what a guerdon engine does:
//
//	observer, err := guerdonotel.Observer(meterProvider, tracerProvider, nil)
//	…
//	eng, err := guerdon.New(ctx, st, &guerdon.Options{Observe: observer})
//
// It is a module of its own, so that nobody's build has OpenTelemetry who does not use it, and needs no more than its API: which
// SDK and exporter there is, is the host's choice.
//
// # Metrics
//
// Their names, units and attributes follow the semantic conventions of OpenTelemetry.
//
//	guerdon.record.duration           s            histogram  a transaction that added to the journal: guerdon.event.type, if it is one
//	guerdon.record.wait_time          s            histogram  what of it was waiting for its turn
//	guerdon.record.commit_time        s            histogram  what of it was the commit, with others that share it
//	guerdon.record.retries            {retry}      counter    how often one was run again after a conflict
//	guerdon.event.recorded            {event}      counter    entries of the journal: guerdon.event.type, guerdon.event.late
//	guerdon.event.repeated            {event}      counter    events that the journal had already
//	guerdon.event.caused              {event}      counter    events that followed
//	guerdon.event.changes             {change}     counter    what changed: progress, transactions, streaks, scores, learning
//	guerdon.store.trips               {trip}       counter    trips to the database to read for what was recorded
//	guerdon.store.statements          {statement}  counter    statements: guerdon.store.phase is "run" or "commit"
//	guerdon.store.rows                {row}        counter    rows for what was recorded: guerdon.store.direction is "read" or "write"
//	guerdon.commit.callers            {caller}     histogram  how many transactions shared a commit
//	guerdon.consumer.lag              {entry}      gauge      entries that a consumer of the journal has not taken: guerdon.consumer.
//	                                                          Of all workspaces, that of the one that is furthest behind
//	guerdon.ranking.rebuild.duration  s            histogram  a ranking that was read into memory
//	guerdon.document.published        {document}   counter    versions that came in force: guerdon.document.kind
//	guerdon.problem.reported          {problem}    counter    what could not be done though its event stands: guerdon.document.kind
//	guerdon.background.errors         {error}      counter    errors that no call returns: guerdon.background.task, error.type
//
// The account and the workspace are no attributes of metrics, because a service may have many, unless [Options] says so.
//
// # Spans
//
// guerdon.record and guerdon.ranking.rebuild are children of the span of the call's context. They begin and end when the engine says so, and
// have guerdon.account and guerdon.workspace as attributes. The spans of the statements are the database driver's.
package guerdonotel

import (
	"context"
	"errors"
	"strings"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// scopeName is that of the instruments and of the tracer.
const scopeName = "github.com/guerdonhq/guerdon/otel"

// The attributes.
const (
	attrAccount      = attribute.Key("guerdon.account")
	attrWorkspace    = attribute.Key("guerdon.workspace")
	attrEventType    = attribute.Key("guerdon.event.type")
	attrEventLate    = attribute.Key("guerdon.event.late")
	attrEventSeq     = attribute.Key("guerdon.event.seq")
	attrEntries      = attribute.Key("guerdon.record.entries")
	attrRepeated     = attribute.Key("guerdon.record.repeated")
	attrRetries      = attribute.Key("guerdon.record.retries")
	attrPhase        = attribute.Key("guerdon.store.phase")
	attrDirection    = attribute.Key("guerdon.store.direction")
	attrTrips        = attribute.Key("guerdon.store.trips")
	attrStatements   = attribute.Key("guerdon.store.statements")
	attrRowsRead     = attribute.Key("guerdon.store.rows_read")
	attrRowsWritten  = attribute.Key("guerdon.store.rows_written")
	attrCallers      = attribute.Key("guerdon.commit.callers")
	attrConsumer     = attribute.Key("guerdon.consumer")
	attrBoard        = attribute.Key("guerdon.board")
	attrPeriod       = attribute.Key("guerdon.period")
	attrScores       = attribute.Key("guerdon.ranking.scores")
	attrDocumentKind = attribute.Key("guerdon.document.kind")
	attrTask         = attribute.Key("guerdon.background.task")
	attrErrorType    = attribute.Key("error.type")
)

// Options are what an observer may be told; the zero value is right where there are many workspaces.
type Options struct {
	// Workspace gives each metric the attributes guerdon.account and guerdon.workspace. There is then a time series for each
	// workspace, and for each value of the other attributes.
	Workspace bool
}

// Observer returns what tells the providers of meters and tracers what an engine does; one that is nil means the global one. It
// may be given to several engines, of which the metrics are the sums. It returns an error if the meter provider refuses an instrument.
func Observer(meters metric.MeterProvider, tracers trace.TracerProvider, opts *Options) (guerdon.Observer, error) {
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	o := &observer{tracer: tracers.Tracer(scopeName), lags: map[behind]int64{}}
	if opts != nil {
		o.workspace = opts.Workspace
	}
	if err := o.make(meters.Meter(scopeName)); err != nil {
		return guerdon.Observer{}, err
	}
	return guerdon.Observer{
		Recorded: o.recorded, Committed: o.committed, Lag: o.lag, Rebuilt: o.rebuilt, Published: o.published,
		Problem: o.problem, Failed: o.failed,
	}, nil
}

type observer struct {
	tracer    trace.Tracer
	workspace bool

	duration, waited, committing, rebuild                  metric.Float64Histogram
	callers                                                metric.Int64Histogram
	retries, events, repeated, caused, changes             metric.Int64Counter
	trips, statements, rows, documents, problems, mistaken metric.Int64Counter

	mu   sync.Mutex
	lags map[behind]int64 // entries
}

// behind is a consumer of a workspace's journal.
type behind struct {
	scope    store.Scope
	consumer string
}

// seconds are the bounds of the buckets of durations: from an event in memory to one that waits for many.
func seconds() metric.HistogramOption {
	return metric.WithExplicitBucketBoundaries(.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)
}

// make makes the instruments.
func (o *observer) make(m metric.Meter) error {
	var faults []error
	for _, h := range []struct {
		into              *metric.Float64Histogram
		name, description string
	}{
		{&o.duration, "guerdon.record.duration", "Duration of transactions that added to the journal."},
		{&o.waited, "guerdon.record.wait_time", "How long these waited for their turn."},
		{&o.committing, "guerdon.record.commit_time", "How long these took to be committed, with others that share the commit."},
		{&o.rebuild, "guerdon.ranking.rebuild.duration", "Duration of reading a ranking into memory."},
	} {
		var err error
		*h.into, err = m.Float64Histogram(h.name, metric.WithUnit("s"), metric.WithDescription(h.description), seconds())
		faults = append(faults, err)
	}
	for _, c := range []struct {
		into                    *metric.Int64Counter
		name, unit, description string
	}{
		{&o.retries, "guerdon.record.retries", "{retry}", "How often a transaction was run again after a conflict."},
		{&o.events, "guerdon.event.recorded", "{event}", "Entries that were added to the journal."},
		{&o.repeated, "guerdon.event.repeated", "{event}", "Events that the journal had already."},
		{&o.caused, "guerdon.event.caused", "{event}", "Events that followed from those that were recorded."},
		{&o.changes, "guerdon.event.changes", "{change}", "What changed because of what was recorded."},
		{&o.trips, "guerdon.store.trips", "{trip}", "Trips to the database to read for what was recorded."},
		{&o.statements, "guerdon.store.statements", "{statement}", "Statements for what was recorded and committed."},
		{&o.rows, "guerdon.store.rows", "{row}", "Rows that were read and written for what was recorded."},
		{&o.documents, "guerdon.document.published", "{document}", "Versions of documents that came in force."},
		{&o.problems, "guerdon.problem.reported", "{problem}", "What could not be done although its event stands."},
		{&o.mistaken, "guerdon.background.errors", "{error}", "Errors of the background, which no call returns."},
	} {
		var err error
		*c.into, err = m.Int64Counter(c.name, metric.WithUnit(c.unit), metric.WithDescription(c.description))
		faults = append(faults, err)
	}
	var err error
	o.callers, err = m.Int64Histogram("guerdon.commit.callers", metric.WithUnit("{caller}"),
		metric.WithDescription("How many transactions shared a commit."),
		metric.WithExplicitBucketBoundaries(1, 2, 4, 8, 16, 32, 64, 128, 256))
	faults = append(faults, err)
	_, err = m.Int64ObservableGauge("guerdon.consumer.lag", metric.WithUnit("{entry}"),
		metric.WithDescription("Entries of the journal that a consumer has not taken yet."), metric.WithInt64Callback(o.observeLags))
	return errors.Join(append(faults, err)...)
}

// with returns the attributes of a metric of a workspace.
func (o *observer) with(s store.Scope, attrs ...attribute.KeyValue) metric.MeasurementOption {
	if o.workspace {
		attrs = append(attrs, scoped(s)...)
	}
	return metric.WithAttributeSet(attribute.NewSet(attrs...))
}

func scoped(s store.Scope) []attribute.KeyValue {
	return []attribute.KeyValue{attrAccount.String(s.Account), attrWorkspace.String(s.Workspace)}
}

func (o *observer) recorded(ctx context.Context, r guerdon.Recorded) {
	plain := o.with(r.Scope)
	var about []attribute.KeyValue
	if t := typeOf(r.Entries); t != "" {
		about = append(about, attrEventType.String(string(t)))
	}
	whole := o.with(r.Scope, about...)
	o.duration.Record(ctx, r.Duration.Seconds(), whole)
	o.waited.Record(ctx, r.Waited.Seconds(), whole)
	o.committing.Record(ctx, r.Committing.Seconds(), whole)
	o.retries.Add(ctx, int64(r.Retries), plain)
	o.repeated.Add(ctx, int64(r.Repeated), plain)
	o.trips.Add(ctx, int64(r.Cost.Trips), plain)
	o.statements.Add(ctx, int64(r.Cost.Statements), o.with(r.Scope, attrPhase.String("run")))
	o.rows.Add(ctx, int64(r.Cost.RowsRead), o.with(r.Scope, attrDirection.String("read")))
	o.rows.Add(ctx, int64(r.Cost.RowsWritten), o.with(r.Scope, attrDirection.String("write")))
	caused, changes := 0, 0
	counts := map[kind]int64{}
	for _, e := range r.Entries {
		counts[kind{e.Type, e.Late}]++
		caused += e.Caused
		changes += e.Changes
	}
	for k, n := range counts {
		o.events.Add(ctx, n, o.with(r.Scope, attrEventType.String(string(k.event)), attrEventLate.Bool(k.late)))
	}
	o.caused.Add(ctx, int64(caused), plain)
	o.changes.Add(ctx, int64(changes), plain)
	o.spanOf(ctx, &r, about)
}

// kind is what is counted of events.
type kind struct {
	event event.Type
	late  bool
}

// typeOf returns the type of all entries, "" if there is none or several.
func typeOf(entries []guerdon.RecordedEntry) (t event.Type) {
	for i := range entries {
		if t = entries[i].Type; t != entries[0].Type {
			return ""
		}
	}
	return t
}

// spanOf makes the span of what was recorded.
func (o *observer) spanOf(ctx context.Context, r *guerdon.Recorded, about []attribute.KeyValue) {
	_, span := o.tracer.Start(ctx, "guerdon.record", trace.WithTimestamp(r.Start), trace.WithAttributes(scoped(r.Scope)...))
	end := r.Start.Add(r.Duration)
	if span.IsRecording() {
		span.SetAttributes(about...)
		span.SetAttributes(
			attrEntries.Int(len(r.Entries)), attrRepeated.Int(r.Repeated), attrRetries.Int(r.Retries), attrTrips.Int(r.Cost.Trips),
			attrStatements.Int(r.Cost.Statements), attrRowsRead.Int(r.Cost.RowsRead), attrRowsWritten.Int(r.Cost.RowsWritten),
			attrCallers.Int(r.Cost.Commit.Callers),
		)
		if len(r.Entries) == 1 {
			span.SetAttributes(attrEventSeq.Int64(r.Entries[0].Seq), attrEventLate.Bool(r.Entries[0].Late))
		}
		span.AddEvent("guerdon.run", trace.WithTimestamp(r.Start.Add(r.Waited)))
		span.AddEvent("guerdon.commit", trace.WithTimestamp(end.Add(-r.Committing)))
	}
	span.End(trace.WithTimestamp(end))
}

func (o *observer) committed(ctx context.Context, c guerdon.Committed) {
	o.callers.Record(ctx, int64(c.Commit.Callers), o.with(c.Scope))
	o.statements.Add(ctx, int64(c.Commit.Statements), o.with(c.Scope, attrPhase.String("commit")))
}

func (o *observer) lag(_ context.Context, l guerdon.ConsumerLag) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if of := (behind{l.Scope, l.Consumer}); l.Entries > 0 || o.workspace {
		o.lags[of] = l.Entries
	} else {
		delete(o.lags, of) // most are not behind
		o.lags[behind{consumer: l.Consumer}] = 0
	}
}

// observeLags tells how far each consumer is behind: in each workspace, or else in the one in which it is furthest.
func (o *observer) observeLags(_ context.Context, to metric.Int64Observer) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	most := map[behind]int64{}
	for of, entries := range o.lags {
		if !o.workspace {
			of.scope = store.Scope{}
		}
		most[of] = max(most[of], entries)
	}
	for of, entries := range most {
		to.Observe(entries, o.with(of.scope, attrConsumer.String(of.consumer)))
	}
	return nil
}

func (o *observer) rebuilt(ctx context.Context, r guerdon.Rebuilt) {
	o.rebuild.Record(ctx, r.Duration.Seconds(), o.with(r.Scope))
	_, span := o.tracer.Start(ctx, "guerdon.ranking.rebuild", trace.WithTimestamp(r.Start), trace.WithAttributes(scoped(r.Scope)...),
		trace.WithAttributes(attrBoard.String(r.Board), attrPeriod.String(r.Period), attrScores.Int(r.Scores)))
	span.End(trace.WithTimestamp(r.Start.Add(r.Duration)))
}

func (o *observer) published(ctx context.Context, p guerdon.Published) {
	o.documents.Add(ctx, 1, o.with(p.Scope, attrDocumentKind.String(p.Kind)))
}

func (o *observer) problem(ctx context.Context, p guerdon.Problem) {
	sort, _, _ := strings.Cut(p.Source, "/") // the id may be one of very many
	o.problems.Add(ctx, 1, o.with(p.Scope, attrDocumentKind.String(sort)))
}

func (o *observer) failed(ctx context.Context, f guerdon.Failed) {
	o.mistaken.Add(ctx, 1, o.with(f.Scope, attrTask.String(f.During), attrErrorType.String(errorType(f.Err))))
}

// errorType returns the kind of an error as the conventions want it: one of few, and "_OTHER" for the rest.
func errorType(err error) string {
	for _, known := range []struct {
		err  error
		name string
	}{
		{fault.ErrFull, "full"},
		{fault.ErrLost, "lost"},
		{fault.ErrUnknown, "unknown"},
		{fault.ErrInvalid, "invalid"},
		{fault.ErrNotFound, "not_found"},
		{fault.ErrExists, "exists"},
		{fault.ErrForbidden, "forbidden"},
		{fault.ErrConflict, "conflict"},
		{context.DeadlineExceeded, "timeout"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	if store.Damaged(err) != nil {
		return "damaged"
	}
	return "_OTHER"
}
