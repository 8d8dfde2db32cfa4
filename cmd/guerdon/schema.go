package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/guerdonhq/guerdon/httpapi"
)

func (p *program) schema() *cli.Command {
	return &cli.Command{
		Name: "schema", Usage: "print the JSON Schema of bundles, by which editors complete and check them",
		Action: func(_ context.Context, cmd *cli.Command) error {
			if _, err := arguments(cmd, 0, 0); err != nil {
				return err
			}
			_, err := p.out.Write(httpapi.BundleSchema())
			return err
		},
	}
}
