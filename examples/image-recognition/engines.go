package main

import (
	"os"
	"path/filepath"
	"runtime"

	"lmgen.dev/go/internal/litert"
	"lmgen.dev/go/internal/tensorflow"
	"lmgen.dev/go/lm"
)

// compute runs the graph on pixels.
func (s *settings) compute(pixels []float32) ([]float32, error) {
	graph, err := os.ReadFile(s.graph)
	if err != nil {
		return nil, lm.Errorf(lm.Missing, "cannot read the graph: %v", err)
	}
	if filepath.Ext(s.graph) == ".tflite" {
		return s.byLiteRT(pixels)
	}
	return s.byTensorFlow(graph, pixels)
}

// byLiteRT runs the only function of a LiteRT file.
func (s *settings) byLiteRT(pixels []float32) ([]float32, error) {
	if err := lm.OpenLiteRT(s.library); err != nil {
		return nil, err
	}
	function, err := litert.Load(s.graph, runtime.NumCPU())
	if err != nil {
		return nil, lm.Errorf(lm.Integrity, "LiteRT cannot use %s: %v", s.graph, err)
	}
	defer function.Close()
	if len(function.Inputs) != 1 || len(function.Outputs) != 1 || function.Inputs[0].Width != len(pixels) {
		return nil, lm.Errorf(lm.Integrity, "%s takes no picture of %d times %d pixels", s.graph, s.size, s.size)
	}
	found := make([]float32, function.Outputs[0].Width)
	if err := function.Run([][][]float32{{found}}, [][]float32{pixels}); err != nil {
		return nil, lm.Errorf(lm.Integrity, "LiteRT cannot run %s: %v", s.graph, err)
	}
	return found, nil
}

// byTensorFlow runs a GraphDef.
func (s *settings) byTensorFlow(graph []byte, pixels []float32) ([]float32, error) {
	if err := lm.OpenTensorFlow(s.library); err != nil {
		return nil, err
	}
	session, err := tensorflow.Import(graph, 0, []string{s.input, s.output})
	if err != nil {
		return nil, lm.Errorf(lm.Integrity, "TensorFlow cannot use %s: %v", s.graph, err)
	}
	defer session.Close()
	size := int64(s.size)
	found, err := session.Run([]tensorflow.Feed{{Name: s.input, Shape: []int64{1, size, size, 3}, Floats: pixels}}, s.output)
	if err != nil {
		return nil, lm.Errorf(lm.Integrity, "TensorFlow cannot run %s: %v", s.graph, err)
	}
	return found[0].Numbers, nil
}
