package lm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// testFolder is that of the model to test on.
func testFolder() string {
	if folder := os.Getenv("LMGEN_TEST_MODEL"); folder != "" {
		return folder
	}
	return "../../models/mini"
}

// inMemory are a model's files, to be changed.
func inMemory(t *testing.T) fstest.MapFS {
	files := fstest.MapFS{}
	names, _ := filepath.Glob(testFolder() + "/*.*")
	shards, _ := filepath.Glob(testFolder() + "/ckpt-*")
	for _, name := range append(names, shards...) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = &fstest.MapFile{Data: data}
	}
	return files
}

func TestDamagedFilesAreNamed(t *testing.T) {
	for _, one := range []struct {
		name, want string
		kind       Kind
		damage     func(file *fstest.MapFile)
	}{
		{"ckpt-softmax3", "ckpt-softmax3 is damaged", Integrity, func(f *fstest.MapFile) { f.Data = f.Data[:len(f.Data)-1] }},
		{"ckpt-lstm", "a checksum is wrong", Integrity, func(f *fstest.MapFile) { f.Data[len(f.Data)/2] ^= 64 }},
		{"ckpt-base", "ckpt-base is damaged", Integrity, func(f *fstest.MapFile) { f.Data = nil }},
		{"ckpt-softmax8", "lacks ckpt-softmax8", Missing, func(f *fstest.MapFile) { f.Mode = os.ModeDir }},
		{"model.toml", "is it a newer one?", Integrity, func(f *fstest.MapFile) { f.Data = append([]byte("later = 1\n"), f.Data...) }},
		{"model.toml", "is not a model's manifest", Integrity, func(f *fstest.MapFile) { f.Data = []byte("name = [") }},
	} {
		files := inMemory(t)
		if files[one.name] == nil {
			continue // a model may have no manifest
		}
		one.damage(files[one.name])
		_, err := OpenFS(files, "the model", Options{})
		known, fits := err.(*Error)
		if !fits || known.Kind != one.kind || !strings.Contains(err.Error(), one.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", one.name, err)
		}
	}
}

func TestShardsOfDifferentModelsAreRefused(t *testing.T) {
	files := inMemory(t)
	files["ckpt-softmax3"] = files["ckpt-softmax4"]
	if _, err := OpenFS(files, "the model", Options{}); err == nil || !strings.Contains(err.Error(), "ckpt-softmax3 lacks the tensor softmax/W_3") {
		t.Error(err)
	}
}

func TestAFileTooManyIsNamed(t *testing.T) {
	files := inMemory(t)
	files["ckpt-softmax9"] = &fstest.MapFile{}
	if _, err := OpenFS(files, "the model", Options{}); err == nil || !strings.Contains(err.Error(), "ckpt-softmax9") {
		t.Error(err)
	}
}

func TestAnEngineOrPrecisionThatIsNotThereIsRefused(t *testing.T) {
	for _, options := range []Options{{Engine: "torch"}, {Precision: "fast"}, {Engine: "litert", Precision: "int8"}} {
		_, err := Open(testFolder(), options)
		if known, fits := err.(*Error); !fits || known.Kind != Usage {
			t.Errorf("%+v: %v", options, err)
		}
	}
}
