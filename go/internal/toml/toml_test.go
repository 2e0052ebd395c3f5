package toml

import (
	"reflect"
	"testing"
)

func TestWhatManifestsHold(t *testing.T) {
	got, err := Parse(`# a model
name = "a \"b\" \u00e9" # of ours
'quoted.name' = 'C:\x'
parts = [
    1, 2_000, # so many
    -0.5e1,
]
inline = { a = 1, b.c = true }
long = """
one
two"""
[files."graph.pbtxt"]
sha256 = "00"
[files.ckpt-base]
[[expectations]]
words = "a"
[[expectations]]
words = "b"
`)
	want := Table{
		"name": `a "b" é`, "quoted.name": `C:\x`, "parts": []any{int64(1), int64(2000), -5.0},
		"inline": Table{"a": int64(1), "b": Table{"c": true}}, "long": "one\ntwo",
		"files":        Table{"graph.pbtxt": Table{"sha256": "00"}, "ckpt-base": Table{}},
		"expectations": []any{Table{"words": "a"}, Table{"words": "b"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMistakesAreToldWithTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"a = 1\na = 2":       "line 2: a is given twice",
		"a = 1\n\nb = \"c":   "line 3: a string has no end",
		"a = 1 b = 2":        "line 1: something follows the value",
		"a = [1\n2]":         "line 2: a comma or \"]\" is missing",
		"a = one":            "line 1: \"one\" is no value",
		"a = 1\n[a.b]\nc=1":  "line 2: a is no table",
		"=":                  "line 1: a name is missing",
		"a":                  "line 1: \"=\" is missing",
		"a = \"\\q\"":        "line 1: no escape is \\q",
		"a = \"\xff\"":       "line 1: not UTF-8",
		"[a]\n[b\nc = 1":     "line 2: \"]\" is missing",
		"a = 1979-05-27":     "line 1: \"1979-05-27\" is no value",
		"a =":                "line 1: a value is missing",
		"a = \"\\u12\"":      "line 1: no escape is \\u",
		"a = {b = 1, b = 2}": "line 1: b is given twice",
	} {
		if _, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, not %s", text, err, want)
		}
	}
}
