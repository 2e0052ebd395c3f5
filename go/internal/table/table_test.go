package table

import (
	"errors"
	"os"
	"reflect"
	"testing"
)

func file(t *testing.T) []byte {
	data, err := os.ReadFile("../../../models/mini/ckpt-softmax3")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAVariableHasItsShapeAndItsNumbers(t *testing.T) {
	tensors, err := Read(file(t))
	if err != nil || len(tensors) != 1 {
		t.Fatal(len(tensors), err)
	}
	tensor := tensors["softmax/W_3"]
	if !reflect.DeepEqual(tensor.Shape, []int{3751, 256}) || len(tensor.Data) != 4*3751*256 {
		t.Errorf("%v, %d bytes", tensor.Shape, len(tensor.Data))
	}
}

func TestAnyBitThatIsTurnedInABlockIsFound(t *testing.T) {
	whole := file(t)
	for _, place := range []int{0, len(whole) / 3, len(whole) / 2, len(whole) - footer - trailer - 1} {
		data := append([]byte(nil), whole...)
		data[place] ^= 4
		if _, err := Read(data); !errors.Is(err, ErrChecksum) && !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d: %v", place, err)
		}
	}
}

func TestAFileThatIsCutShortIsRefused(t *testing.T) {
	whole := file(t)
	for _, size := range []int{0, 1, footer, len(whole) / 2, len(whole) - 1} {
		if _, err := Read(whole[:size]); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestReadingLeavesTheBytesAsTheyAre(t *testing.T) {
	data := file(t)
	if _, err := Read(data); err != nil || !reflect.DeepEqual(data, file(t)) {
		t.Error("the bytes changed", err)
	}
}
