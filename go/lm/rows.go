package lm

import (
	"unsafe"

	"lmgen.dev/go/internal/tflite"
)

// openRows makes the network of converted files: the rows in int8 that a checkpoint has become.
func openRows(c *conversion, options Options) (Engine, error) {
	n := &network{threads: options.Threads, vectors: map[Characters][]float32{}, softmax: make([]dense, len(c.list)-2)}
	err := c.each(options.Threads, func(number int) error {
		data, err := c.read(c.list[number])
		if err == nil && !n.take(number, data) {
			err = c.damaged(c.list[number].name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !n.fits() {
		return nil, Errorf(Integrity, "the files of %s do not belong together: %s", c.path, c.advice)
	}
	return n, nil
}

// take puts what is in a converted file, that of a number in the list, in its place. Returns whether it is all there.
func (n *network) take(number int, data []byte) bool {
	file, err := tflite.Read(data)
	if err != nil {
		return false
	}
	in := &constants{File: file}
	switch number {
	case 0:
		in.spelling(n)
	case 1:
		in.recurrent(n)
	default:
		in.part(&n.softmax[number-2])
	}
	return !in.lacking
}

// constants finds those of a file by the operators that take them: the converter gives their names.
type constants struct {
	*tflite.File
	lacking bool // whether one was not there, or not as it should be
}

// floats are the numbers of a constant in float32.
func (c *constants) floats(tensor int) []float32 {
	if tensor < 0 || c.Tensors[tensor].Type != tflite.Float32 {
		c.lacking = true
		return nil
	}
	found := numbers(c.Tensors[tensor].Data)
	c.lacking = c.lacking || len(found) == 0 || !finite(largest(found))
	return found
}

// matrix is a constant of so many columns.
func (c *constants) matrix(tensor, columns int) *matrix {
	m := &matrix{columns: columns}
	if tensor < 0 || columns < 1 {
		c.lacking = true
		return m
	}
	found := c.Tensors[tensor]
	if found.Type == tflite.Int8 {
		m.bytes, m.scales = signed(found.Data), numbers(found.Scales)
		m.rows = len(m.scales)
		c.lacking = c.lacking || m.rows*columns != len(m.bytes) || m.rows == 0 || !finite(largest(m.scales))
		return m
	}
	m.floats = c.floats(tensor)
	m.rows = len(m.floats) / columns
	c.lacking = c.lacking || m.rows*columns != len(m.floats)
	return m
}

// signed are the same bytes as numbers.
func signed(data []byte) []int8 {
	if len(data) == 0 {
		return nil
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(&data[0])), len(data))
}

// product is what an operator multiplies with: the matrix, and its bias if that is there too.
func (c *constants) product(operator tflite.Operator) dense {
	if len(operator.Inputs) != 3 || operator.Inputs[1] < 0 || len(c.Tensors[operator.Inputs[1]].Shape) != 2 {
		c.lacking = true
		return dense{&matrix{}, nil}
	}
	made := dense{weights: c.matrix(operator.Inputs[1], c.Tensors[operator.Inputs[1]].Shape[1])}
	if operator.Inputs[2] >= 0 {
		made.bias = c.floats(operator.Inputs[2])
	}
	return made
}

// back goes from a tensor to an input of the operator that makes it, to an input of that input's, and so on.
func (c *constants) back(tensor int, inputs ...int) int {
	for _, input := range inputs {
		maker := c.Maker(tensor)
		if input >= len(maker.Inputs) {
			c.lacking = true
			return -1
		}
		tensor = maker.Inputs[input]
	}
	return tensor
}

// on gives the first tensor made of another one.
func (c *constants) on(tensor int) int {
	if outputs := c.Taker(tensor).Outputs; len(outputs) > 0 {
		return outputs[0]
	}
	c.lacking = true
	return -1
}

// spelling sets the convolutions, highways and the projection of words. What a gate has added inside the graph is in its bias.
func (c *constants) spelling(n *network) {
	letters, joined, products := c.All(tflite.Gather), c.All(tflite.Concatenation), c.All(tflite.FullyConnected)
	if len(letters) != 1 || len(letters[0].Inputs) == 0 || len(joined) != 1 || len(joined[0].Inputs) != convolutions || len(products)%2 == 0 {
		c.lacking = true
		return
	}
	n.letters = c.floats(letters[0].Inputs[0])
	for i, window := range windows { // the strongest of a sum of a convolution, in another shape, and a bias
		strongest := joined[0].Inputs[i]
		kernel := c.matrix(c.back(strongest, 0, 0, 0, 1), window*characterSize)
		n.convolutions = append(n.convolutions, convolution{window, kernel, c.floats(c.back(strongest, 0, 1))})
	}
	for ; len(products) > 1; products = products[2:] {
		n.highways = append(n.highways, [2]dense{c.product(products[0]), c.product(products[1])})
	}
	n.projection = c.product(products[0])
}

// recurrent sets the LSTM layers: the gates of one are split, and each has its way on.
func (c *constants) recurrent(n *network) {
	splits, products := c.All(tflite.Split), c.All(tflite.FullyConnected)
	if len(splits) == 0 || len(products) != 2*len(splits) {
		c.lacking = true
		return
	}
	for i, split := range splits {
		if len(split.Inputs) != 2 || len(split.Outputs) != 4 {
			c.lacking = true
			return
		}
		l := layer{gates: c.product(products[2*i]), projection: c.product(products[2*i+1]).weights}
		l.gates.bias = c.floats(c.back(split.Inputs[1], 1))
		l.cells = l.projection.columns
		in, forget, out := c.on(split.Outputs[0]), c.on(c.on(split.Outputs[2])), c.on(split.Outputs[3])
		l.peepholes = map[byte][]float32{
			'I': c.floats(c.back(in, 1, 1)), 'F': c.floats(c.back(forget, 1, 1)), 'O': c.floats(c.back(out, 1, 1)),
		}
		n.layers = append(n.layers, l)
	}
}

// part sets a part of the softmax: in the first one the bias is added by itself.
func (c *constants) part(d *dense) {
	products, sums := c.All(tflite.FullyConnected), c.All(tflite.Add)
	if len(products) != 1 {
		c.lacking = true
		return
	}
	if *d = c.product(products[0]); d.bias == nil && len(sums) == 1 && len(sums[0].Inputs) == 2 {
		d.bias = c.floats(sums[0].Inputs[1])
	}
}
