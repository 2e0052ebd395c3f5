package graphdef

// kind is that of a value that is no message.
type kind int

const (
	text kind = iota
	whole
	real32
	real64
	truth
	dataType
)

// message holds the fields of a protocol buffer's message by name.
type message map[string]field

// field is its number, and what it holds: a message or a kind.
type field struct {
	number int
	of     any
}

// The messages of graph.proto, node_def.proto, attr_value.proto, tensor.proto, tensor_shape.proto and versions.proto in
// tensorflow/core/framework. A graph with functions, which the release has not, is refused.
var (
	shape = message{"dim": {2, message{"size": {1, whole}, "name": {2, text}}}, "unknown_rank": {3, truth}}

	tensor = message{
		"dtype": {1, dataType}, "tensor_shape": {2, shape}, "version_number": {3, whole}, "tensor_content": {4, text},
		"float_val": {5, real32}, "double_val": {6, real64}, "int_val": {7, whole}, "string_val": {8, text},
		"int64_val": {10, whole}, "bool_val": {11, truth},
	}

	values = message{
		"s": {2, text}, "i": {3, whole}, "f": {4, real32}, "b": {5, truth}, "type": {6, dataType}, "shape": {7, shape},
		"tensor": {8, tensor},
	}

	attribute = message{
		"list": {1, values}, "s": {2, text}, "i": {3, whole}, "f": {4, real32}, "b": {5, truth}, "type": {6, dataType},
		"shape": {7, shape}, "tensor": {8, tensor}, "placeholder": {9, text},
	}

	node = message{
		"name": {1, text}, "op": {2, text}, "input": {3, text}, "device": {4, text},
		"attr": {5, message{"key": {1, text}, "value": {2, attribute}}},
	}

	graph = message{
		"node": {1, node}, "version": {3, whole},
		"versions": {4, message{"producer": {1, whole}, "min_consumer": {2, whole}, "bad_consumers": {3, whole}}},
	}
)

// dataTypes are the first ones of types.proto, in its order from 1; DT_FLOAT_REF is 100 more than DT_FLOAT.
var dataTypes = []string{
	"FLOAT", "DOUBLE", "INT32", "UINT8", "INT16", "INT8", "STRING", "COMPLEX64", "INT64", "BOOL", "QINT8", "QUINT8", "QINT32",
	"BFLOAT16", "QINT16", "QUINT16", "UINT16", "COMPLEX128", "HALF",
}
