// Package vec multiplies matrices and vectors and computes exponentials, by AVX2 where the processor has it.
package vec

import "math"

// Most is the largest magnitude that an int16 activation may have in a product of n numbers with int8 weights: so the
// sum fits in 32 bits.
func Most(n int) int {
	most := math.MaxInt32 / (127 * n)
	if most > math.MaxInt16 {
		most = math.MaxInt16
	}
	return most
}

// MatVec sets out[r] to the dot product of row r of a matrix, float32 [len(out), len(x)], and x.
func MatVec(out, matrix, x []float32) {
	if len(matrix) < len(out)*len(x) {
		panic("vec: the matrix is too short")
	}
	matVec(out, matrix, x)
}

// MatVecInt8 sets out[r] to the dot product of row r of a matrix, int8 [len(out), len(x)], and x. No magnitude in x may
// be above Most(len(x)), and none in the matrix above 127.
func MatVecInt8(out []int32, matrix []int8, x []int16) {
	if len(matrix) < len(out)*len(x) {
		panic("vec: the matrix is too short")
	}
	matVecInt8(out, matrix, x)
}

// Exp sets out[i] to exp(scale * (x[i] - shift)), to about one unit in the last place; what is below exp(-87) is 0.
func Exp(out, x []float32, shift, scale float32) {
	if len(out) < len(x) {
		panic("vec: no room for the results")
	}
	exp(out, x, shift, scale)
}

// Max is the highest of some numbers, none of which is NaN; -Inf if there are none.
func Max(x []float32) float32 { return highestOf(x) }

// Divide sets out[i] to x[i] / by.
func Divide(out, x []float32, by float32) {
	if len(out) < len(x) {
		panic("vec: no room for the results")
	}
	divide(out, x, by)
}

// The same in plain Go, for other processors and for what is left over of a vector ------------------------------------

func matVecPlain(out, matrix, x []float32) {
	for r := range out {
		row := matrix[r*len(x):][:len(x)]
		var a, b, c, d float32
		i := 0
		for ; i+4 <= len(x); i += 4 {
			a += row[i] * x[i]
			b += row[i+1] * x[i+1]
			c += row[i+2] * x[i+2]
			d += row[i+3] * x[i+3]
		}
		for ; i < len(x); i++ {
			a += row[i] * x[i]
		}
		out[r] = (a + b) + (c + d)
	}
}

func matVecInt8Plain(out []int32, matrix []int8, x []int16) {
	for r := range out {
		var sum int32
		for i, weight := range matrix[r*len(x):][:len(x)] {
			sum += int32(weight) * int32(x[i])
		}
		out[r] = sum
	}
}

const (
	lowest  = -87.33654
	highest = 88.37626
)

func expPlain(out, x []float32, shift, scale float32) {
	for i, value := range x {
		t := scale * (value - shift)
		switch {
		case t < lowest:
			out[i] = 0
		case t > highest:
			out[i] = float32(math.Exp(highest))
		default:
			out[i] = float32(math.Exp(float64(t)))
		}
	}
}

func highestPlain(x []float32, most float32) float32 {
	for _, value := range x {
		if value > most {
			most = value
		}
	}
	return most
}

func dividePlain(out, x []float32, by float32) {
	for i, value := range x {
		out[i] = value / by
	}
}
