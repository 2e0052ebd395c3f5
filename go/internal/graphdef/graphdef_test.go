package graphdef

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestATextBecomesTheBytesOfItsMessage(t *testing.T) {
	for _, one := range []struct{ text, want string }{
		{"", ""},
		{"# nothing\nversions { producer: 9 } # a comment at the end", "22020809"},
		{`node { name: "a" op: 'Const'; input: "x", }`, "0a0d0a0161120543 6f6e73741a0178"},
		{`node { name: "\001\n\"\'é" "b" }`, "0a090a07010a2227c3a962"},
		{`node { attr { key: "i" value { i: -1 } } }`, "0a122a100a0169120b18ffffffffffffffffff01"},
	} {
		made, err := Binary([]byte(one.text))
		if want := strings.ReplaceAll(one.want, " ", ""); err != nil || hex.EncodeToString(made) != want {
			t.Errorf("%q became %x, not %s: %v", one.text, made, want, err)
		}
	}
}

func TestValuesHaveTheirKinds(t *testing.T) {
	for text, want := range map[string]string{
		"type: DT_FLOAT": "3001", "type: DT_INT64_REF": "306d", "b: true": "2801", "f: 0.5": "250000003f", "f: -inf": "25000080ff",
		"tensor { bool_val: false double_val: 1 }": "420b5800 31000000000000f03f", "placeholder: ''": "4a00",
	} {
		made, err := Binary([]byte("node { attr { value { " + text + " } } }"))
		content := strings.ReplaceAll(want, " ", "")
		if err != nil || !strings.HasSuffix(hex.EncodeToString(made), content) {
			t.Errorf("%s became %x, not %s: %v", text, made, content, err)
		}
	}
}

func TestAnErrorNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"node {\n  nme: \"a\" }":      `line 2: there is "nme" where a graph has no such thing`,
		"versions: <":                 "line 1: versions has no {",
		"node {":                      `line 1: there is "" where a graph has no such thing`,
		"node name":                   "line 1: node has no {",
		"node { name: a }":            "line 1: a text in quotes is missing",
		"node { name: \"a":            "line 1: a text has no end",
		"node { name: \"\\q\" }":      `line 1: a text has a letter after \ that does not belong there`,
		"versions { producer: much }": `line 1: "much" is not a value that belongs here`,
		"library { }":                 `line 1: there is "library" where a graph has no such thing`,
	} {
		if _, err := Binary([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, not %s", text, err, want)
		}
	}
}
