package main

import (
	"bufio"
	"io"
	"strings"

	"lmgen.dev/go/internal/text"
	"lmgen.dev/go/lm"
)

// samples writes continuations in order as their words come.
type samples struct {
	*complete
	prompts [][]string
	out     *bufio.Writer
	rows    *table
	begun   map[int]*sample // by their place among all
	turn    int
}

// sample is a continuation as it grows, and how much of its line was written.
type sample struct {
	prompt, number int
	words          []string
	logprob        float64
	ended          string
	written        int
	line           *line
}

func (s *samples) take(event lm.Event) error {
	place := event.Prompt*s.generation.Samples + event.Sample
	one := s.begun[place]
	if one == nil {
		one = &sample{prompt: event.Prompt, number: event.Sample}
		s.begun[place] = one
	}
	one.ended, one.logprob = event.Ended, one.logprob+event.LogProb
	if event.Ended == "" {
		one.words = append(one.words, event.Word)
	}
	for s.begun[s.turn] != nil {
		whole, err := s.write(s.begun[s.turn])
		if err != nil {
			return err
		}
		if !whole {
			break
		}
		delete(s.begun, s.turn)
		s.turn++
	}
	return nil
}

// rest writes what has begun, after an interruption.
func (s *samples) rest() error {
	for last := len(s.prompts) * s.generation.Samples; s.turn < last; s.turn++ {
		if one := s.begun[s.turn]; one != nil {
			one.ended = "interrupted"
			if _, err := s.write(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes what can be written of a sample. Returns whether all of it is.
func (s *samples) write(one *sample) (whole bool, err error) {
	whole = one.ended != ""
	if s.rows != nil {
		if !whole {
			return false, nil
		}
		return true, s.rows.write(s.record(one))
	}
	if !whole && !s.stream {
		return false, nil
	}
	if one.line == nil {
		one.line = &line{out: s.out, raw: s.raw, empty: true}
		if s.echo {
			one.line.begin(s.prompts[one.prompt], s.typed[one.prompt])
		}
	}
	one.line.add(one.words[one.written:])
	one.written = len(one.words)
	if whole {
		s.out.WriteByte('\n')
	}
	return whole, s.out.Flush()
}

func (s *samples) record(one *sample) []cell {
	prefix, words := s.prompts[one.prompt], append([]string{}, one.words...)
	var shown any = words
	if s.rows.kind == "tsv" {
		shown = strings.Join(words, " ")
	}
	return []cell{
		{"sample", one.number},
		{"seed", s.generation.Seed},
		{"prefix", s.typed[one.prompt]},
		{"text", strings.TrimLeft(joined(prefix, words), " ")},
		{"words", shown},
		{"logprob", decimals(one.logprob)},
		{"ended", one.ended},
	}
}

// line is a text on its way to the terminal, word by word.
type line struct {
	out    io.StringWriter
	raw    bool
	empty  bool
	joiner text.Detokenizer
	gap    string
}

// begin writes the prefix as it was typed; what follows is joined to its words.
func (l *line) begin(words []string, typed string) {
	if l.raw || len(words) == 0 {
		l.add(words)
		return
	}
	whole := l.out
	l.out = &strings.Builder{}
	l.add(words)
	l.out = whole
	l.out.WriteString(clean(typed))
}

func (l *line) add(words []string) {
	for _, word := range words {
		piece := ""
		switch {
		case l.raw:
			piece = " " + word
		case word == lm.SentenceEnd:
			l.joiner, l.gap = text.Detokenizer{}, " "
			continue
		default:
			piece, l.gap = l.gap+l.joiner.Add(word), ""
		}
		if l.empty {
			piece = strings.TrimLeft(piece, " ")
		}
		l.empty = false
		l.out.WriteString(clean(piece))
	}
}
