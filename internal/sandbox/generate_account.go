package sandbox

import (
	"math"
	"strconv"
)

// firstAccountNumber is the number of the first generated account.
const firstAccountNumber = 100_000

func (t *table) namedAccount(a *attribute) generator {
	switch a.name {
	case "name":
		return func(row int, v *value) {
			if t.data.awkward && row%25 == 7 {
				v.null()
				return
			}
			v.kind, v.text = kindText, t.appendCompany(v.text[:0], row)
			cutUTF16(v, a.maximum)
		}
	case "accountnumber":
		return sparse(t, hashString(a.name), 10, func(row int, v *value) {
			v.kind, v.text = kindText, append(v.text[:0], "ACC-"...)
			v.text = strconv.AppendInt(v.text, int64(firstAccountNumber+row), 10)
		})
	case "websiteurl":
		return sparse(t, hashString(a.name), 20, func(row int, v *value) {
			if t.data.awkward && row%25 == 11 {
				v.setText("see the business card")
				return
			}
			h := t.hash(row, 0xac)
			scheme := "https://www."
			if h%7 == 0 {
				scheme = "http://"
			}
			v.kind, v.text = kindText, append(v.text[:0], scheme...)
			v.text = companyFirst[below(h, len(companyFirst))].appendSlug(v.text)
			v.text = strconv.AppendInt(v.text, int64(row), 10)
			v.text = append(v.text, ".example.com/"...)
			if h%11 == 0 {
				v.text = append(v.text, "über/uns?a=1&b=2#top"...)
			}
		})
	case "emailaddress1":
		return sparse(t, hashString(a.name), 20, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendEmail(v.text[:0], row, "example.net")
		})
	case "telephone1":
		return sparse(t, hashString(a.name), 10, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendPhone(v.text[:0], row, 1)
		})
	case "numberofemployees":
		return sparse(t, hashString(a.name), 15, func(row int, v *value) {
			v.setInt(int64(math.Pow(10, 5.4*float64(t.hash(row, 0xae)>>40)/(1<<24))))
		})
	case "address1_latitude", "address1_longitude":
		return t.coordinate(a)
	case "new_contract":
		return sparse(t, hashString("contract"), 75, func(row int, v *value) { v.setGUID(hashGUID(t.hash(row, 0xaf))) })
	case "new_contract_name":
		return sparse(t, hashString("contract"), 75, func(row int, v *value) { v.setText(t.contractName(row)) })
	case "tickersymbol":
		return nothing
	}
	return nil
}

// appendSlug adds the plain form without what a host name cannot hold.
func (w *word) appendSlug(b []byte) []byte {
	for i := range len(w.plain) {
		if c := w.plain[i]; c >= 'a' && c <= 'z' {
			b = append(b, c)
		}
	}
	return b
}

// coordinate puts a row near its city.
func (t *table) coordinate(a *attribute) generator {
	salt := hashString(a.name)
	return sparse(t, hashString("coordinate"), 30, func(row int, v *value) {
		p := t.place(row)
		f := p.latitude
		if a.name == "address1_longitude" {
			f = p.longitude
		}
		f += float64(below(t.hash(row, salt), 20_000)-10_000) / 100_000
		v.setDouble(math.Round(f*100_000) / 100_000)
	})
}

func (t *table) namedContact(a *attribute) generator {
	switch a.name {
	case "fullname":
		return func(row int, v *value) { v.kind, v.text = kindText, t.appendFullName(v.text[:0], row) }
	case "firstname":
		return func(row int, v *value) {
			first, _ := t.person(row)
			v.setText(first.text)
		}
	case "lastname":
		return func(row int, v *value) {
			_, last := t.person(row)
			v.setText(last.text)
		}
	case "emailaddress1":
		return sparse(t, hashString(a.name), 10, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendEmail(v.text[:0], row, "example.com")
		})
	case "telephone1", "mobilephone":
		salt := hashString(a.name)
		return sparse(t, salt, 20, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendPhone(v.text[:0], row, salt)
		})
	case "jobtitle":
		return sparse(t, hashString(a.name), 20, func(row int, v *value) {
			v.setText(jobTitles[below(t.hash(row, 0xa7), len(jobTitles))])
		})
	case "department":
		return sparse(t, hashString(a.name), 40, func(row int, v *value) {
			v.setText(departments[below(t.hash(row, 0xa1), len(departments))])
		})
	case "address1_latitude", "address1_longitude":
		return t.coordinate(a)
	case "numberofchildren":
		return sparse(t, hashString(a.name), 50, func(row int, v *value) { v.setInt(int64(below(t.hash(row, 0xa2), 5))) })
	case "middlename", "suffix", "yomifullname", "governmentid":
		return nothing
	}
	return nil
}

// contractName returns the name of the file in an account's new_contract.
func (t *table) contractName(row int) string { return "contract-" + strconv.Itoa(row) + ".txt" }

// contract returns that file: of a few KB, different for each row.
func (t *table) contract(row int) []byte {
	b := []byte("Contract " + strconv.Itoa(row) + "\n")
	h := t.hash(row, 0xb0)
	for range 40 + below(h, 40) {
		h = mix(h)
		b = append(b, sentences[below(h, len(sentences))]...)
		b = append(b, '\n')
	}
	return b
}
