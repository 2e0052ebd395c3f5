package vec

import "math"

// Accelerated says whether the processor's vector instructions are used: AVX2 and FMA, if the system saves their registers.
var Accelerated = hasAVX2()

// wide is how many numbers the kernels take at once; what is left over of a row is added in plain Go.
const wide = 16

func matVec(out, matrix, x []float32) {
	n := len(x) &^ (wide - 1)
	if !Accelerated || n == 0 || len(out) == 0 {
		matVecPlain(out, matrix, x)
		return
	}
	matVecAVX2(&out[0], &matrix[0], &x[0], n, len(out), len(x))
	for r := 0; n < len(x) && r < len(out); r++ {
		for i := n; i < len(x); i++ {
			out[r] += matrix[r*len(x)+i] * x[i]
		}
	}
}

func matVecInt8(out []int32, matrix []int8, x []int16) {
	n := len(x) &^ (wide - 1)
	if !Accelerated || n == 0 || len(out) == 0 {
		matVecInt8Plain(out, matrix, x)
		return
	}
	matVecInt8AVX2(&out[0], &matrix[0], &x[0], n, len(out), len(x))
	for r := 0; n < len(x) && r < len(out); r++ {
		for i := n; i < len(x); i++ {
			out[r] += int32(matrix[r*len(x)+i]) * int32(x[i])
		}
	}
}

func exp(out, x []float32, shift, scale float32) {
	n := len(x) &^ 7
	if Accelerated && n > 0 {
		expAVX2(&out[0], &x[0], n, shift, scale)
	} else {
		n = 0
	}
	expPlain(out[n:], x[n:], shift, scale)
}

func highestOf(x []float32) float32 {
	n, most := len(x)&^31, float32(math.Inf(-1))
	if Accelerated && n > 0 {
		most = maxAVX2(&x[0], n)
	} else {
		n = 0
	}
	return highestPlain(x[n:], most)
}

func divide(out, x []float32, by float32) {
	n := len(x) &^ 7
	if Accelerated && n > 0 {
		divideAVX2(&out[0], &x[0], n, by)
	} else {
		n = 0
	}
	dividePlain(out[n:], x[n:], by)
}

func hasAVX2() bool {
	const fma, osxsave, avx, avx2, registers = 1 << 12, 1 << 27, 1 << 28, 1 << 5, 6
	most, _, _, _ := cpuid(0, 0)
	if most < 7 {
		return false
	}
	_, _, c, _ := cpuid(1, 0)
	if c&fma == 0 || c&osxsave == 0 || c&avx == 0 || xgetbv()&registers != registers {
		return false
	}
	_, b, _, _ := cpuid(7, 0)
	return b&avx2 != 0
}

// matVecAVX2 multiplies `rows` rows, `stride` numbers apart, with x; n is a multiple of 16.
//
//go:noescape
func matVecAVX2(out, matrix, x *float32, n, rows, stride int)

//go:noescape
func matVecInt8AVX2(out *int32, matrix *int8, x *int16, n, rows, stride int)

// expAVX2 computes n exponentials, a multiple of 8.
//
//go:noescape
func expAVX2(out, x *float32, n int, shift, scale float32)

// maxAVX2 gives the highest of n numbers, a multiple of 32.
//
//go:noescape
func maxAVX2(x *float32, n int) float32

// divideAVX2 divides n numbers, a multiple of 8.
//
//go:noescape
func divideAVX2(out, x *float32, n int, by float32)

func cpuid(leaf, part uint32) (a, b, c, d uint32)

func xgetbv() uint32
