package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A workspaceRow is the workspace of the caller, with its configuration in force.
type workspaceRow struct {
	Plan          tenancy.Plan            `json:"plan"`
	Catalogs      []string                `json:"catalogs"`
	Configuration *workspaceConfiguration `json:"configuration,omitempty"`
	SourceRegion  string                  `json:"sourceRegion"`

	tenancy.Workspace
}

// A workspaceConfiguration is how a workspace looks and what it offers.
type workspaceConfiguration struct {
	tenancy.Configuration
	envelope
}

// workspaceConfiguration returns a configuration as a row; one that nobody wrote is as old as the workspace.
func (c *call) workspaceConfiguration(conf tenancy.Configuration, of *tenancy.Workspace) *workspaceConfiguration {
	conf.ID = c.ws.Scope().Workspace
	if conf.CreatedAt.IsZero() {
		conf.CreatedAt, conf.UpdatedAt = of.CreatedAt, of.UpdatedAt
	}
	return &workspaceConfiguration{conf, c.envelope()}
}

// workspace returns the caller's workspace and what is in force there.
func (c *call) workspace(ctx context.Context) (of tenancy.Workspace, conf tenancy.Configuration, err error) {
	if of, err = c.engine.Platform.Workspace(ctx, c.ws.Scope()); err == nil {
		conf, err = c.ws.Settings.Get(ctx)
	}
	return of, conf, err
}

type (
	configured struct {
		Body map[string]json.RawMessage `body:"json"`
	}
	configurationGone struct {
		WorkspaceConfigurationID string `json:"workspaceConfigurationId"`
		Deleted                  bool   `json:"deleted"`
	}
)

// sections are those that replacing a configuration needs.
func sections() []string {
	return []string{"branding", "layout", "theme", "languages", "features", "networking"}
}

func dashboardWorkspace(f *forms) []*operation {
	shapeOf[tenancy.Workspace](f, shape{hidden: []string{"status"}})
	shapeOf[tenancy.Configuration](f, shape{hidden: []string{"version", "security"}, always: []string{"stage", "createdAt", "updatedAt"}})
	const conf = "/workspace-configuration"
	all := []*operation{
		declare("GET", "/workspace", tenancy.ContentRead, "Get the workspace", codes(200, 401), func(ctx context.Context, c *call, _ *nothing) (row workspaceRow, err error) {
			of, conf, err := c.workspace(ctx)
			if err != nil {
				return row, err
			}
			row = workspaceRow{Plan: of.Plan, Catalogs: of.Catalogs, Configuration: c.workspaceConfiguration(conf, &of), SourceRegion: c.region, Workspace: of}
			if row.Plan == tenancy.PlanTrial { // which clients do not know
				row.Plan = tenancy.PlanStandard
			}
			return row, nil
		}),
		declare("GET", conf, tenancy.ContentRead, "Get the configuration in force", codes(200, 401), func(ctx context.Context, c *call, _ *nothing) (*workspaceConfiguration, error) {
			of, conf, err := c.workspace(ctx)
			if err != nil {
				return nil, err
			}
			return c.workspaceConfiguration(conf, &of), nil
		}),
		declare("PUT", conf, tenancy.ConfigUpdate, "Replace the draft of the configuration", codes(200, 400, 401), func(ctx context.Context, c *call, in *configured) (row *workspaceConfiguration, err error) {
			next, err := readConfiguration(in.Body)
			if err != nil {
				return nil, err
			}
			err = c.ws.Update(ctx, func(ctx context.Context, ws *guerdon.Workspace) error {
				was, err := ws.Settings.Draft(ctx)
				if errors.Is(err, fault.ErrNotFound) {
					was, err = ws.Settings.Get(ctx)
				}
				if err != nil {
					return err
				}
				conf := next
				if _, given := in.Body["security"]; !given {
					conf.Security = was.Security
				}
				conf, err = ws.Settings.Put(ctx, conf)
				row = &workspaceConfiguration{conf, c.envelope()}
				return err
			})
			return row, err
		}),
		declare("POST", conf+"/publish", tenancy.ConfigUpdate, "Put the draft of the configuration in force", codes(200, 401, 404), func(ctx context.Context, c *call, _ *nothing) (*workspaceConfiguration, error) {
			conf, err := c.ws.Settings.Publish(ctx)
			return &workspaceConfiguration{conf, c.envelope()}, err
		}),
		declare("DELETE", conf, tenancy.ConfigUpdate, "Go back to the default configuration", codes(200, 401, 404), func(ctx context.Context, c *call, _ *nothing) (configurationGone, error) {
			return configurationGone{c.ws.Scope().Workspace, true}, c.ws.Settings.Delete(ctx)
		}),
	}
	written := shape{hidden: []string{"workspaceConfigurationId", "stage", "version", "createdAt", "updatedAt"}}
	all[2].takes = f.written(reflect.TypeFor[tenancy.Configuration](), written).lenient("security")
	return all
}

// readConfiguration returns the configuration that a body is, which has to have every section.
func readConfiguration(body map[string]json.RawMessage) (conf tenancy.Configuration, err error) {
	var faults []error
	for _, name := range sections() {
		if body[name] == nil {
			faults = append(faults, fault.Invalid(name, "is missing"))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return conf, err
	}
	own := map[string]json.RawMessage{}
	for _, name := range append(sections(), "security") {
		if body[name] != nil {
			own[name] = body[name]
		}
	}
	data, err := json.Marshal(own)
	if err == nil {
		err = json.Unmarshal(data, &conf)
	}
	if err != nil {
		return conf, malformed(err)
	}
	return conf, nil
}
