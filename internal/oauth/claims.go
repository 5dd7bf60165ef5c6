package oauth

import (
	"encoding/json"
	"errors"
)

// capability tells Microsoft that we can handle claims challenges. In return access
// tokens live for about a day and can be revoked within minutes.
// Source: Microsoft's description of continuous access evaluation.
const capability = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`

// mergeClaims adds what a challenge demands to our capability. Demands come from
// outside; those that are not an object of objects are left out.
func mergeClaims(demanded string) string {
	var add map[string]map[string]json.RawMessage
	if demanded == "" || json.Unmarshal([]byte(demanded), &add) != nil {
		return capability
	}
	var all map[string]map[string]json.RawMessage
	if err := json.Unmarshal([]byte(capability), &all); err != nil {
		return capability
	}
	for token, claims := range add {
		if all[token] == nil {
			all[token] = map[string]json.RawMessage{}
		}
		for name, value := range claims {
			if name != "xms_cc" {
				all[token][name] = value
			}
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return capability
	}
	return string(text)
}

// Demanded returns the claims (JSON) that the next sign-in must ask for
// because of err, "" when it demands none.
func Demanded(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Claims
	}
	return ""
}
