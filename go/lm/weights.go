package lm

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"lmgen.dev/go/internal/table"
)

const convolutions = 8

// windows are how many characters each convolution sees at once (lm_1b's graph).
var windows = [convolutions]int{1, 2, 3, 4, 5, 6, 7, 7}

// openNetwork makes the network: in int8 of converted files if there are any, else of the checkpoint.
func openNetwork(folder *Folder, options Options) (Engine, error) {
	switch {
	case options.Precision == "" && folder.Checkpoint:
		options.Precision = "float32"
	case options.Precision == "":
		options.Precision = "int8"
	case options.Precision != "float32" && options.Precision != "int8":
		return nil, Errorf(Usage, "lmgen-go computes in float32 or int8, not in %q", options.Precision)
	}
	if options.Precision == "float32" {
		return openCheckpoint(folder, options)
	}
	converted, err := folder.conversion(options.Home, "use --precision float32")
	switch {
	case err != nil:
		return nil, err
	case converted != nil:
		return openRows(converted, options)
	}
	return openCheckpoint(folder, options)
}

// openCheckpoint reads a checkpoint. All checksums are compared, and every tensor must be there in its shape.
func openCheckpoint(folder *Folder, options Options) (Engine, error) {
	if err := folder.needCheckpoint(); err != nil {
		return nil, err
	}
	n := &network{threads: options.Threads, vectors: map[Characters][]float32{}, softmax: make([]dense, 1)}
	in := &reading{folder: folder, threads: options.Threads, int8s: options.Precision == "int8"}
	work := []func() error{
		func() error { return in.spelling(n) }, func() error { return in.recurrent(n) }, in.base,
		func() error { return in.bias(n) },
	}
	for shard := 0; shard < shards; shard++ {
		shard := shard
		work = append(work, func() error { return in.softmaxShard(n, shard) })
	}
	failed := make([]error, len(work))
	parallel(options.Threads, len(work), 1, func(begin, end int) {
		for ; begin < end; begin++ {
			failed[begin] = work[begin]()
		}
	})
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	if !n.fits() {
		return nil, Errorf(Integrity, "the checkpoint files of %s do not belong together: replace them with good copies", folder.Name)
	}
	return n, nil
}

// reading puts a checkpoint's tensors in their places.
type reading struct {
	folder  *Folder
	threads int
	int8s   bool
	making  sync.Mutex
}

// file holds the tensors of one file of a checkpoint. The first error stays.
type file struct {
	path    string
	tensors map[string]table.Tensor
	err     error
}

func (r *reading) open(name string) *file {
	path := r.folder.Path(name)
	data, err := r.folder.read(name)
	if err != nil {
		return &file{path: path, err: err}
	}
	tensors, err := table.Read(data)
	switch {
	case errors.Is(err, table.ErrChecksum):
		err = Errorf(Integrity, "%s is damaged: %v; replace it with a good copy", path, err)
	case err != nil:
		err = Errorf(Integrity, "%s is %v: replace it with a good copy", path, err)
	}
	return &file{path, tensors, err}
}

// tensor gives a variable's bytes. Its shape must be the one given, where -1 is any size, which is returned.
func (f *file) tensor(name string, shape ...int) ([]byte, []int) {
	if f.err != nil {
		return nil, shape
	}
	tensor, there := f.tensors[name]
	count, fits := 1, len(shape) == len(tensor.Shape)
	for i := 0; fits && i < len(shape); i++ {
		fits = shape[i] == tensor.Shape[i] || shape[i] < 0 && tensor.Shape[i] > 0
		count *= tensor.Shape[i]
	}
	switch {
	case !there:
		f.err = Errorf(Integrity, "%s lacks the tensor %s", f.path, name)
	case !fits:
		wanted := strings.ReplaceAll(fmt.Sprint(shape), "-1", "any")
		f.err = Errorf(Integrity, "%s in %s has the shape %v, not %s", name, f.path, tensor.Shape, wanted)
	case tensor.Data == nil:
		f.err = Errorf(Integrity, "%s in %s is not kept as float32 numbers", name, f.path)
	case len(tensor.Data) != 4*count:
		f.err = Errorf(Integrity, "%s in %s has %d numbers: replace the file with a good copy", name, f.path, len(tensor.Data)/4)
	default:
		return tensor.Data, tensor.Shape
	}
	return nil, shape
}

func (f *file) finite(name string, fine bool) {
	if !fine && f.err == nil {
		f.err = Errorf(Integrity, "%s in %s holds values that are not finite", name, f.path)
	}
}

func (f *file) vector(name string, shape ...int) []float32 {
	data, _ := f.tensor(name, shape...)
	found := append([]float32(nil), numbers(data)...) // else the whole file would stay in memory
	f.finite(name, finite(largest(found)))
	return found
}

// turned gives a weight that eight variables hold, by rows of its columns; or one variable, if whole.
func (f *file) turned(r *reading, name string, columns int, int8s bool) *matrix {
	parts := make([][]byte, shards)
	for shard := range parts {
		var shape []int
		parts[shard], shape = f.tensor(fmt.Sprintf("%s_%d", name, shard), -1, columns)
		columns = shape[1]
	}
	if f.err != nil {
		return &matrix{}
	}
	m, fine := turned(r.threads, parts, columns, int8s)
	f.finite(name, fine)
	return m
}

func (r *reading) dense(f *file, name string) dense {
	return dense{f.turned(r, name+"/W", -1, false), f.vector(name+"/b", 1, -1)}
}

func (r *reading) base() error { return r.open("ckpt-base").err }

// spelling reads the convolutions, highways and the projection of words.
func (r *reading) spelling(n *network) error {
	f := r.open("ckpt-char-embedding")
	n.letters = f.vector("char_embedding/W", 256, characterSize)
	for i, window := range windows {
		name := fmt.Sprintf("char_embedding/cnn_%d", i)
		data, shape := f.tensor(name+"/kernel", window, characterSize, 1, -1)
		if f.err != nil {
			return f.err
		}
		kernel, fine := turned(r.threads, [][]byte{data}, shape[3], false)
		f.finite(name, fine)
		n.convolutions = append(n.convolutions, convolution{window, kernel, f.vector(name+"/b", 1, 1, 1, shape[3])})
	}
	for i := 0; f.tensors[fmt.Sprintf("char_embedding/dense_%d/gate/b", i)].Data != nil; i++ {
		name := fmt.Sprintf("char_embedding/dense_%d", i)
		gate := r.dense(f, name+"/gate")
		for i := range gate.bias {
			gate.bias[i] += carryBias
		}
		n.highways = append(n.highways, [2]dense{gate, r.dense(f, name+"/tr")})
	}
	n.projection = r.dense(f, "char_embedding/proj")
	return f.err
}

// recurrent reads the LSTM layers, as many as there are.
func (r *reading) recurrent(n *network) error {
	f := r.open("ckpt-lstm")
	for i := 0; i == 0 || f.tensors[fmt.Sprintf("lstm/lstm_%d/B", i)].Data != nil; i++ {
		name := fmt.Sprintf("lstm/lstm_%d", i)
		l := layer{gates: dense{f.turned(r, name+"/W", -1, r.int8s), f.vector(name+"/B", -1)}, peepholes: map[byte][]float32{}}
		l.cells = len(l.gates.bias) / 4
		for _, gate := range "FIO" {
			l.peepholes[byte(gate)] = f.vector(fmt.Sprintf("%s/W_%c_diag", name, gate), l.cells)
		}
		l.projection = f.turned(r, name+"/W_P", -1, r.int8s)
		if f.err != nil {
			return f.err
		}
		n.layers = append(n.layers, l)
	}
	return f.err
}

func (r *reading) bias(n *network) error {
	f := r.open(fmt.Sprintf("ckpt-softmax%d", shards))
	n.softmax[0].bias = f.vector("softmax/b", -1)
	return f.err
}

// softmaxShard reads a shard: its row i is row 8 * i + shard of the matrix.
func (r *reading) softmaxShard(n *network, shard int) error {
	f, name := r.open(fmt.Sprintf("ckpt-softmax%d", shard)), fmt.Sprintf("softmax/W_%d", shard)
	data, shape := f.tensor(name, -1, -1)
	if f.err != nil {
		return f.err
	}
	r.making.Lock()
	if n.softmax[0].weights == nil {
		n.softmax[0].weights = newMatrix(shards*shape[0], shape[1], r.int8s)
	}
	m := n.softmax[0].weights
	r.making.Unlock()
	if m.rows != shards*shape[0] || m.columns != shape[1] {
		return Errorf(Integrity, "%s in %s has the shape %v, unlike other shards", name, f.path, shape)
	}
	found, fine := numbers(data), true
	for i := 0; i < shape[0]; i++ {
		fine = m.set(shards*i+shard, found[i*m.columns:][:m.columns]) && fine
	}
	f.finite(name, fine)
	return f.err
}
