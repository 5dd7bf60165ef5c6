package sandbox

import (
	"fmt"
	"strings"
	"time"
)

// longestMetadataCache is how long metadata can be shown as they were.
const longestMetadataCache = time.Hour

// SetMetadataCache sets how long after a change of metadata requests for them
// still show what was, by the sandbox's clock; 0 shows changes at once. Those
// with the header Consistency: Strong always see what is
// (query-metadata-web-api.md). Rows follow the change at once. It fails for
// less than nothing and for more than an hour.
func (s *Sandbox) SetMetadataCache(life time.Duration) error {
	if life < 0 || life > longestMetadataCache {
		return fmt.Errorf("sandbox: the cache of metadata lives for 0s to 1h, not %s", Span(life))
	}
	s.metadataLife.Store(int64(life))
	return nil
}

// asCached has a request for metadata see them as the cache does.
func (c *call) asCached() {
	life := time.Duration(c.s.metadataLife.Load())
	if life == 0 || strings.EqualFold(c.r.Header.Get("Consistency"), "Strong") {
		return
	}
	seen, now := c.data.catalog, c.s.now()
	for seen.before != nil && now.Sub(seen.at) < life {
		seen = seen.before
	}
	if seen != c.data.catalog {
		d := *c.data
		d.catalog = seen
		c.data = &d
	}
}

// aboutMetadata tells whether a segment leads to metadata.
func aboutMetadata(segment string) bool {
	switch segment {
	case "$metadata", "EntityDefinitions", "RelationshipDefinitions", "GlobalOptionSetDefinitions", "RetrieveMetadataChanges":
		return true
	}
	return false
}
