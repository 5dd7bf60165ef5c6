package sandbox

import (
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// linkLife is how long links to the next page live where they expire at all.
const linkLife = 10 * time.Minute

// linkStamp is the attribute of a cookie that says when it was made, and by
// which metadata. It is the sandbox's own, and there only where links end.
var linkStamp = regexp.MustCompile(` made="(\d{1,18})-(\d{1,18})"`)

// linkMade returns the attribute as links show it.
func (c *call) linkMade() string {
	if u := &c.prefer.unverified; !u.ExpiringLinks && !u.PublishEndsLinks {
		return ""
	}
	return "%20made=%22" + strconv.FormatInt(c.s.now().Unix(), 10) + "-" + strconv.FormatInt(c.data.catalog.version, 10) + "%22"
}

// unstamped returns a cookie without the attribute. It fails when the link has
// ended.
func (c *call) unstamped(token string) (string, error) {
	m := linkStamp.FindStringSubmatchIndex(token)
	if m == nil {
		return token, nil
	}
	made, _ := strconv.ParseInt(token[m[2]:m[3]], 10, 64) // digits
	version, _ := strconv.ParseInt(token[m[4]:m[5]], 10, 64)
	u := &c.prefer.unverified
	if u.ExpiringLinks && c.s.now().Unix()-made > int64(linkLife/time.Second) || u.PublishEndsLinks && version != c.data.catalog.version {
		return "", &fault{400, codeInvalidArgument, "The paging cookie is no longer valid."}
	}
	return token[:m[0]] + token[m[1]:], nil
}

// selection returns what $select names, in whatever order, as a delta token
// carries it.
func (c *call) selection() string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.Join(slices.Sorted(slices.Values(c.query.Select)), ","))) // never fails
	return strconv.FormatUint(uint64(h.Sum32()), 16)
}
