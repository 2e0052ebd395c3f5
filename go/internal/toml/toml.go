// Package toml reads the part of TOML that manifests are written in: tables, arrays of tables, strings of one line or
// several, numbers, truth values, arrays and inline tables. Dates are not read.
package toml

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table maps names to string, int64, float64, bool, []any or Table.
type Table = map[string]any

type parser struct {
	text string
	line int
}

// Parse reads a document. An error names the line.
func Parse(text string) (root Table, err error) {
	p := &parser{text: strings.ReplaceAll(text, "\r\n", "\n"), line: 1}
	defer func() {
		if reason := recover(); reason != nil {
			said, ours := reason.(mistake)
			if !ours {
				panic(reason)
			}
			root, err = nil, fmt.Errorf("line %d: %s", p.line, said)
		}
	}()
	if !utf8.ValidString(text) {
		panic(mistake("not UTF-8"))
	}
	root = Table{}
	current := root
	for p.skip(true); p.text != ""; p.skip(true) {
		if p.text[0] == '[' {
			current = p.heading(root)
		} else {
			p.pair(current)
		}
		p.skip(false)
		if p.text != "" && p.text[0] != '\n' {
			panic(mistake("something follows the value"))
		}
	}
	return root, nil
}

type mistake string

// skip passes over white space and comments, and over line ends if they mean nothing here.
func (p *parser) skip(lines bool) {
	for p.text != "" {
		switch c := p.text[0]; {
		case c == ' ' || c == '\t':
			p.text = p.text[1:]
		case c == '#':
			end := strings.IndexByte(p.text, '\n')
			if end < 0 {
				end = len(p.text)
			}
			p.text = p.text[end:]
		case c == '\n' && lines:
			p.line++
			p.text = p.text[1:]
		default:
			return
		}
	}
}

func (p *parser) take(token string) bool {
	if !strings.HasPrefix(p.text, token) {
		return false
	}
	p.text = p.text[len(token):]
	return true
}

func (p *parser) want(token string) {
	if !p.take(token) {
		panic(mistake(fmt.Sprintf("%q is missing", token)))
	}
}

func (p *parser) heading(root Table) Table {
	end, list := "]", p.take("[[")
	if list {
		end = "]]"
	} else {
		p.want("[")
	}
	names := p.names()
	p.want(end)
	table := inside(root, names[:len(names)-1])
	last := names[len(names)-1]
	if list {
		tables, _ := table[last].([]any)
		made := Table{}
		table[last] = append(tables, made)
		return made
	}
	return inside(table, []string{last})
}

// inside goes down to a table, which is made where there is none.
func inside(table Table, names []string) Table {
	for _, name := range names {
		switch next := table[name].(type) {
		case nil:
			made := Table{}
			table[name] = made
			table = made
		case Table:
			table = next
		case []any:
			last, fine := next[len(next)-1].(Table)
			if !fine {
				panic(mistake(name + " is no table"))
			}
			table = last
		default:
			panic(mistake(name + " is no table"))
		}
	}
	return table
}

func (p *parser) pair(table Table) {
	names := p.names()
	p.want("=")
	p.skip(false)
	table = inside(table, names[:len(names)-1])
	last := names[len(names)-1]
	if _, there := table[last]; there {
		panic(mistake(last + " is given twice"))
	}
	table[last] = p.value()
}

// names are those of a dotted key.
func (p *parser) names() []string {
	var names []string
	for {
		p.skip(false)
		names = append(names, p.name())
		p.skip(false)
		if !p.take(".") {
			return names
		}
	}
}

func (p *parser) name() string {
	if p.text != "" && (p.text[0] == '"' || p.text[0] == '\'') {
		return p.str()
	}
	end := 0
	for end < len(p.text) && (p.text[end] == '-' || p.text[end] == '_' || isAlnum(p.text[end])) {
		end++
	}
	if end == 0 {
		panic(mistake("a name is missing"))
	}
	name := p.text[:end]
	p.text = p.text[end:]
	return name
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *parser) value() any {
	switch {
	case p.text == "":
		panic(mistake("a value is missing"))
	case p.text[0] == '"' || p.text[0] == '\'':
		return p.str()
	case p.take("["):
		values := []any{}
		p.list("]", func() { values = append(values, p.value()) })
		return values
	case p.take("{"):
		table := Table{}
		p.list("}", func() { p.pair(table) })
		return table
	}
	return p.number()
}

// list reads what stands between commas up to the end.
func (p *parser) list(end string, one func()) {
	for p.skip(true); !p.take(end); p.skip(true) {
		one()
		p.skip(true)
		if !p.take(",") && !strings.HasPrefix(p.text, end) {
			panic(mistake(fmt.Sprintf("a comma or %q is missing", end)))
		}
	}
}

func (p *parser) number() any {
	end := strings.IndexAny(p.text, " \t\n,]}#")
	if end < 0 {
		end = len(p.text)
	}
	word := p.text[:end]
	p.text = p.text[end:]
	if word == "true" || word == "false" {
		return word == "true"
	}
	digits := strings.ReplaceAll(word, "_", "")
	if whole, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return whole
	}
	if real, err := strconv.ParseFloat(digits, 64); err == nil {
		return real
	}
	panic(mistake(fmt.Sprintf("%q is no value", word)))
}
