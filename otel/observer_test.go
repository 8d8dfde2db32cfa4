package guerdonotel_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	guerdonotel "github.com/guerdonhq/guerdon/otel"
	"github.com/guerdonhq/guerdon/store"
)

// A host has what a host that uses OpenTelemetry has: here, a reader and a recorder that a test can ask.
type host struct {
	reader *sdkmetric.ManualReader
	spans  *tracetest.SpanRecorder
	meters *sdkmetric.MeterProvider
	traces *sdktrace.TracerProvider
}

func newHost() *host {
	h := &host{reader: sdkmetric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
	h.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(h.reader))
	h.traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(h.spans))
	return h
}

// lines returns all metrics, each value a line with its attributes.
func (h *host) lines(ctx context.Context) (lines []string, err error) {
	var all metricdata.ResourceMetrics
	if err := h.reader.Collect(ctx, &all); err != nil {
		return nil, err
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			add := func(attrs attribute.Set, value any) {
				var words []string
				for _, a := range attrs.ToSlice() {
					words = append(words, fmt.Sprintf("%s=%s", a.Key, a.Value.String()))
				}
				lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %v %s %s", m.Name, value, m.Unit, strings.Join(words, " "))))
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, p.Value)
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, fmt.Sprintf("%d×Σ%d", p.Count, p.Sum))
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, fmt.Sprintf("%d×Σ%.3f", p.Count, p.Sum))
				}
			default:
				return nil, fmt.Errorf("%s is a %T", m.Name, data)
			}
		}
	}
	slices.Sort(lines)
	return lines, nil
}

var (
	monday = time.Date(2025, time.September, 29, 9, 0, 0, 0, time.UTC)
	acme   = store.Scope{Account: "acme", Workspace: "default"}
	rival  = store.Scope{Account: "rival", Workspace: "default"}
)

// tell tells an observer of everything once.
func tell(ctx context.Context, o guerdon.Observer) {
	o.Recorded(ctx, guerdon.Recorded{
		Scope: acme, Start: monday, Duration: 9 * time.Millisecond, Waited: 2 * time.Millisecond, Committing: 3 * time.Millisecond, Retries: 1,
		Cost: store.Cost{Trips: 2, Statements: 30, RowsRead: 40, RowsWritten: 20, Commit: store.Commit{Callers: 3, Statements: 21, Rows: 60}},
		Entries: []guerdon.RecordedEntry{
			{Seq: 7, EventID: "a", Type: event.Activity, EntityID: "run", Late: true, Caused: 2, Changes: 5, Problems: 1},
		},
	})
	o.Recorded(ctx, guerdon.Recorded{
		Scope: rival, Start: monday, Duration: time.Millisecond, Repeated: 2,
		Entries: []guerdon.RecordedEntry{{Seq: 8, Type: event.Activity}, {Seq: 9, Type: event.Clock}},
	})
	o.Committed(ctx, guerdon.Committed{Scope: acme, Commit: store.Commit{Callers: 3, Statements: 21}})
	o.Lag(ctx, guerdon.ConsumerLag{Scope: acme, Consumer: "mails", Entries: 3})
	o.Lag(ctx, guerdon.ConsumerLag{Scope: rival, Consumer: "mails", Entries: 5})
	o.Rebuilt(ctx, guerdon.Rebuilt{Scope: acme, Board: "points", Period: "all", Scores: 10, Start: monday, Duration: 40 * time.Millisecond})
	o.Published(ctx, guerdon.Published{Scope: acme, Kind: "RewardRule", ID: "each", Version: 2})
	o.Problem(ctx, guerdon.Problem{Scope: acme, Problem: event.Problem{Source: "RewardRule/each"}, EventID: "a"})
	for _, err := range []error{
		errors.New("odd"), fmt.Errorf("content: %w", fault.ErrFull), fault.NotFound("a", "b"), &store.DamagedError{Table: "t", Err: errors.New("odd")},
		context.DeadlineExceeded,
	} {
		o.Failed(ctx, guerdon.Failed{Scope: acme, During: "media", Err: err})
	}
}

func TestObserver(t *testing.T) {
	t.Parallel()
	h := newHost()
	o, err := guerdonotel.Observer(h.meters, h.traces, nil)
	require.NoError(t, err)
	ctx, parent := h.traces.Tracer("host").Start(t.Context(), "POST /run")
	tell(ctx, o)
	parent.End()

	lines, err := h.lines(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{
		"guerdon.background.errors 1 {error} error.type=_OTHER guerdon.background.task=media",
		"guerdon.background.errors 1 {error} error.type=damaged guerdon.background.task=media",
		"guerdon.background.errors 1 {error} error.type=full guerdon.background.task=media",
		"guerdon.background.errors 1 {error} error.type=not_found guerdon.background.task=media",
		"guerdon.background.errors 1 {error} error.type=timeout guerdon.background.task=media",
		"guerdon.commit.callers 1×Σ3 {caller}",
		"guerdon.consumer.lag 5 {entry} guerdon.consumer=mails",
		"guerdon.document.published 1 {document} guerdon.document.kind=RewardRule",
		"guerdon.event.caused 2 {event}",
		"guerdon.event.changes 5 {change}",
		"guerdon.event.recorded 1 {event} guerdon.event.late=false guerdon.event.type=Activity",
		"guerdon.event.recorded 1 {event} guerdon.event.late=false guerdon.event.type=Clock",
		"guerdon.event.recorded 1 {event} guerdon.event.late=true guerdon.event.type=Activity",
		"guerdon.event.repeated 2 {event}",
		"guerdon.problem.reported 1 {problem} guerdon.document.kind=RewardRule",
		"guerdon.ranking.rebuild.duration 1×Σ0.040 s",
		"guerdon.record.commit_time 1×Σ0.000 s",
		"guerdon.record.commit_time 1×Σ0.003 s guerdon.event.type=Activity",
		"guerdon.record.duration 1×Σ0.001 s",
		"guerdon.record.duration 1×Σ0.009 s guerdon.event.type=Activity",
		"guerdon.record.retries 1 {retry}",
		"guerdon.record.wait_time 1×Σ0.000 s",
		"guerdon.record.wait_time 1×Σ0.002 s guerdon.event.type=Activity",
		"guerdon.store.rows 20 {row} guerdon.store.direction=write",
		"guerdon.store.rows 40 {row} guerdon.store.direction=read",
		"guerdon.store.statements 21 {statement} guerdon.store.phase=commit",
		"guerdon.store.statements 30 {statement} guerdon.store.phase=run",
		"guerdon.store.trips 2 {trip}",
	}, lines)

	spans := h.spans.Ended()
	require.Len(t, spans, 4)
	first := spans[0]
	require.Equal(t, "guerdon.record", first.Name())
	require.Equal(t, "github.com/guerdonhq/guerdon/otel", first.InstrumentationScope().Name)
	require.Equal(t, parent.SpanContext().SpanID(), first.Parent().SpanID())
	require.Equal(t, monday, first.StartTime())
	require.Equal(t, 9*time.Millisecond, first.EndTime().Sub(first.StartTime()))
	events := map[string]time.Duration{}
	for _, e := range first.Events() {
		events[e.Name] = e.Time.Sub(monday)
	}
	require.Equal(t, map[string]time.Duration{"guerdon.run": 2 * time.Millisecond, "guerdon.commit": 6 * time.Millisecond}, events)
	attrs := attribute.NewSet(first.Attributes()...)
	for key, want := range map[attribute.Key]string{
		"guerdon.account": "acme", "guerdon.workspace": "default", "guerdon.event.type": "Activity", "guerdon.event.seq": "7",
		"guerdon.event.late": "true", "guerdon.record.entries": "1", "guerdon.record.retries": "1", "guerdon.store.trips": "2",
		"guerdon.store.statements": "30", "guerdon.store.rows_read": "40", "guerdon.store.rows_written": "20", "guerdon.commit.callers": "3",
	} {
		got, ok := attrs.Value(key)
		require.True(t, ok, key)
		require.Equal(t, want, got.String(), key)
	}
	require.Equal(t, "guerdon.ranking.rebuild", spans[2].Name())
	require.Equal(t, 40*time.Millisecond, spans[2].EndTime().Sub(spans[2].StartTime()))
}

// The workspace is an attribute of every metric if that is wanted, and a consumer's lag is that of each.
func TestObserverOfWorkspaces(t *testing.T) {
	t.Parallel()
	h := newHost()
	o, err := guerdonotel.Observer(h.meters, h.traces, &guerdonotel.Options{Workspace: true})
	require.NoError(t, err)
	tell(t.Context(), o)
	lines, err := h.lines(t.Context())
	require.NoError(t, err)
	for _, line := range lines {
		require.Regexp(t, " guerdon.account=(acme|rival) .*guerdon.workspace=default", line)
	}
	require.Contains(t, lines, "guerdon.consumer.lag 3 {entry} guerdon.account=acme guerdon.consumer=mails guerdon.workspace=default")
	require.Contains(t, lines, "guerdon.consumer.lag 5 {entry} guerdon.account=rival guerdon.consumer=mails guerdon.workspace=default")
}

func TestLagIsThatOfTheWorkspaceFurthestBehind(t *testing.T) {
	t.Parallel()
	h := newHost()
	o, err := guerdonotel.Observer(h.meters, h.traces, nil)
	require.NoError(t, err)
	for _, tt := range []struct {
		of      store.Scope
		entries int64
		want    int64
	}{{acme, 0, 0}, {acme, 3, 3}, {rival, 5, 5}, {acme, 7, 7}, {acme, 0, 5}, {rival, 0, 0}} {
		o.Lag(t.Context(), guerdon.ConsumerLag{Scope: tt.of, Consumer: "mails", Entries: tt.entries})
		lines, err := h.lines(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{fmt.Sprintf("guerdon.consumer.lag %d {entry} guerdon.consumer=mails", tt.want)}, lines)
	}
}

// A refusing meter makes no counters.
type refusing struct{ noop.MeterProvider }

type refusingMeter struct{ noop.Meter }

var errRefused = errors.New("refused")

func (refusing) Meter(string, ...metric.MeterOption) metric.Meter { return refusingMeter{} }

func (refusingMeter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, cmp.Or(errRefused, errors.New(name))
}

func TestObserverThatIsRefused(t *testing.T) {
	t.Parallel()
	_, err := guerdonotel.Observer(refusing{}, nil, nil)
	require.ErrorIs(t, err, errRefused)
	o, err := guerdonotel.Observer(nil, nil, nil) // the global ones do nothing unless the host has set them
	require.NoError(t, err)
	tell(t.Context(), o)
}
