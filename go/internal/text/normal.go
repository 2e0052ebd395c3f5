package text

import (
	"strings"
	"unicode"
)

const (
	zeroWidthNonJoiner, zeroWidthJoiner = 0x200c, 0x200d
	// Stand-ins: Yi syllables, which Moses' rules take for letters, and private characters, which they take for none.
	firstLetter, lastLetter = 0xa000, 0xa48c
	firstOther, lastOther   = 0xe000, 0xf8ff
)

// normalized composes letters and marks that follow them, as Unicode's form NFC does, and drops invisible marks. Marks in
// another order than Unicode's, and Hangul in parts, stay as they are.
func (m *moses) normalized(runes []rune) []rune {
	out := make([]rune, 0, len(runes))
	for _, r := range runes {
		if len(out) > 0 {
			if whole, known := m.compositions[[2]rune{out[len(out)-1], r}]; known {
				out[len(out)-1] = whole
				continue
			}
		}
		out = append(out, r)
	}
	return replace(out, func(out, rest []rune) ([]rune, int) {
		if invisible(rest[0]) {
			return out, 1
		}
		return out, 0
	})
}

func invisible(r rune) bool {
	switch r {
	case 0xad, 0x61c, 0x180e, 0x200b, 0x200e, 0x200f, 0xfeff:
		return true
	}
	return r >= 0x202a && r <= 0x202e || r >= 0x2060 && r <= 0x2064 || r >= 0x2066 && r <= 0x2069
}

var penn = strings.NewReplacer("-LRB-", "(", "-RRB-", ")", "-LSB-", "[", "-RSB-", "]", "-LCB-", "{", "-RCB-", "}")

// brackets are read as such where the Penn Treebank spells them.
func brackets(runes []rune) []rune {
	return replace(runes, func(out, rest []rune) ([]rune, int) {
		if rest[0] != '-' || len(rest) < 5 {
			return out, 0
		}
		spelled := Encode(rest[:5])
		if plain := penn.Replace(spelled); plain != spelled && len(plain) == 1 {
			return append(out, rune(plain[0])), 5
		}
		return out, 0
	})
}

var cutOffs = []string{"n't", "'s", "'re", "'ve", "'d", "'ll", "'m"}

// cutOff drops the space before what the Penn Treebank cuts off a word.
func cutOff(out, rest []rune) ([]rune, int) {
	if rest[0] != ' ' || len(out) == 0 || !isWord(out[len(out)-1]) {
		return out, 0
	}
	for _, end := range cutOffs {
		size := len(end) + 1
		if len(rest) >= size && strings.EqualFold(Encode(rest[1:size]), end) && (len(rest) == size || !isWord(rest[size])) {
			return append(out, rest[1:size]...), size
		}
	}
	return out, 0
}

// standIns are what some sequences of characters are replaced by.
type standIns map[rune][]rune

// keptTogether puts one stand-in for each sequence that is one character to the eye: a letter with a mark that has no
// composed form, an emoji of several, a flag.
func keptTogether(runes []rune) ([]rune, standIns) {
	taken, known, wholes := map[rune]bool{}, map[string]rune{}, standIns{}
	for _, r := range runes {
		taken[r] = true
	}
	letter, other := rune(firstLetter), rune(firstOther)
	out := make([]rune, 0, len(runes))
	for begin, end := 0, 0; begin < len(runes); begin = end {
		for end = begin + 1; end < len(runes) && continues(runes[begin:end], runes[end]); end++ {
		}
		whole := runes[begin:end]
		if len(whole) == 1 {
			out = append(out, whole...)
			continue
		}
		free, last := &other, rune(lastOther)
		if unicode.IsLetter(whole[0]) || unicode.IsNumber(whole[0]) {
			free, last = &letter, lastLetter
		}
		for known[string(whole)] == 0 && taken[*free] && *free <= last {
			*free++
		}
		if known[string(whole)] == 0 && *free <= last {
			known[string(whole)], wholes[*free] = *free, whole
			*free++
		}
		if standIn := known[string(whole)]; standIn != 0 {
			out = append(out, standIn)
		} else {
			out = append(out, whole...)
		}
	}
	return out, wholes
}

func continues(whole []rune, r rune) bool {
	if r < 0x300 || isSpace(whole[0]) {
		return false
	}
	skinTone, tag := r >= 0x1f3fb && r <= 0x1f3ff, r >= 0xe0020 && r <= 0xe007f
	if r == zeroWidthNonJoiner || r == zeroWidthJoiner || skinTone || tag || unicode.Is(unicode.M, r) {
		return true
	}
	if whole[len(whole)-1] == zeroWidthJoiner && !unicode.IsLetter(whole[0]) && !unicode.IsNumber(whole[0]) {
		return true
	}
	return len(whole) == 1 && isFlag(whole[0]) && isFlag(r)
}

func isFlag(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

// back puts what was replaced into its place again.
func (s standIns) back(runes []rune) []rune {
	if len(s) == 0 {
		return runes
	}
	return replace(runes, func(out, rest []rune) ([]rune, int) {
		if whole, known := s[rest[0]]; known {
			return append(out, whole...), 1
		}
		return out, 0
	})
}
