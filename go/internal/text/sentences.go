package text

import "strings"

// SentenceEnd stands between the words of two sentences.
const SentenceEnd = "</S>"

const (
	marks   = ".?!…"
	closing = "\"'”’)]"
	opening = "\"'“‘(["
)

// TokenizeSentences gives the words of a text's sentences, with SentenceEnd between them.
func TokenizeSentences(text string) []string {
	var words []string
	for i, sentence := range Sentences(text) {
		if i > 0 && len(words) > 0 {
			words = append(words, SentenceEnd)
		}
		words = append(words, Tokenize(sentence)...)
	}
	return words
}

// Sentences cuts a text where Moses' rules end sentences: at a mark, with the quotes and brackets that close there,
// before a capital letter or a digit; not after an abbreviation, initials, or `No.` before a number.
func Sentences(text string) []string {
	if !strings.ContainsAny(text, marks) {
		return []string{text}
	}
	runes, begin := Decode(text), 0
	var sentences []string
	for i := 0; i < len(runes); {
		mark, next, following := breakAt(runes, i)
		if next < 0 {
			i++
			continue
		}
		if (isUpper(following) || isDigit(following)) && !abbreviated(runes[begin:mark], following) {
			sentences = append(sentences, Encode(strip(runes[begin:next])))
			begin = next
		}
		i = next
	}
	return append(sentences, Encode(runes[begin:]))
}

// breakAt finds a break that begins at a place: the end of its marks, where the next sentence begins, and the letter or
// digit that this begins with. The place is -1 where there is none.
func breakAt(runes []rune, begin int) (mark, next int, following rune) {
	mark = over(runes, begin, func(r rune) bool { return strings.ContainsRune(marks, r) })
	closed := over(runes, mark, func(r rune) bool { return strings.ContainsRune(closing, r) })
	next = over(runes, closed, isSpace)
	first := over(runes, next, func(r rune) bool { return strings.ContainsRune(opening, r) })
	if mark == begin || next == closed || first == len(runes) || !isWord(runes[first]) {
		return mark, -1, 0
	}
	return mark, next, runes[first]
}

func over(runes []rune, place int, kind func(rune) bool) int {
	for place < len(runes) && kind(runes[place]) {
		place++
	}
	return place
}

// abbreviated says whether the full stop at the end of a text belongs to its last word.
func abbreviated(before []rune, following rune) bool {
	words := split(before)
	word := words[len(words)-1]
	word = word[over(word, 0, func(r rune) bool { return strings.ContainsRune(opening, r) }):]
	last := len(word) - 1
	if last < 0 || word[last] != '.' || last > 0 && word[last-1] == '.' {
		return false
	}
	word = word[:last]
	text, m := Encode(word), mosesRules()
	return m.always[text] || initials(word) || m.beforeNumbers[text] && isDigit(following)
}

// initials says whether a word is letters with full stops between, as `U.S`.
func initials(word []rune) bool {
	for i, r := range word {
		if i%2 == 0 && !isWord(r) || i%2 == 1 && r != '.' {
			return false
		}
	}
	return len(word) > 2 && len(word)%2 == 1
}
