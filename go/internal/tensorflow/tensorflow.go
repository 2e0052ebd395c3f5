//go:build tensorflow

package tensorflow

// #cgo LDFLAGS: -ldl
// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"errors"
	"strings"
	"sync"
	"unsafe"
)

var (
	opening         sync.Mutex
	opened, version string
)

// Built says whether the program has TensorFlow.
const Built = true

// Open loads the library, once, and gives its version; the path must be the same each time.
func Open(library string) (string, error) {
	opening.Lock()
	defer opening.Unlock()
	if opened != "" && opened != library {
		return "", errors.New("this process already uses " + opened)
	}
	if opened == library {
		return version, nil
	}
	path := C.CString(library)
	defer C.free(unsafe.Pointer(path))
	var found *C.char
	if err := failed(C.tensorflow_open(path, &found)); err != nil {
		return "", err
	}
	opened, version = library, C.GoString(found)
	return version, nil
}

// failed makes an error of the first line of what TensorFlow says.
func failed(message *C.char) error {
	if message == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(message))
	line := strings.SplitN(C.GoString(message), "\n", 2)[0]
	return errors.New(strings.TrimRight(line, ". "))
}

// Session runs a graph. It may be used by any number of goroutines.
type Session struct {
	using      sync.RWMutex // is read-locked while something runs
	made       *C.session
	operations map[string]*C.TF_Operation
}

// Import starts a session on the bytes of a GraphDef, of which the operations named must be there.
func Import(graph []byte, threads int, names []string) (*Session, error) {
	s := &Session{operations: map[string]*C.TF_Operation{}}
	bytes := C.CBytes(graph)
	defer C.free(bytes)
	opening.Lock()
	defer opening.Unlock()
	if err := failed(C.tensorflow_import(bytes, C.size_t(len(graph)), C.int(threads), &s.made)); err != nil {
		return nil, err
	}
	for _, name := range names {
		if !s.Has(name) {
			s.Close()
			return nil, errors.New("it has no operation " + name)
		}
	}
	return s, nil
}

// Close frees what TensorFlow holds, when nothing runs any more. Nothing can run after it.
func (s *Session) Close() {
	s.using.Lock()
	defer s.using.Unlock()
	if s.made != nil {
		C.tensorflow_close(s.made)
	}
	s.made = nil
}

var errClosed = errors.New("the model was closed")

// Has says whether the graph has an operation; only those looked up before the session is shared can run.
func (s *Session) Has(name string) bool {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	found := C.tensorflow_operation(s.made, text)
	if found != nil {
		s.operations[name] = found
	}
	return found != nil
}

// Do lets an operation run; a text may be fed to another.
func (s *Session) Do(target, fed, value string) error {
	s.using.RLock()
	defer s.using.RUnlock()
	if s.made == nil {
		return errClosed
	}
	if fed == "" {
		return failed(C.tensorflow_run(s.made, nil, nil, 0, nil, nil, 0, s.operations[target]))
	}
	text := C.CString(value)
	defer C.free(unsafe.Pointer(text))
	input, given := C.TF_Output{oper: s.operations[fed]}, C.tensorflow_text(text)
	defer C.tensorflow_delete(given)
	return failed(C.tensorflow_run(s.made, &input, &given, 1, nil, nil, 0, s.operations[target]))
}

// Run gives the first output of each operation named, for the values of others.
func (s *Session) Run(feeds []Feed, names ...string) ([]Rows, error) {
	s.using.RLock()
	defer s.using.RUnlock()
	if s.made == nil {
		return nil, errClosed
	}
	inputs, given := make([]C.TF_Output, len(feeds)+1), make([]*C.TF_Tensor, len(feeds)+1)
	for i, feed := range feeds {
		inputs[i].oper, given[i] = s.operations[feed.Name], tensor(feed)
		defer C.tensorflow_delete(given[i])
	}
	outputs, found := make([]C.TF_Output, len(names)), make([]*C.TF_Tensor, len(names))
	for i, name := range names {
		outputs[i].oper = s.operations[name]
	}
	err := failed(C.tensorflow_run(
		s.made, &inputs[0], &given[0], C.int(len(feeds)), &outputs[0], &found[0], C.int(len(names)), nil,
	))
	if err != nil {
		return nil, err
	}
	rows := make([]Rows, len(names))
	for i, one := range found {
		size := C.tensorflow_size(one)
		if size >= 0 {
			numbers := unsafe.Slice((*float32)(C.tensorflow_data(one)), int(size))
			rows[i] = Rows{append([]float32(nil), numbers...), int(C.tensorflow_width(one))}
		}
		C.tensorflow_delete(one)
		if size < 0 {
			err = errors.New(names[i] + " gives no float32 numbers")
		}
	}
	return rows, err
}

// tensor copies a value into TensorFlow's memory.
func tensor(feed Feed) *C.TF_Tensor {
	shape, rank := (*C.int64_t)(unsafe.Pointer(&feed.Shape[0])), C.int(len(feed.Shape))
	if feed.Words != nil {
		made := C.tensorflow_tensor(C.TF_INT32, shape, rank)
		copy(unsafe.Slice((*int32)(C.tensorflow_data(made)), len(feed.Words)), feed.Words)
		return made
	}
	made := C.tensorflow_tensor(C.TF_FLOAT, shape, rank)
	copy(unsafe.Slice((*float32)(C.tensorflow_data(made)), len(feed.Floats)), feed.Floats)
	return made
}
