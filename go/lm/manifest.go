package lm

import (
	"fmt"

	"lmgen.dev/go/internal/toml"
)

// Manifest is what a model says of itself.
type Manifest struct {
	// Words is the size of the vocabulary; 0 if it is not said.
	Words int
	// Context is `sentence` where the LSTM state is emptied at `</S>`, `stream` where it is carried on, as in training.
	Context string
	// Temperature and TopP are how words are chosen where the user says nothing.
	Temperature, TopP float64
	checksums         map[string]map[string]string
}

// Carries says whether the LSTM state is carried from one sentence to the next.
func (m *Manifest) Carries() bool { return m.Context == "stream" }

func withoutManifest() Manifest { return Manifest{Context: "stream", Temperature: 1, TopP: 1} }

// known are the fields of a manifest, with the Go types they may have; a file with any other is a newer one.
var known = map[string]func(any) bool{
	"name": isText, "description": isText, "licence": isText, "citation": isText, "context": isText,
	"words": isWhole, "shape": isTable, "generation": isTable, "training": isTable, "files": isTable,
	"mirrors": isList, "expectations": isList,
}

func isText(value any) bool  { _, fits := value.(string); return fits }
func isWhole(value any) bool { _, fits := value.(int64); return fits }
func isTable(value any) bool { _, fits := value.(toml.Table); return fits }
func isList(value any) bool  { _, fits := value.([]any); return fits }

func parseManifest(text string) (Manifest, error) {
	manifest := withoutManifest()
	facts, err := toml.Parse(text)
	if err != nil {
		return manifest, err
	}
	for name, value := range facts {
		fits, there := known[name]
		if !there {
			return manifest, fmt.Errorf("it has %q, which this program does not know: is it a newer one?", name)
		}
		if !fits(value) {
			return manifest, fmt.Errorf("%s is of another kind than it should be", name)
		}
	}
	for _, needed := range []string{"name", "description", "licence", "shape", "words"} {
		if facts[needed] == nil {
			return manifest, fmt.Errorf("it has no %s", needed)
		}
	}
	words, _ := facts["words"].(int64)
	manifest.Words = int(words)
	if err := manifest.takeContext(facts); err != nil {
		return manifest, err
	}
	if err := manifest.takeGeneration(facts); err != nil {
		return manifest, err
	}
	return manifest, manifest.takeFiles(facts)
}

// takeContext sets Context; where none is given it is that of the training's recipe, and the release carried the state.
func (m *Manifest) takeContext(facts toml.Table) error {
	context, _ := facts["context"].(string)
	if context != "" && context != "sentence" && context != "stream" {
		return fmt.Errorf("the context must be one of sentence, stream, not %q", context)
	}
	training, _ := facts["training"].(toml.Table)
	recipe, _ := training["recipe"].(toml.Table)
	if trained, _ := recipe["context"].(string); context == "" {
		context = trained
	}
	if context != "" {
		m.Context = context
	}
	return nil
}

func (m *Manifest) takeGeneration(facts toml.Table) error {
	defaults, _ := facts["generation"].(toml.Table)
	for name, value := range defaults {
		number, fits := value.(float64)
		if whole, isWhole := value.(int64); isWhole {
			number, fits = float64(whole), true
		}
		switch {
		case !fits:
			return fmt.Errorf("%s in [generation] is no number", name)
		case name == "temperature":
			m.Temperature = number
		case name == "top_p":
			m.TopP = number
		default:
			return fmt.Errorf("[generation] has %q, which this program does not know: is it a newer one?", name)
		}
	}
	if Sampling := (Sampling{Temperature: m.Temperature, TopP: m.TopP}); Sampling.Check() != nil {
		return fmt.Errorf("[generation] has a temperature or top_p out of range")
	}
	return nil
}

// takeFiles sets the checksums: in TOML a sha256 alone may stand for a file.
func (m *Manifest) takeFiles(facts toml.Table) error {
	m.checksums = map[string]map[string]string{}
	files, _ := facts["files"].(toml.Table)
	for name, value := range files {
		sums := map[string]string{}
		if sum, alone := value.(string); alone {
			sums["sha256"] = sum
		} else if table, fits := value.(toml.Table); fits {
			for _, kind := range []string{"md5", "sha256", "sha512"} {
				if sum, there := table[kind].(string); there {
					sums[kind] = sum
				}
			}
		} else {
			return fmt.Errorf("%s in [files] is no table", name)
		}
		for kind, sum := range sums {
			if digits := map[string]int{"md5": 32, "sha256": 64, "sha512": 128}[kind]; len(sum) != digits {
				return fmt.Errorf("a %s has %d digits 0 to f, unlike %q", kind, digits, sum)
			}
		}
		m.checksums[name] = sums
	}
	return nil
}
