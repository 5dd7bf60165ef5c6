package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/mattn/go-runewidth"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/crosswalk-data/crosswalk"
)

// style is how a cell looks on a terminal with colours.
type style string

// The styles, by their SGR parameters (ECMA-48).
const (
	plain style = ""
	bold  style = "1"
	faint style = "2"
	red   style = "31"
	green style = "32"
	amber style = "33"
	blue  style = "36"
)

// cell is one cell of a table.
type cell struct {
	text  string
	style style
}

// table is text in aligned columns.
type table struct {
	head  []string // a heading that begins with > stands at the right, over numbers
	rows  [][]cell
	limit int // cells are cut to this width; 0 means never
}

func (t *table) add(cells ...any) {
	row := make([]cell, len(cells))
	for i, c := range cells {
		switch c := c.(type) {
		case cell:
			row[i] = c
		case string:
			row[i] = cell{text: c}
		case int64:
			row[i] = cell{text: number(c)}
		default:
			row[i] = cell{text: fmt.Sprint(c)}
		}
		row[i].text = clean(row[i].text)
		if t.limit > 0 {
			row[i].text = runewidth.Truncate(row[i].text, t.limit, "…")
		}
	}
	t.rows = append(t.rows, row)
}

// write writes the table to w, each line after indent.
func (t *table) write(w io.Writer, color bool, indent string) {
	head := make([]cell, len(t.head))
	right := make([]bool, len(t.head))
	width := make([]int, len(t.head))
	for i, h := range t.head {
		h, right[i] = strings.CutPrefix(h, ">")
		head[i] = cell{h, bold}
		width[i] = runewidth.StringWidth(h)
	}
	for _, row := range t.rows {
		for i, c := range row {
			width[i] = max(width[i], runewidth.StringWidth(c.text))
		}
	}
	for _, row := range append([][]cell{head}, t.rows...) {
		var line strings.Builder
		for i, c := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			gap := strings.Repeat(" ", width[i]-runewidth.StringWidth(c.text))
			switch {
			case right[i]:
				line.WriteString(gap + paint(color, c.style, c.text))
			case i == len(row)-1:
				line.WriteString(paint(color, c.style, c.text))
			default:
				line.WriteString(paint(color, c.style, c.text) + gap)
			}
		}
		fmt.Fprintln(w, indent+strings.TrimRight(line.String(), " "))
	}
}

func paint(color bool, s style, text string) string {
	if !color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// clean makes text of elsewhere harmless for a terminal: control characters,
// which could move the cursor or change colours, and the marks that reverse
// the direction of writing become spaces.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, text)
}

// english writes numbers with commas between thousands.
var english = message.NewPrinter(language.English)

// number writes n with commas between the thousands.
func number(n int64) string { return english.Sprint(n) }

// moment writes a time in the zone of the person at the terminal.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "–"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// statusWord writes the state of a run for people.
func statusWord(s crosswalk.RunStatus) cell {
	word := strings.ReplaceAll(string(s), "_", " ")
	switch s {
	case crosswalk.RunSuccess:
		return cell{word, green}
	case crosswalk.RunPartialSuccess, crosswalk.RunCancelled, crosswalk.RunSkipped, crosswalk.RunHeld:
		return cell{word, amber}
	case crosswalk.RunFailed:
		return cell{word, red}
	}
	return cell{word, blue}
}

// connectionWord writes the state of a connection for people.
func connectionWord(s crosswalk.ConnectionStatus) cell {
	word := strings.ReplaceAll(string(s), "_", " ")
	switch s {
	case crosswalk.ConnectionAuthorized:
		return cell{word, green}
	case crosswalk.ConnectionDisconnected:
		return cell{word, red}
	}
	return cell{word, amber}
}

// took returns how long a run was worked on, zero while it waits.
func took(r crosswalk.Run) time.Duration { return r.Worked(time.Now()) }

// elapsed writes how long something took, in at most two units; "–" for
// nothing. The browser writes it in the same way.
func elapsed(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
	case d < 9950*time.Millisecond && d%time.Second != 0:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	n, name, rest, below := d/time.Second, "s", time.Duration(0), ""
	switch {
	case d >= time.Hour:
		n, name, rest, below = d/time.Hour, "h", d%time.Hour/time.Minute, "min"
	case d >= time.Minute:
		n, name, rest, below = d/time.Minute, "min", d%time.Minute/time.Second, "s"
	}
	text := number(int64(n)) + " " + name
	if rest > 0 {
		text += fmt.Sprintf(" %d %s", rest, below)
	}
	return text
}

// rate returns the records read a second, "–" when there is nothing to tell.
func rate(r crosswalk.Run) string {
	d := took(r)
	if d <= 0 || r.Counts.Read == 0 {
		return "–"
	}
	return number(int64(float64(r.Counts.Read) / max(d.Seconds(), 0.001)))
}

// printTable writes a table to the output.
func (a *app) printTable(t *table) { t.write(a.stdout, a.color, "") }

// printJSON writes v as one JSON document to the output.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// note writes a line for people, never part of the output.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}

// facts writes names and values below one another; empty values are left
// out.
func (a *app) facts(pairs ...any) {
	width := 0
	for i := 0; i < len(pairs); i += 2 {
		width = max(width, runewidth.StringWidth(pairs[i].(string)))
	}
	for i := 0; i < len(pairs); i += 2 {
		value, ok := pairs[i+1].(cell)
		if !ok {
			value.text = fmt.Sprint(pairs[i+1])
		}
		if value.text == "" {
			continue
		}
		name := pairs[i].(string)
		fmt.Fprintf(a.stdout, "%s%s  %s\n", paint(a.color, faint, name), strings.Repeat(" ", width-runewidth.StringWidth(name)), paint(a.color, value.style, clean(value.text)))
	}
}
