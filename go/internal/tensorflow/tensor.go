// Package tensorflow runs graphs by TensorFlow's C API, whose library is found at run time. It is there in programs that
// are built with `-tags tensorflow`.
package tensorflow

import "lmgen.dev/go/internal/wheel"

// Major is the version whose C API this package knows; it is the same in all that begin so.
const Major = "2."

// Feed is the value of an operation's first output: float32 numbers, or whole ones.
type Feed struct {
	Name   string
	Shape  []int64
	Floats []float32
	Words  []int32
}

// Rows are float32 numbers, and how many a row has.
type Rows struct {
	Numbers []float32
	Width   int
}

// Find looks the library up: LMGEN_TENSORFLOW, then the Python packages tensorflow and tensorflow-cpu.
func Find() string { return wheel.Find("LMGEN_TENSORFLOW", "tensorflow", "libtensorflow_cc.so.2") }
