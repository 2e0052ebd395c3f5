package text

import (
	"reflect"
	"strings"
	"testing"
)

func TestWordsAreSeparatedByMosesRules(t *testing.T) {
	for given, want := range map[string]string{
		"I don't think it's Tom's.": "I don 't think it 's Tom 's .",
		"He paid $1,000.50 (twice)": "He paid $ 1,000.50 ( twice )",
		"":                          "",
	} {
		if found := strings.Join(Tokenize(given), " "); found != want {
			t.Errorf("%q: %q, not %q", given, found, want)
		}
	}
}

func TestATextOfSentencesHasAMarkBetweenThem(t *testing.T) {
	want := []string{"It", "rained", ".", "</S>", "We", "left", "."}
	if found := TokenizeSentences("It rained. We left."); !reflect.DeepEqual(found, want) {
		t.Errorf("%q", found)
	}
}

func TestWordsBecomeTheTextTheyCameFrom(t *testing.T) {
	for _, given := range []string{"It's Tom's, he said.", "\"Yes,\" she said (twice).", "It rained. We left."} {
		if found := Detokenize(TokenizeSentences(given)); found != given {
			t.Errorf("%q became %q", given, found)
		}
	}
}

func TestBytesThatAreNoTextSurvive(t *testing.T) {
	given := "a\xffb\xc3"
	if found := Encode(Decode(given)); found != given {
		t.Errorf("%q became %q", given, found)
	}
}
