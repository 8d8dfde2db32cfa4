package httpapi

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
)

// maxBatchBody is how many bytes a batch of events may have.
const maxBatchBody = 8 << 20

// eventLines is a batch of events: a JSON array, or a line of JSON for each. What is no event is refused in its place.
type eventLines struct{ lines []eventLine }

type eventLine struct {
	event event.Event
	err   error
}

// readFrom reads the body of a request, a list of a form.
func (l *eventLines) readFrom(r *http.Request, of *form) error {
	body := bufio.NewReader(r.Body)
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // what is none is JSON
	var raw []json.RawMessage
	if media == "application/x-ndjson" || media == "application/jsonl" {
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, maxBatchBody)
		for lines.Scan() {
			if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
				raw = append(raw, slices.Clone(line))
			}
		}
		if err := lines.Err(); err != nil {
			return malformed(err)
		}
	} else {
		d := json.NewDecoder(body)
		if err := d.Decode(&raw); err != nil {
			return malformed(err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return fault.Invalid("body", "is more than one value")
		}
	}
	if len(raw) > guerdon.MaxBatch {
		return fault.Invalid("body", "has %d events, at most %d are allowed", len(raw), guerdon.MaxBatch)
	}
	l.lines = make([]eventLine, len(raw))
	for i, source := range raw {
		if err := json.Unmarshal(source, &l.lines[i].event); err != nil {
			l.lines[i].err = malformed(err)
		} else {
			l.lines[i].err = of.item.given(source)
		}
	}
	return nil
}

// A lineRow says what became of an event of a batch.
type lineRow struct {
	// Line counts from 1, empty lines left out.
	Line   int `json:"line"`
	Status int `json:"status"`
	// EventID is that of the event, also of one that came without.
	EventID string `json:"eventId,omitempty"`
	// Outcome is what followed, unless there is a problem.
	Outcome *guerdon.Outcome `json:"outcome,omitempty"`
	Code    string           `json:"code,omitempty"`
	Message string           `json:"message,omitempty"`
	Details []Detail         `json:"details,omitempty"`
}

type batchRows struct {
	Recorded int       `json:"recorded"`
	Refused  int       `json:"refused"`
	Items    []lineRow `json:"items"`
}

// recordLines records the events of a batch that can be recorded, in the order in which they happened.
func (c *call) recordLines(ctx context.Context, lines []eventLine) (rows batchRows) {
	rows.Items = make([]lineRow, len(lines))
	refuse := func(i int, err error) {
		p := c.op.problemOf(err)
		rows.Items[i] = lineRow{Line: i + 1, Status: p.Status, EventID: lines[i].event.ID, Code: p.Code, Message: p.Message, Details: p.Details}
		rows.Refused++
	}
	var places []int
	var events []event.Event
	for i := range lines {
		if err := lines[i].err; err != nil {
			refuse(i, err)
		} else {
			places, events = append(places, i), append(events, lines[i].event)
		}
	}
	outcomes, err := c.ws.RecordBatch(ctx, events, guerdon.SkipRefused)
	own := map[int]error{}
	if of, is := errors.AsType[*guerdon.BatchError](err); is {
		for _, r := range of.Refused {
			own[r.Index] = r.Err
		}
	}
	for k, i := range places {
		if k < len(outcomes) && outcomes[k].Seq > 0 {
			rows.Items[i] = lineRow{Line: i + 1, Status: http.StatusOK, EventID: outcomes[k].EventID, Outcome: &outcomes[k]}
			rows.Recorded++
		} else {
			refuse(i, cmp.Or(own[k], err))
		}
	}
	return rows
}

type (
	batched struct {
		Body eventLines `body:"json"`
	}
	journalAsked struct {
		// After is the number of the last entry that the caller has.
		After int64  `query:"after"`
		Limit *int64 `query:"limit"`
	}
	journalRows struct {
		Items []guerdon.Entry `json:"items"`
		// Next is what to ask with for what comes after these, also at the end.
		Next int64 `json:"next"`
	}
	historyAsked struct {
		paging

		ID       string `path:"id"`
		Type     string `query:"type"`
		EntityID string `query:"entityId"`
		// From and Until bound when it happened: from ≤ at < until.
		From  string `query:"from"`
		Until string `query:"until"`
	}
	explained struct {
		Body struct {
			EventID string `json:"eventId"`
			Kind    string `json:"kind"`
			ID      string `json:"id"`
		} `body:"json"`
	}
	dryRun struct {
		Body event.Event `body:"json"`
	}
	// happened is an event without what the path says, and what the engine sets.
	happened  event.Event
	retracted struct {
		EventID string             `path:"eventId"`
		Body    guerdon.Correction `body:"json"`
	}
	regraded struct {
		ID   string             `path:"id"`
		Body guerdon.Correction `body:"json"`
	}
	amended struct {
		EventID string `path:"eventId"`
		Body    struct {
			guerdon.Correction

			// Event is the event as it happened; its id is that of the path.
			Event happened `json:"event"`
		} `body:"json"`
	}
	eventAsked struct {
		EventID string `path:"eventId"`
	}
)

// moment reads a moment that a parameter may give.
func moment(field, text string) (at time.Time, err error) {
	if text == "" {
		return at, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err != nil {
		return at, fault.Invalid(field, "is no moment such as 2026-01-31T00:00:00Z")
	}
	return at, nil
}

// maxJournal is how many entries of the journal come at once, at most.
const maxJournal = 1000

func dashboardJournal(f *forms) []*operation {
	hide[happened](f, "id", "type", "entityTags", "fields", "cause")
	all := []*operation{
		declare("POST", "/events/batch", tenancy.ContentUpdate, "Record a batch of events: each line is answered", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *batched) (batchRows, error) {
			return c.recordLines(ctx, in.Body.lines), nil
		}).upTo(maxBatchBody).byItself(),
		declare("POST", "/dry-run", tenancy.ContentUpdate, "Tell what an event would do now, and keep nothing", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *dryRun) (guerdon.Outcome, error) {
			return c.ws.DryRun(ctx, in.Body)
		}).byItself(),
		declare("POST", "/explain", tenancy.AnalyticsRead, "Tell why an event did, or did not, move a document", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *explained) (guerdon.Explanation, error) {
			return c.ws.Explain(ctx, in.Body.EventID, in.Body.Kind, in.Body.ID)
		}),
		declare("GET", "/journal", tenancy.AnalyticsRead, "Follow the journal behind a number", codes(200, 400, 401), func(ctx context.Context, c *call, in *journalAsked) (rows journalRows, err error) {
			limit := int64(maxPage)
			if in.Limit != nil {
				limit = min(*in.Limit, maxJournal)
			}
			if limit < 1 || in.After < 0 {
				return rows, errors.Join(atLeast("limit", limit, 1), atLeast("after", in.After, 0))
			}
			entries, err := c.ws.Journal(ctx, in.After)
			if err != nil {
				return rows, err
			}
			rows = journalRows{entries[:min(len(entries), int(limit))], in.After}
			if n := len(rows.Items); n > 0 {
				rows.Next = rows.Items[n-1].Outcome.Seq
			}
			return rows, nil
		}),
		declare("POST", "/events/{eventId}/retract", tenancy.ContentUpdate, "Take an event back, as if it had never happened", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *retracted) (guerdon.Outcome, error) {
			return c.ws.Retract(ctx, in.EventID, in.Body)
		}),
		declare("POST", "/events/{eventId}/amend", tenancy.ContentUpdate, "Put an event right, as if it had been recorded so", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *amended) (guerdon.Outcome, error) {
			in.Body.Event.ID = in.EventID
			return c.ws.Amend(ctx, event.Event(in.Body.Event), in.Body.Correction)
		}),
		declare("POST", "/quizzes/{quizId}/regrade", tenancy.ContentUpdate, "Judge all answers to a quiz anew, by the version that is published", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *regraded) (guerdon.Regraded, error) {
			return c.ws.Regrade(ctx, in.ID, in.Body)
		}),
		declare("GET", "/events/{eventId}/corrections", tenancy.AnalyticsRead, "List what corrects an event", codes(200, 401, 404), func(ctx context.Context, c *call, in *eventAsked) (out list[guerdon.Entry], err error) {
			if _, err = c.ws.Entry(ctx, in.EventID); err == nil {
				out.Items, err = c.ws.Corrections(ctx, in.EventID)
			}
			return out, err
		}),
		declare("POST", "/events/{eventId}/explain", tenancy.AnalyticsRead, "Tell of every document that an event met what it did, and why", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *eventAsked) (out list[guerdon.Explanation], err error) {
			out.Items, err = c.ws.ExplainAll(ctx, in.EventID)
			return out, err
		}),
		declare("GET", "/users/{userId}/history", tenancy.AnalyticsRead, "List what happened to a user", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *historyAsked) (list[guerdon.Entry], error) {
			from, wrong := moment("from", in.From)
			until, worse := moment("until", in.Until)
			if err := errors.Join(wrong, worse); err != nil {
				return list[guerdon.Entry]{}, err
			}
			if _, err := there(ctx, c.ws, in.ID); err != nil {
				return list[guerdon.Entry]{}, err
			}
			found, next, err := c.ws.Entries(ctx, guerdon.EntryFilter{UserID: in.ID, Type: event.Type(in.Type), EntityID: in.EntityID, From: from, Until: until}, in.page())
			return list[guerdon.Entry]{found, next}, err
		}),
	}
	one := f.written(reflect.TypeFor[event.Event](), shape{omitted: []string{"id"}, hidden: []string{"entityTags", "fields", "cause"}})
	all[0].takes, all[0].lines, all[1].takes = listOf(one), true, one
	return all
}

// atLeast refuses a number that is too small.
func atLeast(field string, n, least int64) error {
	if n < least {
		return fault.Invalid(field, "is %d; it must be at least %d", n, least)
	}
	return nil
}
