//go:build !amd64

package vec

import "math"

// Accelerated says whether the processor's vector instructions are used.
const Accelerated = false

func matVec(out, matrix, x []float32) { matVecPlain(out, matrix, x) }

func matVecInt8(out []int32, matrix []int8, x []int16) { matVecInt8Plain(out, matrix, x) }

func exp(out, x []float32, shift, scale float32) { expPlain(out, x, shift, scale) }

func highestOf(x []float32) float32 { return highestPlain(x, float32(math.Inf(-1))) }

func divide(out, x []float32, by float32) { dividePlain(out, x, by) }
