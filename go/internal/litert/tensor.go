// Package litert runs LiteRT files by LiteRT's C library, which is found at run time. It is there in programs that are
// built with `-tags litert`.
package litert

import (
	"os"
	"path/filepath"
	"regexp"
)

// Version is the one whose C interface this package knows: it is not promised to stay as it is.
const Version = "2.3"

// Tensor is an input or output: its name, and how many numbers a row has.
type Tensor struct {
	Name  string
	Width int
}

const library = "libLiteRt.so"

var versionLine = regexp.MustCompile(`(?m)^__version__ = "([0-9.]+)"`)

// Find looks the library up in the Python package ai-edge-litert: of the virtual environment that is active, then of
// the Pythons on the PATH. It is "" where there is none.
func Find() string {
	programs := filepath.SplitList(os.Getenv("PATH"))
	if active := os.Getenv("VIRTUAL_ENV"); active != "" {
		programs = append([]string{filepath.Join(active, "bin")}, programs...)
	}
	for _, folder := range programs {
		pattern := filepath.Join(filepath.Dir(folder), "lib", "python3*", "*-packages", "ai_edge_litert", library)
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}

// VersionOf a library is that of the Python package it lies in; "" elsewhere.
func VersionOf(path string) string {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "__init__.py"))
	if found := versionLine.FindSubmatch(text); err == nil && found != nil {
		return string(found[1])
	}
	return ""
}
