package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"lmgen.dev/go/internal/text"
	"lmgen.dev/go/lm"
)

const longest = 1 << 20

// splitting says how words are made of a text.
type splitting struct{ tokenized, whole bool }

func (s *splitting) add(o *options) {
	o.truth(&s.tokenized, "--no-tokenize", "", "Take the text as words separated by spaces.")
	o.truth(&s.whole, "--no-split", "", "Read the text as one sentence, even if it looks like more.")
}

func (s *splitting) words(given string) ([]string, error) {
	if count := utf8.RuneCountInString(given); count > longest {
		return nil, lm.Errorf(lm.Usage, "a text of %d characters is too long, %d are read at most", count, longest)
	}
	switch {
	case s.tokenized:
		return text.Split(given), nil
	case s.whole:
		return text.Tokenize(given), nil
	}
	return text.TokenizeSentences(given), nil
}

func atLeast(given string, least int) (int, error) {
	number, err := strconv.Atoi(given)
	if err != nil || number < least {
		return 0, lm.Errorf(lm.Usage, "%q is not a whole number from %d on", given, least)
	}
	return number, nil
}

// readAll gives the bytes of a file, or of stdin for `-`.
func readAll(path string) ([]byte, error) {
	var data []byte
	var err error
	if path == "-" {
		data, err = io.ReadAll(os.Stdin)
	} else {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		if inner, known := err.(*os.PathError); known {
			err = inner.Err
		}
		return nil, lm.Errorf(lm.Missing, "cannot read %s: %v", path, err)
	}
	return data, nil
}

// tables are what lmgen reads by the columns, and this program does not.
var tables = []string{".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".gz"}

// readLines gives the lines of a text file, without their ends.
func readLines(path string) ([]string, error) {
	for _, suffix := range tables {
		if strings.EqualFold(filepath.Ext(path), suffix) {
			return nil, lm.Errorf(lm.Unsupported, "%s: lmgen-go reads text, a line each; lmgen reads %s files", path, suffix)
		}
	}
	data, err := readAll(path)
	if err != nil {
		return nil, err
	}
	given := strings.TrimPrefix(string(data), "\ufeff")
	return linesOf(given), checkText(path, given)
}

func checkText(path, given string) error {
	for number, line := range linesOf(given) {
		if strings.IndexByte(line, 0) >= 0 {
			return lm.Errorf(lm.Usage, "%s is not text: line %d holds a NUL byte, as UTF-16 does: write it in UTF-8", path, number+1)
		}
		if !utf8.ValidString(line) {
			place := 0
			for place < len(line) {
				if r, size := utf8.DecodeRuneInString(line[place:]); r == utf8.RuneError && size == 1 {
					break
				} else {
					place += size
				}
			}
			return lm.Errorf(lm.Usage, "%s is not UTF-8 text: line %d, byte %d: write it in UTF-8", path, number+1, place+1)
		}
	}
	return nil
}

// linesOf gives the lines of a text, whose ends are \n, \r\n or \r; what follows the last end is one if it is something.
func linesOf(given string) []string {
	given = strings.ReplaceAll(strings.ReplaceAll(given, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(given, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// prefix is the text given, or all of stdin for `-` or where something is piped in.
func prefix(arguments []string) (string, error) {
	if len(arguments) > 0 && arguments[0] != "-" {
		return arguments[0], nil
	}
	if len(arguments) == 0 && !piped() {
		return "", nil
	}
	data, err := readAll("-")
	if err != nil {
		return "", err
	}
	if place := bytes.IndexByte(data, 0); place >= 0 {
		return "", lm.Errorf(lm.Usage, "the prefix on stdin is not text: byte %d is NUL", place+1)
	}
	if !utf8.Valid(data) {
		return "", lm.Errorf(lm.Usage, "the prefix on stdin is not UTF-8 text")
	}
	return strings.TrimPrefix(string(data), "\ufeff"), nil
}

func piped() bool {
	info, err := os.Stdin.Stat()
	return err == nil && (info.Mode()&os.ModeNamedPipe != 0 || info.Mode().IsRegular())
}
