package visitor

import (
	"html"
	"net/url"
	"regexp"
	"strings"
)

// form is an HTML form as far as the sandbox's sign-in pages need it.
type form struct {
	action  string
	method  string // "GET" or "POST"
	values  url.Values
	buttons []button
}

// button is one button that sends a form.
type button struct{ name, value string }

var (
	tagPattern       = regexp.MustCompile(`(?is)<(/?form|input|button)\b((?:[^>"']|"[^"]*"|'[^']*')*)>`)
	attributePattern = regexp.MustCompile(`(?is)([a-z][a-z0-9-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?`)
)

// parseForms returns the forms of a page in their order.
func parseForms(page string) []form {
	var forms []form
	open := false
	for _, tag := range tagPattern.FindAllStringSubmatch(page, -1) {
		attributes := map[string]string{}
		for _, m := range attributePattern.FindAllStringSubmatch(tag[2], -1) {
			attributes[strings.ToLower(m[1])] = html.UnescapeString(m[2] + m[3] + m[4])
		}
		name, value := attributes["name"], attributes["value"]
		switch strings.ToLower(tag[1]) {
		case "form":
			method := "GET"
			if strings.EqualFold(attributes["method"], "post") {
				method = "POST"
			}
			forms = append(forms, form{action: attributes["action"], method: method, values: url.Values{}})
			open = true
		case "/form":
			open = false
		case "input":
			kind := strings.ToLower(attributes["type"])
			_, checked := attributes["checked"]
			choice := kind == "checkbox" || kind == "radio"
			if open && name != "" && kind != "submit" && (!choice || checked) {
				forms[len(forms)-1].values.Add(name, value)
			}
		case "button":
			if open {
				f := &forms[len(forms)-1]
				f.buttons = append(f.buttons, button{name, value})
			}
		}
	}
	return forms
}

// press returns the first form with such a button and the values it sends
// when that button is pressed. An empty value means any.
func press(forms []form, name, value string) (form, bool) {
	for _, f := range forms {
		for _, b := range f.buttons {
			if b.name == name && (value == "" || b.value == value) {
				f.values.Set(b.name, b.value)
				return f, true
			}
		}
	}
	return form{}, false
}
