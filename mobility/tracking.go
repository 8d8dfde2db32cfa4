package mobility

import (
	"cmp"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/mechanic"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/timeframe"
)

// A Tracking is what a provider saw: that somebody moved, or stayed.
type Tracking struct {
	// ProviderID is the provider's own id of it. Together with the user and the provider it says which tracking this is.
	ProviderID string `json:"providerId"`
	UserID     string `json:"userId"`
	Provider   string `json:"provider"`
	Status     Status `json:"status"`
	// Type is how the user moved, empty for a stay.
	Type Mode `json:"type,omitempty"`
	// Length is that of a track in metres; 0 means that of the geometry, and is that of a stay.
	Length int64 `json:"length,omitempty"`
	// MisdetectedCompletely says that there was no such thing.
	MisdetectedCompletely bool `json:"misdetectedCompletely"`
	// Suspicious says that it is hardly true, so that it counts nothing. The provider may say so, the engine finds it out
	// ([Suspicion]), and a review has the last word ([Service.Review]).
	Suspicious bool `json:"suspicious"`
	// StartsAt and EndsAt are when it began and ended, each with the IANA name of the zone that it was in; an empty name means
	// that of the user then, and for the end that of the start.
	StartsAt         time.Time `json:"startsAt"`
	StartsAtTimezone string    `json:"startsAtTimezone"`
	EndsAt           time.Time `json:"endsAt"`
	EndsAtTimezone   string    `json:"endsAtTimezone"`
	// Geometry is where, as GeoJSON ([ParseGeometry]); it may be empty. It is in no event, and goes when the user is deleted.
	Geometry string `json:"geometry,omitempty"`
	// UpdatedAt is when the provider came to know this, if it says: what it knew before it knew what is known here is stale.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`

	// The engine sets what follows; what a host gives there is ignored.

	// ID is derived from all that says which tracking this is.
	ID string `json:"mobilityTrackingId"`
	// Date is the day on which it counts: that of the start, in its zone.
	Date timeframe.Day `json:"date"`
	// UserTimezone is the zone in which the user was taken to be: that of the start.
	UserTimezone string `json:"userTimezone"`
	// Suspicion is why it is suspicious, or would be if it had not been released; empty for nothing.
	Suspicion Suspicion `json:"suspicion,omitempty"`
	// ContradictsID is the tracking that it contradicts, if that is why.
	ContradictsID string `json:"contradictsMobilityTrackingId,omitempty"`
	// Review is what somebody has decided about it; nil for nothing.
	Review *Review `json:"review,omitempty"`
	// CO2Emitted and CO2Avoided are in kilograms, by the factors that were in force when it was told; 0 where there were none, and
	// of what counts nothing.
	CO2Emitted decimal.Decimal `json:"co2Emitted"`
	CO2Avoided decimal.Decimal `json:"co2Avoided"`
	// FactorsID and FactorsVersion are those factors; empty if there were none.
	FactorsID      string `json:"mobilityFactorsId,omitempty"`
	FactorsVersion int    `json:"mobilityFactorsVersion,omitempty"`
	// Revision counts from 1 how often it was told otherwise. EventID is the event of this one, whose entry in the journal says
	// what followed.
	Revision int    `json:"revision"`
	EventID  string `json:"eventId"`
}

// Bounds of a tracking.
const (
	// MaxTrackings is how many one call of [Service.Track] takes.
	MaxTrackings = 1000
	// MaxLength is the greatest length in metres: once around the earth, and more.
	MaxLength = 50_000_000
)

// Counts tells whether the tracking counts: a track that was not detected wrongly and is not suspicious.
func (t *Tracking) Counts() bool {
	return t.Status == Track && !t.MisdetectedCompletely && !t.Suspicious
}

// seconds returns how long it took, in whole seconds.
func (t *Tracking) seconds() int64 { return int64(t.EndsAt.Sub(t.StartsAt) / time.Second) }

// check returns every fault of what is told. The zones are looked for in zones.
func (t *Tracking) check(now time.Time, zones *timeframe.Zones) error {
	faults := []error{
		ident.Check("providerId", t.ProviderID), ident.Check("userId", t.UserID), ident.Check("provider", t.Provider), t.checkKind(), t.checkTimes(now),
		text.Optional(zoneIn(zones), "startsAtTimezone", t.StartsAtTimezone), text.Optional(zoneIn(zones), "endsAtTimezone", t.EndsAtTimezone),
	}
	if t.Length < 0 || t.Length > MaxLength {
		faults = append(faults, fault.Invalid("length", "is %d metres; it must be from 0 to %d", t.Length, MaxLength))
	}
	if t.Geometry != "" {
		g, err := ParseGeometry([]byte(t.Geometry))
		if err == nil && t.Length == 0 && g.Length() > MaxLength {
			err = fault.Invalid("geometry", "is longer than %d metres", MaxLength)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (t *Tracking) checkKind() error {
	switch t.Status {
	case Track:
		return t.Type.check("type")
	case Stay:
		if t.Type != "" {
			return fault.Invalid("type", "is for a track")
		}
		if t.Length != 0 {
			return fault.Invalid("length", "is for a track")
		}
		return nil
	}
	return fault.Invalid("status", "%.80q is none of track, stay", t.Status)
}

func (t *Tracking) checkTimes(now time.Time) error {
	switch {
	case t.StartsAt.IsZero():
		return fault.Invalid("startsAt", "is missing")
	case t.EndsAt.IsZero():
		return fault.Invalid("endsAt", "is missing")
	case t.StartsAt.Year() < 1900:
		return fault.Invalid("startsAt", "is before the year 1900")
	case t.EndsAt.Before(t.StartsAt):
		return fault.Invalid("endsAt", "is %s, before it starts", t.EndsAt.UTC().Format(time.RFC3339Nano))
	case t.EndsAt.After(now.Add(event.MaxFuture)):
		return fault.Invalid("endsAt", "is %s ahead of now, at most %s are allowed", t.EndsAt.Sub(now).Round(time.Second), event.MaxFuture)
	case !t.UpdatedAt.IsZero() && (t.UpdatedAt.Year() < 1900 || t.UpdatedAt.Year() > 9999):
		return fault.Invalid("updatedAt", "is outside the years 1900 to 9999")
	}
	return nil
}

func zoneIn(zones *timeframe.Zones) func(field, name string) error {
	return func(field, name string) error {
		_, err := zones.Load(name)
		return fault.In(field, err)
	}
}

// settle fills in what follows from a checked tracking, of a user who has a zone or none.
func (t *Tracking) settle(timezone string, zones *timeframe.Zones) error {
	t.StartsAtTimezone = cmp.Or(t.StartsAtTimezone, timezone, "UTC")
	t.EndsAtTimezone = cmp.Or(t.EndsAtTimezone, t.StartsAtTimezone)
	clock, err := zones.Load(t.StartsAtTimezone)
	if err != nil {
		return fault.In("startsAtTimezone", err)
	}
	for _, at := range []*time.Time{&t.StartsAt, &t.EndsAt, &t.UpdatedAt} {
		*at = at.UTC().Truncate(time.Microsecond)
	}
	t.ID, t.Date, t.UserTimezone = trackingID(t.UserID, t.Provider, t.ProviderID), timeframe.DayOf(t.StartsAt, clock), t.StartsAtTimezone
	if t.Status == Track && t.Length == 0 && t.Geometry != "" {
		g, err := ParseGeometry([]byte(t.Geometry))
		if err != nil {
			return err
		}
		t.Length = g.Length()
	}
	t.Suspicion, t.ContradictsID, t.Review = "", "", nil
	switch {
	case t.Suspicious:
		t.Suspicion = ByProvider
	case t.Status == Track && t.Type.tooFast(t.Length, t.seconds()):
		t.Suspicion = TooFast
	}
	t.CO2Emitted, t.CO2Avoided, t.FactorsID, t.FactorsVersion, t.Revision, t.EventID = decimal.Zero, decimal.Zero, "", 0, 0, ""
	return nil
}

// weigh computes the emissions by factors, nil for none.
func (t *Tracking) weigh(f *Factors) {
	t.CO2Emitted, t.CO2Avoided, t.FactorsID, t.FactorsVersion = decimal.Zero, decimal.Zero, "", 0
	if f == nil || !t.Counts() {
		return
	}
	emitted, avoided := f.balance(t.Type, t.Length)
	t.CO2Emitted, t.CO2Avoided, t.FactorsID, t.FactorsVersion = kilograms(emitted), kilograms(avoided), f.ID, f.Version
}

// revise numbers the tracking and its event. All ids of events end with a number, so that those of two trackings are in one
// order whatever their numbers are.
func (t *Tracking) revise(revision int) {
	t.Revision, t.EventID = revision, t.ID+":"+strconv.Itoa(revision)
}

func trackingID(userID, provider, providerID string) string {
	return strings.Join([]string{userID, provider, providerID}, ":")
}

// alike tells whether two settled trackings were told the same.
func (t *Tracking) alike(o *Tracking) bool {
	return t.Status == o.Status && t.Type == o.Type && t.Length == o.Length && t.MisdetectedCompletely == o.MisdetectedCompletely &&
		t.bySelf() == o.bySelf() && t.StartsAt.Equal(o.StartsAt) && t.StartsAtTimezone == o.StartsAtTimezone && t.EndsAt.Equal(o.EndsAt) &&
		t.EndsAtTimezone == o.EndsAtTimezone && t.Geometry == o.Geometry
}

// told returns the event of the tracking, which says all of it but the geometry.
func (t *Tracking) told() event.Event {
	fields := map[string]any{
		"mobilityTrackingId": t.ID, "provider": t.Provider, "date": t.Date.String(), "userTimezone": t.UserTimezone,
		"status": string(t.Status), "length": float64(t.Length), "minutes": amount.JSON(decimal.NewFromInt(t.seconds() / 60)),
		"co2Emitted": amount.JSON(t.CO2Emitted), "co2Avoided": amount.JSON(t.CO2Avoided),
		"startsAt": stamp(t.StartsAt), "startsAtTimezone": t.StartsAtTimezone, "endsAt": stamp(t.EndsAt), "endsAtTimezone": t.EndsAtTimezone,
		"misdetectedCompletely": t.MisdetectedCompletely, "suspicious": t.Suspicious, mechanic.Counts: t.Counts(),
	}
	for name, text := range map[string]string{"trackType": string(t.Type), "suspicion": string(t.Suspicion), "contradictsId": t.ContradictsID} {
		if text != "" {
			fields[name] = text
		}
	}
	if r := t.Review; r != nil {
		fields["verdict"], fields["reviewReason"], fields["reviewedAt"] = string(r.Verdict), r.Reason, stamp(r.At)
		fields["reviewedByType"], fields["reviewedBy"] = string(r.By.Type), r.By.ID
	}
	return event.Event{
		ID: t.EventID, Type: event.MobilityTracking, EntityID: t.FactorsID, UserID: t.UserID, At: t.StartsAt,
		Value: new(Kilometres.show(t.Length)), Fields: fields,
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// trackingOf returns the tracking that an event tells of, without its geometry.
func trackingOf(e *event.Event) (*Tracking, error) {
	r := fieldReader{fields: e.Fields}
	t := &Tracking{
		UserID: e.UserID, Provider: r.text("provider"), Status: Status(r.text("status")), Type: Mode(r.text("trackType")),
		Length: r.number("length").IntPart(), StartsAt: e.At, StartsAtTimezone: r.text("startsAtTimezone"), EndsAt: r.instant("endsAt"),
		EndsAtTimezone: r.text("endsAtTimezone"), ID: r.text("mobilityTrackingId"), UserTimezone: r.text("userTimezone"),
		CO2Emitted: r.number("co2Emitted"), CO2Avoided: r.number("co2Avoided"), FactorsID: e.EntityID, EventID: e.ID,
	}
	t.MisdetectedCompletely, _ = e.Fields["misdetectedCompletely"].(bool)
	t.Suspicious, _ = e.Fields["suspicious"].(bool)
	t.Suspicion, t.ContradictsID = Suspicion(r.text("suspicion")), r.text("contradictsId")
	if v := r.text("verdict"); v != "" {
		t.Review = &Review{
			Verdict: Verdict(v), Reason: r.text("reviewReason"), At: r.instant("reviewedAt"),
			By: content.Actor{Type: content.ActorType(r.text("reviewedByType")), ID: r.text("reviewedBy")},
		}
	}
	t.ProviderID = strings.TrimPrefix(t.ID, t.UserID+":"+t.Provider+":")
	var err error
	t.Date, err = timeframe.ParseDay(r.text("date"))
	var wrong error
	t.Revision, wrong = strconv.Atoi(t.EventID[strings.LastIndexByte(t.EventID, ':')+1:]) // before it, an id that was given up may be
	return t, errors.Join(err, wrong, r.err)
}

// A fieldReader reads what the package has written into the fields of an event.
type fieldReader struct {
	fields map[string]any
	err    error
}

func (r *fieldReader) text(name string) string {
	s, _ := r.fields[name].(string)
	return s
}

func (r *fieldReader) number(name string) decimal.Decimal {
	switch v := r.fields[name].(type) {
	case float64:
		return decimal.NewFromFloat(v)
	case json.Number:
		d, err := decimal.NewFromString(v.String())
		r.err = errors.Join(r.err, err)
		return d
	}
	return decimal.Decimal{}
}

func (r *fieldReader) instant(name string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, r.text(name))
	r.err = errors.Join(r.err, err)
	return at
}

// trackings are those that are told last, without their geometries.
var trackings = store.Define("mobility_trackings", func(t *Tracking) string { return t.ID },
	[]store.Field[Tracking]{
		{Name: "user_id", Kind: store.KindText, Of: func(t *Tracking) store.Value { return store.Text(t.UserID) }},
		{Name: "date", Kind: store.KindInt, Of: func(t *Tracking) store.Value { return store.Int(int64(t.Date)) }},
		{Name: "starts_at", Kind: store.KindInt, Of: func(t *Tracking) store.Value { return store.Time(t.StartsAt) }},
	},
	store.Index{Name: "day", Columns: []string{"user_id", "date", "starts_at"}},
	store.Index{Name: "starts", Columns: []string{"user_id", "starts_at"}},
).Packed().Version(4)

// ofDay describes the trackings of a user's day, in the order in which they began.
func ofDay(userID string, date timeframe.Day) store.Query {
	return store.By("day", store.Text(userID), store.Int(int64(date)))
}

// shape is the geometry of a tracking. It is no row of a fold: what is decided by it, the event says.
type shape struct {
	TrackingID string `json:"mobilityTrackingId"`
	Geometry   string `json:"geometry"`
	// UpdatedAt is that of the tracking.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

var shapes = store.Define("mobility_geometries", func(s *shape) string { return s.TrackingID }, nil)
