package lm

import (
	"sync"

	"lmgen.dev/go/internal/vec"
)

const (
	forgetBias    = 1  // added to the LSTM's forget gate inside the graph
	carryBias     = -2 // added to the highway's gate inside the graph: here in the bias of it
	characterSize = 16
	cachedWords   = 50_000
)

// convolution is one of the eight: [filters, window * characterSize], and a bias for each filter.
type convolution struct {
	window int
	kernel *matrix
	bias   []float32
}

type dense struct {
	weights *matrix
	bias    []float32
}

// layer is a projected LSTM with peepholes (Sak et al. 2014).
type layer struct {
	cells      int
	gates      dense // i, j, f, o
	peepholes  map[byte][]float32
	projection *matrix
}

// network is the Engine in plain Go.
type network struct {
	threads      int
	letters      []float32 // [256, characterSize]
	convolutions []convolution
	highways     [][2]dense // gate, new
	projection   dense
	layers       []layer
	softmax      []dense // one below the other

	lock    sync.Mutex
	vectors map[Characters][]float32
}

func (n *network) Rows() int {
	rows := 0
	for _, part := range n.softmax {
		rows += part.weights.rows
	}
	return rows
}

func (n *network) Start() State {
	state := make(State, len(n.layers))
	for i, layer := range n.layers {
		state[i] = make([]float32, layer.cells+layer.projection.rows)
	}
	return state
}

func (n *network) Logits(states []State) ([][]float32, error) {
	top := len(n.layers) - 1
	hidden, logits, rest := make([][]float32, len(states)), make([][]float32, len(states)), make([][]float32, len(states))
	for i, state := range states {
		hidden[i], logits[i] = state[top][n.layers[top].cells:], make([]float32, n.Rows())
		rest[i] = logits[i]
	}
	for _, part := range n.softmax {
		part.weights.product(n.threads, rest, hidden, part.bias)
		for i := range rest {
			rest[i] = rest[i][part.weights.rows:]
		}
	}
	return logits, nil
}

func (n *network) Close() {}

// fits says whether what was read belongs together.
func (n *network) fits() bool {
	fine := len(n.letters) == 256*characterSize && len(n.convolutions) == convolutions && len(n.layers) > 0
	check := func(d dense, inputs, outputs int) {
		fine = fine && d.weights.columns == inputs && d.weights.rows == outputs && len(d.bias) == outputs
	}
	width, size := 0, n.projection.weights.rows
	for _, c := range n.convolutions {
		check(dense{c.kernel, c.bias}, c.window*characterSize, len(c.bias))
		fine = fine && c.kernel.floats != nil
		width += c.kernel.rows
	}
	for _, highway := range n.highways {
		check(highway[0], width, width)
		check(highway[1], width, width)
	}
	check(n.projection, width, size)
	for _, l := range n.layers {
		check(l.gates, 2*size, 4*l.cells)
		fine = fine && l.projection.columns == l.cells && l.projection.rows == size
		for _, peephole := range l.peepholes {
			fine = fine && len(peephole) == l.cells
		}
	}
	for _, part := range n.softmax {
		check(part, size, len(part.bias))
	}
	return fine
}

func (n *network) Advance(states []State, words []Characters) ([]State, error) {
	x, after := n.spell(words), make([]State, len(states))
	for i := range after {
		after[i] = make(State, len(n.layers))
	}
	for number := range n.layers {
		layer, memories := &n.layers[number], make([][]float32, len(states))
		for i, state := range states {
			memories[i] = state[number]
		}
		for i, memory := range layer.step(n.threads, x, memories) {
			after[i][number], x[i] = memory, memory[layer.cells:]
		}
	}
	return after, nil
}

// step gives the memories after one more input of each text.
func (l *layer) step(threads int, x, memories [][]float32) [][]float32 {
	inputs := make([][]float32, len(x))
	for i := range x {
		inputs[i] = append(append(make([]float32, 0, len(x[i])*2), x[i]...), memories[i][l.cells:]...)
	}
	gates := l.gates.weights.times(threads, inputs, l.gates.bias)
	after, opened := make([][]float32, len(x)), make([][]float32, len(x))
	parallel(threads, len(x), 1, func(begin, end int) {
		for i := begin; i < end; i++ {
			after[i] = make([]float32, len(memories[i]))
			opened[i] = l.open(after[i][:l.cells], memories[i][:l.cells], gates[i])
		}
	})
	for i, hidden := range l.projection.times(threads, opened, nil) {
		copy(after[i][l.cells:], hidden)
	}
	return after
}

// open sets the new cells and returns what the projection sees of them: the output gate times tanh of each.
func (l *layer) open(cells, before, gates []float32) []float32 {
	n := l.cells
	i, j, f, o := gates[:n], gates[n:2*n], gates[2*n:3*n], gates[3*n:]
	in, forget, out := l.peepholes['I'], l.peepholes['F'], l.peepholes['O']
	for k := range before {
		i[k] += in[k] * before[k]
		f[k] += forgetBias + forget[k]*before[k]
	}
	sigmoid(i)
	tanh(j)
	sigmoid(f)
	for k := range cells {
		cells[k] = f[k]*before[k] + i[k]*j[k]
		o[k] += out[k] * cells[k]
	}
	sigmoid(o)
	copy(j, cells)
	tanh(j)
	for k := range o {
		o[k] *= j[k]
	}
	return o
}

func sigmoid(x []float32) {
	vec.Exp(x, x, 0, -1)
	for i, e := range x {
		x[i] = 1 / (1 + e)
	}
}

func tanh(x []float32) {
	vec.Exp(x, x, 0, -2)
	for i, e := range x {
		x[i] = (1 - e) / (1 + e)
	}
}

// spell gives words' vectors, each of which is computed once and kept while there are not too many.
func (n *network) spell(words []Characters) [][]float32 {
	n.lock.Lock()
	defer n.lock.Unlock()
	found := make([][]float32, len(words))
	for i, word := range words {
		vector, known := n.vectors[word]
		if !known {
			if len(n.vectors) >= cachedWords {
				n.vectors = map[Characters][]float32{}
			}
			vector = n.vector(word)
			n.vectors[word] = vector
		}
		found[i] = vector
	}
	return found
}

func (n *network) vector(word Characters) []float32 {
	length := len(word)
	for length > 1 && word[length-2] == word[len(word)-1] { // so that one of the padding stays
		length--
	}
	letters := make([]float32, 0, len(word)*characterSize)
	for _, c := range word {
		letters = append(letters, n.letters[int(c)*characterSize:][:characterSize]...)
	}
	var x []float32
	for i := range n.convolutions {
		x = append(x, n.convolutions[i].strongest(letters, minimum(length, len(word)-n.convolutions[i].window+1))...)
	}
	for _, highway := range n.highways {
		gate, fresh := highway[0].of(n.threads, x), highway[1].of(n.threads, x)
		sigmoid(gate)
		for i := range x {
			x[i] = gate[i]*positive(fresh[i]) + (1-gate[i])*x[i]
		}
	}
	return n.projection.of(n.threads, x)
}

func (d *dense) of(threads int, x []float32) []float32 {
	return d.weights.times(threads, [][]float32{x}, d.bias)[0]
}

// strongest is what a convolution finds at its strongest place. All places from the padding on are alike: the first of
// them is looked at.
func (c *convolution) strongest(letters []float32, places int) []float32 {
	best, here := make([]float32, c.kernel.rows), make([]float32, c.kernel.rows)
	for place := 0; place < places; place++ {
		vec.MatVec(here, c.kernel.floats, letters[place*characterSize:][:c.kernel.columns])
		for i := range best {
			if value := here[i] + c.bias[i]; place == 0 || value > best[i] {
				best[i] = value
			}
		}
	}
	for i := range best {
		best[i] = positive(best[i])
	}
	return best
}

func positive(x float32) float32 {
	if x < 0 {
		return 0
	}
	return x
}
