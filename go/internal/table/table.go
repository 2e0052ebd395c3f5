// Package table reads files of TensorFlow's first checkpoint format: leveldb tables whose entries are messages
// SavedTensorSlices (tensorflow/core/util/saved_tensor_slice.proto). No block is compressed; every one has a CRC-32C.
package table

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	footer, trailer = 48, 5
	magic           = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"
)

// ErrDamaged says that a file is no table, or not all of one; ErrChecksum that a block's bytes are not those written.
var (
	ErrDamaged  = errors.New("damaged, or not a checkpoint file")
	ErrChecksum = errors.New("a checksum is wrong")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Tensor is one variable of a file.
type Tensor struct {
	Shape []int
	// Data holds its float32 numbers, little-endian; nil for a variable of another type.
	Data []byte
}

// EndsWell says whether a file's last bytes are those of a table.
func EndsWell(file []byte) bool {
	return len(file) >= footer && string(file[len(file)-len(magic):]) == magic
}

// Read gives the variables of a file, by name, from its bytes; all checksums are compared. Tensors share the bytes.
func Read(file []byte) (tensors map[string]Tensor, err error) {
	defer func() {
		if recover() != nil { // a length or place that goes beyond the file
			err = ErrDamaged
		}
	}()
	if !EndsWell(file) {
		return nil, ErrDamaged
	}
	tensors = map[string]Tensor{}
	place := len(file) - footer
	for i := 0; i < 2; i++ { // the handle of the meta index, which is empty
		_, place = varint(file, place)
	}
	index, err := block(file, place)
	if err != nil {
		return nil, err
	}
	for _, handle := range entries(index) {
		data, err := block(file[:len(file):len(file)], 0, handle...)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries(data) {
			add(tensors, entry)
		}
	}
	return tensors, nil
}

// block gives the bytes of the block whose handle is at a place, or in `handle`, once its checksum was compared.
func block(file []byte, place int, handle ...byte) ([]byte, error) {
	source := file
	if handle != nil {
		source = handle
	}
	begin, place := varint(source, place)
	size, _ := varint(source, place)
	whole := file[begin : begin+size+trailer]
	stored := binary.LittleEndian.Uint32(whole[size+1:])
	sum := crc32.Checksum(whole[:size+1], castagnoli)
	if stored != (sum>>15|sum<<17)+0xa282ead8 {
		return nil, ErrChecksum
	}
	if whole[size] != 0 {
		return nil, ErrDamaged
	}
	return whole[:size], nil
}

// entries gives the values of a block, which ends with its restart points and their number.
func entries(data []byte) [][]byte {
	restarts := int(binary.LittleEndian.Uint32(data[len(data)-4:]))
	data = data[:len(data)-4*(restarts+1)]
	var values [][]byte
	for place := 0; place < len(data); {
		var unshared, size int
		_, place = varint(data, place)
		unshared, place = varint(data, place)
		size, place = varint(data, place)
		place += unshared
		values = append(values, data[place:place+size])
		place += size
	}
	return values
}

// The fields of the messages: of SavedTensorSlices its contents and its data; of the contents each tensor, of that name
// and shape, of that each dimension, of that its size; of the data name and tensor, of that the packed floats.
const (
	metaField, sliceField      = 1, 2
	listedField                = 1
	nameField                  = 1
	shapeField, dimensionField = 2, 2
	sizeField                  = 1
	tensorField, floatsField   = 3, 5
)

func add(tensors map[string]Tensor, entry []byte) {
	for _, part := range fields(entry) {
		switch part.number {
		case metaField:
			for _, listed := range fields(part.bytes) {
				if listed.number == listedField {
					name, shape := contents(listed.bytes)
					tensor := tensors[name]
					tensor.Shape = shape
					tensors[name] = tensor
				}
			}
		case sliceField:
			name, tensor := "", Tensor{}
			for _, inner := range fields(part.bytes) {
				switch inner.number {
				case nameField:
					name = string(inner.bytes)
				case tensorField:
					tensor.Data = floats(inner.bytes)
				}
			}
			tensor.Shape = tensors[name].Shape
			tensors[name] = tensor
		}
	}
}

func contents(listed []byte) (name string, shape []int) {
	for _, part := range fields(listed) {
		switch part.number {
		case nameField:
			name = string(part.bytes)
		case shapeField:
			for _, dimension := range fields(part.bytes) {
				if dimension.number == dimensionField {
					size := 0
					for _, number := range fields(dimension.bytes) {
						if number.number == sizeField && number.bytes == nil {
							size = number.value
						}
					}
					shape = append(shape, size)
				}
			}
		}
	}
	return name, shape
}

func floats(tensor []byte) []byte {
	for _, part := range fields(tensor) {
		if part.number == floatsField && part.bytes != nil {
			return part.bytes
		}
	}
	return nil
}

type field struct {
	number int
	bytes  []byte // nil for a number
	value  int
}

// fields are those of a protocol buffer's message that are numbers or have a length.
func fields(message []byte) []field {
	var found []field
	for place := 0; place < len(message); {
		var tag, value int
		tag, place = varint(message, place)
		value, place = varint(message, place)
		switch tag & 7 {
		case 0:
			found = append(found, field{number: tag >> 3, value: value})
		case 2:
			found = append(found, field{number: tag >> 3, bytes: message[place : place+value : place+value]})
			place += value
		default:
			panic(ErrDamaged)
		}
	}
	return found
}

// varint is a number of seven bits a byte, and the place after it.
func varint(data []byte, place int) (value, after int) {
	number, size := binary.Uvarint(data[place:])
	if size <= 0 || number > 1<<62 {
		panic(ErrDamaged)
	}
	return int(number), place + size
}
