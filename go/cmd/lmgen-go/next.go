package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"

	"lmgen.dev/go/internal/text"
	"lmgen.dev/go/lm"
)

type next struct {
	list *options
	reading
	count      int
	full       bool
	candidates []string
	startsWith string
	stats      bool
}

func newNext() *next {
	n := &next{count: 20}
	o := &options{command: "next", arguments: "[PREFIX]", most: 1}
	o.about = "Show what may follow PREFIX: rank, word, probability, the probability of all words so far, surprisal."
	o.add("-k", "N", "Number of words.  [default: 20]", func(given string) (err error) {
		n.count, err = atLeast(given, 1)
		return err
	})
	o.truth(&n.full, "--full", "", "Every word of the vocabulary, the most likely first.")
	o.add("--candidates", "WORDS|@FILE", "Only these words, in this order; may be given several times.", n.addCandidates)
	o.text(&n.startsWith, "--starts-with", "LETTERS", "Only words that begin with LETTERS.")
	o.truth(&n.stats, "--stats", "", "Print entropy and shares on stderr; a table has them beneath.")
	n.reading.add(o)
	n.list = o
	return n
}

func (n *next) addCandidates(given string) error {
	if len(given) > 1 && given[0] == '@' {
		data, err := readAll(given[1:])
		if err != nil {
			return err
		}
		given = strings.TrimPrefix(string(data), "\ufeff")
	}
	n.candidates = append(n.candidates, text.Split(given)...)
	return nil
}

func (n *next) options() *options { return n.list }

func (n *next) run(_ context.Context, arguments []string) error {
	if n.candidates != nil && (n.startsWith != "" || n.full) {
		return lm.Errorf(lm.Usage, "--candidates are listed as they are: leave out --full and --starts-with")
	}
	given := ""
	if len(arguments) > 0 {
		given = arguments[0]
	}
	words, err := n.words(given)
	if err != nil {
		return err
	}
	model, err := n.open()
	if err != nil {
		return err
	}
	if n.oovInput == "unk" {
		for i, word := range words {
			if !model.Vocabulary.Has(word) {
				words[i] = lm.Unknown
			}
		}
	}
	state, err := model.Read(words)
	if err != nil {
		return err
	}
	logits, err := model.Logits([]lm.State{state})
	if err != nil {
		return err
	}
	return n.write(lm.NewDistribution(logits[0], model.Vocabulary, n.renormalize))
}

func (n *next) write(d *lm.Distribution) error {
	var listed []lm.NextWord
	if n.candidates != nil {
		listed = d.Of(n.candidates)
	} else {
		count := n.count
		if n.full {
			count = -1
		}
		listed = d.Best(count, n.startsWith)
	}
	out := newTable(n.kind)
	out.heading(n.row(lm.NextWord{LogProb: math.Inf(-1)}))
	together := 0.0
	for _, entry := range listed {
		together += entry.Prob
		if err := out.write(n.row(entry)); err != nil {
			return err
		}
	}
	facts := [][2]string{
		{"entropy, " + unitNames[n.base], fmt.Sprintf("%.6f", d.Entropy/units[n.base])},
		{"probability of <UNK>", fmt.Sprintf("%.6g", d.Of([]string{lm.Unknown})[0].Prob)},
		{"softmax rows without a word", fmt.Sprintf("%.6g", d.Wordless)},
		{"listed words together", fmt.Sprintf("%.6g", together)},
	}
	if n.startsWith != "" {
		matching := 0.0
		for _, entry := range d.Best(-1, n.startsWith) {
			matching += entry.Prob
		}
		facts = append(facts, [2]string{"matching words together", fmt.Sprintf("%.6g", matching)})
	}
	if out.kind == "table" {
		fmt.Fprintln(out.out)
	}
	for _, fact := range facts {
		if out.kind == "table" {
			fmt.Fprintf(out.out, "%s: %s\n", fact[0], fact[1])
		}
		if n.stats {
			fmt.Fprintf(os.Stderr, "%s\t%s\n", fact[0], fact[1])
		}
	}
	return out.out.Flush()
}

func (n *next) row(entry lm.NextWord) []cell {
	oov := 0
	if entry.OOV {
		oov = 1
	}
	return []cell{
		{"rank", entry.Rank},
		{"word", entry.Word},
		{"prob", digits(entry.Prob)},
		{"cumulative", digits(entry.Cumulative)},
		{"surprisal", decimals(-entry.LogProb / units[n.base])},
		{"oov", oov},
	}
}
