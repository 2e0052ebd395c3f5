// Package text makes words of a text and a text of words, by the rules of the training text: Moses' for English, after
// quotes, dashes and ellipses became ASCII.
package text

import (
	"unicode"
	"unicode/utf8"
)

// escaped plus a byte stands for a byte that is no UTF-8, as Python's surrogateescape has it.
const escaped = 0xdc00

// Decode gives a text's characters; bytes that are no UTF-8 stay what they are for Encode.
func Decode(text string) []rune {
	runes := make([]rune, 0, len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			r = escaped + rune(text[i])
		}
		runes = append(runes, r)
		i += size
	}
	return runes
}

// Encode is the inverse of Decode.
func Encode(runes []rune) string {
	bytes := make([]byte, 0, len(runes))
	for _, r := range runes {
		if r >= escaped+0x80 && r <= escaped+0xff {
			bytes = append(bytes, byte(r-escaped))
		} else {
			bytes = utf8.AppendRune(bytes, r)
		}
	}
	return string(bytes)
}

// isSpace is Python's white space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// isWord is what `\w` means in Python.
func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

func isUpper(r rune) bool { return unicode.IsUpper(r) || unicode.Is(unicode.Other_Uppercase, r) }

// digits are numbers of a single digit beside the decimal ones (Numeric_Type=Digit, Unicode 13).
var digits = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0xb2, 0xb3, 1}, {0xb9, 0xb9, 1}, {0x1369, 0x1371, 1}, {0x19da, 0x19da, 1}, {0x2070, 0x2070, 1},
		{0x2074, 0x2079, 1}, {0x2080, 0x2089, 1}, {0x2460, 0x2468, 1}, {0x2474, 0x247c, 1}, {0x2488, 0x2490, 1},
		{0x24ea, 0x24ea, 1}, {0x24f5, 0x24fd, 1}, {0x24ff, 0x24ff, 1}, {0x2776, 0x277e, 1}, {0x2780, 0x2788, 1},
		{0x278a, 0x2792, 1},
	},
	R32: []unicode.Range32{
		{0x10a40, 0x10a43, 1}, {0x10e60, 0x10e68, 1}, {0x11052, 0x1105a, 1}, {0x1f100, 0x1f10a, 1},
	},
	LatinOffset: 2,
}

func isDigit(r rune) bool { return unicode.IsDigit(r) || unicode.Is(digits, r) }

// Split gives the words between white space.
func Split(text string) []string { return encodeAll(split(Decode(text))) }

func split(runes []rune) [][]rune {
	var words [][]rune
	begin := -1
	for i, r := range runes {
		if isSpace(r) {
			if begin >= 0 {
				words = append(words, runes[begin:i])
			}
			begin = -1
		} else if begin < 0 {
			begin = i
		}
	}
	if begin >= 0 {
		words = append(words, runes[begin:])
	}
	return words
}

func encodeAll(words [][]rune) []string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = Encode(word)
	}
	return texts
}
