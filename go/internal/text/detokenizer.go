package text

import (
	"strings"
	"unicode"
)

var (
	closers = set(`. , ; : ? ! ) ] } % / ...`)
	openers = set(`( [ { $ £ € # / ¿ ¡`)
	ends    = set(`. ! ? ...`)
)

func set(words string) map[string]bool {
	found := map[string]bool{}
	for _, word := range strings.Fields(words) {
		found[word] = true
	}
	return found
}

// Detokenizer joins words as one writes, one after the other: `don 't` to `don't`, no space before a full stop. Straight
// quotes open and close in turn; an apostrophe after a plural (`the dogs '`) closes nothing, and a quote after the end of a
// sentence opens nothing. The zero value begins a text.
type Detokenizer struct {
	earlier, last string
	open          map[string]bool
	spaced        bool
}

// Add gives what the next word adds to the text: itself, after a space where one belongs.
func (d *Detokenizer) Add(word string) string {
	if d.open == nil {
		d.open = map[string]bool{}
	}
	quote := word == `"` || word == `'`
	possessive := word == `'` && !d.open[word] && strings.HasSuffix(d.last, "s")
	stray := word == `"` && !d.open[word] && ends[d.last]
	closes := d.open[word] || possessive || stray
	glued := !d.spaced || closes || closers[word] || d.continues(word)
	if quote && !possessive && !stray {
		d.open[word] = !d.open[word]
	}
	d.spaced = !(openers[word] || word == "@" || quote && !closes)
	d.earlier, d.last = d.last, word
	if glued {
		return word
	}
	return " " + word
}

// continues says whether the word was cut off the one before: `'s`, `O 'Brien`, `7 : 49`, `AT & T`, `me @ example.com`.
func (d *Detokenizer) continues(word string) bool {
	last := Decode(d.last)
	switch {
	case d.last == ":" && allDigits(d.earlier) && allDigits(word):
		return true
	case d.last == "&":
		return isShort(d.earlier) && isShort(word)
	case word == "&":
		return isShort(d.last)
	case len(last) == 0:
		return false
	}
	before := last[len(last)-1]
	return isRest(word) && unicode.IsLetter(before) || word == "@" && (unicode.IsLetter(before) || unicode.IsNumber(before))
}

// isRest says whether Moses' rules cut a word off at an apostrophe between letters: `'t`, `'Brien`, `'clock`.
func isRest(word string) bool {
	for _, r := range Decode(strings.TrimPrefix(word, "'")) {
		if !isWord(r) || isDigit(r) {
			return false
		}
	}
	return len(word) > 1 && word[0] == '\''
}

// isShort says whether a word is written without spaces at an ampersand: `AT&T`, `R&D`.
func isShort(word string) bool {
	for i := 0; i < len(word); i++ {
		if word[i] < 'A' || word[i] > 'Z' {
			return false
		}
	}
	return len(word) >= 1 && len(word) <= 3
}

func allDigits(word string) bool {
	for _, r := range word {
		if !isDigit(r) {
			return false
		}
	}
	return word != ""
}

// Detokenize gives words of sentences, each but the last ended by SentenceEnd, as natural text.
func Detokenize(words []string) string {
	var text strings.Builder
	joiner := Detokenizer{}
	for _, word := range words {
		if word == SentenceEnd {
			joiner = Detokenizer{}
			continue
		}
		piece := joiner.Add(word)
		if joiner.earlier == "" && text.Len() > 0 {
			piece = " " + piece
		}
		text.WriteString(piece)
	}
	return text.String()
}
