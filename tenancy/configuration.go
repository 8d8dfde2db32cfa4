package tenancy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
)

// A Configuration says how a workspace looks and what it offers. A workspace has one; see
// [DefaultConfiguration] for what it says unless it was changed.
type Configuration struct {
	// ID is that of the workspace.
	ID         string     `json:"workspaceConfigurationId"`
	Branding   Branding   `json:"branding"`
	Layout     Layout     `json:"layout"`
	Theme      Theme      `json:"theme"`
	Languages  Languages  `json:"languages"`
	Features   Features   `json:"features"`
	Networking Networking `json:"networking"`
	Security   Security   `json:"security"`

	// What follows is computed.

	// Stage is DRAFT or PUBLISHED; the defaults are published.
	Stage string `json:"stage,omitempty"`
	// Version is that of the newest published configuration, 0 if there is none.
	Version   int       `json:"version,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// The stages of a configuration.
const (
	StageDraft     = "DRAFT"
	StagePublished = "PUBLISHED"
)

// Branding is what a workspace calls itself.
type Branding struct {
	Name        string `json:"name,omitempty"`        // at most 255 characters
	Description string `json:"description,omitempty"` // at most 2,000 characters
	Logo        string `json:"logo,omitempty"`        // an absolute URI
	Favicon     string `json:"favicon,omitempty"`     // an absolute URI
}

// Layout is the shape of things, as values of CSS of at most 64 characters.
type Layout struct {
	Radius     string `json:"radius,omitempty"`
	Transition string `json:"transition,omitempty"`
	Stroke     string `json:"stroke,omitempty"`
}

// A Theme is the colours of things by day and by night.
type Theme struct {
	Light Palette `json:"light,omitempty"`
	Dark  Palette `json:"dark,omitempty"`
}

// A Palette gives colours, as values of CSS of at most 64 characters, to at most 64 names such as
// "primary" or "cardForeground": letters and digits.
type Palette map[string]string

// Languages are those that a workspace speaks.
type Languages struct {
	// DefaultLanguage is for whoever has chosen none; empty on Put means "en".
	DefaultLanguage string `json:"defaultLanguage"`
	// SupportedLanguages hold the default; empty on Put means it alone.
	SupportedLanguages []string `json:"supportedLanguages"`
}

// A Feature is a part of the platform that a workspace may do without.
type Feature string

// The features.
const (
	FeatureLearningPaths       Feature = "learningPaths"
	FeatureActivities          Feature = "activities"
	FeatureMissions            Feature = "missions"
	FeatureStreak              Feature = "streak"
	FeatureMobility            Feature = "mobility"
	FeatureMediaLibrary        Feature = "mediaLibrary"
	FeatureLeaderboards        Feature = "leaderboards"
	FeatureTags                Feature = "tags"
	FeatureRewardRules         Feature = "rewardRules"
	FeatureVirtualCurrencies   Feature = "virtualCurrencies"
	FeatureVirtualTransactions Feature = "virtualTransactions"
	FeatureUsers               Feature = "users"
)

var features = []Feature{
	FeatureLearningPaths, FeatureActivities, FeatureMissions, FeatureStreak, FeatureMobility, FeatureMediaLibrary,
	FeatureLeaderboards, FeatureTags, FeatureRewardRules, FeatureVirtualCurrencies, FeatureVirtualTransactions, FeatureUsers,
}

// Features say for whoever shows the workspace what to show. The engine itself does not ask them.
type Features map[Feature]bool

// Enabled tells whether the feature is on; one that is not mentioned is.
func (f Features) Enabled(name Feature) bool {
	on, said := f[name]
	return on || !said
}

// UnmarshalJSON reads {"missions": true, "streak": {"enabled": false}}: both forms mean the same.
func (f *Features) UnmarshalJSON(b []byte) error {
	var raw map[Feature]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return fault.Invalid("features", "are not an object")
	}
	read := make(Features, len(raw))
	for name, value := range raw {
		on, err := parseSwitch(value)
		if err != nil {
			return fault.Invalid("features."+string(name), "is neither a boolean nor {\"enabled\": boolean}")
		}
		read[name] = on
	}
	*f = read
	return nil
}

func parseSwitch(b []byte) (bool, error) {
	var on *bool
	if err := json.Unmarshal(b, &on); err == nil && on != nil {
		return *on, nil
	}
	var object struct {
		Enabled *bool `json:"enabled"`
	}
	if err := json.Unmarshal(b, &object); err != nil {
		return false, err
	}
	if object.Enabled == nil {
		return false, errors.New("enabled is missing")
	}
	return *object.Enabled, nil
}

// Networking says who may call from a browser.
type Networking struct {
	// AllowedOrigins are at most 100 origins beside the platform's own, such as "https://app.example.org".
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
}

// SignupMode says who may become a user.
type SignupMode string

// The modes: anybody, who was invited, or also who was referred by a user.
const (
	SignupOpen     SignupMode = "OPEN"
	SignupInvite   SignupMode = "INVITE_ONLY"
	SignupReferral SignupMode = "REFERRAL_ALLOWED"
)

// Security says how people become users. Whoever lets them sign up follows it; [Users.Create] trusts
// its caller and takes from it nothing but the role.
type Security struct {
	// SignupMode is, if empty on Put, INVITE_ONLY.
	SignupMode SignupMode `json:"signupMode"`
	// AllowedDomains are at most 100 domains of e-mails, such as "example.org"; none means all.
	AllowedDomains []string `json:"allowedDomains,omitempty"`
	// DefaultUserRole is what a new user is unless said; empty on Put means member.
	DefaultUserRole Role `json:"defaultUserRole"`
}

// DefaultConfiguration returns what holds in a workspace that never published a configuration: one
// language, English; every feature; newcomers by invitation, as members.
func DefaultConfiguration() Configuration {
	c := Configuration{Features: Features{}, Stage: StagePublished}
	for _, f := range features {
		c.Features[f] = true
	}
	return c.withDefaults()
}

const defaultLanguage = "en"

// withDefaults returns a copy that shares nothing with c and says what c leaves open.
func (c *Configuration) withDefaults() Configuration {
	d := *c
	d.Theme.Light, d.Theme.Dark = maps.Clone(c.Theme.Light), maps.Clone(c.Theme.Dark)
	d.Languages.DefaultLanguage = cmp.Or(c.Languages.DefaultLanguage, defaultLanguage)
	d.Languages.SupportedLanguages = slices.Clone(c.Languages.SupportedLanguages)
	if len(d.Languages.SupportedLanguages) == 0 {
		d.Languages.SupportedLanguages = []string{d.Languages.DefaultLanguage}
	}
	d.Features = maps.Clone(c.Features)
	if d.Features == nil {
		d.Features = Features{}
	}
	d.Networking.AllowedOrigins = slices.Clone(c.Networking.AllowedOrigins)
	d.Security.AllowedDomains = slices.Clone(c.Security.AllowedDomains)
	d.Security.SignupMode = cmp.Or(c.Security.SignupMode, SignupInvite)
	d.Security.DefaultUserRole = cmp.Or(c.Security.DefaultUserRole, Member)
	return d
}

// validate returns every fault of the sections.
func (c *Configuration) validate() error {
	return errors.Join(
		fault.In("branding", c.Branding.validate()),
		fault.In("layout", c.Layout.validate()),
		fault.In("theme.light", c.Theme.Light.validate()),
		fault.In("theme.dark", c.Theme.Dark.validate()),
		fault.In("languages", c.Languages.validate()),
		fault.In("features", c.Features.validate()),
		fault.In("networking", each("allowedOrigins", c.Networking.AllowedOrigins, maxEntries, checkOrigin)),
		fault.In("security", c.Security.validate()))
}

func (b *Branding) validate() error {
	return errors.Join(text.Line("name", b.Name, 0, maxText), text.Prose("description", b.Description, 0, 2000),
		text.Optional(text.URI, "logo", b.Logo), text.Optional(text.URI, "favicon", b.Favicon))
}

func (l *Layout) validate() error {
	return errors.Join(text.Optional(checkCSS, "radius", l.Radius), text.Optional(checkCSS, "transition", l.Transition),
		text.Optional(checkCSS, "stroke", l.Stroke))
}

const maxColours = 64

var colourName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,63}$`)

func (p Palette) validate() error {
	if len(p) > maxColours {
		return fault.Invalid("", "has %d colours, at most %d are allowed", len(p), maxColours)
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if !colourName.MatchString(name) {
			faults = append(faults, fault.Invalid("", "%.80q is not the name of a colour: 1 to 64 letters and digits", name))
			continue
		}
		faults = append(faults, checkCSS(name, p[name]))
	}
	return errors.Join(faults...)
}

// checkCSS refuses what could end the declaration in which a style sheet puts it.
func checkCSS(field, s string) error {
	if err := text.Line(field, s, 1, 64); err != nil {
		return err
	}
	if strings.ContainsAny(s, "{}<>;\\@\"'") || strings.Contains(s, "/*") {
		return fault.Invalid(field, "%q is not a plain value of CSS", s)
	}
	return nil
}

func (l *Languages) validate() error {
	err := each("supportedLanguages", l.SupportedLanguages, len(langs), checkLang)
	if !slices.Contains(l.SupportedLanguages, l.DefaultLanguage) {
		err = errors.Join(err, fault.Invalid("defaultLanguage", "%q is not among the supported languages", l.DefaultLanguage))
	}
	return err
}

func (f Features) validate() error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(features, name) {
			faults = append(faults, fault.Invalid("", "%.80q is none of %v", name, features))
		}
	}
	return errors.Join(faults...)
}

func (s *Security) validate() error {
	err := errors.Join(each("allowedDomains", s.AllowedDomains, maxEntries, checkDomain), s.DefaultUserRole.Check("defaultUserRole"))
	switch s.SignupMode {
	case SignupOpen, SignupInvite, SignupReferral:
		return err
	}
	return errors.Join(err, fault.Invalid("signupMode", "%q is none of OPEN, INVITE_ONLY, REFERRAL_ALLOWED", s.SignupMode))
}

const maxEntries = 100 // of a list

// each checks the entries of a list of at most most.
func each(field string, list []string, most int, check func(field, s string) error) error {
	if len(list) > most {
		return fault.Invalid(field, "are %d, at most %d are allowed", len(list), most)
	}
	var faults []error
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		if slices.Contains(list[:i], s) {
			faults = append(faults, fault.Invalid(at, "%.80q occurs twice", s))
			continue
		}
		faults = append(faults, check(at, s))
	}
	return errors.Join(faults...)
}

// checkOrigin refuses what is not a scheme, a host and perhaps a port.
func checkOrigin(field, s string) error {
	if err := text.URI(field, s); err != nil {
		return err
	}
	if u, err := url.Parse(s); err != nil || u.Host == "" || s != u.Scheme+"://"+u.Host {
		return fault.Invalid(field, "%.80q is not an origin such as \"https://app.example.org\"", s)
	}
	return nil
}

var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func checkDomain(field, s string) error {
	if len(s) > 253 || !domain.MatchString(s) {
		return fault.Invalid(field, "%.80q is not a domain in lower case such as \"example.org\"", s)
	}
	return nil
}

// configured is a workspace's configuration as it is kept: the draft, if there is one, and what is in
// force beside it.
type configured struct {
	Draft     *Configuration `json:"draft,omitempty"`
	Live      *Configuration `json:"live,omitempty"`
	Version   int            `json:"version,omitempty"`
	CreatedAt time.Time      `json:"createdAt"`
}

const configurationKey = "configuration"

var configurations = store.Define("workspace_configurations", func(*configured) string { return configurationKey }, nil)

// FindConfiguration returns what is in force in the workspace that is tx's scope: the configuration
// that was published last, or the default.
func FindConfiguration(ctx context.Context, tx store.Tx) (Configuration, error) {
	c, _, err := configurations.Get(ctx, tx, configurationKey)
	if err != nil {
		return Configuration{}, err
	}
	if c.Live == nil {
		d := DefaultConfiguration()
		d.ID = tx.Scope().Workspace
		return d, nil
	}
	return c.Live.withDefaults(), nil
}
