package lm

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"unsafe"

	"lmgen.dev/go/internal/vec"
)

// chunk is how many rows of a matrix are multiplied at once: few enough to stay in a core's cache for many texts.
const chunk = 64

// parallel lets threads work on 0 to n, each on a part whose bounds are multiples of `step`.
func parallel(threads, n, step int, work func(begin, end int)) {
	parts := (n + step - 1) / step
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if threads > parts {
		threads = parts
	}
	var group sync.WaitGroup
	for thread := 1; thread < threads; thread++ {
		group.Add(1)
		go func(thread int) {
			defer group.Done()
			work(parts*thread/threads*step, minimum(parts*(thread+1)/threads*step, n))
		}(thread)
	}
	if threads > 0 {
		work(0, minimum(parts/threads*step, n))
	}
	group.Wait()
}

func minimum(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// matrix is float32 [rows, columns], or int8 with a float32 scale for each row.
type matrix struct {
	rows, columns int
	floats        []float32
	bytes         []int8
	scales        []float32
}

func newMatrix(rows, columns int, int8s bool) *matrix {
	m := &matrix{rows: rows, columns: columns}
	if int8s {
		m.bytes, m.scales = make([]int8, rows*columns), make([]float32, rows)
	} else {
		m.floats = make([]float32, rows*columns)
	}
	return m
}

// set gives a row its numbers: in int8 the one farthest from 0 becomes 127 or -127, and a row of zeros has the scale 1.
// Returns whether all are finite.
func (m *matrix) set(row int, numbers []float32) bool {
	most := largest(numbers)
	if m.bytes == nil {
		copy(m.floats[row*m.columns:], numbers)
		return finite(most)
	}
	scale := most / 127
	if scale == 0 {
		scale = 1
	}
	m.scales[row] = scale
	quantise(m.bytes[row*m.columns:][:len(numbers)], numbers, scale)
	return finite(most)
}

// quantise divides numbers and rounds them to whole ones, halves to even ones: float32 has no fractions from 2^23 on.
func quantise(out []int8, numbers []float32, scale float32) {
	const wholes = 3 << 22
	for i, number := range numbers {
		out[i] = int8(math.Float32bits(number/scale + wholes))
	}
}

// exponent is that of a number that is not finite.
const exponent = 0xff << 23

func finite(number float32) bool { return math.Float32bits(number)&exponent != exponent }

// largest is the greatest magnitude; not finite if a number is not. Bits without the sign are in the numbers' order.
func largest(numbers []float32) float32 {
	const magnitude = 1<<31 - 1
	var a, b uint32
	for ; len(numbers) > 1; numbers = numbers[2:] {
		if bits := math.Float32bits(numbers[0]) & magnitude; bits > a {
			a = bits
		}
		if bits := math.Float32bits(numbers[1]) & magnitude; bits > b {
			b = bits
		}
	}
	for _, number := range numbers {
		if bits := math.Float32bits(number) & magnitude; bits > a {
			a = bits
		}
	}
	if b > a {
		a = b
	}
	return math.Float32frombits(a)
}

// activation is a vector to be multiplied: with int8 weights its numbers are int16, as large as their sum allows.
type activation struct {
	floats []float32
	ints   []int16
	scale  float32
}

func (m *matrix) activations(vectors [][]float32) []activation {
	made := make([]activation, len(vectors))
	for i, vector := range vectors {
		made[i].floats = vector
		if m.bytes == nil {
			continue
		}
		made[i].ints = make([]int16, len(vector))
		most := float32(vec.Most(len(vector)))
		if size := largest(vector); size > 0 {
			made[i].scale = size / most
			for place, number := range vector {
				made[i].ints[place] = rounded(number / made[i].scale)
			}
		}
	}
	return made
}

func rounded(number float32) int16 {
	if number < 0 {
		return int16(number - 0.5)
	}
	return int16(number + 0.5)
}

// times multiplies the matrix with vectors: float32 [vectors, rows], plus a bias for each row if there is one.
func (m *matrix) times(threads int, vectors [][]float32, bias []float32) [][]float32 {
	out := make([][]float32, len(vectors))
	for i := range out {
		out[i] = make([]float32, m.rows)
	}
	m.product(threads, out, vectors, bias)
	return out
}

// product sets the first numbers of each out to what times gives.
func (m *matrix) product(threads int, out, vectors [][]float32, bias []float32) {
	given := m.activations(vectors)
	parallel(threads, m.rows, chunk, func(begin, end int) {
		for ; begin < end; begin += chunk {
			for i := range given {
				m.multiply(out[i][begin:minimum(begin+chunk, end)], begin, given[i])
				if bias != nil {
					add(out[i][begin:minimum(begin+chunk, end)], bias[begin:])
				}
			}
		}
	})
}

// multiply sets the products of some rows, chunk at most, with a vector.
func (m *matrix) multiply(out []float32, begin int, x activation) {
	if m.bytes == nil {
		vec.MatVec(out, m.floats[begin*m.columns:], x.floats)
		return
	}
	var sums [chunk]int32
	vec.MatVecInt8(sums[:len(out)], m.bytes[begin*m.columns:], x.ints)
	for row, scale := range m.scales[begin:][:len(out)] {
		out[row] = float32(sums[row]) * (scale * x.scale)
	}
}

func add(out, bias []float32) {
	for row, number := range bias[:len(out)] {
		out[row] += number
	}
}

// numbers are the float32 numbers, little-endian, of some bytes: the same memory where a processor can read them there.
func numbers(data []byte) []float32 {
	count := len(data) / 4
	if count > 0 && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64") {
		return unsafe.Slice((*float32)(unsafe.Pointer(&data[0])), count)
	}
	out := make([]float32, count)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}

// turned is a matrix by rows of its columns: from parts, float32 [some rows, columns] each, one below the other.
// Returns whether all numbers are finite.
func turned(threads int, parts [][]byte, columns int, int8s bool) (*matrix, bool) {
	const block = 16
	var given [][]float32
	inputs := 0
	for _, part := range parts {
		given = append(given, numbers(part))
		inputs += len(part) / 4 / columns
	}
	m := newMatrix(columns, inputs, int8s)
	var lock sync.Mutex
	allFine := true
	parallel(threads, columns, block, func(begin, end int) {
		rows, fine := make([]float32, block*inputs), true
		for ; begin < end; begin += block {
			width, input := minimum(block, end-begin), 0
			for _, part := range given {
				for at := begin; at < len(part); at += columns {
					for column, number := range part[at : at+width] {
						rows[column*inputs+input] = number
					}
					input++
				}
			}
			for column := 0; column < width; column++ {
				fine = m.set(begin+column, rows[column*inputs:][:inputs]) && fine
			}
		}
		lock.Lock()
		allFine = allFine && fine
		lock.Unlock()
	})
	return m, allFine
}
