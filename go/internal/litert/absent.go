//go:build !litert || !cgo

package litert

import "errors"

// errAbsent says that the program was built without this package.
var errAbsent = errors.New("this program was built without LiteRT")

// Built says whether the program has LiteRT.
const Built = false

// Function is one of a file.
type Function struct{ Inputs, Outputs []Tensor }

// Open loads the library.
func Open(string) error { return errAbsent }

// Load compiles a file.
func Load(string, int) (*Function, error) { return nil, errAbsent }

// RunWords computes from whole numbers.
func (f *Function) RunWords([][]float32, [][]int32) error { return errAbsent }

// Close frees it.
func (f *Function) Close() {}

// Run computes.
func (f *Function) Run([][][]float32, ...[][]float32) error { return errAbsent }
