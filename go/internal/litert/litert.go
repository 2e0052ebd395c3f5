//go:build litert

package litert

// #cgo LDFLAGS: -ldl
// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"errors"
	"sync"
	"unsafe"
)

var (
	opening sync.Mutex
	opened  string
)

// Built says whether the program has LiteRT.
const Built = true

// Open loads the library, once; the path must be the same each time.
func Open(library string) error {
	opening.Lock()
	defer opening.Unlock()
	switch opened {
	case library:
		return nil
	case "":
	default:
		return errors.New("this process already uses " + opened)
	}
	path := C.CString(library)
	defer C.free(unsafe.Pointer(path))
	if err := failed(C.litert_open(path)); err != nil {
		return err
	}
	opened = library
	return nil
}

func failed(message *C.char) error {
	if message == nil {
		return nil
	}
	return errors.New(C.GoString(message))
}

// Function is the one function of a file, for any number of rows. Goroutines take turns.
type Function struct {
	lock sync.Mutex
	made *C.function
	rows int
	// Inputs and Outputs say what it takes and gives, in order.
	Inputs, Outputs []Tensor
}

// Load compiles a file for the CPU, one at a time: what LiteRT reports on stderr meanwhile goes nowhere.
func Load(path string, threads int) (*Function, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	f := &Function{}
	opening.Lock()
	defer opening.Unlock()
	if err := failed(C.litert_load(name, C.int(threads), &f.made)); err != nil {
		return nil, err
	}
	for output, tensors := range []*[]Tensor{&f.Inputs, &f.Outputs} {
		for i := 0; ; i++ {
			called := C.litert_name(f.made, C.int(output), C.size_t(i))
			if called == nil {
				break
			}
			var width C.int
			if err := failed(C.litert_width(f.made, C.int(output), C.size_t(i), &width)); err != nil {
				return nil, err
			}
			*tensors = append(*tensors, Tensor{C.GoString(called), int(width)})
		}
	}
	return f, nil
}

// number is one of an input or output.
type number interface{ ~float32 | ~int32 }

// memory is that of an input or output, for the rows there are.
func memory[N number](f *Function, output, place, width int) []N {
	return unsafe.Slice((*N)(C.litert_memory(f.made, C.int(output), C.size_t(place))), f.rows*width)
}

// RunWords gives the only output for rows of whole numbers, its only input.
func (f *Function) RunWords(rows [][]int32) ([][]float32, error) {
	found, err := run(f, [][][]int32{rows})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Run gives the rows of each output for the rows of each input.
func (f *Function) Run(inputs ...[][]float32) ([][][]float32, error) { return run(f, inputs) }

func run[N number](f *Function, inputs [][][]N) ([][][]float32, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if rows := len(inputs[0]); rows != f.rows {
		f.rows = 0
		if err := failed(C.litert_resize(f.made, C.int(rows))); err != nil {
			return nil, err
		}
		f.rows = rows
	}
	for place, input := range inputs {
		width := f.Inputs[place].Width
		given := memory[N](f, 0, place, width)
		for i, row := range input {
			copy(given[i*width:(i+1)*width], row)
		}
	}
	if err := failed(C.litert_run(f.made)); err != nil {
		return nil, err
	}
	outputs := make([][][]float32, len(f.Outputs))
	for place, output := range f.Outputs {
		taken := append([]float32(nil), memory[float32](f, 1, place, output.Width)...)
		for i := 0; i < f.rows; i++ {
			outputs[place] = append(outputs[place], taken[i*output.Width:(i+1)*output.Width:(i+1)*output.Width])
		}
	}
	return outputs, nil
}
