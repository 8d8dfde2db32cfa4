package httpapi

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/tenancy"
)

// A bundle is documents as JSON, as the engine imports and exports them.
type bundle = json.RawMessage

// A bundleBody is a bundle as the document shows it.
type bundleBody struct {
	// Documents have the fields of their kinds, and kind beside them.
	Documents []map[string]any `json:"documents"`
}

type (
	imported struct {
		// DryRun asks what would come of it, and keeps nothing.
		DryRun bool `query:"dryRun"`
		// Prune archives what is in force and not in the bundle, and takes off the tags that it does not name.
		Prune bool   `query:"prune"`
		Body  bundle `body:"json"`
	}
	compared struct {
		Body bundle `body:"json"`
	}
	// An importedRow names documents by kind and id (Activity/commit).
	importedRow struct {
		// Created were not in force before.
		Created []string `json:"created"`
		// Changed were in force with another content or other tags.
		Changed   []string `json:"changed"`
		Unchanged []string `json:"unchanged"`
		// Archived are not in the bundle, which is all there is with prune.
		Archived []string          `json:"archived"`
		Warnings []content.Warning `json:"warnings"`
	}
	// A differenceRow names documents by kind and id (Activity/commit).
	differenceRow struct {
		Added   []string `json:"added"`
		Changed []string `json:"changed"`
		// Removed are in force and not in the bundle: an import with prune archives them.
		Removed []string `json:"removed"`
	}
)

// dashboardBundles declares how all documents in force leave the workspace together, and come to it.
func dashboardBundles(f *forms) []*operation {
	all := []*operation{
		declare("GET", "/bundle", tenancy.ContentRead, "Export the documents in force", codes(200, 401), func(ctx context.Context, c *call, _ *nothing) (encoded, error) {
			data, err := c.ws.Export(ctx)
			return encoded(data), err
		}),
		declare("POST", "/bundle", tenancy.ContentLifecycle, "Put the documents of a bundle in force, or tell what would come of it", codes(200, 400, 401), func(ctx context.Context, c *call, in *imported) (importedRow, error) {
			do := c.ws.Import
			if in.DryRun {
				do = c.ws.DryImport
			}
			var options []content.ImportOption
			if in.Prune {
				options = append(options, content.Prune)
			}
			done, err := do(ctx, in.Body, options...)
			return importedRow(done), err
		}).upTo(content.MaxBundle).byItself(),
		declare("POST", "/bundle/diff", tenancy.ContentRead, "Compare the documents in force with a bundle", codes(200, 400, 401), func(ctx context.Context, c *call, in *compared) (differenceRow, error) {
			now, err := c.ws.Export(ctx)
			if err != nil {
				return differenceRow{}, err
			}
			d, err := guerdon.Diff(now, in.Body)
			return differenceRow{d.Added, d.Changed, d.Removed}, err
		}).upTo(content.MaxBundle),
	}
	for _, o := range all[1:] {
		o.takes = f.of(reflect.TypeFor[bundleBody]())
	}
	return all
}
