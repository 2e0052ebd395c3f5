package main

import (
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"

	"lmgen.dev/go/lm"
)

const defaultModel = "mini"

// modelOptions say which model runs, and how.
type modelOptions struct {
	model string
	lm.Options
}

func (m *modelOptions) add(o *options) {
	m.model = defaultModel
	o.text(&m.model, "-m --model", "MODEL|FOLDER", "A model's name, or a folder in the released layout.").variable = "LMGEN_MODEL"
	o.choice(&m.Engine, "--engine", "Plain Go, LiteRT's C library on the converted files, or TensorFlow's on the graph.  [default: go]", "go", "litert", "tensorflow")
	m.Home = home()
	o.text(&m.Library, "--library", "FILE", "LiteRT's libLiteRt.so or TensorFlow's libtensorflow_cc.so.2.  [default: that of the Python package]")
	o.text(&m.Precision, "--precision", "NAME", "Precision of the weights: float32 or int8; fast with --engine litert.  [default: the engine's]")
	o.add("--threads", "N", "Threads.  [default: all cores]", func(given string) error {
		var err error
		if m.Threads, err = atLeast(given, 0); err == nil && m.Threads > 0 {
			runtime.GOMAXPROCS(m.Threads)
		}
		return err
	})
	o.truth(&m.SpelledMarks, "--spelled-marks", "", "Read <S> and </S> by their spelling, as the sample mode of 2016 did.")
}

// home is where downloaded models are kept: LMGEN_HOME, or the user's cache folder.
func home() string {
	if folder := os.Getenv("LMGEN_HOME"); folder != "" {
		return folder
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(cache, "lmgen", "lmgen", "Cache")
	}
	return filepath.Join(cache, "lmgen")
}

// roots are the folders of models: of the checkout that this program or the current folder is in, and under home.
func roots() []string {
	var found []string
	var begins []string
	if program, err := os.Executable(); err == nil {
		begins = append(begins, filepath.Dir(program))
	}
	if here, err := os.Getwd(); err == nil {
		begins = append(begins, here)
	}
	for _, folder := range begins {
		for parent := ""; folder != parent; parent, folder = folder, filepath.Dir(folder) {
			if _, err := os.Stat(filepath.Join(folder, "models", "mini", "model.toml")); err == nil {
				found = append(found, filepath.Join(folder, "models"))
				break
			}
		}
	}
	return append(found, filepath.Join(home(), "models"))
}

// findFolder gives the folder of a model, whole or not.
func findFolder(model string) (string, error) {
	folders := map[string]string{}
	for _, root := range roots() {
		entries, _ := os.ReadDir(root)
		for _, entry := range entries {
			path := filepath.Join(root, entry.Name())
			if info, err := os.Stat(path); err == nil && info.IsDir() && folders[entry.Name()] == "" {
				folders[entry.Name()] = path
			}
		}
	}
	if folder := folders[model]; folder != "" {
		return folder, nil
	}
	if info, err := os.Stat(model); err == nil && info.IsDir() {
		return model, nil
	}
	known := make([]string, 0, len(folders))
	for name := range folders {
		known = append(known, name)
	}
	sort.Strings(known)
	if len(known) == 0 {
		known = []string{"none"}
	}
	return "", lm.Errorf(
		lm.Missing, "there is no model or folder %q (models here: %s); -m takes a folder, LMGEN_HOME is where lmgen keeps its models",
		model, strings.Join(known, ", "),
	)
}

func (m *modelOptions) open() (*lm.Model, error) {
	folder, err := findFolder(m.model)
	if err != nil {
		return nil, err
	}
	return lm.Open(folder, m.Options)
}
