// Package litert runs LiteRT files by LiteRT's C library, which is found at run time. It is there in programs that are
// built with `-tags litert`.
package litert

import (
	"os"
	"path/filepath"
	"regexp"

	"lmgen.dev/go/internal/wheel"
)

// Version is the one whose C interface this package knows: it is not promised to stay as it is.
const Version = "2.3"

// Tensor is an input or output: its name, and how many numbers a row has.
type Tensor struct {
	Name  string
	Width int
}

var versionLine = regexp.MustCompile(`(?m)^__version__ = "([0-9.]+)"`)

// Find looks the library up: LMGEN_LITERT, then the Python package ai-edge-litert.
func Find() string { return wheel.Find("LMGEN_LITERT", "ai_edge_litert", "libLiteRt.so") }

// VersionOf a library is that of the Python package it lies in; "" elsewhere.
func VersionOf(path string) string {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "__init__.py"))
	if found := versionLine.FindSubmatch(text); err == nil && found != nil {
		return string(found[1])
	}
	return ""
}
