package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cell is a named value of a row: a string, an int, a float64, or []string, which JSON alone has.
type cell struct {
	name  string
	value any
}

// table writes rows as TSV, CSV, JSON lines or an aligned table, as lmgen does.
type table struct {
	out  *bufio.Writer
	kind string
	// begun says that the heading was written, by which an aligned table knows texts from numbers.
	begun bool
	texts []bool
}

// kinds of tables.
var kinds = []string{"table", "tsv", "csv", "jsonl"}

func newTable(kind string) *table {
	if kind == "" {
		kind = "tsv"
		if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			kind = "table"
		}
	}
	return &table{out: bufio.NewWriter(os.Stdout), kind: kind}
}

func (t *table) write(row []cell) error {
	if t.kind == "jsonl" {
		parts := make([]string, len(row))
		for i, cell := range row {
			parts[i] = quoted(cell.name) + ": " + jsonOf(cell.value)
		}
		fmt.Fprintf(t.out, "{%s}\n", strings.Join(parts, ", "))
		return t.out.Flush()
	}
	t.heading(row)
	values := make([]string, len(row))
	for i, cell := range row {
		values[i] = plain(cell.value)
	}
	t.line(values)
	return t.out.Flush()
}

// heading writes the names of the columns, once; an empty table has them too.
func (t *table) heading(row []cell) {
	if t.begun || t.kind == "jsonl" {
		return
	}
	t.begun = true
	names := make([]string, len(row))
	for i, cell := range row {
		_, isText := cell.value.(string)
		names[i], t.texts = cell.name, append(t.texts, isText)
	}
	t.line(names)
}

func (t *table) line(values []string) {
	for i, value := range values {
		switch t.kind {
		case "tsv":
			value = strings.NewReplacer("\r\n", " ", "\t", " ", "\r", " ", "\n", " ").Replace(value)
			values[i] = inQuotes(value, `"`)
		case "csv":
			values[i] = inQuotes(value, "\",\r\n")
		default:
			value = strings.Join(strings.Fields(value), " ")
			if pad := 10 - utf8.RuneCountInString(value); !t.texts[i] && pad > 0 {
				value = strings.Repeat(" ", pad) + value
			} else if pad := 16 - utf8.RuneCountInString(value); t.texts[i] && pad > 0 {
				value += strings.Repeat(" ", pad)
			}
			values[i] = value
		}
	}
	between := map[string]string{"tsv": "\t", "csv": ",", "table": "  "}[t.kind]
	whole := strings.Join(values, between)
	if t.kind == "table" {
		whole = strings.TrimRight(whole, " ")
	}
	fmt.Fprintln(t.out, whole)
}

func inQuotes(value, marks string) string {
	if !strings.ContainsAny(value, marks) {
		return value
	}
	return `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
}

func plain(value any) string {
	switch value := value.(type) {
	case string:
		return strings.ReplaceAll(clean(value), "\x00", "\ufffd")
	case float64:
		return written(value)
	}
	return fmt.Sprint(value)
}

// clean makes U+FFFD of bytes that are no UTF-8.
func clean(given string) string { return string([]rune(given)) }

// written is a number as Python does.
func written(value float64) string {
	if math.IsNaN(value) {
		return "nan"
	}
	if math.IsInf(value, 0) {
		return map[bool]string{true: "inf", false: "-inf"}[value > 0]
	}
	exponent := 0
	if value != 0 {
		_, power, _ := strings.Cut(strconv.FormatFloat(value, 'e', -1, 64), "e")
		exponent, _ = strconv.Atoi(power)
	}
	if exponent < -4 || exponent >= 16 {
		return strconv.FormatFloat(value, 'e', -1, 64)
	}
	digits := strconv.FormatFloat(value, 'f', -1, 64)
	if !strings.Contains(digits, ".") {
		digits += ".0"
	}
	return digits
}

// decimals rounds to six; zero has no minus.
func decimals(value float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'f', 6, 64), 64)
	if err != nil {
		return value
	}
	return rounded + 0
}

// digits rounds to six significant ones.
func digits(value float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 6, 64), 64)
	return rounded
}

func jsonOf(value any) string {
	switch value := value.(type) {
	case string:
		return quoted(clean(value))
	case []string:
		parts := make([]string, len(value))
		for i, one := range value {
			parts[i] = quoted(clean(one))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return "null"
		}
		return written(value)
	}
	return fmt.Sprint(value)
}

// quoted writes a text as JSON does, with all of its characters as they are.
func quoted(given string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range given {
		short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\f': `\f`, '\b': `\b`}[r]
		switch {
		case short != "":
			out.WriteString(short)
		case r < 0x20:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
