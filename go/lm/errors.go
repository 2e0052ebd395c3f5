package lm

import (
	"fmt"
	"io/fs"
	"strings"
)

// Kind is what went wrong; its number is the exit code of a command that ends with it, as lmgen's.
type Kind int

// The kinds of errors.
const (
	Failure     Kind = 1
	Usage       Kind = 2  // what was given cannot be used as it is
	Missing     Kind = 3  // a model or file is not there, or cannot be read
	Integrity   Kind = 4  // a file is damaged, or not of the kind it should be
	Unsupported Kind = 99 // what this program or model cannot do
)

// Error says in one line what was wrong and what to do next.
type Error struct {
	Kind Kind
	text string
}

func (e *Error) Error() string { return e.text }

// Errorf makes an Error of a kind.
func Errorf(kind Kind, format string, values ...any) *Error {
	return &Error{kind, strings.Join(strings.Fields(fmt.Sprintf(format, values...)), " ")}
}

// reason is what the system says of a file, without the file's name.
func reason(err error) string {
	if path, known := err.(*fs.PathError); known {
		return path.Err.Error()
	}
	return err.Error()
}
