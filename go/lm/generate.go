package lm

import (
	"context"
	"math/big"
	"strings"

	"lmgen.dev/go/internal/numpy"
	"lmgen.dev/go/internal/text"
)

const sideBySide = 32

// Generation says what to write. The zero value is not one: see Model.Defaults.
type Generation struct {
	// Samples are continuations of each prompt, MaxWords their words at most, Sentences how many end before each ends.
	Samples, MaxWords, Sentences int
	// Stop ends a continuation with the word in which one of these texts is complete.
	Stop []string
	// Seed of all draws: sample s of prompt p, both from 0, draws what numpy.random.default_rng([seed, s, p]) does.
	Seed     *big.Int
	Sampling Sampling
	// IgnoreEnd lets no sentence end.
	IgnoreEnd bool
}

// Defaults are what is written where the user says nothing: the temperature and top-p of the model's manifest.
func (m *Model) Defaults() Generation {
	return Generation{
		Samples: 1, MaxWords: 100, Sentences: 1, Seed: new(big.Int),
		Sampling: Sampling{Temperature: m.Manifest.Temperature, TopP: m.Manifest.TopP},
	}
}

// Check says what is out of range.
func (g *Generation) Check() error {
	if g.Samples < 1 || g.MaxWords < 1 || g.Sentences < 1 {
		return Errorf(Usage, "samples, max-words and sentences must be 1 or more")
	}
	if g.Seed.Sign() < 0 {
		return Errorf(Usage, "the seed must be 0 or more")
	}
	for _, stop := range g.Stop {
		if stop == "" {
			return Errorf(Usage, "a stop text cannot be empty")
		}
	}
	return g.Sampling.Check()
}

// Event is a word that was written, or the end of a continuation.
type Event struct {
	// Prompt and Sample say of which continuation, both from 0; Index is the word's place in it, from 0.
	Prompt, Sample, Index int
	// Word is `</S>` where a sentence ends; "" where a continuation ends without one.
	Word string
	// LogProb is ln of the word's probability in the model's own distribution.
	LogProb float64
	Choice  Choice
	// Ended is "" while it continues; `sentence`, `length` or `stop` at its end. The end is an event of its own.
	Ended string
}

// Generate continues prompts, given as words, and passes on every word as it comes: words of all samples come in
// turn. The same seed gives a sample the same words, alone or among others. It stops with the context's error.
func (m *Model) Generate(ctx context.Context, prompts [][]string, options Generation, emit func(Event) error) error {
	if err := options.Check(); err != nil {
		return err
	}
	batch := &batch{model: m, options: options}
	for first := 0; first < len(prompts); first += sideBySide {
		group := prompts[first:minimum(first+sideBySide, len(prompts))]
		states, err := m.ReadAll(group)
		if err != nil {
			return err
		}
		for i, state := range states {
			for sample := 0; sample < options.Samples; sample++ {
				for len(batch.live) == sideBySide {
					if err := batch.step(ctx, emit); err != nil {
						return err
					}
				}
				batch.add(first+i, sample, state, group[i])
			}
		}
	}
	for len(batch.live) > 0 {
		if err := batch.step(ctx, emit); err != nil {
			return err
		}
	}
	return nil
}

// growing is a continuation in the making.
type growing struct {
	prompt, sample, index, sentences int
	random                           *numpy.Generator
	joiner                           text.Detokenizer
	tail                             string
}

// batch holds continuations that grow side by side, and the memory of each.
type batch struct {
	model   *Model
	options Generation
	live    []*growing
	states  []State
}

func (b *batch) add(prompt, sample int, state State, words []string) {
	entropy := numpy.Words(b.options.Seed)
	for _, number := range []int{sample, prompt} {
		entropy = append(entropy, numpy.Words(big.NewInt(int64(number)))...)
	}
	one := &growing{prompt: prompt, sample: sample, random: numpy.New(entropy)}
	for _, word := range words { // quotes that its last sentence opened are still to be closed
		if word == SentenceEnd {
			one.joiner = text.Detokenizer{}
		} else {
			one.joiner.Add(word)
		}
	}
	b.live = append(b.live, one)
	b.states = append(b.states, state)
}

// step writes one more word of each; those that end leave the batch.
func (b *batch) step(ctx context.Context, emit func(Event) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	logits, err := b.model.Logits(b.states)
	if err != nil {
		return err
	}
	chosen := make([]Event, len(b.live))
	parallel(0, len(b.live), 1, func(begin, end int) {
		for i := begin; i < end; i++ {
			chosen[i] = b.choose(b.live[i], logits[i])
		}
	})
	var live []*growing
	var states []State
	var words []string
	for i, event := range chosen {
		ended, err := b.write(b.live[i], event, emit)
		if err != nil {
			return err
		}
		if !ended {
			live, states, words = append(live, b.live[i]), append(states, b.states[i]), append(words, event.Word)
		}
	}
	b.live, b.states = live, states
	if len(live) > 0 {
		b.states, err = b.model.Follow(states, words)
	}
	return err
}

// choose draws the next word. `<S>`, `<UNK>` and softmax rows without a word are never drawn.
func (b *batch) choose(sample *growing, logits []float32) Event {
	r, vocabulary := rooms.Get().(*room), b.model.Vocabulary
	defer rooms.Put(r)
	total, sampling := r.logTotal(logits), b.options.Sampling
	allowed := r.scaled(logits, sampling.Temperature)
	allowed[vocabulary.ID(SentenceStart)], allowed[vocabulary.ID(Unknown)] = ruledOut, ruledOut
	for row := vocabulary.Size(); row < len(allowed); row++ {
		allowed[row] = ruledOut
	}
	if b.options.IgnoreEnd {
		allowed[vocabulary.ID(SentenceEnd)] = ruledOut
	}
	choice := sampling.choose(r, allowed, sample.random.Float64)
	return Event{
		Prompt: sample.prompt, Sample: sample.sample, Index: sample.index, Word: vocabulary.Word(choice.ID),
		LogProb: float64(logits[choice.ID]) - total, Choice: choice,
	}
}

// write passes on a word, and the end if the continuation is complete.
func (b *batch) write(sample *growing, event Event, emit func(Event) error) (ended bool, err error) {
	if event.Word == SentenceEnd {
		sample.sentences++
	}
	if event.Word == SentenceEnd && sample.sentences == b.options.Sentences {
		event.Ended = "sentence"
		return true, emit(event)
	}
	if err := emit(event); err != nil {
		return true, err
	}
	sample.index++
	end := Event{Prompt: sample.prompt, Sample: sample.sample, Index: sample.index}
	switch {
	case b.stopped(sample, event.Word):
		end.Ended = "stop"
	case sample.index == b.options.MaxWords:
		end.Ended = "length"
	default:
		return false, nil
	}
	return true, emit(end)
}

// stopped says whether a stop text is complete; of the text only what one could begin in is kept.
func (b *batch) stopped(sample *growing, word string) bool {
	if len(b.options.Stop) == 0 {
		return false
	}
	if word == SentenceEnd {
		sample.joiner, sample.tail = text.Detokenizer{}, sample.tail+" "
		return false
	}
	sample.tail += sample.joiner.Add(word)
	longest, found := 0, false
	for _, stop := range b.options.Stop {
		found = found || strings.Contains(sample.tail, stop)
		if len(stop) > longest {
			longest = len(stop)
		}
	}
	if len(sample.tail) > longest {
		sample.tail = sample.tail[len(sample.tail)-longest:]
	}
	return found
}
