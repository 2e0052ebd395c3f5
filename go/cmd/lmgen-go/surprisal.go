package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"

	"lmgen.dev/go/lm"
)

// units are the logarithms of a base, in nats, and their names.
var (
	units     = map[string]float64{"2": math.Ln2, "e": 1, "10": math.Ln10}
	unitNames = map[string]string{"2": "bits", "e": "nats", "10": "bans"}
)

const columns = "sentence_id,token_id,token,surprisal,logprob,prob,rank,entropy,oov"

// reading says how texts are read.
type reading struct {
	modelOptions
	splitting
	base, kind, oovInput string
	renormalize          bool
}

func (r *reading) add(o *options) {
	r.base, r.oovInput, r.renormalize = "2", "chars", true
	o.choice(&r.base, "--base", "Unit of surprisal: bits, nats or bans.  [default: 2]", "2", "e", "10")
	o.choice(&r.kind, "--format", "Output format.  [default: table on a terminal, else tsv]", kinds...)
	o.truth(&r.renormalize, "--renormalize", "--no-renormalize", "Leave out padding rows, which belong to no word.  [default: yes]")
	o.choice(&r.oovInput, "--oov-input", "How out-of-vocabulary words are read: by their characters, or as <UNK>.  [default: chars]", "chars", "unk")
	r.splitting.add(o)
	r.modelOptions.add(o)
}

type surprisal struct {
	list *options
	reading
	text, columns, context, prefix string
	given                          *option
	stats                          bool
}

func newSurprisal() *surprisal {
	s := &surprisal{columns: columns}
	o := &options{command: "surprisal", arguments: "[FILE]", most: 1}
	o.about = "Print the surprisal of every word of FILE, a text with a sentence on each line (`-`: stdin):\none row per word, the " +
		"first and `</S>` included."
	s.given = o.text(&s.text, "--text", "TEXT", "Sentences, one a line, instead of FILE.")
	o.text(&s.columns, "--columns", "A,B,…", "Write only these columns.  [default: "+columns+"]")
	o.choice(&s.context, "--context", "Reset the LSTM state at each sentence, at blank lines, or never.  [default: as the model was trained]",
		"sentence", "document", "stream")
	o.text(&s.prefix, "--prefix", "TEXT", "Read this before each text; it is not scored.")
	o.truth(&s.stats, "--stats", "", "Print base, counts and perplexity, on stderr.")
	s.reading.add(o)
	s.list = o
	return s
}

func (s *surprisal) options() *options { return s.list }

func (s *surprisal) run(ctx context.Context, arguments []string) error {
	chosen := map[string]bool{}
	for _, name := range strings.Split(s.columns, ",") {
		name = strings.TrimSpace(name)
		if !strings.Contains(","+columns+",", ","+name+",") {
			return lm.Errorf(lm.Usage, "there is no column %q: choose from %s", name, columns)
		}
		chosen[name] = true
	}
	lines, err := s.lines(arguments)
	if err != nil {
		return err
	}
	model, err := s.open()
	if err != nil {
		return err
	}
	prefix, err := s.words(s.prefix)
	if err != nil {
		return err
	}
	sentences, numbers, err := s.sentences(lines, model.Manifest.Context)
	if err != nil {
		return err
	}
	options := lm.Scoring{
		Prefix: prefix, AllRows: !s.renormalize, UnknownAsMark: s.oovInput == "unk",
		Rank: chosen["rank"], Entropy: chosen["entropy"],
	}
	counted := evaluation{}
	out := newTable(s.kind)
	out.heading(s.row(0, 0, lm.Token{}))
	err = model.Score(sentences, options, func(i int, tokens []lm.Token) error {
		counted.add(tokens)
		for place, token := range tokens {
			if err := out.write(s.row(numbers[i], place+1, token)); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if flushed := out.out.Flush(); err == nil {
		err = flushed
	}
	if s.stats {
		counted.report(s.base)
	}
	return err
}

func (s *surprisal) lines(arguments []string) ([]string, error) {
	if (len(arguments) == 0) != s.given.given {
		return nil, lm.Errorf(lm.Usage, "give a FILE (- for stdin) or a --text, and not both")
	}
	if s.given.given {
		return linesOf(s.text), nil
	}
	return readLines(arguments[0])
}

// sentences are those that have a word, with their places among all; how many have none is reported.
func (s *surprisal) sentences(lines []string, context string) (found []lm.Sentence, numbers []int, err error) {
	if s.context != "" {
		context = s.context
	}
	fresh, number, empty := true, 0, 0
	for _, line := range lines {
		words, err := s.words(line)
		if err != nil {
			return nil, nil, err
		}
		if line != "" {
			number++
		}
		switch {
		case len(words) > 0:
			found, numbers = append(found, lm.Sentence{Words: words, Fresh: fresh, Carried: context != "sentence"}), append(numbers, number)
			fresh = context == "sentence"
		default:
			if line != "" {
				empty++
			}
			fresh = fresh || context == "document"
		}
	}
	if empty == 1 {
		fmt.Fprintln(os.Stderr, "1 text without a word is left out")
	} else if empty > 1 {
		fmt.Fprintf(os.Stderr, "%d texts without a word are left out\n", empty)
	}
	return found, numbers, nil
}

// row gives the columns that are wanted, in the order in which they are.
func (s *surprisal) row(sentence, place int, token lm.Token) []cell {
	unit, oov := units[s.base], 0
	if token.OOV {
		oov = 1
	}
	values := map[string]any{
		"sentence_id": sentence, "token_id": place, "token": token.Word, "surprisal": decimals(-token.LogProb / unit),
		"logprob": decimals(token.LogProb), "prob": digits(math.Exp(token.LogProb)), "rank": token.Rank,
		"entropy": decimals(token.Entropy / unit), "oov": oov,
	}
	var row []cell
	for _, name := range strings.Split(s.columns, ",") {
		name = strings.TrimSpace(name)
		row = append(row, cell{name, values[name]})
	}
	return row
}

// evaluation counts for --stats.
type evaluation struct {
	sentences, tokens, oov int
	logprob                float64
}

func (e *evaluation) add(tokens []lm.Token) {
	e.sentences++
	e.tokens += len(tokens)
	for _, token := range tokens {
		e.logprob += token.LogProb
		if token.OOV {
			e.oov++
		}
	}
}

func (e *evaluation) report(base string) {
	fmt.Fprintf(os.Stderr, "base\t%s (%s)\nsentences\t%d\ntokens\t%d\noov\t%d\n", base, unitNames[base], e.sentences, e.tokens, e.oov)
	if e.tokens > 0 {
		fmt.Fprintf(os.Stderr, "perplexity\t%.2f\n", math.Exp(-e.logprob/float64(e.tokens)))
	}
}
