// Package lm runs word-level language models of the lm_1b family, read from a folder in the released layout as `lmgen
// train` writes it: a graph, a vocabulary, the twelve files of a checkpoint and, if there is one, model.toml.
//
//	model, err := lm.Open("models/mini", lm.Options{})
//	defer model.Close()
//	text, err := model.Read(lm.Tokenize("I love that I"))
//	logits, err := model.Logits([]lm.State{text})
//
// A Model may be used by any number of goroutines.
package lm

import (
	"io/fs"

	"lmgen.dev/go/internal/text"
)

// Tokenize gives the words of a text: Moses' rules, with `</S>` between sentences.
func Tokenize(sentences string) []string { return text.TokenizeSentences(sentences) }

// Detokenize gives words as natural text; `</S>` ends a sentence.
func Detokenize(words []string) string { return text.Detokenize(words) }

// State is the LSTM memory of one text: for each layer c, then h. It is never changed in place.
type State [][]float32

// Engine computes. Its methods may be called by any number of goroutines.
type Engine interface {
	// Rows is how many softmax rows there are; those from the vocabulary's size on belong to no word.
	Rows() int
	// Start is an empty memory.
	Start() State
	// Advance lets each text read one word.
	Advance(states []State, words []Characters) ([]State, error)
	// Logits are those of each text's next word, [texts][rows]. They belong to the caller.
	Logits(states []State) ([][]float32, error)
	// Close frees the memory that a C library holds, once no goroutine computes any more; from then on what computes is
	// refused. It may be called again. In plain Go there is nothing to free, and it does nothing.
	Close()
}

// Options say what computes, and how.
type Options struct {
	// Engine is "" or "go", "litert" for LiteRT's C library on converted files, "tensorflow" for TensorFlow's on the graph.
	Engine string
	// Precision is "" for the engine's own; in Go "float32", or "int8" for LSTMs and softmax in int8, of converted files if
	// there are any; "fast" by LiteRT.
	Precision string
	// Library is LiteRT's or TensorFlow's file, "" for that which LMGEN_LITERT or LMGEN_TENSORFLOW names, or else that of
	// the Python package; Home is where lmgen keeps what it makes, or "".
	Library, Home string
	// Threads is how many cores are used, 0 for all.
	Threads int
	// SpelledMarks reads `<S>` and `</S>` by their spelling, as the program of 2016 did.
	SpelledMarks bool
}

// Model is a language model.
type Model struct {
	Engine
	Vocabulary *Vocabulary
	Manifest   Manifest
}

// Open reads a model from its folder.
func Open(folder string, options Options) (*Model, error) {
	found, err := OpenFolder(folder)
	if err != nil {
		return nil, err
	}
	return found.Open(options)
}

// OpenFS reads a model from files anywhere, such as those embedded in a program; messages call them by the name given.
func OpenFS(files fs.FS, name string, options Options) (*Model, error) {
	found, err := openFiles(files, name)
	if err != nil {
		return nil, err
	}
	return found.Open(options)
}

// Open reads the model.
func (f *Folder) Open(options Options) (*Model, error) {
	vocabulary, err := f.readVocabulary(options.SpelledMarks)
	if err != nil {
		return nil, err
	}
	if f.Checkpoint {
		if _, err := f.named(f.Graph); err != nil {
			return nil, err
		}
	}
	engine, err := f.engine(options)
	if err != nil {
		return nil, err
	}
	if engine.Rows() < vocabulary.Size() {
		engine.Close()
		return nil, Errorf(
			Integrity, "%s has %d words, the softmax only %d rows: they do not belong together",
			f.Path(f.Vocabulary), vocabulary.Size(), engine.Rows(),
		)
	}
	return &Model{engine, vocabulary, f.Manifest}, nil
}

func (f *Folder) engine(options Options) (Engine, error) {
	switch options.Engine {
	case "", "go":
		return openNetwork(f, options)
	case "litert":
		return openConverted(f, options)
	case "tensorflow":
		return openSession(f, options)
	}
	return nil, Errorf(Usage, "there is no engine %q: go, litert or tensorflow", options.Engine)
}

// Follow lets each text have one more word. Where a sentence has ended, the next one's `<S>` is read, with the memory
// carried or emptied as the model was trained; `</S>` itself is never read.
func (m *Model) Follow(states []State, words []string) ([]State, error) {
	before, read := make([]State, len(states)), make([]Characters, len(states))
	for i, word := range words {
		before[i] = states[i]
		if word == SentenceEnd {
			if !m.Manifest.Carries() {
				before[i] = m.Start()
			}
			word = SentenceStart
		}
		read[i] = m.Vocabulary.Spell(word)
	}
	return m.Advance(before, read)
}

// Read begins a sentence and reads words; after a `</S>` among them, the next sentence.
func (m *Model) Read(words []string) (State, error) {
	states, err := m.ReadAll([][]string{words})
	if err != nil {
		return nil, err
	}
	return states[0], nil
}

// ReadAll begins a sentence for each text and reads them side by side.
func (m *Model) ReadAll(texts [][]string) ([]State, error) {
	states, needed, live := make([]State, len(texts)), make([][]string, len(texts)), []int{}
	for i, words := range texts {
		states[i] = m.Start()
		if !m.Manifest.Carries() {
			words = lastSentence(words)
		}
		needed[i] = append([]string{SentenceStart}, words...)
		live = append(live, i)
	}
	for place := 0; len(live) > 0; place++ {
		before, words := make([]State, len(live)), make([]string, len(live))
		for row, i := range live {
			before[row], words[row] = states[i], needed[i][place]
		}
		after, err := m.Follow(before, words)
		if err != nil {
			return nil, err
		}
		going := live[:0]
		for row, i := range live {
			states[i] = after[row]
			if place+1 < len(needed[i]) {
				going = append(going, i)
			}
		}
		live = going
	}
	return states, nil
}

// lastSentence is what is left to read where the memory is emptied at each `</S>`.
func lastSentence(words []string) []string {
	for place := len(words) - 1; place >= 0; place-- {
		if words[place] == SentenceEnd {
			return words[place+1:]
		}
	}
	return words
}
