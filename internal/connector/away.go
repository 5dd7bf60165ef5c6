package connector

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// How often the activity log may say that a connection was led to a given host, and
// for how many hosts that is remembered.
const (
	awayEvery = time.Hour
	awayHosts = 100
)

// ledAway returns a function that notes in the activity log that answers of a
// connection's environment lead elsewhere: whoever tampers with them is after the
// token.
func (c *Connector) ledAway(conn crosswalk.Connection) func(to string) {
	var mu sync.Mutex
	told := map[string]time.Time{} // by host
	return func(to string) {
		host := to
		if u, err := url.Parse(to); err == nil {
			host = u.Host
		}
		now := c.Now()
		mu.Lock()
		last, known := told[host]
		if known && now.Sub(last) < awayEvery {
			mu.Unlock()
			return
		}
		if len(told) >= awayHosts {
			clear(told)
		}
		told[host] = now
		mu.Unlock()
		c.Logger.Warn("an answer leads out of the environment and is not followed", "connection", conn.Name, "to", to)
		err := c.Store.InsertEvent(context.Background(), crosswalk.Event{
			Actor: "Crosswalk", Action: "connection.led_away", Subject: conn.Name,
			Detail: fmt.Sprintf("An answer of %s leads to %s. It was not followed, and nothing was sent there.", conn.EnvironmentURL, to),
		})
		if err != nil {
			c.Logger.Error("write activity log", "action", "connection.led_away", "error", err)
		}
	}
}
