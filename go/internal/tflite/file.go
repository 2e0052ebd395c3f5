// Package tflite reads what is in a LiteRT file, without LiteRT: its constants, and which operator takes them.
package tflite

import "errors"

// ErrDamaged says that a file has not the form of a LiteRT file.
var ErrDamaged = errors.New("no LiteRT file")

// The operators and types by LiteRT's numbers, as far as they are asked for.
const (
	Add            = 0
	Concatenation  = 2
	Convolution    = 3
	FullyConnected = 9
	Gather         = 36
	Split          = 49

	Float32 = 0
	Int8    = 9
)

const identifier = "TFL3"

// File is the only function of a file.
type File struct {
	Tensors   []Tensor
	Operators []Operator // in the order in which they run
}

// Tensor is a constant, or what an operator makes: then it has no Data.
type Tensor struct {
	Shape []int
	Type  int
	// Data are its numbers, little-endian, in the file's own memory.
	Data []byte
	// Scales are float32 numbers, of each row of an int8 matrix.
	Scales []byte
}

// Operator makes tensors of tensors; an input that is left out is -1.
type Operator struct {
	Kind            int
	Inputs, Outputs []int
}

// Read reads a file. All tensors that an operator names are there.
func Read(data []byte) (*File, error) {
	b := &buffer{data: data}
	model := table(b.whole(0, 4))
	if string(b.bytes(4, 4)) != identifier || model == 0 {
		return nil, ErrDamaged
	}
	graphs := b.tables(model, 2)
	if len(graphs) != 1 {
		return nil, ErrDamaged
	}
	f := &File{}
	buffers, codes := b.tables(model, 4), b.tables(model, 1)
	for _, t := range b.tables(graphs[0], 0) {
		f.Tensors = append(f.Tensors, b.tensor(t, buffers))
	}
	for _, t := range b.tables(graphs[0], 3) {
		f.Operators = append(f.Operators, b.operator(t, codes))
	}
	if b.damaged || !f.closed() {
		return nil, ErrDamaged
	}
	return f, nil
}

func (b *buffer) tensor(t table, buffers []table) Tensor {
	made := Tensor{Shape: b.integers(t, 0), Type: b.number(t, 1, 1), Scales: b.vector(b.child(t, 4), 2, 4)}
	number := b.number(t, 2, 4)
	if number >= len(buffers) {
		b.damaged = true
		return made
	}
	// large ones lie behind the structure
	if at, size := b.number(buffers[number], 1, 8), b.number(buffers[number], 2, 8); at > 1 {
		made.Data = b.bytes(at, size)
	} else {
		made.Data = b.vector(buffers[number], 0, 1)
	}
	return made
}

func (b *buffer) operator(t table, codes []table) Operator {
	made := Operator{Inputs: b.integers(t, 1), Outputs: b.integers(t, 2)}
	number := b.number(t, 0, 4)
	if number >= len(codes) {
		b.damaged = true
		return made
	}
	if made.Kind = b.number(codes[number], 3, 4); made.Kind == 0 { // files have had no more than a byte for it
		made.Kind = b.number(codes[number], 0, 1)
	}
	return made
}

// closed says whether operators name tensors that there are.
func (f *File) closed() bool {
	for _, operator := range f.Operators {
		for _, tensor := range append(append([]int(nil), operator.Inputs...), operator.Outputs...) {
			if tensor < -1 || tensor >= len(f.Tensors) {
				return false
			}
		}
	}
	return true
}

// All are the operators of a kind.
func (f *File) All(kind int) []Operator {
	var found []Operator
	for _, operator := range f.Operators {
		if operator.Kind == kind {
			found = append(found, operator)
		}
	}
	return found
}

// Maker is the operator that makes a tensor, without inputs if there is none.
func (f *File) Maker(tensor int) Operator {
	return f.first(tensor, func(operator Operator) []int { return operator.Outputs })
}

// Taker is the first operator that takes a tensor, without outputs if there is none.
func (f *File) Taker(tensor int) Operator {
	return f.first(tensor, func(operator Operator) []int { return operator.Inputs })
}

func (f *File) first(tensor int, side func(Operator) []int) Operator {
	for _, operator := range f.Operators {
		for _, one := range side(operator) {
			if one == tensor && tensor >= 0 {
				return operator
			}
		}
	}
	return Operator{}
}
