// Package graphdef reads a TensorFlow graph that is kept as text (.pbtxt), and gives it in the bytes of a protocol
// buffer, which TensorFlow's C API takes.
package graphdef

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Binary gives a GraphDef's bytes for its text. An error names the line.
func Binary(source []byte) (made []byte, err error) {
	p := &parser{source: string(source)}
	defer func() {
		if wrong, known := recover().(mistake); known {
			err = fmt.Errorf("line %d: %s", 1+bytes.Count(source[:p.place], []byte("\n")), string(wrong))
		}
	}()
	return p.fields(graph, ""), nil
}

// mistake is what a parser panics with.
type mistake string

type parser struct {
	source string
	place  int
}

func (p *parser) fail(format string, values ...any) { panic(mistake(fmt.Sprintf(format, values...))) }

// fields reads those of a message up to its end, "}" or that of the file.
func (p *parser) fields(m message, end string) (made []byte) {
	for {
		name := p.token()
		if name == end {
			return made
		}
		found, known := m[name]
		if !known {
			p.fail("there is %q where a graph has no such thing", name)
		}
		if inner, nested := found.of.(message); nested {
			if !p.skip(":") || !p.skip("{") {
				p.fail("%s has no {", name)
			}
			made = withLength(made, found.number, p.fields(inner, "}"))
			continue
		}
		p.skip(":")
		made = p.value(made, found)
	}
}

// skip passes over a mark, of which a colon may be missing.
func (p *parser) skip(mark string) bool {
	p.space()
	there := strings.HasPrefix(p.source[p.place:], mark)
	if there {
		p.place += len(mark)
	}
	return there || mark == ":"
}

// space passes over spaces, separators and comments.
func (p *parser) space() {
	for ; p.place < len(p.source); p.place++ {
		switch p.source[p.place] {
		case ' ', '\t', '\r', '\n', ',', ';':
		case '#':
			length := strings.IndexByte(p.source[p.place:], '\n')
			if length < 0 {
				length = len(p.source) - p.place - 1
			}
			p.place += length
		default:
			return
		}
	}
}

// token is a name, a number or a bracket; "" at the end.
func (p *parser) token() string {
	p.space()
	rest := p.source[p.place:]
	length := strings.IndexAny(rest, " \t\r\n,;:{}#\"'")
	if length < 0 {
		length = len(rest)
	}
	if length == 0 && rest != "" {
		length = 1
	}
	p.place += length
	return rest[:length]
}

func (p *parser) value(made []byte, f field) []byte {
	if f.of == text {
		return withLength(made, f.number, p.quoted())
	}
	word := p.token()
	tag := uint64(f.number) << 3
	switch f.of {
	case real32:
		number, err := strconv.ParseFloat(word, 32)
		p.check(err, word)
		return binary.LittleEndian.AppendUint32(binary.AppendUvarint(made, tag|5), math.Float32bits(float32(number)))
	case real64:
		number, err := strconv.ParseFloat(word, 64)
		p.check(err, word)
		return binary.LittleEndian.AppendUint64(binary.AppendUvarint(made, tag|1), math.Float64bits(number))
	}
	return binary.AppendUvarint(binary.AppendUvarint(made, tag), p.number(word, f.of.(kind)))
}

func (p *parser) check(err error, word string) {
	if err != nil {
		p.fail("%q is not a value that belongs here", word)
	}
}

func (p *parser) number(word string, of kind) uint64 {
	switch of {
	case truth:
		found, err := strconv.ParseBool(word)
		p.check(err, word)
		if found {
			return 1
		}
		return 0
	case dataType:
		name := strings.TrimPrefix(word, "DT_")
		plain := strings.TrimSuffix(name, "_REF")
		for i, known := range dataTypes {
			if known == plain {
				return uint64(1 + i + 100*minimum(1, len(name)-len(plain)))
			}
		}
	}
	number, err := strconv.ParseInt(word, 0, 64)
	p.check(err, word)
	return uint64(number)
}

func minimum(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// quoted reads a text between quotes, of which several may follow each other.
func (p *parser) quoted() (found []byte) {
	for first := true; ; first = false {
		p.space()
		rest := p.source[p.place:]
		if rest == "" || rest[0] != '"' && rest[0] != '\'' {
			if first {
				p.fail("a text in quotes is missing")
			}
			return found
		}
		quote := rest[0]
		for rest = rest[1:]; rest != "" && rest[0] != quote; {
			found, rest = p.character(found, rest)
		}
		if rest == "" {
			p.fail("a text has no end")
		}
		p.place = len(p.source) - len(rest) + 1
	}
}

// character adds the first of some letters, which may be an escape such as \n, \" or \001.
func (p *parser) character(found []byte, letters string) (longer []byte, rest string) {
	if len(letters) > 1 && letters[0] == '\\' && (letters[1] == '\'' || letters[1] == '"') {
		return append(found, letters[1]), letters[2:]
	}
	value, wide, rest, err := strconv.UnquoteChar(letters, 0)
	if err != nil {
		p.fail("a text has a letter after \\ that does not belong there")
	}
	if wide {
		return utf8.AppendRune(found, value), rest
	}
	return append(found, byte(value)), rest
}

func withLength(made []byte, number int, content []byte) []byte {
	made = binary.AppendUvarint(made, uint64(number)<<3|2)
	return append(binary.AppendUvarint(made, uint64(len(content))), content...)
}
