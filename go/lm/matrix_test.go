package lm

import (
	"encoding/binary"
	"math"
	"math/rand"
	"testing"
)

func TestInt8IsTheNearestOfAScale(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	numbers, row := make([]float32, 1001), make([]int8, 1001)
	for i := range numbers {
		numbers[i] = float32(random.NormFloat64())
	}
	scale := largest(numbers) / 127
	numbers[0], numbers[1], numbers[2] = 2.5*scale, -3.5*scale, 0
	quantise(row, numbers, scale)
	for i, number := range numbers {
		if want := int8(math.RoundToEven(float64(number / scale))); row[i] != want {
			t.Fatalf("%v / %v became %d, not %d", number, scale, row[i], want)
		}
	}
}

func TestANumberThatIsNotFiniteIsSeenAnywhere(t *testing.T) {
	for _, wrong := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		for place := 0; place < 5; place++ {
			numbers := []float32{1, -7, 3, 0, 2}
			if size := largest(numbers); size != 7 || !finite(size) {
				t.Fatal(size)
			}
			if numbers[place] = float32(wrong); finite(largest(numbers)) {
				t.Errorf("%v at %d is not seen", wrong, place)
			}
		}
	}
}

func TestPartsAreTurnedIntoRowsOfTheirColumns(t *testing.T) {
	const columns = 37
	var parts [][]byte
	for part := 0; part < 2; part++ {
		var data []byte
		for i := 0; i < 3*columns; i++ {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(part*3*columns+i)))
		}
		parts = append(parts, data)
	}
	m, fine := turned(2, parts, columns, false)
	if !fine || m.rows != columns || m.columns != 6 {
		t.Fatal(fine, m.rows, m.columns)
	}
	for row := 0; row < columns; row++ {
		for input := 0; input < 6; input++ {
			if got := m.floats[row*6+input]; got != float32(input*columns+row) {
				t.Fatalf("[%d, %d] is %v", row, input, got)
			}
		}
	}
}
