package tflite

import (
	"errors"
	"os"
	"reflect"
	"testing"
)

func softmax(t *testing.T) []byte {
	data, err := os.ReadFile("../../../models/mini/litert-fast/softmax-1.tflite")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAFilesMatrixIsThatOfItsProduct(t *testing.T) {
	file, err := Read(softmax(t))
	if err != nil {
		t.Fatal(err)
	}
	products := file.All(FullyConnected)
	if len(products) != 1 || len(products[0].Inputs) != 3 || len(file.All(Split)) != 0 {
		t.Fatal(file.Operators)
	}
	matrix, bias := file.Tensors[products[0].Inputs[1]], file.Tensors[products[0].Inputs[2]]
	if !reflect.DeepEqual(matrix.Shape, []int{25008, 256}) || matrix.Type != Int8 || len(matrix.Data) != 25008*256 || len(matrix.Scales) != 4*25008 {
		t.Error(matrix.Shape, matrix.Type, len(matrix.Data), len(matrix.Scales))
	}
	if bias.Type != Float32 || len(bias.Data) != 4*25008 {
		t.Error(bias.Type, len(bias.Data))
	}
	given, made := products[0].Inputs[0], products[0].Outputs[0]
	if !reflect.DeepEqual(file.Maker(made), products[0]) || !reflect.DeepEqual(file.Taker(given), products[0]) || file.Maker(given).Inputs != nil {
		t.Error(file.Operators)
	}
}

func TestAFileThatIsCutShortOrAnotherIsRefused(t *testing.T) {
	whole := softmax(t)
	other := append([]byte(nil), whole...)
	other[4] = 'X'
	for _, data := range [][]byte{nil, whole[:8], whole[:200], whole[:len(whole)/2], other, make([]byte, 1000)} {
		if _, err := Read(data); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
}
