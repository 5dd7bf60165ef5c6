package dataverse

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
)

// maxClaims bounds what a challenge may demand: it is kept and sent on.
const maxClaims = 4 << 10

var (
	challengeError  = regexp.MustCompile(`(?i)[\s,]error\s*=\s*"?insufficient_claims\b`)
	challengeClaims = regexp.MustCompile(`(?i)[\s,]claims\s*=\s*"?([A-Za-z0-9+/_=-]+)`)
)

// demandedClaims returns the claims (JSON) that a 401 demands of the next
// token, "" when it is no claims challenge. Source: Microsoft's description
// of continuous access evaluation.
func demandedClaims(headers []string) string {
	for _, h := range headers {
		if len(h) < 7 || !strings.EqualFold(h[:7], "Bearer ") || !challengeError.MatchString(h) {
			continue
		}
		m := challengeClaims.FindStringSubmatch(h)
		if m == nil || len(m[1]) > maxClaims {
			continue
		}
		text := strings.TrimRight(m[1], "=")
		text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
		claims, err := base64.RawStdEncoding.DecodeString(text)
		if err == nil && json.Valid(claims) && len(claims) > 0 && claims[0] == '{' {
			return string(claims)
		}
	}
	return ""
}
