package lm

import (
	"bytes"
	"strings"
)

// Marks of the vocabulary.
const (
	SentenceEnd   = "</S>"
	SentenceStart = "<S>"
	Unknown       = "<UNK>"
)

const (
	noWord     = "!!!MAXTERMID"
	asciiSpace = " \t\n\r\v\f"
	longest    = 48
	wordLength = longest + 2
)

// Characters are how the model reads a word: bytes between the word's marks, then padding.
type Characters [wordLength]byte

// Vocabulary holds the words a model can predict, by id, and spells any word at all.
type Vocabulary struct {
	words                                 []string
	ids                                   map[string]int
	spelled                               bool
	start, end, wordStart, wordEnd, blank byte
}

// parseVocabulary reads the release's form: one word a line, whose number is the word's id; `!!!MAXTERMID` takes none.
func parseVocabulary(data []byte, spelledMarks bool) (*Vocabulary, string) {
	v := &Vocabulary{spelled: spelledMarks}
	used := [256]bool{}
	for _, line := range bytes.Split(data, []byte("\n")) {
		word := strings.Trim(string(line), asciiSpace)
		if word == "" || word == noWord {
			continue
		}
		v.words = append(v.words, word)
		for i := 0; i < len(word); i++ {
			used[word[i]] = true
		}
	}
	v.ids = make(map[string]int, len(v.words))
	for id, word := range v.words {
		v.ids[word] = id
	}
	for _, mark := range []string{SentenceEnd, SentenceStart, Unknown} {
		if _, there := v.ids[mark]; !there {
			return nil, "it has no line " + mark + ": is it a vocabulary file?"
		}
	}
	free := []*byte{&v.start, &v.end, &v.wordStart, &v.wordEnd, &v.blank}
	for value := 0; value < 256 && len(free) > 0; value++ {
		if !used[value] {
			*free[0], free = byte(value), free[1:]
		}
	}
	if len(free) > 0 {
		return nil, "the vocabulary's words use too many byte values: five must be free"
	}
	return v, ""
}

func (f *Folder) readVocabulary(spelledMarks bool) (*Vocabulary, error) {
	data, err := f.named(f.Vocabulary)
	if err != nil {
		return nil, err
	}
	vocabulary, wrong := parseVocabulary(data, spelledMarks)
	if wrong != "" {
		return nil, Errorf(Integrity, "%s cannot be used: %s", f.Path(f.Vocabulary), wrong)
	}
	if want := f.Manifest.Words; want != 0 && want != vocabulary.Size() {
		return nil, Errorf(
			Integrity, "%s has %d words, and %d by %s: replace it with a good copy", f.Path(f.Vocabulary), vocabulary.Size(), want, manifestName,
		)
	}
	return vocabulary, nil
}

// Size is how many words there are.
func (v *Vocabulary) Size() int { return len(v.words) }

// Word is that of an id, which must be below Size.
func (v *Vocabulary) Word(id int) string { return v.words[id] }

// Has says whether a word can be predicted.
func (v *Vocabulary) Has(word string) bool { _, there := v.ids[word]; return there }

// ID is the word's, or that of `<UNK>`.
func (v *Vocabulary) ID(word string) int {
	if id, there := v.ids[word]; there {
		return id
	}
	return v.ids[Unknown]
}

// Spell gives a word's characters. `<S>` and `</S>` are the special rows of training, unless marks are to be spelled.
func (v *Vocabulary) Spell(word string) Characters {
	var spelled Characters
	letters := []byte(word)
	if len(letters) > longest {
		letters = letters[:longest]
	}
	if !v.spelled && word == SentenceStart {
		letters = []byte{v.start}
	} else if !v.spelled && word == SentenceEnd {
		letters = []byte{v.end}
	}
	spelled[0] = v.wordStart
	place := 1 + copy(spelled[1:], letters)
	spelled[place] = v.wordEnd
	for place++; place < len(spelled); place++ {
		spelled[place] = v.blank
	}
	return spelled
}
