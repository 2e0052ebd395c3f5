package vec

import (
	"math"
	"math/rand"
	"testing"
)

func TestMatVecIsTheSumOfProducts(t *testing.T) {
	for _, n := range []int{1, 7, 16, 24, 40, 256, 1000} {
		for rows := 1; rows <= 9; rows++ {
			matrix, x, out := floats(rows*n), floats(n), make([]float32, rows)
			MatVec(out, matrix, x)
			for r := range out {
				var sum, size float64
				for i := range x {
					sum += float64(matrix[r*n+i]) * float64(x[i])
					size += math.Abs(float64(matrix[r*n+i]) * float64(x[i]))
				}
				if math.Abs(sum-float64(out[r])) > 1e-6*size {
					t.Fatalf("%d rows of %d: row %d is %v, not %v", rows, n, r, out[r], sum)
				}
			}
		}
	}
}

func TestMatVecInt8IsExactToTheLargestNumbers(t *testing.T) {
	for _, n := range []int{1, 16, 24, 512, 1024, 8192} {
		matrix, x, out, plain := make([]int8, 7*n), make([]int16, n), make([]int32, 7), make([]int32, 7)
		for i := range matrix {
			matrix[i] = int8(rand.Intn(255) - 127)
		}
		for i := range x {
			x[i] = int16(rand.Intn(2*Most(n)+1) - Most(n))
			matrix[i], matrix[n+i] = 127, -127
		}
		for _, all := range []bool{false, true} {
			for i := range x {
				if all {
					x[i] = int16(Most(n))
				}
			}
			MatVecInt8(out, matrix, x)
			matVecInt8Plain(plain, matrix, x)
			for r := range out {
				if out[r] != plain[r] {
					t.Fatalf("%d numbers: row %d is %d, not %d", n, r, out[r], plain[r])
				}
			}
		}
	}
}

func TestExpIsTrueToTwoUnitsInTheLastPlace(t *testing.T) {
	x := make([]float32, 10007)
	for i := range x {
		x[i] = float32(i-9000) / 100
	}
	x[3] = float32(math.Inf(-1))
	out := make([]float32, len(x))
	Exp(out, x, 1, 0.9)
	for i := range x {
		given := float64(0.9 * (x[i] - 1))
		want := math.Exp(given)
		if given < lowest {
			want = 0
		}
		if math.Abs(want-float64(out[i])) > 2.4e-7*want {
			t.Fatalf("exp(%v) is %v, not %v", given, out[i], want)
		}
	}
}

func TestMaxAndDivideAreThoseOfPlainGo(t *testing.T) {
	for n := 1; n < 200; n++ {
		x, out, plain := floats(n), make([]float32, n), make([]float32, n)
		x[rand.Intn(n)] = float32(math.Inf(-1))
		Divide(out, x, 0.7)
		dividePlain(plain, x, 0.7)
		for i := range out {
			if out[i] != plain[i] {
				t.Fatalf("%v / 0.7 is %v, not %v", x[i], out[i], plain[i])
			}
		}
		if want := highestPlain(x, x[0]); Max(x) != want {
			t.Fatalf("the highest of %v is %v, not %v", x, want, Max(x))
		}
	}
	if Max(nil) != float32(math.Inf(-1)) {
		t.Fatal("there is a highest of none")
	}
}

func floats(n int) []float32 {
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = float32(rand.NormFloat64())
	}
	return numbers
}

func BenchmarkMatVecInt8(b *testing.B) {
	const rows, n = 30008, 256
	matrix, x, out := make([]int8, rows*n), make([]int16, n), make([]int32, rows)
	for i := range matrix {
		matrix[i] = int8(i)
	}
	b.SetBytes(rows * n)
	for i := 0; i < b.N; i++ {
		MatVecInt8(out, matrix, x)
	}
}

func BenchmarkMatVec(b *testing.B) {
	const rows, n = 30008, 256
	matrix, x, out := make([]float32, rows*n), make([]float32, n), make([]float32, rows)
	for i := range matrix {
		matrix[i] = 1
	}
	b.SetBytes(rows * n * 4)
	for i := 0; i < b.N; i++ {
		MatVec(out, matrix, x)
	}
}
