package text

import (
	_ "embed" // tables.txt
	"sort"
	"strconv"
	"strings"
	"sync"
)

//go:generate python3 tables.py

//go:embed tables.txt
var tablesText string

// ranges are first and last characters, ascending.
type ranges [][2]rune

func (s ranges) has(r rune) bool {
	place := sort.Search(len(s), func(i int) bool { return s[i][1] >= r })
	return place < len(s) && s[place][0] <= r
}

// moses holds the sets of characters and the abbreviations of Moses' rules.
type moses struct {
	number, alnum, alpha, lower ranges
	always, beforeNumbers       map[string]bool
	compositions                map[[2]rune]rune
}

var (
	rules     moses
	readRules sync.Once
)

// mosesRules are read when a text first needs them.
func mosesRules() *moses {
	readRules.Do(func() {
		lines := strings.Split(strings.TrimSpace(tablesText), "\n")
		for i, set := range []*ranges{&rules.number, &rules.alnum, &rules.alpha, &rules.lower} {
			for _, part := range strings.Fields(lines[i])[1:] {
				bounds := strings.Split(part, "-")
				low, _ := strconv.ParseInt(bounds[0], 16, 32)
				high, _ := strconv.ParseInt(bounds[1], 16, 32)
				*set = append(*set, [2]rune{rune(low), rune(high)})
			}
		}
		rules.compositions = map[[2]rune]rune{}
		for _, part := range strings.Fields(lines[6])[1:] {
			var codes [3]rune
			for i, code := range strings.Split(part, "-") {
				number, _ := strconv.ParseInt(code, 16, 32)
				codes[i] = rune(number)
			}
			rules.compositions[[2]rune{codes[0], codes[1]}] = codes[2]
		}
		for i, set := range []*map[string]bool{&rules.always, &rules.beforeNumbers} {
			*set = map[string]bool{}
			for _, word := range strings.Fields(lines[4+i])[1:] {
				(*set)[word] = true
			}
		}
	})
	return &rules
}

// straight makes ASCII of quotes, dashes, ellipses and the space that does not break.
var straight = map[rune]string{
	'‘': "'", '’': "'", '‚': "'", '‛': "'", '´': "'", '`': "'",
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '«': `"`, '»': `"`,
	'—': " -- ", '–': "-", '…': "...", '\u00a0': " ",
}

// Tokenize gives the words of a sentence. What the Penn Treebank cuts off a word is put back first: `does n't`, `-LRB-`.
func Tokenize(text string) []string {
	if isPlain(text) {
		return strings.Fields(text)
	}
	m := mosesRules()
	runes := replace(brackets(straighten(m.normalized(Decode(text)))), cutOff)
	runes, wholes := keptTogether(runes)
	runes = m.separate(squeeze(runes))
	runes = m.abbreviations(m.apostrophes(runes))
	runes = replace(runes, trailingDotApostrophe)
	return encodeAll(split(wholes.back(replace(runes, restoredDots))))
}

func isPlain(text string) bool {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c != ' ' && (c < '0' || c > '9' && c < 'A' || c > 'Z' && c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func straighten(text []rune) []rune {
	var runes []rune
	for _, r := range replace(text, dashBetweenSpaces) {
		if plain, known := straight[r]; known {
			runes = append(runes, []rune(plain)...)
		} else {
			runes = append(runes, r)
		}
	}
	return replace(runes, func(out, rest []rune) ([]rune, int) {
		if len(rest) > 1 && rest[0] == '\'' && rest[1] == '\'' {
			return append(out, '"'), 2
		}
		return out, 0
	})
}

func dashBetweenSpaces(out, rest []rune) ([]rune, int) {
	if hasPrefix(rest, " – ") {
		return append(out, ' ', '-', '-', ' '), 3
	}
	return out, 0
}

// squeeze makes one space of white space, drops control characters, and strips.
func squeeze(runes []rune) []rune {
	out := make([]rune, 0, len(runes))
	for _, r := range runes {
		switch {
		case isSpace(r):
			if len(out) == 0 || out[len(out)-1] != ' ' {
				out = append(out, ' ')
			}
		case r > 0x1f:
			out = append(out, r)
		}
	}
	return strip(out)
}

func strip(runes []rune) []rune {
	for len(runes) > 0 && isSpace(runes[0]) {
		runes = runes[1:]
	}
	for len(runes) > 0 && isSpace(runes[len(runes)-1]) {
		runes = runes[:len(runes)-1]
	}
	return runes
}

// rule appends what takes the place of the beginning of `rest`, and says how much of it; 0 where it does not apply.
type rule func(out, rest []rune) ([]rune, int)

// replace applies a rule from left to right, each time after what it took.
func replace(runes []rune, apply rule) []rune {
	out := make([]rune, 0, len(runes)+len(runes)/8)
	for i := 0; i < len(runes); {
		made, size := apply(out, runes[i:])
		if size == 0 {
			made, size = append(out, runes[i]), 1
		}
		out = made
		i += size
	}
	return out
}

// separate puts spaces around what is no letter or digit, around runs of dots, which get a name meanwhile, and around
// commas that are not within numbers.
func (m *moses) separate(runes []rune) []rune {
	runes = replace(runes, func(out, rest []rune) ([]rune, int) {
		if r := rest[0]; m.alnum.has(r) || isSpace(r) || strings.ContainsRune(".'`,-", r) {
			return out, 0
		}
		return append(out, ' ', rest[0], ' '), 1
	})
	runes = replace(runes, namedDots)
	runes = replace(runes, func(out, rest []rune) ([]rune, int) {
		if len(rest) > 1 && rest[1] == ',' && !m.number.has(rest[0]) {
			return append(out, rest[0], ' ', ',', ' '), 2
		}
		return out, 0
	})
	runes = replace(runes, func(out, rest []rune) ([]rune, int) {
		if len(rest) > 1 && rest[0] == ',' && !m.number.has(rest[1]) {
			return append(out, ' ', ',', ' ', rest[1]), 2
		}
		return out, 0
	})
	return replace(runes, func(out, rest []rune) ([]rune, int) {
		if len(rest) == 2 && rest[1] == ',' && m.number.has(rest[0]) {
			return append(out, rest[0], ' ', ',', ' '), 2
		}
		return out, 0
	})
}

func namedDots(out, rest []rune) ([]rune, int) {
	count := 0
	for count < len(rest) && rest[count] == '.' {
		count++
	}
	if count < 2 {
		return out, 0
	}
	out = append(out, []rune(" "+strings.Repeat("DOT", count)+"MULTI")...)
	if count < len(rest) {
		out = append(out, ' ')
	}
	return out, count
}

func restoredDots(out, rest []rune) ([]rune, int) {
	count := 0
	for hasPrefix(rest[3*count:], "DOT") {
		count++
	}
	if count == 0 || !hasPrefix(rest[3*count:], "MULTI") {
		return out, 0
	}
	return append(out, []rune(strings.Repeat(".", count))...), 3*count + 5
}

func hasPrefix(runes []rune, prefix string) bool {
	wanted := []rune(prefix)
	return len(runes) >= len(wanted) && string(runes[:len(wanted)]) == prefix
}

func trailingDotApostrophe(out, rest []rune) ([]rune, int) {
	if text := string(rest); text == ".'" || text == ".' " {
		return append(out, ' ', '.', ' ', '\'', ' '), len(rest)
	}
	return out, 0
}

// apostrophes cuts off what an apostrophe begins: five rules, one after the other.
func (m *moses) apostrophes(runes []rune) []rune {
	letter, number := m.alpha.has, m.number.has
	for _, one := range []struct {
		before, after func(rune) bool
		between       string
	}{
		{not(letter), not(letter), " ' "},
		{func(r rune) bool { return !letter(r) && !number(r) }, letter, " ' "},
		{letter, not(letter), " ' "},
		{letter, letter, " '"},
		{number, func(r rune) bool { return r == 's' }, " '"},
	} {
		runes = replace(runes, func(out, rest []rune) ([]rune, int) {
			if len(rest) < 3 || rest[1] != '\'' || !one.before(rest[0]) || !one.after(rest[2]) {
				return out, 0
			}
			return append(append(append(out, rest[0]), []rune(one.between)...), rest[2]), 3
		})
	}
	return runes
}

func not(set func(rune) bool) func(rune) bool { return func(r rune) bool { return !set(r) } }

// abbreviations cuts the full stop off words that are none.
func (m *moses) abbreviations(runes []rune) []rune {
	words := split(runes)
	var out []rune
	for i, word := range words {
		var next []rune
		if i+1 < len(words) {
			next = words[i+1]
		}
		last := len(word) - 1
		if i > 0 {
			out = append(out, ' ')
		}
		if last > 0 && word[last] == '.' && !m.keepsStop(word[:last], next) {
			out = append(append(out, word[:last]...), ' ', '.')
		} else {
			out = append(out, word...)
		}
	}
	return out
}

func (m *moses) keepsStop(word, next []rune) bool {
	dots, letters := false, false
	for _, r := range word {
		dots, letters = dots || r == '.', letters || m.alpha.has(r)
	}
	text := Encode(word)
	switch {
	case dots && letters, m.always[text], len(next) > 0 && m.lower.has(next[0]):
		return true
	}
	return m.beforeNumbers[text] && len(next) > 0 && next[0] >= '0' && next[0] <= '9'
}
