package tenancy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/ident"
	"github.com/guerdonhq/guerdon/internal/text"
	"github.com/guerdonhq/guerdon/store"
)

// DefaultWorkspace is the id of the workspace that every account has.
const DefaultWorkspace = "default"

// Plan says what was bought for a workspace.
type Plan string

// The plans.
const (
	PlanStandard   Plan = "STANDARD"
	PlanPremium    Plan = "PREMIUM"
	PlanEnterprise Plan = "ENTERPRISE"
	PlanTrial      Plan = "TRIAL"
)

// WorkspaceType says what a workspace is for.
type WorkspaceType string

// The types of workspace. Those of type CATALOG hold documents for others to clone.
const (
	TypeEdu     WorkspaceType = "EDU"
	TypePlay    WorkspaceType = "PLAY"
	TypeCustom  WorkspaceType = "CUSTOM"
	TypeCatalog WorkspaceType = "CATALOG"
)

// WorkspaceStatus says what may be done in a workspace.
type WorkspaceStatus string

// The statuses of a workspace. [Platform.CloseWorkspace] closes one and [Platform.ReopenWorkspace] opens it again; the last two
// end when what is under way is complete.
const (
	WorkspaceOpen      WorkspaceStatus = ""          // all
	WorkspaceClosed    WorkspaceStatus = "CLOSED"    // it is read, and not written to
	WorkspaceRestoring WorkspaceStatus = "RESTORING" // nothing: not all of it is there yet
	WorkspaceErasing   WorkspaceStatus = "ERASING"   // nothing: not all of it is gone yet
)

// MaxCatalogs is how many catalogs a workspace may have.
const MaxCatalogs = 100

// A Workspace is a part of an account that is isolated from all others: its users, documents and
// history are its own.
type Workspace struct {
	// ID identifies the workspace in its account; empty on create means a new one of ten characters.
	ID        string `json:"workspaceId"`
	AccountID string `json:"accountId"`
	// Name is 3 to 30 characters for people to read.
	Name string `json:"name"`
	// Slug stands for the workspace in addresses: words of a-z and 0-9 with "-" between them, at most 64
	// characters, of which no two workspaces of an account have the same. Empty on create means one
	// made from the name or, if that holds none of these characters, from the id. Renaming keeps it.
	Slug string `json:"slug"`
	// Plan is STANDARD unless said.
	Plan Plan `json:"plan"`
	// Type is CUSTOM unless said.
	Type WorkspaceType `json:"type"`
	// Catalogs are the ids of the account's workspaces from which this one may clone documents.
	Catalogs []string `json:"catalogs,omitempty"`
	// Status says what may be done in the workspace, empty if all; nobody sets it.
	Status    WorkspaceStatus `json:"status,omitempty"`
	CreatedAt time.Time       `json:"createdAt"`
	UpdatedAt time.Time       `json:"updatedAt"`
}

// workspaces are kept in the scope of their account.
var workspaces = store.Define("workspaces", func(w *Workspace) string { return w.ID },
	[]store.Field[Workspace]{
		{Name: "slug", Kind: store.KindText, Of: func(w *Workspace) store.Value { return store.Text(w.Slug) }},
		{Name: "updated_at", Kind: store.KindInt, Of: func(w *Workspace) store.Value { return store.Time(w.UpdatedAt) }},
	},
	store.Index{Name: "slug", Columns: []string{"slug"}, Unique: true},
	store.Index{Name: "updated", Columns: []string{"updated_at"}},
).Version(2) // since they have a status

// Scope returns where the workspace's records are kept.
func (w *Workspace) Scope() store.Scope { return store.Scope{Account: w.AccountID, Workspace: w.ID} }

// FindWorkspace returns the workspace of a scope, [fault.ErrNotFound] naming "workspace", or
// [fault.ErrInvalid] if the scope is no workspace's. tx may be on any scope. The catalogs must not be
// modified.
func FindWorkspace(ctx context.Context, tx store.Tx, s store.Scope) (*Workspace, error) {
	if err := errors.Join(ident.Check("accountId", s.Account), ident.Check("workspaceId", s.Workspace)); err != nil {
		return nil, err
	}
	w, ok, err := workspaces.Get(ctx, tx.In(accountScope(s.Account)), s.Workspace)
	if err == nil && !ok {
		err = fault.NotFound("workspace", s.String())
	}
	if err != nil {
		return nil, err
	}
	return &w, nil
}

// Reading names what [FindWorkspace] and, of some users, [FindUser] read, for a prefetch by a transaction on the workspace's scope.
func Reading(s store.Scope, userIDs ...string) []store.Read {
	return []store.Read{workspaces.Keys(s.Workspace).In(accountScope(s.Account)), users.Keys(userIDs...)}
}

// Whole returns an error unless all of the workspace is there: [fault.ErrConflict] while it is being restored or erased.
func (w *Workspace) Whole() error {
	switch w.Status {
	case WorkspaceRestoring:
		return fault.Conflict("workspace", "%q is being restored, which is not complete", w.Scope())
	case WorkspaceErasing:
		return fault.Conflict("workspace", "%q is being erased, which is not complete", w.Scope())
	default:
		return nil
	}
}

// clone returns a copy to be changed.
func (w *Workspace) clone() Workspace {
	c := *w
	c.Catalogs = slices.Clone(w.Catalogs)
	return c
}

func (w *Workspace) withDefaults() Workspace {
	d := w.clone()
	d.Slug = cmp.Or(d.Slug, slugOf(d.Name), slugOf(d.ID))
	d.Plan = cmp.Or(d.Plan, PlanStandard)
	d.Type = cmp.Or(d.Type, TypeCustom)
	return d
}

func (w *Workspace) validate() error {
	return errors.Join(ident.Check("accountId", w.AccountID), ident.Check("workspaceId", w.ID),
		text.Line("name", w.Name, 3, 30), checkSlug("slug", w.Slug), w.Plan.check(), w.Type.check(), w.checkCatalogs())
}

func (p Plan) check() error {
	switch p {
	case PlanStandard, PlanPremium, PlanEnterprise, PlanTrial:
		return nil
	}
	return fault.Invalid("plan", "%q is none of STANDARD, PREMIUM, ENTERPRISE, TRIAL", p)
}

func (t WorkspaceType) check() error {
	switch t {
	case TypeEdu, TypePlay, TypeCustom, TypeCatalog:
		return nil
	}
	return fault.Invalid("type", "%q is none of EDU, PLAY, CUSTOM, CATALOG", t)
}

func (w *Workspace) checkCatalogs() error {
	if n := len(w.Catalogs); n > MaxCatalogs {
		return fault.Invalid("catalogs", "are %d, at most %d are allowed", n, MaxCatalogs)
	}
	for i, id := range w.Catalogs {
		field := catalogField(i)
		switch {
		case id == w.ID:
			return fault.Invalid(field, "is the workspace itself")
		case slices.Contains(w.Catalogs[:i], id):
			return fault.Invalid(field, "%q occurs twice", id)
		}
		if err := ident.Check(field, id); err != nil {
			return err
		}
	}
	return nil
}

func catalogField(i int) string { return fmt.Sprintf("catalogs[%d]", i) }

// requireCatalogs refuses a catalog that is no workspace of the account.
func (w *Workspace) requireCatalogs(ctx context.Context, tx store.Tx) error {
	found, err := workspaces.GetMany(ctx, tx.In(accountScope(w.AccountID)), w.Catalogs...)
	if err != nil {
		return err
	}
	for i, id := range w.Catalogs {
		if !slices.ContainsFunc(found, func(c Workspace) bool { return c.ID == id }) {
			return fault.Invalid(catalogField(i), "names workspace %q, which the account does not have", id)
		}
	}
	return nil
}

// requireNew refuses an id or a slug that another workspace of the account has.
func (w *Workspace) requireNew(ctx context.Context, tx store.Tx) error {
	account := tx.In(accountScope(w.AccountID))
	_, taken, err := workspaces.Get(ctx, account, w.ID)
	if err == nil && taken {
		err = fault.Exists("workspaceId", "%q is taken", w.ID)
	}
	if err != nil {
		return err
	}
	same, err := workspaces.Count(ctx, account, store.By("slug", store.Text(w.Slug)))
	if err == nil && same > 0 {
		err = fault.Exists("slug", "%q is taken", w.Slug)
	}
	return err
}

const maxSlug = 64

func checkSlug(field, s string) error {
	if len(s) > maxSlug || slugOf(s) != s || s == "" {
		return fault.Invalid(field, "%.80q is not words of a-z and 0-9 with \"-\" between them, at most %d characters", s, maxSlug)
	}
	return nil
}

// slugOf returns the words of a text as a slug: runs of a-z and 0-9, in lower case, joined by "-".
func slugOf(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "-")
}
