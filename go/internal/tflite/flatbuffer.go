package tflite

import "encoding/binary"

// most is how many elements a list of numbers or tables may have: a model of a hundred layers has fewer.
const most = 1 << 13

// buffer is a flatbuffer. What would lie outside of it reads as zeros and makes it damaged.
type buffer struct {
	data    []byte
	damaged bool
}

func (b *buffer) bytes(at, size int) []byte {
	if at < 0 || size < 0 || size > len(b.data) || at > len(b.data)-size {
		b.damaged = true
		return nil
	}
	return b.data[at : at+size : at+size]
}

// whole is a number of 1, 2, 4 or 8 bytes, without a sign.
func (b *buffer) whole(at, size int) int {
	var eight [8]byte
	copy(eight[:], b.bytes(at, size))
	return int(binary.LittleEndian.Uint64(eight[:]))
}

func (b *buffer) signed(at int) int { return int(int32(b.whole(at, 4))) }

// table is where one begins; all fields of the table 0 are absent.
type table int

// follow gives the place that an offset leads to; 0 where there is no offset.
func (b *buffer) follow(at int) int {
	if at == 0 {
		return 0
	}
	return at + b.whole(at, 4)
}

// field is where a table has one; 0 if it is absent.
func (b *buffer) field(t table, number int) int {
	if t == 0 {
		return 0
	}
	known := int(t) - b.signed(int(t))
	place := 4 + 2*number
	if place+2 > b.whole(known, 2) {
		return 0
	}
	if offset := b.whole(known+place, 2); offset > 0 {
		return int(t) + offset
	}
	return 0
}

// number is a field of so many bytes; 0 if it is absent.
func (b *buffer) number(t table, number, size int) int {
	if at := b.field(t, number); at > 0 {
		return b.whole(at, size)
	}
	return 0
}

func (b *buffer) child(t table, number int) table { return table(b.follow(b.field(t, number))) }

// vector is the elements of a field, of so many bytes each.
func (b *buffer) vector(t table, number, size int) []byte {
	at := b.follow(b.field(t, number))
	if at == 0 {
		return nil
	}
	count := b.whole(at, 4)
	if count > len(b.data)/size {
		b.damaged = true
		return nil
	}
	return b.bytes(at+4, count*size)
}

// list is a vector of numbers or offsets, of which there are not too many.
func (b *buffer) list(t table, number int) []byte {
	elements := b.vector(t, number, 4)
	if len(elements) > 4*most {
		b.damaged = true
		return nil
	}
	return elements
}

// integers are those of a field of int32.
func (b *buffer) integers(t table, number int) []int {
	elements := b.list(t, number)
	made := make([]int, len(elements)/4)
	for i := range made {
		made[i] = int(int32(binary.LittleEndian.Uint32(elements[4*i:])))
	}
	return made
}

// tables are those of a field.
func (b *buffer) tables(t table, number int) []table {
	begin := b.follow(b.field(t, number)) + 4
	made := make([]table, len(b.list(t, number))/4)
	for i := range made {
		made[i] = table(b.follow(begin + 4*i))
	}
	return made
}
