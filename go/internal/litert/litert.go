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
				f.Close()
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

// RunWords sets the rows of the only output for rows of whole numbers, its only input.
func (f *Function) RunWords(output [][]float32, rows [][]int32) error {
	return run(f, [][][]float32{output}, [][][]int32{rows})
}

// Run sets the rows of each output for the rows of each input.
func (f *Function) Run(outputs [][][]float32, inputs ...[][]float32) error {
	return run(f, outputs, inputs)
}

// Close frees what LiteRT holds, when no goroutine computes any more. The function cannot run again.
func (f *Function) Close() {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.made != nil {
		C.litert_close(f.made)
	}
	f.made = nil
}

func run[N number](f *Function, outputs [][][]float32, inputs [][][]N) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.made == nil {
		return errors.New("the model was closed")
	}
	if rows := len(inputs[0]); rows != f.rows {
		f.rows = 0
		if err := failed(C.litert_resize(f.made, C.int(rows))); err != nil {
			return err
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
		return err
	}
	for place, output := range outputs {
		width := f.Outputs[place].Width
		taken := memory[float32](f, 1, place, width)
		for i, row := range output {
			copy(row, taken[i*width:(i+1)*width])
		}
	}
	return nil
}
