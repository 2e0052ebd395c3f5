package lm

import (
	"strings"
	"testing"
)

const threeMarks = "</S>\n<S>\n<UNK>\nthe\n!!!MAXTERMID\nvoilà\n"

func TestWordsAreSpelledInTheirBytes(t *testing.T) {
	plain, wrong := parseVocabulary([]byte(threeMarks), false)
	spelled, _ := parseVocabulary([]byte(threeMarks), true)
	if wrong != "" || plain.Size() != 5 || plain.ID("voilà") != 4 || plain.ID("unknown") != 2 || plain.Has("unknown") {
		t.Fatal(wrong, plain)
	}
	for _, one := range []struct {
		vocabulary *Vocabulary
		word, want string
	}{
		{plain, "the", "\x02the\x03"}, {plain, "voilà", "\x02voil\xc3\xa0\x03"}, {plain, "", "\x02\x03"},
		{plain, "<S>", "\x02\x00\x03"}, {plain, "</S>", "\x02\x01\x03"}, {spelled, "<S>", "\x02<S>\x03"},
		{plain, strings.Repeat("a", 60), "\x02" + strings.Repeat("a", 48) + "\x03"},
	} {
		got := one.vocabulary.Spell(one.word)
		if want := one.want + strings.Repeat("\x04", len(got)-len(one.want)); string(got[:]) != want {
			t.Errorf("%q is spelled %q", one.word, got)
		}
	}
}

func TestATextIsReadAndWrittenInTokens(t *testing.T) {
	text := "It's late, isn't it? Go."
	words := Tokenize(text)
	if got := strings.Join(words, " "); got != "It 's late , isn 't it ? </S> Go ." {
		t.Error(got)
	}
	if got := Detokenize(words); got != text {
		t.Error(got)
	}
}

func TestAFileThatIsNoVocabularyIsRefused(t *testing.T) {
	all := []byte(threeMarks)
	for value := 0; value < 256; value++ {
		all = append(all, 'a', byte(value), 'a', '\n')
	}
	for _, one := range []struct{ data, want string }{
		{"the\ncat\n", "no line </S>"}, {string(all), "five must be free"},
	} {
		if _, wrong := parseVocabulary([]byte(one.data), false); !strings.Contains(wrong, one.want) {
			t.Errorf("%q", wrong)
		}
	}
}
