package main

import (
	"context"
	"fmt"
)

// linkCmd makes a one-time sign-in link, for who has lost the password or
// never made the administrator.
type linkCmd struct{ remote }

func (*linkCmd) Help() string {
	return `The link works once, for a day. While there is no administrator it leads to the page that makes one;
afterwards it signs the first super administrator in.`
}

func (cmd *linkCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	link, err := c.CreateLink(ctx)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(map[string]string{"url": link})
	}
	fmt.Fprintln(a.stdout, link)
	return nil
}
