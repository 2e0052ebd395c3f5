package toml

import (
	"strconv"
	"strings"
)

// str reads a string of any of the four kinds.
func (p *parser) str() string {
	for _, mark := range []string{`"""`, `'''`} {
		if p.take(mark) {
			if p.take("\n") {
				p.line++
			}
			return p.until(mark, true)
		}
	}
	mark := p.text[:1]
	p.text = p.text[1:]
	return p.until(mark, false)
}

// until reads a string's characters up to its closing mark; escapes count between double quotes alone.
func (p *parser) until(mark string, lines bool) string {
	var text strings.Builder
	for !p.take(mark) {
		switch {
		case p.text == "" || p.text[0] == '\n' && !lines:
			panic(mistake("a string has no end"))
		case p.text[0] == '\\' && mark[0] == '"':
			text.WriteString(p.escape())
		default:
			if p.text[0] == '\n' {
				p.line++
			}
			text.WriteByte(p.text[0])
			p.text = p.text[1:]
		}
	}
	return text.String()
}

var escapes = map[byte]string{
	'b': "\b", 't': "\t", 'n': "\n", 'f': "\f", 'r': "\r", '"': "\"", '\\': "\\",
}

func (p *parser) escape() string {
	if len(p.text) < 2 {
		panic(mistake("a string has no end"))
	}
	kind := p.text[1]
	p.text = p.text[2:]
	if digits := map[byte]int{'u': 4, 'U': 8}[kind]; digits > 0 && len(p.text) >= digits {
		if code, err := strconv.ParseUint(p.text[:digits], 16, 21); err == nil {
			p.text = p.text[digits:]
			return string(rune(code))
		}
	}
	if strings.IndexByte(" \t\n", kind) >= 0 { // the line continues with the next one's text
		p.skip(true)
		return ""
	}
	text, known := escapes[kind]
	if !known {
		panic(mistake("no escape is \\" + string(kind)))
	}
	return text
}
