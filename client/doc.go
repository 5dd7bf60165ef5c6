// Package client calls the REST API of Crosswalk. The command line and the
// tests of the API use it; so can any other Go program.
//
//	c := client.New("http://127.0.0.1:8080", token)
//	job, err := c.InsertJob(ctx, client.JobInput{…})
//	run, err := c.StartRun(ctx, job.ID, crosswalk.Scope{})
//	run, err = c.WaitRun(ctx, run.ID, nil)
//
// The API deals in the types of the root package. Every method takes a context
// that can end the call early. What the server refuses comes back as an *Error,
// and a server that cannot be reached as a *crosswalk.Error of CodeUnavailable;
// crosswalk.ErrorCode returns the code of both.
//
// A list has two methods: List… returns one page with the total and the cursor
// of the next page, and the plural noun, for example Runs, iterates over all
// pages.
package client
