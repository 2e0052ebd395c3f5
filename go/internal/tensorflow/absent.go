//go:build !tensorflow || !cgo

package tensorflow

import "errors"

// errAbsent says that the program was built without this package.
var errAbsent = errors.New("this program was built without TensorFlow")

// Built says whether the program has TensorFlow.
const Built = false

// Session runs a graph.
type Session struct{}

// Open loads the library.
func Open(string) (string, error) { return "", errAbsent }

// Import starts a session.
func Import([]byte, int, []string) (*Session, error) { return nil, errAbsent }

// Has says whether the graph has an operation.
func (s *Session) Has(string) bool { return false }

// Do lets an operation run.
func (s *Session) Do(string, string, string) error { return errAbsent }

// Close frees it.
func (s *Session) Close() {}

// Run computes.
func (s *Session) Run([]Feed, ...string) ([]Rows, error) { return nil, errAbsent }
