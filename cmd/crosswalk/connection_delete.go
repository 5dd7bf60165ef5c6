package main

import (
	"context"
	"fmt"
)

type connectionDeleteCmd struct {
	Connection string `arg:"" help:"Name or id of the connection."`
	confirmation
	remote
}

func (*connectionDeleteCmd) Help() string {
	return `Deletes the connection, its jobs and their runs and rejects. The rows they wrote stay.`
}

func (cmd *connectionDeleteCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	conn, err := findConnection(ctx, c, cmd.Connection)
	if err != nil {
		return err
	}
	if err := cmd.confirm(a, fmt.Sprintf("the connection %s and its %s with all runs", conn.Name, plural(int64(conn.Jobs), "job"))); err != nil {
		return err
	}
	if err := c.DeleteConnection(ctx, conn.ID); err != nil {
		return err
	}
	return a.tellDeleted(conn.ID, conn.Name, cmd.JSON)
}
