package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"math/big"
	"os"
	"strings"
	"time"

	"lmgen.dev/go/internal/text"
	"lmgen.dev/go/lm"
)

type complete struct {
	list *options
	modelOptions
	splitting
	file, kind            string
	generation            lm.Generation
	temperature, topP     *option
	seeded                bool
	echo, raw, stream     bool
	audit, stats, verbose bool
	typed                 []string // the prefixes as they were given
}

func newComplete() *complete {
	c := &complete{echo: true, stream: true}
	g := &c.generation
	*g = lm.Generation{Samples: 1, MaxWords: 100, Sentences: 1, Seed: new(big.Int)}
	o := &options{command: "complete", arguments: "[PREFIX]", most: 1}
	o.about = "Continue PREFIX, word by word, until the sentence ends.\n\nWithout PREFIX a sentence is begun; a pipe, or " +
		"`-`, gives the prefix on stdin.\nThe same seed writes the same words as in `lmgen complete --engine session`."
	o.text(&c.file, "-f --file", "FILE", "Continue every line of a text file, or of stdin (-).")
	o.whole(&g.Samples, "-n --samples --num-samples", "Continuations of each prefix.  [default: 1]")
	o.whole(&g.MaxWords, "--max-words --max-tokens", "Maximum number of words of a continuation.  [default: 100]")
	o.whole(&g.Sentences, "--sentences", "Number of sentences to generate.  [default: 1]")
	o.add("--stop", "TEXT", "End with the word in which this text is complete; may be given several times.", func(given string) error {
		g.Stop = append(g.Stop, given)
		return nil
	})
	o.add("--seed", "N", "Seed of the random numbers: the same seed gives the same words.  [default: a new one]", func(given string) error {
		_, c.seeded = g.Seed.SetString(given, 10)
		if !c.seeded {
			return lm.Errorf(lm.Usage, "%q is not a whole number", given)
		}
		return nil
	})
	c.temperature = o.real(
		&g.Sampling.Temperature, "-t --temperature --temp", "Below 1 more likely words, above 1 more surprising ones; 0 takes the most likely.  [default: the model's]",
	)
	o.whole(&g.Sampling.TopK, "-k --top-k", "Only the N most likely words; 0 for all.")
	c.topP = o.real(
		&g.Sampling.TopP, "-p --top-p", "Only the most likely words that together reach this probability.  [default: the model's]",
	)
	o.real(&g.Sampling.MinP, "--min-p", "Only words at least X times as likely as the most likely word.")
	o.truth(&g.IgnoreEnd, "--ignore-eos", "", "Never end a sentence.")
	c.splitting.add(o)
	o.choice(&c.kind, "--format", "Output format.  [default: text]", "text", "jsonl", "tsv")
	o.truth(&c.echo, "--echo", "--no-echo", "Print the prefix before its continuation.  [default: yes]")
	o.truth(&c.raw, "--raw", "", "Print words as the model has them, with spaces between.")
	o.truth(&c.stream, "--stream", "--no-stream", "Print words as they are drawn.  [default: yes]")
	o.truth(&c.audit, "--audit", "", "Print each draw and the interval it hit, on stderr.")
	o.truth(&c.stats, "--stats", "", "Print speed, seed and surprisal, on stderr.")
	o.truth(&c.verbose, "-v --verbose", "", "Print more on stderr.")
	c.modelOptions.add(o)
	c.list = o
	return c
}

func (c *complete) options() *options { return c.list }

func (c *complete) run(ctx context.Context, arguments []string) error {
	if c.file != "" && len(arguments) > 0 {
		return lm.Errorf(lm.Usage, "give a PREFIX or a --file, not both")
	}
	if err := c.seed(); err != nil {
		return err
	}
	prompts, err := c.prompts(arguments)
	if err != nil {
		return err
	}
	folder, err := findFolder(c.model)
	if err != nil {
		return err
	}
	model, err := lm.Open(folder, c.Options)
	if err != nil {
		return err
	}
	g := &c.generation
	defaults := model.Defaults()
	if !c.temperature.given {
		g.Sampling.Temperature = defaults.Sampling.Temperature
	}
	if !c.topP.given {
		g.Sampling.TopP = defaults.Sampling.TopP
	}
	if err := g.Check(); err != nil {
		return err
	}
	c.tellChosen(model, prompts)
	return c.write(ctx, model, prompts)
}

// seed chooses one where none was given.
func (c *complete) seed() error {
	if c.seeded {
		return nil
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1<<32))
	c.generation.Seed = number
	return err
}

func (c *complete) prompts(arguments []string) ([][]string, error) {
	var texts []string
	var err error
	if c.file != "" {
		texts, err = readLines(c.file)
	} else {
		texts = make([]string, 1)
		texts[0], err = prefix(arguments)
	}
	if err != nil {
		return nil, err
	}
	prompts := make([][]string, len(texts))
	for i, given := range texts {
		c.typed = append(c.typed, onOneLine(given))
		if prompts[i], err = c.words(given); err != nil {
			return nil, err
		}
	}
	return prompts, nil
}

func (c *complete) tellChosen(model *lm.Model, prompts [][]string) {
	if !c.verbose {
		return
	}
	sampling := c.generation.Sampling
	fmt.Fprintf(os.Stderr, "seed: %v\ntemperature: %s\ntop-p: %s\n", c.generation.Seed, written(sampling.Temperature), written(sampling.TopP))
	for _, words := range prompts {
		unknown := ""
		for _, word := range words {
			if !model.Vocabulary.Has(word) {
				unknown += " " + word
			}
		}
		if unknown != "" {
			fmt.Fprintln(os.Stderr, "not in the vocabulary, read by their spelling:"+unknown)
		}
	}
}

// write lets the model write; what has begun is written too when it is interrupted.
func (c *complete) write(ctx context.Context, model *lm.Model, prompts [][]string) error {
	out := &samples{complete: c, prompts: prompts, out: bufio.NewWriter(os.Stdout), begun: map[int]*sample{}}
	if c.kind != "" && c.kind != "text" {
		out.rows = newTable(c.kind)
	}
	if c.audit {
		fmt.Fprintln(os.Stderr, "prompt\tsample\tindex\tword\tdraw\tlow\thigh")
	}
	counted := counter{began: time.Now()}
	err := model.Generate(ctx, prompts, c.generation, func(event lm.Event) error {
		counted.count(event)
		if c.audit && event.Word != "" {
			fmt.Fprintf(
				os.Stderr, "%d\t%d\t%d\t%s\t%.9f\t%.9f\t%.9f\n", event.Prompt, event.Sample, event.Index, event.Word,
				event.Choice.Draw, event.Choice.Low, event.Choice.High,
			)
		}
		return out.take(event)
	})
	if err != nil && ctx.Err() != nil {
		if failed := out.rest(); failed != nil {
			err = failed
		}
	}
	if c.stats {
		counted.report(c.generation.Seed)
	}
	return err
}

// counter counts words for --stats.
type counter struct {
	began, first, last time.Time
	words              int
	logprob            float64
}

func (c *counter) count(event lm.Event) {
	c.last = time.Now()
	if event.Word == "" || event.Ended != "" {
		return
	}
	if c.words == 0 {
		c.first = c.last
	}
	c.words++
	c.logprob += event.LogProb
}

func (c *counter) report(seed *big.Int) {
	seconds := math.Max(c.last.Sub(c.began).Seconds(), 1e-9)
	fmt.Fprintf(os.Stderr, "seed\t%v\nwords\t%d\nwords/s\t%.1f\n", seed, c.words, float64(c.words)/seconds)
	if c.words > 0 {
		fmt.Fprintf(os.Stderr, "seconds to the first word\t%.3f\n", c.first.Sub(c.began).Seconds())
		fmt.Fprintf(os.Stderr, "surprisal, bits\t%.4f\n", -c.logprob/float64(c.words)/math.Ln2)
	}
}

// onOneLine is a text with a space for each line end within it.
func onOneLine(given string) string {
	lines := strings.FieldsFunc(strings.TrimSpace(given), func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, " ")
}

// joined are the words of a continuation alone, as they look after the prefix.
func joined(prefix, words []string) string {
	whole := text.Detokenize(append(append([]string(nil), prefix...), words...))
	return whole[len(text.Detokenize(prefix)):]
}
