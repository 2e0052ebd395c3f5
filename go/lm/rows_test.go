package lm

import (
	"math/rand"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

// convertedInMemory are a model's files without the checkpoint, and its converted files by their numbers in the list.
func convertedInMemory(t *testing.T) (fstest.MapFS, [][]byte) {
	files := inMemory(t)
	for name := range files {
		if strings.HasPrefix(name, "ckpt-") || strings.HasPrefix(name, "graph-") {
			delete(files, name)
		}
	}
	var found [][]byte
	for _, name := range []string{"converted.toml", "vectors.tflite", "memory.tflite", "softmax-0.tflite", "softmax-1.tflite"} {
		data, err := os.ReadFile(testFolder() + "/litert-fast/" + name)
		if err != nil {
			t.Skip("the model has not been converted")
		}
		files["litert-fast/"+name] = &fstest.MapFile{Data: data}
		found = append(found, data)
	}
	return files, found[1:]
}

func TestRowsOfConvertedFilesAreThoseOfTheCheckpoint(t *testing.T) {
	convertedInMemory(t)
	folder, err := OpenFolder(testFolder())
	if err != nil {
		t.Fatal(err)
	}
	made, err := openCheckpoint(folder, Options{Precision: "int8"})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := openNetwork(folder, Options{Precision: "int8"})
	if err != nil {
		t.Fatal(err)
	}
	want, got := made.(*network), opened.(*network)
	if len(got.softmax) < 2 {
		t.Fatal("the converted files were not read")
	}
	want.softmax, got.softmax = nil, []dense{joined(got.softmax), want.softmax[0]}
	if !reflect.DeepEqual(got.softmax[0], got.softmax[1]) {
		t.Error("the softmax is another one")
	}
	got.softmax = nil
	if !reflect.DeepEqual(want, got) {
		t.Error("what reads words is another one")
	}
}

// joined is one matrix of the parts of a softmax.
func joined(parts []dense) dense {
	whole := dense{&matrix{columns: parts[0].weights.columns}, nil}
	for _, part := range parts {
		whole.weights.rows += part.weights.rows
		whole.weights.bytes = append(whole.weights.bytes, part.weights.bytes...)
		whole.weights.scales = append(whole.weights.scales, part.weights.scales...)
		whole.bias = append(whole.bias, part.bias...)
	}
	return whole
}

func TestConvertedFilesAloneAreAModelInInt8(t *testing.T) {
	files, _ := convertedInMemory(t)
	alone, err := OpenFS(files, "the model", Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Open(testFolder(), Options{Precision: "int8"})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := written(t, alone, 1), written(t, whole, 1); a != b || a == "" {
		t.Errorf("%q, with the checkpoint %q", a, b)
	}
	for _, options := range []Options{{Precision: "float32"}, {Engine: "tensorflow"}} {
		_, err = OpenFS(files, "the model", options)
		if known, fits := err.(*Error); !fits || known.Kind != Missing || !strings.Contains(err.Error(), "has no checkpoint") {
			t.Errorf("%+v: %v", options, err)
		}
	}
}

func TestConvertedFilesThatAreDamagedAreNamed(t *testing.T) {
	for _, one := range []struct {
		name, want string
		kind       Kind
		damage     func(files fstest.MapFS, file *fstest.MapFile)
	}{
		{"memory.tflite", "memory.tflite is damaged: replace it", Integrity, func(_ fstest.MapFS, f *fstest.MapFile) { f.Data = f.Data[:len(f.Data)-1] }},
		{"softmax-1.tflite", "softmax-1.tflite is damaged", Integrity, func(_ fstest.MapFS, f *fstest.MapFile) {
			f.Data = append([]byte(nil), f.Data...)
			f.Data[len(f.Data)/2] ^= 4
		}},
		{"vectors.tflite", "cannot read", Integrity, func(files fstest.MapFS, _ *fstest.MapFile) { delete(files, "litert-fast/vectors.tflite") }},
		{"converted.toml", "converted.toml is damaged", Integrity, func(_ fstest.MapFS, f *fstest.MapFile) { f.Data = []byte("version = ") }},
		{"converted.toml", "of another version", Unsupported, func(_ fstest.MapFS, f *fstest.MapFile) { f.Data = []byte("version = 4") }},
		{"converted.toml", "is not a whole model: it lacks ckpt-base", Missing, func(files fstest.MapFS, _ *fstest.MapFile) { delete(files, "litert-fast/converted.toml") }},
		{"vectors.tflite", "memory.tflite is damaged", Integrity, func(files fstest.MapFS, f *fstest.MapFile) {
			files["litert-fast/memory.tflite"] = f
			facts := string(files["litert-fast/converted.toml"].Data)
			files["litert-fast/converted.toml"] = &fstest.MapFile{Data: []byte(relabelled(facts, f.Data))}
		}},
	} {
		files, _ := convertedInMemory(t)
		one.damage(files, files["litert-fast/"+one.name])
		_, err := OpenFS(files, "the model", Options{})
		known, fits := err.(*Error)
		if !fits || known.Kind != one.kind || !strings.Contains(err.Error(), one.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", one.name, err)
		}
	}
}

// relabelled are the facts with another checksum for memory.tflite.
func relabelled(facts string, data []byte) string {
	lines := strings.Split(facts, "\n")
	for i, line := range lines {
		if strings.Contains(line, "memory.tflite") {
			lines[i+2] = `sha256 = "` + digest("sha256", data) + `"`
		}
	}
	return strings.Join(lines, "\n")
}

func TestAConvertedFileOfAnyBitsIsRefusedOrComputes(t *testing.T) {
	_, parts := convertedInMemory(t)
	random := rand.New(rand.NewSource(1))
	word := (&Vocabulary{blank: 1}).Spell("word")
	refused := 0
	for round := 0; round < 400; round++ {
		number := round % len(parts)
		whole := parts[number]
		damaged := append([]byte(nil), whole...)
		if round%5 == 0 {
			damaged = damaged[:random.Intn(len(damaged))]
		}
		for flip := 0; flip <= round%4 && len(damaged) > 0; flip++ { // most of the structure is at the beginning
			damaged[random.Intn(minimum(len(damaged), 12_000))] ^= 1 << random.Intn(8)
		}
		n := &network{vectors: map[Characters][]float32{}, softmax: make([]dense, len(parts)-2)}
		fine := true
		for i, part := range parts {
			if i == number {
				part = damaged
			}
			fine = n.take(i, part) && fine
		}
		if !fine || !n.fits() {
			refused++
			continue
		}
		after, err := n.Advance([]State{n.Start()}, []Characters{word})
		if err == nil {
			_, err = n.Logits(after)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if refused < 100 {
		t.Errorf("only %d of 400 damaged files were refused", refused)
	}
}
